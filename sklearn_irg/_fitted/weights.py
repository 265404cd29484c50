"""Bounds on the slopes of a network from its weights."""

import numpy as np

__all__ = ["margin_bounds", "require_weights"]


def margin_bounds(model, label):
    """Upper bound on the Lipschitz constant of each margin, shape (n_samples, n_others)."""
    require_weights(model)
    *hidden, (last, _) = model.layers
    body = np.prod(
        [model.network.activation.largest_slope * np.linalg.norm(W, 2) for W, _ in hidden]
    )
    if model.n_outputs == 1:
        return np.full((len(label), 1), body * np.linalg.norm(last))
    differences = np.linalg.norm(last[:, :, None] - last[:, None, :], axis=0)
    others = np.arange(model.n_outputs)[None] != label[:, None]
    return body * differences[label][others].reshape(len(label), -1)


def require_weights(model):
    if not model.has_weights:
        raise TypeError(
            f"{model.name} has no weights to bound its slope with: a linear model or a neural "
            "network is needed, alone or behind affine steps. Behind others, pass pipe[-1] with "
            "pipe[:-1].transform(X)."
        )
