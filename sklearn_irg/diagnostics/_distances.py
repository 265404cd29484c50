import numpy as np

from sklearn_irg.diagnostics._models import as_model, encode, score_gradients


def signed_distance(estimator, X, y=None):
    r"""Distance of each row to the decision boundary, positive on the right side of it.

    .. math:: \min_{k \ne y} \frac{z_y - z_k}{\lVert \nabla (z_y - z_k) \rVert_2}

    which is exact for linear models and a first-order estimate otherwise.

    Parameters
    ----------
    estimator : classifier
        A fitted linear classifier or multi-layer perceptron.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels that say which side is right. Without them, distances of two classes are positive where ``classes_[1]`` is
        predicted, and those of more classes are to the boundary of the predicted class, hence never negative.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        In units of X, an L2 distance. Infinite where the gradient vanishes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.diagnostics import signed_distance
    >>> model = LogisticRegression(C=1e6).fit([[-1.0, 0.0], [1.0, 0.0]], [0, 1])
    >>> np.round(signed_distance(model, [[2.0, 5.0], [-3.0, 5.0]], [1, 1]), 3)
    array([ 2., -3.])
    """
    model = as_model(estimator)
    X = model.check_X(X)
    forward = model.forward(X)
    Z, G = forward[-1], score_gradients(model, forward)
    targets = None if y is None else encode(model, y, len(X))
    if Z.shape[1] == 1:
        side = 1 if targets is None else 2 * targets[:, 0] - 1
        return _ratio(side * Z[:, 0], np.linalg.norm(G[0], axis=1))
    rows, own = np.arange(len(Z)), Z.argmax(axis=1) if targets is None else targets.argmax(axis=1)
    margins = Z[rows, own][:, None] - Z
    norms = np.linalg.norm(G[own, rows] - G, axis=2).T
    distances = _ratio(margins, norms)
    distances[rows, own] = np.inf
    return distances.min(axis=1)


def _ratio(margin, norm):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norm > 0, margin / norm, np.copysign(np.inf, margin))
