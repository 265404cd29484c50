"""Passes through a network, as primitives of the trace with hand-written derivatives.

Each pass is a single node.

With layers ``Z_l = A_{l-1} W_l + b_l``, ``A_l = φ(Z_l)``, ``A_0 = X`` and outputs ``Z_L``,

* ``forward_pass``: θ → (A_1, …, A_{L-1}, Z_L);
* ``backward_pass``: (θ, forward, C) → (D_1, …, D_L), where D_l is the derivative of ⟨C, Z_L⟩ with
  respect to Z_l. It is linear in C, so its own derivative is one tangent pass; the input gradient
  is ``D_1 W_1ᵀ``. C may hold several cotangents for each row, one after another: all rows with the
  first, all rows with the second, …

Weights, and all arrays but X, may have a further axis in front, of several networks.

Cotangents of activations from penalties join those from the loss in the one backward pass of the
forward pass.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklearn_irg._engine.autodiff import (
    ArrayTuple,
    accumulate,
    defvjp,
    defvjp_all,
    opaque,
    primitive,
)

__all__ = [
    "activate",
    "add_weight_gradients",
    "backward",
    "backward_pass",
    "backward_vjp",
    "first_preactivations",
    "forward",
    "forward_cotangents",
    "forward_pass",
    "propagate",
    "squared_weights",
    "weight_at",
]


class _Saved(NamedTuple):
    """Arrays that a forward pass saves for the passes after it."""

    layers: list
    slopes: list
    allocate: Callable
    dropout: list | None


@primitive
def activate(Z, activation):
    """Activation as a function that can be differentiated with respect to its input."""
    A = Z.copy()
    activation.apply(A)
    return A


defvjp(activate, lambda ans, Z, activation: lambda g: g * activation.slope(ans, np.empty_like(ans)))


@primitive
def weight_at(theta, place):
    """Matrix at a place of θ, (slice, shape), as a differentiable function of θ."""
    return theta[place[0]].reshape(place[1])


@opaque
def _weight_vjp(g, theta, place):
    def add_to(gradient):
        W = gradient[place[0]].reshape(place[1])
        W += g

    return accumulate(theta, add_to)


defvjp(weight_at, lambda ans, theta, place: lambda g: _weight_vjp(g, theta, place))


@primitive
def squared_weights(theta, network):
    """Sum of the squares of all weights, without biases."""
    return sum(np.vdot(W, W) for W, _ in network.unpack(theta))


@opaque
def _squared_weights_vjp(g, theta, network):
    def add_to(gradient):
        for (G, _), (W, _) in zip(network.unpack(gradient), network.unpack(theta), strict=True):
            G += (2 * g) * W

    return accumulate(theta, add_to)


defvjp(
    squared_weights, lambda ans, theta, network: lambda g: _squared_weights_vjp(g, theta, network)
)


def first_preactivations(layers, X, allocate):
    """Pre-activations of the first layer, shape (n_samples, n_units)."""
    return _affine(X, *layers[0], allocate)


def forward(theta, X, network, allocate, dropout, noise):
    """Tuple of hidden activations and outputs; see `Network.forward`."""
    return propagate(network.unpack(theta), X, network.activation, allocate, dropout, noise)


def propagate(layers, X, activation, allocate, dropout, noise=None, preactivations=None):
    """Tuple of hidden activations and outputs, for weights and biases of each layer.

    Where ``preactivations`` holds those of the first layer, X is not read, and the array is
    overwritten.
    """
    arrays, slopes = [], []
    for W, b in layers:
        if arrays or preactivations is None:
            A = _affine(arrays[-1] if arrays else X, W, b, allocate)
        else:
            A = preactivations
        if len(arrays) < len(layers) - 1:
            slope = None
            if noise:
                A += noise[len(arrays)]
            if not activation.is_identity:
                activation.apply(A)
                slope = activation.slope(A, allocate(A.shape, A.dtype))
            if dropout:
                factors = dropout[len(arrays)]
                slope = factors if slope is None else np.multiply(slope, factors, out=slope)
                A *= factors
            slopes.append(slope)
        arrays.append(A)
    return ArrayTuple(arrays, saved=_Saved(layers, slopes, allocate, dropout))


forward_pass = primitive(forward)


def forward_cotangents(g, forward):
    """Cotangents of each layer's pre-activations, for those of a forward pass.

    An entry is None where there is no cotangent.
    """
    layers, slopes, allocate, _ = forward.saved
    cotangents, D = [None] * len(layers), None
    for l in reversed(range(len(layers))):
        if D is not None:
            D = _times_transposed(D, layers[l + 1][0], allocate)
            if g[l] is not None:
                D += g[l]
        elif g[l] is not None:
            D = g[l] + 0  # a copy: it is written to
        if D is not None and l < len(slopes) and slopes[l] is not None:
            D *= slopes[l]
        cotangents[l] = D
    return cotangents


def add_weight_gradients(gradients, cotangents, forward, X):
    """Add to the gradients of each layer, for cotangents of its pre-activations."""
    for l, (W, b) in enumerate(gradients):
        if cotangents[l] is not None:
            W += _outer(forward[l - 1] if l else X, cotangents[l], forward.saved.allocate)
            if b is not None:
                ones = np.ones(cotangents[l].shape[-2], dtype=b.dtype)
                b += (ones @ cotangents[l]).reshape(b.shape)  # faster than sum


@opaque
def _forward_vjp(g, forward, theta, X, network):
    cotangents = forward_cotangents(g, forward)
    return accumulate(
        theta,
        lambda gradient: add_weight_gradients(network.unpack(gradient), cotangents, forward, X),
    )


defvjp(
    forward_pass,
    lambda ans, theta, X, network, *options: lambda g: _forward_vjp(g, ans, theta, X, network),
)


def backward(theta, forward, cotangent, network):
    """Tuple of derivatives with respect to pre-activations; see `Network.backward`."""
    # the forward pass has saved the weights; a trace differentiates with respect to θ
    del theta
    layers, slopes, allocate, _ = forward.saved
    D, arrived, cotangents = cotangent, [], [cotangent]
    for (W, _), slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        E = _times_transposed(D, W, allocate)
        D = E if slope is None else _times_slopes(E, slope, allocate)
        arrived.append(E)
        cotangents.append(D)
    return ArrayTuple(cotangents[::-1], saved=arrived[::-1])


backward_pass = primitive(backward)


def backward_vjp(g, backward, forward, network):
    """Vector-Jacobian product of a backward pass.

    Returns a function that adds to the gradients of each layer, the cotangents of the forward pass,
    and the cotangent of C.
    """
    # g injects a tangent U_l before each activation; the result is the derivative of
    # ⟨U, D⟩ = ⟨C, J·U⟩
    layers, slopes, allocate, dropout = forward.saved
    to_activations, moved = [None] * len(layers), [None] * len(layers)
    tangent = g[0]
    for l in range(len(layers) - 1):
        if tangent is not None:
            # undo dropout's constant; where the factor is zero the slope is zero too, so the value
            # does not matter
            A = forward[l] / dropout[l].max() if dropout and dropout[l].any() else forward[l]
            curvature = None if slopes[l] is None else network.activation.slope_derivative(A)
            if curvature is not None:
                to_activations[l] = backward.saved[l] * tangent
                if len(tangent) > len(curvature):  # several cotangents for each row
                    to_activations[l] = to_activations[l].reshape(-1, *curvature.shape).sum(axis=0)
                to_activations[l] *= curvature
            moved[l] = tangent if slopes[l] is None else _times_slopes(tangent, slopes[l], allocate)
            tangent = _times(moved[l], layers[l + 1][0], allocate)
        if g[l + 1] is not None:
            tangent = g[l + 1] if tangent is None else tangent + g[l + 1]

    def add_to(gradients):
        for l, (W, _) in enumerate(gradients[1:]):
            if moved[l] is not None:
                W += _outer(moved[l], backward[l + 1], allocate)

    return add_to, ArrayTuple(to_activations), tangent


@opaque
def _backward_vjp(g, backward, theta, forward, network):
    add_to, to_activations, tangent = backward_vjp(g, backward, forward, network)
    add_to_theta = accumulate(theta, lambda gradient: add_to(network.unpack(gradient)))
    return add_to_theta, to_activations, tangent


defvjp_all(
    backward_pass,
    lambda g, ans, theta, forward, cotangent, network: _backward_vjp(
        g, ans, theta, forward, network
    ),
)


def _affine(A, W, b, allocate):
    """Affine map ``A @ W + b``, in place."""
    Z = _times(A, W, allocate)
    if b is not None:
        Z += b
    return Z


def _times(A, W, allocate):
    """Product ``A @ W``."""
    if isinstance(A, np.ndarray):
        shape = (*W.shape[:-2], A.shape[-2], W.shape[-1])
        return np.matmul(A, W, out=allocate(shape, W.dtype))
    return A @ W  # sparse inputs


def _times_transposed(D, W, allocate):
    """Product ``D @ W.T``."""
    out = allocate((*D.shape[:-1], W.shape[-2]), W.dtype)
    # a column times a row is slow in BLAS
    return (np.multiply if W.shape[-1] == 1 else np.matmul)(D, W.mT, out=out)


def _times_slopes(D, slope, allocate):
    """Entries of D times those of slopes.

    Slopes are repeated where D has several rows for each of theirs.
    """
    out = allocate(D.shape, D.dtype)
    each = (-1, *slope.shape)
    np.multiply(D.reshape(each), slope, out=out.reshape(each))
    return out


def _outer(A, D, allocate):
    """Product ``A.T @ D``."""
    if isinstance(A, np.ndarray):
        shape = (*D.shape[:-2], A.shape[-1], D.shape[-1])
        return np.matmul(A.mT, D, out=allocate(shape, D.dtype))
    return A.T @ D
