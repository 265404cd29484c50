"""Costs of moving the numbers of rows to other cells of additive trees."""

import numpy as np

from sklearn_irg._perturbations.projection import GRID, SLACK
from sklearn_irg._threats.trees.cells import BUDGET, GAP

__all__ = ["RowCosts", "cells_of"]


def cells_of(numbers, cuts):
    """Cell of each number; missing values have a separate cell after the others."""
    missing = np.isnan(numbers)
    return np.where(missing, len(cuts) + 1, np.searchsorted(cuts, np.where(missing, 0, numbers)))


class RowCosts:
    """Cells of the numbers of rows, and costs of moving to all others.

    Parameters
    ----------
    search : TreeSearch
        The trees.
    some : AttackProblem
        The rows.
    views : Views
        Views of these rows.
    tables : LeafTables
        Tables of the columns that move.
    radius : ndarray of shape (n_samples,)
        Radius of each row of the problem.

    Attributes
    ----------
    home, costs, least : ndarray
        As in `Cells`.
    moves : ndarray of shape (n_views, n_all_cells)
        Signed distance to each cell, in units of scale.
    """

    def __init__(self, search, some, views, tables, radius):
        self.search, self.perturbations, self.views, self.tables = (
            search,
            some.perturbations,
            views,
            tables,
        )
        self.radius = radius[views.row][:, None]
        columns = search.moving
        slopes, source = search.pieces.sources(some)
        self.source = source[columns]  # -1 where none of these rows can move
        self.thresholds = [search.boxes.thresholds[column] for column in columns]
        self.unit = slopes[self.source, columns] * self.perturbations.scales[self.source]
        self.inner_X = views.inner_X[:, columns]
        self.slack = search.pieces.slack(some)[views.row] * (1 + GAP) + SLACK
        self.home = np.zeros(self.inner_X.shape, dtype=int)
        self.moves = np.zeros((len(views.row), tables.start[-1]))
        self.costs = np.full(self.moves.shape, np.inf)
        self.least = self.costs.copy()
        for column in range(len(columns)):
            here = slice(tables.start[column], tables.start[column + 1])
            self.costs[:, here], self.least[:, here] = self._costs_of(column)

    def words(self):
        """Leaves that agree with missing numbers, and that the budget reaches."""
        tables, missing = self.tables, self.home == self.tables.missing
        words = tables.words(
            np.where(missing, self.home, 0), np.where(missing, self.home, tables.missing - 1)
        )
        if self.perturbations.norm != "linf":
            words &= tables.words_of(self._within_budget(self.least, missing))
        return words

    def _costs_of(self, column):
        """Cost of each cell of a column, and the smallest of each cell and those further from home.

        The last cell is that of missing values.
        """
        numbers, cuts = self.inner_X[:, column], self.thresholds[column]
        n_cells = len(cuts) + 1
        missing = np.isnan(numbers)
        home = cells_of(numbers, cuts)
        self.home[:, column] = home
        costs = np.full((len(numbers), n_cells + 1), np.inf)
        if self.source[column] >= 0 and len(cuts):
            costs[:, :-1] = self._costs_of_numbers(column, home)
        costs[missing] = np.inf
        costs[np.arange(len(numbers)), home] = 0
        cell = np.arange(n_cells + 1)
        after = np.where(cell >= home[:, None], costs, np.inf)
        before = np.where(cell <= home[:, None], costs, np.inf)
        after = np.minimum.accumulate(after[:, ::-1], axis=1)[:, ::-1]
        before = np.minimum.accumulate(before, axis=1)
        return costs, np.where(cell > home[:, None], after, before)

    def _costs_of_numbers(self, column, home):
        j, cuts, numbers = self.source[column], self.thresholds[column], self.inner_X[:, column]
        rows, cell = self.views.row, np.arange(len(cuts) + 1)
        (starts, ends), (soonest, latest) = self.search.pieces.ends_of(
            self.search.moving[column], cuts
        )
        is_above = cell > home[:, None]
        near, far = np.where(is_above, starts, ends), np.where(is_above, ends, starts)
        possible = np.where(is_above, soonest, latest)
        with np.errstate(invalid="ignore", over="ignore"):
            near, far, possible = (
                (end - numbers[:, None]) / self.unit[column] for end in (near, far, possible)
            )
        way = np.sign(cell - home[:, None]) * np.sign(self.unit[column])
        near = np.where(
            near == 0, way * np.finfo(np.float64).tiny, near
        )  # the next double may be no move, in units
        near[np.arange(len(rows)), np.minimum(home, len(cuts))] = 0
        sizes = np.abs(near)
        with np.errstate(
            invalid="ignore"
        ):  # rounding may put more numbers into a cell, but not integers, which are tried
            nearest = np.where(way * possible < sizes, np.maximum(way * possible, 0), sizes)
        step = self.perturbations.steps[j]
        if step > 0:
            with np.errstate(over="ignore"):
                near_steps, far_steps = sizes / step, np.abs(far) / step
            counts = self._integer_steps(column, cell, home, way, near_steps, far_steps)
            near = way * np.where(counts < np.inf, counts, 0) * step
            nearest = counts * step
        low, high = (
            self.perturbations.low[rows, j][:, None],
            self.perturbations.high[rows, j][:, None],
        )
        loose = self.slack[:, None]
        may_go = (way == 0) | np.where(
            way > 0, high > 0, low < 0
        )  # a number that may not go that way stays on its side
        sizes = np.where(
            may_go & (way * nearest >= low - loose) & (way * nearest <= high + loose),
            nearest,
            np.inf,
        )
        self.moves[:, self.tables.start[column] : self.tables.start[column + 1] - 1] = near
        sizes = np.maximum(sizes - loose, 0)
        if self.perturbations.norm == "linf":
            return np.where(sizes <= BUDGET * self.radius, 0, np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(sizes > 0, sizes / self.radius, 0)
        return shares ** (2 if self.perturbations.norm == "l2" else 1)

    def _integer_steps(self, column, cell, home, sign, near, far):
        """Smallest number of integer steps that leads into each cell, infinite where none does.

        Where an end of a cell is an integer, rounding decides on which side it is, so that the
        output of the steps there is compared with the thresholds.
        """
        counts = np.ceil(near - GRID)
        counts[counts > far + GRID] = np.inf
        counts[np.arange(len(home)), np.minimum(home, cell[-1])] = 0
        with np.errstate(invalid="ignore"):
            unclear = (np.abs(near - np.rint(near)) < GRID) | (np.abs(far - np.rint(far)) < GRID)
        views, cells = np.nonzero(unclear & np.isfinite(counts) & (cell != home[:, None]))
        if not len(views):
            return counts
        # a feature of the trees depends on the number of its column alone
        numbers = self.perturbations.numbers[self.views.row, self.source[column]]
        _, number = np.unique(numbers, return_inverse=True)
        key = number[views] * len(cell) + cells
        _, place, inverse = np.unique(key, return_index=True, return_inverse=True)
        some, wanted = views[place], cells[place]
        first, found = counts[some, wanted], np.full(len(some), np.inf)
        trials = np.array([first + 1, first])
        numbers = self._numbers_after(
            column, np.tile(some, 2), (sign[some, wanted] * trials).ravel()
        ).reshape(trials.shape)
        for steps, moved in zip(trials, numbers, strict=True):  # the fewer ones last
            reached = np.searchsorted(self.thresholds[column], moved) == wanted
            found[reached] = steps[reached]
        counts[views, cells] = found[inverse]
        return counts

    def _numbers_after(self, column, views, steps):
        """Feature of the trees for views that have moved by integer steps.

        Each number and step is computed once per search.
        """
        j, known = (
            self.source[column],
            self.search.known_integers.setdefault(self.search.moving[column], {}),
        )
        numbers = self.perturbations.numbers[self.views.row[views], j]
        keys = list(zip(numbers.tolist(), steps.tolist(), strict=True))
        new = np.array([k for k, key in enumerate(keys) if key not in known], dtype=int)
        if len(new):
            delta = np.zeros((len(new), self.perturbations.numbers.shape[1]))
            delta[:, j] = steps[new] * self.perturbations.steps[j]
            moved = self.views.inner_X_at(views[new], delta)[:, self.search.moving[column]]
            known.update(zip((keys[k] for k in new), moved.tolist(), strict=True))
        return np.array([known[key] for key in keys])

    def _within_budget(self, least, missing):
        """Leaves whose nearest point the budget reaches, shape (n_views, n_leaves)."""
        leaves = self.tables.leaves
        total = np.zeros((len(least), len(leaves.tree)))
        for j, start in enumerate(self.tables.start[:-1]):
            low, high = leaves.low[:, j], np.maximum(leaves.high[:, j], 0)
            nearest = np.clip(self.home[:, j, None], low, high)
            nearest[missing[:, j]] = self.tables.missing[j]
            total += np.take_along_axis(least[:, start : self.tables.start[j + 1]], nearest, axis=1)
        return total <= BUDGET
