"""Likelihoods: how outputs become a loss, its derivative, and a divergence between two predictions.

Conventions, for outputs Z and targets Y of shape (n_samples, n_outputs):

* ``loss(Z, Y)`` is the negative log-likelihood of each row, summed over outputs, shape (n_samples,). Targets may be
  soft, so the same function is the cross-entropy between a prediction and the outputs.
* ``residual(Z, Y)`` is its derivative with respect to Z, which for all three is ``mean(Z) - Y``.
* ``divergence(Z, P)`` is the Kullback-Leibler divergence from the prediction ``P = mean(Z₀)`` to that of Z, per row.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from sklearn_irg._engine.autodiff import Bundle, defvjp, primitive, scale_rows, stop_gradient

__all__ = ["Likelihood", "bernoulli", "categorical", "gaussian"]


class Likelihood(NamedTuple):
    """A family of distributions, as functions of the outputs of a network.

    Parameters
    ----------
    name : str
        Name of the output activation in scikit-learn's terms.
    mean : callable
        ``mean(Z)``: expected targets, shape (n_samples, n_outputs); probabilities for classifiers.
    loss_and_residual : callable
        ``loss_and_residual(Z, Y)``: both at once, since they share their exponentials.
    hessian_product : callable
        ``hessian_product(M, V)``: the second derivative of the loss at mean M, applied to V, row by row. It is also the
        Fisher information of the outputs.
    entropy : callable
        ``entropy(M)``: entropy of the prediction M per row, up to a constant where it does not depend on M.
    """

    name: str
    mean: Callable
    loss_and_residual: Callable
    hessian_product: Callable
    entropy: Callable

    def evaluate(self, outputs, targets):
        """Loss (n_samples,) and residual (n_samples, n_outputs), differentiable with respect to the outputs."""
        return _evaluate(outputs, targets, self)

    def divergence(self, outputs, prediction):
        """Kullback-Leibler divergence from a fixed prediction to that of the outputs, shape (n_samples,)."""
        prediction = stop_gradient(prediction)
        return self.evaluate(outputs, prediction)[0] - self.entropy(prediction)


@primitive
def _evaluate(outputs, targets, likelihood):
    return Bundle(likelihood.loss_and_residual(outputs, targets))


def _evaluate_vjp(ans, outputs, targets, likelihood):
    residual = ans[1]

    def vjp(g):
        g_loss, g_residual = g
        if g_residual is None:
            return scale_rows(g_loss, residual)
        second = likelihood.hessian_product(residual + targets, g_residual)
        return second if g_loss is None else scale_rows(g_loss, residual) + second

    return vjp


defvjp(_evaluate, _evaluate_vjp)


def _halves(Z):
    # exp(min(z, 0)) and exp(-max(z, 0)): neither overflows, and their ratio to the sum keeps the relative precision of
    # both tails of the logistic function.
    return np.exp(np.minimum(Z, 0)), np.exp(-np.maximum(Z, 0))


def _bernoulli_mean(Z):
    up, down = _halves(Z)
    return up / (up + down)


def _bernoulli_loss_and_residual(Z, Y):
    up, down = _halves(Z)
    loss = np.maximum(Z, 0) - Y * Z + np.log1p(up * down)
    residual = ((1 - Y) * up - Y * down) / (up + down)
    return loss.sum(axis=1), residual


def _bernoulli_hessian_product(M, V):
    return M * (1 - M) * V


def _bernoulli_entropy(M):
    return -(xlogy(M, M) + xlogy(1 - M, 1 - M)).sum(axis=1)


def _categorical_mean(Z):
    exponentials = np.exp(Z - Z.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


def _categorical_loss_and_residual(Z, Y):
    shifted = Z - Z.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    loss = np.log(total[:, 0]) - np.einsum("ij,ij->i", shifted, Y)
    return loss, exponentials / total - Y


def _categorical_hessian_product(M, V):
    return M * (V - np.einsum("ij,ij->i", M, V)[:, None])


def _categorical_entropy(M):
    return -xlogy(M, M).sum(axis=1)


def _gaussian_mean(Z):
    return Z


def _gaussian_loss_and_residual(Z, Y):
    residual = Z - Y
    return 0.5 * np.einsum("ij,ij->i", residual, residual), residual


def _gaussian_hessian_product(M, V):
    return V


def _gaussian_entropy(M):
    return np.zeros(len(M), dtype=M.dtype)


bernoulli = Likelihood(
    "logistic", _bernoulli_mean, _bernoulli_loss_and_residual, _bernoulli_hessian_product, _bernoulli_entropy
)
categorical = Likelihood(
    "softmax", _categorical_mean, _categorical_loss_and_residual, _categorical_hessian_product, _categorical_entropy
)
gaussian = Likelihood(
    "identity", _gaussian_mean, _gaussian_loss_and_residual, _gaussian_hessian_product, _gaussian_entropy
)
