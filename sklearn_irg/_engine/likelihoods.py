"""Likelihoods: losses of a network's outputs, their derivatives, and divergences of predictions.

Conventions, for outputs Z and targets Y of shape (n_samples, n_outputs):

* the loss of a row is its negative log-likelihood, summed over outputs, up to a constant of the
  targets. Targets may be soft, so the same function is the cross-entropy between a prediction and
  the outputs;
* the residual is the derivative of a row's loss with respect to its outputs;
* the mean is the expected target; for classes, their probabilities.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import xlogy

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._component import Component
from sklearn_irg._engine.autodiff import (
    ArrayTuple,
    defvjp,
    numpy,
    primitive,
    scale_rows,
    stop_gradient,
    surprisal,
)

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "Poisson",
    "default_likelihood",
]


class Likelihood(Component, ABC):
    """A family of distributions of the targets, with the outputs of a network for parameters.

    Attributes
    ----------
    out_activation : str
        Function that turns outputs into means, by its name in scikit-learn: the fitted
        ``out_activation_``.
    is_categorical : bool, default=False
        Whether the outputs of a row are scores of mutually exclusive classes.
    sklearn_loss : str, default=None
        Name of this loss in scikit-learn's MLPs; ``None`` if they do not have it.

    See Also
    --------
    sklearn_irg.losses : Other values of ``loss``.

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPRegressor
    >>> from sklearn_irg.likelihoods import Poisson
    >>> GradRegMLPRegressor(loss=Poisson())
    GradRegMLPRegressor(loss=Poisson())
    """

    is_categorical = False
    sklearn_loss = None

    @property
    @abstractmethod
    def out_activation(self):
        """Name of the function that turns outputs into means."""

    @abstractmethod
    def mean(self, outputs):
        """Expected targets, shape (n_samples, n_outputs)."""

    @abstractmethod
    def loss_and_residual(self, outputs, targets):
        """Loss of each row, and its derivative with respect to the outputs.

        The shapes are (n_samples,) and (n_samples, n_outputs).
        """

    @abstractmethod
    def hessian_product(self, outputs, targets, residuals, vectors):
        """Second derivative of each row's loss, times that row of vectors.

        The derivative is with respect to the outputs of the row.

        The residuals are those of outputs and targets, given so that nothing is computed twice.
        """

    has_third_derivatives = False  # whether the next method is defined; it is not inherited

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.has_third_derivatives = vars(cls).get("has_third_derivatives", False)

    def second_and_third_derivatives(self, residuals, targets):
        """Second and third derivatives of each output's loss, where outputs are independent."""
        raise NotImplementedError(f"{self!r} has no third derivatives here.")

    def mean_derivative_product(self, outputs, mean, vectors):
        """Derivative of each row's mean, transposed, times that row of vectors.

        The derivative is with respect to the outputs of the row.

        By default it is the second derivative of the loss where targets are means, which is right
        for natural parameters.
        """
        return self.hessian_product(outputs, mean, np.zeros_like(mean), vectors)

    def n_classes(self, n_outputs):
        """Number of classes, or None if targets are numbers.

        All ``n_outputs`` outputs together, or each of them, decide between these classes.
        """
        del n_outputs

    def check_targets(self, targets):
        """Raise a ValueError for encoded targets that have no likelihood."""

    def evaluate(self, outputs, targets):
        """Loss and residual as functions that can be differentiated with respect to the outputs."""
        return _evaluate(outputs, targets, self)

    def differentiable_mean(self, outputs):
        """The mean as a function that can be differentiated with respect to the outputs."""
        return _mean(outputs, self)

    def divergence(self, outputs, reference):
        """Kullback-Leibler divergence from one prediction to another, shape (n_samples,).

        The first is that of the outputs ``reference``, which are held constant, the second that of
        ``outputs``.
        """
        reference = stop_gradient(reference)
        targets = self.mean(reference)
        return self.evaluate(outputs, targets)[0] - self.loss_and_residual(reference, targets)[0]

    def entropy(self, outputs):
        """Entropy of the predicted class of each row in nats, shape (n_samples,); differentiable.

        With several labels it is the sum of their entropies.
        """
        probabilities = self.probabilities(outputs)
        entropies = numpy.sum(surprisal(probabilities), axis=1)
        if self.is_multilabel(outputs.shape[1]):
            entropies = entropies + numpy.sum(surprisal(1 - probabilities), axis=1)
        return entropies

    def is_multilabel(self, n_outputs):
        """Whether each of several outputs decides between two classes."""
        return n_outputs > 1 and not self.is_categorical and self.n_classes(n_outputs) is not None

    def probabilities(self, outputs):
        """Probability of each class, shape (n_samples, n_classes), or of each label.

        There are labels where each of several outputs decides between two classes.

        Differentiable with respect to the outputs.
        """
        n_outputs = outputs.shape[1]
        if self.n_classes(n_outputs) is None:
            raise InvalidParameterError(
                f"{self!r} has no classes, so there are no probabilities. Use the mean."
            )
        mean = self.differentiable_mean(outputs)
        return (
            mean
            if n_outputs > 1 or self.is_categorical
            else numpy.concatenate((self._first_probability(outputs), mean), axis=1)
        )

    def _first_probability(self, outputs):
        return 1 - self.differentiable_mean(outputs)


