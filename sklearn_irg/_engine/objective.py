"""Objectives: sums of terms over the parameters of a network, and their gradients.

They are evaluated in blocks of rows.
"""

import math
from copy import copy
from functools import partial
from typing import NamedTuple

import numpy as np

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.autodiff import Workspace, combine, value_and_grad
from sklearn_irg._engine.linear_hessian import LinearHessian
from sklearn_irg._engine.linear_stack import LinearStack
from sklearn_irg._engine.network_stack import NetworkStack
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.parametrizations import NoReparametrization
from sklearn_irg._engine.quantities import Evaluation
from sklearn_irg._engine.step import Step

__all__ = ["Objective", "RampUp"]

# Bytes of activations per block of rows: what a core's own cache holds. Larger blocks wait for
# memory, smaller ones for the tracing.
_BLOCK_BYTES = 2**21
# rows of a block: fewer cost more in calls than in computing. At 2000 columns and 1000 units 64 to
# 1024 took the same time, and single rows a fifth more
_FEWEST_ROWS = 64


class RampUp(NamedTuple):
    r"""Strength that grows over the first epochs.

    It is :math:`s \exp(-5 (1 - t)^2)` with t from 0 to 1.

    That is the ramp of Laine and Aila (2017), "Temporal ensembling for semi-supervised learning".

    Parameters
    ----------
    strength : float
        The strength s in the end.
    n_epochs : int
        Number of epochs until then.
    """

    strength: float
    n_epochs: int

    def __call__(self, epoch):
        return self.strength * math.exp(-5 * (1 - min(epoch / self.n_epochs, 1)) ** 2)


