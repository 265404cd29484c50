"""Wasserstein sampler: a generator against a critic, and tables of what it makes."""

from sklearn_irg._estimators._sampler.sampler import WassersteinSampler

__all__ = ["WassersteinSampler"]
