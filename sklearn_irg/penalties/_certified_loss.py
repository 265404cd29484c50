from copy import copy
from typing import NamedTuple

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice, check_integer, check_real
from sklearn_irg._engine.autodiff import (
    ArrayTuple,
    defvjp,
    matmul,
    numpy,
    opaque,
    primitive,
    stop_gradient,
)
from sklearn_irg._engine.derivative_checks import are_alike
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._engine.passes import activate
from sklearn_irg._engine.sensitivity import absolute
from sklearn_irg._perturbations.unit_reach import unit_reach
from sklearn_irg.penalties._base import SamplePenalty
from sklearn_irg.penalties._interval_losses import IntervalLosses
from sklearn_irg.penalties._threats import RADIUS, TakesThreat
from sklearn_irg.penalties._worst_linear_loss import WorstLinearLoss, has_closed_form

_TINY = 1e-30  # keeps roots and quotients finite at zero; normal in single precision too


class CertifiedLoss(TakesThreat, SamplePenalty):
    r"""Loss at the worst outputs that interval bounds allow near each sample: certified training.

    .. math:: \ell(\hat z_i, y_i), \qquad
        \hat z_{ik} = -\min_{\text{bounds of } \lVert r \rVert \le \epsilon} (z_{y_i} - z_k)

    averaged over samples [1]_. The input of each unit, as a sample moves within a ball, is bounded
    by an interval, layer by layer, through the absolute values of the weights; the last layer is
    expressed as margins. It is never below the loss under any attack within the ball, and for
    linear models of two classes it is the loss at the worst point. `AdversarialLoss` is below it
    and costs less accuracy; `sklearn_irg.attacks.certified_accuracy` measures what either achieves.
    Dropout is not applied.

    The loss is the cross-entropy of the true label, or of the label as a
    `sklearn_irg.losses.LabelSmoothing` leaves it: the bound is then the mean of those of all
    classes, weighted by the smoothed label. Other losses are not supported together with it, since
    it does not bound them; a `sklearn_irg.losses.Flooding` floods the loss only.

    With a threat model in place of the ball, the first layer's intervals hold all that each row may
    become: numbers within bounds, and for each unit the largest changes by as many swaps of
    categories as are allowed. Integers may be fractions. For linear models without a ramp the loss
    is that of the worst point, as in `AdversarialLoss`.

    Parameters
    ----------
    epsilon : float, default=None
        Radius of the ball, in units of X; ``None`` is 0.1 where there is no threat model.
    norm : {"linf", "l2", "l1"}, default=None
        Norm of the ball; ``None`` is "linf" where there is no threat model.
    n_ramp_up_epochs : int, default=0
        Number of epochs in which the intervals grow linearly, from zero: early in training the
        bounds are so wide that the network would learn a constant prediction.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name, position, or a boolean per column. ``None`` means all.
    threat : ThreatModel, default=None
        What rows may become, in place of ``epsilon``, ``norm`` and ``features``: fitted on the
        columns of X. Behind the steps of a pipeline use `sklearn_irg.RobustTrainingClassifier`,
        which hands it to the penalty, and leave it ``None``.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, X is sparse and the model not linear, targets
        are numbers, not classes, the loss is not the cross-entropy, or there is a radius in
        addition to a threat.

    See Also
    --------
    AdversarialLoss : Loss at the worst point that an attack finds.

    References
    ----------
    .. [1] Gowal et al. (2018), "On the effectiveness of interval bound propagation for training
       verifiably robust models".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.attacks import certified_accuracy
    >>> from sklearn_irg.penalties import CertifiedLoss
    >>> X, y = load_iris(return_X_y=True)
    >>> options = {"learning_rate_init": 0.01, "tol": 5e-3, "max_iter": 1000, "random_state": 0}
    >>> for alpha in (0, 1):
    ...     model = GradRegMLPClassifier((20,), penalty=CertifiedLoss(0.3), alpha=alpha, **options).fit(X, y)
    ...     print(f"{model.score(X, y):.2f} {certified_accuracy(model, X, y, 0.3, norm='linf'):.2f}")
    0.97 0.5...
    0.9... 0.5...
    """

    is_loss = True
    has_kinks = True  # where a weight is zero
    _sharpness = None
    _share = 1.0  # of the intervals, in early epochs

    def __init__(self, epsilon=None, norm=None, n_ramp_up_epochs=0, features=None, threat=None):
        self.epsilon = epsilon
        self.norm = norm
        self.n_ramp_up_epochs = n_ramp_up_epochs
        self.features = features
        self.threat = threat

    @property
    def _radius(self):
        return RADIUS if self.epsilon is None else float(self.epsilon)

    @property
    def _norm(self):
        return "linf" if self.norm is None else self.norm

    def check_parameters(self):
        self._check_threat()
        check_real(self._radius, "epsilon", 0, open_low=True)
        check_choice(self._norm, "norm of CertifiedLoss", ("linf", "l2", "l1"))
        check_integer(self.n_ramp_up_epochs, "n_ramp_up_epochs", 0)

    def check(self, columns, likelihood):
        columns.mask_of(self.features)
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"CertifiedLoss needs class margins, which {likelihood!r} does not have."
            )
        if not are_alike(Categorical() if likelihood.is_categorical else Bernoulli(), likelihood):
            raise InvalidParameterError(
                "CertifiedLoss bounds the cross-entropy of a softmax or logistic function, which "
                f"{likelihood!r} is not. Use loss=None."
            )

    def check_other_terms(self, terms):
        for term in terms:
            if term.replaces_likelihood:
                raise InvalidParameterError(
                    f"CertifiedLoss bounds the cross-entropy, but {term._name} takes its place. "
                    "Use the default loss, or AdversarialLoss to move the rows."
                )

    def prepared(self, rows, network):
        if has_closed_form(network) and self._has_threat(rows) and self.n_ramp_up_epochs == 0:
            return WorstLinearLoss(self._inputs_of(rows), rows)
        rows.columns.require_dense("CertifiedLoss")
        return self._with_inputs(self._inputs_of(rows))

    @property
    def depends_on_epoch(self):
        """Whether the intervals grow."""
        return self.n_ramp_up_epochs > 0

    def at_epoch(self, epoch):
        """The term with the intervals of an epoch, counted from 0."""
        if epoch >= self.n_ramp_up_epochs:
            return self
        # never zero, so that all epochs take the same steps
        other = copy(self)
        other._share = (epoch + 1) / (self.n_ramp_up_epochs + 1)
        other.n_ramp_up_epochs = 0
        return other

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other

    def summands(self, step):
        inputs, is_known = (
            self._inputs,
            np.isin(step.targets, (0, 1)).all() and step.targets.shape[1] == 1,
        )
        if (
            inputs is None
            or self._sharpness is not None
            or not is_known
            or len(step.network.shapes) == 1
        ):
            return None
        return [
            (
                step.weights_of(self.group),
                IntervalLosses(inputs.take(step.positions), self._share),
            )
        ]

    def values(self, step):
        network, theta = step.network, step.theta
        inputs = None if self._inputs is None else self._inputs.take(step.positions)
        place = _Place(step.X, None, step.columns_of(self.features), inputs)
        *hidden, last = range(len(network.shapes))
        for layer in hidden:
            W = network.weight(theta, layer)
            middle = _plus(matmul(place.center, W), network.bias(theta, layer))
            up, down = self._reaches(W, place)
            high, low = (
                activate(middle + up, network.activation),
                activate(middle - down, network.activation),
            )
            place = _Place(0.5 * (high + low), 0.5 * (high - low))
        W, b = network.weight(theta, last), network.bias(theta, last)
        return (
            self._bound_of_classes if step.likelihood.is_categorical else self._bound_of_outputs
        )(step, W, b, place)

    def _bound_of_outputs(self, step, W, b, place):
        """Loss of each output at the worse end of its interval.

        The loss is convex, so no point between the ends is worse.
        """
        scores, targets = _plus(matmul(place.center, W), b), step.targets
        up, down = self._reaches(W, place)
        if (
            (targets == 0) | (targets == 1)
        ).all():  # of one class each, and known which end is worse
            return step.likelihood.evaluate(scores + numpy.where(targets == 0, up, -down), targets)[
                0
            ]
        targets = targets.reshape(-1, 1)
        low, high = (
            step.likelihood.evaluate(numpy.reshape(end, (-1, 1)), targets)[0]
            for end in (scores - down, scores + up)
        )
        return numpy.sum(numpy.reshape(numpy.maximum(low, high), step.targets.shape), axis=1)

    def _bound_of_classes(self, step, W, b, place):
        """Loss with the true class as far below the others as can be.

        Of a label shared by several classes it is the mean for each class, weighted by the shares.
        """
        targets = step.targets
        above = [self._above(k, W, b, place) for k in range(W.shape[1])]
        if np.isin(targets, (0, 1)).all():  # one class per row, so one loss
            worst = sum(targets[:, k : k + 1] * above_k for k, above_k in enumerate(above))
            return step.likelihood.evaluate(worst, targets)[0]
        classes = np.eye(W.shape[1], dtype=targets.dtype)
        losses = [
            step.likelihood.evaluate(above_k, np.broadcast_to(classes[k], targets.shape))[0]
            for k, above_k in enumerate(above)
        ]
        return sum(targets[:, k] * losses_k for k, losses_k in enumerate(losses))

    def _above(self, k, W, b, place):
        """Upper bounds on the scores of all classes minus that of class k."""
        differences = W - W[:, k : k + 1]
        above = matmul(place.center, differences) + self._reach(differences, place)
        return above if b is None else above + (b - b[k])

    def _reaches(self, W, place):
        """Largest increase and decrease of linear functions of a layer's input from its center."""
        up = self._reach(W, place)
        return up, up if place.inputs is None else self._reach(-W, place)

    def _reach(self, W, place):
        """Largest increase of linear functions of a layer's input from its center."""
        if place.width is not None:
            return matmul(place.width, self._absolute(W))
        if place.inputs is not None:
            return self._share * _reach_of_inputs(W, place.inputs)[0]
        W = W if place.mask is None else W * place.mask[:, None]
        if self._norm == "linf":
            norms = numpy.sum(self._absolute(W), axis=0)
        elif self._norm == "l1":
            norms = self._largest(self._absolute(W))
        else:
            norms = numpy.sqrt(numpy.sum(W * W, axis=0) + _TINY)
        return self._share * self._radius * norms

    def _absolute(self, W):
        """Absolute weights, or a smooth upper bound on them."""
        if self._sharpness is None:
            return numpy.abs(W)
        return absolute(W, numpy.mean(W * W) * self._sharpness**-2 + _TINY)

    def _largest(self, sizes):
        """The largest of each column, or a smooth upper bound on it."""
        if self._sharpness is None:
            return numpy.max(sizes, axis=0)
        largest = np.max(stop_gradient(sizes), axis=0) + _TINY
        power = self._sharpness / 16
        return largest * numpy.exp(numpy.log(numpy.sum((sizes / largest) ** power, axis=0)) / power)


class _Place(NamedTuple):
    """Region that holds the input of a layer, around its center.

    ``width`` is half of that of an interval; for the first layer it is None, and the region is the
    ball, in columns of the mask, or the perturbation set.
    """

    center: np.ndarray
    width: np.ndarray | None
    mask: np.ndarray | None = None
    inputs: object = None


@primitive
def _reach_of_inputs(W, inputs):
    """`unit_reach` as a differentiable function of the weights."""
    reach, pull_back = unit_reach(inputs, W.astype(np.float64, copy=False))
    return ArrayTuple([reach.astype(W.dtype, copy=False)], saved=pull_back)


@opaque
def _reach_of_inputs_vjp(g, reach, W):
    return reach.saved(g[0].astype(np.float64, copy=False)).astype(W.dtype, copy=False)


defvjp(_reach_of_inputs, lambda ans, W, inputs: lambda g: _reach_of_inputs_vjp(g, ans, W))


def _plus(product, bias):
    return product if bias is None else product + bias
