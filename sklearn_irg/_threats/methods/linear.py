"""Worst point of each margin of a linear model, in closed form.

The model stands alone or behind steps that act column by column.
"""

from functools import partial

import numpy as np

from sklearn_irg._fitted.boundary import margin_over_norm
from sklearn_irg._perturbations.linear_minimization import linear_minimization
from sklearn_irg._perturbations.projection import DUAL, delta_norms
from sklearn_irg._perturbations.separable_minimum import separable_minimum
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.methods.linear_bounds import certified_radii
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["LinearClosedForm", "swaps_of_least_margin"]

_N_BISECTIONS = 45  # to a relative width of 3e-14


class LinearClosedForm(Method):
    """Minimum of each margin, which is a linear function of the numbers.

    Effects of levels add to it, of which the ``n_swaps`` lowest are taken.
    """

    name = "linear"
    answers = frozenset({"attack", "certify", "lower", "upper", "score"})
    is_exact = True

    @classmethod
    def obstacle(cls, problem):
        if not problem.model.is_linear:
            return f"{problem.model.name} is not linear"
        if problem.perturbations.columns and problem.effects is None:
            return "the steps before the model do not act column by column on categories"
        return None

    def attack(self, best, radius, rows, quick=False):
        some = best.problem
        arrays, model = some.perturbations, some.model
        low, high = arrays.box(np.reshape(radius, (-1, 1)))
        margins, gradients = model.margins(some.rows, some.label)
        gradients = gradients * arrays.scales
        certified = ~best.wrong
        if not np.any(radius) and not arrays.columns:
            return certified
        slack = margin_slack(some, np.maximum(-low, high))
        for pair in range(margins.shape[1]):
            codes, gains = swaps_of_least_margin(some, pair)
            lowest = (margins[:, pair] + gains).astype(np.float64)
            targets = -lowest + slack[:, pair], -lowest
            delta, bound = self._minimum(
                arrays, gradients[:, pair].astype(np.float64), radius, targets
            )
            certified &= bound > targets[0]
            best.update(some.at(codes), delta)
        return certified

    def _minimum(self, arrays, gradient, radius, targets):
        """Points that minimize a linear function, and lower bounds on it.

        Where a ball limits several integers, the relaxed minimum may be below a target and the
        rounded one above it; these are searched until the side of the targets is known.
        """
        low, high = arrays.box(np.reshape(radius, (-1, 1)))
        radius = np.broadcast_to(np.float64(radius), len(gradient))
        delta, bound = linear_minimization(gradient, low, high, arrays.steps, radius, arrays.norm)
        if arrays.norm == "linf" or not arrays.steps.any():
            return delta, bound
        for target in (
            targets
        ):  # a bound above the first is a certificate, a point at the second is misclassified
            is_open = np.flatnonzero(
                ~(bound > target) & ~((gradient * delta).sum(axis=1) <= targets[-1])
            )
            pieces = (a[is_open, :, None] for a in (low, high, gradient, np.zeros_like(gradient)))
            found = separable_minimum(
                *pieces,
                arrays.steps,
                radius[is_open],
                arrays.norm,
                target[is_open],
                self.budget.max_nodes,
            )
            delta[is_open], bound[is_open] = found.point, np.maximum(found.bound, bound[is_open])
        return delta, bound

    def lowest_margins(self, radius):
        best = BestFound(self.problem)
        problem, arrays = self.problem, self.problem.perturbations
        margins, gradients = problem.model.margins(problem.rows, problem.label)
        gradient = (gradients[:, 0] * arrays.scales).astype(np.float64)
        codes, gains = swaps_of_least_margin(problem, 0)
        everything = np.full(len(problem), np.nan)  # no target: down to the minimum
        delta, bound = self._minimum(arrays, gradient, radius, (everything,))
        low, high = arrays.box(radius)
        slack = margin_slack(problem, np.maximum(-low, high))[:, 0]
        best.update(problem.at(codes), delta)
        return margins[:, 0] + gains + bound - slack, -best.loss

    def distances(self):
        arrays = self.problem.perturbations
        if not arrays.is_constrained:
            return self._margins_over_norms()
        if arrays.norm == "linf" or not arrays.steps.any():
            return certified_radii(self.problem, n_bisections=_N_BISECTIONS)
        nearest = np.where(BestFound(self.problem).wrong, 0.0, np.inf)
        lower, _ = certified_radii(self.problem, _N_BISECTIONS, holds=partial(self._holds, nearest))
        return lower, nearest

    def _holds(self, nearest, rows, radii):
        """Whether rows are certified at a radius each.

        Distances of misclassified points that the attack finds are kept in ``nearest``.
        """
        if not len(rows):
            return np.zeros(0, dtype=bool)
        best = BestFound(self.problem.take(rows))
        certified = self.attack(best, radii, rows)
        found = np.where(
            best.wrong, delta_norms(best.delta, self.problem.perturbations.norm), np.inf
        )
        nearest[rows] = np.minimum(nearest[rows], found)
        return certified

    def _margins_over_norms(self):
        problem = self.problem
        arrays = problem.perturbations
        margins, gradients = problem.model.margins(problem.rows, problem.label)
        slopes = gradients * (arrays.scales * (arrays.low < arrays.high))[:, None]
        norms = np.linalg.norm(slopes, ord=DUAL[arrays.norm], axis=2)
        # rounding also grows with the distance, but no faster than the margin falls
        slack = margin_slack(problem, np.zeros(arrays.numbers.shape))
        share = 1 - 64 * len(slopes.T) * problem.precision
        lower = share * margin_over_norm(margins - slack, norms).min(axis=1)
        return np.maximum(lower, 0), np.maximum(margin_over_norm(margins, norms).min(axis=1), 0)


def swaps_of_least_margin(problem, pair):
    """Levels that lower a margin most, and the change of the margin.

    Shapes are (n_samples, n_swappable) and (n_samples,).
    """
    arrays, model = problem.perturbations, problem.model
    codes = arrays.codes.copy()
    if not arrays.columns:
        return codes, np.zeros(len(codes))
    rows = np.arange(len(codes))
    gains, levels = np.zeros(codes.shape), codes.copy()
    ((W, _),) = model.inner.layers
    for c, effect in enumerate(problem.effects):
        scores = effect @ W
        if model.n_outputs == 1:
            margin = (2 * problem.label - 1)[:, None] * scores[:, 0]
        else:
            other = pair + (pair >= problem.label)  # margins leave out the label
            margin = scores[:, problem.label].T - scores[:, other].T
        change = margin - margin[rows, codes[:, c]][:, None]
        change = np.where(arrays.can_swap(c), change, 0)
        levels[:, c] = change.argmin(axis=1)
        gains[:, c] = change[rows, levels[:, c]]
    chosen = np.argsort(gains, axis=1)[:, : arrays.n_swaps]
    taken = np.take_along_axis(gains, chosen, axis=1)
    swapped = np.where(
        taken < 0,
        np.take_along_axis(levels, chosen, axis=1),
        np.take_along_axis(codes, chosen, axis=1),
    )
    np.put_along_axis(codes, chosen, swapped, axis=1)
    return codes, np.minimum(taken, 0).sum(axis=1)
