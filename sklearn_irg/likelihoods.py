"""Likelihoods: what the outputs of a network mean, one of the values that ``loss`` takes."""

from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, Poisson

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Likelihood", "Poisson"]
