import numpy as np
from scipy.optimize import minimize

from sklearn_irg._checks import check_integer
from sklearn_irg.solvers._base import Solution, Solver, check_finite
from sklearn_irg.solvers._batch_lbfgs import minimize_batch

# Where rounding errors end the line search, a run counts as converged if no entry of the gradient
# exceeds this multiple of tol.
_SLACK = 10
# Relative improvements that end a run: the size of rounding errors, as in scikit-learn's
# LogisticRegression, and that where a line search goes back and forth across a kink.
_ROUNDING, _STALL = 64 * np.finfo(np.float64).eps, 1e-6
# Then kinks are rounded off, less and less; see ``Term.smoothed``.
_SHARPNESS = (2.0**8, 2.0**12, 2.0**16)
_STACK_BYTES = 2**28  # of past steps of all models that are minimized together; bounds their number


class LBFGS(Solver):
    """Limited-memory BFGS on all rows at once, through scipy; needs a deterministic objective.

    It has converged when no entry of the gradient, projected on the bounds, exceeds ``tol``; or ten
    times ``tol`` where rounding errors let the line search go no further. At a kink the gradient is
    that of the objective with its kinks rounded off, which is a subgradient up to that rounding.

    Parameters
    ----------
    max_fun : int, default=15000
        Largest number of evaluations of the objective.
    history_size : int, default=10
        Number of past steps that approximate the Hessian, at most 10000.

    Raises
    ------
    ValueError
        If a parameter is out of range, a term draws random numbers, or a constraint projects.

    Examples
    --------
    >>> from sklearn_irg.solvers import LBFGS
    >>> LBFGS(history_size=20)
    LBFGS(history_size=20)
    """

    has_epochs = False
    needs_determinism = True
    takes_projections = False
    takes_bounds = True

    def __init__(self, max_fun=15000, history_size=10):
        self.max_fun = max_fun
        self.history_size = history_size

    def check_parameters(self):
        check_integer(self.max_fun, "max_fun", 1)
        check_integer(self.history_size, "history_size", 1, 10_000)

    def minimize(self, objective, theta, schedule, state=None):
        del state
        self.check_parameters()
        self.check_objective(objective, schedule)
        descent = _Descent(
            self, objective.bounded() if self.takes_bounds else objective, theta, schedule
        )
        with np.errstate(over="ignore", invalid="ignore"):  # a step too far is seen by its value
            descent.run_to_the_end(_SHARPNESS)
            while not descent.is_used_up and descent.is_released_from_bounds():
                descent.run_to_the_end(_SHARPNESS[-1:])
            return descent.solution()

    @property
    def minimizes_stacks(self):
        """Whether `minimize` is not that of a subclass."""
        return type(self).minimize is LBFGS.minimize

    def minimize_stack(self, stack, thetas, schedule):
        dtype = thetas.dtype

        def function(thetas, models):
            values, gradients = stack.values_and_gradients(thetas.astype(dtype, copy=False), models)
            return values, gradients.astype(np.float64, copy=False)

        batch_size = max(1, _STACK_BYTES // (16 * int(self.history_size) * thetas.shape[1]))
        results = []
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(thetas), batch_size):
                results += minimize_batch(
                    lambda thetas, models, start=start: function(thetas, start + models),
                    thetas[start : start + batch_size].astype(np.float64),
                    tol=schedule.tol,
                    ftol=_ROUNDING,
                    max_iter=schedule.max_iter,
                    max_fun=int(self.max_fun),
                    history_size=int(self.history_size),
                )
        return [
            Solution(
                result.theta.astype(dtype),
                len(result.values),
                result.value,
                result.gradient_size
                <= (1 if len(result.values) >= schedule.max_iter else _SLACK) * schedule.tol,
                result.values,
            )
            for result in results
        ]


