"""Models of the numbers of a table, whose categories and missing cells stay as they are."""

from copy import copy

import numpy as np

from sklearn_irg._fitted.differences import central_differences
from sklearn_irg._fitted.models import FunctionModel, Model
from sklearn_irg._fitted.step_features import AFFINE_ATOL, AFFINE_RTOL
from sklearn_irg._fitted.table_rows import TableRows

__all__ = [
    "AffineTableModel",
    "FunctionTableModel",
    "RefusedNumbersError",
    "TableModel",
    "require_numbers",
    "slopes_of",
]

# in standard deviations: within the table and far beyond, on both sides, and not whole or round,
# so that no grid or bin has them in common
_MOVES = [0.37, -2.3, 40.0]
# of random moves of all columns, in standard deviations: inside the table, and far beyond
_SIZES = (0.5, 30.0)
# of a standard deviation: a move so small that only steps which take no other number reject it
_SMALL = 1e-6
# of the largest output; more than for one column, since the rounding of all adds up
_JOINT_ATOL = 1e-7


class RefusedNumbersError(ValueError):
    """Steps of a pipeline raise an error where a number moves."""


class TableModel(Model):
    """Differentiable scores of the numbers in a table's rows.

    Attributes
    ----------
    table : Table
        The rows.
    movable : ndarray of bool of shape (n_samples, n_features)
        Cells that are numbers.
    """

    dtype = np.dtype(np.float64)
    units = 1.0

    def bind(self, table):
        """Remember a table, and return its rows."""
        self.table = table
        numbers = table.numbers()
        self.movable = ~np.isnan(numbers)
        return TableRows(np.nan_to_num(numbers), np.arange(len(table)))

    def scores_of(self, table):
        """Scores of the rows of another table."""
        other = copy(self)
        return other.scores(other.bind(table))

    def is_movable(self, rows):
        return self.movable[rows.origin]

    def frame(self, rows):
        """Rows of the model as rows of the table."""
        columns = np.flatnonzero(
            self.table.is_number & (np.broadcast_to(self.units, self.n_features) > 0)
        )
        numbers = np.where(self.movable[rows.origin], rows.numbers * self.units, np.nan)
        return self.table.take(rows.origin).with_numbers(numbers, columns)

    def rescaled(self, rows, scales):
        other = copy(self)
        other.units = scales
        other.movable = self.movable & (scales > 0)
        numbers = np.divide(rows.numbers, scales, out=np.zeros_like(rows.numbers), where=scales > 0)
        return other, TableRows(numbers, rows.origin)


class AffineTableModel(TableModel):
    """A model behind steps that are affine in the numbers of a table.

    It sees ``numbers @ slopes + offset``, with an offset for each row.

    Parameters
    ----------
    inner : Model
        The model behind the steps.
    steps : callable
        The steps, from rows of the table to what the inner model takes.
    slopes : ndarray of shape (n_columns, n_inner_features)
        Zero for columns that are no numbers.
    has_kinks : bool, default=False
        Whether the steps are affine near the rows only, as far as is known.
    """

    def __init__(self, inner, steps, slopes, has_kinks=False):
        self.inner = inner
        self.steps = steps
        self.slopes = slopes
        self.has_kinks = has_kinks
        self.n_features = len(slopes)
        self.n_outputs = inner.n_outputs
        self.classes = inner.classes
        self.likelihood = inner.likelihood
        self.name = f"the pipeline with {inner.name}"
        self.has_weights = inner.has_weights
        self.is_linear = inner.is_linear
        self.is_voting = inner.is_voting
        self.is_function = inner.is_function
        self.tree, self.trees = inner.tree, inner.trees

    def bind(self, table):
        rows = super().bind(table)
        outputs = self.steps(table.X)
        self.precision = float(np.finfo(outputs.dtype).eps)
        self.offsets = outputs.astype(np.float64) - rows.numbers @ self.slopes
        return rows

    def rescaled(self, rows, scales):
        other, in_units = super().rescaled(rows, scales)
        other.slopes = scales[:, None] * self.slopes
        other.offsets = self.offsets.copy()
        other.offsets[rows.origin] += rows.numbers @ self.slopes - in_units.numbers @ other.slopes
        return other, in_units

    def with_offsets(self, offsets, movable):
        """The same steps and model for rows whose offsets are known, which have no table."""
        other = copy(self)
        other.offsets, other.movable = offsets, movable
        return other

    def level_effects(self, columns, levels, base):
        """Terms that levels of some columns add to the offset, if the columns act one by one.

        Parameters
        ----------
        columns : list of int
            Columns that are no numbers.
        levels : list of list
            Levels of each.
        base : Table
            Its first row has everything else.

        Returns
        -------
        effects : list of ndarray of shape (n_levels, n_inner_features)
            Up to a constant for each column.
        """
        effects = []
        for j, of_column in zip(columns, levels, strict=True):
            some = base.take(np.zeros(len(of_column), dtype=int)).with_cells(
                j, np.arange(len(of_column)), _objects(of_column)
            )
            # what is missing there has nothing to do with levels
            effects.append(np.nan_to_num(np.asarray(self.steps(some.X), dtype=np.float64)))
        return effects

    def step_outputs(self, rows):
        """Outputs of the steps for rows, in double precision."""
        return rows.numbers @ self.slopes + self.offsets[rows.origin]

    def to_inner(self, rows):
        """Inputs of the inner model."""
        return self.step_outputs(rows).astype(self.inner.dtype, copy=False)

    def scores(self, X):
        return self.inner.scores(self.to_inner(X))

    def _outside(self, gradients, rows):
        return (gradients @ self.slopes.T) * self.movable[rows.origin]

    def pull_back(self, X, cotangent):
        return self._outside(self.inner.pull_back(self.to_inner(X), cotangent), X)

    def score_gradients(self, X):
        return self._outside(self.inner.score_gradients(self.to_inner(X)), X)

    @property
    def layers(self):
        """Weights and biases as functions of the numbers alone.

        The first biases are None, since they differ from row to row.
        """
        (W, _), *rest = self.inner.layers
        return [(self.slopes @ W, None), *rest]

    @property
    def network(self):
        """The network behind the steps."""
        return self.inner.network


