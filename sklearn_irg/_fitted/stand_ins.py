"""Estimators that stand for a fitted one inside: searches, and classes that declare it.

A class whose ``predict`` is that of the estimator in one of its fitted attributes says so by
``predicts_by``, the name of the attribute. An attribute called ``estimator_`` says nothing by
itself: that of bagging is a template.
"""

from sklearn.model_selection import GridSearchCV

__all__ = ["innermost", "inside_of", "predicts_as_inside"]


def inside_of(estimator):
    """The fitted estimator that another one stands for; None for one that predicts by itself."""
    if hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    name = getattr(estimator, "predicts_by", None)
    return getattr(estimator, name, None) if isinstance(name, str) else None


def innermost(estimator):
    """The fitted estimator behind all that stand for one."""
    while inside_of(estimator) is not None:
        estimator = inside_of(estimator)
    return estimator


def predicts_as_inside(estimator):
    """Whether an estimator predicts what the one inside predicts.

    It does if its ``predict`` is that of searches, or of the class that declares ``predicts_by``.
    """
    if inside_of(estimator) is None or "predict" in vars(estimator):
        return False
    owner = _owner("predict", type(estimator))
    return owner is _owner("predict", GridSearchCV) or owner is _owner(
        "predicts_by", type(estimator)
    )


def _owner(name, kind):
    return next((base for base in kind.__mro__ if name in vars(base)), None)
