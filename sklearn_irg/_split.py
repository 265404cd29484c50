"""Exact zeros for the L1 input gradient of a linear model, by parameters in which a feature drops out at a bound.

With residuals r the penalty is ``Σ_d mean_i |r_i · W_d|`` over the rows W_d of the weights, one per feature; it has a kink
where W_d = 0. A solver with bounds needs no subgradient there if the rows are written as non-negative numbers times
directions:

* one output: ``w = u - v`` with ``u, v ≥ 0``, where the penalty is ``mean |r_i| · Σ (u + v)``;
* more outputs: ``W_d = s_d U_d`` with ``s_d ≥ 0``, where it is ``Σ_d s_d mean_i |r_i · U_d|``.
"""

from abc import abstractmethod

import numpy as np

from sklearn_irg._engine.autodiff import defvjp, matmul_transposed, numpy, primitive, stop_gradient
from sklearn_irg._objective import Objective
from sklearn_irg.penalties import InputGradient

__all__ = ["objective_class"]


def objective_class(network, penalty, constraint):
    """The class of the objective for a solver with bounds: `Objective` unless there is a kink to take out."""
    terms = [] if penalty is None or constraint is not None else penalty.terms()
    if len(network.layer_sizes) > 2 or not any(_is_l1(term) for _, term in terms):
        return Objective
    return _SignedParts if network.layer_sizes[1] == 1 else _ScaledRows


def _is_l1(term):
    return isinstance(term, InputGradient) and term.norm == "l1"


class _BoundedObjective(Objective):
    """The same objective as a function of other parameters, within bounds."""

    def __init__(self, network, X, targets, penalty, alpha, **options):
        super().__init__(network, X, targets, penalty, alpha, **options)
        self._l1_terms = [pair for pair in self.sample_terms if _is_l1(pair[1])]
        self.sample_terms = [pair for pair in self.sample_terms if not _is_l1(pair[1])]

    def _more_terms(self, theta, step, part):
        for strength, term in self._l1_terms:
            yield strength * part.penalty_weights, self._l1_values(theta, step, step.mask_of(term.features))

    @abstractmethod
    def _l1_values(self, theta, step, mask):
        """The L1 norm of each row's input gradient, shape (n_samples,)."""


class _SignedParts(_BoundedObjective):
    """θ = (u, v, intercept)."""

    @property
    def bounds(self):
        d = self.X.shape[1]
        return [(0, None)] * (2 * d) + [(None, None)] * (self.network.n_parameters - d)

    def enter(self, theta):
        w = theta[: self.X.shape[1]]
        return np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), theta[len(w) :]])

    def effective(self, theta):
        return _difference(theta, self.X.shape[1])

    def _l1_values(self, theta, step, mask):
        d = self.X.shape[1]
        total = theta[:d] + theta[d : 2 * d]
        size = (step.residuals * np.sign(stop_gradient(step.residuals)))[:, 0]
        return size * (numpy.sum(total) if mask is None else numpy.dot(mask, total))


class _ScaledRows(_BoundedObjective):
    """θ = (s, U, intercepts)."""

    @property
    def bounds(self):
        return [(0, None)] * self.X.shape[1] + [(None, None)] * self.network.n_parameters

    def enter(self, theta):
        ((W, _),) = self.network.unpack(theta)
        s = np.sqrt((W**2).sum(axis=1))[:, None]
        U = np.where(s > 0, W / np.where(s > 0, s, 1), self._descent(theta))
        return np.concatenate([s[:, 0], U.ravel(), theta[W.size :]]).astype(theta.dtype)

    def _descent(self, theta):
        """Direction in which each row of weights lowers the loss most."""
        residual = self.network.likelihood.mean(self.network.outputs(theta, self.X)) - self.targets
        G = self.X.T @ (self.loss_weights[:, None] * residual)
        norms = np.sqrt((G**2).sum(axis=1))[:, None]
        return np.where(norms > 0, -G / np.where(norms > 0, norms, 1), 1)

    def effective(self, theta):
        return _product(theta, self.X.shape[1], self.network.layer_sizes[1])

    def _l1_values(self, theta, step, mask):
        d, k = self.X.shape[1], self.network.layer_sizes[1]
        s, U = theta[:d], numpy.reshape(theta[d : d + d * k], (d, k))
        along = matmul_transposed(step.residuals, U)
        size = along * np.sign(stop_gradient(along))
        if mask is not None and mask.ndim == 2:
            return numpy.dot(size * mask, s)
        return numpy.dot(size, s if mask is None else s * mask)


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
