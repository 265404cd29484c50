"""Rows moved onto and across a linear boundary, and losses as functions of the distance to it."""

import numpy as np

from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg.diagnostics._geometry import margin_of_pair


def projected_points(estimator, X, *, classes=None):
    """The point of the boundary nearest to each row, x - s / ‖w‖² · w.

    Parameters
    ----------
    estimator : classifier
        As in `linear_geometry`.
    X : array-like of shape (n_samples, n_features)
        Samples.
    classes : tuple of two classes, default=None
        The pair of a multiclass model.

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
        As in `linear_geometry`.
    X : array-like of shape (n_samples, n_features)
        Samples.
    classes : tuple of two classes, default=None
        The pair of a multiclass model.

    Returns
    -------
    points : ndarray of shape (n_samples, n_features)
        Mirror images; their score is minus that of the row.

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
    X = model_and_rows(estimator, X)[1]
    return X - factor * ((X @ w + b) / (w @ w))[:, None] * w


def scaled_loss(margin, weight_norm, loss="zero_one"):
    """A loss as a function of the signed distance, which the weight norm stretches.

    Parameters
    ----------
    margin : array-like
        y · d(x), distances in units of X.
    weight_norm : float
        ‖w‖, positive: a large one makes the loss steep and blind to distance, a small one nearly linear.
    loss : {"zero_one", "hinge", "softplus"}, default="zero_one"
        1 where the score is negative or zero; max(0, 1 - s); log(1 + exp(-s)).

    Returns
    -------
    values : ndarray
        Loss at the score ``weight_norm * margin``.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn_irg.diagnostics import scaled_loss
    >>> scaled_loss([-1.0, 0.5, 2.0], 2.0, "hinge")
    array([3., 0., 0.])
    """
    if not weight_norm > 0:
        raise ValueError(f"weight_norm must be positive; got {weight_norm!r}.")
    score = weight_norm * np.asarray(margin, dtype=np.float64)
    if loss == "zero_one":
        return (score <= 0).astype(np.float64)
    if loss == "hinge":
        return np.maximum(1 - score, 0)
    if loss == "softplus":
        return np.logaddexp(0, -score)
    raise ValueError(f"loss must be 'zero_one', 'hinge' or 'softplus'; got {loss!r}.")
