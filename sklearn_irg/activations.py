"""Activation functions of hidden layers."""

from sklearn_irg._engine.activations import ACTIVATIONS, Activation

__all__ = ["ACTIVATIONS", "Activation"]