@primitive
def _evaluate(outputs, targets, likelihood):
    return ArrayTuple(likelihood.loss_and_residual(outputs, targets))


def _evaluate_vjp(ans, outputs, targets, likelihood):
    residual = ans[1]

    def vjp(g):
        g_loss, g_residual = g
        if g_residual is None:
            return scale_rows(g_loss, residual)
        second = likelihood.hessian_product(outputs, targets, residual, g_residual)
        return second if g_loss is None else scale_rows(g_loss, residual) + second

    return vjp


defvjp(_evaluate, _evaluate_vjp)


@primitive
def _mean(outputs, likelihood):
    return likelihood.mean(outputs)


defvjp(
    _mean,
    lambda ans, outputs, likelihood: lambda g: likelihood.mean_derivative_product(outputs, ans, g),
)


class Bernoulli(Likelihood):
    """One draw between two classes for each output, which is the log-odds of the second."""

    out_activation = "logistic"
    sklearn_loss = "log_loss"

    def n_classes(self, n_outputs):
        del n_outputs
        return 2

    def mean(self, outputs):
        up, _, smaller = _halves(outputs)
        smaller += 1
        up /= smaller
        return up

    def loss_and_residual(self, outputs, targets):
        up, down, smaller = _halves(outputs)
        loss = np.log1p(smaller)
        loss += np.maximum(outputs, 0)
        loss -= targets * outputs
        residual = (1 - targets) * up
        residual -= targets * down
        smaller += 1
        residual /= smaller
        return loss[:, 0] if loss.shape[1] == 1 else loss.sum(axis=1), residual

    def hessian_product(self, outputs, targets, residuals, vectors):
        del outputs
        mean = residuals + targets
        return mean * (1 - mean) * vectors

    has_third_derivatives = True

    def second_and_third_derivatives(self, residuals, targets):
        mean = residuals + targets
        second = mean * (1 - mean)
        return second, second * (1 - 2 * mean)

    def _first_probability(self, outputs):
        # one minus the mean has no precision left where the mean is close to 1
        return self.differentiable_mean(-outputs)

    def check_targets(self, targets):
        if not ((targets >= 0) & (targets <= 1)).all():
            raise ValueError(
                f"y must lie between 0 and 1 for {self!r}; got values from {targets.min()} to "
                f"{targets.max()}."
            )


def _halves(Z):
    # exp(min(z, 0)) and exp(-max(z, 0)), one of which is 1, and the smaller of them: neither
    # overflows, and their ratio to the sum keeps the relative precision of both tails of the
    # logistic function.
    smaller = np.abs(Z)
    np.negative(smaller, out=smaller)
    np.exp(smaller, out=smaller)
    return np.maximum(smaller, Z > 0), np.maximum(smaller, Z <= 0), smaller


class Categorical(Likelihood):
    """One draw among as many classes as there are outputs, which are their scores."""

    out_activation = "softmax"
    sklearn_loss = "log_loss"
    is_categorical = True

    def n_classes(self, n_outputs):
        return n_outputs

    def mean(self, outputs):
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        exponentials /= exponentials.sum(axis=1, keepdims=True)
        return exponentials

    def check_targets(self, targets):
        if not ((targets >= 0).all() and np.allclose(targets.sum(axis=1), 1)):
            raise ValueError(f"y must hold probabilities that sum to one in each row for {self!r}.")

    def loss_and_residual(self, outputs, targets):
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)
        loss = np.log(total[:, 0]) - np.einsum("ij,ij->i", shifted, targets)
        return loss, exponentials / total - targets

    def hessian_product(self, outputs, targets, residuals, vectors):
        del outputs
        mean = residuals + targets
        return mean * (vectors - np.einsum("ij,ij->i", mean, vectors)[:, None])


class Gaussian(Likelihood):
    """Numbers around the outputs, with a variance of one: half the squared error."""

    out_activation = "identity"
    sklearn_loss = "squared_error"

    def mean(self, outputs):
        return outputs

    def loss_and_residual(self, outputs, targets):
        residual = outputs - targets
        return 0.5 * np.einsum("ij,ij->i", residual, residual), residual

    def hessian_product(self, outputs, targets, residuals, vectors):
        del outputs, targets, residuals
        return vectors


class Poisson(Likelihood):
    """Counts whose mean is the exponential of the output.

    The loss is half the deviance, as in scikit-learn.
    """

    out_activation = "exp"
    sklearn_loss = "poisson"

    def mean(self, outputs):
        return np.exp(outputs)

    def loss_and_residual(self, outputs, targets):
        mean = np.exp(outputs)
        loss = mean - targets * outputs + xlogy(targets, targets) - targets
        return loss.sum(axis=1), mean - targets

    def hessian_product(self, outputs, targets, residuals, vectors):
        del outputs
        return (residuals + targets) * vectors

    def check_targets(self, targets):
        if (targets < 0).any():
            raise ValueError(f"y must be non-negative for {self!r}; got {targets.min()}.")


LIKELIHOODS = {kind.out_activation: kind() for kind in (Bernoulli, Categorical, Gaussian, Poisson)}


def default_likelihood(classes, n_outputs):
    """Likelihood of a network's outputs where none is given.

    It is Gaussian without classes, Bernoulli for one output, the log-odds of the second class, and
    Categorical for several, the scores of classes.
    """
    return Gaussian() if classes is None else Bernoulli() if n_outputs == 1 else Categorical()
