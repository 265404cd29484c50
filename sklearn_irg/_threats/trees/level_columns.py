"""Categories of a table as columns of cells of additive trees.

Leaves are compared with levels by the output of the steps, so that any encoder may come first.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from sklearn_irg._threats.trees.level_boxes import LevelCells
from sklearn_irg._threats.trees.row_costs import cells_of

__all__ = ["LevelColumns", "level_columns"]

_N_ROWS = 8  # at which each level is tried, since steps may mix columns
_CHANGES = "what the trees see of a category differs between rows that have it"


class _Column(NamedTuple):
    """A column of the table.

    Attributes
    ----------
    position : int
        Position among the columns whose level may change.
    features : ndarray of int
        Features of the trees that it changes.
    takes : ndarray of bool of shape (n_leaves, n_cells)
        Whether each leaf takes each cell.
    cell_of_level : ndarray of int of shape (n_levels,)
        Cell of each level; -1 for levels that no row has or may get.
    cell_of_places : dict of bytes to int
        Cell by the places of these features, as bytes.
    """

    position: int
    features: np.ndarray
    takes: np.ndarray
    cell_of_level: np.ndarray
    cell_of_places: dict


class LevelColumns:
    """Columns of the table that change features of the trees, with their levels as cells.

    Levels that the same leaves take share a cell.

    Parameters
    ----------
    trees : AdditiveTrees
        Trees.
    boxes : LeafBoxes
        Their leaves.
    columns : list of _Column
        Columns of the table.
    kept : ndarray of bool of shape (n_leaves,), default=slice(None)
        Leaves that are used.
    """

    def __init__(self, trees, boxes, columns, kept=slice(None)):
        self.trees, self.boxes, self.columns = trees, boxes, columns
        self.start = np.cumsum([0, *(column.takes.shape[1] for column in columns)])
        self.features = np.concatenate(
            [np.zeros(0, dtype=int), *(column.features for column in columns)]
        )
        none = np.zeros((len(boxes.tree), 0), dtype=bool)
        self.takes = np.hstack([none, *(column.takes for column in columns)])[kept]

    @cached_property
    def _lacks(self):
        return (~self.takes).astype(np.float64)

    def of_leaves(self, kept):
        """The same for some of the leaves."""
        return LevelColumns(self.trees, self.boxes, self.columns, kept)

    @property
    def n_cells(self):
        return int(self.start[-1])

    @property
    def most_cells(self):
        """Largest number of cells of a column."""
        return int(np.diff(self.start).max(initial=0))

    def cells(self, words, perturbations, inner_X):
        """Rows among the cells of the levels.

        Parameters
        ----------
        words : ndarray of uint64 of shape (n_cells, n_trees, n_words)
            Words of the leaves that take each cell.
        perturbations : PerturbationSet
            Perturbation set of the rows.
        inner_X : ndarray of shape (n_rows, n_features)
            Features of the trees for these rows.
        """
        home = self.home(inner_X)
        allowed = np.zeros((len(home), self.n_cells), dtype=bool)
        for column, start in zip(self.columns, self.start[:-1], strict=True):
            row, level = np.nonzero(perturbations.can_swap(column.position))
            allowed[row, start + column.cell_of_level[level]] = True
        allowed[np.arange(len(home))[:, None], home] = True
        return LevelCells(self.start, words, self._lacks, home, allowed, perturbations.n_swaps)

    def home(self, inner_X):
        """Cell of each row in each column, among all cells."""
        home = np.zeros((len(inner_X), len(self.columns)), dtype=int)
        for k, column in enumerate(self.columns):
            places = _places(self.trees, self.boxes, inner_X, column.features)
            unique, inverse = np.unique(places, axis=0, return_inverse=True)
            known = np.array([column.cell_of_places[row.tobytes()] for row in unique], dtype=int)
            home[:, k] = self.start[k] + known[inverse.ravel()]
        return home

    def codes(self, perturbations, home, cells):
        """Levels of rows at cells: at home those of the rows, elsewhere the first allowed one."""
        codes = perturbations.codes.copy()
        for k, column in enumerate(self.columns):
            moved = np.flatnonzero(cells[:, k] != home[:, k])
            is_there = column.cell_of_level == (cells[moved, k] - self.start[k])[:, None]
            options = perturbations.can_swap(column.position)[moved] & is_there
            codes[moved, column.position] = options.argmax(axis=1)
        return codes


def level_columns(problem, trees, boxes, moving):
    """Columns of the levels of a problem and an empty reason, or None and the reason.

    Parameters
    ----------
    problem : AttackProblem
        The rows, with levels that may change.
    trees : AdditiveTrees
        Trees of its model.
    boxes : LeafBoxes
        Their leaves.
    moving : ndarray of int
        Features of the trees that numbers of the table move.
    """
    arrays = problem.perturbations
    if not any(swaps.any() for swaps in arrays.swaps):
        return LevelColumns(trees, boxes, []), ""
    used = np.unique(trees.feature[trees.feature >= 0])
    places_of_rows = _places(trees, boxes, _inputs(problem, arrays.codes), used)
    columns, claimed = [], list(moving)
    for position, (levels, inner_X) in enumerate(_inputs_with_levels(problem)):
        places = _places(trees, boxes, inner_X, used).reshape(
            len(levels), _n_rows(problem), len(used)
        )
        column, refusal = _column_of(boxes, used, arrays, position, levels, places, places_of_rows)
        if refusal:
            return None, refusal
        if column is not None:
            columns.append(column)
            claimed += list(column.features)
    if len(set(claimed)) < len(claimed):
        return None, "the steps before the trees mix columns"
    return LevelColumns(trees, boxes, columns), ""


def _n_rows(problem):
    return min(_N_ROWS, len(problem))


def _inputs(problem, codes):
    """Features of the trees for rows at some levels."""
    return problem.model.trees.coded(
        problem.step_outputs(np.zeros(problem.perturbations.numbers.shape), codes)
    )


def _inputs_with_levels(problem):
    """Levels that rows have or may get, by column, and features of a few rows with each."""
    arrays, rows = (
        problem.perturbations,
        np.random.RandomState(0).permutation(len(problem))[: _n_rows(problem)],
    )
    levels, codes = [], []
    for c, swaps in enumerate(arrays.swaps):
        present = arrays.codes[:, c]
        levels.append(np.union1d(np.flatnonzero(swaps.any(axis=0)), present[present >= 0]))
        codes.append(np.tile(arrays.codes[rows], (len(levels[-1]), 1)))
        codes[-1][:, c] = np.repeat(levels[-1], len(rows))
    codes = np.concatenate(codes)
    inner_X = _inputs(problem.take(np.resize(rows, len(codes))), codes)
    ends = np.cumsum([len(some) * len(rows) for some in levels])
    return zip(levels, np.split(inner_X, ends[:-1]), strict=True)


def _places(trees, boxes, inner_X, columns):
    """Places of rows in features of trees: cells of numbers, and codes of categories."""
    places = np.zeros((len(inner_X), len(columns)), dtype=np.int64)
    for k, column in enumerate(columns):
        if column in boxes.takes_code:
            places[:, k] = trees.codes_of(inner_X[:, column])
        else:
            places[:, k] = cells_of(inner_X[:, column], boxes.thresholds[column])
    return places


def _takes(boxes, columns, places):
    """Whether each leaf takes places in some features, shape (n_leaves, n_places)."""
    takes = np.ones((len(boxes.tree), len(places)), dtype=bool)
    for column, place in zip(columns, places.T, strict=True):
        if column in boxes.takes_code:
            missing, here = place < 0, boxes.takes_code[column][:, place]
        else:
            missing = place >= boxes.n_cells[column]
            here = (boxes.low[:, [column]] <= place) & (boxes.high[:, [column]] >= place)
        takes &= np.where(missing, boxes.takes_missing[:, [column]], here)
    return takes


def _column_of(boxes, used, arrays, position, levels, places, places_of_rows):
    """Column of the table, or None where it changes no feature, and a reason.

    The reason says why the column cannot be one of levels; it is empty if it can.
    """
    codes = arrays.codes[:, position]
    moved = np.flatnonzero((places != places[:1]).any(axis=(0, 1)))
    if not len(moved):
        return None, ""
    places, places_of_rows = places[:, :, moved], places_of_rows[:, moved]
    known = codes >= 0
    of_levels = places[:, 0]
    if (places != places[:, :1]).any() or (
        places_of_rows[known] != of_levels[np.searchsorted(levels, codes[known])]
    ).any():
        return None, _CHANGES
    every, place = np.unique(
        np.concatenate([of_levels, places_of_rows]), axis=0, return_inverse=True
    )
    takes, cell = _distinct(_takes(boxes, used[moved], every))
    cell_of_level = np.full(len(arrays.swaps[position]), -1)
    cell_of_level[levels] = cell[place.ravel()[: len(levels)]]
    cell_of_places = {row.tobytes(): int(k) for row, k in zip(every, cell, strict=True)}
    return _Column(position, used[moved], takes, cell_of_level, cell_of_places), ""


def _distinct(takes):
    """Distinct columns, and the position of each column among them."""
    known = {}
    cell = np.array([known.setdefault(column.tobytes(), len(known)) for column in takes.T])
    _, first = np.unique(cell, return_index=True)
    return takes[:, first], cell
