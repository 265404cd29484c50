"""Piecewise linear functions that columns add to the scores of a linear model behind steps.

Each step acts on one column and is linear between kinks. Kinks are read from the steps. The
function on each piece, and the side of a kink that a number is on, are found by calling the steps
with numbers of the column's own type.
"""

from dataclasses import dataclass, field

import numpy as np

from sklearn_irg._threats.affine_limits import tolerance_of
from sklearn_irg._threats.column_cuts import Cuts, NotPiecewiseError
from sklearn_irg._threats.held_numbers import held_by

__all__ = ["ColumnFunctions", "NotPiecewiseError", "column_functions"]

_ROWS = 4096  # that the steps are given at once, to bound memory
# units of relative precision within which two outputs count as equal; 1 to 65,536 give the same on
# the tables of the tests
_N_ROUNDINGS = 64
# of a piece, where it is tried: near an end, in the middle and at no round share; the middle was
# enough for the steps of the tests
_SHARES = (1e-3, 0.25, 0.5, 0.618, 0.9)
# of a span, outside the outermost numbers: next to them and far away; the first was enough for the
# steps of the tests
_BEYOND = (1.0, 30.0)
# points at which all columns move together; four were enough for the steps of the tests
_N_JOINT = 256
_MAX_PIECES = 1000  # of a column, to bound the search; more are a curve rather than pieces


@dataclass
class ColumnFunctions:
    """Piecewise linear functions of the numbers of the columns that move.

    A piece goes from ``low`` to ``high``, infinite for the outermost, and is ``value + slope ·
    (number - anchor)``.

    Attributes
    ----------
    columns : ndarray of int of shape (n_moving,)
        Positions of the columns.
    low, high, anchor : list of ndarray of shape (n_pieces,)
        For each column, the ends of its pieces, and the numbers at which ``value`` is taken.
    value, slope : list of ndarray of shape (n_pieces, n_scores)
        For each column.
    ends : list of tuple of float
        For each column, the outermost numbers that were tried.
    sizes : ndarray of shape (n_inner_features,)
        Change of the model's inputs between these numbers, summed over all columns.
    """

    columns: np.ndarray
    sizes: np.ndarray
    low: list = field(default_factory=list)
    high: list = field(default_factory=list)
    anchor: list = field(default_factory=list)
    value: list = field(default_factory=list)
    slope: list = field(default_factory=list)
    ends: list = field(default_factory=list)

    def add(self, **parts):
        """Append the function of one more column."""
        for name, part in parts.items():
            getattr(self, name).append(part)

    def reach(self, numbers, furthest, scales):
        """Distance after which the function of each column no longer changes.

        In units of scale, and at most ``furthest``.
        """
        reach = furthest.copy()
        for k, j in enumerate(self.columns):
            if not (self.slope[k][0].any() or self.slope[k][-1].any()):
                far = np.max(np.abs(self.ends[k])) + np.abs(numbers[:, j])
                reach[:, j] = np.minimum(reach[:, j], far / scales[j])
        return reach

    def pieces_of(self, k, numbers):
        """The pieces in which numbers of the k-th column are."""
        return np.clip(np.searchsorted(self.low[k], numbers, side="right") - 1, 0, None)

    def values(self, k, numbers):
        """The k-th function, up to a constant, shape (n_numbers, n_scores)."""
        piece = self.pieces_of(k, numbers)
        return (
            self.value[k][piece] + self.slope[k][piece] * (numbers - self.anchor[k][piece])[:, None]
        )


def column_functions(problem):
    """Functions of all columns that move.

    Raises
    ------
    NotPiecewiseError
        If the steps reject numbers, or their output is not a sum of such functions.
    """
    try:
        with np.errstate(all="ignore"):
            return _Tables(problem).functions()
    except NotPiecewiseError:
        raise
    except (ValueError, TypeError) as error:
        raise NotPiecewiseError(
            f"the steps refuse numbers that rows may become ({error})"
        ) from error


