"""Solvers: minimise any objective, knowing nothing of networks, penalties or estimators.

An objective offers ``everything()``, ``minibatches(batch_size, shuffle, random_state)``, ``project(theta)``,
``sources_of_randomness``, ``projects``, ``bounds`` and ``value_and_grad(theta, batch, random_state)``.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar

__all__ = ["LBFGS", "SGD", "Adam", "Schedule", "Solution", "Solver", "check_solver"]


@dataclass(frozen=True)
class Schedule:
    """How long to go on, and what to do on the way.

    Parameters
    ----------
    max_iter : int
        Largest number of epochs or iterations.
    tol : float
        Smallest improvement that counts; for L-BFGS, largest gradient entry at the optimum.
    batch_size, learning_rate_init, shuffle, n_iter_no_change
        As on the estimators; L-BFGS has no use for them.
    random_state : RandomState
        For shuffling and for stochastic penalties.
    validation_score : callable, default=None
        ``validation_score(theta)``, larger is better; if given, it decides on stopping and the best θ is returned.
    on_iteration : callable, default=None
        ``on_iteration(theta)`` after each epoch or iteration; true asks to stop.
    verbose : bool, default=False
        Print the objective after each epoch or iteration.
    """

    max_iter: int
    tol: float
    random_state: np.random.RandomState
    batch_size: int = 200
    learning_rate_init: float = 0.001
    shuffle: bool = True
    n_iter_no_change: int = 10
    validation_score: Callable | None = None
    on_iteration: Callable | None = None
    verbose: bool = False


@dataclass
class Solution:
    """Where a solver arrived, and how."""

    theta: np.ndarray
    n_iter: int
    loss: float
    converged: bool
    loss_curve: list = field(default_factory=list)
    validation_scores: list | None = None
    state: dict = field(default_factory=dict)


class Solver(BaseEstimator):
    """Minimises an objective from a start θ. Its parameters are the knobs of this algorithm only."""

    @abstractmethod
    def minimize(self, objective, theta, schedule, state=None):
        """Return a `Solution`; ``state`` is that of an earlier one to continue from."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def _check_finite(loss, theta, when, remedy):
    if not (np.isfinite(loss) and np.isfinite(theta).all()):
        raise ValueError(
            f"training diverged: the objective or the parameters are not finite {when}. Standardise X, or lower {remedy}."
        )


# -- first-order, stochastic -------------------------------------------------------------------------------------------


class _StochasticSolver(Solver):
    """The one epoch loop; subclasses say how one gradient moves θ."""

    @abstractmethod
    def _start(self, theta):
        """The state before the first step, a dict of arrays and numbers."""

    @abstractmethod
    def _move(self, theta, gradient, state, learning_rate):
        """One step, in place on θ and state."""

    def minimize(self, objective, theta, schedule, state=None):
        self._check()
        theta, random_state = theta.copy(), schedule.random_state
        state = self._start(theta) if state is None else {k: np.copy(v)[()] for k, v in state.items()}
        progress, losses, scores = _Progress(schedule), [], None if schedule.validation_score is None else []
        for epoch in range(schedule.max_iter):
            total, n_seen = 0.0, 0
            for batch in objective.minibatches(schedule.batch_size, schedule.shuffle, random_state):
                value, gradient = objective.value_and_grad(theta, batch, random_state)
                self._move(theta, gradient, state, schedule.learning_rate_init)
                objective.project(theta)
                total, n_seen = total + value * len(batch.rows), n_seen + len(batch.rows)
            losses.append(total / n_seen)
            _check_finite(
                losses[-1], theta, f"in epoch {epoch + 1}", f"learning_rate_init={schedule.learning_rate_init}"
            )
            if schedule.verbose:
                print(f"Iteration {epoch + 1}, loss = {losses[-1]:.8f}")
            if scores is not None:
                scores.append(schedule.validation_score(theta))
            stop = progress.update(theta, losses[-1], None if scores is None else scores[-1])
            if (schedule.on_iteration and schedule.on_iteration(theta)) or stop:
                break
        best = theta if progress.best_theta is None else progress.best_theta
        return Solution(best, epoch + 1, losses[-1], stop or schedule.max_iter == 1, losses, scores, state)

    def _check(self):
        for name, value in self.get_params().items():
            if isinstance(value, bool):
                continue
            high = None if name == "epsilon" else 1
            check_scalar(value, name, (int, float, np.number), min_val=0, max_val=high, include_boundaries="left")


