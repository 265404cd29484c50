"""Change of a margin as each number of a row moves, as piecewise linear functions."""

import numpy as np

from sklearn_irg._perturbations.perturbation_set import MARKED
from sklearn_irg._perturbations.projection import ANYWHERE, delta_norms
from sklearn_irg._perturbations.separable_minimum import separable_minimum

__all__ = ["RowPieces"]

_EPS = np.finfo(float).eps
# units of relative precision by which ends of pieces come nearer to the row, one of the row and
# one of the end; without any, distances to thresholds and markers are missed in the tests
_ROUNDINGS = 2
# each by twice as many units in the last place, to 4096; two were enough for the tables of the
# tests
_N_NUDGES = 12
# of a distance; more than points may leave the ball by. Without it some points of the tests do;
# 2e-9 is as good there
_INSIDE = 2e-14
_MARKER = 4 * MARKED  # of numbers; further than a marker reaches
_TINY = np.finfo(float).smallest_subnormal


class RowPieces:
    """Pieces of one margin of each row, in units of scale.

    Parameters
    ----------
    problem : AttackProblem
        The rows.
    functions : ColumnFunctions
        Functions of the columns that move.
    pair : int
        Position of the margin.

    Attributes
    ----------
    first, last : list of ndarray of shape (n_pieces,)
        For each column, the first and the last number of each piece.
    low, high, slope, intercept : list of ndarray of shape (n_samples, n_pieces)
        For each column, intervals of delta, where ``low > high`` means none, and linear functions
        on them.
    """

    def __init__(self, problem, functions, pair):
        self.arrays, self.columns = problem.perturbations, functions.columns
        self.first, self.last = functions.low, functions.high
        self.low, self.high, self.slope, self.intercept = [], [], [], []
        with np.errstate(invalid="ignore"):
            for k in range(len(self.columns)):
                self._add(functions, k, _weights_of(problem, pair))

    def _add(self, functions, k, weights):
        j, x = self.columns[k], self.arrays.numbers[:, self.columns[k]]
        home = functions.pieces_of(k, x)
        value, slope = (weights @ a.T for a in (functions.value[k], functions.slope[k]))
        anchored = slope * (x[:, None] - functions.anchor[k])
        rows = np.arange(len(x))
        intercept = (value - value[rows, home][:, None]) + (
            anchored - anchored[rows, home][:, None]
        )
        ends = self._grid_ends if self.arrays.steps[j] > 0 else self._ends
        low, high = ends(k, x)
        is_home = np.arange(len(functions.low[k])) == home[:, None]
        self.low.append(np.where(is_home, np.minimum(low, 0), low))
        self.high.append(np.where(is_home, np.maximum(high, 0), high))
        self.slope.append(slope * self.arrays.scales[j])
        self.intercept.append(intercept)

    def _ends(self, k, x):
        """Intervals of delta, moved closer to the row by the rounding of numbers."""
        scale = self.arrays.scales[self.columns[k]]
        first, last, x = self.first[k], self.last[k], x[:, None]
        loose = [
            np.where(np.isinf(a), 0, _ROUNDINGS * _EPS * np.maximum(np.abs(a), np.abs(x)))
            for a in (first, last)
        ]
        low, high = first - x, last - x
        low = np.where(low > 0, np.maximum(low - loose[0], 0), low)
        high = np.where(high < 0, np.minimum(high + loose[1], 0), high)
        return low / scale, high / scale

    def _grid_ends(self, k, x):
        """Intervals of delta from the first to the last integer of each piece."""
        step, x = self.arrays.steps[self.columns[k]], x[:, None]
        low, high = np.ceil(self.first[k] - x), np.floor(self.last[k] - x)
        low = low + (x + low < self.first[k]) - (x + (low - 1) >= self.first[k]) * np.isfinite(low)
        high = (
            high - (x + high > self.last[k]) + (x + (high + 1) <= self.last[k]) * np.isfinite(high)
        )
        return low * step, high * step

    def minimum(self, rows, radius, target, max_nodes):
        """Points of some rows with low margins, and lower bounds on their margins.

        The search ends when the bound can be compared with the target.
        """
        if not len(rows):
            return np.zeros((0, self.arrays.numbers.shape[1])), np.zeros(0)
        pieces, ends = self._within(rows, radius)
        if self.arrays.norm == "linf":
            delta, bound = _lowest_ends(*pieces)
        else:
            steps = self.arrays.steps[self.columns]
            delta, _, bound, _ = separable_minimum(
                *pieces, steps, radius, self.arrays.norm, target, max_nodes
            )
        moved = np.zeros((len(rows), self.arrays.numbers.shape[1]))
        first, last = _ends_at(delta, pieces, ends)
        placed = self._placed(rows, delta, first, last)
        nearer = np.sign(delta) * np.maximum(
            np.abs(delta) * (1 - _INSIDE) - _INSIDE * radius[:, None], 0
        )
        back = self._placed(rows, nearer, first, last)
        is_outside = (delta_norms(placed, self.arrays.norm) > radius)[:, None] & (
            self.arrays.steps[self.columns] == 0
        )
        moved[:, self.columns] = np.where(is_outside, back, placed)
        return moved, bound

    def _within(self, rows, radius):
        """Pieces in the box of each row, and the first and last numbers of the pieces.

        Their shapes are (n_rows, n_columns, n_pieces) and (1, n_columns, n_pieces).
        """
        box_low, box_high = (
            np.clip(a, -ANYWHERE, ANYWHERE) for a in self.arrays.take(rows).box(radius[:, None])
        )
        pieces, ends = [], []
        for k, j in enumerate(self.columns):
            low = np.maximum(self.low[k][rows], box_low[:, [j]])
            high = np.minimum(self.high[k][rows], box_high[:, [j]])
            reached = np.flatnonzero((low <= high).any(axis=0))
            pieces.append(
                [a[:, reached] for a in (low, high, self.slope[k][rows], self.intercept[k][rows])]
            )
            ends.append([a[None, reached] for a in (self.first[k], self.last[k])])
        return _stacked(pieces, (1.0, -1.0, 0.0, 0.0)), _stacked(ends, (0.0, 0.0))

    def _beside_markers(self, x, first, last):
        """Ends of pieces without the numbers so close to a marker that they are taken for it."""
        is_marked = np.isin(self.columns, list(self.arrays.markers))
        near = [
            np.where(np.isinf(end), 0, _MARKER * (np.abs(x) + np.abs(end))) for end in (first, last)
        ]
        is_wide = is_marked & (last - first > 4 * np.maximum(*near))
        return np.where(is_wide, first + near[0], first), np.where(is_wide, last - near[1], last)

    def _placed(self, rows, delta, first, last):
        """Delta whose numbers lie between others, however they are rounded.

        Pieces of a single number are reached exactly by `PerturbationSet.moved`.
        """
        x, scale = self.arrays.numbers[rows][:, self.columns], self.arrays.scales[self.columns]
        first, last = self._beside_markers(x, first, last)
        wanted = np.clip(x + delta * scale, first, last)
        placed = np.where(wanted == x + delta * scale, delta, (wanted - x) / scale)
        ulp = np.maximum(np.spacing(np.maximum(np.abs(x), np.abs(wanted))) / scale, _TINY)
        for k in range(_N_NUDGES):
            now = x + placed * scale
            placed = (
                placed
                + ((now < first).astype(float) - (now > last)) * (first < last) * 2.0**k * ulp
            )
        return np.where(self.arrays.steps[self.columns] > 0, delta, placed)


