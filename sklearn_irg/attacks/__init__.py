"""Attacks: perturbations of rows that a fitted model should withstand, and scores under them.

All take any estimator that `sklearn_irg.diagnostics` takes, change none of their arguments, and return arrays shaped like X.
``features`` names the columns that may move (a person's age cannot be attacked), ``clip=(low, high)`` bounds the result,
scalars or one per feature. Perturbations are in units of X.
"""

from sklearn_irg.attacks._predictions import confidence_ascent, virtual_adversarial_direction
from sklearn_irg.attacks._scores import adversarial_accuracy, make_adversarial_scorer, transfer_matrix
from sklearn_irg.attacks._steps import deepfool, fast_gradient, projected_gradient

__all__ = [
    "adversarial_accuracy",
    "confidence_ascent",
    "deepfool",
    "fast_gradient",
    "make_adversarial_scorer",
    "projected_gradient",
    "transfer_matrix",
    "virtual_adversarial_direction",
]
