"""Batch normalization as a parametrization: batches scale and shift the solver's weights.

The solver moves weights V and biases β of the same shapes as the network's. With ``Z = A V`` over
the rows of a batch, weighted mean μ and standard deviation σ of each column, and the norm of each
column of V for its gain g, the network's parameters are ``W = V g / σ`` and ``b = β - μ g / σ``,
layer by layer. So terms see an ordinary network, whose derivatives they know, and over all rows of
a fit it is the network that is kept. The gradient goes through μ and σ.
"""

from copy import copy
from typing import NamedTuple

import numpy as np

from sklearn_irg._engine.autodiff import ArrayTuple, defvjp_all, opaque, primitive
from sklearn_irg._engine.parametrizations import Parametrization

__all__ = ["FLOOR", "BatchNormalization"]

# added to variances, so that constant units stay finite; the usual value, as in torch
FLOOR = 1e-5
# at a time, in a pass over all rows, to bound its memory; only rounding depends on it
_BLOCK_ROWS = 4096


class BatchNormalization(Parametrization):
    """All layers normalized over the rows of a batch.

    The norms of the solver's weights serve as gains.
    """

    needs_whole_batch = True
    _batch = None

    def for_batch(self, batch):
        other = copy(self)
        other._batch = batch
        return other

    def transform(self, network, theta):
        weights = self._batch.weights["all"]
        return _normalize(theta, self._batch.X, weights / weights.sum(), network)[0]

    def fold(self, network, theta, batch):
        effective = theta.copy()
        for layer, (V, _) in enumerate(network.unpack(theta)):
            mean, variance = _moments(network, effective, batch, layer, V)
            W, b = network.unpack(effective)[layer]
            scale = _gains(V) / np.sqrt(variance + FLOOR)
            W *= scale
            b -= mean * scale
        return effective

    def unfold(self, network, theta, batch):
        # the gain g of V = g W / ‖W‖ solves g² / √(g² var(A W) / ‖W‖² + floor) = ‖W‖
        solvers = theta.copy()
        for layer, (W, _) in enumerate(network.unpack(theta)):
            mean, variance = _moments(network, theta, batch, layer, W)
            V, b = network.unpack(solvers)[layer]
            norms = _gains(W)
            gains = np.sqrt((variance + np.sqrt(variance**2 + 4 * FLOOR * norms**2)) / 2)
            V *= np.divide(gains, norms, out=np.zeros_like(norms), where=norms > 0)
            b += mean
        return solvers


def _gains(V):
    return np.sqrt(np.einsum("ij,ij->j", V, V))


def _moments(network, theta, batch, layer, V):
    """Weighted mean and variance of ``A V``, computed in blocks of rows.

    A is the output of the layers before ``layer``.
    """
    layers = network.unpack(theta)[:layer]
    weights = batch.weights["all"] / batch.weights["all"].sum()
    total, mean, square = 0.0, np.zeros(V.shape[1]), np.zeros(V.shape[1])
    for start in range(0, batch.n_samples, _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        A, w = batch.X[rows], weights[rows].astype(np.float64)
        for W, b in layers:
            A = A @ W
            A += b
            network.activation.apply(A)
        Z = (A @ V).astype(np.float64, copy=False)
        of_block = w @ Z / w.sum()
        # Chan, Golub and LeVeque (1983): deviations from the mean of the block, and those of the
        # means
        shift = of_block - mean
        square += w @ (Z - of_block) ** 2 + shift**2 * (total * w.sum() / (total + w.sum()))
        total += w.sum()
        mean += shift * (w.sum() / total)
    return mean.astype(V.dtype), square.astype(V.dtype)


# -- the primitive ---------------------------------------------------------------------------------


class _Layer(NamedTuple):
    """Arrays that the forward pass of a layer saves for the backward pass."""

    inputs: np.ndarray
    centered: np.ndarray  # Z - μ
    mean: np.ndarray
    deviation: np.ndarray
    gains: np.ndarray
    slope: np.ndarray | None


@primitive
def _normalize(theta, X, weights, network):
    effective, saved, A = theta.copy(), [], X
    layers = network.unpack(effective)
    for l, (W, b) in enumerate(layers):
        gains, Z = _gains(W), A @ W
        mean = weights @ Z
        Z -= mean
        deviation = np.sqrt(weights @ (Z * Z) + FLOOR)
        scale = gains / deviation
        slope, inputs = None, A
        if l < len(layers) - 1:
            A = Z * scale
            A += b
            network.activation.apply(A)
            slope = network.activation.slope(A, np.empty_like(A))
        saved.append(_Layer(inputs, Z, mean, deviation, gains, slope))
        W *= scale
        b -= mean * scale
    return ArrayTuple([effective], saved=saved)


@opaque
def _normalize_vjp(g, ans, theta, weights, network):
    # D is the cotangent of a layer's activations; what arrives for its W and b adds to it through
    # μ, σ and the gain
    gradient, D = g[0].copy(), None
    layers, gradients = network.unpack(theta), network.unpack(gradient)
    for (V, _), (G, G_b), saved in zip(layers[::-1], gradients[::-1], ans.saved[::-1], strict=True):
        scale = saved.gains / saved.deviation
        of_scale = np.einsum("ij,ij->j", G, V) - G_b * saved.mean
        G *= scale
        if D is None:
            of_mean = -scale * G_b
            D = 0
        else:
            D *= saved.slope
            G_b += D.sum(axis=0)
            of_scale += np.einsum("ij,ij->j", D, saved.centered)
            of_mean = -scale * G_b
            D *= scale
        of_variance = -of_scale * scale / saved.deviation**2  # twice the derivative
        D = D + weights[:, None] * (saved.centered * of_variance + of_mean)
        G += saved.inputs.T @ D
        factor = np.divide(
            of_scale, saved.deviation * saved.gains, out=np.zeros_like(scale), where=saved.gains > 0
        )
        G += V * factor
        D = D @ V.T if saved.inputs is not ans.saved[0].inputs else None
    return (gradient,)


defvjp_all(
    _normalize,
    lambda g, ans, theta, X, weights, network: _normalize_vjp(g, ans, theta, weights, network),
)