def _weights_of(problem, pair):
    """Weights of scores in a margin of each row, shape (n_samples, n_scores)."""
    label, n_scores = problem.label, problem.model.n_outputs
    if n_scores == 1:
        return (2.0 * label - 1)[:, None]
    other = pair + (pair >= label)  # margins leave out the label
    return np.eye(n_scores)[label] - np.eye(n_scores)[other]


def _stacked(parts, fills):
    """Arrays of columns padded and stacked, shape (n_rows, n_columns, n_pieces)."""
    width = max((part[0].shape[1] for part in parts), default=0)
    padded = [[_padded(a, width, fill) for a, fill in zip(part, fills)] for part in parts]
    return tuple(np.stack(some, axis=1) for some in zip(*padded))


def _padded(a, width, fill):
    return np.pad(a, ((0, 0), (0, width - a.shape[1])), constant_values=fill)


def _lowest_ends(low, high, slope, intercept):
    """Lowest point of each column among the ends of its pieces, and the sum of values.

    Where no end is lower, it is the point nearest to the row.
    """
    ends = np.concatenate([np.clip(0, low, high), low, high], axis=2)
    values = np.tile(intercept, 3) + np.tile(slope, 3) * ends
    values = np.where(np.tile(low <= high, 3), values, np.inf)
    best = values.argmin(axis=2)[:, :, None]
    return np.take_along_axis(ends, best, axis=2)[:, :, 0], np.take_along_axis(
        values, best, axis=2
    ).sum(axis=(1, 2))


def _ends_at(delta, pieces, ends):
    """First and last number of the lowest piece that each delta is on."""
    low, high, slope, intercept = pieces
    at = delta[:, :, None]
    values = np.where((low <= at) & (at <= high), intercept + slope * at, np.inf)
    piece = values.argmin(axis=2)[:, :, None]
    rows = np.broadcast_to(ends[0], values.shape), np.broadcast_to(ends[1], values.shape)
    return tuple(np.take_along_axis(a, piece, axis=2)[:, :, 0] for a in rows)
