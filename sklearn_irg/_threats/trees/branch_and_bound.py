"""Branch and bound over boxes of cells, to decide whether a sum of trees can pass a level.

A box is an interval of cells in each column. Its bound is the sum of the trees' best leaves. These
leaves also vote for a cell in each column, which often gives a point that attains the bound, and
for the cut that splits the box. Points have to stay within a budget of costs, and columns of levels
within another one, the number of swaps. Many rows are searched at once, and the result of one does
not depend on the others.
"""

from typing import NamedTuple

import numpy as np

from sklearn_irg._threats.trees.cells import BUDGET, Verdict
from sklearn_irg._threats.trees.level_boxes import LevelBoxes, LevelCells
from sklearn_irg._threats.trees.votes import Votes, weights_of

__all__ = ["decide"]

_AT_ONCE = 8  # boxes of a row in one round; 1 to 32 took the same time on two tables, up to noise
_TABLE_ENTRIES = 2_000_000  # of votes and costs (boxes times cells), to bound memory


def decide(tables, rows, *, above=0.0, below=0.0, max_nodes=10_000, is_found=None):
    """Search each row until its score or its bound settles it, or its nodes are used up.

    Parameters
    ----------
    tables : LeafTables
        The trees.
    rows : Cells
        The rows.
    above, below : float, default=0.0
        A score larger than ``above`` settles a row; so does a bound of at most ``below``.
    max_nodes : int, default=10_000
        Number of boxes for each row.
    is_found : callable, default=None
        Called with rows and cells of scores between the levels, where rounding decides. Returns
        whether each settles its row as one above the levels does, and whether that is known at all;
        if so, the leaves that are reached there need no further search. ``None`` skips this.

    Returns
    -------
    verdict : Verdict
        Best point and bound of each row.
    """
    search = _Search(tables, rows, above, below, max_nodes, is_found)
    while search.go_on():
        pass
    return search.verdict


