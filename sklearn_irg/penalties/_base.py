"""The two kinds of penalty, and their sums and multiples."""

from abc import abstractmethod
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator


class Penalty(BaseEstimator):
    """A term of the objective beside the loss; adds to other penalties and multiplies by numbers.

    Derives from scikit-learn's BaseEstimator for parameters only: ``clone``, ``set_params``, ``repr`` and nested grids.
    """

    is_stochastic = False  # draws random numbers
    is_detached = False  # holds constant, in the gradient, what depends on θ
    uses_mask = False  # reads the mask given to fit
    builds_inputs = True  # needs arrays as wide as X

    @abstractmethod
    def terms(self):
        """List of (weight, penalty), sums and multiples resolved."""

    def check(self, columns, likelihood):
        """Raise a ValueError where an option is impossible for data with these columns and this likelihood."""
        del columns, likelihood

    def __add__(self, other):
        return Sum(self, other) if isinstance(other, Penalty) else NotImplemented

    def __radd__(self, other):
        return self if isinstance(other, Real) and other == 0 else NotImplemented  # so that sum() works

    def __mul__(self, weight):
        return Scaled(self, weight) if isinstance(weight, Real) else NotImplemented

    __rmul__ = __mul__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class SamplePenalty(Penalty):
    """A penalty with one value per row, averaged with the sample weights."""

    def terms(self):
        return [(1.0, self)]

    @abstractmethod
    def values(self, step):
        """Value of each row, shape (n_samples,), differentiable with respect to ``step.theta``.

        Parameters
        ----------
        step : Step
            A forward pass over some rows: ``network, theta, X, targets, forward, outputs, mean, losses, residuals,
            random_state``, ``mask_of(features)``, and ``forward_at(X)`` for other inputs.
        """


class BatchPenalty(Penalty):
    """A penalty of a whole batch, which is no mean over its rows; so memory grows with the batch."""

    def terms(self):
        return [(1.0, self)]

    @abstractmethod
    def value(self, step):
        """The scalar, differentiable with respect to ``step.theta``; ``step.weights`` sum to one over all rows."""


class WeightPenalty(Penalty):
    """A penalty that is a function of the parameters alone."""

    def terms(self):
        return [(1.0, self)]

    @abstractmethod
    def value(self, network, theta):
        """The scalar, differentiable with respect to θ."""


class Sum(Penalty):
    """Sum of two penalties; usually written ``left + right``.

    Parameters
    ----------
    left, right : Penalty
        The summands.

    Examples
    --------
    >>> from sklearn_irg.penalties import InputGradient, WeightDecay
    >>> InputGradient() + 0.01 * WeightDecay()
    Sum(left=InputGradient(), right=Scaled(penalty=WeightDecay(), weight=0.01))
    """

    def __init__(self, left, right):
        self.left = left
        self.right = right

    def terms(self):
        for side in (self.left, self.right):
            if not isinstance(side, Penalty):
                raise ValueError(f"a Sum takes penalty objects such as InputGradient(); got {side!r}.")
        return self.left.terms() + self.right.terms()


class Scaled(Penalty):
    """A multiple of a penalty; usually written ``0.1 * penalty``.

    Parameters
    ----------
    penalty : Penalty
        What is multiplied.
    weight : float
        A non-negative, finite number.

    Raises
    ------
    ValueError
        When used, if the weight is negative or not finite.

    Examples
    --------
    >>> from sklearn_irg.penalties import SpectralNorm
    >>> 0.1 * SpectralNorm()
    Scaled(penalty=SpectralNorm(), weight=0.1)
    """

    def __init__(self, penalty, weight):
        self.penalty = penalty
        self.weight = weight

    def terms(self):
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(
                f"the weight of a penalty must be a finite number >= 0, since a negative one rewards what it should "
                f"penalise; got {self.weight!r} for {self.penalty!r}."
            )
        return [(float(self.weight) * weight, term) for weight, term in self.penalty.terms()]
