from abc import abstractmethod
from copy import deepcopy
from dataclasses import replace

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
    moves_entries : bool, default=False
        Whether `start` and `move` treat each entry of θ by itself, so that several models can be
        moved as the rows of one matrix, for which arrays of the state have its shape. It is not
        inherited: a subclass declares it again.

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
    moves_entries = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.moves_entries = vars(cls).get("moves_entries", False)

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

    @property
    def minimizes_stacks(self):
        """Whether several models can be moved as one, and `minimize` is not that of a subclass."""
        return self.moves_entries and type(self).minimize is EpochSolver.minimize

    def minimize_stack(self, stack, thetas, schedule):
        solutions = []
        for models, part in stack.parts():
            random_state = deepcopy(schedule.random_state)  # the same numbers for all
            now = replace(schedule, random_state=random_state)
            solutions += self._minimize_together(part, thetas[models], now)
        return solutions

    def _minimize_together(self, stack, thetas, schedule):
        """Solutions of the models of a stack; each leaves when it has ended."""
        models, thetas, state, ended = np.arange(len(thetas)), thetas.copy(), self.start(thetas), {}
        runs = [_Run(schedule) for _ in models]
        for epoch in range(schedule.max_iter):
            rate = self._learning_rate(schedule, epoch)
            with np.errstate(over="ignore", invalid="ignore"):  # seen at the end of the epoch
                values = self._epoch_of_stack(stack, models, thetas, schedule, state, rate)
            stops = np.zeros(len(models), dtype=bool)
            for k, (model, value) in enumerate(zip(models, values, strict=True)):
                stops[k] = runs[model].has_ended(value, thetas[k], _part(state, k))
            for k in np.flatnonzero(stops | (epoch + 1 == schedule.max_iter)):
                ended[models[k]] = runs[models[k]].solution(thetas[k], stops[k], _part(state, k))
            if stops.any():
                models, thetas, state = models[~stops], thetas[~stops], _part(state, ~stops)
            if not len(models):
                break
        return [ended[model] for model in range(len(runs))]

    def _epoch_of_stack(self, stack, models, thetas, schedule, state, rate):
        """One pass through the minibatches; mean objectives of the models on the way."""
        totals, n_seen = np.zeros(len(models)), 0
        for batch in stack.minibatches(
            schedule.batch_size, schedule.shuffle, schedule.random_state
        ):
            values, gradients = stack.values_and_gradients(
                thetas, models, batch, schedule.random_state
            )
            self._move_in_place(thetas, gradients, state, rate)
            totals += values.astype(np.float64) * batch.n_samples
            n_seen += batch.n_samples
        return totals / n_seen

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
        self._move_in_place(theta, gradient, state, learning_rate)
        objective.project(theta)
        return value

    def _move_in_place(self, theta, gradient, state, learning_rate):
        if self.move(theta, gradient, state, learning_rate) is not None:
            raise TypeError(
                f"{type(self).__name__}.move must change theta and state in place and return None."
            )


def _copied(value):
    """Copy in memory, also of memory-mapped arrays."""
    return np.array(value)[()] if isinstance(value, (np.ndarray, np.generic)) else deepcopy(value)


def _part(state, models):
    """State of one of several models, or of some of them."""
    return {
        name: value[models].copy() if np.ndim(value) == 2 else value
        for name, value in state.items()
    }


class _Run:
    """Losses of one of several models that are trained together."""

    def __init__(self, schedule):
        self._schedule = schedule
        self._progress = _Progress(schedule)
        self._losses = []

    def has_ended(self, value, theta, state):
        """Whether improvement has ended with this value at the end of an epoch."""
        self._losses.append(float(value))
        remedy = f"learning_rate_init={self._schedule.learning_rate_init}"
        check_finite(value, theta, f"in epoch {len(self._losses)}", remedy, state)
        return self._progress.update(theta, self._losses[-1], None)

    def solution(self, theta, converged, state):
        losses = self._losses
        return Solution(theta.copy(), len(losses), losses[-1], bool(converged), losses, None, state)


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
