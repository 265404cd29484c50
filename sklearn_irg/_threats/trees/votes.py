"""Votes of the best leaves of boxes for cells.

They give the loss of other cells, and the point that loses least within the budget.
"""

import numpy as np

__all__ = ["TIE", "Votes", "weights_of"]

# of a score, up to which it is no better than another: rounding of sums over trees. None, and
# 1e-6, give the same verdicts and distances for three models
TIE = 1e-12


def weights_of(lead):
    """Leads of best leaves as weights of their votes, shape (n_boxes, n_trees).

    A leaf without a second weighs more than all others of its box, a number that does not depend on
    other boxes.
    """
    only = np.isinf(lead)
    return np.where(only, np.where(only, 0, lead).sum(axis=1, keepdims=True) + 1, lead)


class Votes:
    """Votes among the cells of leaf tables.

    Parameters
    ----------
    tables : LeafTables
        The trees.

    Attributes
    ----------
    start, stop : ndarray of int of shape (n_columns,)
        Position of the first and the last cell of each column among all cells.
    column, cell : ndarray of int of shape (n_all_cells,)
        Column of each cell, and position in it.
    """

    def __init__(self, tables):
        self.leaves = tables.leaves
        self.start, self.stop = tables.start[:-1], tables.start[1:] - 1
        self.column = np.repeat(np.arange(len(self.start)), np.diff(tables.start))
        self.cell = np.arange(tables.start[-1]) - self.start[self.column]

    def inside(self, low, high):
        """Whether each box contains each cell."""
        return (self.cell >= low[:, self.column]) & (self.cell <= high[:, self.column])

    def lost(self, weights, leaf):
        """Losses of the best leaves if a column goes beyond each cell, or stays at or below it.

        Both have the shape (n_boxes, n_all_cells). A leaf is lost beyond its last cell, and before
        its first.
        """
        n_boxes, n_cells = len(leaf), len(self.cell)
        box, tree = np.nonzero(leaf >= 0)
        chosen = leaf[box, tree]
        weights = np.repeat(weights[box, tree], len(self.start))
        place = box[:, None] * n_cells + self.start
        lost_right, lost_left = (
            np.bincount((place + ends[chosen]).ravel(), weights, n_boxes * n_cells).reshape(
                n_boxes, n_cells
            )
            for ends in (self.leaves.high, self.leaves.low)
        )
        return self._cumulated(lost_right), self._cumulated(lost_left, backwards=True)

    def _cumulated(self, votes, *, backwards=False):
        """Sums of votes over the cells of each column up to each cell, or after it."""
        sums = np.cumsum(votes, axis=1)
        before = np.concatenate([np.zeros((len(votes), 1)), sums], axis=1)[:, self.start][
            :, self.column
        ]
        if not backwards:
            return sums - before
        return sums[:, self.stop][:, self.column] - sums

    def point(self, costs, inside, lost_right, lost_left):
        """Cell of each column that loses least, and the cheapest of these.

        Columns are put back until the budget is kept.
        """
        lost = lost_left.astype(np.float64)  # no votes count as integers
        lost[:, 1:] += np.where(self.cell[1:] == 0, 0, lost_right[:, :-1])
        lost[~inside | ~np.isfinite(costs)] = np.inf
        least = np.minimum.reduceat(lost, self.start, axis=1)[:, self.column]
        good = lost <= least + TIE * (1 + np.abs(least))
        cheapest = np.where(good, costs, np.inf)
        point = self._first(
            cheapest == np.minimum.reduceat(cheapest, self.start, axis=1)[:, self.column]
        )
        return self._within_budget(costs, inside, lost, point)

    def _first(self, chosen):
        """First chosen cell of each column."""
        cells = np.where(chosen, self.cell, np.iinfo(int).max)
        return np.minimum.reduceat(cells, self.start, axis=1)

    def _within_budget(self, costs, inside, lost, point):
        """Put back columns in the order of loss over saved cost, until the budget is kept."""
        cheap = np.where(inside, costs, np.inf)
        home = self._first(cheap == np.minimum.reduceat(cheap, self.start, axis=1)[:, self.column])
        spent = np.take_along_axis(costs, self.start + point, axis=1)
        saved = spent - np.take_along_axis(costs, self.start + home, axis=1)
        loss = np.take_along_axis(lost, self.start + home, axis=1)
        loss = loss - np.take_along_axis(lost, self.start + point, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            order = np.argsort(np.where(saved > 0, loss / saved, np.inf), axis=1, kind="stable")
        saved_so_far = np.cumsum(np.take_along_axis(saved, order, axis=1), axis=1)
        needed = spent.sum(axis=1)[:, None] - 1
        n_back = np.where(needed[:, 0] > 0, (saved_so_far < needed).sum(axis=1) + 1, 0)
        ranks = np.empty_like(order)
        np.put_along_axis(
            ranks, order, np.arange(order.shape[1])[None].repeat(len(order), 0), axis=1
        )
        return np.where(ranks < n_back[:, None], home, point)
