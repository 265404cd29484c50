from abc import abstractmethod

import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg.solvers._base import Solution, Solver, check_finite


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
        state = self._start(theta) if state is None else {k: np.copy(v)[()] for k, v in state.items() if k != "solver"}
        progress, losses, scores = _Progress(schedule), [], None if schedule.validation_score is None else []
        for epoch in range(schedule.max_iter):
            total, n_seen = 0.0, 0
            for batch in objective.minibatches(schedule.batch_size, schedule.shuffle, random_state):
                value, gradient = objective.value_and_grad(theta, batch, random_state)
                self._move(theta, gradient, state, schedule.learning_rate_init)
                objective.project(theta)
                total, n_seen = total + value * len(batch.rows), n_seen + len(batch.rows)
            losses.append(total / n_seen)
            check_finite(
                losses[-1], theta, f"in epoch {epoch + 1}", f"learning_rate_init={schedule.learning_rate_init}"
            )
            if schedule.verbose:
                print(f"Iteration {epoch + 1}, loss = {losses[-1]:.8f}")
            if scores is not None:
                scores.append(schedule.validation_score(theta))
            stop = progress.update(theta, losses[-1], None if scores is None else scores[-1])
            stop = bool(schedule.on_iteration and schedule.on_iteration(theta)) or stop
            if stop:
                break
        best = theta if progress.best_theta is None else progress.best_theta
        return Solution(best, epoch + 1, losses[-1], stop, losses, scores, state)

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
