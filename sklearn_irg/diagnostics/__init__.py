"""Diagnostics: how far, in which direction and why a fitted model changes its mind."""

from sklearn_irg.diagnostics._distances import signed_distance
from sklearn_irg.diagnostics._gradients import input_gradients

__all__ = ["input_gradients", "signed_distance"]