class Objective:
    """Sum of ``strength * term`` over the rows of a table.

    It is a function of the parameters that a solver moves.

    Parameters
    ----------
    network : Network
        Network whose parameters they become.
    rows : Rows
        Rows that the terms count.
    terms : list of (float or callable, Term)
        Strengths and terms; those of strength zero are checked and left out. A strength may be a
        function of the epoch, counted from 0.
    parametrization : Parametrization, default=NoReparametrization()
        How the solver's parameters become the network's.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    """

    def __init__(self, network, rows, terms, *, parametrization=None, dropout=0.0):
        self.network = network
        self.rows = rows
        self.parametrization = NoReparametrization() if parametrization is None else parametrization
        self.workspace = Workspace()
        self._dropout = dropout if len(network.layer_sizes) > 2 else 0.0
        self._masks = {}
        self._original = None  # of which this is the form that `bounded` makes
        for _, term in terms:
            term.check(rows.columns, network.likelihood)
            term.check_other_terms([other for _, other in terms])
            self._check_parameters_are_moved(term)
        if rows.mask is not None and not any(term.uses_mask for _, term in terms):
            names = ", ".join(type(term).__name__ for _, term in terms)
            raise InvalidParameterError(
                f"mask was passed, but no term of the objective ({names}) uses it. Use "
                "RightReasons() or InputGradient() as penalty, or leave mask out; a penalty of "
                "your own that reads it declares uses_mask = True."
            )
        self._strengths, kept = [], []
        for strength, term in terms:
            final = float(strength(math.inf) if callable(strength) else strength)
            if final != 0:
                self._strengths.append(strength)
                kept.append((final, term.prepared(rows, network)))
        self.terms = kept
        for _, term in self.terms:
            if term.group is not None and term.group not in rows.group_names:
                raise InvalidParameterError(
                    f"{type(term).__name__} counts the rows of group {term.group!r}, but the "
                    f"groups here are {', '.join(map(repr, rows.group_names))}. Beside a loss "
                    "without labels use penalty=None, or one "
                    'that reads none, such as "virtual_adversarial"; your own declares group = '
                    '"all".'
                )

    def _check_parameters_are_moved(self, term):
        if term.differentiates_parameters and not self.parametrization.gives_gradients:
            name = self.parametrization._name
            raise InvalidParameterError(
                f"{type(term).__name__} is a derivative with respect to the weights that are "
                f"trained, which under {name} are not those of the network. Use one of them "
                "without the other."
            )

    # -- what solvers need to know -----------------------------------------------------------------

    @property
    def obstacles_to_line_search(self):
        """Reasons why values and gradients are not those of one function, as sentences.

        The list is empty if they are.
        """
        reasons = [
            f"{term._name} draws random numbers" for _, term in self.terms if term.is_stochastic
        ]
        reasons += [
            f"{term._name} holds its perturbation or direction constant"
            for _, term in self.terms
            if term.is_detached
        ]
        if self.parametrization.is_detached:
            reasons.append(f"{type(self.parametrization).__name__} holds its directions constant")
        return reasons + (["dropout draws random numbers"] if self._dropout else [])

    @property
    def obstacles_to_hessian(self):
        """Reasons why there are no second derivatives, as sentences; empty if there are."""
        network = self.network
        if self.rows.are_partitioned:
            return ["the rows are on other machines"]
        if len(network.layer_sizes) > 2:
            return ["there are hidden layers"]
        if network.layer_sizes[1] > 1 or not network.likelihood.has_third_derivatives:
            return [f"{network.likelihood!r} has none here: it is for two classes"]
        if not self.parametrization.is_identity:
            return [f"{self.parametrization._name} has none here"]
        if self.rows.targets is None:
            return ["the loss reads no labels"]
        batch = self.full_batch()
        summands = [(self._summands(batch, [pair], None), pair[1]) for pair in self.terms]
        masked = "" if self.rows.mask is None else " with a mask of entries"
        return [
            f"{term._name}{masked} has none here"
            for found, term in summands
            if found is None or not all(quantity.has_hessian for _, _, quantity in found)
        ]

    @property
    def has_kinks(self):
        """Whether a term is not differentiable where optima lie.

        Only then does `smoothed` make a difference.
        """
        return any(term.has_kinks for _, term in self.terms)

    @property
    def depends_on_epoch(self):
        """Whether a strength or a term does, so that `at_epoch` makes a difference."""
        return any(callable(strength) for strength in self._strengths) or any(
            term.depends_on_epoch for _, term in self.terms
        )

    def at_epoch(self, epoch):
        """Objective in an epoch, counted from 0.

        It is this object itself as soon as all strengths and terms are final.
        """
        strengths = [
            float(strength(epoch)) if callable(strength) else strength
            for strength in self._strengths
        ]
        now = [
            (strength, term.at_epoch(epoch))
            for strength, (_, term) in zip(strengths, self.terms, strict=True)
        ]
        if all(
            a == b and term is final for (a, term), (b, final) in zip(now, self.terms, strict=True)
        ):
            return self
        other = copy(self)
        other.terms = now
        return other

    @property
    def projects(self):
        """Whether `project` does anything."""
        return self.parametrization.projects

    @property
    def bounds(self):
        """Bounds on the solver's parameters, or None."""
        return self.parametrization.bounds(self.network)

    def project(self, theta):
        """Bring the solver's parameters back, in place, to where the parametrization wants them."""
        if self.parametrization.project(self.network, theta) is not None:
            raise TypeError(
                f"{type(self.parametrization).__name__}.project must change theta in place and "
                "return None."
            )

    def full_batch(self):
        """The batch of all rows."""
        return self.rows.full_batch()

    def minibatches(self, batch_size, shuffle, random_state):
        """One epoch of batches."""
        return self.rows.minibatches(
            batch_size, shuffle, random_state, even=self.parametrization.needs_whole_batch
        )

    def value_and_grad(self, theta, batch, random_state=None):
        """Value and gradient on a batch.

        They are computed in blocks of rows, so that memory does not grow with its size.
        """
        total, gradient = 0.0, None
        for block, terms in self._blocks(batch, self.terms):
            summands = self._summands(block, terms, theta)
            if summands is None:
                value, grad = value_and_grad(partial(self._sum, block, terms, random_state), theta)
            else:
                pairs = [
                    (strength * coefficients, quantity)
                    for strength, coefficients, quantity in summands
                ]
                value, grad = self._fused(block, pairs, random_state, theta)
            total, gradient = total + float(value), grad if gradient is None else gradient + grad
        return total, gradient

    def _summands(self, batch, terms, theta):
        """Triples (strength, coefficients, quantity) that make up these terms.

        None if a term, or the network, needs a trace.
        """
        if type(self.network) is not Network:
            return None
        step = Step(self, theta, batch)
        pairs = [(strength, term.fused_summands(step)) for strength, term in terms]
        if not pairs or any(summands is None for _, summands in pairs):
            return None
        return [(strength, *summand) for strength, summands in pairs for summand in summands]

    def fused_value_and_grad(self, batch, strengths, random_state, thetas):
        """Values and gradients of several networks, shapes (n_models,) and that of ``thetas``.

        ``strengths`` has the shape (n_terms, n_models).
        """
        terms = [(row, term) for row, (_, term) in zip(strengths, self.terms, strict=True)]
        pairs = [
            (np.multiply.outer(strength, np.asarray(coefficients, strength.dtype)), quantity)
            for strength, coefficients, quantity in self._summands(batch, terms, None)
        ]
        return self._fused(batch, pairs, random_state, thetas)

    def _fused(self, block, pairs, random_state, theta):
        """Value and gradient by hand-chained passes, for pairs of coefficients and quantities."""
        self.workspace.reset()
        effective, to_solver = theta, None
        if not self.parametrization.is_identity:
            parametrization = self.parametrization.for_batch(block)
            effective, to_solver = parametrization.transform_and_vjp(self.network, theta)
        dropout = self.draw_dropout(block.X, random_state)
        keeps_first_preactivations = any(
            quantity.keeps_first_preactivations for _, quantity in pairs
        )
        evaluation = Evaluation(
            self.network,
            effective,
            block,
            self.workspace.allocate,
            dropout,
            keeps_first_preactivations=keeps_first_preactivations,
        )
        value = sum(quantity.fused(evaluation, coefficients) for coefficients, quantity in pairs)
        evaluation.finish()
        return value, evaluation.gradient if to_solver is None else to_solver(evaluation.gradient)

    def on_all_rows(self):
        """Value and gradient on all rows as a function of θ.

        What θ does not change is prepared once.
        """
        stack = self.stack(np.array([[strength] for strength, _ in self.terms]))
        if stack is None:
            return partial(self.value_and_grad, batch=self.full_batch())
        return stack.value_and_grad

    def hessian_on_all_rows(self):
        """Value, gradient and Hessian on all rows, as a function of θ."""
        blocks = self._blocks(self.full_batch(), self.terms)
        return LinearHessian(
            self.network, [(block, self._summands(block, terms, None)) for block, terms in blocks]
        )

    def stack(self, strengths):
        """Same terms of several linear models, evaluated together; None if one needs a trace.

        ``strengths`` has the shape (n_terms, n_models).
        """
        if (
            len(self.network.layer_sizes) > 2
            or self._dropout
            or not self.parametrization.is_identity
            or self.rows.targets is None
            or self.depends_on_epoch
        ):
            return None
        terms = [
            (strength, term) for strength, (_, term) in zip(strengths, self.terms, strict=True)
        ]
        stacked = []
        for block, terms_of_block in self._blocks(self.full_batch(), terms, strengths.shape[1]):
            summands = self._summands(block, terms_of_block, None)
            if summands is None or not all(quantity.can_be_stacked for _, _, quantity in summands):
                return None
            stacked.append((block, summands))
        return LinearStack(self.network, stacked)

    def minibatch_stack(self, strengths, batch_size):
        """Same terms of several networks, evaluated together on minibatches.

        None if a term needs a trace, or if a batch for two of them does not fit in the cache.
        """
        if (
            self.rows.are_partitioned
            or self.rows.columns.are_sparse
            or not self.parametrization.is_identity
            or self.depends_on_epoch
        ):
            return None
        summands = self._summands(self.full_batch(), self.terms, None)
        if summands is None or not all(quantity.can_be_batched for _, _, quantity in summands):
            return None
        sizes = batch_size.values() if isinstance(batch_size, dict) else [batch_size]
        n_rows = min(self.rows.n_samples, sum(sizes) * len(self.rows.groups))
        n_together = self._rows_within(n_rows * sum(self.network.layer_sizes), fewest=0)
        return NetworkStack(self, strengths, n_together) if n_together > 1 else None

    def value(self, theta, batch, random_state=None, terms=None):
        """Value on a batch, of all terms or of some."""
        blocks = self._blocks(batch, self.terms if terms is None else terms)
        return sum(float(self._sum(block, terms, random_state, theta)) for block, terms in blocks)

    def _blocks(self, batch, terms, n_models=1):
        """Blocks of a batch, and the terms to evaluate on each.

        All terms are evaluated on the first, and only those that count rows on the others.
        """
        if batch.n_samples <= self._rows_within(n_models * sum(self.network.layer_sizes)):
            return [(batch, terms)]  # whatever the terms build
        counting = [(strength, term) for strength, term in terms if term.group is not None]
        blocks = batch.blocks(self._block_size(batch.n_samples, counting, n_models))
        return [(block, counting if i else terms) for i, block in enumerate(blocks)]

    def _block_size(self, n_samples, terms, n_models):
        if self.parametrization.needs_whole_batch or any(
            term.needs_whole_batch for _, term in terms
        ):
            return n_samples
        sizes, n_inputs = self.network.layer_sizes, 0
        if any(term.builds_inputs for _, term in terms) or self.rows.mask is not None:
            n_inputs = n_models * sizes[0]
        elif len(sizes) == 2 and not self.rows.columns.are_sparse:
            n_inputs = sizes[0]  # X itself, which the gradient reads while it is in the cache
        return self._rows_within(n_inputs + n_models * sum(sizes[1:]))

    def _rows_within(self, width, fewest=_FEWEST_ROWS):
        """Number of rows of this width that fit in a block."""
        return max(fewest, _BLOCK_BYTES // (width * self.rows.X.dtype.itemsize))

    def _sum(self, batch, terms, random_state, theta):
        self.workspace.reset()
        effective = self.parametrization.for_batch(batch).transform(self.network, theta)
        step = Step(self, effective, batch, random_state, theta)
        coefficients, values = [], []
        for strength, term in terms:
            for coefficient, value in term.contributions(step):
                _check_contribution(
                    term, np.shape(coefficient), None if value is None else np.shape(value)
                )
                coefficients.append(strength * coefficient)
                values.append(value)
        return combine(coefficients, *values)

    # -- what steps need to know -------------------------------------------------------------------

    @property
    def trained(self):
        """Parametrization from the trained parameters to the network's.

        It is that of the original objective, not of its form with bounds, which serves only to find
        zeros.
        """
        return self.parametrization if self._original is None else self._original.parametrization

    def mask_of(self, features, weights=None):
        """Zeros and ones over columns, as ``Columns.mask_of``, remembered."""
        if features is None and weights is None:
            return None
        key = (
            None if features is None else tuple((type(feature), feature) for feature in features)
        )  # True is not 1 here
        if weights is not None:  # not by repr, which leaves out the middle of long arrays
            key = (
                key,
                tuple(weights.items())
                if isinstance(weights, dict)
                else np.asarray(weights).tobytes(),
            )
        if key not in self._masks:
            self._masks[key] = self.rows.columns.mask_of(features, weights)
        return self._masks[key]

    def draw_dropout(self, X, random_state):
        """Factors of the activations of each hidden layer; None without dropout."""
        if not self._dropout:
            return None
        return self.network.draw_dropout(self._dropout, X.shape[0], random_state, X.dtype)

    # -- the same objective in other forms ---------------------------------------------------------

    def bounded(self):
        """Same objective in parameters with bounds, where that removes a kink; itself otherwise.

        `from_network` and `to_network` translate between its parameters and those of this one.
        """
        pairs = [term.bounded(self.network) for _, term in self.terms]
        parametrizations = [pair[0] for pair in pairs if pair is not None]
        if (
            len({type(one) for one in parametrizations}) != 1
            or not self.parametrization.is_identity
        ):
            return self
        other = copy(self)
        other.parametrization, other._original = parametrizations[0], self
        other.terms = [
            (strength, term if pair is None else pair[1])
            for (strength, term), pair in zip(self.terms, pairs, strict=True)
        ]
        return other

    def smoothed(self, sharpness):
        """Same objective with its remaining kinks rounded off.

        The larger ``sharpness``, the closer it is to this one.
        """
        other = copy(self)
        other.terms = [(strength, term.smoothed(sharpness)) for strength, term in self.terms]
        return other

    def from_network(self, theta, tol=0.0):
        """Parameters of this form of the objective, for those of the original.

        Derivatives below ``tol`` count as zero.
        """
        if self._original is None:
            return theta

        def gradient(theta):
            return self._original.value_and_grad(theta, self.full_batch())[1]

        return self.parametrization.from_network(self.network, theta, gradient, tol)

    def to_network(self, theta):
        """Parameters of the original form, for those of this one."""
        return theta if self._original is None else self.effective(theta)

    def unfold(self, theta):
        """Parameters of the solver from which to continue, for `effective` ones."""
        return self.parametrization.unfold(self.network, theta, self.full_batch())

    def effective(self, theta):
        """Parameters of the network, over all rows."""
        return self.parametrization.fold(self.network, theta, self.full_batch())


def _check_contribution(term, wanted, found):
    if found != wanted:
        found = "None" if found is None else found
        raise ValueError(f"{type(term).__name__} must give values of shape {wanted}; got {found}.")
    if not (wanted or term.needs_whole_batch or term.group is None):
        # a number of each block is not that of the batch
        raise ValueError(
            f"{type(term).__name__} is a number, not a sum over rows, so it must declare "
            "needs_whole_batch = True."
        )