class _Descent:
    """One minimization, in one or more runs of scipy's algorithm that share a budget."""

    def __init__(self, solver, objective, theta, schedule):
        self.solver = solver
        self.objective = objective
        self.schedule = schedule
        self.dtype = theta.dtype
        self.function = objective.on_all_rows()
        self.theta = self._from_network(theta)
        self.losses = []
        self.n_evaluations = 0
        self.result = None
        self.gradient_size = np.inf  # of the objective itself, and with its kinks rounded off
        self.smooth_gradient_size = np.inf
        self.pull = 0.0  # largest rate of descent of a parameter that could leave its bound
        self.released_at = np.inf

    def _from_network(self, theta):
        return self.objective.from_network(theta, self.schedule.tol).astype(np.float64)

    def _value_and_grad(self, theta, function):
        value, gradient = function(theta.astype(self.dtype, copy=False))
        return value, gradient.astype(np.float64, copy=False)

    def run_to_the_end(self, sharpness):
        """Minimize the objective, then forms of it with its kinks rounded off.

        From one form to the next kinks are rounded off less.
        """
        has_kinks = self.objective.has_kinks
        self.run(self.objective, _STALL if has_kinks else _ROUNDING)
        for value in sharpness if has_kinks else ():
            if self.is_used_up or self.gradient_size <= self.schedule.tol:
                break
            self.run(self.objective.smoothed(value), _ROUNDING)

    def is_released_from_bounds(self):
        """Recompute the bounded parameters, and return whether one at a bound can leave it.

        At the end of the last run it could not.
        """
        if self.objective.bounds is None:
            return False
        self.theta = self._from_network(self.objective.to_network(self.theta))
        value, gradient = self._value_and_grad(self.theta, self.function)
        self.result.fun = value
        at_bound = self.theta == np.array(
            [-np.inf if low is None else low for low, _ in self.objective.bounds]
        )
        self.pull = float(-gradient[at_bound].min(initial=0.0))
        progressed, self.released_at = value < self.released_at, value
        return self.pull > self.schedule.tol and progressed

    def run(self, objective, ftol):
        """Minimize the objective, or a form of it, from where the last run ended."""
        is_original = objective is self.objective
        function = self.function if is_original else objective.on_all_rows()
        self.result = minimize(
            self._value_and_grad,
            self.theta,
            args=(function,),
            jac=True,
            method="L-BFGS-B",
            bounds=objective.bounds,
            callback=self._after_iteration,
            options={
                "maxiter": self.schedule.max_iter - len(self.losses),
                "maxfun": int(self.solver.max_fun) - self.n_evaluations,
                "maxcor": int(self.solver.history_size),
                "gtol": self.schedule.tol,
                "ftol": ftol,
                "maxls": 50,  # as in scikit-learn's LogisticRegression
            },
        )
        self.theta = self.result.x
        self.n_evaluations += self.result.nfev
        gradient = self.result.jac
        if self.result.status != 0:
            # after a failed line search scipy's last value need not be that at its last point
            self.result.fun, gradient = self._value_and_grad(self.theta, function)
        self.gradient_size = self.smooth_gradient_size = self._size(gradient)
        if not is_original:
            self.result.fun, gradient = self._value_and_grad(self.theta, self.function)
            self.gradient_size = self._size(gradient)

    def _after_iteration(self, intermediate_result):
        self.losses.append(float(intermediate_result.fun))
        if self.schedule.verbose:
            print(f"Iteration {len(self.losses)}, loss = {self.losses[-1]:.8f}")
        theta = self.objective.to_network(intermediate_result.x.astype(self.dtype))
        if self.schedule.on_iteration and self.schedule.on_iteration(theta):
            raise StopIteration

    def _size(self, gradient):
        """Largest entry of a gradient, without the part that points out of the bounds."""
        if self.objective.bounds is not None:
            low = np.array([-np.inf if low is None else low for low, _ in self.objective.bounds])
            high = np.array([np.inf if high is None else high for _, high in self.objective.bounds])
            gradient = self.theta - np.clip(self.theta - gradient, low, high)
        return float(np.abs(gradient).max())

    @property
    def was_asked_to_stop(self):
        return self.result.status == 99

    @property
    def is_used_up(self):
        return (
            self.was_asked_to_stop
            or len(self.losses) >= self.schedule.max_iter
            or self.n_evaluations >= self.solver.max_fun
        )

    def solution(self):
        theta = self.theta.astype(self.dtype)
        loss = float(self.result.fun)
        check_finite(loss, theta, f"after {len(self.losses)} iterations", "alpha")
        # an optimum of a smoothed objective counts only if that is the sharpest one, which ends
        # before it is used up
        smallest = (
            self.gradient_size
            if self.is_used_up
            else min(self.gradient_size, self.smooth_gradient_size)
        )
        largest = max(smallest, self.pull)
        slack = 1 if self.is_used_up else _SLACK
        converged = self.was_asked_to_stop or largest <= slack * self.schedule.tol
        reason = ""
        if not (converged or self.is_used_up):
            reason = (
                f"no smaller value was found although the gradient has an entry of {largest:.2g}, "
                f"where tol is {self.schedule.tol:g}"
            )
        return Solution(
            self.objective.to_network(theta),
            len(self.losses),
            loss,
            converged,
            self.losses,
            reason=reason,
        )
