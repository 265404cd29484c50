"""Starts of a training: from scratch, from an earlier fit, or from the last of several calls."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["Continued", "Fresh", "Warm", "kind_of", "packed"]


class Start:
    """Weights are drawn, or zero, unless a subclass says where they come from."""

    is_first = True  # whether columns and classes are determined
    is_whole = True  # whether training continues until the solver stops
    history = ((), 0)  # losses of earlier iterations, and the number of rows that they saw

    def task(self, task, y):
        """Task, with what it learns from y."""
        return task.first(y)

    def generator(self, seed):
        """The random generator of an estimator's ``random_state``."""
        return check_random_state(seed)

    def theta(self, network, settings, random_state, dtype):
        """Parameters of the network to start from."""
        return settings.initialize(network, random_state, dtype)

    def solver_parameters(self, objective, theta):
        """The solver's parameters for these."""
        objective.project(theta)
        return theta

    def n_epochs(self, max_iter):
        """Largest number of iterations."""
        return max_iter

    def check(self, settings):
        """Raise an error for settings that such a start does not support."""

    def check_objective(self, objective):
        """Raise an error for an objective that such a start does not support."""

    def moments_of(self, solver):
        """State of the solver to continue from, or None."""
        del solver

    def kept(self, objective, solution, random_state, weights):
        """Attributes from which a later call of ``partial_fit`` continues.

        The weights and the solver's state are not among them.
        """
        del objective, solution, random_state, weights
        return {"_random_state": None, "_solver_theta": None}


class Fresh(Start):
    """Afresh: weights are drawn, or zero."""


@dataclass(frozen=True)
class Warm(Start):
    """Start from the weights of an earlier fit.

    Parameters
    ----------
    weights : tuple of (list, list)
        Weights and biases of each layer.
    known : Task
        Task of the earlier fit.
    history : tuple of (list, int)
        Losses of earlier iterations, and the number of rows that they saw.
    """

    weights: tuple
    known: object
    history: tuple = ((), 0)

    is_first = False

    def task(self, task, y):
        del task
        return self.known.again(y)

    def theta(self, network, settings, random_state, dtype):
        return packed(self.weights, network, settings, random_state, dtype)

    def solver_parameters(self, objective, theta):
        return super().solver_parameters(objective, objective.unfold(theta))


@dataclass(frozen=True)
class Continued(Start):
    """One more epoch, with the solver's moments and the random numbers where they were left.

    Parameters
    ----------
    last : Warm, default=None
        The weights of the last call; None for the first.
    state : dict, default=None
        The solver's state, ``{"solver": its class, "moments": …}``.
    random_state : list, default=None
        State of the generator.
    solver_theta : list of ndarray, default=None
        The solver's parameters, and the network's that they became.
    classes : array-like, default=None
        All classes, as they were given.
    """

    last: Warm | None = None
    state: dict | None = None
    random_state: list | None = None
    solver_theta: list | None = None
    classes: object = None

    is_whole = False

    @property
    def is_first(self):
        return self.last is None

    @property
    def history(self):
        return Start.history if self.last is None else self.last.history

    def task(self, task, y):
        return (
            task.first(y, self.classes)
            if self.last is None
            else self.last.known.more(y, self.classes)
        )

    def generator(self, seed):
        random_state = check_random_state(seed)
        # so that a seed does not mean the same noise again
        if self.random_state is not None and not isinstance(seed, np.random.RandomState):
            random_state.set_state(tuple(self.random_state))
        return random_state

    def theta(self, network, settings, random_state, dtype):
        return (self.last or Fresh()).theta(network, settings, random_state, dtype)

    def solver_parameters(self, objective, theta):
        if (
            self.solver_theta is not None
        ):  # where the solver was, if the weights are still those it ended with
            last, kept = (
                np.array(array) for array in self.solver_theta
            )  # they may be memory-mapped
            if last.dtype == theta.dtype and np.array_equal(kept, theta):
                return last
        return (self.last or Fresh()).solver_parameters(objective, theta)

    def n_epochs(self, max_iter):
        del max_iter
        return 1

    def check(self, settings):
        if settings.n_ramp_up_epochs:
            raise ValueError(
                "partial_fit does not support n_ramp_up_epochs: each call is one epoch. Set alpha "
                "between calls."
            )
        if settings.validation_fraction is not None:
            raise ValueError(
                "partial_fit does not support early_stopping=True: each call sees one batch only."
            )

    def check_objective(self, objective):
        if objective.depends_on_epoch:
            growing = ", ".join(repr(term) for _, term in objective.terms if term.depends_on_epoch)
            raise ValueError(
                f"partial_fit does not support {growing}, which changes from epoch to epoch: each "
                "call is one epoch. Use fit, or terms that stay, such as those with "
                "n_ramp_up_epochs=0."
            )

    def moments_of(self, solver):
        return (
            self.state["moments"]
            if self.state and self.state["solver"] == kind_of(solver)
            else None
        )

    def kept(self, objective, solution, random_state, weights):
        theta = None
        if not objective.parametrization.is_identity:
            dtype = solution.theta.dtype
            theta = [solution.theta, objective.network.pack(*weights, dtype)]
        return {"_random_state": list(random_state.get_state()), "_solver_theta": theta}


def packed(weights, network, settings, random_state, dtype):
    """θ for an earlier fit's weights.

    It is drawn from scratch where a constraint does not allow weights of zero.
    """
    coefs, intercepts = weights
    if [W.shape for W in coefs] != network.shapes:
        raise ValueError(
            f"cannot continue a fit whose weights have shapes {[W.shape for W in coefs]} with "
            f"{network.shapes}. Use a fresh clone, or warm_start=False in fit."
        )
    constraint = settings.parametrization
    if constraint is not None and not constraint.allows_zero and any(not W.any() for W in coefs):
        return settings.initialize(network, random_state, dtype)
    return network.pack(coefs, intercepts, dtype)


def kind_of(solver):
    """Name of a solver's class, by which its state is kept.

    For the package's classes it is without the module, which may move.
    """
    kind = type(solver)
    return (
        kind.__name__
        if kind.__module__.startswith("sklearn_irg.")
        else f"{kind.__module__}.{kind.__qualname__}"
    )
