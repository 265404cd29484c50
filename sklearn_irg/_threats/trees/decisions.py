"""Decide whether sums of trees can pass a level within a budget.

Boxes of cells are searched for all rows, and relaxations are solved for rows that they leave open.
"""

import numpy as np

from sklearn_irg._threats.trees.branch_and_bound import decide
from sklearn_irg._threats.trees.cells import BUDGET, Verdict
from sklearn_irg._threats.trees.leaf_climb import climb
from sklearn_irg._threats.trees.leaf_relaxation import relax
from sklearn_irg._threats.trees.remaining_ways import remaining_ways

__all__ = ["settle"]

# of a row before its relaxation is solved, where costs add up; 1 to 1600 give the same verdicts
# for forests of breast cancer
_N_BOXES = 400
# to swap levels, each of which may need relaxations of its own; a choice of patience
_MOST_WAYS = 400
_WAYS_AT_ONCE = 8  # ways to swap levels that are settled together, to bound memory; a choice
# nodes that a linear program counts for; 10 and 1000 give the same verdicts for three models
_NODES_OF_A_PROGRAM = 100


def settle(tables, rows, *, above, below, costs_add_up, max_nodes, is_found=None):
    """Decide rows as `decide` does, then by relaxations where they stay open and costs add up.

    Where levels change, each remaining way to swap them is settled separately, with its own number
    of nodes, since relaxations do not model levels. Where there are too many ways, more boxes are
    searched instead.

    Parameters
    ----------
    tables : LeafTables
        The trees.
    rows : Cells
        The rows.
    above, below : float
        A score larger than ``above`` settles a row; so does a bound of at most ``below``.
    costs_add_up : bool
        Whether columns share the budget, so that the relaxation knows more than boxes do.
    max_nodes : int
        Number of boxes for each row; a linear program counts for a hundred.
    is_found : callable, default=None
        As in `decide`.

    Returns
    -------
    verdict : Verdict
        Best point and bound of each row.
    """
    levels = {"above": above, "below": below}
    n_boxes = min(_N_BOXES, max_nodes) if costs_add_up else max_nodes
    verdict = _boxes_only(tables, rows, **levels, max_nodes=n_boxes, is_found=is_found)
    if not len(tables.missing) and not rows.have_levels:
        return verdict
    options = {**levels, "costs_add_up": costs_add_up, "max_nodes": max_nodes, "is_found": is_found}
    for i in np.flatnonzero((verdict.best <= above) & (verdict.bound > below)):
        if rows.have_levels:
            _settle_levels(tables, rows, i, verdict, **options)
        elif costs_add_up:
            _Relaxations(tables, rows, i, verdict, above, below).run(max_nodes)
            if (
                below < verdict.best[i] <= above and is_found is not None
            ):  # ties, which relaxations do not check
                _settle_boxes(
                    tables, rows, i, verdict, **levels, max_nodes=max_nodes, is_found=is_found
                )
    return verdict


def _boxes_only(tables, rows, *, above, below, max_nodes, is_found=None):
    """Decide rows by boxes only."""
    if not len(tables.missing) and not rows.have_levels:  # nothing moves
        score = tables.bound(rows.words) + rows.constant
        return Verdict(score, score, rows.home, np.ones(len(score), dtype=int))
    return decide(tables, rows, above=above, below=below, max_nodes=max_nodes, is_found=is_found)


def _settle_levels(tables, rows, i, verdict, *, above, below, costs_add_up, max_nodes, is_found):
    """Settle each way to swap the levels of a row that bounds leave, or search more boxes."""
    floor = below if is_found is not None else max(below, verdict.best[i])
    ways, levels, n_nodes = remaining_ways(tables, rows, i, floor, _MOST_WAYS)
    if ways is None:
        if costs_add_up:
            _settle_boxes(
                tables,
                rows,
                i,
                verdict,
                above=above,
                below=below,
                max_nodes=max_nodes,
                is_found=is_found,
            )
        return
    verdict.n_nodes[i] += n_nodes
    bound = floor
    for start in range(0, len(levels), _WAYS_AT_ONCE):
        part = np.arange(start, min(start + _WAYS_AT_ONCE, len(levels)))
        asked = None if is_found is None else _asked_of_ways(is_found, i, levels[part])
        options = {"costs_add_up": costs_add_up, "max_nodes": max_nodes, "is_found": asked}
        found = settle(tables, ways.take(part), above=above, below=below, **options)
        verdict.n_nodes[i] += found.n_nodes.sum()
        bound = max(bound, found.bound.max())
        k = int(found.best.argmax())
        if found.best[k] > verdict.best[i]:
            verdict.best[i], verdict.cells[i] = (
                found.best[k],
                np.concatenate([found.cells[k], levels[part[k]]]),
            )
        if verdict.best[i] > above:
            return
    verdict.bound[i] = min(verdict.bound[i], bound)


def _settle_boxes(tables, rows, i, verdict, **options):
    """Search more boxes of a row."""
    is_found = options.pop("is_found")
    asked = None if is_found is None else lambda of, cells: is_found(np.full(len(of), i), cells)
    found = decide(tables, rows.take([i]), **options, is_found=asked)
    verdict.n_nodes[i] += found.n_nodes[0]
    verdict.bound[i] = min(verdict.bound[i], found.bound[0])
    if found.best[0] > verdict.best[i]:
        verdict.best[i], verdict.cells[i] = found.best[0], found.cells[0]


