from copy import copy

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._engine.autodiff import ArrayTuple, defvjp, numpy, opaque, primitive
from sklearn_irg._engine.parametrizations import StandardizedInputs
from sklearn_irg._engine.quantities import Quantity
from sklearn_irg._perturbations.largest_increase import largest_increase
from sklearn_irg.penalties._base import SamplePenalty
from sklearn_irg.penalties._worst_inputs import worst_inputs

__all__ = ["WorstLinearLoss", "has_closed_form", "worst_outputs"]

# standard deviation of a constant column, relative to its mean: differences of squares leave the
# root of the relative precision, 1e-8, of it
_CONSTANT = 1e-6


def has_closed_form(network):
    """Whether the worst point of each row is known in closed form.

    It is for linear models with one output, or with one for each class.

    Parameters
    ----------
    network : Network
        The model.

    Returns
    -------
    has_closed_form : bool
        Whether `WorstLinearLoss` is the loss there.
    """
    n_outputs = network.layer_sizes[-1]
    return len(network.layer_sizes) == 2 and (n_outputs == 1 or network.likelihood.is_categorical)


def worst_outputs(step, inputs):
    """Outputs where the loss of each row's class is largest, as constants.

    They are in closed form where that is known, else at the point that an attack finds.

    Parameters
    ----------
    step : Step
        The rows, each of one class.
    inputs : InputPerturbations
        Their perturbation sets.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        Of the network.
    """
    W, targets = step.network.unpack(step.theta)[0][0], step.targets
    if not has_closed_form(step.network):
        return step.frozen_forward_at(worst_inputs(step, inputs, targets))[-1]
    if step.likelihood.is_categorical:
        return step.frozen_outputs + _increases_above(W, inputs, targets.argmax(axis=1), None)[0]
    signs = 1.0 - 2.0 * targets[:, 0]
    return (
        step.frozen_outputs + signs.astype(W.dtype)[:, None] * _increases(W, inputs, signs, None)[0]
    )


class WorstLinearLoss(SamplePenalty):
    """Loss of a linear model at the worst point of each row's perturbation set.

    It has a closed form, convex in the parameters. With one output it is the loss at the worse end
    of the output's interval; with several classes it is the loss with the largest score of each
    other class above the true one, a bound where these are at different points. By the envelope
    theorem its gradient is that of the loss with the points held constant. It has kinks where
    points tie.

    Parameters
    ----------
    inputs : InputPerturbations
        Perturbation sets of the rows of the fit.
    rows : Rows
        The rows of the fit.
    """

    is_loss = True
    has_kinks = True
    _sharpness = None

    def __init__(self, inputs, rows):
        self.inputs = inputs
        self._moments = _moments(rows)
        self._one_class_each = bool(np.isin(rows.targets, (0, 1)).all())

    @property
    def builds_inputs(self):
        """Whether it builds arrays nearly as wide as X: of the numbers that move, not of levels."""
        return 2 * len(self.inputs.steps) > self.inputs.n_inputs

    def bounded(self, network):
        return StandardizedInputs(*self._moments), self

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other

    def values(self, step):
        inputs = self.inputs.take(step.positions)
        return (self._of_classes if step.likelihood.is_categorical else self._of_one_output)(
            step, inputs
        )

    def summands(self, step):
        if (
            step.likelihood.n_classes(1) != 2
            or step.likelihood.is_categorical
            or not self._one_class_each
        ):
            return None
        inputs = self.inputs.take(step.positions)
        return [(step.weights_of(self.group), _LossesAtEnd(inputs, self._sharpness))]

    def _of_one_output(self, step, inputs):
        """Loss at one end of the output's interval, or at the worse one.

        It is convex, so no point between the ends is worse.
        """
        targets = step.targets
        if step.likelihood.n_classes(1) == 2 and self._one_class_each:
            return self._loss_at_end(step, inputs, 1.0 - 2.0 * targets[:, 0])
        signs = np.ones(len(targets))
        return numpy.maximum(
            self._loss_at_end(step, inputs, signs), self._loss_at_end(step, inputs, -signs)
        )

    def _loss_at_end(self, step, inputs, signs):
        increase = _increases(step.network.weight(step.theta, 0), inputs, signs, self._sharpness)[0]
        return step.likelihood.evaluate(
            step.outputs + signs.astype(step.X.dtype)[:, None] * increase, step.targets
        )[0]

    def _of_classes(self, step, inputs):
        """Loss with the true class as far below the others as can be.

        Of a label shared by several classes it is the mean for each class, weighted by the shares.
        """
        targets = step.targets
        if self._one_class_each:
            return self._loss_below(step, inputs, targets.argmax(axis=1), targets)
        classes = np.eye(targets.shape[1], dtype=targets.dtype)
        return sum(
            targets[:, k]
            * self._loss_below(
                step, inputs, np.full(len(targets), k), np.tile(classes[k], (len(targets), 1))
            )
            for k in range(len(classes))
        )

    def _loss_below(self, step, inputs, labels, targets):
        above = _increases_above(
            step.network.weight(step.theta, 0), inputs, labels, self._sharpness
        )[0]
        return step.likelihood.evaluate(step.outputs + above, targets)[0]


