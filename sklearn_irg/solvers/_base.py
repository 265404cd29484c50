from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator


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


def check_finite(loss, theta, when, remedy):
    if not (np.isfinite(loss) and np.isfinite(theta).all()):
        raise ValueError(
            f"training diverged: the objective or the parameters are not finite {when}. Standardise X, or lower {remedy}."
        )
