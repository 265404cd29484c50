"""Robust models of tables for scikit-learn: penalties, training against threats, diagnostics."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn_irg._estimators import (
        GradRegLogisticRegression,
        GradRegMLPClassifier,
        GradRegMLPRegressor,
        IMSATClusterer,
        LadderClassifier,
        VATClassifier,
        WassersteinCritic,
        WassersteinSampler,
    )
    from sklearn_irg._robust_training import RobustTrainingClassifier
    from sklearn_irg.model_selection._logistic_regression_cv import GradRegLogisticRegressionCV
    from sklearn_irg.model_selection._mlp_classifier_cv import GradRegMLPClassifierCV

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "attacks",
    "constraints",
    "diagnostics",
    "displays",
    "likelihoods",
    "losses",
    "model_selection",
    "penalties",
    "solvers",
)

_ABOVE = {  # they import the other estimators
    "GradRegLogisticRegressionCV": "model_selection._logistic_regression_cv",
    "GradRegMLPClassifierCV": "model_selection._mlp_classifier_cv",
    "RobustTrainingClassifier": "_robust_training",
}

__all__ = [
    "GradRegLogisticRegression",
    "GradRegLogisticRegressionCV",
    "GradRegMLPClassifier",
    "GradRegMLPClassifierCV",
    "GradRegMLPRegressor",
    "IMSATClusterer",
    "LadderClassifier",
    "RobustTrainingClassifier",
    "VATClassifier",
    "WassersteinCritic",
    "WassersteinSampler",
    "__version__",
    *_MODULES,
]


def __getattr__(name):
    # imported when first used: the command line answers before it has loaded scikit-learn
    if name in _MODULES:
        return import_module(f"sklearn_irg.{name}")
    if name in _ABOVE:
        return getattr(import_module(f"sklearn_irg.{_ABOVE[name]}"), name)
    if name in __all__:
        return getattr(import_module("sklearn_irg._estimators"), name)
    raise AttributeError(f"module 'sklearn_irg' has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_MODULES))
