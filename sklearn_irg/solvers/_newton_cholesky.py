from dataclasses import replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.solvers._base import Solution, Solver
from sklearn_irg.solvers._lbfgs import LBFGS

_DECREASE = 1e-4  # least share of the decrease that the slope promises, as of Nocedal and Wright
_TRIALS = 20  # halvings of a step, until it is a millionth of Newton's
# The first shift of a Hessian that is not positive, as a share of its largest diagonal entry, and
# the factor to the next: a thousandth is far above rounding errors and below most curvatures.
_SHIFT, _GROWTH = 1e-3, 10.0


class NewtonCholesky(Solver):
    """Newton's method, with a Cholesky factor of the Hessian; for two classes and few columns.

    It pays where rows are many and columns few, or both are few: a step forms the Hessian, which
    takes as long as some ``n_features`` evaluations of the gradient, and there are about ten of
    them. Squared residuals are not convex, so the Hessian is shifted until it has a factor; where
    no shorter step decreases the objective, `LBFGS` goes on from there.

    Raises
    ------
    ValueError
        If the model has hidden layers, more than one output or a constraint, or if the loss or a
        penalty has no second derivatives here: those have that are made of the log loss, weight
        decay and squared input gradients.

    References
    ----------
    .. [1] Nocedal and Wright (2006), "Numerical optimization", section 3.4.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GradRegLogisticRegression(alpha=0.01, solver="newton-cholesky")
    >>> model.fit(scale(X), y).n_iter_.item()
    7
    """

    has_epochs = False
    needs_determinism = True
    takes_projections = False

    def check_objective(self, objective, schedule):
        super().check_objective(objective, schedule)
        for obstacle in objective.obstacles_to_hessian:
            raise InvalidParameterError(
                f"{type(self).__name__} needs second derivatives, but {obstacle}. Use "
                'solver="lbfgs".'
            )

    def minimize(self, objective, theta, schedule, state=None):
        del state
        self.check_objective(objective, schedule)
        function, dtype = objective.hessian_on_all_rows(), theta.dtype
        losses = []
        with np.errstate(over="ignore", invalid="ignore"):  # a step too far is seen by its value
            point = _Point(function, theta)
            while point.gradient_size > schedule.tol and len(losses) < schedule.max_iter:
                following = _following(function, point)
                if following is None:
                    return _finished(objective, point.theta.astype(dtype), schedule, losses)
                point = following
                losses.append(point.value)
                if schedule.verbose:
                    print(f"Iteration {len(losses)}, loss = {losses[-1]:.8f}")
                if schedule.on_iteration and schedule.on_iteration(point.theta.astype(dtype)):
                    return Solution(point.theta, len(losses), point.value, True, losses)
        converged = point.gradient_size <= schedule.tol
        return Solution(point.theta, len(losses), point.value, converged, losses)


class _Point:
    """Parameters, with the objective's value and derivatives there."""

    def __init__(self, function, theta):
        self.theta = theta
        self.value, self.gradient, self.hessian = function(theta)
        self.gradient_size = float(np.abs(self.gradient).max())


def _following(function, point):
    """Point after a step of Newton's method, or None where no step decreases the objective."""
    direction = _direction(point)
    if direction is None:
        return None
    slope, length = direction @ point.gradient, 1.0
    for _ in range(_TRIALS):
        trial = _Point(function, (point.theta + length * direction).astype(point.theta.dtype))
        if trial.value <= point.value + _DECREASE * length * slope and trial.value < point.value:
            return trial
        length /= 2
    return None


def _direction(point):
    """Minus the inverse of the Hessian, shifted until it is positive, times the gradient.

    None where there is no curvature to go by, or it has overflowed.
    """
    hessian, largest = point.hessian, np.abs(np.diag(point.hessian)).max()
    if not (largest > 0 and np.isfinite(hessian).all()):
        return None
    identity, shift = np.eye(len(hessian), dtype=hessian.dtype), 0.0
    while np.isfinite(shift):
        try:
            return -cho_solve(cho_factor(hessian + shift * identity), point.gradient)
        except LinAlgError:
            shift = max(_SHIFT * largest, _GROWTH * shift)
    return None


def _finished(objective, theta, schedule, losses):
    """The rest of a descent, by `LBFGS`, which also tells rounding errors from failure."""
    solution = LBFGS().minimize(
        objective, theta, replace(schedule, max_iter=max(1, schedule.max_iter - len(losses)))
    )
    return replace(
        solution,
        n_iter=len(losses) + solution.n_iter,
        loss_curve=losses + solution.loss_curve,
    )
