"""Geometry of a linear classifier of two classes: its boundary relative to their centroids."""

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.utils import column_or_1d

from sklearn_irg._checks import check_sample_weight
from sklearn_irg._fitted.attributes import as_model
from sklearn_irg._fitted.extraction import model_and_numbers


@dataclass(frozen=True)
class LinearGeometry:
    """Position of the boundary of a linear classifier of two classes relative to the data.

    Attributes
    ----------
    tilting_angle : float
        Angle between the weights and the line from one centroid to the other, in radians.
    weight_norm : float
        L2 norm of the weights.
    adversarial_distance : float
        Mean of y · d(x), the signed distance to the boundary, in units of X.
    error_distance : float
        Mean of -y · d(x) over misclassified rows, the others counting as zero.
    centroid_distance : float
        Distance between the centroids.
    offset : float
        Signed distance of the boundary from the midpoint of the centroids, ŵ · mid + b / ‖w‖.
    error_rate : float
        Proportion of misclassified rows.
    """

    tilting_angle: float
    weight_norm: float
    adversarial_distance: float
    error_distance: float
    centroid_distance: float
    offset: float
    error_rate: float

    def to_frame(self):
        """A pandas DataFrame with one row."""
        import pandas as pd

        return pd.DataFrame([asdict(self)])


def margin_of_pair(estimator, classes):
    """Model, weights and bias of the margin of the second class over the first, and the classes."""
    model = as_model(estimator)
    model.require_classes()
    if not model.is_linear:
        raise TypeError(
            f"{model.name} is not linear, so it has no tilting angle. Use signed_distance instead."
        )
    if classes is None:
        if len(model.classes) > 2:
            raise ValueError(f"classes=(a, b) must pick a pair of {model.classes.tolist()}.")
        classes = tuple(model.classes)
    if np.ndim(classes) != 1:
        raise ValueError(f"classes must be a pair; got {classes!r}.")
    positions = [np.flatnonzero(model.classes == c) for c in classes]
    if len(classes) != 2 or any(len(p) != 1 for p in positions) or classes[0] == classes[1]:
        raise ValueError(
            f"classes must be two different ones of {model.classes.tolist()}; got {classes!r}."
        )
    w, b = _margin(model, *(int(p[0]) for p in positions))
    if not np.linalg.norm(w) > 0:
        raise ValueError(
            f"the weights of {model.name} are zero, so there is no boundary. Is alpha too large?"
        )
    return model, w, b, classes


def binary_data(estimator, X, y, classes, sample_weight=None):
    """Weights, bias, rows of two classes, labels -1 and +1, weights of rows, and the classes."""
    model, w, b, classes = margin_of_pair(estimator, classes)
    X, y = model_and_numbers(estimator, X)[1].astype(np.float64), column_or_1d(y)
    model.encode(y, len(X))
    rows = np.isin(y, classes)
    signs = np.where(y[rows] == classes[1], 1.0, -1.0)
    if len(np.unique(signs)) < 2:
        raise ValueError(f"y must have rows of both classes {classes!r}.")
    weights = check_sample_weight(1.0 if sample_weight is None else sample_weight, len(X))
    if any(not weights[rows][signs == sign].any() for sign in (-1, 1)):
        raise ValueError(
            f"sample_weight must be positive for a row of each of the classes {classes!r}."
        )
    return w, b, X[rows], signs, weights[rows], classes


def _margin(model, i, j):
    """Weights and bias of score j minus score i."""
    ((W, b),) = model.layers
    if W.shape[1] == 1:
        sign = 1.0 if j > i else -1.0
        return sign * W[:, 0].astype(np.float64), sign * float(b[0])
    return (W[:, j] - W[:, i]).astype(np.float64), float(b[j] - b[i])


def centroids(X, signs, weights):
    return [np.average(X[signs == s], axis=0, weights=weights[signs == s]) for s in (-1, 1)]


def _angle(w, z):
    along = w @ z
    return float(np.arctan2(np.linalg.norm(w - along * z), along))


def linear_geometry(estimator, X, y, *, classes=None, sample_weight=None):
    """Tilting angle, distances and errors of a linear classifier of two classes.

    Parameters
    ----------
    estimator : classifier
        Fitted and linear: anything with ``coef_`` and ``intercept_``, `NearestCentroid`, or a
        pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Labels; rows of other classes are left out.
    classes : tuple of two classes, default=None
        Two classes of a multiclass model, the negative one first. ``None`` is ``classes_`` of a
        binary one.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in all means.

    Returns
    -------
    geometry : LinearGeometry
        Angle, distances and errors; ``to_frame()`` returns them as a DataFrame.

    Raises
    ------
    ValueError
        If the weights are zero, a class is missing, or a label was unseen in ``fit``.
    TypeError
        If the model is not linear.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.diagnostics import linear_geometry
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> for C in (1, 0.01):
    ...     geometry = linear_geometry(LogisticRegression(C=C).fit(scale(X), y), scale(X), y)
    ...     print(C, round(geometry.tilting_angle, 1), round(geometry.adversarial_distance))
    1 0.7 2
    0.01 0.3 3
    """
    w, b, X, signs, weights, _ = binary_data(estimator, X, y, classes, sample_weight)
    norm = np.linalg.norm(w)
    distance = signs * (X @ w + b) / norm
    low, high = centroids(X, signs, weights)
    apart = np.linalg.norm(high - low)
    if not apart > 0:
        raise ValueError(
            "the centroids of the two classes coincide, so there is no direction to tilt from."
        )
    return LinearGeometry(
        tilting_angle=_angle(w, (high - low) / apart),
        weight_norm=float(norm),
        adversarial_distance=float(np.average(distance, weights=weights)),
        error_distance=float(np.average(np.maximum(-distance, 0), weights=weights)),
        centroid_distance=float(apart),
        offset=float((w @ (low + high) / 2 + b) / norm),
        error_rate=float(np.average(distance <= 0, weights=weights)),
    )
