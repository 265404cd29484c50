"""Robust, smooth, honest classifiers for scikit-learn, by penalties on what a model's input gradient says."""

from importlib.metadata import version

from sklearn_irg._estimators import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)

__version__ = version("sklearn_irg")

__all__ = [
    "GradRegLogisticRegression",
    "GradRegMLPClassifier",
    "GradRegMLPRegressor",
    "VATClassifier",
    "__version__",
]
