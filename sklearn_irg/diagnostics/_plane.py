"""The plane in which a linear boundary is seen to tilt."""

from dataclasses import dataclass, field

import numpy as np

from sklearn_irg.diagnostics._geometry import binary_data, centroids

# of the weights: what a difference of vectors that are parallel but for rounding leaves of them
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class TiltingPlane:
    """The plane spanned by the line between the centroids and the weights, and the data on it.

    Attributes
    ----------
    coordinates : ndarray of shape (n_samples, 2)
        Coordinates of the rows along the basis, from the origin.
    basis : ndarray of shape (2, n_features)
        Orthonormal: ẑ from the centroid of the first class to that of the second, and n̂, the part
        of the weights orthogonal to it.
    origin : ndarray of shape (n_features,)
        Midpoint of the centroids.
    boundary : ndarray of shape (3,)
        (a, b, c): the boundary is the line ``a * x + b * y + c = 0`` of the plane, in distances.
    labels : ndarray of shape (n_samples,)
        -1 for the first class, +1 for the second.
    classes : tuple
        The two classes.
    """

    coordinates: np.ndarray = field(repr=False)
    basis: np.ndarray = field(repr=False)
    origin: np.ndarray = field(repr=False)
    boundary: np.ndarray
    labels: np.ndarray = field(repr=False)
    classes: tuple

    def to_frame(self):
        """A pandas DataFrame with the coordinates and the class of each row."""
        import pandas as pd

        label = np.where(self.labels < 0, *(np.array(c, dtype=object) for c in self.classes))
        return pd.DataFrame(
            {"z": self.coordinates[:, 0], "n": self.coordinates[:, 1], "class": label}
        )


def tilting_plane(estimator, X, y, *, classes=None):
    """The plane of the centroids' line and the weights, and the rows in it.

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
        Two classes of a multiclass model, the negative one first.

    Returns
    -------
    plane : TiltingPlane
        Coordinates, basis by Gram-Schmidt, origin and boundary. If the weights lie along the
        centroids' line, n̂ is any direction orthogonal to it.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.diagnostics import tilting_plane
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tilting_plane(LogisticRegression().fit(scale(X), y), scale(X), y).coordinates.shape
    (569, 2)
    """
    w, b, X, signs, weights, classes = binary_data(estimator, X, y, classes)
    low, high = centroids(X, signs, weights)
    z = (high - low) / np.linalg.norm(high - low)
    n = w - (w @ z) * z
    if len(z) < 2:
        raise ValueError("a plane needs two features or more; X has one.")
    if np.linalg.norm(n) <= _ROUNDING * np.linalg.norm(w):
        n = np.eye(len(z))[np.abs(z).argmin()]
        n = n - (n @ z) * z
    basis = np.stack([z, n / np.linalg.norm(n)])
    origin = (low + high) / 2
    boundary = np.append(basis @ w, w @ origin + b) / np.linalg.norm(w)
    return TiltingPlane((X - origin) @ basis.T, basis, origin, boundary, signs, tuple(classes))
