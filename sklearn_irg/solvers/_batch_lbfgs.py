"""L-BFGS on a batch of problems, evaluated together.

It is faster where evaluating several costs little more than evaluating one.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

# Sufficient decrease and curvature of the weak Wolfe conditions, the usual values of Nocedal and
# Wright (2006), and largest number of trials of one line search.
_DECREASE, _CURVATURE, _TRIALS = 1e-4, 0.9, 30


class MinimizationResult(NamedTuple):
    """Parameters, value and largest entry of the gradient at the end, and values on the way."""

    theta: np.ndarray
    value: float
    gradient_size: float
    values: list


def minimize_batch(function, thetas, **options):
    """Minimize several functions, each with its own line search.

    Parameters
    ----------
    function : callable
        ``function(thetas, problems)`` gives values (n,) and gradients (n, n_parameters) of some of
        the problems, which are named by their positions.
    thetas : ndarray of shape (n_problems, n_parameters)
        Where to start.
    **options
        Of each descent: ``tol``, the largest entry of the gradient at an optimum; ``ftol``, the
        smallest relative decrease that is no rounding; ``max_iter``, ``max_fun`` and
        ``history_size`` as in L-BFGS.

    Returns
    -------
    results : list of MinimizationResult
        One for each problem.
    """
    descents = [_descent(theta, **options) for theta in thetas]
    trials = {problem: next(descent) for problem, descent in enumerate(descents)}
    results = [None] * len(descents)
    while trials:
        problems = list(trials)
        values, gradients = function(
            np.array([trials[problem] for problem in problems]), np.array(problems)
        )
        for problem, value, gradient in zip(problems, values, gradients, strict=True):
            try:
                trials[problem] = descents[problem].send((float(value), gradient))
            except StopIteration as stop:
                results[problem] = stop.value
                del trials[problem]
    return results


def _descent(theta, *, tol, ftol, max_iter, max_fun, history_size):
    """One descent as a generator, which returns an `MinimizationResult`.

    It yields parameters, and is sent the value and gradient there.
    """
    value, gradient = yield theta
    values, n_evaluations, history = [], 1, deque(maxlen=history_size)
    while np.abs(gradient).max() > tol and len(values) < max_iter and n_evaluations < max_fun:
        direction = _direction(gradient, history)
        slope = direction @ gradient
        if not slope < 0:
            break
        length = 1.0 if history else min(1.0, 1 / np.abs(gradient).sum())
        short, long = 0.0, np.inf
        for _ in range(_TRIALS):
            trial = theta + length * direction
            trial_value, trial_gradient = yield trial
            n_evaluations += 1
            if not trial_value <= value + _DECREASE * length * slope:
                long = length
            elif trial_gradient @ direction < _CURVATURE * slope:
                short = length
            else:
                break
            length = 2 * short if long == np.inf else (short + long) / 2
        else:
            break
        history.append(_pair(trial - theta, trial_gradient - gradient))
        decrease = (value - trial_value) / max(abs(value), abs(trial_value), 1)
        theta, value, gradient = trial, trial_value, trial_gradient
        values.append(value)
        if decrease <= ftol:
            break
    return MinimizationResult(theta, value, float(np.abs(gradient).max()), values)


def _pair(step, change):
    return step, change, 1 / (step @ change)


def _direction(gradient, history):
    """Direction of descent: minus the inverse Hessian of L-BFGS times the gradient.

    This is algorithm 7.4 of Nocedal and Wright (2006).
    """
    direction, factors = -gradient, []
    for step, change, inverse in reversed(history):
        factors.append(inverse * (step @ direction))
        direction -= factors[-1] * change
    if history:
        _, change, inverse = history[-1]
        direction /= inverse * (change @ change)
    for step, change, inverse in history:
        direction += (factors.pop() - inverse * (change @ direction)) * step
    return direction
