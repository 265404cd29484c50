"""Quantities that most objectives sum, such as losses and squared input gradients.

A quantity can be traced, like any term; fused, which chains the passes and their derivatives by
hand, since a trace costs about as much as the arithmetic of a small step; and some can be stacked,
for linear models at several strengths. Fused, the passes are the ones that a trace would call, in
its order, so that both ways give the same numbers.
"""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from sklearn_irg._engine import passes
from sklearn_irg._engine.autodiff import ArrayTuple
from sklearn_irg._engine.row_norms import product_row_norms_and_vjp

__all__ = ["Evaluation", "Losses", "Quantity", "SquaredInputGradients", "SquaredWeights"]


class Evaluation:
    """Passes over some rows that all quantities share, and the cotangents that they collect.

    `gradient` is complete after `finish`.

    Parameters
    ----------
    network : Network
        Network that θ belongs to.
    theta : ndarray of shape (n_parameters,)
        Parameters.
    batch : Batch
        Rows.
    allocate : callable
        Allocates arrays, ``allocate(shape, dtype)``.
    dropout : list of ndarray, default=None
        As in `Network.forward`.
    keeps_first_preactivations : bool, default=False
        Whether `first_preactivations` is needed.

    Attributes
    ----------
    gradient : ndarray of shape (n_parameters,)
        Gradient of the sum with respect to θ; complete after `finish`.
    first_preactivations : ndarray of shape (n_samples, n_units)
        Pre-activations of the first layer.
    forward : ArrayTuple
        Hidden activations and outputs.
    losses, residuals : ndarray
        Losses and residuals of the rows, as `Likelihood.loss_and_residual` gives them.
    """

    def __init__(
        self, network, theta, batch, allocate, dropout=None, *, keeps_first_preactivations=False
    ):
        self.network, self.theta, self.batch, self.allocate = network, theta, batch, allocate
        self.gradient = np.zeros_like(theta)
        self.first_weights = network.unpack(theta)[0][0]
        self.first_weights_gradient = network.unpack(self.gradient)[0][0]
        self._dropout = dropout
        copy = None
        if keeps_first_preactivations:
            self.first_preactivations = passes.first_preactivations(
                theta, batch.X, network, allocate
            )
            copy = allocate(self.first_preactivations.shape, self.first_preactivations.dtype)
            np.copyto(copy, self.first_preactivations)
        self.forward = passes.forward(theta, batch.X, network, allocate, dropout, None, copy)
        self.losses, self.residuals = network.likelihood.loss_and_residual(
            self.forward[-1], batch.targets
        )
        self._to_losses = self._to_first_backward = self._to_first_preactivations = None

    @cached_property
    def backward(self):
        """Derivatives of each row's loss with respect to the pre-activations of each layer.

        The first layer comes first.
        """
        return passes.backward(self.theta, self.forward, self.residuals, self.network)

    def add_to_losses(self, cotangent):
        """Add to the cotangent of the losses of the rows."""
        self._to_losses = _sum(self._to_losses, cotangent)

    def add_to_first_backward(self, cotangent):
        """Add to the cotangent of the first entry of `backward`.

        That is of the derivatives of the losses with respect to the first pre-activations.
        """
        self._to_first_backward = _sum(self._to_first_backward, cotangent)

    def add_to_first_preactivations(self, cotangent):
        """Add to the cotangent of the first pre-activations."""
        self._to_first_preactivations = _sum(self._to_first_preactivations, cotangent)

    def losses_and_vjp_at(self, preactivations):
        """Losses at given first pre-activations, and the function that differentiates them.

        ``preactivations`` is overwritten; the losses are those of the rows' targets.

        The function takes the cotangent of the losses, adds to the gradient and returns the
        cotangent of ``preactivations``. That also counts as a cotangent of the rows' first
        pre-activations; the caller adds the correction for inputs other than the rows.
        """
        network = self.network
        forward = passes.forward(
            self.theta, None, network, self.allocate, self._dropout, None, preactivations
        )
        losses, residuals = network.likelihood.loss_and_residual(forward[-1], self.batch.targets)

        def pull_back(cotangent):
            to_forward = [None] * (len(forward) - 1) + [cotangent[:, None] * residuals]
            to_preactivations, *above = passes.forward_cotangents(to_forward, forward)
            passes.add_weight_gradients(self.gradient, [None, *above], forward, None, network)
            self.add_to_first_preactivations(to_preactivations)
            return to_preactivations

        return losses, pull_back

    def losses_of_preactivations(self, preactivations):
        """Losses at given first pre-activations, without derivatives.

        There may be several points for each row: all rows with the first, then all rows with the
        second, ….
        """
        network, times = self.network, len(preactivations) // len(self.first_preactivations)
        dropout = self._dropout and [np.tile(factors, (times, 1)) for factors in self._dropout]
        outputs = passes.forward(
            self.theta, None, network, np.empty, dropout, None, preactivations
        )[-1]
        return network.likelihood.loss_and_residual(
            outputs, np.tile(self.batch.targets, (times, 1))
        )[0]

    def finish(self):
        """Propagate all cotangents to the gradient."""
        network, forward = self.network, self.forward
        to_forward = [None] * len(forward)
        if self._to_first_backward is not None:
            to_backward = ArrayTuple([self._to_first_backward] + [None] * (len(self.backward) - 1))
            add_to, to_activations, to_residuals = passes.backward_vjp(
                to_backward, self.backward, forward, network
            )
            add_to(self.gradient)
            to_forward[:-1] = to_activations[:-1]
            to_forward[-1] = network.likelihood.hessian_product(
                forward[-1], self.batch.targets, self.residuals, to_residuals
            )
        if self._to_losses is not None:
            to_forward[-1] = _sum(to_forward[-1], self._to_losses[:, None] * self.residuals)
        cotangents = passes.forward_cotangents(to_forward, forward)
        if self._to_first_preactivations is not None:
            cotangents[0] = _sum(cotangents[0], self._to_first_preactivations)
        passes.add_weight_gradients(self.gradient, cotangents, forward, self.batch.X, network)


