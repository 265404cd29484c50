"""Attacks: perturbations of rows that a fitted model should withstand, and scores under them.

All accept any estimator that `sklearn_irg.diagnostics` accepts, modify none of their arguments, and
return arrays of the shape of X, or a DataFrame where X is one of polars, or of pandas with columns
that are not numeric, such as flags. ``features`` names the columns that may move (a person's age
cannot be attacked), ``clip=(low, high)`` bounds the result, by scalars or by one per feature. Radii
are in units of X; a `ThreatModel` has its own units and bounds.
"""

from sklearn_irg._threats.threat_model import ThreatModel
from sklearn_irg.attacks._adversarial_accuracy import (
    adversarial_accuracy,
    certified_accuracy,
    make_adversarial_scorer,
)
from sklearn_irg.attacks._adversarial_examples import adversarial_examples
from sklearn_irg.attacks._confidence_ascent import confidence_ascent
from sklearn_irg.attacks._deepfool import deepfool
from sklearn_irg.attacks._evaluate_robustness import RobustnessEvaluation, evaluate_robustness
from sklearn_irg.attacks._fast_gradient import fast_gradient
from sklearn_irg.attacks._projected_gradient import projected_gradient
from sklearn_irg.attacks._transfer_matrix import transfer_matrix
from sklearn_irg.attacks._virtual_adversarial_direction import virtual_adversarial_direction

__all__ = [
    "RobustnessEvaluation",
    "ThreatModel",
    "adversarial_accuracy",
    "adversarial_examples",
    "certified_accuracy",
    "confidence_ascent",
    "deepfool",
    "evaluate_robustness",
    "fast_gradient",
    "make_adversarial_scorer",
    "projected_gradient",
    "transfer_matrix",
    "virtual_adversarial_direction",
]