class _Progress:
    """Decides when improvement has ended: of the validation score where there is one, else of the loss."""

    def __init__(self, schedule):
        self.tol, self.patience = schedule.tol, schedule.n_iter_no_change
        self.best, self.best_theta, self.n_without = -np.inf, None, 0

    def update(self, theta, loss, score):
        value = -loss if score is None else score
        self.n_without = 0 if value >= self.best + self.tol else self.n_without + 1
        if value > self.best:
            self.best = value
            if score is not None:
                self.best_theta = theta.copy()
        return self.n_without > self.patience


class Adam(_StochasticSolver):
    """Adaptive moments.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the running means of the gradient and its square, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root of the second moment.

    References
    ----------
    .. [1] Kingma and Ba (2015), "Adam: a method for stochastic optimization".

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.solvers import Adam
    >>> GradRegMLPClassifier(solver=Adam(beta_1=0.8))
    GradRegMLPClassifier(solver=Adam(beta_1=0.8))
    """

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _start(self, theta):
        return {"mean": np.zeros_like(theta), "square": np.zeros_like(theta), "n_steps": 0}

    def _move(self, theta, gradient, state, learning_rate):
        state["n_steps"] += 1
        b1, b2, mean, square = float(self.beta_1), float(self.beta_2), state["mean"], state["square"]
        mean *= b1
        step = (1 - b1) * gradient
        mean += step
        square *= b2
        np.multiply(gradient, gradient, out=step)
        step *= 1 - b2
        square += step
        np.sqrt(square, out=step)
        step += float(self.epsilon)
        np.divide(mean, step, out=step)
        step *= learning_rate * np.sqrt(1 - b2 ** state["n_steps"]).item() / (1 - b1 ** state["n_steps"])
        theta -= step


class SGD(_StochasticSolver):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    momentum : float, default=0.9
        Decay of the velocity, in [0, 1).
    nesterovs_momentum : bool, default=True
        Look ahead along the velocity.

    Examples
    --------
    >>> from sklearn_irg.solvers import SGD
    >>> SGD(momentum=0.5)
    SGD(momentum=0.5)
    """

    def __init__(self, momentum=0.9, nesterovs_momentum=True):
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum

    def _start(self, theta):
        return {"velocity": np.zeros_like(theta)}

    def _move(self, theta, gradient, state, learning_rate):
        velocity, momentum = state["velocity"], float(self.momentum)
        step = learning_rate * gradient
        velocity *= momentum
        velocity -= step
        if self.nesterovs_momentum:
            theta += momentum * velocity
            theta -= step
        else:
            theta += velocity


# -- quasi-Newton ------------------------------------------------------------------------------------------------------


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
        for name in objective.sources_of_randomness:
            raise ValueError(
                f'LBFGS needs a deterministic objective, but {name} draws random numbers. Use solver="adam".'
            )
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
        _check_finite(result.fun, result.x, f"after {result.nit} iterations", "alpha")
        stopped = result.status == 99  # asked to by on_iteration
        # status 2 is a line search that rounding errors keep from improving: an optimum, as far as the precision goes
        return Solution(
            result.x.astype(dtype), int(result.nit), float(result.fun), result.status in (0, 2) or stopped, losses
        )


_BY_NAME = {"adam": Adam, "lbfgs": LBFGS, "sgd": SGD}


def check_solver(solver):
    """The solver object meant by a name or an object.

    Parameters
    ----------
    solver : {"adam", "lbfgs", "sgd"} or Solver

    Returns
    -------
    solver : Solver

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> from sklearn_irg.solvers import check_solver
    >>> check_solver("adam")
    Adam()
    """
    if isinstance(solver, Solver):
        return solver
    if isinstance(solver, str) and solver in _BY_NAME:
        return _BY_NAME[solver]()
    names = ", ".join(map(repr, sorted(_BY_NAME)))
    raise ValueError(f"solver must be one of {names}, or a Solver such as Adam(beta_1=0.8); got {solver!r}.")
