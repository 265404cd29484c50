"""Rows among the cells of additive trees, and the results of a search."""

from dataclasses import dataclass

import numpy as np

from sklearn_irg._perturbations.projection import BUDGET
from sklearn_irg._threats.trees.level_boxes import LevelCells

__all__ = ["BUDGET", "DISTANCE", "GAP", "Cells", "Verdict"]

# relative width of an interval that is closed: 1e-13 took up to twice as long for three models,
# and 1e-5 leaves lower bounds that much too low
GAP = 1e-9
# of a scale: what rounding may make of distances, ten times the slack by which costs of cells are
# lowered
# of a scale: what rounding may make of distances, ten times the slack by which costs are lowered.
# Lower bounds are lower by this much, from 0 to 1e-8; if the slack is larger, by far more
DISTANCE = 1e-11


@dataclass(frozen=True)
class Cells:
    """Rows among the cells of leaf tables.

    Attributes
    ----------
    home : ndarray of int of shape (n_rows, n_columns)
        Cell of each number.
    costs : ndarray of shape (n_rows, n_all_cells)
        Part of the budget, which is one, that a move to each cell takes; zero at home, infinite
        where a number cannot go. Costs of columns add up. Where they are finite, they do not
        decrease with the distance from home.
    least : ndarray of shape (n_rows, n_all_cells)
        Smallest cost of each cell and those further away from home.
    words : ndarray of uint64 of shape (n_rows, n_trees, n_words)
        Leaves that agree with the columns that do not move.
    constant : ndarray of shape (n_rows,)
        Constant that is added to the score.
    levels : LevelCells, default=None
        The same among columns of levels; ``None`` where there are none.
    """

    home: np.ndarray
    costs: np.ndarray
    least: np.ndarray
    words: np.ndarray
    constant: np.ndarray
    levels: LevelCells | None = None

    @property
    def have_levels(self):
        """Whether levels may change."""
        return self.levels is not None and self.levels.n_columns > 0

    def take(self, rows):
        """Some of the rows."""
        parts = (
            part[rows] for part in (self.home, self.costs, self.least, self.words, self.constant)
        )
        return Cells(*parts, None if self.levels is None else self.levels.take(rows))


@dataclass
class Verdict:
    """Bounds and best points of each row.

    Attributes
    ----------
    bound : ndarray of shape (n_rows,)
        Upper bound on the score within the budget.
    best : ndarray of shape (n_rows,)
        Largest score that was found.
    cells : ndarray of int of shape (n_rows, n_columns)
        Cells of that point; columns of levels come last, with cells among all of theirs.
    n_nodes : ndarray of int of shape (n_rows,)
        Number of boxes that were searched.
    """

    bound: np.ndarray
    best: np.ndarray
    cells: np.ndarray
    n_nodes: np.ndarray