class FunctionTableModel(TableModel, FunctionModel):
    """Scores known only as a function of a table's rows, with central differences for gradients."""

    def __init__(self, function, n_features, n_outputs, classes, name):
        FunctionModel.__init__(self, function, n_features, n_outputs, classes, name)

    def to_inner(self, X):
        return np.where(self.movable[X.origin], X.numbers * self.units, np.nan)

    def scores(self, X):
        return self._function(self.frame(X))

    def score_gradients(self, X):
        return central_differences(self.scores, X, self.is_movable(X), self.units_of_steps)


def slopes_of(transform, table, n_tried=500):
    """Derivatives of the outputs of steps by a table's numbers, None where they are not affine.

    Parameters
    ----------
    transform : callable
        From rows of the table to floats, shape (n_samples, n_inner_features).
    table : Table
        Rows to try it with: some for the slopes, all for whether they hold.
    n_tried : int, default=500
        Number of rows that the slopes are found with.

    Returns
    -------
    slopes : ndarray of shape (n_columns, n_inner_features) or None
        None where the steps are not affine in the numbers while the rest of a row stays, with the
        same slopes in all rows.
    """
    everything, rng = table, np.random.RandomState(0)
    table = table.take(rng.permutation(len(table))[:n_tried])
    numbers = table.numbers()
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.array([np.nanstd(c) if (~np.isnan(c)).any() else 0.0 for c in numbers.T])
    unit = np.where((spread > 0) & np.isfinite(spread), spread, 1.0)
    start = transform(table.X)
    slopes = np.zeros((table.n_columns, start.shape[1]))
    for j in np.flatnonzero(~np.isnan(numbers).all(axis=0)):
        rows = rng.permutation(np.flatnonzero(~np.isnan(numbers[:, j])))[:24]
        several = np.repeat(rows, len(_MOVES))
        some = table.take(several)
        moved = numbers[several]
        before = moved[:, j].copy()
        moved[:, j] += np.tile(_MOVES, len(rows)) * unit[j]
        try:
            with np.errstate(all="ignore"):
                change = transform(some.with_numbers(moved, [j])) - start[several]
        except (ValueError, TypeError):
            require_numbers(transform, some, j, _SMALL * unit[j])
            return None
        change[np.isnan(change) & np.isnan(start[several])] = 0  # missing before and after
        quotients = change / (moved[:, j] - before)[:, None]
        slopes[j] = np.median(quotients, axis=0)
        if not np.allclose(
            quotients, slopes[j], rtol=AFFINE_RTOL, atol=AFFINE_ATOL * _size(start) / unit[j]
        ):
            return None
    numbers, start = everything.numbers(), transform(everything.X)
    for size in _SIZES:  # all columns of all rows at once
        moved = numbers + size * unit * rng.standard_normal(numbers.shape)
        expected = start + np.nan_to_num(moved - numbers) @ slopes
        try:
            with np.errstate(all="ignore"):
                found = transform(everything.with_numbers(moved))
        except (ValueError, TypeError):
            return None
        if not _agree(found, expected):
            return None
    return slopes


def require_numbers(steps, table, j, step):
    """Raise an error where a column's numbers can move neither up nor down, even a little."""
    numbers = table.numbers()
    for move in (step, -step):
        moved = numbers.copy()
        moved[:, j] += move
        try:
            steps(table.with_numbers(moved, [j]))
            return
        except (ValueError, TypeError) as error:
            refusal = error
    raise RefusedNumbersError(
        f"the pipeline refuses other numbers in {table.name_of(j)!r} than those seen in fit "
        f"({refusal}). Name the column in ThreatModel(categorical=…) or fixed, or make it a column "
        "of categories."
    ) from refusal


def _objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _size(T):
    """The largest entry of each column, and one at least."""
    return np.abs(np.nan_to_num(T)).max(axis=0, initial=1)


def _agree(found, expected):
    return np.allclose(
        found, expected, rtol=AFFINE_RTOL, atol=_JOINT_ATOL * _size(expected), equal_nan=True
    )
