"""Exact lowest margins of linear models behind steps that are linear between kinks.

Such a margin is a sum of one piecewise linear function of each column.
"""

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.column_functions import NotPiecewiseError, column_functions
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.methods.linear import swaps_of_least_margin
from sklearn_irg._threats.methods.linear_bounds import certified_radii
from sklearn_irg._threats.rounding import margin_slack
from sklearn_irg._threats.row_pieces import RowPieces

__all__ = ["Scorecard"]

_N_BISECTIONS = 45  # to a relative width of 3e-14
# times that of other models, since functions of columns are tabulated; a tenth gives the same on
# the tables of the tests, and 1000 leaves too much open in single precision
_SLACK = 8
_FURTHER = (
    0.0,
    1e-12,
    1e-9,
    1e-6,
    1e-3,
)  # than a radius that is not certified, where rounding left it unclear


class Scorecard(Method):
    """Minimum of each margin, which is a sum of functions of one column each.

    Effects of levels add to it, of which the ``n_swaps`` lowest are taken.
    """

    name = "scorecard"
    answers = frozenset({"attack", "certify", "lower", "upper"})
    is_exact = True
    needs_affine_steps = False

    @classmethod
    def obstacle(cls, problem):
        if problem.inner is None or not problem.inner.is_linear:
            return f"{problem.model.name} is not linear"
        if problem.whole is None or not len(problem):
            return "the steps before the model, if any, are affine"
        return _obstacle_of_steps(problem) or problem.remembered(
            "why no column functions", _why_not
        )

    def attack(self, best, radius, rows, quick=False):
        radius = np.broadcast_to(np.float64(radius), len(best.problem))
        certified = ~best.wrong
        for pieces, codes, targets in self._pairs(best.problem, radius):
            left = np.flatnonzero(~best.wrong)
            for (
                target
            ) in targets:  # bounds above the first certify, and those in between are unclear
                delta, bound = pieces.minimum(
                    left, radius[left], target[left], self.budget.max_nodes
                )
                certified[left] &= bound > targets[0][left]
                _offer(best, left, codes[left], delta)
                left = left[~best.wrong[left] & (bound <= targets[0][left])]
        return certified & ~best.wrong

    def certify(self, radius, rows):
        return self._certified(rows, np.full(len(rows), radius))

    def _certified(self, rows, radii):
        """Whether each row is certified at a radius of its own."""
        if not len(rows):
            return np.ones(0, dtype=bool)
        some, certified = self.problem.take(rows), np.ones(len(rows), dtype=bool)
        for pieces, _, (target, _) in self._pairs(some, radii):
            left = np.flatnonzero(certified)
            _, bound = pieces.minimum(left, radii[left], target[left], self.budget.max_nodes)
            certified[left] = bound > target[left]
        return certified

    def _pairs(self, some, radius):
        """Functions of the columns for each other class, levels, and two targets.

        The targets are values just above and below the boundary, by the slack of rounding.
        """
        functions = self.problem.remembered("column functions", column_functions)
        margins, _ = some.model.margins(some.rows, some.label)
        arrays = some.perturbations
        low, high = arrays.box(radius[:, None])
        reach = functions.reach(arrays.numbers, np.maximum(-low, high), arrays.scales)
        slack = _SLACK * margin_slack(some, reach, functions.sizes)
        for pair in range(margins.shape[1]):
            codes, gains = swaps_of_least_margin(some, pair)
            needed = -(margins[:, pair] + gains).astype(np.float64)
            yield (
                RowPieces(some, functions, pair),
                codes,
                (needed + slack[:, pair], needed - slack[:, pair]),
            )

    def distances(self):
        lower, radii = certified_radii(self.problem, _N_BISECTIONS, holds=self._certified)
        best = BestFound(self.problem)
        for share in _FURTHER:
            left = np.flatnonzero(~best.wrong & np.isfinite(radii))
            if not len(left):
                break
            part = best.take(left)
            self.attack(part, radii[left] * (1 + share), left)
            best.scatter(left, part)
        return lower, np.where(
            best.wrong, delta_norms(best.delta, self.problem.perturbations.norm), np.inf
        )


def _obstacle_of_steps(problem):
    arrays, reading = problem.perturbations, problem.reading
    if arrays.columns and problem.effects is None:
        return "the steps before the model do not act column by column on categories"
    movable = arrays.movable_columns.copy()
    movable[list(arrays.columns)] = True
    if (reading.is_mixed & movable).any():
        return "the steps before the model mix columns before they are cut into pieces"
    lost = np.flatnonzero(movable & ~reading.is_piecewise)
    if len(lost):
        return f"what the steps make of {problem.table.name_of(int(lost[0]))!r} cannot be read"
    if not any(j in reading.landmarks for j in np.flatnonzero(arrays.movable_columns)):
        return "the steps before the model are affine in all that can move"
    return None


def _why_not(problem):
    """Reason why the steps are no sums of functions of columns, or None."""
    try:
        problem.remembered("column functions", column_functions)
    except NotPiecewiseError as error:
        return str(error)
    return None


def _offer(best, rows, codes, delta):
    """Keep points that are worse by the scores of the whole pipeline."""
    if not len(rows):
        return
    part = best.take(rows).as_whole()
    part.update(part.problem.at(codes), delta)
    best.scatter(rows, part)
