"""Parametrisations: which parameters a solver moves, and how they become those of the network.

Constraints are parametrisations: the solver moves weights of any size, the network sees normalised ones; or a projection
brings them back after each step. Others take out a kink. With residuals r the L1 norm of a linear model's input gradients is
``Σ_d mean_i |r_i · W_d|`` over the rows W_d of the weights, one per feature, with a kink where W_d = 0. A solver with bounds
needs no subgradient there if the rows are non-negative numbers times directions: the kink is then a bound, and a feature that
drops out is exactly zero.
"""

from abc import ABC, abstractmethod

import numpy as np

from sklearn_irg._engine.autodiff import defvjp, primitive

__all__ = ["Identity", "Parametrisation", "ScaledRows", "SignedParts"]


class Parametrisation(ABC):
    """How the parameters that a solver moves become those of a network.

    Attributes
    ----------
    projects : bool, default=False
        Whether `project` does anything; it then follows each step of a solver.
    allows_zero : bool, default=True
        Whether weights of zero have an image, so that a fit may start there.
    """

    projects = False
    allows_zero = True

    @abstractmethod
    def transform(self, network, theta):
        """The parameters of the network, differentiable with respect to the solver's."""

    def enter(self, network, theta, gradient):
        """The solver's parameters for those of a network; ``gradient()`` is that of the objective there."""
        del network, gradient
        return theta

    def project(self, network, theta):
        """Bring the solver's parameters back, in place, after a step."""
        del network, theta

    def bounds(self, network):
        """A pair (low, high) for each of the solver's parameters, None where there is no bound; None if there are none."""
        del network


class Identity(Parametrisation):
    """The solver moves the parameters of the network."""

    def transform(self, network, theta):
        del network
        return theta


class SignedParts(Parametrisation):
    """The weights of a linear model with one output as ``w = u - v`` with ``u, v ≥ 0``; θ = (u, v, intercept)."""

    def transform(self, network, theta):
        return _difference(theta, network.layer_sizes[0])

    def enter(self, network, theta, gradient):
        del gradient
        w = theta[: network.layer_sizes[0]]
        return np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), theta[len(w) :]])

    def bounds(self, network):
        d = network.layer_sizes[0]
        return [(0, None)] * (2 * d) + [(None, None)] * (network.n_parameters - d)


class ScaledRows(Parametrisation):
    """The weights of a linear model as ``W_d = s_d U_d`` with ``s_d ≥ 0``; θ = (s, U, intercepts)."""

    def transform(self, network, theta):
        return _product(theta, *network.layer_sizes)

    def enter(self, network, theta, gradient):
        ((W, _),) = network.unpack(theta)
        s = np.sqrt((W**2).sum(axis=1))[:, None]
        U = W / np.where(s > 0, s, 1)
        if not s.all():  # a row of zeros gets the direction of descent
            ((G, _),) = network.unpack(gradient())
            norms = np.sqrt((G**2).sum(axis=1))[:, None]
            U = np.where(s > 0, U, np.where(norms > 0, -G / np.where(norms > 0, norms, 1), 1))
        return np.concatenate([s[:, 0], U.ravel(), theta[W.size :]]).astype(theta.dtype)

    def bounds(self, network):
        return [(0, None)] * network.layer_sizes[0] + [(None, None)] * network.n_parameters


@primitive
def _difference(theta, d):
    return np.concatenate([theta[:d] - theta[d : 2 * d], theta[2 * d :]])


@primitive
def _product(theta, d, k):
    U = theta[d : d + d * k].reshape(d, k)
    return np.concatenate([(theta[:d, None] * U).ravel(), theta[d + d * k :]])


def _product_vjp(ans, theta, d, k):
    s, U = theta[:d, None], theta[d : d + d * k].reshape(d, k)

    def vjp(g):
        G = g[: d * k].reshape(d, k)
        return np.concatenate([(G * U).sum(axis=1), (s * G).ravel(), g[d * k :]])

    return vjp


defvjp(_difference, lambda ans, theta, d: lambda g: np.concatenate([g[:d], -g[:d], g[d:]]))
defvjp(_product, _product_vjp)
