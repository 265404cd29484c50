"""The smallest value of a sum of piecewise-linear functions, one for each column, in a ball around zero."""

from typing import NamedTuple

import numpy as np

__all__ = ["SeparableMinimum", "separable_minimum"]

_EPS = np.finfo(float).eps
_GAP = 1e-12
_CHUNK = 2**17  # pieces of the rows that are searched at once
_WIDTH = 8, 256  # nodes of a row that are bounded at once


class SeparableMinimum(NamedTuple):
    """Points of each row, their values, a lower bound on what any point reaches, and the nodes that it took."""

    point: np.ndarray
    value: np.ndarray
    bound: np.ndarray
    nodes: np.ndarray


def separable_minimum(low, high, slope, intercept, steps, epsilon, norm, target=None, max_nodes=10_000):
    """Minimise Σ_j g_j(δ_j) over a ball, with g_j piecewise linear and δ_j on a grid or not.

    Lagrangian bounds for the ball, in branch and bound. What a row gets does not depend on the others.

    Parameters
    ----------
    low, high : ndarray of shape (n_rows, n_columns, n_pieces)
        Closed intervals of δ, on the grid of the column; ``low > high`` where there is no piece. A piece may be a
        point, pieces may touch, jump and leave gaps, and one holds zero. Where pieces touch, the lower value counts.
    slope, intercept : ndarray of shape (n_rows, n_columns, n_pieces)
        Of the function on each piece.
    steps : ndarray of shape (n_columns,)
        Of each grid; zero where there is none.
    epsilon : ndarray of shape (n_rows,)
        Radius of the ball.
    norm : {"l2", "l1"}
        Its norm.
    target : ndarray of shape (n_rows,), optional
        A row stops at a value no larger than its target, or a bound above it.
    max_nodes : int, default=10_000
        Of the search tree of each row.

    Returns
    -------
    point : ndarray of shape (n_rows, n_columns)
        On pieces and grid. Its sum of powers exceeds that of the ball by at most 1e-12 of it.
    value : ndarray of shape (n_rows,)
        Of the point.
    bound : ndarray of shape (n_rows,)
        No point of the ball has a lower value; minus infinity where no ball and no piece ends a descent. Within 1e-12
        of the size of the terms from the value, or more with hundreds of columns, unless the row stopped early.
    nodes : ndarray of shape (n_rows,)
        How many were bounded.
    """
    n_rows, n_columns, n_pieces = np.shape(low)
    target = np.full(n_rows, np.nan) if target is None else np.asarray(target, dtype=float)
    order = np.argsort(steps == 0, kind="stable")  # grids first
    pieces = [np.asarray(a, dtype=float)[:, order].swapaxes(1, 2) for a in (low, high, slope, intercept)]
    epsilon = np.asarray(epsilon, dtype=float)
    found = SeparableMinimum(np.zeros((n_rows, n_columns)), *np.zeros((2, n_rows)), np.zeros(n_rows, dtype=int))
    n_at_once = max(_CHUNK // max(n_columns * n_pieces, 1), 1)
    for first in range(0, n_rows if n_columns else 0, n_at_once):
        rows = slice(first, first + n_at_once)
        given = _Given(*(np.ascontiguousarray(a[rows]) for a in pieces))
        problem = _Problem(given, steps[order], epsilon[rows], 2 if norm == "l2" else 1)
        search = _Search(problem, target[rows], max_nodes)
        search.run()
        found.point[rows, order] = search.point
        found.value[rows], found.bound[rows] = problem.unscaled(search.value), problem.unscaled(search.bound)
        found.nodes[rows] = search.nodes
    return found


class _Given(NamedTuple):
    low: np.ndarray
    high: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray


class _Domain(NamedTuple):
    """Pieces by size: ``intercept - rate · size`` falls from near to far; no piece where the intercept is infinite.

    A size counts steps on a grid, and radii elsewhere; times unit it counts radii.
    """

    near: np.ndarray
    far: np.ndarray
    intercept: np.ndarray
    rate: np.ndarray
    pull: np.ndarray  # where multiplier times usage balances the slope: the size times the multiplier, or that itself
    unit: np.ndarray

    def take(self, rows):
        return _Domain(*(a[rows] for a in self))


class _Choices(NamedTuple):
    """A piece and a size of each column, with what they give and use, and the multiplier they are best for."""

    piece: np.ndarray
    size: np.ndarray
    value: np.ndarray
    usage: np.ndarray
    total: np.ndarray
    used: np.ndarray
    multiplier: np.ndarray

    def put(self, rows, others, which):
        for old, new in zip(self, others, strict=True):
            old[rows] = new[which]


def _total(terms):
    """Sum over columns, in an order that does not depend on the number of rows."""
    return np.ascontiguousarray(terms).sum(axis=-1)


def _pick(values, piece):
    if values.shape[1] == 1:
        return values[:, 0]
    return np.take_along_axis(values, piece[:, None], axis=1)[:, 0]


class _Problem:
    """Rows with sizes relative to the ball, and values relative to a power of two."""

    def __init__(self, given, steps, epsilon, power):
        self.power, self.is_grid, self.n_grids = power, steps > 0, np.count_nonzero(steps)
        self.rounding = 4 * (len(steps) + 4) * _EPS
        self.radius = _finite_radius(epsilon, given)[:, None, None]
        self.lengths = np.where(self.is_grid, steps, self.radius)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            unit = np.where(self.is_grid, np.clip(steps / self.radius, 1e-300, 2), 1.0)
        side, near, far = self._sides(given)
        limit = np.where(self.is_grid, np.floor((1 + self.rounding) / unit), self.radius > 0)
        self.is_unbounded = (np.isinf(epsilon)[:, None, None] & np.isinf(far) & (given.low <= given.high)).any(
            axis=(1, 2)
        )
        far = np.minimum(far, limit)
        is_piece = (given.low <= given.high) & (near <= far)
        size = np.where(is_piece, np.abs(given.intercept) + np.abs(given.slope) * (far * self.lengths), 0)
        self.scale, self.exponent = np.frexp(_total(size.max(axis=1)))
        intercept, slope = (np.ldexp(a, -self.exponent[:, None, None]) for a in (given.intercept, given.slope))
        rate = -slope * side * self.lengths
        near, far, rate = (np.where(is_piece, a, 0) for a in (near, far, rate))
        pull = np.maximum(rate / unit / power, np.finfo(float).tiny)
        intercept = np.where(is_piece, intercept, np.inf)
        kept, is_kept = _undominated(near, intercept - rate * near, intercept - rate * far)
        near, far, intercept, rate, pull = (
            np.take_along_axis(a, kept, axis=1) for a in (near, far, intercept, rate, pull)
        )
        self.root = _domain(near, np.where(is_kept, far, -np.inf), intercept, rate, pull, unit)
        self.given = _Given(*(np.take_along_axis(a, kept, axis=1) for a in given))
        self.side = np.take_along_axis(side, kept, axis=1)
        self.budget = self._budgets()

    def unscaled(self, values):
        return np.ldexp(values, self.exponent)

    def _sides(self, given):
        """Side of zero, nearest and farthest size of each piece, without what zero or its nearest end dominates."""
        low, high, slope, _ = given
        is_across = (low < 0) & (high > 0)
        side = np.where(np.where(is_across, slope < 0, high > 0), 1, -1)
        near = np.where(is_across, 0.0, np.where(side > 0, low, -high))
        far = np.where(slope * side < 0, np.where(side > 0, high, -low), near)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            near, far = (np.where(a > 0, a / self.lengths, 0) for a in (near, far))
        return side, *(np.where(self.is_grid, np.rint(a), a) for a in (near, far))

    def _budgets(self):
        """What usages may sum to: of columns on one grid, a multiple of what a step uses."""
        is_active = ((self.root.intercept < np.inf) & (self.root.far > 0)).any(axis=1)
        unit = np.where(is_active, self.root.unit[:, 0], 0).max(axis=1)
        is_common = ~is_active | (self.is_grid & (self.root.unit[:, 0] == unit[:, None]))
        use = np.where(is_common.all(axis=1) & (unit > 1e-6), unit, 1.0) ** self.power
        return np.floor((1 + self.rounding) / use) * use + self.rounding

    def chosen(self, domain, piece, size, multiplier):
        """Sums for a piece and a size of each column."""
        value = _pick(domain.intercept, piece) - _pick(domain.rate, piece) * size
        usage = (size * domain.unit[:, 0]) ** self.power
        return _Choices(piece, size, value, usage, _total(value), _total(usage), multiplier)

    def lightest(self, domain):
        """The choices that use least, and of these the lowest."""
        near = np.where(domain.intercept < np.inf, domain.near, np.inf)
        least = near.min(axis=1, keepdims=True)
        piece = np.where(near == least, domain.intercept - domain.rate * domain.near, np.inf).argmin(axis=1)
        size = _pick(domain.near, piece).copy()
        return self.chosen(domain, piece, size, np.full(len(piece), np.inf))

    def cheapest(self, domain, multiplier):
        """The choices that minimise value + multiplier · usage, column by column."""
        multiplier_ = multiplier[:, None, None]
        if self.power == 1:
            size = np.where(domain.pull > multiplier_, domain.far, domain.near)
        else:
            size = domain.pull / multiplier_
            size[..., : self.n_grids] = np.rint(size[..., : self.n_grids] / domain.unit[..., : self.n_grids])
            size = np.clip(size, domain.near, domain.far, out=size)
        piece = np.zeros_like(size[:, 0], dtype=int)
        if size.shape[1] > 1:
            usage = (size * domain.unit) ** self.power
            piece = (domain.intercept - domain.rate * size + multiplier_ * usage).argmin(axis=1)
        return self.chosen(domain, piece, _pick(size, piece), multiplier)

    def filled(self, domain, choices, multiplier, budget):
        """Sizes of the chosen pieces that use what is left of the ball."""
        near, far, pull, rate = (_pick(a, choices.piece) for a in (domain.near, domain.far, domain.pull, domain.rate))
        greedy = self._grown(choices, far, pull, rate, domain.unit[:, 0], budget)
        if self.power == 1:
            return [greedy]
        fills = [choices.size] if self.n_grids == choices.size.shape[1] else [choices.size, greedy]
        return [self._filled_ball(sizes, near, far, pull, multiplier, budget, domain.unit[:, 0]) for sizes in fills]

    def _grown(self, choices, far, pull, rate, unit, budget):
        """Sizes that grow in the order of what a unit of usage gains: on grids by a step, or all the way under "l1"."""
        size = choices.size.copy()
        left = np.maximum(budget - choices.used, 0)
        if self.power == 2:
            pull = (rate / ((2 * size + 1) * unit**2))[:, : self.n_grids]
        rows = np.arange(len(size))
        for column in (-pull).argsort(axis=1, kind="stable").T:
            now, width = size[rows, column], unit[rows, column]
            if self.power == 1:
                more = left / width
                more = np.where(self.is_grid[column], np.floor(more * (1 + self.rounding)), more)
            else:
                more = ((2 * now + 1) * width**2 <= left + self.rounding / 10).astype(float)
            size[rows, column] = np.maximum(np.minimum(now + more, far[rows, column]), now)
            left = np.maximum(left - ((size[rows, column] * width) ** self.power - (now * width) ** self.power), 0)
        return size

    def _filled_ball(self, size, near, far, pull, multiplier, budget, unit):
        """Continuous sizes ``clip(pull · t)`` with the largest t that stays in the ball."""
        g = self.n_grids
        near, far, pull = near[:, g:], far[:, g:], pull[:, g:]
        left = np.maximum(budget - _total((size[:, :g] * unit[:, :g]) ** 2), 0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            t = np.minimum(
                1 / multiplier, np.where(far > near, far / pull, 0).max(axis=1, initial=0)
            )  # no column moves beyond
            inside, outside = np.zeros_like(t), np.full_like(t, np.inf)
            for _ in range(8):
                wanted = pull * t[:, None]
                squares = np.clip(wanted, near, far) ** 2
                used = _total(squares)
                free = _total(np.where((wanted > near) & (wanted <= far * (1 + 4 * _EPS)), squares, 0))
                fits = used <= left + self.rounding / 10
                inside, outside = np.where(fits, t, inside), np.where(fits, outside, t)
                t = t * np.sqrt((left - (used - free)) / free)
                middle = np.where(np.isinf(outside), 2 * inside, (inside + outside) / 2)
                t = np.where((inside < t) & (t < outside), t, middle)
        fill = np.clip(pull * inside[:, None], near, far)
        return np.concatenate([size[:, :g], fill], axis=1)


def _finite_radius(epsilon, given):
    """Radii, with those of no ball replaced by one that holds every end."""
    ends = np.maximum(np.abs(given.low), np.abs(given.high))
    ends = np.where(np.isfinite(ends) & (given.low <= given.high), ends, 0)
    return np.where(np.isinf(epsilon), _total(ends.max(axis=1)), epsilon)


def _undominated(near, at_near, at_far):
    """Indices of pieces by their nearest size, first those that go below all that is nearer."""
    order = np.where(at_near < np.inf, near, np.inf).argsort(axis=1, kind="stable")
    at_near, at_far = (np.take_along_axis(a, order, axis=1) for a in (at_near, at_far))
    is_kept = at_far < np.inf
    is_kept[:, 1:] &= at_far[:, 1:] < np.minimum.accumulate(at_near, axis=1)[:, :-1]
    front = (~is_kept).argsort(axis=1, kind="stable")[:, : is_kept.sum(axis=1).max()]
    return np.take_along_axis(order, front, axis=1), np.take_along_axis(is_kept, front, axis=1)


class _Search:
    """Branch and bound of each row on its own, for all rows together."""

    def __init__(self, problem, target, max_nodes):
        self.problem, self.max_nodes = problem, max_nodes
        _, n_pieces, n_columns = problem.root.near.shape
        n_rows = len(target)
        self.target, self.scale = np.ldexp(target, -problem.exponent), problem.scale
        self.rounding = problem.rounding
        self.point, self.value = np.zeros((n_rows, n_columns)), np.full(n_rows, np.inf)
        self.nodes, self.closed = np.zeros(n_rows, dtype=int), np.full(n_rows, np.inf)  # least bound of closed nodes
        self._offer(np.arange(n_rows), problem.lightest(problem.root))
        # the tree: rows of the problem, then what each branch leaves of one column
        self.row, self.parent, self.column = np.arange(n_rows), np.full(n_rows, -1), np.zeros(n_rows, dtype=int)
        self.near, self.far = np.zeros((2, n_rows, n_pieces))
        self.lower, self.start = np.full(n_rows, -np.inf), np.zeros(n_rows)
        self.open = np.arange(n_rows)

    def run(self):
        while (nodes := self._next()).size:
            self._expand(nodes)
        self.bound = np.where(self.problem.is_unbounded, -np.inf, np.minimum(self.closed, self.value))

    def _cutoff(self, rows):
        """Bounds from which on a node need not be searched."""
        gap = max(_GAP, 8 * self.rounding) * self.scale[rows]
        return np.fmin(self.value[rows] - gap, np.nextafter(self.target[rows], np.inf))

    def _close(self, nodes):
        np.minimum.at(self.closed, self.row[nodes], self.lower[nodes])

    def _next(self):
        """Open nodes with the lowest bounds of each row, a share of those that it has."""
        row = self.row[self.open]
        is_done = (self.value[row] <= self.target[row]) | (self.nodes[row] >= self.max_nodes)
        is_done |= self.lower[self.open] >= self._cutoff(row)
        self._close(self.open[is_done])
        self.open = self.open[~is_done]
        self.open = self.open[np.lexsort((self.lower[self.open], self.row[self.open]))]
        row = self.row[self.open]
        counts = np.bincount(row, minlength=len(self.value))
        place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
        width = np.minimum(np.clip(counts // 4, *_WIDTH), self.max_nodes - self.nodes)
        is_next = place < width[row]
        nodes, self.open = self.open[is_next], self.open[~is_next]
        return nodes

    def _expand(self, nodes):
        """Bound nodes, try what they find, and branch on those that stay open."""
        rows = self.row[nodes]
        domain = self._domain_of(nodes)
        over, under, bound, multiplier = self._maximise(domain, rows, self.start[nodes])
        self.nodes += np.bincount(rows, minlength=len(self.nodes))
        self.lower[nodes] = np.maximum(self.lower[nodes], bound)
        live = np.flatnonzero(self.lower[nodes] < self._cutoff(rows))
        domain, rows, multiplier = domain.take(live), rows[live], multiplier[live]
        over, under = (_Choices(*(a[live] for a in side)) for side in (over, under))
        under = self._on_shared_pieces(domain, over, under)
        for size in self.problem.filled(domain, under, multiplier, self.problem.budget[rows]):
            self._offer(rows, under._replace(size=size))
        self._branch(nodes[live], domain, over, under, multiplier)
        self._close(np.delete(nodes, live))

    def _domain_of(self, nodes):
        """The pieces of the root that a node's branches leave, as far as the rest of the ball lets them reach."""
        root = self.problem.root.take(self.row[nodes])
        near, far = root.near, np.where(root.intercept < np.inf, root.far, -np.inf)
        left, at = np.arange(len(nodes)), nodes
        while (left := left[self.parent[at] >= 0]).size:
            at = at[self.parent[at] >= 0]
            column = self.column[at]
            near[left, :, column] = np.maximum(near[left, :, column], self.near[at])
            far[left, :, column] = np.minimum(far[left, :, column], self.far[at])
            at = self.parent[at]
        power = self.problem.power
        usage = np.where(near <= far, (near * root.unit) ** power, 9.0).min(axis=1)  # nine balls: nowhere
        room = self.problem.budget[self.row[nodes], None] - (_total(usage)[:, None] - usage)
        reach = np.maximum(room, 0) ** (1 / power) / root.unit[:, 0]
        reach = np.where(self.problem.is_grid, np.floor(reach * (1 + 4 * _EPS)), reach)
        return _domain(near, np.minimum(far, reach[:, None]), *root[2:])

    def _maximise(self, domain, rows, start):
        """The largest Lagrangian bound, and the choices on its two sides, over and within the budget.

        Each choice is a line above the bound as a function of the multiplier; the next multiplier is where the lines
        of the two sides meet, or in turns where the free continuous columns would use up the budget.
        """
        problem, budget, cutoff, scale = self.problem, self.problem.budget[rows], self._cutoff(rows), self.scale[rows]
        over, under = problem.cheapest(domain, np.full(len(rows), 1e-300)), problem.lightest(domain)
        best, raw, multiplier = over.total - self.rounding * scale, over.total.copy(), np.full(len(rows), 1e-300)
        is_slack = over.used <= budget
        under.put(is_slack, over, is_slack)
        best[under.used > budget] = np.inf
        todo = np.flatnonzero(~is_slack & (best < cutoff))
        domain, trial = domain.take(todo), np.where(start > 0, start, _meeting(over, under))[todo]
        for turn in range(100):
            if not todo.size:
                break
            choice = problem.cheapest(domain, trial)
            reached = choice.total + trial * (choice.used - budget[todo])
            multiplier[todo] = np.where(reached > raw[todo], trial, multiplier[todo])
            raw[todo] = np.maximum(raw[todo], reached)
            rounding = self.rounding * (scale[todo] + trial * (choice.used + budget[todo]))
            best[todo] = np.maximum(best[todo], reached - rounding)
            is_over = choice.used > budget[todo] + self.rounding / 10  # no more than rounding may exceed it
            over.put(todo[is_over], choice, is_over)
            under.put(todo[~is_over], choice, ~is_over)
            meeting = _meeting(over, under)[todo]
            top = over.total[todo] + meeting * (over.used - budget)[todo]
            keep = (top - raw[todo] > self.rounding / 4 * scale[todo]) & (best[todo] < cutoff[todo])
            trial = meeting
            if problem.power == 2 and turn % 2 == 0:
                balance = self._balance(domain, choice, budget[todo])
                is_between = (over.multiplier[todo] < balance) & (balance < under.multiplier[todo])
                trial = np.where(is_between, balance, meeting)
            todo, trial = todo[keep], trial[keep]
            domain = domain.take(keep)
        return over, under, best, multiplier

    def _balance(self, domain, choice, budget):
        """The multiplier that uses up the budget if the columns that are free, and no others, go on moving."""
        g = self.problem.n_grids
        is_free = (choice.size > _pick(domain.near, choice.piece)) & (choice.size < _pick(domain.far, choice.piece))
        free = _total(np.where(is_free[:, g:], choice.usage[:, g:], 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return choice.multiplier * np.sqrt(free / (budget - (choice.used - free)))

    def _on_shared_pieces(self, domain, over, under):
        """The lighter choices on the pieces of the others, where a continuous column can go from one to the other."""
        near, far, intercept, rate = (_pick(a, over.piece) for a in domain[:4])
        is_shared = ~self.problem.is_grid & (near <= under.size) & (under.size <= far)
        is_shared &= intercept - rate * under.size <= under.value
        return under._replace(piece=np.where(is_shared, over.piece, under.piece))

    def _offer(self, rows, choices):
        """Keep the best points of each row."""
        if not rows.size:
            return
        problem = self.problem
        low, high, slope, intercept = (_pick(a[rows], choices.piece) for a in problem.given)
        side = _pick(problem.side[rows], choices.piece)
        point = side * (choices.size * problem.lengths[rows, 0])
        point = np.where(problem.is_grid, point, np.clip(point, low, high)) + 0.0
        value = np.ldexp(_total(intercept + slope * point), -problem.exponent[rows])
        radius = problem.radius[rows, 0]
        parts = np.abs(point) / np.where(radius > 0, radius, 1)
        value = np.where(_total(parts**problem.power) <= 1 + 2 * problem.rounding, value, np.inf)
        order = np.lexsort((value, rows))
        order = order[np.r_[True, np.diff(rows[order]) > 0]]
        order = order[value[order] < self.value[rows[order]]]
        self.value[rows[order]], self.point[rows[order]] = value[order], point[order]

    def _branch(self, nodes, domain, over, under, multiplier):
        """Split a column whose two choices no piece joins, between them."""
        problem, rows = self.problem, self.row[nodes]
        is_split = (over.size != under.size) & (problem.is_grid | (over.piece != under.piece))
        score = np.where(is_split, np.abs(over.value - under.value), -1.0)
        column = score.argmax(axis=1)
        at = np.arange(len(nodes))
        is_split = (score[at, column] >= 0) & (self.lower[nodes] < self._cutoff(rows))
        self._close(nodes[~is_split])
        at, column, nodes = at[is_split], column[is_split], nodes[is_split]
        rows = self.row[nodes]
        share = (problem.budget[rows] - under.used[at]) / (over.used[at] - under.used[at])
        usage = under.usage[at, column] + share * (over.usage[at, column] - under.usage[at, column])
        between = usage ** (1 / problem.power) / domain.unit[at, 0, column]
        near, far, intercept = (a[at, :, column] for a in domain[:3])
        far = np.where(intercept < np.inf, far, -np.inf)
        first = np.sort([over.size[at, column], under.size[at, column]], axis=0)
        last_below = np.clip(np.floor(between), first[0], first[1] - 1)[:, None]
        ranks = np.sort([over.piece[at, column], under.piece[at, column]], axis=0)
        n_below = np.clip((near <= between[:, None]).sum(axis=1), ranks[0] + 1, np.maximum(ranks[1], ranks[0] + 1))
        is_below = np.arange(near.shape[1]) < n_below[:, None]
        is_grid = problem.is_grid[column][:, None]
        below = near, np.where(is_grid, np.minimum(far, last_below), np.where(is_below, far, -np.inf))
        above = np.where(is_grid, np.maximum(near, last_below + 1), near), np.where(is_grid | ~is_below, far, -np.inf)
        for near, far in (below, above):
            self._add(nodes, column, near, far, multiplier[at])

    def _add(self, parent, column, near, far, start):
        self.open = np.concatenate([self.open, np.arange(len(parent)) + len(self.row)])
        new = self.row[parent], parent, column, near, far, self.lower[parent], start
        for name, values in zip(("row", "parent", "column", "near", "far", "lower", "start"), new, strict=True):
            setattr(self, name, np.concatenate([getattr(self, name), values]))


def _domain(near, far, intercept, rate, pull, unit):
    """Pieces without those that end before they begin."""
    is_piece = near <= far
    near, far = np.where(is_piece, near, 0), np.where(is_piece, far, 0)
    return _Domain(near, far, np.where(is_piece, intercept, np.inf), rate, pull, unit)


def _meeting(over, under):
    """The multiplier at which the lines of the two choices meet."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (under.total - over.total) / (over.used - under.used)
