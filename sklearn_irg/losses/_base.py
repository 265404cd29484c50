from abc import abstractmethod

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.derivative_checks import check_likelihood
from sklearn_irg._engine.likelihoods import Gaussian, Likelihood, Poisson
from sklearn_irg._engine.quantities import Losses
from sklearn_irg._engine.terms import BatchTerm, SampleTerm, Term


class Loss(Term):
    """Term of an objective that defines the estimator's task.

    Attributes
    ----------
    group : str, default="labeled"
        Rows that the loss counts: "labeled", or "all" for a loss that reads no labels, with which
        only the number of classes in a classifier's y matters.
    samples : tuple of str or None, default=None
        Names of the samples that a loss compares. The classes of y then say which row is in which
        sample: by name where they are these names, else sorted, in this order.
        ``step.weights_of(name)`` are the weights of one, and minibatches draw from each.
    likelihood : Likelihood or None, default=None
        Distribution of the targets given the outputs; ``None`` chooses it by the kind of targets.
    replaces_likelihood : bool, default=True
        Whether it is another function of the outputs than the negative log-likelihood of their
        targets.

    See Also
    --------
    SampleLoss : A loss with one value per row.
    BatchLoss : A loss of a whole batch.
    """

    samples = None
    likelihood = None
    replaces_likelihood = True
    is_loss = True

    @property
    def group(self):
        return "labeled" if self.samples is None else "all"

    def transform_targets(self, targets, likelihood):
        """Targets that this and every other term of the objective read.

        By default they are the encoded targets, of shape (n_samples, n_outputs), as they are.
        """
        del likelihood
        return targets


class SampleLoss(SampleTerm, Loss):
    """Loss with one value per row, averaged with the sample weights."""

    @abstractmethod
    def values(self, step):
        """Value of each row, shape (n_samples,); see `SamplePenalty`.

        Differentiable with respect to ``step.theta``.
        """


class BatchLoss(BatchTerm, Loss):
    """Loss of a whole batch, which is not a mean over its rows.

    Memory therefore grows with the batch.
    """

    @abstractmethod
    def value(self, step):
        """The number, differentiable with respect to ``step.theta``; see `BatchPenalty`."""


class NegativeLogLikelihood(SampleLoss):
    """Negative log-likelihood of each row's target.

    That is the cross-entropy for classes, and half the squared error for numbers.

    Parameters
    ----------
    likelihood : Likelihood, default=None
        The family of distributions; ``None`` chooses it by the kind of targets.

    Examples
    --------
    >>> from sklearn_irg.likelihoods import Poisson
    >>> from sklearn_irg.losses import Flooding, NegativeLogLikelihood
    >>> Flooding(0.1, loss=NegativeLogLikelihood(Poisson()))
    Flooding(level=0.1, loss=NegativeLogLikelihood(likelihood=Poisson()))
    """

    builds_inputs = False

    def __init__(self, likelihood=None):
        self.likelihood = likelihood

    @property
    def replaces_likelihood(self):
        """Whether a subclass is another function."""
        return type(self) is not NegativeLogLikelihood

    def values(self, step):
        return step.losses

    def summands(self, step):
        return [(step.weights_of(self.group), Losses())]


_BY_NAME = {"squared_error": Gaussian(), "poisson": Poisson()}


def as_loss(loss):
    # the loss that None, a name, a likelihood or an object means, without a check
    if isinstance(loss, Term):  # a loss in another form need not be a Loss
        return loss
    return NegativeLogLikelihood(_BY_NAME[loss] if isinstance(loss, str) else loss)


def check_loss(loss):
    """Loss object for None, a name, a likelihood or an object.

    Parameters
    ----------
    loss : None, {"squared_error", "poisson"}, Likelihood or Loss
        ``None`` is the negative log-likelihood for the kind of targets; a name or a `Likelihood`
        selects another.

    Returns
    -------
    loss : Loss
        The corresponding object.

    Raises
    ------
    ValueError
        If it is none of these, or has a parameter out of range.

    Examples
    --------
    >>> from sklearn_irg.losses import check_loss
    >>> check_loss("poisson")
    NegativeLogLikelihood(likelihood=Poisson())
    """
    named = isinstance(loss, str) and loss in _BY_NAME
    if loss is not None and not named and not isinstance(loss, (Likelihood, Loss)):
        names = ", ".join(map(repr, sorted(_BY_NAME)))
        raise InvalidParameterError(
            f"loss must be None, one of {names}, a Likelihood such as Poisson(), a Loss, or a "
            f"modification such as LabelSmoothing(0.1); got {loss!r}."
        )
    loss = as_loss(loss)
    loss.check_parameters()
    if loss.likelihood is not None:
        check_likelihood(loss.likelihood)
    return loss
