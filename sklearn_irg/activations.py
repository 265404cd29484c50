"""Activation functions of hidden layers, the ``activation`` parameter of the MLPs."""

from sklearn_irg._engine.activations import (
    ACTIVATIONS,
    Activation,
    Identity,
    Logistic,
    ReLU,
    Softplus,
    Tanh,
)
from sklearn_irg._engine.derivative_checks import check_activation

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Identity",
    "Logistic",
    "ReLU",
    "Softplus",
    "Tanh",
    "check_activation",
]
