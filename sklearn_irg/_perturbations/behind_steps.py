"""A perturbation set as seen from behind steps that act column by column."""

import numpy as np

from sklearn_irg._perturbations.linear_minimization import linear_minimization

__all__ = ["PerturbationsBehindSteps"]


class PerturbationsBehindSteps:
    """What an affine map of numbers, and levels that add to it, make of a set; integers may be fractions.

    Parameters
    ----------
    perturbations : PerturbationSet
        The set.
    weights : ndarray of shape (n_columns, n_inner_columns)
        What a unit of scale of each column adds.
    levels : list of ndarray of shape (n_levels, n_inner_columns)
        What each level of the swappable columns adds.
    radii : ndarray of shape (n_samples,)
        Radius of each row's ball.
    """

    def __init__(self, perturbations, weights, levels, radii):
        self.perturbations = perturbations
        self.weights = weights
        self.levels = levels
        self.radii = radii
        self.low, self.high = perturbations.box(radii[:, None])

    def ranges(self):
        """Lowest and highest value of each inner column, relative to the row's own."""
        n_inner = self.weights.shape[1]
        both = np.concatenate([np.eye(n_inner), -np.eye(n_inner)])
        ends = self.lowest(np.broadcast_to(both, (len(self.radii), *both.shape)))
        return ends[:, :n_inner], -ends[:, n_inner:]

    def lowest(self, coefficients):
        """Lower bound on linear functions of the inner columns, shape (n_samples, n_functions, n_inner_columns)."""
        n_samples, n_functions, _ = coefficients.shape
        gradients = (coefficients @ self.weights.T).reshape(n_samples * n_functions, -1)
        low, high, radii = (np.repeat(a, n_functions, axis=0) for a in (self.low, self.high, self.radii))
        _, bound = linear_minimization(gradients, low, high, np.zeros(low.shape[1]), radii, self.perturbations.norm)
        return bound.reshape(n_samples, n_functions) + self._lowest_swaps(coefficients)

    def _lowest_swaps(self, coefficients):
        if not self.levels:
            return 0.0
        gains = np.zeros((*coefficients.shape[:2], len(self.levels)))
        for c, levels in enumerate(self.levels):
            values = coefficients @ levels.T
            now = np.take_along_axis(values, np.maximum(self.perturbations.codes[:, c], 0)[:, None, None], axis=2)
            gains[:, :, c] = np.where(self.perturbations.can_swap(c)[:, None], values - now, 0).min(axis=2)
        return np.sort(gains, axis=2)[:, :, : self.perturbations.n_swaps].sum(axis=2)
