"""Linear models behind steps that are linear between kinks: the lowest sum of one function of each column, exactly."""

from functools import partial

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.column_functions import NotPiecewiseError, column_functions
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.methods.linear import best_swaps
from sklearn_irg._threats.methods.linear_bounds import certified_radii
from sklearn_irg._threats.rounding import margin_slack
from sklearn_irg._threats.row_pieces import RowPieces

__all__ = ["Scorecard"]

_N_BISECTIONS = 45
_SLACK = 8  # more than of a model whose inputs are not tabulated


class Scorecard(Method):
    """A margin is a sum of functions of one column each; levels add to it, and the best ``n_swaps`` of them count."""

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
        return _obstacle_of_steps(problem) or problem.remembered("why no column functions", _why_not)

    def attack(self, best, radius, rows, quick=False):
        some, radius = best.problem, np.broadcast_to(np.float64(radius), len(best.problem))
        functions = self.problem.remembered("column functions", column_functions)
        margins, _ = some.model.margins(some.rows, some.label)
        low, high = some.perturbations.box(radius[:, None])
        slack = _SLACK * margin_slack(some, np.maximum(-low, high), functions.sizes)
        certified = ~best.wrong
        for pair in range(margins.shape[1]):
            codes, gains = best_swaps(some, pair)
            lowest = (margins[:, pair] + gains).astype(np.float64)
            pieces = RowPieces(some, functions, pair)
            self._attack_pair(
                best, pieces, codes, radius, (-lowest + slack[:, pair], -lowest - slack[:, pair]), certified
            )
        return certified

    def _attack_pair(self, best, pieces, codes, radius, targets, certified):
        """Look for points below both targets: those below none are certified, and what is between them is unclear."""
        left = np.flatnonzero(~best.wrong)
        for target in targets:
            if not len(left):
                return
            delta, bound = pieces.minimum(left, radius[left], target[left], self.budget.max_nodes)
            certified[left] &= bound > targets[0][left]
            _offer(best, left, codes[left], delta)
            left = left[~best.wrong[left] & (bound <= targets[0][left])]

    def distances(self):
        nearest = np.where(BestFound(self.problem).wrong, 0.0, np.inf)
        lower, _ = certified_radii(self.problem, _N_BISECTIONS, holds=partial(self._holds, nearest))
        return lower, nearest

    def _holds(self, nearest, rows, radii):
        """Whether rows are certified at a radius each; keeps the distance of points that show they are not."""
        best = BestFound(self.problem.take(rows))
        certified = self.attack(best, radii, rows)
        found = np.where(best.wrong, delta_norms(best.delta, self.problem.perturbations.norm), np.inf)
        nearest[rows] = np.minimum(nearest[rows], found)
        return certified


def _obstacle_of_steps(problem):
    arrays, reading = problem.perturbations, problem.reading
    if arrays.columns and problem.effects is None:
        return "the steps before the model do not act column by column on categories"
    moves = arrays.movable_columns.copy()
    moves[list(arrays.columns)] = True
    if (reading.is_mixed & moves).any():
        return "the steps before the model mix columns before they are cut into pieces"
    lost = np.flatnonzero(moves & ~reading.is_piecewise)
    if len(lost):
        return f"what the steps make of {problem.table.name_of(int(lost[0]))!r} cannot be read"
    if not any(j in reading.landmarks for j in np.flatnonzero(arrays.movable_columns)):
        return "the steps before the model are affine in all that can move"
    return None


def _why_not(problem):
    """Why steps are not sums of functions of columns, if they are not."""
    try:
        problem.remembered("column functions", column_functions)
    except NotPiecewiseError as error:
        return str(error)
    return None


def _offer(best, rows, codes, delta):
    """Keep points where the whole pipeline says that they are worse."""
    part = best.take(rows).as_whole()
    part.update(part.problem.at(codes), delta)
    best.scatter(rows, part)