def _sum(total, more):
    return more if total is None else total + more


class Quantity(ABC):
    """Formula with a value for each row, or with one value for the weights.

    Attributes
    ----------
    keeps_first_preactivations : bool, default=False
        Whether `fused` reads ``evaluation.first_preactivations``.
    can_be_stacked : bool, default=False
        Whether `stacked` is defined.
    """

    keeps_first_preactivations = False
    can_be_stacked = False

    def traced(self, step):
        """Values of rows, shape (n_samples,), or the number, differentiable in ``step.theta``.

        A quantity whose term has a traced form of its own needs none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no traced form.")

    @abstractmethod
    def fused(self, evaluation, coefficients):
        """Inner product of coefficients and values; derivatives are added to the evaluation.

        There is a coefficient for each row, or one number.
        """

    def stacked(self, stack, coefficients):
        """Inner products for several linear models, shape (n_models,).

        A `LinearStack` has computed their outputs.

        Coefficients have the shape (n_models, n_samples) or (n_models,).
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be stacked.")


class Losses(Quantity):
    """Negative log-likelihood of each row's target."""

    can_be_stacked = True

    def traced(self, step):
        return step.losses

    def fused(self, evaluation, coefficients):
        evaluation.add_to_losses(coefficients)
        return coefficients @ evaluation.losses

    def stacked(self, stack, coefficients):
        stack.add_to_outputs(coefficients[:, :, None] * stack.residuals)
        return np.vecdot(stack.losses, coefficients)


class SquaredWeights(Quantity):
    """Sum of the squares of all weights."""

    can_be_stacked = True

    def traced(self, step):
        return step.network.squared_weights(step.theta)

    def fused(self, evaluation, coefficients):
        value, network = 0.0, evaluation.network
        for (G, _), (W, _) in zip(
            network.unpack(evaluation.gradient), network.unpack(evaluation.theta), strict=True
        ):
            value += coefficients * np.vdot(W, W)
            G += (2 * coefficients) * W
        return value

    def stacked(self, stack, coefficients):
        stack.to_weights += (2 * coefficients)[:, None, None] * stack.weights
        return coefficients * np.einsum("mdk,mdk->m", stack.weights, stack.weights)


class SquaredInputGradients(Quantity):
    """Squared norm of the gradient of each row's loss with respect to the row.

    Parameters
    ----------
    mask : ndarray of shape (n_features,) or (n_samples, n_features), default=None
        Factors of its entries.
    """

    def __init__(self, mask=None):
        self.mask = mask

    @property
    def can_be_stacked(self):
        """Whether there is no mask of entries."""
        return self.mask is None or self.mask.ndim == 1

    def traced(self, step):
        return step.squared_input_gradients(mask=self.mask)

    def fused(self, evaluation, coefficients):
        W, G, D = (
            evaluation.first_weights,
            evaluation.first_weights_gradient,
            evaluation.backward[0],
        )
        columns, entries = (
            (self.mask[:, None], None)
            if self.mask is not None and self.mask.ndim == 1
            else (None, self.mask)
        )
        W = W if columns is None else columns * W
        norms, to_D, to_W = product_row_norms_and_vjp(
            D, W, coefficients, evaluation.allocate, entries
        )
        G += to_W if columns is None else columns * to_W
        evaluation.add_to_first_backward(to_D)
        return coefficients @ norms

    def stacked(self, stack, coefficients):
        W = stack.weights if self.mask is None else self.mask[:, None] * stack.weights
        values, to_residuals, to_W = _squared_norms(stack.residuals, W, coefficients)
        stack.to_weights += to_W if self.mask is None else self.mask[:, None] * to_W
        stack.add_to_residuals(to_residuals)
        return values


def _squared_norms(R, W, factors):
    """Sums of ``factors · ‖R Wᵀ‖²`` over rows, one for each model, and their derivatives.

    R has the shape (m, n, k), and W (m, d, k).
    """
    grams = W.transpose(0, 2, 1) @ W  # so that arrays as wide as X are not built
    scaled = factors[:, :, None] * R
    moments = R.transpose(0, 2, 1) @ scaled
    to_R = scaled * (2 * grams) if R.shape[2] == 1 else scaled @ (2 * grams)
    return (grams * moments).sum(axis=(1, 2)), to_R, W @ (2 * moments)
