import numpy as np
from scipy.optimize import minimize

from sklearn_irg.solvers._base import Solution, Solver, check_finite


class LBFGS(Solver):
    """Limited-memory BFGS on all rows at once, through scipy; needs a deterministic objective.

    Parameters
    ----------
    max_fun : int, default=15000
        Largest number of evaluations of the objective.
    history_size : int, default=10
        Number of past steps that approximate the Hessian.

    Raises
    ------
    ValueError
        If a penalty draws random numbers.

    Examples
    --------
    >>> from sklearn_irg.solvers import LBFGS
    >>> LBFGS(history_size=20)
    LBFGS(history_size=20)
    """

    def __init__(self, max_fun=15000, history_size=10):
        self.max_fun = max_fun
        self.history_size = history_size

    def minimize(self, objective, theta, schedule, state=None):
        del state
        for obstacle in objective.obstacles_to_line_search:
            raise ValueError(f'LBFGS needs a deterministic objective, but {obstacle}. Use solver="adam".')
        if objective.projects:
            raise ValueError('LBFGS cannot project onto a constraint between its steps. Use solver="adam".')
        if schedule.validation_score is not None:
            raise ValueError('LBFGS has no epochs to stop early at. Use early_stopping=False, or solver="adam".')
        batch, dtype, losses = objective.everything(), theta.dtype, []

        def value_and_grad(theta):
            value, gradient = objective.value_and_grad(theta.astype(dtype, copy=False), batch)
            return value, gradient.astype(np.float64, copy=False)

        def after_iteration(intermediate_result):
            losses.append(float(intermediate_result.fun))
            if schedule.verbose:
                print(f"Iteration {len(losses)}, loss = {losses[-1]:.8f}")
            theta = intermediate_result.x.astype(dtype)
            if schedule.on_iteration and schedule.on_iteration(theta):
                raise StopIteration

        # gtol, ftol and maxls as in scikit-learn's LogisticRegression
        result = minimize(
            value_and_grad,
            theta.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            bounds=objective.bounds,
            callback=after_iteration,
            options={
                "maxiter": schedule.max_iter,
                "maxfun": self.max_fun,
                "maxcor": self.history_size,
                "gtol": schedule.tol,
                "ftol": 64 * np.finfo(np.float64).eps,
                "maxls": 50,
            },
        )
        check_finite(result.fun, result.x, f"after {result.nit} iterations", "alpha")
        stopped = result.status == 99  # asked to by on_iteration
        # status 2 is a line search that rounding errors keep from improving: an optimum, as far as the precision goes
        return Solution(
            result.x.astype(dtype), int(result.nit), float(result.fun), result.status in (0, 2) or stopped, losses
        )
