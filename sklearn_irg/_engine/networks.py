"""Networks: fully connected layers on one flat parameter vector, forward once, and back to the inputs explicitly.

With layers ``Z_l = A_{l-1} W_l + b_l``, ``A_l = φ(Z_l)``, ``A_0 = X`` and outputs ``Z_L``, two maps are primitives of the
trace, each a single node with a hand-written vector-Jacobian product:

* ``forward``: θ → (A_1, …, A_{L-1}, Z_L);
* ``backward``: (θ, forward, C) → (D_1, …, D_L), where D_l is the derivative of ⟨C, Z_L⟩ with respect to Z_l. It is linear in
  C, so its own derivative is one tangent pass; the input gradient is ``D_1 W_1ᵀ``.

Whatever penalties send back to the activations meets the loss in ``forward``'s single backward pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sklearn_irg._engine.activations import Activation
from sklearn_irg._engine.autodiff import Bundle, accumulate, defvjp, defvjp_all, matmul_transposed, opaque, primitive
from sklearn_irg._engine.likelihoods import Likelihood

__all__ = ["Network", "activate", "weight_at"]

_BLOCK_BYTES = 2**23  # of a forward pass, when only its outputs are wanted


@dataclass(frozen=True)
class Network:
    """A fully connected network; it holds no parameters, only what they mean.

    Parameters
    ----------
    layer_sizes : tuple of int
        Number of features, hidden units per layer, outputs. Two entries make a linear model.
    activation : Activation
        Of the hidden layers.
    likelihood : Likelihood
        What the outputs mean.
    fit_intercept : bool, default=True
        Whether layers have biases.
    """

    layer_sizes: tuple
    activation: Activation
    likelihood: Likelihood
    fit_intercept: bool = True

    @property
    def shapes(self):
        """Shape of each weight matrix."""
        return list(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @property
    def n_parameters(self):
        """Length of the flat parameter vector."""
        return sum(n_in * n_out + self.fit_intercept * n_out for n_in, n_out in self.shapes)

    @cached_property
    def _layout(self):
        layout, start = [], 0
        for n_in, n_out in self.shapes:
            middle = start + n_in * n_out
            stop = middle + n_out * self.fit_intercept
            layout.append((slice(start, middle), (n_in, n_out), slice(middle, stop) if self.fit_intercept else None))
            start = stop
        return layout

    def unpack(self, theta):
        """Views ``[(W, b), …]`` into a flat vector; b is None without intercept."""
        return [(theta[W].reshape(shape), None if b is None else theta[b]) for W, shape, b in self._layout]

    def pack(self, coefs, intercepts, dtype):
        """The flat vector of given weights and biases."""
        theta = np.empty(self.n_parameters, dtype=dtype)
        for (W, b), coef, intercept in zip(self.unpack(theta), coefs, intercepts, strict=True):
            W[...] = coef
            if b is not None:
                b[...] = intercept
        return theta

    def initialize(self, random_state, dtype):
        """Glorot-uniform weights and biases, drawn in scikit-learn's order."""
        theta = np.empty(self.n_parameters, dtype=dtype)
        for W, b in self.unpack(theta):
            bound = np.sqrt(self.activation.init_factor / sum(W.shape))
            W[...] = random_state.uniform(-bound, bound, W.shape)
            if b is not None:
                b[...] = random_state.uniform(-bound, bound, b.shape)
        return theta

    def weight(self, theta, layer):
        """The weight matrix of a layer, counted from 0, as a differentiable function of θ."""
        return weight_at(theta, self._layout[layer][:2])

    def weights(self, theta):
        """All weight matrices."""
        return [self.weight(theta, layer) for layer in range(len(self._layout))]

    def forward(self, theta, X, empty=np.empty, dropout=None, noise=None):
        """One forward pass: a bundle of hidden activations and, last, the outputs, each (n_samples, n_units).

        ``empty(shape, dtype)`` is where this pass and those that follow from it take their arrays; ``dropout`` holds, for
        each hidden layer, what its activations are multiplied by: zero, or one constant. ``noise`` holds, for each hidden
        layer, what is added to what enters its activation.
        """
        return _forward(theta, X, self, empty, dropout, noise)

    def draw_dropout(self, rate, n_samples, random_state, dtype):
        """Multipliers for `forward`: zero with probability ``rate``, otherwise 1 / (1 - rate)."""
        return [
            (random_state.random_sample((n_samples, size)) >= rate).astype(dtype) / dtype.type(1 - rate)
            for size in self.layer_sizes[1:-1]
        ]

    def backward(self, theta, forward, cotangent):
        """Derivatives of ⟨cotangent, outputs⟩ with respect to what enters each layer's activation, first layer first."""
        return _backward(theta, forward, cotangent, self)

    def pull_back(self, theta, forward, cotangent):
        """Vector-Jacobian product to the inputs, shape (n_samples, n_features)."""
        return matmul_transposed(self.backward(theta, forward, cotangent)[0], self.weight(theta, 0))

    def outputs(self, theta, X, function=None):
        """Outputs only, outside any trace, or a function of them; in blocks of rows, so that memory does not grow with X.

        ``function`` takes the outputs of some rows and returns an array with as many rows.
        """
        n_samples, result = X.shape[0], None
        size = max(1, _BLOCK_BYTES // (2 * sum(self.layer_sizes[1:]) * theta.itemsize))  # activations and slopes
        for start in range(0, max(n_samples, 1), size):
            rows = slice(start, min(start + size, n_samples))
            block = _forward(theta, X[rows] if size < n_samples else X, self, np.empty, None, None)[-1]
            block = block if function is None else function(block)
            if rows.stop - start == n_samples:
                return block
            if result is None:
                result = np.empty((n_samples, *block.shape[1:]), dtype=block.dtype)
            result[rows] = block
        return result

    def squared_weights(self, theta):
        """Sum of the squares of all weights, without biases, as a differentiable function of θ."""
        return _squared_weights(theta, self)


# -- the primitives ----------------------------------------------------------------------------------------------------


class _Saved(NamedTuple):
    """What a forward pass leaves for the passes after it."""

    layers: list
    slopes: list
    empty: Callable
    dropout: list | None


@primitive
def activate(Z, activation):
    """An activation as a function that can be differentiated with respect to what enters it."""
    A = Z.copy()
    activation.apply(A)
    return A


defvjp(activate, lambda ans, Z, activation: lambda g: g * activation.slope(ans, np.empty_like(ans)))


@primitive
def weight_at(theta, place):
    """The matrix at a place of θ, (slice, shape), as a differentiable function of θ."""
    return theta[place[0]].reshape(place[1])


@opaque
def _weight_vjp(g, theta, place):
    def add_to(gradient):
        W = gradient[place[0]].reshape(place[1])
        W += g

    return accumulate(theta, add_to)


defvjp(weight_at, lambda ans, theta, place: lambda g: _weight_vjp(g, theta, place))


@primitive
def _squared_weights(theta, network):
    return sum(np.vdot(W, W) for W, _ in network.unpack(theta))


@opaque
def _squared_weights_vjp(g, theta, network):
    def add_to(gradient):
        for (G, _), (W, _) in zip(network.unpack(gradient), network.unpack(theta), strict=True):
            G += (2 * g) * W

    return accumulate(theta, add_to)


defvjp(_squared_weights, lambda ans, theta, network: lambda g: _squared_weights_vjp(g, theta, network))


@primitive
def _forward(theta, X, network, empty, dropout, noise):
    activation, layers = network.activation, network.unpack(theta)
    arrays, slopes = [], []
    for W, b in layers:
        A = _times(arrays[-1] if arrays else X, W, empty)
        if b is not None:
            A += b
        if len(arrays) < len(layers) - 1:
            slope = None
            if noise:
                A += noise[len(arrays)]
            if not activation.is_identity:
                activation.apply(A)
                slope = activation.slope(A, empty(A.shape, A.dtype))
            if dropout:
                factors = dropout[len(arrays)]
                slope = factors if slope is None else np.multiply(slope, factors, out=slope)
                A *= factors
            slopes.append(slope)
        arrays.append(A)
    return Bundle(arrays, saved=_Saved(layers, slopes, empty, dropout))


@opaque
def _forward_vjp(g, forward, theta, X, network):
    layers, slopes, empty, _ = forward.saved
    cotangents, D = [None] * len(layers), None
    for l in reversed(range(len(layers))):
        if D is not None:
            D = _times_transposed(D, layers[l + 1][0], empty)
            if g[l] is not None:
                D += g[l]
        elif g[l] is not None:
            D = g[l] + 0  # a copy: it is written to
        if D is not None and l < len(slopes) and slopes[l] is not None:
            D *= slopes[l]
        cotangents[l] = D

    def add_to(gradient):
        for l, (W, b) in enumerate(network.unpack(gradient)):
            if cotangents[l] is not None:
                W += _outer(forward[l - 1] if l else X, cotangents[l], empty)
                if b is not None:
                    b += np.ones(len(cotangents[l]), dtype=b.dtype) @ cotangents[l]  # faster than sum(axis=0)

    return accumulate(theta, add_to)


defvjp(_forward, lambda ans, theta, X, network, *options: lambda g: _forward_vjp(g, ans, theta, X, network))


@primitive
def _backward(theta, forward, cotangent, network):
    layers, slopes, empty, _ = forward.saved
    D, arrived, cotangents = cotangent, [], [cotangent]
    for (W, _), slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        E = _times_transposed(D, W, empty)
        D = E if slope is None else np.multiply(E, slope, out=empty(E.shape, E.dtype))
        arrived.append(E)
        cotangents.append(D)
    return Bundle(cotangents[::-1], saved=arrived[::-1])


@opaque
def _backward_vjp(g, backward, theta, forward, network):
    # g injects a tangent U_l before each activation; what comes out is ⟨U, D⟩ = ⟨C, J·U⟩ differentiated.
    layers, slopes, empty, dropout = forward.saved
    to_activations, moved = [None] * len(layers), [None] * len(layers)
    tangent = g[0]
    for l in range(len(layers) - 1):
        if tangent is not None:
            # dropout's constant is undone; where it is zero the slope is too, and nothing of this arrives
            A = forward[l] / dropout[l].max() if dropout and dropout[l].any() else forward[l]
            curvature = None if slopes[l] is None else network.activation.slope_derivative(A)
            if curvature is not None:
                to_activations[l] = backward.saved[l] * tangent
                to_activations[l] *= curvature
            moved[l] = tangent
            if slopes[l] is not None:
                moved[l] = np.multiply(tangent, slopes[l], out=empty(tangent.shape, tangent.dtype))
            tangent = _times(moved[l], layers[l + 1][0], empty)
        if g[l + 1] is not None:
            tangent = g[l + 1] if tangent is None else tangent + g[l + 1]

    def add_to(gradient):
        for l, (W, _) in enumerate(network.unpack(gradient)[1:]):
            if moved[l] is not None:
                W += _outer(moved[l], backward[l + 1], empty)

    return accumulate(theta, add_to), Bundle(to_activations), tangent


defvjp_all(
    _backward,
    lambda g, ans, theta, forward, cotangent, network: _backward_vjp(g, ans, theta, forward, network),
)


def _times(A, W, empty):
    """A @ W"""
    if isinstance(A, np.ndarray):
        return np.matmul(A, W, out=empty((A.shape[0], W.shape[1]), W.dtype))
    return A @ W  # sparse inputs


def _times_transposed(D, W, empty):
    """D @ W.T"""
    out = empty((D.shape[0], W.shape[0]), W.dtype)
    if W.shape[1] == 1:  # a column times a row is slow in BLAS
        return np.multiply(D, W[:, 0], out=out)
    return np.matmul(D, W.T, out=out)


def _outer(A, D, empty):
    """A.T @ D"""
    if isinstance(A, np.ndarray):
        return np.matmul(A.T, D, out=empty((A.shape[1], D.shape[1]), D.dtype))
    return A.T @ D
