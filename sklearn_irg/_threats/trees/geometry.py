"""Positions of rows among the cells of additive trees, and points in other cells."""

import numpy as np

from sklearn_irg._threats.trees.cells import Cells
from sklearn_irg._threats.trees.row_costs import RowCosts, cells_of

__all__ = ["Geometry"]

# of a cell, by which a point is placed behind its end: the ends themselves leave 8 of 135 rows of
# breast cancer open, and 1e-7 alone bounds up to 1 % too low; 1e-3 as the first is as good
_INSIDE = (1e-7, 1e-12, 0.0)


class Geometry:
    """Rows among the cells of the trees, with the costs of moving to other cells."""

    def __init__(self, search, some, views, tables, constant, radius):
        self.perturbations, self.views, self.search = some.perturbations, views, search
        self.tables, self.still, words_of_levels = tables
        self.rows = RowCosts(search, some, views, self.tables, radius)
        self.home = self.rows.home
        constants = np.full(len(views.row), constant)
        words = self._with_still(self.rows.words())
        levels = search.levels.cells(words_of_levels, views.problem.perturbations, views.inner_X)
        self.cells = Cells(self.home, self.rows.costs, self.rows.least, words, constants, levels)

    def _with_still(self, words):
        """Leaves that also agree with the columns that do not move."""
        search = self.search
        for k, column in enumerate(search.still):
            cells = cells_of(self.views.inner_X[:, column], search.boxes.thresholds[column])
            for cell in np.unique(cells):
                words[cells == cell] &= self.still.reached_by(k, cell)
        for column in search.still_categories:
            takes, codes = (
                search.boxes.takes_code[column],
                search.trees.codes_of(self.views.inner_X[:, column]),
            )
            for code in np.unique(codes):
                takes_it = takes[:, code] if code >= 0 else search.boxes.takes_missing[:, column]
                words[codes == code] &= self.tables.words_of(takes_it)
        return words

    def are_in(self, views, delta, cells):
        """Whether points of views are in cells, by the outputs of the steps."""
        if not len(views):
            return np.ones(0, dtype=bool)
        inner_X = self.views.inner_X_at(views, delta, self.codes(views, cells))
        numbers, levels = np.hsplit(cells, [self.home.shape[1]])
        columns = zip(inner_X[:, self.search.moving].T, self.rows.thresholds, strict=True)
        found = np.array([cells_of(column, cuts) for column, cuts in columns]).T.reshape(
            numbers.shape
        )
        return (found == numbers).all(axis=1) & (self.search.levels.home(inner_X) == levels).all(
            axis=1
        )

    def codes(self, views, cells):
        """Levels of points in cells."""
        arrays, home = self.views.problem.perturbations.take(views), self.cells.levels.home[views]
        return self.search.levels.codes(arrays, home, cells[:, self.home.shape[1] :])

    def points(self, views, cells):
        """Delta of points in cells: a little inside, even less, and exactly at the end."""
        cells = cells[:, : self.home.shape[1]]
        place = self.tables.start[:-1] + cells
        moves = np.take_along_axis(self.rows.moves[views], place, axis=1)
        moves = np.where(cells == self.home[views], 0, moves)
        for share in _INSIDE:
            further = moves + np.sign(moves) * share * (1 + np.abs(moves))
            delta = np.zeros((len(views), self.perturbations.numbers.shape[1]))
            for column in np.flatnonzero(self.rows.source >= 0):
                j = self.rows.source[column]
                moved = further if self.perturbations.steps[j] == 0 else moves
                delta[:, j] += np.where(moves[:, column] != 0, moved[:, column], 0)
            rows = self.views.row[views]
            yield np.clip(delta, self.perturbations.low[rows], self.perturbations.high[rows])
