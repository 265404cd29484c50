import warnings
from copy import copy

import numpy as np

from sklearn_irg._checks import check_choice, check_integer
from sklearn_irg._engine.autodiff import (
    matmul,
    matmul_transposed,
    numpy,
    root,
    row_absolute_sum,
    row_dot,
    stop_gradient,
)
from sklearn_irg._engine.parametrizations import ScaledRows, SignedParts
from sklearn_irg._engine.quantities import SquaredInputGradients
from sklearn_irg._engine.sensitivity import absolute
from sklearn_irg.penalties._base import SamplePenalty
from sklearn_irg.penalties._threats import TakesThreat


class InputGradient(TakesThreat, SamplePenalty):
    r"""Norm of the gradient of the loss with respect to the input.

    .. math:: \lVert c \circ \nabla_{x_i} \ell(f(x_i), y_i) \rVert_2^2 \quad\text{or}\quad
        \lVert c \circ \nabla_{x_i} \ell(f(x_i), y_i) \rVert_1

    summed over features and averaged over samples [1]_ [2]_. The loss is the negative
    log-likelihood of the true label, or of the label as a `sklearn_irg.losses.LabelSmoothing`
    leaves it.

    Parameters
    ----------
    norm : {"l2", "l1"}, default=None
        "l2" is squared and makes the loss flat around each sample; "l1" makes it depend on few
        features. ``None`` is "l2" where there is no threat model.
    features : sequence of str, int or bool, default=None
        Columns to penalize, by name, position, or a boolean per column. ``None`` means all. Single
        entries are chosen by ``fit(X, y, mask=A)`` with A one where the gradient is penalized.
    weights : dict of str or int to float, or array-like of shape (n_features,), default=None
        Factors c for the derivative with respect to each column, its cost; one for columns not in
        the dict. With "l1", expensive columns drop out first.
    power : {1, 2}, default=None
        Power of the norm; ``None`` is 2 for "l2" and 1 for "l1". With "l2", 1 is the norm itself.
    threat : ThreatModel, default=None
        What rows may become, for comparison with `AdversarialLoss`: the penalty is then, to first
        order, by how much the loss grows within its ball: its radius times the dual norm of the
        gradient in its units, in place of ``norm``, ``features``, ``weights`` and ``power``.
        Bounds, integers and swaps are not taken into account.

    Raises
    ------
    ValueError
        In ``fit``, for an unknown norm or feature, or one of them in addition to a threat.

    Warns
    -----
    UserWarning
        In ``fit``, if the threat has more to it than a ball.

    See Also
    --------
    VirtualAdversarial : Penalizes the worst change of the prediction at a distance, and needs no
        labels.

    Notes
    -----
    For a linear model "l1" drops features: for two classes it is the L1 norm of the coefficients
    times the mean absolute residual. `GradRegLogisticRegression` with its default solver sets the
    coefficients of such features exactly to zero, for all classes at once; not under a constraint
    such as `SpectralNormalization`, where they only become small.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double
       backpropagation".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.penalties import InputGradient
    >>> X, y = load_iris(return_X_y=True)
    >>> penalty = InputGradient(features=[2, 3])
    >>> round(GradRegLogisticRegression(penalty, alpha=0.1, max_iter=500).fit(X, y).score(X, y), 2)
    0.97
    """

    uses_mask = True
    takes_threat = False  # but one of its own
    _of_a_ball = ("norm", "features", "weights", "power")
    _sharpness = None

    @property
    def _norm(self):
        return "l2" if self.norm is None else self.norm

    @property
    def builds_inputs(self):
        """Whether gradients are built rather than only their norms."""
        return self._inputs is not None or self._norm != "l2"

    @property
    def has_kinks(self):
        """Whether absolute values or roots are taken."""
        return self._inputs is not None or self._norm != "l2" or self.power == 1

    def __init__(self, norm=None, features=None, weights=None, power=None, threat=None):
        self.norm = norm
        self.features = features
        self.weights = weights
        self.power = power
        self.threat = threat

    def check_parameters(self):
        self._check_threat()
        check_choice(self._norm, "norm of InputGradient", ("l2", "l1"))
        if self.power is not None:
            check_integer(self.power, "power of InputGradient", 1, 2)

    def check(self, columns, likelihood):
        del likelihood
        columns.mask_of(self.features, self.weights)

    def prepared(self, rows, network):
        if self.threat is None:
            return self
        inputs = self._inputs_of(rows)
        if inputs.is_more_than_ball:
            warnings.warn(
                "InputGradient does not take bounds, integers and swaps of the threat into "
                "account. AdversarialLoss does.",
                stacklevel=2,
            )
        return self._with_inputs(inputs)

    def values(self, step):
        if self._inputs is not None:
            return self._growth(step, self._inputs.take(step.positions))
        mask = step.mask_of(self.features, self.weights)
        if self._norm == "l2":
            squares = step.squared_input_gradients(mask=mask)
            return self._roots(step, squares) if self.power == 1 else squares
        sums = step.absolute_input_gradients(mask=mask, sharpness=self._sharpness)
        return sums * sums if self.power == 2 else sums

    def _growth(self, step, inputs):
        """Growth of the loss within the ball of each row, to first order."""
        dtype = step.X.dtype
        W = matmul(inputs.weights.astype(dtype), step.network.weight(step.theta, 0))
        gradients = matmul_transposed(
            step.network.backward(step.theta, step.forward, step.residuals)[0], W
        )
        gradients = gradients * (inputs.low < inputs.high).astype(dtype)
        if inputs.norm == "linf":
            norms = row_absolute_sum(gradients)
        elif inputs.norm == "l1":
            norms = numpy.max(numpy.abs(gradients), axis=1)
        else:
            norms = root(row_dot(gradients, gradients))
        return inputs.radii.astype(dtype) * norms

    def summands(self, step):
        if self._inputs is not None or self._norm != "l2" or self.power == 1:
            return None
        return [
            (
                step.weights_of(self.group),
                SquaredInputGradients(step.mask_of(self.features, self.weights)),
            )
        ]

    def _roots(self, step, squares):
        if self._sharpness is None:
            return root(squares)
        residuals = step.residuals  # in proportion to them, so that units do not matter
        return numpy.sqrt(
            squares
            + row_dot(residuals, residuals) * (1 / self._sharpness**2)
            + np.finfo(squares.dtype).tiny
        )

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other

    def bounded(self, network):
        if (
            self._inputs is not None
            or self._norm == "l2"
            or self.power == 2
            or len(network.layer_sizes) > 2
        ):
            return None
        if network.layer_sizes[1] == 1:
            return SignedParts(), _L1OfSignedParts(self.features, self.weights)
        return ScaledRows(), _L1OfScaledRows(self.features, self.weights)


