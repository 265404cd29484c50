"""Ladder networks: an ordinary network as encoder, and a decoder.

In θ the decoder's parameters follow those of the encoder.

The encoder normalizes over the batch what enters each activation. A second pass through it has
noise in every layer; from the top down the decoder restores what each layer had without noise, from
what it has with noise and from the layer above. All of it reads what the solver moves; penalties
read the ordinary network that this is for the rows of a batch.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sklearn_irg._engine.activations import Logistic
from sklearn_irg._engine.autodiff import (
    ArrayTuple,
    defvjp,
    defvjp_all,
    matmul,
    numpy,
    opaque,
    primitive,
)
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.normalization import FLOOR, BatchNormalization
from sklearn_irg._engine.passes import activate, weight_at

__all__ = ["FoldedNormalization", "LadderNetwork", "RowNormalization", "decode", "encode"]

# Combinators at the start, ten numbers per unit: five for the mean and five for the share of the
# noisy value, which are a sigmoid (three), a line and a constant. Mean 0 and share 1 pass noisy
# values on.
_START = np.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 1.0])
_LOGISTIC = Logistic()


@dataclass(frozen=True)
class LadderNetwork(Network):
    """A network whose parameters are followed by those of a decoder; see `Network`."""

    @cached_property
    def _decoder_layout(self):
        sizes, start, layout = self.layer_sizes, super().n_parameters, []
        for l, size in enumerate(sizes):
            combinator = slice(start, start + 10 * size), (10, size)
            start += 10 * size
            weights = None
            if l > 0:
                weights = slice(start, start + size * sizes[l - 1]), (size, sizes[l - 1])
                start += size * sizes[l - 1]
            layout.append((combinator, weights))
        return layout, start

    @property
    def n_parameters(self):
        """Length of the flat parameter vector."""
        return self._decoder_layout[1]

    def initialize(self, random_state, dtype):
        """Glorot-uniform weights, and combinators that pass noisy values on."""
        theta = super().initialize(random_state, dtype)
        for (place, shape), weights in self._decoder_layout[0]:
            theta[place] = np.repeat(_START, shape[1])
            if weights is not None:
                bound = np.sqrt(6 / sum(weights[1]))
                theta[weights[0]] = random_state.uniform(
                    -bound, bound, weights[1][0] * weights[1][1]
                )
        return theta

    def combinator(self, theta, layer):
        """Ten numbers for each unit of a layer, shape (10, n_units), differentiable.

        Layer 0 is the input.
        """
        return weight_at(theta, self._decoder_layout[0][layer][0])

    def decoder_weight(self, theta, layer):
        """The matrix from a layer to the one below, differentiable."""
        return weight_at(theta, self._decoder_layout[0][layer][1])


class RowNormalization(BatchNormalization):
    """Normalization over rows, weighted without the weights of their classes.

    With weights of classes the values of a rare class would be far from zero, where nothing has
    been learned to restore them.
    """

    _name = "BatchNormalization"

    def for_batch(self, batch):
        return super().for_batch(_without_classes(batch))

    def fold(self, network, theta, batch):
        return super().fold(network, theta, _without_classes(batch))

    def unfold(self, network, theta, batch):
        return super().unfold(network, theta, _without_classes(batch))


def _without_classes(batch):
    return (
        batch if batch.row_weights is None else batch._replace(weights={"all": batch.row_weights})
    )


class FoldedNormalization(RowNormalization):
    """Normalization by the terms themselves, folded into the weights that are kept."""

    def transform(self, network, theta):
        del network
        return theta


@primitive
def _normalized(Z, weights):
    """Columns with mean zero and variance one over weighted rows, with their statistics.

    These are the means and standard deviations, each of shape (1, n_units).
    """
    mean = (weights @ Z)[None]
    values = Z - mean
    deviation = np.sqrt((weights @ (values * values))[None] + FLOOR)
    values /= deviation
    return ArrayTuple([values, mean, deviation])


@opaque
def _normalized_vjp(g, ans, weights):
    values, _, deviation = ans
    of_values, of_mean, of_deviation = g
    of_mean = np.zeros_like(deviation) if of_mean is None else of_mean
    of_deviation = np.zeros_like(deviation) if of_deviation is None else of_deviation
    of_Z = np.zeros_like(values) if of_values is None else of_values / deviation
    of_deviation = of_deviation - np.einsum("ij,ij->j", of_Z, values)
    of_mean = of_mean - of_Z.sum(axis=0)
    return of_Z + weights[:, None] * (values * of_deviation + of_mean)


defvjp(_normalized, lambda ans, Z, weights: lambda g: _normalized_vjp(g, ans, weights))


@primitive
def _gains(V):
    """Norm of each column, shape (1, n_units)."""
    return np.sqrt(np.einsum("ij,ij->j", V, V) + np.finfo(V.dtype).tiny)[None]


@opaque
def _gains_vjp(g, ans, V):
    return V * (g / ans)


defvjp(_gains, lambda ans, V: lambda g: _gains_vjp(g, ans, V))


def encode(network, theta, X, weights, noise=None):
    """One pass through the encoder: normalized values of all layers, and the outputs.

    The values of each layer come with their means and standard deviations; the first entry is the
    input, which has none.

    ``noise`` is added to the input and to the normalized values of each layer.
    """
    is_identity = network.activation.is_identity
    n_layers = len(network.shapes)
    layers = [(X if noise is None else X + noise[0], None, None)]
    activations = layers[0][0]
    for l in range(n_layers):
        values, mean, deviation = _normalized(
            matmul(activations, network.weight(theta, l)), weights
        )
        values = values if noise is None else values + noise[l + 1]
        layers.append((values, mean, deviation))
        # read again, so that its gradients are accumulated, not added as matrices
        gains = _gains(network.weight(theta, l))
        activations = values * gains + network.bias(theta, l)
        if l < n_layers - 1 and not is_identity:
            activations = activate(activations, network.activation)
    return layers, activations


class _Bend(NamedTuple):
    """A sigmoid and a line, and the sigmoid alone."""

    values: np.ndarray
    sigmoid: np.ndarray


def _bend(a, above):
    sigmoid = a[1] * above
    sigmoid += a[2]
    _LOGISTIC.apply(sigmoid)
    values = a[0] * sigmoid
    values += a[3] * above
    values += a[4]
    return _Bend(values, sigmoid)


@primitive
def _combine(a, noisy, above):
    """Estimate of clean values, given noisy ones and the layer above; a tuple of one array.

    ``a`` holds ten numbers per unit: five for a mean and five for the share of the noisy value,
    both functions of ``above``, the prediction from the layer above.
    """
    mean, share = _bend(a[:5], above), _bend(a[5:], above)
    restored = noisy - mean.values
    restored *= share.values
    restored += mean.values
    return ArrayTuple([restored], saved=(mean, share))


@opaque
def _combine_vjp(g, ans, a, noisy, above):
    mean, share = ans.saved
    of_a, of_above = [], np.zeros_like(above)
    for half, bend, of_bend in (
        (a[:5], mean, g * (1 - share.values)),
        (a[5:], share, g * (noisy - mean.values)),
    ):
        slope = _LOGISTIC.slope(bend.sigmoid, np.empty_like(of_bend))
        slope *= of_bend
        slope *= half[0]
        of_a += [
            _column_dot(of_bend, bend.sigmoid),
            _column_dot(slope, above),
            slope.sum(axis=0),
            _column_dot(of_bend, above),
            of_bend.sum(axis=0),
        ]
        slope *= half[1]
        of_bend *= half[3]
        of_above += slope
        of_above += of_bend
    return np.array(of_a), g * share.values, of_above


def _column_dot(A, B):
    return np.einsum("ij,ij->j", A, B)


defvjp_all(_combine, lambda g, ans, a, noisy, above: _combine_vjp(g[0], ans, a, noisy, above))


def decode(network, theta, clean, noisy, top, weights, lowest=0):
    """Mean squared error of the restored values of each layer, each of shape (n_samples,).

    The mean is over units. Values are restored from those with noise, from the top layer down.

    ``top`` is the prediction of the noisy pass, and ``lowest`` the first layer of interest; 0 is
    the input.
    """
    errors, restored = [], None
    for l in reversed(range(lowest, len(clean))):
        above = top if restored is None else matmul(restored, network.decoder_weight(theta, l + 1))
        restored = _combine(
            network.combinator(theta, l), noisy[l][0], _normalized(above, weights)[0]
        )[0]
        values, mean, deviation = clean[l]
        error = values - (restored if mean is None else (restored - mean) / deviation)
        errors.append(numpy.mean(error * error, axis=1))
    return errors[::-1]
