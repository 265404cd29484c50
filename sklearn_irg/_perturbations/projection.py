"""Norms of perturbations, and the nearest points of boxes and balls."""

from typing import NamedTuple

import numpy as np

__all__ = [
    "ANYWHERE",
    "BUDGET",
    "DUAL",
    "GRID",
    "SLACK",
    "BoxAndBall",
    "delta_norms",
    "project",
    "rounded_towards_zero",
]

DUAL = {"l2": 2, "linf": 1, "l1": np.inf}  # order of the norm dual to each
# of a step, up to which a count of steps is an integer: above the rounding of counts up to a
# million. 1e-13 gives the same for trees, and 1e-5 wrong answers for a tree on integers
GRID = 1e-9
# the budget of a ball is one, and the excess covers the rounding of sums of shares. For trees 1 +
# 1e-9 gives the same verdicts, and 1 + 1e-6 lower bounds up to 1 % too low
BUDGET = 1 + 1e-12
ANYWHERE = 1e150  # a distance that exceeds all numbers in use, and whose square is finite
# of a number of steps, and of a move: what computing in units of scale may lose, some units in the
# last place; it would count a step too many from a trillion steps on
SLACK = 1e-12
_N_BISECTIONS = 60  # to 1e-18 of the largest multiplier: beyond the rounding of doubles
_ORDER = {"l2": 2, "linf": np.inf, "l1": 1}


def delta_norms(delta, norm):
    """Norm of each row."""
    return np.linalg.norm(delta, ord=_ORDER[norm], axis=1)


def project(delta, low, high, epsilon, norm):
    """Nearest point to each row in a box that holds zero and a ball around zero, both at once."""
    inside = np.clip(delta, low, high)
    if norm == "linf":
        return np.clip(inside, -epsilon, epsilon)
    if epsilon == 0:
        return np.zeros_like(inside)
    far = np.flatnonzero(delta_norms(inside / epsilon, norm) > 1)
    if len(far):
        inside[far] = epsilon * _in_unit_ball(
            delta[far] / epsilon, low[far] / epsilon, high[far] / epsilon, norm
        )
    return inside


def _in_unit_ball(u, low, high, norm):
    """Nearest points in box and unit ball.

    In "l2" they are the scaled points, except where the box stops these.
    """
    if norm == "l2":
        scaled = u / delta_norms(u, norm)[:, None]
        stopped = np.flatnonzero(((scaled < low) | (scaled > high)).any(axis=1))
        if len(stopped):
            scaled[stopped] = _by_bisection(u[stopped], low[stopped], high[stopped], norm)
        return scaled
    return _by_bisection(u, low, high, norm)


def _by_bisection(u, low, high, norm):
    """The norm falls as the multiplier grows: bisection keeps the end inside the unit ball."""

    def shrunk(multiplier):
        shrunk = (
            u / (1 + multiplier)
            if norm == "l2"
            else np.sign(u) * np.maximum(np.abs(u) - multiplier, 0)
        )
        return np.clip(shrunk, low, high)

    inner = delta_norms(u, "l2" if norm == "l2" else "linf")[:, None]
    outer = np.zeros_like(inner)
    for _ in range(_N_BISECTIONS):
        middle = (inner + outer) / 2
        fits = (delta_norms(shrunk(middle), norm) <= 1)[:, None]
        inner, outer = np.where(fits, middle, inner), np.where(fits, outer, middle)
    return shrunk(inner)


def rounded_towards_zero(delta, steps):
    """Delta with columns of integers, whose steps are positive, rounded towards zero to their grid.

    So it leaves neither box nor ball.
    """
    is_integer = steps > 0
    if not is_integer.any():
        return delta
    delta, step = delta.copy(), steps[is_integer]
    delta[:, is_integer] = np.trunc(delta[:, is_integer] / step * (1 + SLACK)) * step
    return delta


class BoxAndBall(NamedTuple):
    """Box of shape (n_samples, n_columns) and ball around zero that delta is in at a radius."""

    low: np.ndarray
    high: np.ndarray
    epsilon: float
    norm: str

    @property
    def zero(self):
        """The rows as they are."""
        return np.zeros_like(self.low)

    @property
    def is_empty(self):
        """Whether nothing moves."""
        return self.epsilon == 0 or not (self.low < self.high).any()

    @property
    def widths(self):
        """Widths of the box; the radius where there are no bounds."""
        with np.errstate(invalid="ignore"):
            widths = self.high - self.low
        return np.where(np.isfinite(widths), widths, self.epsilon)

    def project(self, delta):
        """The nearest point to each row."""
        return project(delta, *self)

    def take(self, rows):
        """The same for some rows."""
        return self._replace(low=self.low[rows], high=self.high[rows])