class _Tables:
    """Steps, called with rows in which one number is replaced."""

    def __init__(self, problem):
        self.problem, self.reading, self.table = problem, problem.reading, problem.table
        ((W, _),) = problem.inner.layers
        self.weights = W.astype(np.float64)
        self.precision = max(problem.precision, problem.reading.precision)
        self.numbers = self.table.numbers()
        self.home = (~np.isnan(self.numbers)).argmax(axis=0)
        self.limits = self._limits()

    def functions(self):
        columns = np.flatnonzero(self.problem.perturbations.movable_columns)
        found = ColumnFunctions(columns, np.zeros(len(self.weights)))
        for j in columns:
            kinks = self.reading.landmarks.get(j, np.zeros(0))
            kinks = kinks[(kinks >= self.limits[j, 0]) & (kinks <= self.limits[j, 1])]
            (self._add_line if self._is_line(j) else self._add_pieces)(found, j, kinks)
        self._require_sums(found)
        return found

    def _limits(self):
        """Smallest and largest number of each column that any row can reach, (n_columns, 2)."""
        arrays = self.problem.perturbations
        low, high = (arrays.numbers + end * arrays.scales for end in (arrays.low, arrays.high))
        ends = np.stack([low.min(axis=0), high.max(axis=0)])
        lowest, highest = self.table.limits()
        return np.clip(ends, lowest, highest).T

    def _is_line(self, j):
        return j not in self.reading.landmarks and not self.reading.unknown[j].any()

    def _add_line(self, found, j, _):
        slope = self.reading.slopes[[j]] @ self.weights
        found.add(low=np.array([-np.inf]), high=np.array([np.inf]), anchor=np.zeros(1))
        ends = self._outermost(j, np.zeros(0))
        found.add(value=np.zeros(slope.shape), slope=slope, ends=ends)

    def _add_pieces(self, found, j, kinks):
        held = self._held(j)
        cuts = Cuts(self, j, kinks, held).found()
        if len(cuts) >= _MAX_PIECES:
            raise NotPiecewiseError(f"{self._name(j)} has more than {_MAX_PIECES} pieces")
        first, last = held.numbers(held.ranks(np.array(self._outermost(j, kinks))))
        low, high = (
            np.append(first, held.numbers(cuts[:, 1])),
            np.append(held.numbers(cuts[:, 0]), last),
        )
        is_piece = low <= high
        low, high = low[is_piece], high[is_piece]
        at_low, at_high = np.split(self.outputs(j, np.concatenate([low, high])), 2)
        self._require_lines(j, held, (low, high), (at_low, at_high))
        slope = (at_high - at_low) / np.where(high > low, high - low, 1)[:, None]
        slope[[0, -1]] = self._outer_slopes(j, held, low, high, slope[[0, -1]])
        anchor = np.append(low[:-1], high[-1])
        value = np.append(at_low[:-1], at_high[-1:], axis=0) @ self.weights
        found.sizes += np.ptp(np.concatenate([at_low, at_high]), axis=0)
        found.add(anchor=anchor, value=value, slope=slope @ self.weights, ends=(first, last))
        low[0], high[-1] = -np.inf, np.inf
        found.add(low=low, high=high)

    def _outer_slopes(self, j, held, low, high, slopes):
        """Slopes beyond the outermost numbers, which are exact where nothing changes there."""
        lowest, highest = self.limits[j]
        beyond = (
            max(low[0] - (high[0] - low[0]), lowest),
            min(high[-1] + (high[-1] - low[-1]), highest),
        )
        pairs = held.numbers(held.ranks(np.array([[beyond[0], low[0]], [high[-1], beyond[1]]])))
        outputs = self.outputs(j, pairs.ravel()).reshape(2, 2, -1)
        width = np.diff(pairs, axis=1)
        return np.where(
            width > 0, (outputs[:, 1] - outputs[:, 0]) / np.where(width > 0, width, 1), slopes
        )

    def _held(self, j):
        """The numbers that the column takes while it moves."""
        held = held_by(self.problem, j)
        if held is None:
            raise NotPiecewiseError(f"{self._name(j)} is of decimals or of extended precision")
        return held

    def _name(self, j):
        return f"the column {self.table.name_of(int(j))!r}"

    def _outermost(self, j, kinks):
        """Numbers outside all kinks and learned bounds, but within the column's type."""
        threat = self.problem.threat
        known = [*kinks, *(end for end in (threat.lows_[j], threat.highs_[j]) if np.isfinite(end))]
        known = known or [self.numbers[self.home[j], j]]
        span = max(np.ptp(known), 16 * self.problem.perturbations.scales[j])
        lowest, highest = self.limits[j]
        return max(min(known) - span, lowest), min(max(known) + span, highest)

    def outputs(self, j, numbers):
        """Output of the steps with numbers in a column, shape (n_numbers, n_inner_features)."""
        row = self.table.take([self.home[j]])
        parts = np.array_split(numbers, max(1, -(-len(numbers) // _ROWS)))
        return np.concatenate(
            [self._outputs_of(row.take(np.zeros(len(part), dtype=int)), j, part) for part in parts]
        )

    def _outputs_of(self, table, j, numbers):
        moved = np.repeat(self.numbers[[self.home[j]]], len(numbers), axis=0)
        moved[:, j] = numbers
        return np.asarray(self.problem.steps(table.with_numbers(moved, [j])), dtype=np.float64)

    def tolerance(self, j, numbers, *outputs):
        """Differences that rounding may make in the output of the steps."""
        sizes = self.reading.sizes[j]
        terms = np.abs(numbers)[:, None] * sizes + self.reading.offset_sizes * (sizes > 0)
        return _N_ROUNDINGS * self.precision * (terms + np.max(np.abs(outputs), axis=0))

    def _require_lines(self, j, held, ends, at_ends):
        """Raise an error unless each piece is a line, also beyond the outermost numbers."""
        (low, high), (at_low, at_high) = ends, at_ends
        width = np.where(high > low, high - low, 1)
        inside = [low + share * (high - low) for share in _SHARES]
        inside += [held.numbers(held.ranks(low) + 1), held.numbers(held.ranks(high) - 1)]
        inside = np.array([np.clip(held.numbers(held.ranks(t)), low, high) for t in inside])
        lowest, highest = self.limits[j]
        beyond = [
            (max(low[0] - k * width[0], lowest), min(high[-1] + k * width[-1], highest))
            for k in _BEYOND
        ]
        piece = np.concatenate(
            [np.tile(np.arange(len(low)), len(inside)), np.tile([0, len(low) - 1], len(beyond))]
        )
        numbers = np.concatenate([inside.ravel(), held.numbers(held.ranks(np.ravel(beyond)))])
        share = ((numbers - low[piece]) / width[piece])[:, None]
        expected = at_low[piece] + share * (at_high - at_low)[piece]
        largest = np.max(np.abs([numbers, low[piece], high[piece]]), axis=0)
        outputs, grown = self.outputs(j, numbers), 1 + np.abs(share)
        sizes = self.tolerance(j, largest, outputs, at_low[piece], at_high[piece])
        if not (np.abs(outputs - expected) <= 2 * grown * sizes).all():
            raise NotPiecewiseError(
                f"the steps are not linear between their kinks in {self._name(j)}"
            )

    def _require_sums(self, found):
        """Raise an error unless functions of columns and effects of levels add up."""
        rng = np.random.RandomState(0)
        rows = rng.randint(len(self.table), size=_N_JOINT)
        codes, others = self.problem.perturbations.codes[rows], self._other_levels(rows, rng)
        before, after = self.numbers[rows], self.numbers[rows].copy()
        for k, j in enumerate(found.columns):
            after[:, j] = np.where(np.isnan(before[:, j]), np.nan, self._drawn(found, k, rng))
        tables = self.problem.tables.take(rows)
        both = tables.table.X, tables.swapped(others).with_numbers(after, found.columns)
        outputs = [np.asarray(self.problem.steps(X), dtype=np.float64) for X in both]
        change = (outputs[1] - outputs[0]) @ self.weights
        for k, j in enumerate(found.columns):
            moved = np.flatnonzero(~np.isnan(before[:, j]))
            change[moved] -= found.values(k, after[moved, j]) - found.values(k, before[moved, j])
        for c, effect in enumerate(self.problem.effects or []):
            change -= (effect[others[:, c]] - effect[codes[:, c]]) @ self.weights
        sizes = np.abs(outputs).max(axis=0) + found.sizes + self.reading.offset_sizes
        if not (
            np.abs(change) <= tolerance_of(self.precision) * (sizes @ np.abs(self.weights))
        ).all():
            raise NotPiecewiseError("the steps mix columns")

    def _drawn(self, found, k, rng):
        """Numbers of the k-th column at the ends of pieces, and between the outermost ones."""
        j = found.columns[k]
        ends = np.concatenate([found.low[k][1:], found.high[k][:-1], found.ends[k]])
        drawn = np.where(
            rng.random_sample(_N_JOINT) < 0.5,
            rng.choice(ends, _N_JOINT),
            rng.uniform(*found.ends[k], _N_JOINT),
        )
        held = self._held(j)
        return held.numbers(held.ranks(drawn))

    def _other_levels(self, rows, rng):
        arrays = self.problem.perturbations
        codes = arrays.codes[rows].copy()
        for c in range(len(arrays.columns)):
            allowed = arrays.can_swap(c)[rows]
            order = rng.permutation(allowed.shape[1])
            codes[:, c] = np.where(
                allowed.any(axis=1), order[allowed[:, order].argmax(axis=1)], codes[:, c]
            )
        return codes
