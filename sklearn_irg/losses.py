"""Modifications of the loss, the ``loss`` parameter of the estimators; they wrap one another.

The loss itself belongs to the likelihood. A modification says what becomes of the targets, and of the mean loss of a
minibatch, so no estimator needs a flag per idea.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar

from sklearn_irg._engine.autodiff import absolute, add
from sklearn_irg._engine.likelihoods import gaussian

__all__ = ["Flooding", "LabelSmoothing", "Loss", "check_loss"]


class Loss(BaseEstimator):
    """A modification of the loss; ``loss`` is another one to apply first, or None."""

    needs_whole_batch = False

    def check(self):
        """Raise a ValueError if a parameter is out of range."""

    def soften(self, targets, likelihood):
        """What becomes of the encoded targets (n_samples, n_outputs)."""
        return targets if self.loss is None else self.loss.soften(targets, likelihood)

    def of_mean(self, mean):
        """What becomes of the mean loss of a minibatch."""
        return mean if self.loss is None else self.loss.of_mean(mean)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Flooding(Loss):
    r"""Keeps the mean loss of each minibatch from falling below a level.

    .. math:: \lvert L - b \rvert + b

    so that below the level b the loss is ascended [1]_.

    Parameters
    ----------
    level : float
        The level b, non-negative.
    loss : Loss, default=None
        Modification to apply first.

    References
    ----------
    .. [1] Ishida, Yamane, Sakai, Niu and Sugiyama (2020), "Do we need zero training loss after achieving zero training
       error?".

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.losses import Flooding, LabelSmoothing
    >>> GradRegMLPClassifier(loss=Flooding(0.1, loss=LabelSmoothing(0.05)))
    GradRegMLPClassifier(loss=Flooding(level=0.1, loss=LabelSmoothing(amount=0.05)))
    """

    needs_whole_batch = True

    def __init__(self, level, loss=None):
        self.level = level
        self.loss = loss

    def check(self):
        check_scalar(self.level, "level", (int, float, np.integer, np.floating), min_val=0)

    def of_mean(self, mean):
        level = float(self.level)
        return add(absolute(add(super().of_mean(mean), -level)), level)


class LabelSmoothing(Loss):
    """Mixes the targets of a classifier with the uniform distribution.

    A target y becomes ``(1 - amount) * y + amount / n_classes``; for binary and multilabel targets two classes count [1]_.

    Parameters
    ----------
    amount : float
        Share of the uniform distribution, in [0, 1].
    loss : Loss, default=None
        Modification to apply first.

    References
    ----------
    .. [1] Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the Inception architecture for computer vision".

    Examples
    --------
    >>> from sklearn_irg.losses import LabelSmoothing
    >>> LabelSmoothing(0.1)
    LabelSmoothing(amount=0.1)
    """

    def __init__(self, amount, loss=None):
        self.amount = amount
        self.loss = loss

    @property
    def needs_whole_batch(self):
        """Whether what is wrapped needs it."""
        return self.loss is not None and self.loss.needs_whole_batch

    def check(self):
        check_scalar(self.amount, "amount", (int, float, np.integer, np.floating), min_val=0, max_val=1)

    def soften(self, targets, likelihood):
        if likelihood == gaussian:
            raise ValueError("LabelSmoothing mixes class probabilities, so it has no meaning for a regressor.")
        n_classes = max(targets.shape[1], 2) if likelihood.name == "softmax" else 2
        targets, amount = super().soften(targets, likelihood), float(self.amount)
        return (1 - amount) * targets + amount / n_classes


def check_loss(loss):
    """Raise a ValueError unless loss is None or a modification with parameters in range."""
    while loss is not None:
        if not isinstance(loss, Loss):
            raise ValueError(f"loss must be None or a modification such as LabelSmoothing(0.1); got {loss!r}.")
        loss.check()
        loss = loss.loss
