"""Sums of piecewise-linear functions: sizes, values and usages of a ball, and choices of sizes."""

from typing import NamedTuple

import numpy as np

__all__ = ["Choices", "Domain", "Pieces", "SeparableProblem", "domain_of", "pick", "total"]

_EPS = np.finfo(float).eps
_SHORTEST = 1e-300  # least step, in radii: none is zero, however large the radius
# step, in radii, whose square is more than the rounding of a sum over a thousand columns
_COARSE = 1e-6


class Pieces(NamedTuple):
    """Pieces of columns as they are given, with pieces before columns."""

    low: np.ndarray
    high: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray


class Domain(NamedTuple):
    """Pieces by size: ``intercept - rate · size`` falls from near to far.

    There is no piece where the intercept is infinite.

    A size counts steps on a grid, and radii elsewhere; times unit it counts radii. In radii, the
    best size for a multiplier is ``pull / multiplier`` under "l2", and the end is best where the
    pull is larger under "l1".
    """

    near: np.ndarray
    far: np.ndarray
    intercept: np.ndarray
    rate: np.ndarray
    pull: np.ndarray
    unit: np.ndarray

    def take(self, rows):
        return Domain(*(a[rows] for a in self))


class Choices(NamedTuple):
    """A piece and a size of each column, their values and usages, and the multiplier for them."""

    piece: np.ndarray
    size: np.ndarray
    value: np.ndarray
    usage: np.ndarray
    total: np.ndarray
    used: np.ndarray
    multiplier: np.ndarray

    def take(self, rows):
        return Choices(*(a[rows] for a in self))

    def scatter(self, rows, others):
        for old, new in zip(self, others, strict=True):
            old[rows] = new


def total(terms):
    """Sum over columns, in an order that does not depend on the number of rows."""
    return np.ascontiguousarray(terms).sum(axis=-1)


def pick(values, piece):
    """Values of one piece of each column."""
    if values.shape[1] == 1:
        return values[:, 0]
    return np.take_along_axis(values, piece[:, None], axis=1)[:, 0]


def domain_of(near, far, intercept, rate, pull, unit):
    """Pieces without those that end before they begin."""
    is_piece = near <= far
    near, far = np.where(is_piece, near, 0), np.where(is_piece, far, 0)
    return Domain(near, far, np.where(is_piece, intercept, np.inf), rate, pull, unit)


