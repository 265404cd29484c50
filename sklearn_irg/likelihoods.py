"""Likelihoods: distributions of the targets given a network's outputs, accepted as ``loss``."""

from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, Poisson

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Likelihood", "Poisson"]
