"""Minimum of a sum of piecewise-linear functions, one for each column, in a ball around zero."""

from typing import NamedTuple

import numpy as np

from sklearn_irg._perturbations.separable_pieces import Pieces, SeparableProblem, domain_of, total

__all__ = ["SeparableMinimum", "separable_minimum"]

_EPS = np.finfo(float).eps
# of the size of the terms: a bound this near to the value ends a search; 1e-15 passes the tests
# too, and 1e-9 is too much for one
_GAP = 1e-12
_ROWS = 256  # in a tree, to bound memory; no result depends on it
_CHUNK = 2**18  # pieces that are bounded at once, to bound memory; no result depends on it
_WIDTH = (
    8,
    256,
)  # least and most nodes of a row that are bounded at once, else a quarter of those that are open
# part of the ball that counts as no piece: any number above one ball and its rounding would do
_NOWHERE = 9.0
_NO_WEIGHT = 1e-300  # a multiplier in place of zero, by which sizes are divided


class SeparableMinimum(NamedTuple):
    """Points of each row, their values, lower bounds over all points, and numbers of nodes."""

    point: np.ndarray
    value: np.ndarray
    bound: np.ndarray
    nodes: np.ndarray


def separable_minimum(
    low, high, slope, intercept, steps, epsilon, norm, target=None, max_nodes=10_000
):
    """Minimize Σ_j g_j(δ_j) over a ball, with g_j piecewise linear and δ_j on a grid or not.

    Branch and bound, with Lagrangian bounds for the ball. The result of a row does not depend on
    the other rows.

    Parameters
    ----------
    low, high : ndarray of shape (n_rows, n_columns, n_pieces)
        Closed intervals of δ, on the grid of the column; ``low > high`` where there is no piece. A
        piece may be a point, pieces may touch, jump and leave gaps, and one holds zero. Where
        pieces touch, the lower value counts.
    slope, intercept : ndarray of shape (n_rows, n_columns, n_pieces)
        Of the function on each piece.
    steps : ndarray of shape (n_columns,)
        Of each grid; zero where there is none.
    epsilon : ndarray of shape (n_rows,)
        Radius of the ball; infinite where there is none.
    norm : {"l2", "l1"}
        Its norm.
    target : ndarray of shape (n_rows,), optional
        A row stops at a value no larger than its target, or a bound above it. Not a number where
        there is none.
    max_nodes : int, default=10_000
        Of the search tree of each row.

    Returns
    -------
    point : ndarray of shape (n_rows, n_columns)
        On pieces and grid. Its sum of powers may exceed that of the ball by what rounding could
        hide: relatively ``8 * (n_columns + 4)`` times the machine precision.
    value : ndarray of shape (n_rows,)
        Of the point.
    bound : ndarray of shape (n_rows,)
        No point of the ball has a lower value; minus infinity where neither ball nor piece ends a
        descent. Unless the row stopped early, within 1e-12 of the size of the terms from the value,
        more from 130 columns on or where sizes on grids use up the ball under "l2" so that nothing
        but rounding is left to continuous columns.
    nodes : ndarray of shape (n_rows,)
        Number of nodes that were bounded.
    """
    n_rows, n_columns = np.shape(low)[:2]
    target = np.full(n_rows, np.nan) if target is None else np.asarray(target, dtype=float)
    steps, epsilon = np.asarray(steps, dtype=float), np.asarray(epsilon, dtype=float)
    order = np.argsort(steps == 0, kind="stable")
    pieces = [
        np.asarray(a, dtype=float)[:, order].swapaxes(1, 2) for a in (low, high, slope, intercept)
    ]
    found = SeparableMinimum(
        np.zeros((n_rows, n_columns)), *np.zeros((2, n_rows)), np.zeros(n_rows, dtype=int)
    )
    for first in range(0, n_rows if n_columns else 0, _ROWS):
        rows = slice(first, first + _ROWS)
        given = Pieces(*(np.ascontiguousarray(a[rows]) for a in pieces))
        with np.errstate(all="ignore"):
            problem = SeparableProblem(given, steps[order], epsilon[rows], 2 if norm == "l2" else 1)
            point, *others = _Search(problem, target[rows], max_nodes).run()
        found.point[rows, order] = point
        for whole, part in zip(found[1:], others, strict=True):
            whole[rows] = part
    return found


