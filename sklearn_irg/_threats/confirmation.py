"""Confirmation of points that were found by the estimator's own ``predict``.

It computes in its own precision and with all steps.
"""

import numpy as np

from sklearn_irg._perturbations.projection import project

__all__ = ["confirmed_by_predict"]

# each four times as far as the one before: from 1e-7 of a number, the precision of single floats,
# to 1e-4; needed by none of the networks on three tables
_N_TRIALS = 6


def confirmed_by_predict(problem, delta, codes, epsilon, among=None):
    """Points that were found, and whether the estimator misclassifies them.

    Points that rounding left on the wrong side of the boundary are moved on a little.

    Parameters
    ----------
    problem : AttackProblem
        Rows.
    delta : ndarray of shape (n_samples, n_columns)
        Perturbations of the numbers, in units of scale.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Levels.
    epsilon : float
        Radius of the ball that points stay in.
    among : ndarray of bool of shape (n_samples,), default=None
        Rows whose points are to be misclassified; ``None`` means all.

    Returns
    -------
    delta : ndarray of shape (n_samples, n_columns)
        Points.
    confirmed : ndarray of bool of shape (n_samples,)
        Whether another class than the row's label is predicted.
    """
    delta = delta.copy()
    confirmed = problem.misclassifies(delta, codes)
    wanted = ~confirmed if among is None else ~confirmed & among
    for power in range(_N_TRIALS):
        rows = np.flatnonzero(wanted & ~confirmed & (delta != 0).any(axis=1))
        if not len(rows):
            break
        some = problem.take(rows)
        further = _further(
            some.perturbations, delta[rows], epsilon, 4.0**power * np.finfo(np.float32).eps
        )
        now = some.misclassifies(further, codes[rows])
        confirmed[rows] = now
        delta[rows[now]] = further[now]
    return delta, confirmed


def _further(arrays, delta, epsilon, share):
    """Points moved on by a fraction of their numbers, as far as the set allows."""
    low, high = arrays.box(epsilon)
    step = (
        np.sign(delta) * share * (np.abs(arrays.numbers) / arrays.scales + 1) * (arrays.steps == 0)
    )
    return project(delta + step, low, high, epsilon, arrays.norm) * (delta != 0)
