"""Rows whose columns are replaced by those of a baseline, and the objective of masks."""

from copy import copy
from numbers import Integral

import numpy as np
from scipy.special import logsumexp

from sklearn_irg._fitted.table_rows import numbers_of, with_numbers

__all__ = ["DeletionObjective", "Deletions", "SmoothObjective"]


class Deletions:
    """Rows of a table whose columns are replaced by those of a baseline.

    Numbers are replaced in part, integers by integers, and other cells as a whole.

    Parameters
    ----------
    table : Table
        The rows.
    cells : list of length n_columns
        The baseline, None where it is missing.

    Attributes
    ----------
    in_parts : ndarray of bool of shape (n_samples, n_columns)
        Cells that lie on a line to the baseline's: both are finite numbers.
    differs : ndarray of bool of shape (n_samples, n_columns)
        Cells that are not the baseline's.
    """

    def __init__(self, table, cells):
        self.table = table
        self.cells = cells
        self.start = table.numbers()
        is_known = [
            number and cell is not None for number, cell in zip(table.is_number, cells, strict=True)
        ]
        self.end = np.array(
            [cell if known else np.nan for cell, known in zip(cells, is_known, strict=True)], float
        )
        self.are_integers = np.array([_holds_integers(table, j) for j in range(table.n_columns)])
        self.in_parts = np.isfinite(self.start) & np.isfinite(self.end)
        replaced = self.masked(np.ones(self.start.shape), np.arange(len(table)))
        same = [table.same_cells(replaced, j) for j in range(table.n_columns)]
        self.differs = ~np.column_stack(same)

    def take(self, rows):
        """Some of the rows, by position."""
        return Deletions(self.table.take(rows), self.cells)

    def numbers(self, masks, origin):
        """Numbers of some rows, by position, behind masks; NaN for cells replaced as a whole."""
        with np.errstate(invalid="ignore"):  # infinite ones
            moved = (1 - masks) * self.start[origin] + masks * self.end
        # Not rounded, the type of every row would change.
        moved[:, self.are_integers] = np.rint(moved[:, self.are_integers])
        return np.where(self.in_parts[origin], moved, np.nan)

    def masked(self, masks, origin):
        """The table behind masks of some rows, by position, possibly repeated."""
        table = self.table.take(origin)
        table = table.with_frame(table.with_numbers(self.numbers(masks, origin)))
        whole = (masks > 0) & ~self.in_parts[origin]
        for j in np.flatnonzero(whole.any(axis=0)):
            rows = np.flatnonzero(whole[:, j])
            table = table.with_cells(j, rows, self._repeated(j, len(rows)))
        return table

    def _repeated(self, j, n):
        values = np.empty(n, dtype=object)
        missing = np.nan if self.table.is_number[j] else None
        values[:] = [missing if self.cells[j] is None else self.cells[j]] * n
        return values


def _holds_integers(table, j):
    """Whether a column of numbers is one of integers, by its type, or by that of its cells."""
    if not table.is_number[j] or table.dtype_of(j).kind != "O":
        return bool(table.are_integers[j])
    present = [cell for cell in table.cells(j) if cell is not None]
    return bool(present) and all(isinstance(cell, Integral) for cell in present)


class DeletionObjective:
    """Objective of masks: their cost, plus the probability that is left to each row's class.

    Parameters
    ----------
    model : Model
        Bound to the rows, of a table, with scores that make the stated probabilities.
    deletions : Deletions
        The rows.
    label : ndarray of int of shape (n_samples,)
        Position of the class that each row is predicted to have.
    alpha : float
        Cost of a column.
    """

    def __init__(self, model, deletions, label, alpha):
        self.model = model
        self.deletions = deletions
        self.label = label
        self.alpha = alpha

    def take(self, rows):
        """The objective of some of the rows, by position."""
        return DeletionObjective(
            self.model, self.deletions.take(rows), self.label[rows], self.alpha
        )

    def __call__(self, masks, origin):
        """The objective of masks of some rows, by position."""
        scores = self.model.scores_of(self.deletions.masked(masks, origin))
        return self.alpha * masks.sum(axis=1) + _of(
            self.label[origin], self.model.likelihood.probabilities(scores)
        )

    def log_odds(self, masks, origin):
        """Log-odds of each row's class against all others.

        They still differ where probabilities are rounded to one.
        """
        scores = self.model.scores_of(self.deletions.masked(masks, origin)).astype(np.float64)
        if scores.shape[1] == 1:
            return (2 * self.label[origin] - 1) * scores[:, 0]
        others = np.arange(scores.shape[1]) != self.label[origin, None]
        return _of(self.label[origin], scores) - logsumexp(
            scores[others].reshape(len(scores), -1), axis=1
        )


class SmoothObjective:
    """The objective as a differentiable function of those entries of masks that are numbers.

    All other entries stay as they are.

    Parameters
    ----------
    objective : DeletionObjective
        Of a model that has gradients.
    masks : ndarray of shape (n_samples, n_columns)
        Of all rows: their other entries.
    """

    def __init__(self, objective, masks):
        everything = np.arange(len(masks))
        self.deletions, self.label, self.alpha = (
            objective.deletions,
            objective.label,
            objective.alpha,
        )
        self.model = copy(objective.model)
        self.rows = self.model.bind(self.deletions.masked(masks, everything))
        self.targets = self.model.encode(self.model.classes[self.label], len(masks))
        self.is_movable = self.deletions.in_parts & self.deletions.differs

    def __call__(self, masks, origin):
        """The objective of masks of some rows, by position, and its gradient.

        The gradient is zero for entries that stay.
        """
        probabilities, slopes = self._slopes(masks, origin)
        gradients = np.where(self.is_movable[origin], self.alpha + slopes, 0.0)
        return self.alpha * masks.sum(axis=1) + probabilities, gradients

    def _slopes(self, masks, origin):
        """The probability of each row's class, and its derivatives by the mask."""
        rows, numbers = self.rows[origin], self.deletions.numbers(masks, origin)
        rows = with_numbers(rows, np.where(np.isnan(numbers), numbers_of(rows), numbers))
        stated = _of(
            self.label[origin], self.model.likelihood.probabilities(self.model.scores(rows))
        )
        gradients = self.model.loss_gradients(rows, self.targets[origin])
        ways = np.nan_to_num(
            self.deletions.end - self.deletions.start[origin], posinf=0.0, neginf=0.0
        )
        return stated, -stated[:, None] * gradients * ways


def _of(label, values):
    """The entry of each row that belongs to its class."""
    return values[np.arange(len(label)), label]
