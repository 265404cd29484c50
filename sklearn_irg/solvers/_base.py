from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._component import Component

# well above rounding errors of single precision, and below what a constraint that was forgotten
# leaves
_PROJECTED = {"rtol": 1e-4, "atol": 1e-6}


@dataclass(frozen=True)
class Schedule:
    """When to stop, and what to do in each iteration.

    Attributes
    ----------
    max_iter : int
        Largest number of epochs or iterations.
    tol : float
        Smallest improvement that counts as progress; for L-BFGS, largest gradient entry at the
        optimum.
    random_state : RandomState
        For shuffling and for stochastic terms.
    batch_size : int or dict, default=200
        Rows per step, of each group of rows; or a dict of group to number, with that of all others
        under None.
    learning_rate_init, shuffle, n_iter_no_change
        Step size, whether to shuffle the rows in each epoch, and number of epochs in a row without
        improvement after which to stop; for solvers that iterate over epochs.
    validation_score : callable, default=None
        ``validation_score(theta)``, larger is better; if given, it decides on stopping and the best
        θ is returned.
    on_iteration : callable, default=None
        ``on_iteration(theta)``, called after each epoch or iteration; a true return value requests
        a stop.
    verbose : bool, default=False
        Print the objective after each epoch or iteration.
    """

    max_iter: int
    tol: float
    random_state: np.random.RandomState
    batch_size: int | dict = 200  # as in scikit-learn
    learning_rate_init: float = 0.001  # as in scikit-learn
    shuffle: bool = True
    n_iter_no_change: float = 10  # as in scikit-learn
    validation_score: Callable | None = None
    on_iteration: Callable | None = None
    verbose: bool = False


@dataclass
class Solution:
    """Result of a solver.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Parameters at the end.
    n_iter : int
        Number of epochs or iterations.
    loss : float
        Objective at the end.
    converged : bool
        Whether it stopped because it no longer improved, or on request.
    loss_curve : list of float, default=[]
        Objective after each epoch or iteration.
    validation_scores : list of float or None, default=None
        Validation score after each epoch.
    state : dict of str to ndarray or number, default={}
        State from which another call resumes.
    reason : str, default=""
        Why it did not converge, if not for too few iterations.
    """

    theta: np.ndarray
    n_iter: int
    loss: float
    converged: bool
    loss_curve: list = field(default_factory=list)
    validation_scores: list | None = None
    state: dict = field(default_factory=dict)
    reason: str = ""


class Solver(Component, ABC):
    """Minimizes an objective from a start θ. Its parameters are options of this algorithm only.

    Attributes
    ----------
    has_epochs : bool, default=True
        Whether it goes through minibatches, epoch by epoch, and resumes from an earlier state:
        ``partial_fit`` and ``early_stopping`` need that.
    needs_determinism : bool, default=False
        Whether value and gradient must belong to one fixed function, which excludes terms that draw
        random numbers.
    takes_projections : bool, default=True
        Whether it calls ``objective.project(theta)`` after each step.
    minimizes_stacks : bool, default=False
        Whether `minimize_stack` is defined.
    takes_bounds : bool, default=False
        Whether it minimizes ``objective.bounded()``, within its ``bounds``, where exact zeros lie.
    """

    has_epochs = True
    needs_determinism = False
    takes_projections = True
    takes_bounds = False
    minimizes_stacks = False

    @abstractmethod
    def minimize(self, objective, theta, schedule, state=None):
        """Minimize an objective.

        Parameters
        ----------
        objective : Objective
            See `sklearn_irg.solvers` for what it offers.
        theta : ndarray of shape (n_parameters,)
            Starting point; must not be modified.
        schedule : Schedule
            When to stop.
        state : dict, default=None
            State of an earlier solution to resume from.

        Returns
        -------
        solution : Solution
            The parameters found, and how the solver stopped.
        """

    def minimize_stack(self, stack, thetas, schedule):
        """Minimize the objectives of a stack together.

        Parameters
        ----------
        stack : LinearStack or NetworkStack
            Objectives on all rows, or for solvers that have epochs on minibatches; its models are
            named by their positions.
        thetas : ndarray of shape (n_models, n_parameters)
            Starting points.
        schedule : Schedule
            When to stop each.

        Returns
        -------
        solutions : list of Solution
            One for each model.
        """
        raise NotImplementedError(f"{type(self).__name__} minimizes no stacks.")

    def check_objective(self, objective, schedule):
        """Raise a ValueError if the objective or schedule needs more than this solver declares."""
        name = type(self).__name__
        if self.needs_determinism:
            for obstacle in objective.obstacles_to_line_search:
                raise InvalidParameterError(
                    f'{name} needs a deterministic objective, but {obstacle}. Use solver="adam".'
                )
        if objective.projects and not self.takes_projections:
            raise InvalidParameterError(
                f'{name} cannot project onto a constraint between its steps. Use solver="adam", or '
                "SpectralNormalization()."
            )
        if objective.depends_on_epoch and not self.has_epochs:
            raise InvalidParameterError(
                f"{name} has no epochs over which anything could grow. Use n_ramp_up_epochs=0, or "
                'solver="adam".'
            )
        if schedule.validation_score is not None and not self.has_epochs:
            raise InvalidParameterError(
                f"{name} has no epochs to stop early at. Use early_stopping=False, or "
                'solver="adam".'
            )

    def check_solution(self, objective, solution, start):
        """Parameters that `minimize` found, in the precision of the start.

        Raise an error if they are not finite, or violate a constraint.
        """
        name = type(self).__name__
        if not isinstance(solution, Solution):
            raise TypeError(f"{name}.minimize must return a Solution; got {solution!r}.")
        theta = np.asarray(solution.theta, dtype=start.dtype)
        if theta.shape != start.shape or not np.isfinite(theta).all():
            raise ValueError(
                f"{name} must find {start.size} finite parameters; got an array of shape "
                f"{theta.shape} with {np.count_nonzero(~np.isfinite(theta))} that are not finite."
            )
        if objective.projects:
            self._check_projected(objective, theta)
        return theta

    def _check_projected(self, objective, theta):
        constraint = type(objective.parametrization).__name__
        once = theta.copy()
        objective.project(once)
        if np.allclose(once, theta, **_PROJECTED):
            return
        twice = once.copy()
        objective.project(twice)
        if not np.allclose(once, twice, **_PROJECTED):
            raise ValueError(f"{constraint}.project must leave what it has projected as it is.")
        raise ValueError(
            f"the weights that {type(self).__name__} found violate {constraint}: minimize must "
            "call objective.project(theta) after each step, or the class declare takes_projections "
            "= False."
        )


def check_finite(loss, theta, when, remedy, state=None):
    arrays = [np.asarray(loss), theta, *(np.asarray(value) for value in (state or {}).values())]
    if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
        raise ValueError(
            "training diverged: the objective, the parameters or the solver's moments are not "
            f"finite {when}. Standardize X, or lower {remedy}."
        )
