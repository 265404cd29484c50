"""One fit at each of several strengths, as fitted estimators."""

from functools import partial

from sklearn.base import clone

from sklearn_irg._callbacks import has_callbacks
from sklearn_irg._training.path import train_path
from sklearn_irg._training.starts import Fresh, Warm
from sklearn_irg.solvers import check_solver

__all__ = ["fit_alphas", "supports_warm_started_path"]


def fit_alphas(
    estimator, X, y, alphas, sample_weight=None, mask=None, *, perturbations=None, warm_start=None
):
    """Fitted clones, one for each strength, in the order of ``alphas``.

    Each meets the estimator's ``tol``, or warns that it does not. With ``warm_start`` a fit starts
    from the weights of the next stronger one; ``None`` is as `supports_warm_started_path` says. ``perturbations``
    are those of `fit_against`.
    """
    warm_start = supports_warm_started_path(estimator) if warm_start is None else warm_start
    models = [clone(estimator).set_params(alpha=float(alpha)) for alpha in alphas]
    if has_callbacks(models[0]):
        return _one_by_one(models, X, y, sample_weight, mask, perturbations, warm_start)
    settings = [model._settings() for model in models]
    data = models[0]._data(X, y, sample_weight, mask, perturbations, Fresh())
    trained = train_path(models[0]._task(), data, settings, warm_start=warm_start)
    for model, fitted in zip(models, trained, strict=True):
        model._adopt(fitted, partial(type(model)._derive, X=X, y=y))
        model._warn_after_fit(fitted.solution, y)
    return models


def _one_by_one(models, X, y, sample_weight, mask, perturbations, warm_start):
    """Fitted clones where callbacks follow each fit."""
    start = Fresh()
    for model in sorted(models, key=lambda model: -model.alpha):
        model._fit(X, y, sample_weight, mask, perturbations=perturbations, start=start)
        start = Warm(model._layers(), model._task()) if warm_start else start
    return models


def supports_warm_started_path(estimator):
    """Whether the end of a fit does not depend on its start, up to ``tol`` and local minima.

    Solvers that go by epochs stop early, and models then keep some of the smoothness of the
    stronger penalty from which they start.
    """
    return not check_solver(estimator.solver).has_epochs
