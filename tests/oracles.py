"""Independent computations to compare with: plain formulas, none of which uses the package's derivatives."""

import numpy as np
from scipy.special import expit, log_softmax, softmax

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
    return ((Z - Y) ** 2).sum(axis=1) / 2


def means(Z, likelihood):
    return {"logistic": expit, "softmax": lambda Z: softmax(Z, axis=1), "identity": lambda Z: Z}[likelihood](Z)


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
