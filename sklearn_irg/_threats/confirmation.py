"""Points that were found, tried with the estimator's own ``predict``: in its precision, with all its steps."""

import numpy as np

from sklearn_irg._threats.reach import project

__all__ = ["confirmed_by_predict"]

_N_TRIALS = 6


def confirmed_by_predict(problem, units, codes, epsilon, among=None):
    """Points, moved on a little where rounding left them on the wrong side, and whether the estimator misclassifies them.

    Parameters
    ----------
    problem : RowsUnderAttack
        Rows.
    units : ndarray of shape (n_samples, n_columns)
        How far numbers have moved.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Levels.
    epsilon : float
        Radius of the ball that points stay in.
    among : ndarray of bool of shape (n_samples,), default=None
        Rows whose points are to be misclassified; ``None`` means all.

    Returns
    -------
    units : ndarray of shape (n_samples, n_columns)
        Points.
    confirmed : ndarray of bool of shape (n_samples,)
        Whether another class than the row's is predicted.
    """
    units = units.copy()
    confirmed = problem.misclassifies(units, codes)
    wanted = ~confirmed if among is None else ~confirmed & among
    for power in range(_N_TRIALS):
        rows = np.flatnonzero(wanted & ~confirmed & (units != 0).any(axis=1))
        if not len(rows):
            break
        some = problem.take(rows)
        further = _further(some.reach, units[rows], epsilon, 4.0**power * np.finfo(np.float32).eps)
        now = some.misclassifies(further, codes[rows])
        confirmed[rows] = now
        units[rows[now]] = further[now]
    return units, confirmed


def _further(reach, units, epsilon, share):
    """Points that have gone further by a share of their numbers, as far as they may."""
    low, high = reach.box(epsilon)
    step = np.sign(units) * share * (np.abs(reach.numbers) / reach.scales + 1) * (reach.steps == 0)
    return project(units + step, low, high, epsilon, reach.norm) * (units != 0)
