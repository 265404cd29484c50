"""Categories of rows in boxes of additive trees, with a budget of swaps.

In each column a box leaves the level open, keeps the level of the row, or has it swapped for any
other or for a certain one. Levels that the same leaves take are one cell. The budget of swaps is
separate from that of the numbers.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from sklearn_irg._threats.trees.votes import TIE

__all__ = ["LevelBoxes", "LevelCells"]

_OPEN = -1  # any level
_AWAY = -2  # any level but that of the row


@dataclass(frozen=True)
class LevelCells:
    """Rows among the cells of columns of levels.

    Attributes
    ----------
    start : ndarray of int of shape (n_columns + 1,)
        Position of the first cell of each column among all cells.
    words : ndarray of uint64 of shape (n_all_cells, n_trees, n_words)
        Leaves that take each cell.
    lacks : ndarray of shape (n_leaves, n_all_cells)
        One where a leaf does not take a cell, else zero.
    home : ndarray of int of shape (n_rows, n_columns)
        Cell of the level that each row has, among all cells.
    allowed : ndarray of bool of shape (n_rows, n_all_cells)
        Cells that a row may have, home included.
    n_swaps : int
        Number of columns that may leave home.
    """

    start: np.ndarray
    words: np.ndarray
    lacks: np.ndarray
    home: np.ndarray
    allowed: np.ndarray
    n_swaps: int

    @property
    def n_columns(self):
        return self.home.shape[1]

    def take(self, rows):
        """Some of the rows."""
        return replace(self, home=self.home[rows], allowed=self.allowed[rows])

    @classmethod
    def none(cls, n_rows):
        """Cells of rows whose levels do not change."""
        nothing = np.zeros((n_rows, 0), dtype=int)
        return cls(
            np.zeros(1, dtype=int),
            np.zeros((0, 1, 1), dtype=np.uint64),
            nothing,
            nothing,
            nothing > 0,
            0,
        )


class LevelBoxes:
    """Levels of rows that boxes leave possible, as integers by column.

    An integer is a cell among all, or stands for any level or for any one away from home.

    Parameters
    ----------
    cells : LevelCells
        The rows.
    """

    def __init__(self, cells):
        self.cells = cells
        self.start = cells.start[:-1]
        self.n_columns = cells.n_columns
        self.column = np.repeat(np.arange(self.n_columns), np.diff(cells.start))
        self.others = cells.allowed & (cells.home[:, self.column] != np.arange(len(self.column)))
        self.away = self._words_away()

    def root(self):
        """Levels of boxes that hold everything."""
        if not self.n_columns:
            return self.cells.home
        has_others = np.logical_or.reduceat(self.others, self.start, axis=1)
        return np.where(has_others, _OPEN, self.cells.home)

    def words(self, row, levels):
        """Leaves that all columns of boxes let through."""
        words = np.full((len(row), *self.cells.words.shape[1:]), ~np.uint64(0))
        for c in range(self.n_columns):
            words &= self._words_of(row, levels[:, c], c)
        return words

    def _words_of(self, row, level, c):
        """Leaves that one column of boxes lets through."""
        words = self.cells.words[np.where(level < 0, self.cells.home[row, c], level)]
        words[level == _AWAY] = self.away[row[level == _AWAY], c]
        words[level == _OPEN] |= self.away[row[level == _OPEN], c]
        return words

    def _words_away(self):
        """Leaves that a swap in a column reaches, shape (n_rows, n_columns, n_trees, n_words)."""
        cells = self.cells
        words = np.zeros((*cells.home.shape, *cells.words.shape[1:]), dtype=np.uint64)
        for k, c in enumerate(self.column):
            words[self.others[:, k], c] |= cells.words[k]
        return words

    def tightened(self, row, levels, words):
        """Boxes without the levels and leaves that take too many swaps.

        Also returns whether anything is left of each.
        """
        if not self.n_columns:
            return levels, words, np.ones(len(row), dtype=bool)
        left = self._left(row, levels)
        words = words & ~self._beyond_swaps(row, levels, np.maximum(left, 0))
        is_pinned = (levels == _OPEN) & (left <= 0)[:, None]
        return np.where(is_pinned, self.cells.home[row], levels), words, left >= 0

    def _left(self, row, levels):
        """Number of swaps that are left to open columns."""
        return self.cells.n_swaps - ((levels != _OPEN) & (levels != self.cells.home[row])).sum(
            axis=1
        )

    def _beyond_swaps(self, row, levels, left):
        """Leaves that take more swaps of open columns than are left."""
        most = min(int(left.max(initial=0)) + 1, self.n_columns + 1)
        needing = np.zeros((most + 1, len(row), *self.cells.words.shape[1:]), dtype=np.uint64)
        needing[0] = ~np.uint64(0)  # leaves that need this many swaps, or more
        for c in range(self.n_columns):
            lacking = ~self.cells.words[self.cells.home[row, c]]
            lacking[levels[:, c] != _OPEN] = 0
            for k in range(most, 0, -1):
                needing[k] |= needing[k - 1] & lacking
        return needing[np.minimum(left + 1, most), np.arange(len(row))]

    def lost(self, weights, leaf):
        """Loss of the best leaves of boxes at each cell, shape (n_boxes, n_all_cells)."""
        if not self.n_columns:
            return np.zeros((len(leaf), 0))
        weights, chosen = np.where(leaf >= 0, weights, 0), np.maximum(leaf, 0)
        ends = np.arange(len(leaf) + 1) * leaf.shape[1]
        votes = csr_array(
            (weights.ravel(), chosen.ravel(), ends), shape=(len(leaf), len(self.cells.lacks))
        )
        return votes @ self.cells.lacks

    def point(self, row, levels, lost):
        """Cell of each column that loses least, or home if it is among these.

        Columns are put back until the number of swaps is kept.
        """
        if not self.n_columns:
            return levels
        home, boxes = self.cells.home[row], np.arange(len(row))[:, None]
        lost = np.where(self._options(row, levels), lost, np.inf)
        least = np.minimum.reduceat(lost, self.start, axis=1)
        is_good = lost <= (least + TIE * (1 + np.abs(least)))[:, self.column]
        price = np.where(is_good, np.arange(len(self.column)), len(self.column))
        point = np.minimum.reduceat(price, self.start, axis=1)
        point = np.where(is_good[boxes, home], home, point)
        can_go_back = (levels == _OPEN) & (point != home)
        loss = np.where(can_go_back, lost[boxes, home] - least, np.inf)
        rank = np.argsort(np.argsort(loss, axis=1, kind="stable"), axis=1)
        n_back = (point != home).sum(axis=1) - self.cells.n_swaps
        return np.where(can_go_back & (rank < n_back[:, None]), home, point)

    def _options(self, row, levels):
        """Cells of boxes, shape (n_boxes, n_all_cells)."""
        state = levels[:, self.column]
        options = self.others[row] & (state < 0)
        cell = np.where(levels == _OPEN, self.cells.home[row], levels)
        box, c = np.nonzero(cell >= 0)
        options[box, cell[box, c]] = True
        return options

    def can_split(self, levels):
        """Whether any column of each box has several levels."""
        return (levels < 0).any(axis=1)

    def gains(self, row, levels, lost, is_tie):
        """Smallest loss over all sides of a split of each column, for ties the largest.

        It is -1 where there is no split.
        """
        if not self.n_columns:
            return np.zeros((len(row), 0))
        options = self._options(row, levels)
        is_other = options & self.others[row]
        least = np.minimum.reduceat(np.where(is_other, lost, np.inf), self.start, axis=1)
        at_home = np.where(
            levels == _OPEN, lost[np.arange(len(row))[:, None], self.cells.home[row]], 0
        )
        gain = np.minimum(at_home, least + self._lost_later(at_home, self._left(row, levels)))
        gain = np.where(levels == _AWAY, least, gain)
        most = np.maximum.reduceat(np.where(options, lost, -1.0), self.start, axis=1)
        return np.where(levels < 0, np.where(is_tie[:, None], most, gain), -1.0)

    def _lost_later(self, at_home, left):
        """Loss at the homes of the other open columns after a swap of each column.

        The swap leaves one less to the others.
        """
        ordered = -np.sort(-at_home, axis=1)
        sums = np.concatenate([np.zeros((len(at_home), 1)), np.cumsum(ordered, axis=1)], axis=1)
        n_kept = np.clip(left, 1, self.n_columns)[:, None]
        with_it, without = (np.take_along_axis(sums, n, axis=1) for n in (n_kept, n_kept - 1))
        is_kept = at_home >= np.take_along_axis(ordered, n_kept - 1, axis=1)
        best = np.where(is_kept, with_it, at_home + without)
        return at_home.sum(axis=1, keepdims=True) - best

    def split(self, row, levels, column):
        """Split each box at a column, into home and away from it, or into all other levels.

        Returns
        -------
        box : ndarray of int of shape (n_parts,)
            Position of the box that each is a part of.
        levels : ndarray of int of shape (n_parts, n_columns)
            Levels of the parts.
        words : ndarray of uint64 of shape (n_parts, n_trees, n_words)
            Leaves that the column lets through.
        """
        boxes = np.arange(len(row))
        is_open = levels[boxes, column] == _OPEN
        opened = boxes[is_open]
        away, cell = np.nonzero(
            self.others[row] & (self.column == column[:, None]) & ~is_open[:, None]
        )
        box = np.concatenate([opened, opened, away])
        level = np.concatenate(
            [self.cells.home[row, column][opened], np.full(len(opened), _AWAY), cell]
        )
        levels = levels[box]
        levels[np.arange(len(box)), column[box]] = level
        words = self.cells.words[np.maximum(level, 0)]
        is_away = level == _AWAY
        words[is_away] = self.away[row[box], column[box]][is_away]
        return box, levels, words
