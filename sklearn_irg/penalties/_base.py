"""Penalties as terms that add and multiply, and their three kinds."""

from abc import ABC, abstractmethod
from numbers import Real

from sklearn_irg._checks import InvalidParameterError, check_real
from sklearn_irg._component import Component
from sklearn_irg._engine.terms import BatchTerm, SampleTerm, Term, WeightTerm


class Penalty(Component, ABC):
    """One or several terms that are minimized in addition to the loss.

    Penalties can be added, and multiplied by numbers.

    See Also
    --------
    SamplePenalty : A penalty with one value per row.
    BatchPenalty : A penalty of a whole batch.
    WeightPenalty : A penalty on the parameters.
    """

    @abstractmethod
    def terms(self):
        """List of (weight, term), sums and multiples resolved."""

    def __add__(self, other):
        return Sum(self, other) if isinstance(other, Penalty) else NotImplemented

    def __radd__(self, other):
        return (
            self if isinstance(other, Real) and other == 0 else NotImplemented
        )  # so that sum() works

    def __mul__(self, weight):
        return Scaled(self, weight) if isinstance(weight, Real) else NotImplemented

    __rmul__ = __mul__


class _OneTerm(Penalty, Term):
    def terms(self):
        return [(1.0, self)]


class SamplePenalty(SampleTerm, _OneTerm):
    """A penalty with one value per row, averaged with the sample weights.

    One that reads no targets, losses or residuals declares ``group = "all"``, so that unlabeled
    rows count too. One whose values are losses of the rows' targets (at other inputs, say) declares
    ``is_loss = True``, so that `sklearn_irg.losses.PenaltyLoss` can minimize it alone.
    """

    @abstractmethod
    def values(self, step):
        """Value of each row, shape (n_samples,), differentiable with respect to ``step.theta``.

        Parameters
        ----------
        step : Step
            One forward pass over some rows: the rows (``X, targets, weights``), what the network
            computes from them (``outputs, mean, probabilities, losses, residuals``; the same with
            ``frozen_`` as constants), and how this depends on the inputs
            (``squared_input_gradients()`` and others).
        """


class BatchPenalty(BatchTerm, _OneTerm):
    """A penalty of a whole batch that is not a mean over its rows; memory grows with the batch."""

    @abstractmethod
    def value(self, step):
        """Value of the penalty, a number, differentiable with respect to ``step.theta``.

        Parameters
        ----------
        step : Step
            One forward pass over the rows of the batch; ``step.weights_of(self.group)`` are weights
            that sum to one over all rows.
        """


class WeightPenalty(WeightTerm, _OneTerm):
    """A penalty that is a function of the parameters alone."""

    @abstractmethod
    def value(self, network, theta):
        """Value of the penalty, a number, differentiable with respect to θ.

        Parameters
        ----------
        network : Network
            The network of these parameters; ``network.weights(theta)`` are the weight matrices,
            differentiable with respect to θ.
        theta : ndarray of shape (n_parameters,)
            Parameters of the network.
        """


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
                raise InvalidParameterError(
                    f"a Sum takes penalty objects such as InputGradient(); got {side!r}."
                )
        return self.left.terms() + self.right.terms()


class Scaled(Penalty):
    """A multiple of a penalty; usually written ``0.1 * penalty``.

    Parameters
    ----------
    penalty : Penalty
        The penalty to multiply.
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
        if not isinstance(self.penalty, Penalty):
            raise InvalidParameterError(
                f"Scaled takes a penalty object such as InputGradient(); got {self.penalty!r}."
            )
        # a negative weight would reward what it should penalize
        scale = check_real(self.weight, f"weight of {self.penalty!r}", 0)
        return [(scale * weight, term) for weight, term in self.penalty.terms()]
