"""How a network's output moves when its input moves: pure functions that penalties optimise and diagnostics report.

All take the bundle of a forward pass, so nothing is computed twice, and all are differentiable with respect to θ unless
their name ends in ``direction``: directions are constants of the optimisation.
"""

import numpy as np
from scipy.linalg import eigh

from sklearn_irg._engine.autodiff import (
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
    "ascend",
    "input_gradients",
    "normalized_rows",
    "project_to_ball",
    "random_directions",
    "squared_input_gradients",
    "squared_jacobian_norms",
    "squared_spectral_norm",
    "steepest",
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


def squared_jacobian_norms(network, theta, forward, mask=None):
    """Squared Frobenius norm of each row's Jacobian, outputs by inputs, shape (n_samples,)."""
    outputs = stop_gradient(forward[-1])
    cotangents = np.eye(outputs.shape[1], dtype=outputs.dtype)
    norms = [
        squared_input_gradients(network, theta, forward, np.repeat(row[None], len(outputs), axis=0), mask)
        for row in cotangents
    ]
    return sum(norms[1:], norms[0])


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


def random_directions(X, random_state, dtype):
    """A random unit direction for each row."""
    return normalized_rows(random_state.standard_normal(X.shape).astype(dtype, copy=False))


def virtual_adversarial_direction(
    network, forward_at, theta, X, outputs, random_state, *, xi=0.01, n_power_iterations=1
):
    """Unit direction in which each row's prediction changes most, by power iteration on the divergence (a constant).

    The divergence is flat at the row itself, so its gradient is taken at a distance ``xi`` along a random direction.
    ``forward_at(X)`` is the forward pass at constant θ.
    """
    theta, prediction = stop_gradient(theta), network.likelihood.mean(stop_gradient(outputs))
    direction = random_directions(X, random_state, theta.dtype)
    for _ in range(n_power_iterations):
        moved = forward_at(X + xi * direction)
        cotangent = network.likelihood.mean(moved[-1]) - prediction
        direction = normalized_rows(network.pull_back(theta, moved, cotangent))
    return direction


def steepest(gradients, norm):
    """The direction of unit norm that each row's gradient grows fastest in: "l2", "linf", or "l1" (one feature)."""
    if norm == "l2":
        return normalized_rows(gradients)
    if norm == "linf":
        return np.sign(gradients)
    rows, largest = np.arange(len(gradients)), np.abs(gradients).argmax(axis=1)
    direction = np.zeros_like(gradients)
    direction[rows, largest] = np.sign(gradients[rows, largest])
    return direction


def project_to_ball(perturbations, epsilon, norm):
    """Each row's nearest point in the ball of radius epsilon: "l2" or "linf"."""
    if norm == "linf":
        return np.clip(perturbations, -epsilon, epsilon)
    norms = np.sqrt(np.einsum("ij,ij->i", perturbations, perturbations))[:, None]
    return perturbations * np.minimum(1, epsilon / np.where(norms > 0, norms, 1))


def ascend(gradient_at, X, epsilon, norm, *, n_steps=1, step_size=None, clip=None, start=None):
    """Rows moved up a function by projected gradient ascent within a ball (constants of the optimisation).

    One step goes the whole radius; more go 2.5 / n_steps of it each unless ``step_size`` says otherwise. They begin at the
    rows themselves unless there is a ``start``.
    """
    if step_size is None:
        step_size = epsilon if n_steps == 1 else 2.5 * epsilon / n_steps
    moved = X if start is None else start
    for _ in range(n_steps):
        moved = moved + step_size * steepest(gradient_at(moved), norm)
        if n_steps > 1 or step_size > epsilon or start is not None:
            moved = X + project_to_ball(moved - X, epsilon, norm)
        if clip is not None:
            moved = np.clip(moved, *clip)
    return moved.astype(X.dtype, copy=False)
