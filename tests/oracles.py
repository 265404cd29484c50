"""Independent reference computations by plain formulas, without the package's derivatives."""

import numpy as np
from scipy.optimize import lsq_linear
from scipy.special import expit, log_softmax, softmax, xlogy

ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": expit,
    "softplus": lambda z: np.logaddexp(0, z),
}


def outputs(X, layers, activation):
    for l, (W, b) in enumerate(layers):
        X = X @ W + b
        if l < len(layers) - 1:
            X = ACTIVATIONS[activation](X)
    return X


def losses(Z, Y, likelihood):
    if likelihood == "logistic":
        return (np.logaddexp(0, Z) - Y * Z).sum(axis=1)
    if likelihood == "softmax":
        return -(Y * log_softmax(Z, axis=1)).sum(axis=1)
    if likelihood == "exp":
        return (np.exp(Z) - Y * Z + xlogy(Y, Y) - Y).sum(axis=1)
    return ((Z - Y) ** 2).sum(axis=1) / 2


def means(Z, likelihood):
    return {
        "logistic": expit,
        "softmax": lambda Z: softmax(Z, axis=1),
        "exp": np.exp,
        "identity": lambda Z: Z,
    }[likelihood](Z)


def input_gradients(function, X, step=1e-6):
    """Central differences of a function of rows, shape (n_samples, n_features)."""
    columns = []
    for j in range(X.shape[1]):
        e = np.zeros(X.shape[1])
        e[j] = step
        columns.append((function(X + e) - function(X - e)) / (2 * step))
    return np.stack(columns, axis=1)


def directional_derivative(function, theta, direction, step=1e-6):
    """Central difference of a scalar function."""
    return (function(theta + step * direction) - function(theta - step * direction)) / (2 * step)


def cap_singular_values(W, tau):
    """Proximal operator of ``tau * σ₁(W)²``.

    Singular values are capped at t with Σ (σ - t)₊ = 2 · tau · t.
    """
    U, s, V = np.linalg.svd(W, full_matrices=False)
    return (U * np.minimum(s, (np.cumsum(s) / (np.arange(1, len(s) + 1) + 2 * tau)).max())) @ V


def spectral_norm_optimum(X, y, alpha, n_steps=3000):
    """Smallest mean cross-entropy + alpha · σ₁(W)² of a linear softmax model.

    By accelerated proximal gradient steps.
    """
    n, k = len(y), y.max() + 1
    Y, W, b, t = np.eye(k)[y], np.zeros((X.shape[1], k)), np.zeros(k), 1.0
    step = 2 * n / np.linalg.norm(np.column_stack([X, np.ones(n)]), 2) ** 2
    V, c = W, b
    for _ in range(n_steps):
        R = (softmax(X @ V + c, axis=1) - Y) / n
        W_next, b_next = (
            cap_singular_values(V - step * X.T @ R, step * alpha),
            c - step * R.sum(axis=0),
        )
        t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
        V, c = W_next + (t - 1) / t_next * (W_next - W), b_next + (t - 1) / t_next * (b_next - b)
        W, b, t = W_next, b_next, t_next
    return losses(X @ W + b, Y, "softmax").mean() + alpha * np.linalg.norm(W, 2) ** 2


def shortest_in_zonotope(center, generators):
    """Length of the shortest vector ``center + t @ generators`` with ``|t| <= 1``.

    It is zero if 0 is a subgradient.
    """
    return np.sqrt(2 * lsq_linear(generators.T, -center, bounds=(-1, 1)).cost)
