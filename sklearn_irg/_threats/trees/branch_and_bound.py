"""Whether a sum of trees can be positive within a budget, for many rows at once: branch and bound over boxes of cells.

A box is an interval of cells in each column. Its bound is the sum of the trees' best leaves; these leaves also vote for a
cell in each column, which is mostly a point that attains the bound, and for the cut that splits the box. Rows are independent:
what happens to one does not depend on the others.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["BUDGET", "Cells", "Verdict", "decide"]

_AT_ONCE = 8  # boxes of a row in one round
BUDGET = 1 + 1e-12  # of one, more than sums of costs are off by
_TABLE_ENTRIES = 2_000_000  # of votes and costs: boxes times cells


@dataclass(frozen=True)
class Cells:
    """Rows among the cells of leaf tables.

    Attributes
    ----------
    home : ndarray of int of shape (n_rows, n_columns)
        Cell of each number.
    costs : ndarray of shape (n_rows, n_all_cells)
        What it takes of the budget, which is one, to move there; zero at home, infinite where a number cannot go. Costs of
        columns add up. Where they are finite, they do not fall away from home.
    least : ndarray of shape (n_rows, n_all_cells)
        The same for each cell and those further away from home.
    words : ndarray of uint64 of shape (n_rows, n_trees, n_words)
        Leaves that may be reached as far as columns that do not move are concerned.
    constant : ndarray of shape (n_rows,)
        What is added to the score.
    """

    home: np.ndarray
    costs: np.ndarray
    least: np.ndarray
    words: np.ndarray
    constant: np.ndarray


@dataclass
class Verdict:
    """What is known of each row.

    Attributes
    ----------
    bound : ndarray of shape (n_rows,)
        Upper bound on the score within the budget.
    best : ndarray of shape (n_rows,)
        Largest score that was found.
    cells : ndarray of int of shape (n_rows, n_columns)
        Where.
    n_nodes : ndarray of int of shape (n_rows,)
        Number of boxes that were looked at.
    """

    bound: np.ndarray
    best: np.ndarray
    cells: np.ndarray
    n_nodes: np.ndarray


def decide(tables, rows, *, above=0.0, below=0.0, max_nodes=10_000, is_found=None):
    """Search until a row's score is found above a level, its bound falls to another, or its nodes are used up.

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
        From rows and cells, for a score between the levels, where rounding decides, to whether it settles the row as one above
        them does, and whether that is known at all; if so, the leaves that are reached there are done with. ``None`` asks
        nobody.

    Returns
    -------
    verdict : Verdict
        Best point and bound of each row.
    """
    search = _Search(tables, rows, above, below, max_nodes, is_found)
    while search.go_on():
        pass
    return search.verdict


class _Search:
    def __init__(self, tables, rows, above, below, max_nodes, is_found):
        self.tables, self.rows = tables, rows
        self.above, self.below, self.max_nodes, self.is_found = above, below, max_nodes, is_found
        self.start, self.stop = tables.start[:-1], tables.start[1:] - 1
        self.column = np.repeat(np.arange(len(self.start)), np.diff(tables.start))  # of each cell
        self.cell = np.arange(tables.start[-1]) - self.start[self.column]
        n_rows, n_columns = rows.home.shape
        bound = tables.bound(rows.words) + rows.constant
        self.verdict = Verdict(bound, np.full(n_rows, -np.inf), rows.home.copy(), np.zeros(n_rows, dtype=int))
        self.row = np.arange(n_rows)
        self.low = np.zeros((n_rows, n_columns), dtype=int)
        self.high = np.tile(self.stop - self.start, (n_rows, 1))
        self.words = rows.words.copy()
        self.bound = bound.copy()
        self.unsolved = np.full(n_rows, -np.inf)  # largest score between the levels that nobody knows more of

    def go_on(self):
        """One round: look at the newest boxes of each row, and replace them by their halves; whether any are left."""
        chosen = self._newest()
        if not len(chosen):
            return False
        kept = np.delete(np.arange(len(self.row)), chosen)
        n_trees, n_words = self.tables.shape
        size = max(1, _TABLE_ENTRIES // max(self.tables.start[-1], n_trees * n_words, n_trees * len(self.start)))
        halves = [self._look_at(chosen[i : i + size]) for i in range(0, len(chosen), size)]
        parts = [(self.row[kept], self.low[kept], self.high[kept], self.words[kept], self.bound[kept]), *halves]
        self.row, self.low, self.high, self.words, self.bound = (np.concatenate(part) for part in zip(*parts))
        self._settle()
        return True

    def _newest(self):
        """The last boxes of each row that is open, at most so many."""
        order = np.argsort(self.row, kind="stable")
        rows = self.row[order]
        last = np.searchsorted(rows, rows, side="right")
        left = self.max_nodes - self.verdict.n_nodes[rows]
        return order[last - np.arange(len(rows)) <= np.minimum(_AT_ONCE, left)]

    def _settle(self):
        """Drop what is decided, and bound the rows by the boxes that are left."""
        verdict = self.verdict
        found = verdict.best > self.above
        kept = ~found[self.row] & (self.bound > self._settled(self.row))
        self.row, self.low, self.high, self.words, self.bound = (
            part[kept] for part in (self.row, self.low, self.high, self.words, self.bound)
        )
        bound = np.maximum(self._settled(np.arange(len(found))), self.unsolved)
        np.maximum.at(bound, self.row, self.bound)
        verdict.bound = np.where(found, verdict.bound, np.minimum(bound, verdict.bound))

    def _settled(self, row):
        """Bounds of boxes that need not be looked at: where ties are asked about, their scores say nothing of others."""
        best = self.verdict.best[row]
        return np.maximum(self.below, best if self.is_found is None else np.where(best > self.above, best, -np.inf))

    def _look_at(self, chosen):
        """Bounds, points and halves of some boxes."""
        tables, rows = self.tables, self.rows
        row, low, high, words = self.row[chosen], self.low[chosen], self.high[chosen], self.words[chosen]
        np.add.at(self.verdict.n_nodes, row, 1)
        costs = rows.costs[row]
        low, high, words, within = self._tightened(row, low, high, words, costs)
        value, lead, leaf = tables.best(words)
        bound = value.sum(axis=1) + rows.constant[row]
        alive = np.flatnonzero(within & (bound > self._settled(row)))
        row, low, high, words, bound, costs = (a[alive] for a in (row, low, high, words, bound, costs))
        lost_right, lost_left = self._votes(lead[alive], leaf[alive])
        inside = (self.cell >= low[:, self.column]) & (self.cell <= high[:, self.column])
        point = self._point(row, costs, inside, lost_right, lost_left)
        score = self._offer(row, point)
        is_tie = self._are_ties(row, point, score)
        has_others = np.isfinite(lead[alive]).any(axis=1)  # leaves than the best
        can_split = (low < high).any(axis=1)  # one cell whose cost is the budget's but for rounding cannot
        open_ = np.flatnonzero(((score < bound) | (is_tie & has_others)) & can_split)
        return self._halves(
            *(
                a[open_]
                for a in (row, low, high, words, costs, inside, lost_right, lost_left, is_tie & (score >= bound))
            )
        )

    def _are_ties(self, row, point, score):
        """Points between the levels that do not settle their rows, and those that do as the best of their rows."""
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

    def _tightened(self, row, low, high, words, costs):
        """Boxes without cells that the budget does not reach, their words, and whether anything is left of each."""
        home = np.clip(self.rows.home[row], low, high)
        least = np.take_along_axis(self.rows.least[row], self.start + home, axis=1)
        with np.errstate(invalid="ignore"):
            left = BUDGET - (least.sum(axis=1)[:, None] - least)
        reached = costs <= np.where(np.isfinite(least), left, -1)[:, self.column]
        reached &= (self.cell >= low[:, self.column]) & (self.cell <= high[:, self.column])
        new_low = np.minimum.reduceat(np.where(reached, self.cell, np.iinfo(int).max), self.start, axis=1)
        new_high = np.maximum.reduceat(np.where(reached, self.cell, -1), self.start, axis=1)
        within = (new_high >= 0).all(axis=1)
        new_low[~within], new_high[~within] = low[~within], high[~within]
        for j, start in enumerate(self.start):
            changed = np.flatnonzero(new_low[:, j] > low[:, j])
            words[changed] &= self.tables.beyond[start + new_low[changed, j]]
            changed = np.flatnonzero(new_high[:, j] < high[:, j])
            words[changed] &= self.tables.until[start + new_high[changed, j]]
        return new_low, new_high, words, within

    def _votes(self, lead, leaf):
        """What the best leaves lose if a column stays at or below each cell, or goes beyond it; (n_boxes, n_all_cells) each.

        A leaf is lost beyond its last cell, and before its first.
        """
        n_boxes, n_cells = len(leaf), self.tables.start[-1]
        leaves = self.tables.leaves
        only = np.isinf(
            lead
        )  # leaves weigh more than all others of their box, so that boxes do not depend on each other
        lead = np.where(only, np.where(only, 0, lead).sum(axis=1, keepdims=True) + 1, lead)
        box, tree = np.nonzero(leaf >= 0)
        chosen = leaf[box, tree]
        weights = np.repeat(lead[box, tree], len(self.start))
        place = box[:, None] * n_cells + self.start
        lost_right, lost_left = (
            np.bincount((place + ends[chosen]).ravel(), weights, n_boxes * n_cells).reshape(n_boxes, n_cells)
            for ends in (leaves.high, leaves.low)
        )
        return self._cumulated(lost_right), self._cumulated(lost_left, backwards=True)

    def _cumulated(self, votes, *, backwards=False):
        """Sums over the cells of each column up to each, or over those after it."""
        sums = np.cumsum(votes, axis=1)
        before = np.concatenate([np.zeros((len(votes), 1)), sums], axis=1)[:, self.start][:, self.column]
        if not backwards:
            return sums - before
        return sums[:, self.stop][:, self.column] - sums

    def _point(self, row, costs, inside, lost_right, lost_left):
        """The cell of each column that loses least, the cheapest of these; columns put back until the budget is kept."""
        before = np.concatenate([np.zeros((len(row), 1)), lost_right[:, :-1]], axis=1)
        before[:, self.start] = 0
        lost = before + lost_left
        lost[~inside | ~np.isfinite(costs)] = np.inf
        least = np.minimum.reduceat(lost, self.start, axis=1)[:, self.column]
        good = lost <= least + 1e-12 * (1 + np.abs(least))
        cheapest = np.where(good, costs, np.inf)
        point = self._first(cheapest == np.minimum.reduceat(cheapest, self.start, axis=1)[:, self.column])
        return self._within_budget(row, costs, inside, lost, point)

    def _first(self, chosen):
        """First chosen cell of each column."""
        cells = np.where(chosen, self.cell, np.iinfo(int).max)
        return np.minimum.reduceat(cells, self.start, axis=1)

    def _within_budget(self, row, costs, inside, lost, point):
        """Put back the columns that lose least for what they take, one after the other."""
        cheap = np.where(inside, costs, np.inf)
        home = self._first(cheap == np.minimum.reduceat(cheap, self.start, axis=1)[:, self.column])
        spent = np.take_along_axis(costs, self.start + point, axis=1)
        saved = spent - np.take_along_axis(costs, self.start + home, axis=1)
        loss = np.take_along_axis(lost, self.start + home, axis=1) - np.take_along_axis(
            lost, self.start + point, axis=1
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            order = np.argsort(np.where(saved > 0, loss / saved, np.inf), axis=1, kind="stable")
        saved_so_far = np.cumsum(np.take_along_axis(saved, order, axis=1), axis=1)
        needed = spent.sum(axis=1)[:, None] - 1
        n_back = np.where(needed[:, 0] > 0, (saved_so_far < needed).sum(axis=1) + 1, 0)
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(order.shape[1])[None].repeat(len(order), 0), axis=1)
        return np.where(ranks < n_back[:, None], home, point)

    def _offer(self, row, point):
        """Scores of points, of which each row keeps the best within the budget."""
        words = self.rows.words[row] & self.tables.words(point, point)
        score = self.tables.bound(words) + self.rows.constant[row]
        spent = np.take_along_axis(self.rows.costs[row], self.start + point, axis=1).sum(axis=1)
        score = np.where(spent <= BUDGET, score, -np.inf)
        order = np.lexsort((score, row))
        last = order[np.append(row[order][1:] != row[order][:-1], True)] if len(order) else order
        better = last[score[last] > self.verdict.best[row[last]]]
        self.verdict.best[row[better]], self.verdict.cells[row[better]] = score[better], point[better]
        return score

    def _halves(self, row, low, high, words, costs, inside, lost_right, lost_left, is_tie):
        """Both halves of boxes, split where the leaves that vote lose most on the better side; of ties, on the worse."""
        last = self.cell >= high[:, self.column]  # nothing is right of it
        lost = np.where(is_tie[:, None], np.maximum(lost_right, lost_left), np.minimum(lost_right, lost_left))
        gain = np.where(inside & ~last, lost, -1.0)
        at = gain.argmax(axis=1)
        tied = np.flatnonzero(gain[np.arange(len(row)), at] <= 0)
        if len(tied):
            at[tied] = self._before_the_dearest(row[tied], low[tied], high[tied], costs[tied])
        column, cell = self.column[at], self.cell[at]
        boxes = np.arange(len(row))
        left_high, right_low = high.copy(), low.copy()
        left_high[boxes, column] = cell
        right_low[boxes, column] = cell + 1
        left_words = words & self.tables.until[at]
        right_words = words & self.tables.beyond[at + 1]
        both = [
            np.concatenate([row, row]),
            np.concatenate([low, right_low]),
            np.concatenate([left_high, high]),
            np.concatenate([left_words, right_words]),
        ]
        bounds = self.tables.bound(both[3]) + self.rows.constant[both[0]]
        order = np.argsort(bounds, kind="stable")  # the best half is looked at first
        return (*(part[order] for part in both), bounds[order])

    def _before_the_dearest(self, row, low, high, costs):
        """A cut for boxes whose leaves agree on a point that the budget does not reach."""
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
