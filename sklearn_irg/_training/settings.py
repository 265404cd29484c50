"""Settings of a training: the parameters of an estimator after their check.

Training needs to know nothing else of the estimator.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from sklearn_irg._engine.activations import Activation
from sklearn_irg._engine.parametrizations import Parametrization
from sklearn_irg._engine.terms import Term
from sklearn_irg.losses import Loss
from sklearn_irg.solvers import Solver

__all__ = ["Scaling", "Settings"]


@dataclass(frozen=True)
class Settings:
    """Settings of one training.

    Parameters
    ----------
    loss : Loss
        The loss.
    penalty : callable
        The penalty for these `Rows`, or None.
    alpha : float
        Its strength.
    decay : tuple of (float, Term)
        Weight decay, and its strength.
    activation : Activation
        Activation of hidden layers.
    solver : Solver
        Solver that minimizes.
    schedule : callable
        Options of `Schedule` for a number of rows, as a dict: ``max_iter``, ``tol``, ``verbose``
        and those of epochs.
    initialize : callable
        θ to start from, ``initialize(network, random_state, dtype)``.
    random_state : int, RandomState instance or None
        As the estimator was given it.
    hidden_layers : tuple of int, default=()
        Their sizes.
    fit_intercept : bool, default=True
        Whether layers have biases.
    n_ramp_up_epochs : int, default=0
        Epochs in which the penalty grows.
    parametrization : Parametrization, default=None
        How the solver's parameters become the network's; None if they are the same.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    validation_fraction : float, default=None
        Share of the labeled rows that are held out for early stopping; None for none.
    network_kind : type, default=None
        The class of the network that is trained, if not `Network`.
    scaling : callable, default=None
        Gives the `Scaling` of `Rows` before they are trained on; None leaves them as they are.
    objective : callable, default=None
        Constructor of the objective, if not `Objective`.
    """

    loss: Loss
    penalty: Callable
    alpha: float
    decay: tuple[float, Term]
    activation: Activation
    solver: Solver
    schedule: Callable
    initialize: Callable
    random_state: object
    hidden_layers: tuple = ()
    fit_intercept: bool = True
    n_ramp_up_epochs: int = 0
    parametrization: Parametrization | None = None
    dropout: float = 0.0
    validation_fraction: float | None = None
    network_kind: type | None = None
    scaling: Callable | None = None
    objective: Callable | None = None


class Scaling(ABC):
    """Scaling of rows before they are trained on.

    It also determines the network that predicts from rows as they are given.
    """

    @abstractmethod
    def scaled(self, rows):
        """These `Rows`, scaled."""

    @abstractmethod
    def layers(self, objective, theta):
        """Weights and biases of the network for rows as they are given."""

    def examples(self, rows):
        """Inputs of that network: the rows of the fit as they were given."""
        return rows.X
