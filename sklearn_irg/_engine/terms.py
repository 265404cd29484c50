"""Terms of an objective: losses, penalties and weight decay.

Each term gives its contribution to a step, and declares what it needs.
"""

from abc import ABC, abstractmethod

from sklearn_irg._component import Component, says_last
from sklearn_irg._engine.quantities import SquaredWeights

__all__ = ["L2", "BatchTerm", "SampleTerm", "Term", "WeightTerm"]


class Term(Component, ABC):
    """Summand of an objective.

    Attributes
    ----------
    group : str or None, default="labeled"
        The rows that it counts: "labeled" for a term that reads targets, losses or residuals; "all"
        for one that reads none of these, which then counts unlabeled rows too; the name of another
        group; None for a function of the parameters alone.
    needs_whole_batch : bool, default=False
        Whether it is not a sum over rows, so that a batch must be evaluated as a whole.
    builds_inputs : bool, default=True
        Whether it builds arrays as wide as X, which then counts in the size of blocks.
    uses_mask : bool, default=False
        Whether it reads the mask given to ``fit``.
    is_stochastic : bool, default=False
        Whether it draws random numbers.
    is_detached : bool, default=False
        Whether its gradient holds constant what depends on the parameters.
    has_kinks : bool, default=False
        Whether it is not differentiable where optima lie.
    depends_on_epoch : bool, default=False
        Whether `at_epoch` makes a difference.
    replaces_likelihood : bool, default=False
        Whether it is a loss in place of the negative log-likelihood; terms that bound that one
        raise an error next to it.
    differentiates_parameters : bool, default=False
        Whether it reads derivatives with respect to what is trained, `Step.trained_gradients`.
    is_loss : bool, default=False
        Whether its values are losses of the rows' targets, for example at other inputs or
        parameters, so that it can be minimized alone.
    limits_slope : bool, default=False
        Whether it keeps the slope of the outputs in bounds, as critics that are trained against a
        generator need it.
    takes_threat : bool, default=False
        Whether it trains against what the rows of the fit may become, ``rows.perturbations``.
    """

    group = "labeled"
    needs_whole_batch = False
    builds_inputs = True
    uses_mask = False
    is_stochastic = False
    is_detached = False
    has_kinks = False
    depends_on_epoch = False
    replaces_likelihood = False
    differentiates_parameters = False
    is_loss = False
    limits_slope = False
    takes_threat = False
    _says_summands_last = True

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._says_summands_last = says_last(cls, "summands", ("contributions", "values", "value"))

    @property
    def _name(self):
        """Name in messages."""
        return type(self).__name__

    @abstractmethod
    def contributions(self, step):
        """Pairs (coefficients, values) whose inner products sum to the term on the rows of a step.

        Coefficients are constants. Values are differentiable with respect to ``step.theta``; either
        both are vectors of shape (n_samples,) or both are numbers.
        """

    def summands(self, step):
        """Pairs (coefficients, quantity), where the term is made of `Quantity` objects; else None.

        Their sum must equal that of `contributions`; objectives call `fused_summands`.
        """
        del step

    def fused_summands(self, step):
        """Pairs of `summands`, or None where a subclass redefines the sum by another method."""
        return self.summands(step) if self._says_summands_last else None

    def check(self, columns, likelihood):
        """Raise a ValueError if the term is impossible for these columns and this likelihood."""
        del columns, likelihood

    def check_other_terms(self, terms):
        """Raise a ValueError if the term is impossible in one objective with these terms.

        The term itself is among them.
        """
        del terms

    def prepared(self, rows, network):
        """Term that is minimized: itself, with all it must know of the rows computed once.

        That may be the neighbors of rows, for example. For some networks it may be a better term:
        exact and differentiable, for example, where the network is linear.
        """
        del rows, network
        return self

    def at_epoch(self, epoch):
        """Term in an epoch, counted from 0; itself as soon as it is final."""
        del epoch
        return self

    def bounded(self, network):
        """Same term in parameters in which its kinks lie at bounds; None if there is none.

        It is a pair (parametrization, term).
        """
        del network

    def smoothed(self, sharpness):
        """Term without kinks that tends to this one as ``sharpness`` grows."""
        del sharpness
        return self


class SampleTerm(Term):
    """Term with a value per row, averaged over its group with the sample weights."""

    @abstractmethod
    def values(self, step):
        """Value of each row, shape (n_samples,), differentiable with respect to ``step.theta``."""

    def contributions(self, step):
        return [(step.weights_of(self.group), self.values(step))]


class BatchTerm(Term):
    """Term of a whole batch that is not a mean over its rows.

    Memory therefore grows with the batch.
    """

    needs_whole_batch = True

    @abstractmethod
    def value(self, step):
        """The number, differentiable with respect to ``step.theta``."""

    def contributions(self, step):
        # the weights of a minibatch sum to one on average only: it counts as much as its rows do
        return [(float(step.weights_of(self.group).sum()), self.value(step))]


class WeightTerm(Term):
    """Term that is a function of the parameters alone."""

    group = None

    @abstractmethod
    def value(self, network, theta):
        """The number, differentiable with respect to θ."""

    def contributions(self, step):
        return [(1.0, self.value(step.network, step.theta))]


class L2(Term):
    r"""Weight decay as in scikit-learn: :math:`\frac{1}{2n} \sum_l \lVert W_l \rVert_F^2`.

    n is the total weight of the evaluated batch's labeled rows.
    """

    group = None

    def contributions(self, step):
        return [
            (coefficient, quantity.traced(step)) for coefficient, quantity in self.summands(step)
        ]

    def summands(self, step):
        return [(0.5 / step.total_weight, SquaredWeights())]