class _Tree:
    """Nodes: their rows, and the pieces of one column to which each narrows its parent."""

    def __init__(self, n_rows, n_pieces):
        self.row, self.parent, self.column = (
            np.arange(n_rows),
            np.full(n_rows, -1),
            np.zeros(n_rows, dtype=int),
        )
        self.near, self.far = np.zeros((2, n_rows, n_pieces))
        self.bound, self.multiplier = np.full(n_rows, -np.inf), np.zeros(n_rows)

    def add(self, parent, column, near, far):
        """Indices of new nodes."""
        new = {
            "row": self.row[parent],
            "parent": parent,
            "column": column,
            "near": near,
            "far": far,
        }
        new |= {"bound": self.bound[parent], "multiplier": self.multiplier[parent]}
        first = len(self.row)
        for name, values in new.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))
        return np.arange(first, len(self.row))

    def narrow(self, nodes, near, far):
        """Narrow the pieces of the root to what each node and its ancestors leave of them."""
        left, at = np.arange(len(nodes)), nodes
        while (is_below := self.parent[at] >= 0).any():
            left, at = left[is_below], at[is_below]
            column = self.column[at]
            near[left, :, column] = np.maximum(near[left, :, column], self.near[at])
            far[left, :, column] = np.minimum(far[left, :, column], self.far[at])
            at = self.parent[at]


class _Dual:
    """Largest Lagrangian bound of each node, and the choices next to it: over and within budget.

    Each choice is a line above the bound as a function of the multiplier. The next multiplier is
    where the lines of the two sides meet or, in turns, where the free continuous columns would use
    up the budget.
    """

    def __init__(self, problem, domain, rows, cutoff):
        self.problem, self.domain, self.cutoff = problem, domain, cutoff
        self.budget, self.scale = problem.budget[rows], problem.scale[rows]
        self.multiplier = np.full(len(rows), _NO_WEIGHT)
        self.over, self.under = problem.cheapest(domain, self.multiplier), problem.lightest(domain)
        self.value = self.over.total.copy()
        self.bound = self.value - problem.rounding * self.scale
        is_slack = self.over.used <= self.budget
        self.under.scatter(is_slack, self.over.take(is_slack))
        self.bound[self.under.used > self.budget] = np.inf
        self.todo = np.flatnonzero(~is_slack & (self.bound < cutoff))

    def maximize(self, start, max_turns=100):
        domain, trial = (
            self.domain.take(self.todo),
            np.where(start > 0, start, self._meeting())[self.todo],
        )
        for turn in range(max_turns):
            if not self.todo.size:
                return
            choices = self.problem.cheapest(domain, trial)
            self._record(choices)
            trial = self._next(
                domain, choices, is_turn_of_balance=self.problem.power == 2 and turn % 2 == 0
            )
            is_open = self._is_open()
            self.todo, trial, domain = self.todo[is_open], trial[is_open], domain.take(is_open)

    def _meeting(self):
        return (self.under.total - self.over.total) / (self.over.used - self.under.used)

    def _record(self, choices):
        todo, trial, rounding = self.todo, choices.multiplier, self.problem.rounding
        budget = self.budget[todo]
        value = choices.total + trial * (choices.used - budget)
        self.multiplier[todo] = np.where(value > self.value[todo], trial, self.multiplier[todo])
        self.value[todo] = np.maximum(self.value[todo], value)
        bound = value - rounding * (self.scale[todo] + trial * (choices.used + budget))
        self.bound[todo] = np.maximum(self.bound[todo], bound)
        is_over = choices.used > budget + rounding / 10  # no more than rounding may exceed it
        self.over.scatter(todo[is_over], choices.take(is_over))
        self.under.scatter(todo[~is_over], choices.take(~is_over))

    def _next(self, domain, choices, is_turn_of_balance):
        meeting = self._meeting()[self.todo]
        if not is_turn_of_balance:
            return meeting
        balance = self.problem.balance(domain, choices, self.budget[self.todo])
        is_between = (self.over.multiplier[self.todo] < balance) & (
            balance < self.under.multiplier[self.todo]
        )
        return np.where(is_between, balance, meeting)

    def _is_open(self):
        """Whether the lines leave room above the best value, and the bound does not suffice."""
        top = self.over.total + self._meeting() * (self.over.used - self.budget)
        is_open = (top - self.value > self.problem.rounding / 4 * self.scale) & (
            self.bound < self.cutoff
        )
        return is_open[self.todo]