class SeparableProblem:
    """Rows with sizes relative to the ball, and values relative to a power of two.

    Columns on grids come first. Infinities and NaN on the way are intended: callers ignore such
    floating-point errors.
    """

    def __init__(self, pieces, steps, epsilon, power):
        self.power, self.is_grid, self.n_grids = power, steps > 0, np.count_nonzero(steps)
        self.rounding = 4 * (len(steps) + 4) * _EPS
        self.radius = _finite_radius(epsilon, pieces)[:, None, None]
        self.lengths = np.where(self.is_grid, steps, self.radius)
        unit = np.where(self.is_grid, np.clip(steps / self.radius, _SHORTEST, 2), 1.0)
        side, near, far = self._sides(pieces)
        is_endless = np.isinf(epsilon)[:, None, None] & np.isinf(far) & (pieces.low <= pieces.high)
        self.is_unbounded = is_endless.any(axis=(1, 2))
        far = np.minimum(
            far, np.where(self.is_grid, np.floor((1 + self.rounding) / unit), self.radius > 0)
        )
        self._arrange(pieces, side, near, far, unit)
        self.budget = self._budgets()

    def unscaled(self, values):
        return np.ldexp(values, self.exponent)

    def _sides(self, pieces):
        """Side of zero, nearest and farthest size of each piece.

        Parts that zero or the nearest end dominates are left out.
        """
        low, high, slope, _ = pieces
        is_across = (low < 0) & (high > 0)
        side = np.where(np.where(is_across, slope < 0, high > 0), 1, -1)
        near = np.where(is_across, 0.0, np.where(side > 0, low, -high))
        far = np.where(slope * side < 0, np.where(side > 0, high, -low), near)
        near, far = (np.where(a > 0, a / self.lengths, 0) for a in (near, far))
        return side, *(np.where(self.is_grid, np.rint(a), a) for a in (near, far))

    def _arrange(self, pieces, side, near, far, unit):
        """Scale values, and sort the pieces that matter by where they begin."""
        is_piece = (pieces.low <= pieces.high) & (near <= far)
        near, far = np.where(is_piece, near, 0), np.where(is_piece, far, 0)
        slope, intercept = (
            np.where(far > 0, pieces.slope, 0),
            np.where(is_piece, pieces.intercept, 0),
        )
        sizes = np.abs(intercept) + np.abs(slope) * (far * self.lengths)
        self.scale, self.exponent = np.frexp(total(sizes.max(axis=1)))
        down = -self.exponent[:, None, None]
        rate, intercept = np.ldexp(-slope * side * self.lengths, down), np.ldexp(intercept, down)
        intercept = np.where(is_piece, intercept, np.inf)
        pull = np.maximum(rate / unit / self.power, np.finfo(float).tiny)
        kept, is_kept = _undominated(near, intercept - rate * near, intercept - rate * far)
        self.pieces = Pieces(*(np.take_along_axis(a, kept, axis=1) for a in pieces))
        arranged = (near, far, intercept, rate, pull, side)
        near, far, intercept, rate, pull, self.side = (
            np.take_along_axis(a, kept, axis=1) for a in arranged
        )
        self.root = domain_of(near, np.where(is_kept, far, -np.inf), intercept, rate, pull, unit)

    def _budgets(self):
        """Largest sums of usages: of columns on one grid, a multiple of a step's usage."""
        unit = self.root.unit[:, 0]
        is_active = ((self.root.intercept < np.inf) & (self.root.far > 0)).any(axis=1)
        common = np.where(is_active, unit, 0).max(axis=1)
        is_common = (~is_active | (self.is_grid & (unit == common[:, None]))).all(axis=1)
        use = np.where(is_common & (common > _COARSE), common, 1.0) ** self.power
        return np.floor((1 + self.rounding) / use) * use + self.rounding

    def points(self, rows, choices):
        """Points in the given units, and their scaled values: infinite beyond the ball."""
        low, high, slope, intercept = (pick(a[rows], choices.piece) for a in self.pieces)
        point = pick(self.side[rows], choices.piece) * (choices.size * self.lengths[rows, 0])
        point = np.where(self.is_grid, point, np.clip(point, low, high)) + 0.0
        value = np.ldexp(total(intercept + slope * point), -self.exponent[rows])
        radius = self.radius[rows, 0]
        parts = np.abs(point) / np.where(radius > 0, radius, 1)
        return point, np.where(total(parts**self.power) <= 1 + 2 * self.rounding, value, np.inf)

    def _chosen(self, domain, piece, size, multiplier):
        value = pick(domain.intercept, piece) - pick(domain.rate, piece) * size
        usage = (size * domain.unit[:, 0]) ** self.power
        return Choices(piece, size, value, usage, total(value), total(usage), multiplier)

    def lightest(self, domain):
        """The choices with the least usage, and of these the lowest."""
        near = np.where(domain.intercept < np.inf, domain.near, np.inf)
        is_least = near == near.min(axis=1, keepdims=True)
        piece = np.where(is_least, domain.intercept - domain.rate * domain.near, np.inf).argmin(
            axis=1
        )
        size = pick(domain.near, piece).copy()
        return self._chosen(domain, piece, size, np.full(len(piece), np.inf))

    def cheapest(self, domain, multiplier):
        """The choices that minimize value + multiplier · usage, column by column."""
        each = multiplier[:, None, None]
        size = self._best_sizes(domain, each)
        piece = np.zeros_like(size[:, 0], dtype=int)
        if size.shape[1] > 1:
            usage = (size * domain.unit) ** self.power
            piece = (domain.intercept - domain.rate * size + each * usage).argmin(axis=1)
        return self._chosen(domain, piece, pick(size, piece), multiplier)

    def _best_sizes(self, domain, multiplier):
        if self.power == 1:
            return np.where(domain.pull > multiplier, domain.far, domain.near)
        size, grids = domain.pull / multiplier, np.s_[..., : self.n_grids]
        # on a grid, a parabola is lowest at the nearest point
        size[grids] = np.rint(size[grids] / domain.unit[grids])
        return np.clip(size, domain.near, domain.far, out=size)

    def balance(self, domain, choices, budget):
        """The multiplier that uses up the budget if exactly the free columns go on moving."""
        near, far = pick(domain.near, choices.piece), pick(domain.far, choices.piece)
        is_free = ~self.is_grid & (choices.size > near) & (choices.size < far)
        free = total(np.where(is_free, choices.usage, 0))
        return choices.multiplier * np.sqrt(free / (budget - (choices.used - free)))

    def on_shared_pieces(self, domain, light, heavy):
        """The lighter choices, moved to the pieces of the heavier ones where these hold them.

        Then a continuous column can go from one choice to the other.
        """
        near, far, intercept, rate = (pick(a, heavy.piece) for a in domain[:4])
        is_shared = ~self.is_grid & (near <= light.size) & (light.size <= far)
        is_shared &= intercept - rate * light.size <= light.value
        return light._replace(piece=np.where(is_shared, heavy.piece, light.piece))

    def filled(self, domain, choices, budget, multiplier):
        """Choices with sizes on the same pieces that use the rest of the ball."""
        grown = self._grown(domain, choices, budget)
        if self.power == 1 or self.n_grids == len(self.is_grid):
            return [choices._replace(size=grown)]
        sizes = [choices.size, grown] if self.n_grids else [choices.size]
        return [
            choices._replace(size=self._filled_ball(domain, choices.piece, a, budget, multiplier))
            for a in sizes
        ]

    def _grown(self, domain, choices, budget):
        """Sizes that grow in the order of gains by usage: by a step on grids, fully under "l1"."""
        size, unit, left = (
            choices.size.copy(),
            domain.unit[:, 0],
            np.maximum(budget - choices.used, 0),
        )
        far, gain = pick(domain.far, choices.piece), pick(domain.pull, choices.piece)
        if self.power == 2:
            gain = (pick(domain.rate, choices.piece) / ((2 * size + 1) * unit**2))[
                :, : self.n_grids
            ]
        rows = np.arange(len(size))
        for column in (-gain).argsort(axis=1, kind="stable").T:
            now, width = size[rows, column], unit[rows, column]
            more = self._growth(now, width, left, self.is_grid[column])
            size[rows, column] = np.maximum(np.minimum(now + more, far[rows, column]), now)
            used = (size[rows, column] * width) ** self.power - (now * width) ** self.power
            left = np.maximum(left - used, 0)
        return size

    def _growth(self, now, width, left, is_grid):
        if self.power == 2:
            return (2 * now + 1) * width**2 <= left + self.rounding / 10
        more = left / width
        return np.where(is_grid, np.floor(more * (1 + self.rounding)), more)

    def _filled_ball(self, domain, piece, size, budget, multiplier):
        """Sizes ``clip(pull · t)`` of continuous columns with the largest t inside the ball."""
        g = self.n_grids
        near, far, pull = (pick(a, piece)[:, g:] for a in (domain.near, domain.far, domain.pull))
        left = np.maximum(budget - total((size[:, :g] * domain.unit[:, 0, :g]) ** 2), 0)
        # from the last bend on no column moves
        t = np.minimum(1 / multiplier, np.where(far > near, far / pull, 0).max(axis=1, initial=0))
        inside, outside = np.zeros_like(t), np.full_like(t, np.inf)
        for _ in range(8):
            wanted = pull * t[:, None]
            squares = np.clip(wanted, near, far) ** 2
            is_free = (wanted > near) & (wanted <= far * (1 + 4 * _EPS))
            used, free = total(squares), total(np.where(is_free, squares, 0))
            fits = used <= left + self.rounding / 10
            inside, outside = np.where(fits, t, inside), np.where(fits, outside, t)
            t = t * np.sqrt((left - (used - free)) / free)
            middle = np.where(np.isinf(outside), 2 * inside, (inside + outside) / 2)
            t = np.where((inside < t) & (t < outside), t, middle)
        return np.concatenate([size[:, :g], np.clip(pull * inside[:, None], near, far)], axis=1)


def _finite_radius(epsilon, pieces):
    """Radii, with those of no ball replaced by one that holds every end."""
    ends = np.maximum(np.abs(pieces.low), np.abs(pieces.high))
    ends = np.where(np.isfinite(ends) & (pieces.low <= pieces.high), ends, 0)
    return np.where(np.isinf(epsilon), total(ends.max(axis=1)), epsilon)


def _undominated(near, at_near, at_far):
    """Indices of pieces by their beginnings, with the undominated ones first, and a mask of these.

    A piece is undominated if its far end is below the near ends of all that begin nearer.
    """
    order = np.where(at_near < np.inf, near, np.inf).argsort(axis=1, kind="stable")
    at_near, at_far = (np.take_along_axis(a, order, axis=1) for a in (at_near, at_far))
    is_kept = at_far < np.inf
    is_kept[:, 1:] &= at_far[:, 1:] < np.minimum.accumulate(at_near, axis=1)[:, :-1]
    front = (~is_kept).argsort(axis=1, kind="stable")[:, : is_kept.sum(axis=1).max()]
    return np.take_along_axis(order, front, axis=1), np.take_along_axis(is_kept, front, axis=1)
