"""Parametrizations: which parameters a solver moves, and how they become those of the network.

Constraints are parametrizations: the solver moves weights of any size, the network sees normalized
ones; or a projection brings them back after each step. Others take out a kink. With residuals r the
L1 norm of a linear model's input gradients is ``Σ_d mean_i |r_i · W_d|`` over the rows W_d of the
weights, one per feature, with a kink where W_d = 0. A solver with bounds needs no subgradient there
if the rows are non-negative numbers times directions: the kink is then a bound, and a feature that
drops out is exactly zero. Only the direction of such a row needs a subgradient, the shortest.
"""

from abc import ABC, abstractmethod
from functools import partial

import numpy as np
from scipy.optimize import nnls

from sklearn_irg._component import says_last
from sklearn_irg._engine.autodiff import defvjp, make_vjp, primitive

__all__ = [
    "NoReparametrization",
    "Parametrization",
    "ScaledRows",
    "SignedParts",
    "StandardizedInputs",
]

# at most, of the search for the shortest subgradient; the problems of the tests take up to five
_ROUNDS = 50


class Parametrization(ABC):
    """Map from the parameters that a solver moves to those of a network.

    Attributes
    ----------
    is_identity : bool, default=False
        Whether the two are the same.
    gives_gradients : bool, default=False
        Whether `trained_gradients` is defined, for terms that read derivatives with respect to what
        the solver moves.
    projects : bool, default=False
        Whether `project` does anything; it then follows each step of a solver.
    allows_zero : bool, default=True
        Whether weights of zero have an image, so that a fit may start there.
    needs_whole_batch : bool, default=False
        Whether `for_batch` makes a difference, so that a batch must be evaluated as a whole.
    is_detached : bool, default=False
        Whether its derivative holds constant what depends on the parameters.
    """

    @property
    def _name(self):
        """Name in messages."""
        return type(self).__name__

    is_detached = False
    is_identity = False
    gives_gradients = False
    projects = False
    allows_zero = True
    needs_whole_batch = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if not says_last(cls, "transform_and_vjp", ("transform",)):
            cls.transform_and_vjp = Parametrization.transform_and_vjp  # of the new transform

    @abstractmethod
    def transform(self, network, theta):
        """Parameters of the network, differentiable with respect to the solver's."""

    def transform_and_vjp(self, network, theta):
        """The same outside a trace, and the function from cotangents of them to the solver's."""
        vjp, effective = make_vjp(partial(self.transform, network), theta)
        return effective, vjp

    def trained_gradients(self, network, theta, gradients):
        """Derivatives with respect to the solver's weights of each layer.

        ``gradients`` holds those with respect to the network's weights.

        Differentiable with respect to the solver's parameters ``theta`` and the gradients.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what becomes of gradients.")

    def for_batch(self, batch):
        """The parametrization for the rows of a batch."""
        del batch
        return self

    def fold(self, network, theta, batch):
        """The parameters of the network over all rows of a fit, which are kept."""
        del batch
        return self.transform(network, theta)

    def unfold(self, network, theta, batch):
        """The solver's parameters from which to continue for those of a network that was kept."""
        del network, batch
        return theta

    def from_network(self, network, theta, gradient, tol):
        """The solver's parameters for those of a network.

        ``gradient(theta)`` is that of the objective with respect to the network's parameters;
        derivatives below ``tol`` count as zero.
        """
        del network, gradient, tol
        return theta

    def project(self, network, theta):
        """Bring the solver's parameters back, in place, after a step."""
        del network, theta

    def bounds(self, network):
        """Pairs (low, high), one for each of the solver's parameters; None if there are no bounds.

        An entry of a pair is None where there is no bound.
        """
        del network


class NoReparametrization(Parametrization):
    """The solver moves the parameters of the network."""

    is_identity = True
    gives_gradients = True

    def transform(self, network, theta):
        del network
        return theta

    def trained_gradients(self, network, theta, gradients):
        del network, theta
        return gradients


class SignedParts(Parametrization):
    """Weights of a linear model with one output as ``w = u - v`` with ``u, v ≥ 0``.

    The solver moves θ = (u, v, intercept).
    """

    def transform(self, network, theta):
        return _difference(theta, network.layer_sizes[0])

    def from_network(self, network, theta, gradient, tol):
        del gradient, tol
        w = theta[: network.layer_sizes[0]]
        return np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), theta[len(w) :]])

    def bounds(self, network):
        d = network.layer_sizes[0]
        return [(0, None)] * (2 * d) + [(None, None)] * (network.n_parameters - d)