class _L1OfSignedParts(SamplePenalty):
    """L1 norms of the input gradients of a linear model with one output and ``w = u - v``.

    That of row i is |r_i| · Σ (u + v).
    """

    def __init__(self, features, weights):
        self.features = features
        self.weights = weights

    def values(self, step):
        d = step.network.layer_sizes[0]
        mask = step.mask_of(self.features, self.weights)
        total = step.solver_theta[:d] + step.solver_theta[d : 2 * d]
        size = (step.residuals * np.sign(stop_gradient(step.residuals)))[:, 0]
        return size * (numpy.sum(total) if mask is None else numpy.dot(mask, total))


class _L1OfScaledRows(SamplePenalty):
    """L1 norms of the input gradients of a linear model with ``W_d = s_d U_d``.

    That of row i is Σ_d s_d |r_i · U_d|.
    """

    has_kinks = True  # where r_i is orthogonal to U_d

    def __init__(self, features, weights, sharpness=None):
        self.features = features
        self.weights = weights
        self.sharpness = sharpness

    def values(self, step):
        d, k = step.network.layer_sizes
        mask = step.mask_of(self.features, self.weights)
        s, U = step.solver_theta[:d], numpy.reshape(step.solver_theta[d : d + d * k], (d, k))
        width = None
        if (
            self.sharpness is not None
        ):  # in proportion to the residuals, so that units do not matter
            width = row_dot(step.residuals, step.residuals)[:, None] * (1 / (k * self.sharpness**2))
        size = absolute(matmul_transposed(step.residuals, U), width)
        if mask is not None and mask.ndim == 2:
            return numpy.dot(size * mask, s)
        return numpy.dot(size, s if mask is None else s * mask)

    def smoothed(self, sharpness):
        return _L1OfScaledRows(self.features, self.weights, sharpness)
