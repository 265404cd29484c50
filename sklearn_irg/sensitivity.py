"""How a network's output moves when its input moves: pure functions that penalties optimise and diagnostics report.

All take the bundle of a forward pass, so nothing is computed twice, and all are differentiable with respect to θ unless
their name ends in ``direction``: directions are constants of the optimisation.
"""

import numpy as np
from scipy.linalg import eigh

from sklearn_irg._autodiff import (
    matmul,
    matmul_transposed,
    product_row_norms,
    row_dot,
    scale_rows,
    squared_norm,
    stop_gradient,
    transposed_matmul,
)

__all__ = [
    "absolute_input_gradients",
    "input_gradients",
    "normalized_rows",
    "squared_input_gradients",
    "squared_spectral_norm",
    "virtual_adversarial_direction",
]


def _first_layer(network, theta, forward, cotangent, mask):
    D, W = network.backward(theta, forward, cotangent)[0], network.weight(theta, 0)
    if mask is not None and mask.ndim == 1:
        W, mask = scale_rows(mask, W), None
    return D, W, mask


def input_gradients(network, theta, forward, cotangent, mask=None):
    """Gradient of ⟨cotangent, outputs⟩ with respect to the inputs, shape (n_samples, n_features).

    ``mask``, of zeros and ones, selects columns with shape (n_features,) or entries with shape (n_samples, n_features).
    """
    D, W, mask = _first_layer(network, theta, forward, cotangent, mask)
    gradients = matmul_transposed(D, W)
    return gradients if mask is None else gradients * mask


def squared_input_gradients(network, theta, forward, cotangent, mask=None):
    """Squared L2 norm of each row of `input_gradients`, shape (n_samples,), without building them where that is cheaper."""
    D, W, mask = _first_layer(network, theta, forward, cotangent, mask)
    if mask is None:
        return product_row_norms(D, W, stop_gradient(forward).saved.empty)
    gradients = matmul_transposed(D, W) * mask
    return row_dot(gradients, gradients)


def absolute_input_gradients(network, theta, forward, cotangent, mask=None):
    """L1 norm of each row of `input_gradients`, shape (n_samples,); its derivative at zero is taken as zero."""
    gradients = input_gradients(network, theta, forward, cotangent, mask)
    return row_dot(gradients, np.sign(stop_gradient(gradients)))


def squared_spectral_norm(W):
    """Square of the largest singular value of a matrix.

    It is ``‖Wv‖²`` at the leading singular vector v, and v may be held constant: by the envelope theorem its own change
    does not contribute to the derivative. v comes from the smaller Gram matrix, exact and without state.
    """
    value = stop_gradient(W)
    if value.shape[0] >= value.shape[1]:
        return squared_norm(matmul(W, _leading_eigenvector(value.T @ value)))
    return squared_norm(transposed_matmul(W, _leading_eigenvector(value @ value.T)))


def _leading_eigenvector(gram):
    last = len(gram) - 1
    return eigh(gram, subset_by_index=(last, last), check_finite=False)[1]


def normalized_rows(A):
    """Each row divided by its L2 norm; rows of zeros stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", A, A))[:, None]
    return A / np.where(norms > 0, norms, 1)


def virtual_adversarial_direction(network, theta, X, outputs, random_state, *, xi=0.01, n_power_iterations=1):
    """Unit direction in which each row's prediction changes most, by power iteration on the divergence (a constant).

    The divergence is flat at the row itself, so its gradient is taken at a distance ``xi`` along a random direction.
    """
    theta, prediction = stop_gradient(theta), network.likelihood.mean(stop_gradient(outputs))
    direction = normalized_rows(random_state.standard_normal(X.shape).astype(theta.dtype, copy=False))
    for _ in range(n_power_iterations):
        moved = network.forward(theta, X + xi * direction)
        cotangent = network.likelihood.mean(moved[-1]) - prediction
        direction = normalized_rows(network.pull_back(theta, moved, cotangent))
    return direction
