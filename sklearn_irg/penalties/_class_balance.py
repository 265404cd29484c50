from copy import copy

import numpy as np
from scipy.special import entr

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.autodiff import numpy
from sklearn_irg.penalties._base import BatchPenalty


class ClassBalance(BatchPenalty):
    r"""Divergence of the mean prediction from the class proportions.

    .. math:: \mathrm{KL}\left(\pi \,\Vert\, \frac 1 n \sum_i p(\cdot \mid x_i)\right)

    over all rows of a batch; the label of no row is compared with its prediction. Neither the class
    proportions nor the mean depend on ``class_weight``, nor on a
    `sklearn_irg.losses.LabelSmoothing`. With few labels, predictions can become smooth or confident
    by giving up a class, or by merging two. The penalty makes that costly; subtracting the entropy
    of the mean prediction [1]_ has the same purpose.

    Parameters
    ----------
    priors : {"labeled", "uniform"} or array-like of shape (n_classes,), default="labeled"
        The proportions π, in the order of ``classes_``: those among labeled rows, by
        ``sample_weight``; equal ones; or any positive numbers, which are divided by their sum.
        Where labels are not a random sample (as many of each class, say, of classes that are not
        equally frequent), pass the proportions: wrong ones move the boundary.

    Raises
    ------
    ValueError
        In ``fit``, if targets are not exclusive classes, or the number of priors differs from the
        number of classes.

    See Also
    --------
    ConditionalEntropy : Confident predictions.

    References
    ----------
    .. [1] Hu, Miyato, Tokui, Matsumoto and Sugiyama (2017), "Learning discrete representations via
       information maximizing self-augmented training".

    Examples
    --------
    >>> from sklearn_irg.penalties import ClassBalance, ConditionalEntropy
    >>> 0.3 * ConditionalEntropy() + ClassBalance()
    Sum(left=Scaled(penalty=ConditionalEntropy(), weight=0.3), right=ClassBalance())
    """

    group = "all"
    builds_inputs = False
    _priors = None  # of the labeled rows, once known

    def __init__(self, priors="labeled"):
        self.priors = priors

    def check_parameters(self):
        if isinstance(self.priors, str) and self.priors in ("labeled", "uniform"):
            return
        if hasattr(self.priors, "index") and hasattr(self.priors, "to_numpy"):
            raise InvalidParameterError(
                "priors of ClassBalance are taken in the order of classes_, whatever the index of "
                "a Series says. Sort it, priors.sort_index(), and pass priors.to_numpy()."
            )
        try:
            priors = np.asarray(self.priors, dtype=float)
            valid = priors.ndim == 1 and (priors > 0).all() and np.isfinite(priors.sum())
        except (TypeError, ValueError):
            valid = False
        if not valid:
            raise InvalidParameterError(
                'priors of ClassBalance must be "labeled", "uniform", or a positive number per '
                f"class; got {self.priors!r}."
            )

    def check(self, columns, likelihood):
        del columns
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"ClassBalance needs class probabilities, which {likelihood!r} does not have."
            )

    def prepared(self, rows, network):
        if not (isinstance(self.priors, str) and self.priors == "labeled") or rows.targets is None:
            return self
        prepared = copy(self)
        priors = rows.label_shares()
        prepared._priors = np.append(1 - priors, priors) if len(priors) == 1 else priors
        return prepared

    def value(self, step):
        if step.likelihood.is_multilabel(step.outputs.shape[1]):
            raise InvalidParameterError(
                "ClassBalance needs classes that exclude one another; got an indicator of labels."
            )
        weights = step.row_weights
        mean = numpy.dot(weights / weights.sum(), step.probabilities)
        priors = self._normalized(mean.shape[0]).astype(weights.dtype)
        return (
            numpy.dot(priors, -numpy.log(mean + np.finfo(weights.dtype).tiny)) - entr(priors).sum()
        )

    def _normalized(self, n_classes):
        if isinstance(self.priors, str):
            priors = np.ones(n_classes) if self._priors is None else self._priors
        else:
            priors = np.asarray(self.priors, dtype=float)
        if len(priors) != n_classes:
            raise InvalidParameterError(
                f"priors of ClassBalance must be {n_classes} numbers, one per class; got "
                f"{self.priors!r}."
            )
        return priors / priors.sum()
