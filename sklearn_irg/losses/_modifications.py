from copy import copy

from sklearn_irg._checks import InvalidParameterError, check_real
from sklearn_irg._engine.autodiff import combine
from sklearn_irg._engine.sensitivity import absolute
from sklearn_irg.losses._base import Loss, as_loss, check_loss


def _as_wrapped(name):
    return property(lambda self: getattr(self.wrapped, name))


class _LossWrapper(Loss):
    """Modification of another loss, its parameter ``loss``."""

    group = _as_wrapped("group")
    samples = _as_wrapped("samples")
    likelihood = _as_wrapped("likelihood")
    needs_whole_batch = _as_wrapped("needs_whole_batch")
    builds_inputs = _as_wrapped("builds_inputs")
    uses_mask = _as_wrapped("uses_mask")
    takes_threat = _as_wrapped("takes_threat")
    is_stochastic = _as_wrapped("is_stochastic")
    is_detached = _as_wrapped("is_detached")
    has_kinks = _as_wrapped("has_kinks")
    depends_on_epoch = _as_wrapped("depends_on_epoch")
    replaces_likelihood = _as_wrapped("replaces_likelihood")
    differentiates_parameters = _as_wrapped("differentiates_parameters")

    @property
    def _name(self):
        return f"{type(self).__name__} of {self.wrapped._name}"

    @property
    def wrapped(self):
        """The loss that is modified, as an object."""
        return as_loss(self.loss)

    def check_parameters(self):
        check_loss(self.loss)

    def check(self, columns, likelihood):
        self.wrapped.check(columns, likelihood)

    def check_other_terms(self, terms):
        self.wrapped.check_other_terms(terms)

    def transform_targets(self, targets, likelihood):
        return self.wrapped.transform_targets(targets, likelihood)

    def contributions(self, step):
        return self.wrapped.contributions(step)

    def bounded(self, network):
        pair = self.wrapped.bounded(network)
        return None if pair is None else (pair[0], self._of(pair[1]))

    def prepared(self, rows, network):
        return self._of(self.wrapped.prepared(rows, network))

    def at_epoch(self, epoch):
        wrapped = self.wrapped
        now = wrapped.at_epoch(epoch)
        return self if now is wrapped else self._of(now)

    def smoothed(self, sharpness):
        return self._of(self.wrapped.smoothed(sharpness))

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
    >>> GradRegMLPClassifier(loss=Flooding(0.1, loss=LabelSmoothing(0.05)))
    GradRegMLPClassifier(loss=Flooding(level=0.1, loss=LabelSmoothing(amount=0.05)))
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

    A target y becomes ``(1 - amount) * y + amount / n_classes``; for binary and multilabel targets
    ``n_classes`` is 2 [1]_.

    Parameters
    ----------
    amount : float
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
    LabelSmoothing(amount=0.1)
    """

    def __init__(self, amount, loss=None):
        self.amount = amount
        self.loss = loss

    def check_parameters(self):
        check_real(self.amount, "amount", 0, 1)
        super().check_parameters()
        if self.wrapped.group == "all":
            raise InvalidParameterError(
                f"LabelSmoothing has no labels to smooth in {self.loss!r}, which reads none."
            )

    def summands(self, step):
        return self.wrapped.fused_summands(step)  # it changes targets only

    def transform_targets(self, targets, likelihood):
        n_classes, amount = likelihood.n_classes(targets.shape[1]), float(self.amount)
        if n_classes is None:
            raise InvalidParameterError(
                "LabelSmoothing mixes the probabilities of classes, so it has no meaning for "
                f"{likelihood!r}."
            )
        return (1 - amount) * super().transform_targets(targets, likelihood) + amount / n_classes
