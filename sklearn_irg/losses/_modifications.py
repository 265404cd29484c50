from copy import copy

from sklearn_irg._checks import InvalidParameterError, check_real
from sklearn_irg._engine.autodiff import combine
from sklearn_irg._engine.sensitivity import absolute
from sklearn_irg.losses._base import Loss, as_loss, check_loss


def _of_inner_loss(name):
    return property(lambda self: getattr(self.inner_loss, name))


class _LossWrapper(Loss):
    """Modification of another loss, its parameter ``loss``."""

    group = _of_inner_loss("group")
    samples = _of_inner_loss("samples")
    likelihood = _of_inner_loss("likelihood")
    needs_whole_batch = _of_inner_loss("needs_whole_batch")
    builds_inputs = _of_inner_loss("builds_inputs")
    uses_mask = _of_inner_loss("uses_mask")
    takes_threat = _of_inner_loss("takes_threat")
    is_stochastic = _of_inner_loss("is_stochastic")
    is_detached = _of_inner_loss("is_detached")
    has_kinks = _of_inner_loss("has_kinks")
    depends_on_epoch = _of_inner_loss("depends_on_epoch")
    replaces_likelihood = _of_inner_loss("replaces_likelihood")
    differentiates_parameters = _of_inner_loss("differentiates_parameters")

    @property
    def _name(self):
        return f"{type(self).__name__} of {self.inner_loss._name}"

    @property
    def inner_loss(self):
        """The loss that is modified, as an object."""
        return as_loss(self.loss)

    def check_parameters(self):
        check_loss(self.loss)

    def check(self, columns, likelihood):
        self.inner_loss.check(columns, likelihood)

    def check_other_terms(self, terms):
        self.inner_loss.check_other_terms(terms)

    def transform_targets(self, targets, likelihood):
        return self.inner_loss.transform_targets(targets, likelihood)

    def contributions(self, step):
        return self.inner_loss.contributions(step)

    def bounded(self, network):
        pair = self.inner_loss.bounded(network)
        return None if pair is None else (pair[0], self._of(pair[1]))

    def prepared(self, rows, network):
        return self._of(self.inner_loss.prepared(rows, network))

    def at_epoch(self, epoch):
        inner = self.inner_loss
        now = inner.at_epoch(epoch)
        return self if now is inner else self._of(now)

    def smoothed(self, sharpness):
        return self._of(self.inner_loss.smoothed(sharpness))

    def _of(self, loss):
        """The same modification of another loss."""
        other = copy(self)
        other.loss = loss
        return other


class Flooding(_LossWrapper):
    r"""Keeps the mean loss of each minibatch from falling below a level.

    .. math:: \lvert L - b \rvert + b

    so that below the level b the loss is increased [1]_. With "lbfgs" the minibatch is all rows,
    and the fit ends at the level if data and penalty allow the loss to reach it.

    Parameters
    ----------
    level : float
        The level b, non-negative.
    loss : None, str, Likelihood or Loss, default=None
        The loss to flood.

    References
    ----------
    .. [1] Ishida, Yamane, Sakai, Niu and Sugiyama (2020), "Do we need zero training loss after
       achieving zero training error?".

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.losses import Flooding, LabelSmoothing
    >>> GradRegMLPClassifier(loss=Flooding(0.1, loss=LabelSmoothing(0.05))).loss
    Flooding(level=0.1, loss=LabelSmoothing(smoothing=0.05))
    """

    needs_whole_batch = True
    has_kinks = True  # where the loss is at the level
    _squared_width = None

    def __init__(self, level, loss=None):
        self.level = level
        self.loss = loss

    def check_parameters(self):
        check_real(self.level, "level", 0)
        super().check_parameters()

    def contributions(self, step):
        coefficients, values = zip(*super().contributions(step), strict=True)
        # the weights of a minibatch sum to one on average only, but its mean loss is a mean
        share, level = float(step.weights_of(self.group).sum()), float(self.level)
        mean = combine([coefficient / share for coefficient in coefficients], *values)
        return [(share, absolute(mean - level, self._squared_width) + level)]

    def smoothed(self, sharpness):
        other = super().smoothed(sharpness)
        other._squared_width = sharpness**-2
        return other


class LabelSmoothing(_LossWrapper):
    """Mixes the targets of a classifier with the uniform distribution.

    A target y becomes ``(1 - smoothing) * y + smoothing / n_classes``; for binary and multilabel targets
    ``n_classes`` is 2 [1]_.

    Parameters
    ----------
    smoothing : float
        Share of the uniform distribution, in [0, 1].
    loss : None, Likelihood or Loss, default=None
        The loss whose targets are mixed.

    References
    ----------
    .. [1] Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the Inception
       architecture for computer vision".

    Examples
    --------
    >>> from sklearn_irg.losses import LabelSmoothing
    >>> LabelSmoothing(0.1)
    LabelSmoothing(smoothing=0.1)
    """

    _former_names = {"amount": "smoothing"}

    def __init__(self, smoothing, loss=None):
        self.smoothing = smoothing
        self.loss = loss

    def check_parameters(self):
        check_real(self.smoothing, "smoothing", 0, 1)
        super().check_parameters()
        if self.inner_loss.group == "all":
            raise InvalidParameterError(
                f"LabelSmoothing has no labels to smooth in {self.loss!r}, which reads none."
            )

    def summands(self, step):
        return self.inner_loss.fused_summands(step)  # it changes targets only

    def transform_targets(self, targets, likelihood):
        n_classes, smoothing = likelihood.n_classes(targets.shape[1]), float(self.smoothing)
        if n_classes is None:
            raise InvalidParameterError(
                "LabelSmoothing mixes the probabilities of classes, so it has no meaning for "
                f"{likelihood!r}."
            )
        return (1 - smoothing) * super().transform_targets(
            targets, likelihood
        ) + smoothing / n_classes