def _asked_of_ways(is_found, i, levels):
    return lambda of, cells: is_found(np.full(len(of), i), np.hstack([cells, levels[of]]))


class _Relaxations:
    """Branching on relaxations for one row."""

    def __init__(self, tables, rows, i, verdict, above, below):
        self.tables, self.i, self.verdict = tables, i, verdict
        self.above, self.below = above, below
        self.costs, self.words, self.constant = rows.costs[i], rows.words[i], rows.constant[i]
        self.home, self.least = rows.home[i], rows.least[i]
        self.column = np.repeat(np.arange(len(self.home)), np.diff(tables.start))  # of each cell
        self.cell = np.arange(tables.start[-1]) - tables.start[self.column]
        self.unsolved = -np.inf  # largest bound of boxes that cannot be divided, but for rounding

    def run(self, max_nodes):
        """Search boxes, the newest first, until the row is settled or its nodes are used up."""
        self._climb_from(self.verdict.cells[self.i])
        low, high = self._reachable()
        boxes = [(self.verdict.bound[self.i], low, high, self.words)]
        while boxes and self._is_open() and self.verdict.n_nodes[self.i] < max_nodes:
            boxes += self._look_at(*boxes.pop())
        if self._is_open():
            bounds = [
                self.verdict.best[self.i],
                self.below,
                self.unsolved,
                *(box[0] for box in boxes),
            ]
            self.verdict.bound[self.i] = min(self.verdict.bound[self.i], max(bounds))

    def _is_open(self):
        return self.verdict.best[self.i] <= self.above

    def _reachable(self):
        """First and last cell of each column that the whole budget reaches."""
        columns = np.split(self.costs <= BUDGET, self.tables.start[1:-1])
        reached = [np.flatnonzero(column) for column in columns]
        return np.array([cells[0] for cells in reached]), np.array([cells[-1] for cells in reached])

    def _look_at(self, bound, low, high, words):
        """Solve a box, and return the halves that stay open."""
        if bound <= max(self.below, self.verdict.best[self.i]):
            return []
        self.verdict.n_nodes[self.i] += 1
        low, high, words = self._tightened(low, high, words)
        if low is None:
            return []
        bound = min(bound, self.tables.bound(words[None])[0] + self.constant)
        if bound <= max(self.below, self.verdict.best[self.i]):
            return []
        self.verdict.n_nodes[self.i] += _NODES_OF_A_PROGRAM
        alive = self.tables.contains(words)
        target = max(self.below, self.verdict.best[self.i]) - self.constant
        relaxed = relax(self.tables, low, high, self.costs, alive, target)
        bound = min(bound, relaxed.bound + self.constant)
        self._climb_from(relaxed.point)
        if bound <= max(self.below, self.verdict.best[self.i]):
            return []
        if relaxed.cut is None:
            self.unsolved = max(self.unsolved, bound)
            return []
        useful = relaxed.leaf_bounds + self.constant > max(self.below, self.verdict.best[self.i])
        words = words & self.tables.words_of(useful)
        return [(bound, *half, words) for half in self._halves(relaxed.cut, low, high)]

    def _tightened(self, low, high, words):
        """Box without the cells that the budget does not reach, and the leaves in its reach.

        None where nothing is left.
        """
        tables, first = self.tables, self.tables.start[:-1]
        least = self.least[first + np.clip(self.home, low, high)]
        left = BUDGET - np.array([np.delete(least, j).sum() for j in range(len(least))])
        inside = (self.cell >= low[self.column]) & (self.cell <= high[self.column])
        reached = inside & (self.costs <= left[self.column])
        if not np.logical_or.reduceat(reached, first).all():
            return None, None, None
        low = np.minimum.reduceat(np.where(reached, self.cell, np.iinfo(int).max), first)
        high = np.maximum.reduceat(np.where(reached, self.cell, -1), first)
        words = words & tables.words(low[None], high[None])[0]
        return low, high, words & tables.words_of(self._within_budget(low, high))

    def _within_budget(self, low, high):
        """Leaves whose nearest point inside a box the budget reaches."""
        leaves, is_missing = self.tables.leaves, self.home == self.tables.missing
        lows, highs = np.maximum(leaves.low, low), np.minimum(leaves.high, high)
        nearest = np.where(
            is_missing, self.home, np.clip(self.home, np.minimum(lows, highs), highs)
        )
        return self.least[self.tables.start[:-1] + np.maximum(nearest, 0)].sum(axis=1) <= BUDGET

    def _halves(self, cut, low, high):
        """Both sides of a cut through a box; that of home comes last, and is searched first."""
        j = int(np.searchsorted(self.tables.start, cut, side="right")) - 1
        cell = cut - self.tables.start[j]
        left, right = (low, high.copy()), (low.copy(), high)
        left[1][j], right[0][j] = cell, cell + 1
        return [left, right] if self.home[j] > cell else [right, left]

    def _climb_from(self, point):
        point, score = climb(self.tables, self.words, point, self.costs)
        if score + self.constant > self.verdict.best[self.i]:
            self.verdict.best[self.i], self.verdict.cells[self.i] = score + self.constant, point
