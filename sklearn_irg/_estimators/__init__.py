"""Estimators: validate, compose, store; nothing else."""

from sklearn_irg._estimators._critic import WassersteinCritic
from sklearn_irg._estimators._imsat import IMSATClusterer
from sklearn_irg._estimators._ladder import LadderClassifier
from sklearn_irg._estimators._linear import GradRegLogisticRegression
from sklearn_irg._estimators._mlp_classifier import GradRegMLPClassifier
from sklearn_irg._estimators._mlp_regressor import GradRegMLPRegressor
from sklearn_irg._estimators._sampler import WassersteinSampler
from sklearn_irg._estimators._vat import VATClassifier

__all__ = [
    "GradRegLogisticRegression",
    "GradRegMLPClassifier",
    "GradRegMLPRegressor",
    "IMSATClusterer",
    "LadderClassifier",
    "VATClassifier",
    "WassersteinCritic",
    "WassersteinSampler",
]
