from copy import copy

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice, check_integer, check_real
from sklearn_irg._engine.autodiff import matmul, numpy, stop_gradient
from sklearn_irg._engine.declarations import are_alike
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._engine.passes import activate
from sklearn_irg._engine.sensitivity import absolute
from sklearn_irg.penalties._base import SamplePenalty

_TINY = 1e-30


class CertifiedLoss(SamplePenalty):
    r"""Loss at the worst outputs that interval bounds allow near each sample: certified training.

    .. math:: \ell(\hat z_i, y_i), \qquad \hat z_{ik} = -\min_{\text{bounds of } \lVert r \rVert \le \epsilon} (z_{y_i} - z_k)

    averaged over samples [1]_. The input of each unit, as a sample moves within a ball, is bounded by an interval,
    layer by layer, through the absolute values of the weights; the last layer is expressed as margins. It is never
    below the loss under any attack within the ball, and for linear models of two classes it is the loss at the worst
    point. `AdversarialLoss` is below it and costs less accuracy; `sklearn_irg.attacks.certified_accuracy` measures what
    either achieves. Dropout is not applied.

    The loss is the cross-entropy of the true label, or of the label as a `sklearn_irg.losses.LabelSmoothing` leaves it: the
    bound is then the mean of those of all classes, weighted by the smoothed label. Other losses are not supported together
    with it, since it does not bound them; a `sklearn_irg.losses.Flooding` floods the loss only.

    Parameters
    ----------
    epsilon : float, default=0.1
        Radius of the ball, in units of X.
    norm : {"linf", "l2", "l1"}, default="linf"
        Norm of the ball.
    n_ramp_up_epochs : int, default=0
        Number of epochs in which epsilon grows linearly, from zero: early in training the bounds are so wide that the
        network would learn a constant prediction.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name, position, or a boolean per column. ``None`` means all.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, X is sparse, targets are numbers, not classes, or the loss is not the
        cross-entropy.

    See Also
    --------
    AdversarialLoss : Loss at the worst point that an attack finds.

    References
    ----------
    .. [1] Gowal et al. (2018), "On the effectiveness of interval bound propagation for training verifiably robust models".

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

    def __init__(self, epsilon=0.1, norm="linf", n_ramp_up_epochs=0, features=None):
        self.epsilon = epsilon
        self.norm = norm
        self.n_ramp_up_epochs = n_ramp_up_epochs
        self.features = features

    def check_parameters(self):
        check_real(self.epsilon, "epsilon", 0, open_low=True)
        check_choice(self.norm, "norm of CertifiedLoss", ("linf", "l2", "l1"))
        check_integer(self.n_ramp_up_epochs, "n_ramp_up_epochs", 0)

    def check(self, columns, likelihood):
        columns.require_dense("CertifiedLoss")
        columns.mask_of(self.features)
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(f"CertifiedLoss needs class margins, which {likelihood!r} does not have.")
        if not are_alike(Categorical() if likelihood.is_categorical else Bernoulli(), likelihood):
            raise InvalidParameterError(
                f"CertifiedLoss bounds the cross-entropy of a softmax or logistic function, which {likelihood!r} is not. Use "
                "loss=None."
            )

    def check_beside(self, terms):
        for term in terms:
            if term.replaces_likelihood:
                raise InvalidParameterError(
                    f"CertifiedLoss bounds the cross-entropy, but {term._name} takes its place. Use the default loss, or "
                    "AdversarialLoss to move the rows."
                )

    @property
    def depends_on_epoch(self):
        """Whether epsilon grows."""
        return self.n_ramp_up_epochs > 0

    def at_epoch(self, epoch):
        """The term with the epsilon of an epoch, counted from 0."""
        if epoch >= self.n_ramp_up_epochs:
            return self
        # never zero, so that all epochs take the same steps
        other = copy(self)
        other.epsilon = float(self.epsilon) * (epoch + 1) / (self.n_ramp_up_epochs + 1)
        other.n_ramp_up_epochs = 0
        return other

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other

    def values(self, step):
        network, theta = step.network, step.theta
        mask = step.columns_of(self.features)
        centre, width = step.X, None  # width is half of an interval; None stands for the ball itself
        *hidden, last = range(len(network.shapes))
        for layer in hidden:
            W = network.weight(theta, layer)
            middle = _plus(matmul(centre, W), network.bias(theta, layer))
            half = self._half_width(W, width, mask)
            high, low = activate(middle + half, network.activation), activate(middle - half, network.activation)
            centre, width = 0.5 * (high + low), 0.5 * (high - low)
        W, b = network.weight(theta, last), network.bias(theta, last)
        bound = self._bound_of_classes if step.likelihood.is_categorical else self._bound_of_outputs
        return bound(step, W, b, centre, width, mask)

    def _bound_of_outputs(self, step, W, b, centre, width, mask):
        """Each output's loss at the worse end of its interval; the loss is convex, so no point between is worse."""
        scores, half = _plus(matmul(centre, W), b), self._half_width(W, width, mask)
        targets = step.targets.reshape(-1, 1)
        low, high = (
            step.likelihood.evaluate(numpy.reshape(end, (-1, 1)), targets)[0] for end in (scores - half, scores + half)
        )
        return numpy.sum(numpy.reshape(numpy.maximum(low, high), step.targets.shape), axis=1)

    def _bound_of_classes(self, step, W, b, centre, width, mask):
        """The mean, by a row's shares of classes, of the loss with each class as far below the others as can be."""
        targets = step.targets
        above = [self._above(k, W, b, centre, width, mask) for k in range(W.shape[1])]
        if np.isin(targets, (0, 1)).all():  # one class per row, so one loss
            worst = sum(targets[:, k : k + 1] * above_k for k, above_k in enumerate(above))
            return step.likelihood.evaluate(worst, targets)[0]
        classes = np.eye(W.shape[1], dtype=targets.dtype)
        losses = [
            step.likelihood.evaluate(above_k, np.broadcast_to(classes[k], targets.shape))[0]
            for k, above_k in enumerate(above)
        ]
        return sum(targets[:, k] * losses_k for k, losses_k in enumerate(losses))

    def _above(self, k, W, b, centre, width, mask):
        """How far each class can be above class k."""
        differences = W - W[:, k : k + 1]
        above = matmul(centre, differences) + self._half_width(differences, width, mask)
        return above if b is None else above + (b - b[k])

    def _half_width(self, W, width, mask):
        """How far linear functions of a layer's input can be from their value in the middle."""
        if width is not None:
            return matmul(width, self._absolute(W))
        W = W if mask is None else W * mask[:, None]
        if self.norm == "linf":
            norms = numpy.sum(self._absolute(W), axis=0)
        elif self.norm == "l1":
            norms = self._largest(self._absolute(W))
        else:
            norms = numpy.sqrt(numpy.sum(W * W, axis=0) + _TINY)
        return float(self.epsilon) * norms

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


def _plus(product, bias):
    return product if bias is None else product + bias
