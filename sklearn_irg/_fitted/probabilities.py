"""Probabilities and scores as an estimator states them, by one of its methods at a time."""

from copy import copy

import numpy as np
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from sklearn_irg._engine.likelihoods import Categorical
from sklearn_irg._fitted.affine import as_fitted, predictions
from sklearn_irg._fitted.models import Model
from sklearn_irg._fitted.table_models import TableModel
from sklearn_irg._fitted.table_rows import numbers_of, stacked

__all__ = [
    "AGREEMENT",
    "OneVsRestModel",
    "around_boundary",
    "labels_follow",
    "near_boundary",
    "only",
    "rows_for",
    "states",
]

# relative, of probabilities, scores and means with what an estimator states: far above single
# precision, and far below another link. 1e-6 to 0.1 give the same models of 58 estimators on two
# tables
AGREEMENT = 1e-3
# of the way to the boundary: far above what bisection leaves, 1e-9, and so close that the boundary
# of nearly the same scores would be further away
# of the way to the boundary: far above what bisection leaves, 1e-9. At 1e-8 labels of steps in
# single precision seem to differ from scores; 1e-2 gives the same models of 58 estimators on two
# tables
_BESIDE = 1e-5
# share of points beside a boundary whose labels agree; half of them, those on one side, do not
# where labels have another boundary
# share of points beside a boundary whose labels agree; half of them, those on one side, do not
# where labels have another boundary. 0.55 to 0.95 give the same models
_MOSTLY = 0.75
# rows with a random line each; 4 to 512 give the same models of 58 estimators on two tables
_N_LINES = 64
# of a search for the boundary along a line, from 1/64 of a column's size to eight times it
# of a search for the boundary along a line, from 1/64 of a column's size to eight times it; four
# are too few to tell labels of SVC from its probabilities on iris
_DOUBLINGS = 10
_BISECTIONS = 30  # to 1e-9 of the way, far below the 1e-5 of `near_boundary`
_HALVINGS = 12  # of the way from the boundary to a row, to 1/2048 of it


class _Only(ClassifierMixin, BaseEstimator):
    """A fitted classifier of which nothing is seen but one of its methods."""

    def __init__(self, estimator, method):
        self.estimator = estimator
        self.method = method
        self.classes_ = estimator.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        setattr(self, method, getattr(estimator, method))

    def fit(self, X, y):
        """Raise an error; defined since every estimator has this method."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self):
        return True


def only(estimator, method):
    """A view of a fitted classifier, or of a pipeline's last step, with one method for scores."""
    if type(estimator) is Pipeline:
        *first, (name, last) = estimator.steps
        return Pipeline([*first, (name, only(last, method))])
    return _Only(estimator, method)


class OneVsRestModel(Model):
    r"""Scores whose softmax is the normalized probabilities of one-vs-rest.

    They are the log-sigmoids of another model's scores.

    .. math:: p_k = \sigma(z_k) / \sum_j \sigma(z_j)

    Parameters
    ----------
    inner : Model
        One score for each class.
    """

    likelihood = Categorical()

    def __init__(self, inner):
        self.inner = inner
        self.n_features = inner.n_features
        self.n_outputs = inner.n_outputs
        self.classes = inner.classes
        self.name = inner.name
        self.dtype = inner.dtype
        self.is_function = inner.is_function
        self.contains_trees = inner.contains_trees

    def is_movable(self, rows):
        return self.inner.is_movable(rows)

    def bind(self, table):
        """As `TableModel.bind`, where the inner model is one."""
        self.inner = copy(self.inner)
        return self.inner.bind(table)

    def scores_of(self, table):
        """Scores of the rows of another table."""
        return log_expit(self.inner.scores_of(table))

    def scores(self, X):
        return log_expit(self.inner.scores(X))

    def pull_back(self, X, cotangent):
        return self.inner.pull_back(X, cotangent * expit(-self.inner.scores(X)))


def rows_for(estimator, model, rows):
    """Rows of a model as its estimator takes them."""
    return model.frame(rows) if isinstance(model, TableModel) else as_fitted(estimator, rows)


def states(model, rows, probabilities):
    """Whether a model's likelihood turns its scores into the probabilities of its estimator."""
    of_scores = model.likelihood.probabilities(model.scores(rows))
    if of_scores.shape != probabilities.shape:
        return False
    rounding = 32 * max(
        np.finfo(kind).eps for kind in (of_scores.dtype, probabilities.dtype, model.dtype)
    )
    return np.allclose(of_scores, probabilities, rtol=AGREEMENT, atol=rounding)


def near_boundary(model, rows):
    """Points on both sides of the boundary of a model's scores: two arrays of the same length.

    They lie on random lines from rows. There are none where the lines do not cross the boundary,
    or where the steps of a pipeline reject other numbers.
    """
    return _on_lines(model, rows, [1 - _BESIDE, 1 + _BESIDE])


def around_boundary(model, rows):
    """Points on the same lines, at doubling distances from the boundary, for scores of any size."""
    steps = 2.0 ** -np.arange(_HALVINGS)
    return stacked(_on_lines(model, rows, [*(1 - steps), *(1 + steps)]))


def _on_lines(model, rows, shares):
    try:
        with np.errstate(all="ignore"):
            return _points_on_lines(model, rows, shares)
    except (ValueError, TypeError):
        return [rows[:0] for _ in shares]


def _points_on_lines(model, rows, shares):
    """Points on random lines from rows, at shares of the way to the boundary of a model's scores.

    There is one array for each share.
    """
    rng = np.random.RandomState(0)
    start = rows[np.resize(rng.permutation(len(rows)), _N_LINES)]  # few rows again and again
    size = np.abs(numbers_of(rows)).max(axis=0, initial=0)
    direction = (
        rng.standard_normal(start.shape) * np.where(size > 0, size, 1) * model.is_movable(start)
    )

    def classes_at(shares):
        return model.predicted(
            model.scores((start + shares[:, None] * direction).astype(rows.dtype))
        )

    here = classes_at(np.zeros(len(start)))
    near, far = np.zeros(len(start)), np.full(len(start), np.inf)
    for share in 2.0 ** np.arange(-6, _DOUBLINGS - 6):
        other = np.isinf(far) & (classes_at(np.full(len(start), share)) != here)
        far[other] = share
        near[np.isinf(far)] = share
    crossing = np.isfinite(far)
    start, direction, here, near, far = (
        part[crossing] for part in (start, direction, here, near, far)
    )
    for _ in range(_BISECTIONS):
        middle = (near + far) / 2
        other = classes_at(middle) != here
        near, far = np.where(other, near, middle), np.where(other, middle, far)
    return [(start + (share * far)[:, None] * direction).astype(rows.dtype) for share in shares]


def labels_follow(model, rows, estimator):
    """Whether ``estimator.predict`` changes where the scores of a model change the class."""
    points = stacked(near_boundary(model, rows))
    if not len(points):
        return True
    predicted = predictions(estimator, rows_for(estimator, model, points))
    return np.mean(model.classes[model.predicted(model.scores(points))] == predicted) > _MOSTLY
