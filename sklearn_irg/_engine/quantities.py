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
    theta : ndarray of shape (n_parameters,) or (n_networks, n_parameters)
        Parameters, of several networks of this shape in the rows of a matrix. All arrays but those
        of the batch then have a further axis in front, and so have coefficients.
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
    layers, gradients : list of (ndarray, ndarray or None)
        Weights and biases of each layer, and their parts of the gradient, as views.
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
        self.layers, self.gradients = network.unpack(theta), network.unpack(self.gradient)
        self._targets = batch.targets
        if theta.ndim == 2 and batch.targets is not None:
            self._targets = np.tile(batch.targets, (len(theta), 1))
        self._dropout = dropout
        copy = None
        if keeps_first_preactivations:
            self.first_preactivations = passes.first_preactivations(self.layers, batch.X, allocate)
            copy = allocate(self.first_preactivations.shape, self.first_preactivations.dtype)
            np.copyto(copy, self.first_preactivations)
        self.forward = passes.propagate(
            self.layers, batch.X, network.activation, allocate, dropout, preactivations=copy
        )
        outputs = self.forward[-1]
        losses, residuals = network.likelihood.loss_and_residual(_flat(outputs), self._targets)
        self.losses = losses.reshape(outputs.shape[:-1])
        self.residuals = residuals.reshape(outputs.shape)
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
        forward = passes.propagate(
            self.layers,
            None,
            network.activation,
            self.allocate,
            self._dropout,
            preactivations=preactivations,
        )
        losses, residuals = network.likelihood.loss_and_residual(forward[-1], self.batch.targets)

        def pull_back(cotangent):
            to_forward = [None] * (len(forward) - 1) + [cotangent[:, None] * residuals]
            to_preactivations, *above = passes.forward_cotangents(to_forward, forward)
            passes.add_weight_gradients(self.gradients, [None, *above], forward, None)
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
        outputs = passes.propagate(
            self.layers, None, network.activation, np.empty, dropout, preactivations=preactivations
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
            add_to(self.gradients)
            to_forward[:-1] = to_activations[:-1]
            arrays = _flat(forward[-1]), self._targets, _flat(self.residuals), _flat(to_residuals)
            product = network.likelihood.hessian_product(*arrays)
            to_forward[-1] = product.reshape(forward[-1].shape)
        if self._to_losses is not None:
            to_forward[-1] = _sum(to_forward[-1], self._to_losses[..., None] * self.residuals)
        cotangents = passes.forward_cotangents(to_forward, forward)
        if self._to_first_preactivations is not None:
            cotangents[0] = _sum(cotangents[0], self._to_first_preactivations)
        passes.add_weight_gradients(self.gradients, cotangents, forward, self.batch.X)


def _sum(total, more):
    return more if total is None else total + more


def _flat(array):
    """Outputs of several networks as rows, one network after the other."""
    return array.reshape(-1, array.shape[-1])


class Quantity(ABC):
    """Formula with a value for each row, or with one value for the weights.

    Attributes
    ----------
    keeps_first_preactivations : bool, default=False
        Whether `fused` reads ``evaluation.first_preactivations``.
    can_be_stacked : bool, default=False
        Whether `stacked` is defined.
    has_hessian : bool, default=False
        Whether `curved` is defined.
    can_be_batched : bool, default=False
        Whether `fused` takes evaluations of several networks.
    """

    keeps_first_preactivations = False
    can_be_stacked = False
    has_hessian = False
    can_be_batched = False

    def traced(self, step):
        """Values of rows, shape (n_samples,), or the number, differentiable in ``step.theta``.

        A quantity whose term has a traced form of its own needs none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no traced form.")

    @abstractmethod
    def fused(self, evaluation, coefficients):
        """Inner product of coefficients and values; derivatives are added to the evaluation.

        There is a coefficient for each row, or one number; for several networks a row of them
        each, or a number each, and so many inner products.
        """

    def stacked(self, stack, coefficients):
        """Inner products for several linear models, shape (n_models,).

        A `LinearStack` has computed their outputs.

        Coefficients have the shape (n_models, n_samples) or (n_models,).
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be stacked.")

    def curved(self, outputs, coefficients):
        """Inner product for a linear model with one output; `LinearHessian` has computed it.

        First and second derivatives are added to ``outputs``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no second derivatives here.")


class Losses(Quantity):
    """Negative log-likelihood of each row's target."""

    can_be_stacked = has_hessian = can_be_batched = True

    def traced(self, step):
        return step.losses

    def fused(self, evaluation, coefficients):
        evaluation.add_to_losses(coefficients)
        return np.vecdot(coefficients, evaluation.losses)

    def stacked(self, stack, coefficients):
        stack.add_to_outputs(coefficients[:, :, None] * stack.residuals)
        return np.vecdot(stack.losses, coefficients)

    def curved(self, outputs, coefficients):
        outputs.first += coefficients * outputs.residuals
        outputs.second += coefficients * outputs.seconds
        return coefficients @ outputs.losses


class SquaredWeights(Quantity):
    """Sum of the squares of all weights."""

    can_be_stacked = has_hessian = can_be_batched = True

    def traced(self, step):
        return step.network.squared_weights(step.theta)

    def fused(self, evaluation, coefficients):
        factors, total = 2 * np.asarray(coefficients)[..., None, None], 0.0
        for (G, _), (W, _) in zip(evaluation.gradients, evaluation.layers, strict=True):
            total += np.vecdot(W, W).sum(axis=-1)
            G += factors.astype(W.dtype, copy=False) * W
        return coefficients * total

    def stacked(self, stack, coefficients):
        stack.to_weights += (2 * coefficients)[:, None, None] * stack.weights
        return coefficients * np.einsum("mdk,mdk->m", stack.weights, stack.weights)

    def curved(self, outputs, coefficients):
        outputs.to_weights += 2 * coefficients * outputs.weights
        outputs.weights_hessian[np.diag_indices(len(outputs.weights))] += 2 * coefficients
        return coefficients * (outputs.weights @ outputs.weights)


class SquaredInputGradients(Quantity):
    """Squared norm of the gradient of each row's loss with respect to the row.

    Parameters
    ----------
    mask : ndarray of shape (n_features,) or (n_samples, n_features), default=None
        Factors of its entries.
    """

    can_be_batched = True

    def __init__(self, mask=None):
        self.mask = mask

    @property
    def can_be_stacked(self):
        """Whether there is no mask of entries."""
        return self.mask is None or self.mask.ndim == 1

    has_hessian = can_be_stacked

    def traced(self, step):
        return step.squared_input_gradients(mask=self.mask)

    def fused(self, evaluation, coefficients):
        (W, _), (G, _) = evaluation.layers[0], evaluation.gradients[0]
        D = evaluation.backward[0]
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
        return np.vecdot(coefficients, norms)

    def stacked(self, stack, coefficients):
        W = stack.weights if self.mask is None else self.mask[:, None] * stack.weights
        values, to_residuals, to_W = _squared_norms(stack.residuals, W, coefficients)
        stack.to_weights += to_W if self.mask is None else self.mask[:, None] * to_W
        stack.add_to_residuals(to_residuals)
        return values

    def curved(self, outputs, coefficients):
        # the product of ‖W‖², of the weights, and a weighted sum of squared residuals
        factors = np.ones_like(outputs.weights) if self.mask is None else self.mask**2
        R, H, weighted = outputs.residuals, outputs.seconds, coefficients * outputs.residuals
        size, to_weights = factors @ outputs.weights**2, 2 * factors * outputs.weights
        total, to_outputs = weighted @ R, 2 * weighted * H
        outputs.to_weights += total * to_weights
        outputs.weights_hessian[np.diag_indices(len(factors))] += 2 * total * factors
        outputs.first += size * to_outputs
        outputs.second += 2 * size * (coefficients * H**2 + weighted * outputs.thirds)
        outputs.add_product(to_weights, to_outputs)
        return size * total


def _squared_norms(R, W, factors):
    """Sums of ``factors · ‖R Wᵀ‖²`` over rows, one for each model, and their derivatives.

    R has the shape (m, n, k), and W (m, d, k).
    """
    grams = W.transpose(0, 2, 1) @ W  # so that arrays as wide as X are not built
    scaled = factors[:, :, None] * R
    moments = R.transpose(0, 2, 1) @ scaled
    to_R = scaled * (2 * grams) if R.shape[2] == 1 else scaled @ (2 * grams)
    return (grams * moments).sum(axis=(1, 2)), to_R, W @ (2 * moments)
