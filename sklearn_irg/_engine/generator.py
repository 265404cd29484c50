"""A generator against a critic: one network behind the other in θ, of which one descends what the other ascends."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklearn_irg._engine.autodiff import defvjp, matmul, primitive
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.parametrisations import Parametrisation
from sklearn_irg._engine.passes import activate, weight_at

__all__ = ["CriticAndGenerator", "Opponents"]


@dataclass(frozen=True)
class CriticAndGenerator(Network):
    """A critic, which is the network itself, and the parameters of a generator of its inputs behind its own.

    Parameters
    ----------
    generator_sizes : tuple of int
        Number of latent variables, hidden units per layer, features.
    """

    generator_sizes: tuple = ()

    @cached_property
    def _generator_layout(self):
        layout, start = [], super().n_parameters
        for n_in, n_out in zip(self.generator_sizes[:-1], self.generator_sizes[1:], strict=True):
            middle = start + n_in * n_out
            layout.append(((slice(start, middle), (n_in, n_out)), (slice(middle, middle + n_out), (1, n_out))))
            start = middle + n_out
        return layout

    @property
    def n_parameters(self):
        """Length of the flat parameter vector."""
        return self._generator_layout[-1][1][0].stop

    @property
    def n_critic_parameters(self):
        """How many of these are the critic's."""
        return super().n_parameters

    def initialize(self, random_state, dtype):
        """Glorot-uniform weights and biases of both."""
        theta = super().initialize(random_state, dtype)
        for (W, shape), (b, _) in self._generator_layout:
            bound = np.sqrt(self.activation.init_factor / sum(shape))
            theta[W] = random_state.uniform(-bound, bound, shape[0] * shape[1])
            theta[b] = random_state.uniform(-bound, bound, shape[1])
        return theta

    def generator(self, theta):
        """Weights and biases of the generator, as views."""
        return [(theta[W].reshape(shape), theta[b]) for (W, shape), (b, _) in self._generator_layout]

    def generate(self, theta, latent):
        """Rows made of latent variables (n_samples, n_latent), differentiable with respect to θ."""
        layers = [(weight_at(theta, W), weight_at(theta, b)) for W, b in self._generator_layout]
        return self._through(layers, latent)

    def criticize(self, theta, X):
        """Outputs of the critic, differentiable with respect to θ and to the rows."""
        layers = [
            (self.weight(theta, l), weight_at(theta, (b, (1, shape[1]))))
            for l, (_, shape, b) in enumerate(self._layout)
        ]
        return self._through(layers, X)

    def _through(self, layers, A):
        for W, b in layers[:-1]:
            A = activate(matmul(A, W) + b, self.activation)
        W, b = layers[-1]
        return matmul(A, W) + b


class Opponents(Parametrisation):
    """The generator ascends what the critic descends, at a fraction of its speed.

    For a solver whose steps do not depend on the scale of a gradient, such as Adam.

    Parameters
    ----------
    speed : float
        The fraction.
    """

    allows_zero = False

    def __init__(self, speed):
        self.speed = speed

    def transform(self, network, theta):
        return _oppose(theta, network.n_critic_parameters, self.speed)

    def unsettled(self, network, theta, batch):
        del batch
        theta = theta.copy()
        theta[network.n_critic_parameters :] /= self.speed
        return theta


@primitive
def _oppose(theta, n_critic, speed):
    effective = theta.copy()
    effective[n_critic:] *= speed
    return effective


def _oppose_vjp(g, n_critic, speed):
    opposed = g.copy()
    opposed[n_critic:] *= -speed
    return opposed


defvjp(_oppose, lambda ans, theta, n_critic, speed: lambda g: _oppose_vjp(g, n_critic, speed))
