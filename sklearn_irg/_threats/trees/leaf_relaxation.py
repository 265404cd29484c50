"""Linear relaxation of a sum of trees within a budget: a tighter bound for one box.

Each tree chooses shares of its leaves, each column shares of its cells; leaves left of a cut have
at most the share of the cells left of it, and leaves right of it at most the rest. The bound does
not depend on the solver's tolerances: its multipliers, whatever they are, move value from leaves to
cells, after which best leaves and best cells are independent. Cells near the solution are a point
from which better ones are searched.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

from sklearn_irg._threats.trees.cells import BUDGET

__all__ = ["Relaxed", "relax"]

# factor and addition by which spare leaves are lower than needed, so that no rounding lets them
# count
_SPARE = (1.01, 1e-6)
# of the sizes in a bound: more than the rounding of its sums, some thousand terms of 1e-16
_SLACK = 1e-12
_INTEGRAL = 1e-7  # shares that count as 0 or 1: the solver's own tolerance
_UNWEIGHTED = 1e-6  # of the largest weight, so that cuts without one are chosen last, not never


class Relaxed(NamedTuple):
    """Result of the relaxation of a box.

    Attributes
    ----------
    bound : float
        Upper bound on the score, without the constant.
    point : ndarray of int of shape (n_columns,)
        Cells near the solution.
    cut : int or None
        Position among all cells of the cut whose share is furthest from 0 and 1, weighted with its
        multipliers; None where all shares are 0 or 1.
    leaf_bounds : ndarray of shape (n_leaves,)
        Upper bound on the score of points that reach each leaf; infinite for leaves that were not
        in reach.
    """

    bound: float
    point: np.ndarray
    cut: int | None
    leaf_bounds: np.ndarray


def relax(tables, low, high, costs, alive, target=-np.inf):
    """Solve the relaxation of a box.

    Parameters
    ----------
    tables : LeafTables
        The trees.
    low, high : ndarray of int of shape (n_columns,)
        The box.
    costs : ndarray of shape (n_all_cells,)
        Part of the budget that each cell takes, infinite where a number cannot go.
    alive : ndarray of bool of shape (n_leaves,)
        Leaves in reach.
    target : float, default=-inf
        Scores up to here, without the constant, are of no interest: ``alive`` may lack leaves that
        only they reach.

    Returns
    -------
    relaxed : Relaxed
        Bound, point and cut; where the solver fails, an infinite bound, the cheapest point and the
        middle of the column with the most cells.
    """
    program = _Program(tables, low, high, costs, np.flatnonzero(alive))
    return program.solve(target)


class _Program:
    def __init__(self, tables, low, high, costs, leaves):
        self.tables, self.low, self.high, self.costs, self.leaves = tables, low, high, costs, leaves
        self.n_columns = len(low)
        boxes = tables.leaves
        self.tree = boxes.tree[leaves]
        self.leaf_low = np.clip(boxes.low[leaves], low, high)
        self.leaf_high = np.clip(boxes.high[leaves], low, high)
        self._read_cuts()
        self._read_cells()

    def _read_cuts(self):
        """Read the cuts of each tree inside the box, and the leaves on either side of each."""
        left_leaf, left_column = np.nonzero(self.leaf_high < self.high)
        right_leaf, right_column = np.nonzero(self.leaf_low > self.low)
        left = self._key(left_leaf, left_column, self.leaf_high[left_leaf, left_column])
        right = self._key(right_leaf, right_column, self.leaf_low[right_leaf, right_column] - 1)
        self.cuts = np.unique(np.concatenate([left, right]))
        n_all = self.tables.start[-1]
        self.cut_position = self.cuts % n_all  # of the last cell left of it, among all
        column = np.searchsorted(self.tables.start, self.cut_position, side="right") - 1
        group = (self.cuts // n_all) * self.n_columns + column
        first, last = (np.searchsorted(group, group, side=side) for side in ("left", "right"))
        at_left, at_right = np.searchsorted(self.cuts, left), np.searchsorted(self.cuts, right)
        # leaves that end at a cut are left of all later ones, those that begin at it right of all
        # earlier ones
        self.left_cut, self.left_leaf = (
            _ranges(at_left, last[at_left], left_leaf) if len(left) else _nothing()
        )
        self.right_cut, self.right_leaf = (
            _ranges(first[at_right], at_right + 1, right_leaf) if len(right) else _nothing()
        )

    def _key(self, leaf, column, cell):
        return self.tree[leaf] * self.tables.start[-1] + self.tables.start[column] + cell

    def _read_cells(self):
        """Read the cuts that any tree has, by column.

        Between them, cells differ in their cost only, so that the cheapest stands for all.
        """
        self.shared, self.of_shared = np.unique(self.cut_position, return_inverse=True)
        self.column = np.searchsorted(self.tables.start, self.shared, side="right") - 1
        self.groups = []  # by column: positions of its cuts, and the cheapest cell of each gap
        for j in np.unique(self.column):
            cuts = np.flatnonzero(self.column == j)
            start = self.tables.start[j]
            ends = np.concatenate(
                [[start + self.low[j]], self.shared[cuts] + 1, [start + self.high[j] + 1]]
            )
            cells = np.array([a + np.argmin(self.costs[a:b]) for a, b in pairwise(ends)])
            self.groups.append((int(j), cuts, cells))
        still = np.setdiff1d(np.arange(self.n_columns), self.column)
        self.base_cost = 0.0
        self.base = np.zeros(self.n_columns, dtype=int)
        for j in still:
            start = self.tables.start[j]
            k = np.argmin(self.costs[start + self.low[j] : start + self.high[j] + 1])
            self.base[j] = self.low[j] + k
            self.base_cost += self.costs[start + self.base[j]]

    def _with_spares(self, target):
        """Trees and values of leaves, with one spare leaf for each tree.

        Spare leaves are reached anywhere, and are so low that no score with one passes the target.
        With them there is always a solution, whose multipliers prove what the solver would only
        report as infeasible.
        """
        values = self.tables.leaves.value[self.leaves]
        if not np.isfinite(target):
            return self.tree, values
        best = np.full(self.tables.shape[0], -np.inf)
        np.maximum.at(best, self.tree, values)
        trees = np.flatnonzero(np.isfinite(best))
        lost = max(best[trees].sum() - target, 0) * _SPARE[0] + _SPARE[1]
        return np.concatenate([self.tree, trees]), np.concatenate([values, best[trees] - lost])

    def solve(self, target):
        tree, values = self._with_spares(target)
        n_leaves = len(values)
        cells = (
            np.concatenate([cells for _, _, cells in self.groups])
            if self.groups
            else np.zeros(0, dtype=int)
        )
        costs = self.costs[cells]
        usable = np.isfinite(costs)
        n_cuts, n_cells = len(self.cuts), len(cells)
        left_of = self._cells_left_of()  # (n_shared, n_cells)
        share = left_of[self.of_shared]
        left = coo_array(
            (np.ones(len(self.left_leaf)), (self.left_cut, self.left_leaf)),
            shape=(n_cuts, n_leaves),
        )
        right = coo_array(
            (np.ones(len(self.right_leaf)), (self.right_cut, self.right_leaf)),
            shape=(n_cuts, n_leaves),
        )
        budget = csr_array(np.concatenate([np.zeros(n_leaves), np.where(usable, costs, 0)])[None])
        A = vstack([hstack([left, -share]), hstack([right, share]), budget], format="csr")
        b = np.concatenate([np.zeros(n_cuts), np.ones(n_cuts), [BUDGET - self.base_cost]])
        trees, tree = np.unique(tree, return_inverse=True)
        column = np.repeat(np.arange(len(self.groups)), [len(cells) for _, _, cells in self.groups])
        rows = np.concatenate([tree, len(trees) + column])
        equal = coo_array((np.ones(n_leaves + n_cells), (rows, np.arange(n_leaves + n_cells))))
        solution = linprog(
            np.concatenate([-values, np.zeros(n_cells)]),
            A_ub=A,
            b_ub=b,
            A_eq=equal.tocsr(),
            b_eq=np.ones(equal.shape[0]),
            bounds=np.column_stack(
                [np.zeros(n_leaves + n_cells), np.concatenate([np.ones(n_leaves), usable * 1.0])]
            ),
            method="highs",
        )
        if solution.status != 0:
            return self._unsolved()
        multipliers = np.maximum(-solution.ineqlin.marginals, 0)
        bound, of_leaves = self._bound(multipliers, left, right, share, costs, column, tree, values)
        leaf_bounds = np.full(len(self.tables.leaves.tree), np.inf)
        leaf_bounds[self.leaves] = of_leaves[: len(self.leaves)]
        shares = solution.x[n_leaves:]
        weights = np.bincount(
            self.of_shared, multipliers[:n_cuts] + multipliers[n_cuts:-1], len(self.shared)
        )
        return Relaxed(
            bound,
            self._point(shares, cells, column),
            self._doubtful(left_of @ shares, weights),
            leaf_bounds,
        )

    def _unsolved(self):
        columns = zip(self.tables.start[:-1], self.low, self.high, strict=True)
        point = np.array(
            [
                low + np.argmin(self.costs[start + low : start + high + 1])
                for start, low, high in columns
            ]
        )
        widest = int(np.argmax(self.high - self.low))
        low, high = self.low[widest], self.high[widest]
        cut = None if low == high else int(self.tables.start[widest] + (low + high) // 2)
        return Relaxed(np.inf, point, cut, np.full(len(self.tables.leaves.tree), np.inf))

    def _cells_left_of(self):
        """Matrix with a one where a gap of a column lies left of one of its cuts."""
        rows, columns, offset = [], [], 0
        for _, cuts, cells in self.groups:
            k, gap = np.tril_indices(len(cuts))
            rows.append(cuts[k])
            columns.append(offset + gap)
            offset += len(cells)
        if not rows:
            return csr_array((0, 0))
        rows, columns = np.concatenate(rows), np.concatenate(columns)
        return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(self.shared), offset))

    def _bound(self, multipliers, left, right, share, costs, column, tree, values):
        """Upper bound from any multipliers, and the bound with each leaf in place of the best.

        It is the sum of best leaves and best cells. The multipliers need not be optimal.
        """
        n_cuts = len(self.cuts)
        of_left, of_right, of_budget = (
            multipliers[:n_cuts],
            multipliers[n_cuts : 2 * n_cuts],
            multipliers[-1],
        )
        leaf_values = values - left.T @ of_left - right.T @ of_right
        best = np.full(tree.max() + 1, -np.inf)
        np.maximum.at(best, tree, leaf_values)
        with np.errstate(invalid="ignore"):
            cell_values = share.T @ (of_left - of_right) - np.where(
                np.isfinite(costs), of_budget * costs, np.inf
            )
        total = best.sum() + of_right.sum() + of_budget * (BUDGET - self.base_cost)
        if len(self.groups):
            cells = np.full(len(self.groups), -np.inf)
            np.maximum.at(cells, column, cell_values)
            total += cells.sum()
        slack = _SLACK * (np.abs(multipliers).sum() + np.abs(values).max(initial=0) * len(best))
        return float(total + slack), total + slack - best[tree] + leaf_values

    def _point(self, shares, cells, column):
        """Cell with the largest share in each column."""
        point = self.base.copy()
        for g, (j, _, _) in enumerate(self.groups):
            here = np.flatnonzero(column == g)
            point[j] = cells[here[np.argmax(shares[here])]] - self.tables.start[j]
        return point

    def _doubtful(self, shares_left, weights):
        doubt = np.minimum(shares_left, 1 - shares_left)
        if not len(doubt) or doubt.max() < _INTEGRAL:
            return None
        return int(
            self.shared[
                np.where(
                    doubt < _INTEGRAL, -1, doubt * (weights + _UNWEIGHTED * weights.max())
                ).argmax()
            ]
        )


def _ranges(starts, stops, labels):
    """Pairs of each position of ranges and the label of its range."""
    counts = stops - starts
    positions = (
        np.arange(counts.sum())
        - np.repeat(np.cumsum(counts) - counts, counts)
        + np.repeat(starts, counts)
    )
    return positions, np.repeat(labels, counts)


def _nothing():
    return np.zeros((2, 0), dtype=int)
