from abc import abstractmethod
from copy import deepcopy

import numpy as np

from sklearn_irg._checks import check_real
from sklearn_irg.solvers._base import Solution, Solver, check_finite


class EpochSolver(Solver):
    """Solver that goes through minibatches, epoch by epoch.

    Subclasses define the step that one gradient makes.

    Attributes
    ----------
    decay_start : float, default=1.0
        Fraction of ``max_iter`` after which the learning rate falls linearly, to reach zero after
        the last epoch.

    See Also
    --------
    Adam, SGD : Subclasses.

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.solvers import EpochSolver
    >>> class GradientDescent(EpochSolver):
    ...     def start(self, theta):
    ...         return {}
    ...
    ...     def move(self, theta, gradient, state, learning_rate):
    ...         theta -= learning_rate * gradient
    >>> GradRegMLPClassifier(solver=GradientDescent())
    GradRegMLPClassifier(solver=GradientDescent())
    """

    decay_start = 1.0

    def check_parameters(self):
        check_real(self.decay_start, "decay_start", 0, 1)

    @abstractmethod
    def start(self, theta):
        """State before the first step: a dict of arrays and numbers."""

    @abstractmethod
    def move(self, theta, gradient, state, learning_rate):
        """One step, in place on θ and on the state."""

    def minimize(self, objective, theta, schedule, state=None):
        self.check_parameters()
        self.check_objective(objective, schedule)
        theta = np.array(theta)  # a copy, also of memory-mapped arrays
        state = (
            self.start(theta)
            if state is None
            else {name: _copied(value) for name, value in state.items()}
        )
        progress = _Progress(schedule)
        losses = []
        scores = None if schedule.validation_score is None else []
        for epoch in range(schedule.max_iter):
            with np.errstate(over="ignore", invalid="ignore"):  # seen at the end of the epoch
                current = objective.at_epoch(epoch)
                losses.append(
                    self._epoch(
                        current, theta, schedule, state, self._learning_rate(schedule, epoch)
                    )
                )
            remedy = f"learning_rate_init={schedule.learning_rate_init}"
            check_finite(losses[-1], theta, f"in epoch {epoch + 1}", remedy, state)
            if schedule.verbose:
                print(f"Iteration {epoch + 1}, loss = {losses[-1]:.8f}")
            if scores is not None:
                scores.append(schedule.validation_score(theta))
            if current is not objective:  # its values cannot be compared yet
                progress = _Progress(schedule)
            stop = progress.update(theta, losses[-1], None if scores is None else scores[-1])
            stop = bool(schedule.on_iteration and schedule.on_iteration(theta)) or stop
            if stop:
                break
        best = theta if progress.best_theta is None else progress.best_theta
        return Solution(best, epoch + 1, losses[-1], stop, losses, scores, state)

    def _learning_rate(self, schedule, epoch):
        """Learning rate of an epoch, counted from 0."""
        n_decaying = (1 - float(self.decay_start)) * schedule.max_iter
        share = min(1.0, (schedule.max_iter - epoch) / n_decaying) if n_decaying > 0 else 1.0
        return schedule.learning_rate_init * share

    def _epoch(self, objective, theta, schedule, state, learning_rate):
        """One pass through the minibatches, in place on θ and on the state.

        Returns the mean objective on the way.
        """
        total = 0.0
        n_seen = 0
        for batch in objective.minibatches(
            schedule.batch_size, schedule.shuffle, schedule.random_state
        ):
            value = self._step(objective, theta, batch, schedule.random_state, state, learning_rate)
            total += value * batch.n_samples
            n_seen += batch.n_samples
        return total / n_seen

    def _step(self, objective, theta, batch, random_state, state, learning_rate):
        """One step on a batch, in place on θ and on the state; returns the objective before it."""
        value, gradient = objective.value_and_grad(theta, batch, random_state)
        if self.move(theta, gradient, state, learning_rate) is not None:
            raise TypeError(
                f"{type(self).__name__}.move must change theta and state in place and return None."
            )
        objective.project(theta)
        return value


def _copied(value):
    """Copy in memory, also of memory-mapped arrays."""
    return np.array(value)[()] if isinstance(value, (np.ndarray, np.generic)) else deepcopy(value)


class _Progress:
    """Decides when improvement has ended.

    It is that of the validation score where there is one, else of the loss.
    """

    def __init__(self, schedule):
        self.tol = schedule.tol
        self.patience = schedule.n_iter_no_change
        self.best = -np.inf
        self.best_theta = None
        self.n_without = 0

    def update(self, theta, loss, score):
        value = -loss if score is None else score
        self.n_without = 0 if value >= self.best + self.tol else self.n_without + 1
        if value > self.best:
            self.best = value
            if score is not None:
                self.best_theta = theta.copy()
        return self.n_without > self.patience