class _Search:
    """Branch and bound of each row on its own, for all rows together."""

    def __init__(self, problem, target, max_nodes):
        self.problem, self.max_nodes = problem, max_nodes
        _, n_pieces, n_columns = problem.root.near.shape
        n_rows = len(target)
        self.target = np.ldexp(target, -problem.exponent)
        self.gap = max(_GAP, 8 * problem.rounding) * problem.scale
        self.point, self.value = np.zeros((n_rows, n_columns)), np.full(n_rows, np.inf)
        self.n_nodes, self.closed = (
            np.zeros(n_rows, dtype=int),
            np.full(n_rows, np.inf),
        )  # least bound of closed nodes
        self._offer(np.arange(n_rows), problem.lightest(problem.root))
        self.tree, self.open = _Tree(n_rows, n_pieces), np.arange(n_rows)

    def run(self):
        """Points, values, bounds, and numbers of bounded nodes."""
        while (nodes := self._next()).size:
            self._expand(nodes)
        bound = np.where(self.problem.is_unbounded, -np.inf, np.minimum(self.closed, self.value))
        return (
            self.point,
            self.problem.unscaled(self.value),
            self.problem.unscaled(bound),
            self.n_nodes,
        )

    def _cutoff(self, rows):
        """Bounds from which on a node need not be searched."""
        return np.fmin((self.value - self.gap)[rows], np.nextafter(self.target, np.inf)[rows])

    def _close(self, nodes):
        np.minimum.at(self.closed, self.tree.row[nodes], self.tree.bound[nodes])

    def _close_settled(self):
        row = self.tree.row[self.open]
        is_settled = (self.value <= self.target) | (self.n_nodes >= self.max_nodes)
        is_closed = is_settled[row] | (self.tree.bound[self.open] >= self._cutoff(row))
        self._close(self.open[is_closed])
        self.open = self.open[~is_closed]

    def _next(self):
        """Open nodes with the lowest bounds of each row, a share of those that it has."""
        self._close_settled()
        self.open = self.open[np.lexsort((self.tree.bound[self.open], self.tree.row[self.open]))]
        row = self.tree.row[self.open]
        counts = np.bincount(row, minlength=len(self.value))
        place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
        width = np.minimum(np.clip(counts // 4, *_WIDTH), self.max_nodes - self.n_nodes)
        n_before = np.cumsum(np.minimum(width, counts)) - np.minimum(width, counts)
        is_turn = (
            n_before * self.problem.root.near[0].size < _CHUNK
        )  # others wait: no row is searched in parts
        is_next = (place < width[row]) & is_turn[row]
        nodes, self.open = self.open[is_next], self.open[~is_next]
        return nodes

    def _expand(self, nodes):
        """Bound nodes, try what they find, and branch on those that stay open."""
        tree, rows = self.tree, self.tree.row[nodes]
        dual = _Dual(self.problem, self._domain(nodes), rows, self._cutoff(rows))
        dual.maximize(tree.multiplier[nodes])
        self.n_nodes += np.bincount(rows, minlength=len(self.n_nodes))
        tree.bound[nodes], tree.multiplier[nodes] = (
            np.maximum(tree.bound[nodes], dual.bound),
            dual.multiplier,
        )
        live = tree.bound[nodes] < dual.cutoff
        domain, over, under = (a.take(live) for a in (dual.domain, dual.over, dual.under))
        under = self.problem.on_shared_pieces(domain, under, over)
        for choices in self.problem.filled(domain, under, dual.budget[live], dual.multiplier[live]):
            self._offer(rows[live], choices)
        self._close(nodes[~live])
        self._branch(nodes[live], domain, over, under)

    def _domain(self, nodes):
        """The parts of pieces that branches leave and that are in reach of the rest of the ball."""
        problem, rows = self.problem, self.tree.row[nodes]
        root = problem.root.take(rows)
        near, far = root.near, np.where(root.intercept < np.inf, root.far, -np.inf)
        self.tree.narrow(nodes, near, far)
        usage = np.where(near <= far, (near * root.unit) ** problem.power, _NOWHERE).min(axis=1)
        room = problem.budget[rows, None] - (total(usage)[:, None] - usage)
        reach = np.maximum(room, 0) ** (1 / problem.power) / root.unit[:, 0]
        reach = np.where(problem.is_grid, np.floor(reach * (1 + 4 * _EPS)), reach)
        return domain_of(near, np.minimum(far, reach[:, None]), *root[2:])

    def _offer(self, rows, choices):
        """Keep the best point of each row."""
        point, value = self.problem.points(rows, choices)
        order = np.lexsort((value, rows))
        is_best = np.diff(rows[order], prepend=-1) > 0
        best = order[is_best & (value < self.value[rows])[order]]
        self.value[rows[best]], self.point[rows[best]] = value[best], point[best]

    def _branch(self, nodes, domain, over, under):
        """Split each node at the column whose two choices differ most in value.

        Columns whose choices are joined by one continuous piece are not split.
        """
        is_apart = (over.size != under.size) & (self.problem.is_grid | (over.piece != under.piece))
        score = np.where(is_apart, np.abs(over.value - under.value), -1.0)
        column = score.argmax(axis=1)
        is_split = is_apart.any(axis=1) & (
            self.tree.bound[nodes] < self._cutoff(self.tree.row[nodes])
        )
        self._close(nodes[~is_split])
        at, nodes, column = np.flatnonzero(is_split), nodes[is_split], column[is_split]
        parts = self._split(self.tree.row[nodes], domain, over, under, at, column)
        added = [self.tree.add(nodes, column, near, far) for near, far in parts]
        self.open = np.concatenate([self.open, *added])

    def _split(self, rows, domain, over, under, at, column):
        """Pieces of the column below and above the point where the relaxation mixes its choices."""
        share = (self.problem.budget[rows] - under.used[at]) / (over.used[at] - under.used[at])
        of_under, of_over = under.usage[at, column], over.usage[at, column]
        usage = np.clip(of_under + share * (of_over - of_under), 0, None)
        between = (usage ** (1 / self.problem.power) / domain.unit[at, 0, column])[:, None]
        near, far, intercept = (a[at, :, column] for a in domain[:3])
        far = np.where(intercept < np.inf, far, -np.inf)
        sizes = np.sort([over.size[at, column], under.size[at, column]], axis=0)[..., None]
        last = np.clip(np.floor(between), sizes[0], sizes[1] - 1)
        ranks = np.sort([over.piece[at, column], under.piece[at, column]], axis=0)[..., None]
        n_below = np.clip(
            (near <= between).sum(axis=1, keepdims=True),
            ranks[0] + 1,
            np.maximum(ranks[1], ranks[0] + 1),
        )
        is_below, is_grid = (
            np.arange(near.shape[1]) < n_below,
            self.problem.is_grid[column][:, None],
        )
        below = near, np.where(is_grid, np.minimum(far, last), np.where(is_below, far, -np.inf))
        above = (
            np.where(is_grid, np.maximum(near, last + 1), near),
            np.where(is_grid | ~is_below, far, -np.inf),
        )
        return below, above
