"""Where views of rows are among the cells of additive trees, and points in other cells."""

import numpy as np

from sklearn_irg._threats.trees.branch_and_bound import Cells
from sklearn_irg._threats.trees.row_costs import RowCosts, cells_of

__all__ = ["Geometry"]

_INSIDE = 1e-7  # of a cell, by which a point is placed behind its end


class Geometry:
    """Views of rows among the cells of the trees: where they are, and what it takes to go elsewhere."""

    def __init__(self, search, some, views, tables, constant, radius):
        self.perturbations, self.views, self.search = some.perturbations, views, search
        self.tables, self.still = tables
        first, of = _one_of_each_row(views.row, views.seen[:, search.moving])
        self.rows = RowCosts(search, some, views.take(first), self.tables, radius)
        self.of = of
        self.home = self.rows.home[of]
        constants = np.full(len(views.row), constant)
        words = self._with_still(self.rows.words()[of])
        self.cells = Cells(self.home, self.rows.costs[of], self.rows.least[of], words, constants)

    def _with_still(self, words):
        """Leaves that agree with what does not move, too."""
        search = self.search
        for k, column in enumerate(search.still):
            cells = cells_of(self.views.seen[:, column], search.boxes.thresholds[column])
            for cell in np.unique(cells):
                words[cells == cell] &= self.still.at(k, cell)
        for column, takes in search.boxes.takes_code.items():
            for code, views in self._by_code(search.trees, column):
                takes_it = takes[:, code] if code >= 0 else search.boxes.takes_missing[:, column]
                words[views] &= self.tables.words_of(takes_it)
        return words

    def _by_code(self, trees, column):
        """Codes of a column of categories, -1 for missing ones, and the views that have each."""
        seen = self.views.seen[:, column]
        n_codes = trees.category_sets.shape[1]
        with np.errstate(invalid="ignore"):
            known = (seen >= trees.lowest_code) & (seen < n_codes)
        codes = np.trunc(np.where(known, seen, n_codes)).astype(int)
        codes[np.isnan(seen)] = -1
        return [(code, np.flatnonzero(codes == code)) for code in np.unique(codes)]

    def are_in(self, views, delta, cells):
        """Whether points of views are in cells, by what the steps make of them."""
        if not len(views):
            return np.ones(0, dtype=bool)
        seen = self.views.seen_at(views, delta)[:, self.search.moving]
        found = [cells_of(column, cuts) for column, cuts in zip(seen.T, self.rows.thresholds, strict=True)]
        return (np.array(found).T.reshape(cells.shape) == cells).all(axis=1)

    def points(self, views, cells):
        """Delta of points in cells: a little inside, less, and at the end itself."""
        place = self.tables.start[:-1] + cells
        moves = np.take_along_axis(self.rows.moves[self.of[views]], place, axis=1)
        moves = np.where(cells == self.home[views], 0, moves)
        for share in (_INSIDE, 1e-12, 0.0):
            further = moves + np.sign(moves) * share * (1 + np.abs(moves))
            delta = np.zeros((len(views), self.perturbations.numbers.shape[1]))
            for column in np.flatnonzero(self.rows.source >= 0):
                j = self.rows.source[column]
                moved = further if self.perturbations.steps[j] == 0 else moves
                delta[:, j] += np.where(moves[:, column] != 0, moved[:, column], 0)
            rows = self.views.row[views]
            yield np.clip(delta, self.perturbations.low[rows], self.perturbations.high[rows])


def _one_of_each_row(row, seen):
    """Positions of one view of each row, and which of them stands for each view: swaps leave what moves as it is."""
    _, first, of = np.unique(row, return_index=True, return_inverse=True)
    if np.array_equal(seen[first][of], seen, equal_nan=True):
        return first, of
    return np.arange(len(row)), np.arange(len(row))
