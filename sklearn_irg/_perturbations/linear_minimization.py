"""The smallest value of a linear function of delta over the box and the ball around each row."""

import numpy as np

from sklearn_irg._perturbations.sizes_in_ball import sizes_in_l2_ball

__all__ = ["linear_minimization"]


def linear_minimization(gradients, low, high, steps, epsilon, norm):
    """Points that minimise ⟨gradient, delta⟩, and a lower bound on what any point reaches.

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
        Points of box, ball and grid. They reach the bound except where the ball limits several integers.
    bound : ndarray of shape (n_samples,)
        Minimum with integers allowed to be fractions.
    """
    signs = -np.sign(gradients)
    room = np.where(gradients > 0, -low, high) * (gradients != 0)  # how far each may go downhill
    slopes = np.abs(gradients)
    sizes = room if norm == "linf" else _fill(slopes, room, np.broadcast_to(np.float64(epsilon), len(slopes)), norm)
    bound = -(slopes * sizes).sum(axis=1)
    whole = steps > 0
    if norm != "linf" and whole.any():
        sizes = _on_grid(slopes, room, sizes, steps, epsilon, norm)
    return signs * sizes, bound


def _fill(slopes, room, radii, norm):
    """Sizes that go furthest downhill within a radius of each row's own."""
    if not slopes.shape[1]:
        return np.zeros_like(slopes)
    radii = radii[:, None]
    steepest = slopes.max(axis=1, keepdims=True)
    # for the unit ball, so that nothing overflows
    slopes = slopes / np.where(steepest > 0, steepest, 1)
    room = np.minimum(room / np.where(radii > 0, radii, 1), 1) * (slopes > 0)
    in_unit_ball = sizes_in_l2_ball(slopes, room, np.ones(len(room))) if norm == "l2" else _steepest_first(slopes, room)
    return in_unit_ball * radii


def _steepest_first(slopes, room):
    """Sizes that use up the L1 ball on the steepest columns first."""
    order = (-slopes).argsort(axis=1, kind="stable")
    end = np.take_along_axis(room, order, axis=1)
    left = np.maximum(1 - (np.cumsum(end, axis=1) - end), 0)
    sizes = np.empty_like(slopes)
    np.put_along_axis(sizes, order, np.minimum(end, left), axis=1)
    return sizes


def _on_grid(slopes, room, sizes, steps, epsilon, norm):
    """Integers rounded down, then up again by a step, steepest first, while the ball allows; the rest fills it."""
    whole = np.flatnonzero(steps > 0)
    on_grid = np.where(steps > 0, 0, sizes)
    step = steps[whole]
    on_grid[:, whole] = np.floor(sizes[:, whole] / step + 1e-9) * step
    power = 2 if norm == "l2" else 1
    used = (on_grid[:, whole] ** power).sum(axis=1)
    budget = np.minimum(epsilon, 1e150) ** power  # squares do not overflow
    gains = slopes[:, whole] * step
    rows = np.arange(len(slopes))
    fuller = on_grid.copy()
    for k in (-gains).argsort(axis=1, kind="stable").T:
        now = fuller[rows, whole[k]]
        more = now + step[k]
        cost = more**power - now**power
        fits = (gains[rows, k] > 0) & (more <= room[rows, whole[k]] + 1e-9) & (used + cost <= budget * (1 + 1e-12))
        fuller[rows, whole[k]] = np.where(fits, more, now)
        used = used + np.where(fits, cost, 0)
    continuous = steps == 0
    for sizes in (on_grid, fuller):
        left = np.maximum(budget - (sizes[:, whole] ** power).sum(axis=1), 0)
        sizes[:, continuous] = _fill(slopes[:, continuous], room[:, continuous], left ** (1 / power), norm)
    is_better = (slopes * fuller).sum(axis=1) > (slopes * on_grid).sum(axis=1)
    return np.where(is_better[:, None], fuller, on_grid)
