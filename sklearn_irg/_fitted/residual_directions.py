"""Residuals of classes up to a positive factor, where only the direction of a gradient counts."""

import numpy as np
from scipy.special import log_expit, logsumexp

from sklearn_irg._engine.likelihoods import Bernoulli, Categorical

__all__ = ["residual_direction"]


def residual_direction(likelihood, outputs, targets):
    """Residuals up to a positive factor for each row.

    They neither underflow nor cancel where a model is confident. For likelihoods other than the
    two of classes, and for targets that are not classes, they are the residuals themselves.
    """
    function = {Bernoulli: _bernoulli_direction, Categorical: _categorical_direction}.get(
        type(likelihood)
    )
    if function is None or not np.isin(targets, (0, 1)).all():
        return likelihood.loss_and_residual(outputs, targets)[1]
    return function(outputs, targets > 0).astype(outputs.dtype, copy=False)


def _bernoulli_direction(outputs, is_positive):
    sign = np.where(is_positive, -1.0, 1.0)
    logs = log_expit(sign * outputs)  # of the probabilities of the other class
    return sign * np.exp(logs - logs.max(axis=1, keepdims=True))


def _categorical_direction(outputs, is_own):
    # (p - y) / (1 - p_y) is the softmax over the other classes, minus one at the true one
    others = np.where(is_own, -np.inf, outputs)
    return np.where(is_own, -1.0, np.exp(others - logsumexp(others, axis=1, keepdims=True)))