class _Boxes(NamedTuple):
    """Boxes and the rows that they belong to; levels are as in `LevelBoxes`."""

    row: np.ndarray
    low: np.ndarray
    high: np.ndarray
    levels: np.ndarray
    words: np.ndarray
    bound: np.ndarray

    def take(self, boxes):
        """Some of the boxes."""
        return _Boxes(*(part[boxes] for part in self))

    @classmethod
    def joined(cls, parts):
        """Boxes of several parts in one."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


class _Search:
    def __init__(self, tables, rows, above, below, max_nodes, is_found):
        self.tables, self.rows = tables, rows
        self.above, self.below, self.max_nodes, self.is_found = above, below, max_nodes, is_found
        self.votes = Votes(tables)
        self.start, self.column, self.cell = self.votes.start, self.votes.column, self.votes.cell
        n_rows, n_columns = rows.home.shape
        cells = LevelCells.none(n_rows) if rows.levels is None else rows.levels
        self.levels = LevelBoxes(cells)
        row, levels = np.arange(n_rows), self.levels.root()
        words = rows.words & self.levels.words(row, levels)
        bound = tables.bound(words) + rows.constant
        everywhere = np.tile(self.votes.stop - self.start, (n_rows, 1))
        self.boxes = _Boxes(
            row, np.zeros((n_rows, n_columns), dtype=int), everywhere, levels, words, bound
        )
        home = np.hstack([rows.home, cells.home])
        self.verdict = Verdict(
            bound.copy(), np.full(n_rows, -np.inf), home, np.zeros(n_rows, dtype=int)
        )
        self.unsolved = np.full(
            n_rows, -np.inf
        )  # largest score between the levels of which nothing more is known

    def go_on(self):
        """Replace the newest boxes of each row by their parts; return whether there were any."""
        chosen = self._newest()
        if not len(chosen):
            return False
        kept = np.delete(np.arange(len(self.boxes.row)), chosen)
        n_trees, n_words = self.tables.shape
        n_parts = np.diff(self.levels.cells.start).max(initial=1)  # of a box, at the most
        n_cells = max(len(self.cell), len(self.levels.column))
        size = max(
            1,
            _TABLE_ENTRIES // max(n_cells, n_trees * n_words * n_parts, n_trees * len(self.start)),
        )
        parts = [
            self._look_at(self.boxes.take(chosen[i : i + size]))
            for i in range(0, len(chosen), size)
        ]
        self.boxes = _Boxes.joined([self.boxes.take(kept), *parts])
        self._settle()
        return True

    def _newest(self):
        """Newest boxes of each open row, as many as one round and its nodes allow."""
        order = np.argsort(self.boxes.row, kind="stable")
        rows = self.boxes.row[order]
        last = np.searchsorted(rows, rows, side="right")
        left = self.max_nodes - self.verdict.n_nodes[rows]
        return order[last - np.arange(len(rows)) <= np.minimum(_AT_ONCE, left)]

    def _settle(self):
        """Drop the boxes that are decided, and bound the rows by those that are left."""
        verdict = self.verdict
        found = verdict.best > self.above
        self.boxes = self.boxes.take(
            ~found[self.boxes.row] & (self.boxes.bound > self._settled(self.boxes.row))
        )
        bound = np.maximum(self._settled(np.arange(len(found))), self.unsolved)
        np.maximum.at(bound, self.boxes.row, self.boxes.bound)
        verdict.bound = np.where(found, verdict.bound, np.minimum(bound, verdict.bound))

    def _settled(self, row):
        """Largest bound of boxes that need not be searched.

        Where ties are checked by ``is_found``, the best score so far does not exclude other boxes.
        """
        best = self.verdict.best[row]
        return np.maximum(
            self.below,
            best if self.is_found is None else np.where(best > self.above, best, -np.inf),
        )

    def _look_at(self, boxes):
        """Search some boxes: bound them, try points, and return the parts that stay open."""
        np.add.at(self.verdict.n_nodes, boxes.row, 1)
        boxes, within = self._tightened(boxes)
        value, lead, leaf = self.tables.best(boxes.words)
        boxes = boxes._replace(bound=value.sum(axis=1) + self.rows.constant[boxes.row])
        alive = np.flatnonzero(within & (boxes.bound > self._settled(boxes.row)))
        boxes, lead, leaf = boxes.take(alive), lead[alive], leaf[alive]
        costs, inside = self.rows.costs[boxes.row], self.votes.inside(boxes.low, boxes.high)
        weights = weights_of(lead)
        lost = self.votes.lost(weights, leaf)
        lost_levels = self.levels.lost(weights, leaf)
        point = self.votes.point(costs, inside, *lost)
        point = np.hstack([point, self.levels.point(boxes.row, boxes.levels, lost_levels)])
        score = self._offer(boxes.row, point)
        is_tie = self._are_ties(boxes.row, point, score)
        has_others = np.isfinite(lead).any(axis=1)  # leaves than the best
        # one cell whose cost is the budget's but for rounding cannot be split
        can_split = (boxes.low < boxes.high).any(axis=1) | self.levels.can_split(boxes.levels)
        is_open = ((score < boxes.bound) | (is_tie & has_others)) & can_split
        is_tie &= score >= boxes.bound
        gains = [
            self._gains(boxes, inside, *lost, is_tie),
            self.levels.gains(boxes.row, boxes.levels, lost_levels, is_tie),
        ]
        at = self._best_splits(boxes, costs, *gains)
        return self._parts(boxes.take(is_open), at[is_open])

    def _are_ties(self, row, point, score):
        """Points between the levels that do not settle their rows.

        Those that do become the best points of their rows.
        """
        is_tie = np.zeros(len(row), dtype=bool)
        between = np.flatnonzero((score <= self.above) & (score > self.below))
        if self.is_found is None or not len(between):
            return is_tie
        found, is_known = self.is_found(row[between], point[between])
        unknown = between[~found & ~is_known]
        np.maximum.at(self.unsolved, row[unknown], score[unknown])
        rows, points = row[between[found]], point[between[found]]
        self.verdict.best[rows], self.verdict.cells[rows] = np.nextafter(self.above, np.inf), points
        is_tie[between[~found]] = True
        return is_tie

    def _tightened(self, boxes):
        """Boxes without the cells and levels that the budgets do not reach.

        Also returns whether anything is left of each.
        """
        row, low, high, levels, words, bound = boxes
        costs = self.rows.costs[row]
        home = np.clip(self.rows.home[row], low, high)
        least = np.take_along_axis(self.rows.least[row], self.start + home, axis=1)
        with np.errstate(invalid="ignore"):
            left = BUDGET - (least.sum(axis=1)[:, None] - least)
        reached = costs <= np.where(np.isfinite(least), left, -1)[:, self.column]
        reached &= self.votes.inside(low, high)
        new_low = np.minimum.reduceat(
            np.where(reached, self.cell, np.iinfo(int).max), self.start, axis=1
        )
        new_high = np.maximum.reduceat(np.where(reached, self.cell, -1), self.start, axis=1)
        within = (new_high >= 0).all(axis=1)
        new_low[~within], new_high[~within] = low[~within], high[~within]
        for j, start in enumerate(self.start):
            changed = np.flatnonzero(new_low[:, j] > low[:, j])
            words[changed] &= self.tables.beyond[start + new_low[changed, j]]
            changed = np.flatnonzero(new_high[:, j] < high[:, j])
            words[changed] &= self.tables.until[start + new_high[changed, j]]
        levels, words, few_swaps = self.levels.tightened(row, levels, words)
        return _Boxes(row, new_low, new_high, levels, words, bound), within & few_swaps

    def _offer(self, row, point):
        """Scores of points; each row keeps its best point within the budget."""
        numbers, levels = np.hsplit(point, [len(self.start)])
        words = (
            self.rows.words[row]
            & self.tables.words(numbers, numbers)
            & self.levels.words(row, levels)
        )
        score = self.tables.bound(words) + self.rows.constant[row]
        spent = np.take_along_axis(self.rows.costs[row], self.start + numbers, axis=1).sum(axis=1)
        score = np.where(spent <= BUDGET, score, -np.inf)
        order = np.lexsort((score, row))
        last = order[np.append(row[order][1:] != row[order][:-1], True)] if len(order) else order
        better = last[score[last] > self.verdict.best[row[last]]]
        self.verdict.best[row[better]], self.verdict.cells[row[better]] = (
            score[better],
            point[better],
        )
        return score

    def _gains(self, boxes, inside, lost_right, lost_left, is_tie):
        """Loss of the best leaves on the better side of each cut, on the worse side for ties.

        It is -1 where there is no cut.
        """
        last = self.cell >= boxes.high[:, self.column]  # nothing is right of it
        lost = np.where(
            is_tie[:, None], np.maximum(lost_right, lost_left), np.minimum(lost_right, lost_left)
        )
        return np.where(inside & ~last, lost, -1.0)

    def _best_splits(self, boxes, costs, gains, gains_of_levels):
        """Positions at which to split boxes.

        A position is a cell, the last one left of the cut, or a column of levels, counted after all
        cells.
        """
        gains = np.hstack([gains, gains_of_levels])
        at, gain = gains.argmax(axis=1), gains.max(axis=1)
        tied = np.flatnonzero((gain <= 0) & (boxes.low < boxes.high).any(axis=1))
        if len(tied):
            at[tied] = self._before_the_dearest(
                boxes.row[tied], boxes.low[tied], boxes.high[tied], costs[tied]
            )
        return at

    def _parts(self, boxes, at):
        """Parts of boxes that are split at cells or levels, the best of each row last."""
        is_cut = at < len(self.cell)
        halves = self._halves(boxes.take(is_cut), at[is_cut])
        boxes, column = boxes.take(~is_cut), at[~is_cut] - len(self.cell)
        box, levels, words = self.levels.split(boxes.row, boxes.levels, column)
        parts = boxes.take(box)
        parts = parts._replace(levels=levels, words=parts.words & words)
        parts = _Boxes.joined([halves, parts])
        parts = parts._replace(bound=self.tables.bound(parts.words) + self.rows.constant[parts.row])
        parts = parts.take(parts.bound > self._settled(parts.row))
        return parts.take(np.argsort(parts.bound, kind="stable"))

    def _halves(self, boxes, at):
        """Both sides of cuts, one for each box."""
        column, cell, each = self.column[at], self.cell[at], np.arange(len(at))
        left_high, right_low = boxes.high.copy(), boxes.low.copy()
        left_high[each, column] = cell
        right_low[each, column] = cell + 1
        left = boxes._replace(high=left_high, words=boxes.words & self.tables.until[at])
        right = boxes._replace(low=right_low, words=boxes.words & self.tables.beyond[at + 1])
        return _Boxes.joined([left, right])

    def _before_the_dearest(self, row, low, high, costs):
        """Cut for boxes whose leaves agree on a point that the budget does not reach."""
        home = np.clip(self.rows.home[row], low, high)
        ends = np.stack([low, high])
        prices = np.stack([np.take_along_axis(costs, self.start + end, axis=1) for end in ends])
        prices = np.where(np.isfinite(prices), prices, 2.0) * (low < high)
        prices = np.where(ends == home, -1, prices)
        side, column = np.unravel_index(
            prices.transpose(1, 0, 2).reshape(len(row), -1).argmax(axis=1), (2, low.shape[1])
        )
        boxes = np.arange(len(row))
        lows, highs = low[boxes, column], high[boxes, column]
        homes = home[boxes, column]
        middle = np.where(side == 1, (homes + highs) // 2, (lows + homes - 1) // 2)
        return self.start[column] + np.clip(middle, lows, np.maximum(highs - 1, lows))
