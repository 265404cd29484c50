"""Rows moved onto and across a linear boundary."""

from sklearn_irg._fitted.extraction import model_and_numbers
from sklearn_irg.diagnostics._geometry import margin_of_pair


def projected_points(estimator, X, *, classes=None):
    """The point of the boundary nearest to each row, x - s / ‖w‖² · w.

    Parameters
    ----------
    estimator : classifier
        Fitted and linear: anything with ``coef_`` and ``intercept_``, `NearestCentroid`, or a
        pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    classes : tuple of two classes, default=None
        Two classes of a multiclass model, the negative one first. ``None`` is ``classes_`` of a
        binary one.

    Returns
    -------
    points : ndarray of shape (n_samples, n_features)
        Projections.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.diagnostics import projected_points
    >>> model = LogisticRegression().fit([[-1.0, 0.0], [1.0, 0.0]], [0, 1])
    >>> projected_points(model, [[3.0, 1.0]]).round(3)
    array([[-0.,  1.]])
    """
    return _moved_across(estimator, X, classes, 1.0)


def mirror_points(estimator, X, *, classes=None):
    """The mirror image of each row in the boundary, x - 2s / ‖w‖² · w.

    Parameters
    ----------
    estimator : classifier
        Fitted and linear: anything with ``coef_`` and ``intercept_``, `NearestCentroid`, or a
        pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    classes : tuple of two classes, default=None
        Two classes of a multiclass model, the negative one first. ``None`` is ``classes_`` of a
        binary one.

    Returns
    -------
    points : ndarray of shape (n_samples, n_features)
        Mirror images; the score of each is minus that of its row.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.diagnostics import mirror_points
    >>> model = LogisticRegression().fit([[-1.0, 0.0], [1.0, 0.0]], [0, 1])
    >>> mirror_points(model, [[3.0, 1.0]]).round(3)
    array([[-3.,  1.]])
    """
    return _moved_across(estimator, X, classes, 2.0)


def _moved_across(estimator, X, classes, factor):
    _, w, b, _ = margin_of_pair(estimator, classes)
    X = model_and_numbers(estimator, X)[1]
    return X - factor * ((X @ w + b) / (w @ w))[:, None] * w