class StandardizedInputs(Parametrization):
    """Weights and biases of a linear model as they are on standardized inputs.

    Steps of the solver are then as effective for rare indicators as for other columns.

    Parameters
    ----------
    means, scales : ndarray of shape (n_features,)
        Means of the inputs, and their scales, which are positive.
    """

    def __init__(self, means, scales):
        self.means = means
        self.scales = scales

    def transform(self, network, theta):
        return _of_raw_inputs(theta, self.means, self.scales, network)

    def from_network(self, network, theta, gradient, tol):
        del gradient, tol
        theta_of_solver = theta.copy()
        ((W, b),) = network.unpack(theta_of_solver)
        if b is not None:
            b += self.means @ W
        W *= self.scales[:, None]
        return theta_of_solver


class ScaledRows(Parametrization):
    """Weights of a linear model as ``W_d = s_d U_d`` with ``s_d ≥ 0``.

    The solver moves θ = (s, U, intercepts).
    """

    def transform(self, network, theta):
        return _product(theta, *network.layer_sizes)

    def from_network(self, network, theta, gradient, tol):
        ((W, _),) = network.unpack(theta)
        s = np.sqrt((W**2).sum(axis=1))
        U = W / np.where(s > 0, s, 1)[:, None]
        zero = np.flatnonzero(s == 0)
        if len(zero):
            U[zero] = _steepest_descents(network, theta, zero, gradient, tol)
        return np.concatenate([s, U.ravel(), theta[W.size :]]).astype(theta.dtype, copy=False)

    def bounds(self, network):
        return [(0, None)] * network.layer_sizes[0] + [(None, None)] * network.n_parameters


def _steepest_descents(network, theta, zero, gradient, tol):
    """Unit directions of steepest descent for some rows of weights, all zero.

    Each is minus the shortest subgradient there. The gradient after an infinitesimal step along U
    is a subgradient, and the shortest vector in the convex hull of those found, at first of the
    gradient at zero alone, gives the next direction to try (Wolfe 1976). Each round is one gradient
    for all rows; a row is done when its subgradient is shorter than ``tol``, or when the objective
    descends at least half as fast as that length allows.
    """
    probe = theta.copy()
    ((W, _),) = network.unpack(probe)
    hulls = gradient(probe)[: W.size].reshape(W.shape)[zero, None]
    shortest = hulls[:, 0].astype(np.float64)
    tiny = np.sqrt(np.finfo(theta.dtype).tiny)
    U = np.ones_like(shortest)
    for _ in range(_ROUNDS):
        lengths = np.linalg.norm(shortest, axis=1)
        U = np.where(
            lengths[:, None] > 0, -shortest / np.where(lengths > 0, lengths, 1)[:, None], U
        )
        W[zero] = tiny * U
        nearby = gradient(probe)[: W.size].reshape(W.shape)[zero]
        undecided = (lengths > tol) & (-(nearby * U).sum(axis=1) < lengths / 2)
        if not undecided.any():
            break
        hulls = np.concatenate([hulls, nearby[:, None]], axis=1)
        for i in np.flatnonzero(undecided):
            shortest[i] = _shortest(hulls[i].astype(np.float64))
    return U / np.linalg.norm(U, axis=1, keepdims=True)


def _shortest(points):
    """The point of the convex hull of some points, one per row, that is closest to the origin."""
    scale = np.abs(points).max()
    A = np.vstack([points.T / scale, np.ones(len(points))])
    shares = nnls(A, np.append(np.zeros(points.shape[1]), 1.0))[0]
    return shares @ points / shares.sum()


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


@primitive
def _of_raw_inputs(theta, means, scales, network):
    raw = theta.copy()
    ((W, b),) = network.unpack(raw)
    W /= scales[:, None]
    if b is not None:
        b -= means @ W
    return raw


def _of_raw_inputs_vjp(g, means, scales, network):
    g = g.copy()
    ((W, b),) = network.unpack(g)
    if b is not None:
        W -= np.multiply.outer(means, b)
    W /= scales[:, None]
    return g


defvjp(_of_raw_inputs, lambda ans, theta, *others: lambda g: _of_raw_inputs_vjp(g, *others))
