"""Likelihoods: what the outputs of a network mean."""

from sklearn_irg._engine.likelihoods import Likelihood, bernoulli, categorical, gaussian

__all__ = ["Likelihood", "bernoulli", "categorical", "gaussian"]