class _LossesAtEnd(Quantity):
    """Loss of each row of one of two classes at the worse end of the output's interval."""

    keeps_first_preactivations = True

    def __init__(self, inputs, sharpness):
        self.inputs = inputs
        self.sharpness = sharpness

    def fused(self, evaluation, coefficients):
        signs, W = 1.0 - 2.0 * evaluation.batch.targets[:, 0], evaluation.layers[0][0]
        increases, pull_back = largest_increase(
            self.inputs,
            W[:, 0].astype(np.float64, copy=False),
            signs.astype(np.float64, copy=False),
            self.sharpness,
        )
        losses, to_preactivations = evaluation.losses_and_vjp_at(
            evaluation.first_preactivations + (signs * increases).astype(W.dtype)[:, None]
        )
        arrived = signs * to_preactivations(coefficients)[:, 0]
        evaluation.gradients[0][0][:, 0] += pull_back(arrived.astype(np.float64, copy=False))
        return coefficients @ losses


def _moments(rows):
    """Weighted mean and standard deviation of each column of X, which may be sparse.

    The standard deviation is one where the column is constant.
    """
    weights = rows.weights_of("labeled").astype(np.float64)
    squares = rows.X.power(2) if issparse(rows.X) else np.square(rows.X, dtype=np.float64)
    means = weights @ rows.X
    variances = weights @ squares - means**2
    scales = np.sqrt(np.maximum(variances, 0))
    return means, np.where(scales > _CONSTANT * (1 + np.abs(means)), scales, 1)


@primitive
def _increases(W, inputs, signs, sharpness):
    """Largest change of each row's output in the direction of its sign, shape (n_samples, 1)."""
    values, pull_back = largest_increase(inputs, W[:, 0].astype(np.float64), signs, sharpness)
    return ArrayTuple([values[:, None].astype(W.dtype)], saved=pull_back)


@opaque
def _increases_vjp(g, increases, W):
    return increases.saved(g[0][:, 0].astype(np.float64)).astype(W.dtype)[:, None]


defvjp(_increases, lambda ans, W, *others: lambda g: _increases_vjp(g, ans, W))


@primitive
def _increases_above(W, inputs, labels, sharpness):
    """Largest increase of each class's score above that of each row's label.

    The shape is (n_samples, n_classes).
    """
    increases, pull_backs = np.zeros((len(labels), W.shape[1]), dtype=W.dtype), []
    for k in range(W.shape[1]):
        rows = np.flatnonzero(labels == k)
        some, signs = inputs.take(rows), np.ones(len(rows))
        for c in range(W.shape[1]) if len(rows) else ():
            if c != k:
                direction = W[:, c].astype(np.float64) - W[:, k]
                increases[rows, c], pull_back = largest_increase(some, direction, signs, sharpness)
                pull_backs.append((rows, k, c, pull_back))
    return ArrayTuple([increases], saved=pull_backs)


@opaque
def _increases_above_vjp(g, increases, W):
    gradient = np.zeros(W.shape)
    for rows, k, c, pull_back in increases.saved:
        change = pull_back(g[0][rows, c].astype(np.float64))
        gradient[:, c] += change
        gradient[:, k] -= change
    return gradient.astype(W.dtype)


defvjp(_increases_above, lambda ans, W, *others: lambda g: _increases_above_vjp(g, ans, W))
