"""Networks: fully connected layers on one flat parameter vector; `passes` holds the arithmetic."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._engine.activations import Activation
from sklearn_irg._engine.autodiff import matmul_transposed
from sklearn_irg._engine.likelihoods import Likelihood
from sklearn_irg._engine.passes import backward_pass, forward_pass, squared_weights, weight_at

__all__ = ["Network", "stays_finite"]

# of activations per block of rows, where only outputs are wanted: a few megabytes fit into a
# cache. 2**19 to 2**23 took the same time, up to noise, and 2**25 nearly twice as long
_BLOCK_BYTES = 2**23


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
            layout.append(
                (
                    slice(start, middle),
                    (n_in, n_out),
                    slice(middle, stop) if self.fit_intercept else None,
                )
            )
            start = stop
        return layout

    def unpack(self, theta):
        """Views ``[(W, b), …]`` into a flat vector; b is None without intercept.

        For several vectors, the rows of a matrix, W has the shape (n_networks, n_in, n_out), and b
        (n_networks, 1, n_out).
        """
        if theta.ndim == 1:
            return [
                (theta[W].reshape(shape), None if b is None else theta[b])
                for W, shape, b in self._layout
            ]
        return [
            (theta[:, W].reshape(-1, *shape), None if b is None else theta[:, None, b])
            for W, shape, b in self._layout
        ]

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
        """Weight matrix of a layer, counted from 0, as a differentiable function of θ."""
        return weight_at(theta, self._layout[layer][:2])

    def bias(self, theta, layer):
        """Biases of a layer, as a differentiable function of θ; None without intercept.

        Layers are counted from 0.
        """
        place = self._layout[layer][2]
        return None if place is None else weight_at(theta, (place, (place.stop - place.start,)))

    def weights(self, theta):
        """All weight matrices."""
        return [self.weight(theta, layer) for layer in range(len(self._layout))]

    def forward(self, theta, X, allocate=np.empty, dropout=None, noise=None):
        """One forward pass: a tuple of hidden activations and, last, the outputs.

        Each has the shape (n_samples, n_units).

        ``allocate(shape, dtype)`` makes the arrays of this pass and of those that follow from it;
        ``dropout`` holds, for each hidden layer, the factors of its activations: zero, or one
        constant. ``noise`` holds, for each hidden layer, what is added to its pre-activations.
        """
        return forward_pass(theta, X, self, allocate, dropout, noise)

    def above(self, layer):
        """Network of the layers above a hidden layer, counted from 0, and its slice of θ."""
        network = Network(
            self.layer_sizes[layer + 1 :], self.activation, self.likelihood, self.fit_intercept
        )
        start = self._layout[layer + 1][0].start
        return network, slice(start, start + network.n_parameters)

    def draw_dropout(self, rate, n_samples, random_state, dtype):
        """Multipliers for `forward`: zero with probability ``rate``, otherwise 1 / (1 - rate)."""
        return [
            (random_state.random_sample((n_samples, size)) >= rate).astype(dtype)
            / dtype.type(1 - rate)
            for size in self.layer_sizes[1:-1]
        ]

    def backward(self, theta, forward, cotangent):
        """Derivatives of ⟨cotangent, outputs⟩ with respect to the pre-activations of each layer.

        The first layer comes first.

        There may be several cotangents for each row: all rows with the first, then all rows with
        the second, ….
        """
        return backward_pass(theta, forward, cotangent, self)

    def pull_back(self, theta, forward, cotangent):
        """Vector-Jacobian product to the inputs, shape (n_samples, n_features)."""
        return matmul_transposed(self.backward(theta, forward, cotangent)[0], self.weight(theta, 0))

    def outputs(self, theta, X, function=None):
        """Outputs, or a function of them, outside any trace.

        They are computed in blocks of rows, so that the memory for activations does not grow with
        X.

        ``function`` takes the outputs of some rows and returns an array with as many rows.
        """
        n_samples, result = X.shape[0], None
        size = max(
            1, _BLOCK_BYTES // (2 * sum(self.layer_sizes[1:]) * theta.itemsize)
        )  # activations and slopes
        for start in range(0, max(n_samples, 1), size):
            rows = slice(start, min(start + size, n_samples))
            block = forward_pass(
                theta, X[rows] if size < n_samples else X, self, np.empty, None, None
            )[-1]
            block = block if function is None else function(block)
            if rows.stop - start == n_samples:
                return block
            if result is None:
                result = np.empty((n_samples, *block.shape[1:]), dtype=block.dtype)
            result[rows] = block
        return result

    def squared_weights(self, theta):
        """Sum of the squares of all weights, without biases, as a differentiable function of θ."""
        return squared_weights(theta, self)


def stays_finite(network, theta, X):
    """Whether bounds show that the outputs at some rows and their means do not overflow.

    They follow from the magnitudes of inputs and weights alone. Where it is False, outputs may
    still be finite.
    """
    entries = X.data if issparse(X) else X
    largest = np.sqrt(float(np.finfo(theta.dtype).max))
    activation, zero = network.activation, np.zeros(1)
    activation.apply(zero)
    size = max(float(entries.max(initial=0)), -float(entries.min(initial=0)))
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, (W, b) in enumerate(network.unpack(theta)):
            if layer:
                size = abs(float(zero[0])) + float(activation.largest_slope) * size
            size = size * float(np.abs(W).sum(axis=0).max()) + (
                0.0 if b is None else float(np.abs(b).max())
            )
            if not size < largest:
                return False
        ends = np.array([[-size], [size]], dtype=theta.dtype) * np.ones(
            network.layer_sizes[-1], dtype=theta.dtype
        )
        return bool(np.isfinite(network.likelihood.mean(ends)).all())
