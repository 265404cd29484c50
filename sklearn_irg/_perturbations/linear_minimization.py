"""The smallest value of a linear function of delta over the box and the ball around each row."""

import numpy as np

from sklearn_irg._perturbations.projection import ANYWHERE, BUDGET, GRID
from sklearn_irg._perturbations.sizes_in_ball import NEGLIGIBLE, sizes_in_l2_ball

__all__ = ["linear_minimization"]


def linear_minimization(gradients, low, high, steps, epsilon, norm):
    """Points that minimize ⟨gradient, delta⟩, and a lower bound on what any point reaches.

    Parameters
    ----------
    gradients : ndarray of shape (n_samples, n_columns)
        Of the function.
    low, high : ndarray of shape (n_samples, n_columns)
        Box of each row, which holds zero, with integers on their grid.
    steps : ndarray of shape (n_columns,)
        Grid of integers; zero for others.
    epsilon : float or ndarray of shape (n_samples,)
        Radius of the ball.
    norm : {"l2", "linf", "l1"}
        Its norm.

    Returns
    -------
    delta : ndarray of shape (n_samples, n_columns)
        Points of box, ball and grid. They reach the bound except where the ball limits several
        integers.
    bound : ndarray of shape (n_samples,)
        Minimum with integers allowed to be fractions.
    """
    gradients = np.asfortranarray(gradients)  # what is done runs along rows: columns are few
    slopes = np.abs(gradients)
    room = np.abs(np.where(gradients > 0, low, high))  # how far each may go downhill
    room *= slopes > 0
    radii = np.broadcast_to(np.float64(epsilon), len(slopes))
    sizes = room if norm == "linf" else _fill(slopes, room, radii, norm)
    bound = -_sums(slopes * sizes)
    if norm != "linf" and (steps > 0).any():
        sizes = _on_grid(slopes, room, sizes, steps, radii, norm)
    return np.copysign(sizes, -gradients), bound


def _fill(slopes, room, radii, norm):
    """Sizes that go furthest downhill within the radius of each row."""
    if slopes.shape[1] < 2:  # where all norms are the same
        return np.minimum(room, radii[:, None])
    slopes = slopes * (
        room > 0
    )  # a column that cannot move says nothing of how steep the others are
    steepest = slopes.max(axis=1)
    # for the unit ball, so that nothing overflows
    slopes = (slopes.T / np.where(steepest > 0, steepest, 1)).T
    room = np.minimum(room.T / np.where(radii > 0, radii, 1), 1).T
    room *= slopes > NEGLIGIBLE
    in_unit_ball = (
        sizes_in_l2_ball(slopes, room, np.ones(len(room)))
        if norm == "l2"
        else _steepest_first(slopes, room)
    )
    return (in_unit_ball.T * radii).T


def _steepest_first(slopes, room):
    """Sizes that use up the L1 ball on the steepest columns first."""
    order = (-slopes).argsort(axis=1, kind="stable")
    end = np.take_along_axis(room, order, axis=1)
    left = np.maximum(1 - (np.cumsum(end, axis=1) - end), 0)
    sizes = np.empty(slopes.shape)
    np.put_along_axis(sizes, order, np.minimum(end, left), axis=1)
    return sizes


def _on_grid(slopes, room, sizes, steps, radii, norm):
    """Sizes with integers on their grid: rounded down, then up by a step while the ball allows.

    The steepest go first, and continuous columns fill the rest. Where the ball is filled better
    if no integer goes up, none does.
    """
    whole, continuous = np.flatnonzero(steps > 0), np.flatnonzero(steps == 0)
    power, budget = (
        (2, np.minimum(radii, ANYWHERE) ** 2) if norm == "l2" else (1, radii)
    )  # squares do not overflow
    step = steps[whole, None]
    down = np.floor(sizes.T[whole] / step + GRID) * step
    up = np.where(
        _fits(slopes.T[whole], room.T[whole], down, step, power, budget), down + step, down
    )
    found = np.empty((slopes.shape[1], 2, len(slopes)))  # by column, way and row
    found[whole, 0], found[whole, 1] = down, up
    if len(continuous):
        left = np.maximum(budget - (found[whole] ** power).sum(axis=0), 0).ravel() ** (1 / power)
        twice = [np.concatenate([a[:, continuous]] * 2) for a in (slopes, room)]
        found[continuous] = _fill(*twice, left, norm).T.reshape(len(continuous), 2, -1)
    gains = (slopes.T[:, None] * found).sum(axis=0)
    return np.where(gains[1] > gains[0], found[:, 1], found[:, 0]).T


def _fits(slopes, room, down, step, power, budget):
    """Whether each integer goes up by a step, shape (n_columns, n_samples), the steepest first."""
    gains, up = slopes * step, down + step
    costs, may = up**power - down**power, (gains > 0) & (up <= room + GRID)
    order = (-gains).argsort(axis=0, kind="stable")
    costs, may = (np.take_along_axis(a, order, axis=0) for a in (costs, may))
    left = budget * BUDGET - (down**power).sum(axis=0)
    for cost, fits in zip(costs, may, strict=True):
        fits &= cost <= left
        left -= fits * cost
    fits = np.empty_like(may)
    np.put_along_axis(fits, order, may, axis=0)
    return fits


def _sums(columns):
    return columns @ np.ones(columns.shape[1])
