"""Exact zeros for the L1 input gradient of a linear model with one output.

There the penalty is ``mean |r_i| · ‖w‖₁`` with the residual r. With ``w = u - v`` and ``u, v ≥ 0`` it is smooth,
``mean |r_i| · Σ (u + v)``, so a solver with bounds needs no subgradient, and coefficients at both bounds are exactly zero.
"""

import numpy as np

from sklearn_irg._autodiff import defvjp, numpy, primitive, stop_gradient
from sklearn_irg._objective import Objective
from sklearn_irg.penalties import InputGradient

__all__ = ["SplitObjective"]


@primitive
def _merge(phi, d):
    return np.concatenate([phi[:d] - phi[d : 2 * d], phi[2 * d :]])


defvjp(_merge, lambda ans, phi, d: lambda g: np.concatenate([g[:d], -g[:d], g[d:]]))


class SplitObjective(Objective):
    """The same objective as a function of (u, v, intercept), to be minimised within bounds."""

    @staticmethod
    def applies(network, penalty, constraint):
        """Whether there is anything to split, and the parts are the network's own weights."""
        terms = [] if penalty is None or constraint is not None else penalty.terms()
        return network.layer_sizes[1:] == (1,) and any(_is_l1(term) for _, term in terms)

    def __init__(self, network, X, targets, penalty, alpha, **options):
        super().__init__(network, X, targets, penalty, alpha, **options)
        self._l1_terms = [pair for pair in self.sample_terms if _is_l1(pair[1])]
        self.sample_terms = [pair for pair in self.sample_terms if not _is_l1(pair[1])]

    @property
    def bounds(self):
        d = self.X.shape[1]
        return [(0, None)] * (2 * d) + [(None, None)] * (self.network.n_parameters - d)

    def enter(self, theta):
        w = theta[: self.X.shape[1]]
        return np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), theta[len(w) :]])

    def effective(self, theta):
        return super().effective(_merge(theta, self.X.shape[1]))

    def _more_terms(self, theta, step, part):
        d = self.X.shape[1]
        total = theta[:d] + theta[d : 2 * d]
        size = (step.residuals * np.sign(stop_gradient(step.residuals)))[:, 0]
        for strength, term in self._l1_terms:
            mask = step.mask_of(term.features)
            sums = numpy.sum(total) if mask is None else numpy.dot(mask, total)
            yield strength * part.penalty_weights, size * sums


def _is_l1(term):
    return isinstance(term, InputGradient) and term.norm == "l1"
