"""Outputs of the steps before trees when numbers in some columns of a row are replaced."""

import numpy as np

from sklearn_irg._fitted.affine import as_fitted, predictions
from sklearn_irg._threats.held_numbers import between, held_by
from sklearn_irg._threats.trees.column_pieces import NotInPiecesError
from sklearn_irg._threats.trees.row_costs import cells_of

__all__ = ["AskedSteps"]

_ROWS = 4096  # that the steps are given at once, to bound memory
_LARGEST = (np.inf, 2.0**62, 2.0**20)  # numbers that are tried, if steps reject larger ones
# in the search for numbers that steps accept, to 1 / 4096 of the ranks between; what lies beyond
# must not matter to the trees anyway
_N_BISECTIONS = 12


class AskedSteps:
    """Steps, and the cells of the trees behind them.

    Methods take numbers of several columns at once; ``c`` has the position of the column of each.

    Parameters
    ----------
    problem : AttackProblem
        Rows.
    trees : AdditiveTrees
        The trees behind its steps.
    columns : ndarray of int
        Columns of the table.
    reached : ndarray of bool of shape (n_columns, n_features)
        Whether the trees use a feature that comes from each column.

    Attributes
    ----------
    features : list of ndarray of int
        For each column, the features that come from it.
    thresholds : list of ndarray
        Thresholds of each feature of the trees.
    held : list of HeldNumbers
        Numbers that each column can hold.
    limits : ndarray of shape (n_columns, 2)
        Smallest and largest number that any row can reach.
    ends : ndarray of int of shape (n_columns, 2)
        Ranks between which all cuts lie, and the steps accept all numbers.
    """

    def __init__(self, problem, trees, columns, reached):
        self.problem, self.reading = problem, problem.reading
        self.columns, self.table = columns, problem.table
        self.thresholds = [trees.thresholds(f) for f in range(trees.n_features)]
        self.features = [np.flatnonzero(reached[j]) for j in self.columns]
        self.width = max(map(len, self.features))
        self.held = [held_by(problem, j) for j in self.columns]
        if None in self.held:
            raise NotInPiecesError(
                f"the column {self.name(self.held.index(None))} is of decimals or of extended "
                "precision"
            )
        numbers = self.table.numbers()
        self.base = self.table.take([0])
        self.home = numbers[0].copy()
        first = (~np.isnan(numbers)).argmax(axis=0)
        self.home[self.columns] = numbers[first, np.arange(len(first))][self.columns]
        self.limits = self._limits(numbers)
        with np.errstate(all="ignore"):
            self.ends = np.array([self._ends(c) for c in range(len(columns))])

    def name(self, c):
        """A column's name, as errors write it."""
        return repr(self.table.name_of(int(self.columns[c])))

    def _limits(self, numbers):
        """Smallest and largest number that any row can reach, shape (n_columns, 2)."""
        arrays = self.problem.perturbations
        low, high = (
            np.where(np.isnan(numbers), np.nan, numbers + end * arrays.scales)
            for end in (arrays.low, arrays.high)
        )
        ends = np.nanmin(low[:, self.columns], axis=0), np.nanmax(high[:, self.columns], axis=0)
        lowest, highest = self.table.limits()[:, self.columns]
        # ranks are int64, so integers are tried up to 2**62
        largest = np.array(
            [
                2.0**62 if held.dtype is None else float(np.finfo(held.dtype).max)
                for held in self.held
            ]
        )
        return np.clip(ends, np.maximum(lowest, -largest), np.minimum(highest, largest)).T

    def outputs(self, c, numbers):
        """Outputs of the steps with numbers in some columns, shape (n_numbers, n_features)."""
        if not len(c):
            return np.zeros((0, len(self.thresholds)))
        order = np.argsort(c, kind="stable")
        start = np.searchsorted(c[order], np.arange(len(self.columns)))
        row = np.empty(len(c), dtype=int)
        row[order] = np.arange(len(c)) - start[c[order]]
        moved = np.tile(self.home, (row.max() + 1, 1))
        moved[row, self.columns[c]] = numbers
        parts = np.array_split(moved, max(1, -(-len(moved) // _ROWS)))
        return np.concatenate([self._outputs_of(part) for part in parts])[row]

    def _outputs_of(self, moved):
        table = self.base.take(np.zeros(len(moved), dtype=int))
        return np.asarray(
            self.problem.steps(table.with_numbers(moved, self.columns)), dtype=np.float64
        )

    def _cells(self, c, outputs):
        cells = np.zeros((len(c), self.width), dtype=int)
        for k, features in enumerate(self.features):
            here = np.flatnonzero(c == k)
            for i, f in enumerate(features):
                cells[here, i] = cells_of(outputs[here, f], self.thresholds[f])
        return cells

    def cells_at(self, c, ranks):
        """Cells of the features that come from numbers of some ranks, shape (n_numbers, width)."""
        return self._cells(c, self.outputs(c, self.numbers(c, ranks)))

    def numbers(self, c, ranks):
        """Numbers of some ranks."""
        numbers = np.zeros(len(c))
        for k, held in enumerate(self.held):
            numbers[c == k] = held.numbers(ranks[c == k])
        return numbers

    def missing(self, c):
        """Cells of the features where the column is missing; None if it is missing in no row."""
        rows = np.flatnonzero(np.isnan(self.table.numbers()[:, self.columns[c]]))[:1]
        if not len(rows):
            return None
        outputs = np.asarray(self.problem.steps(self.table.take(rows).X), dtype=np.float64)
        return np.array([cells_of(outputs[:, f], self.thresholds[f])[0] for f in self.features[c]])

    def _ends(self, c):
        """Ranks between which all cuts lie, and the steps and the model accept all numbers."""
        for largest in _LARGEST:
            ends = self._ranks_of(c, np.clip(self.limits[c], -largest, largest))
            if self._refusal(c, ends) is None:
                break
        else:
            ends = self._accepted(c, ends)
        if largest < np.inf and not self._is_all(c, ends):
            refusal = self._refusal(c, self._ranks_of(c, self.limits[c]))
            raise NotInPiecesError(
                f"the steps refuse numbers that {self.name(c)} may become ({refusal})"
            )
        return ends

    def _ranks_of(self, c, limits):
        """Ranks of the first and the last number between limits."""
        held = self.held[c]
        ranks = held.ranks(limits)
        return ranks + [held.numbers(ranks[0]) < limits[0], 0]

    def _accepted(self, c, ends):
        """Ranks between which numbers are accepted, found by bisection from a number of a row."""
        home = self.held[c].ranks(self.home[[self.columns[c]]])[0]
        found = []
        for end in ends:
            fine = home
            for _ in range(_N_BISECTIONS):
                middle = between(fine, end)
                fine, end = (
                    (middle, end)
                    if self._refusal(c, np.array([middle])) is None
                    else (fine, middle)
                )
            found.append(fine)
        return np.array(found)

    def _is_all(self, c, ends):
        """Whether nothing changes beyond the ends: no threshold or jump is further out."""
        cells = self.cells_at(np.array([c, c]), ends)[:, : len(self.features[c])]
        n_cuts = np.array([len(self.thresholds[f]) for f in self.features[c]])
        is_flat = ~self.reading.is_curve[self.features[c]] & (
            self.reading.slopes[:, self.features[c]] == 0
        ).all(axis=0)
        kinks = self.kinks(c)[0]
        low, high = self.held[c].numbers(ends)
        inside = (
            ((kinks > low) & (kinks < high))
            | (kinks < self.limits[c, 0])
            | (kinks > self.limits[c, 1])
        )
        lowest, highest = (cells == 0) | (cells > n_cuts), cells >= n_cuts  # or missing
        is_all = is_flat | (lowest[0] & highest[1]) | (highest[0] & lowest[1])
        return bool(is_all.all() and inside.all())

    def _refusal(self, c, ranks):
        """Error of the steps, or of the model, for numbers; None if they accept them."""
        try:
            self.require_accepted(np.full(len(ranks), c), self.held[c].numbers(ranks))
        except (ValueError, TypeError) as error:
            return error
        return None

    def require_accepted(self, c, numbers):
        """Raise the error of the steps, or of the model, for numbers that they reject."""
        last = self.problem.steps.last
        if len(c):
            predictions(last, as_fitted(last, self.outputs(c, numbers)))

    def kinks(self, c):
        """Jumps and points of a column, in increasing order, and which of them are points."""
        j = self.columns[c]
        points = self.reading.points.get(j, np.zeros(0))
        kinks = np.union1d(self.reading.jumps.get(j, np.zeros(0)), points)
        return kinks, np.isin(kinks, points)
