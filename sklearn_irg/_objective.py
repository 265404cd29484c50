"""The one place where loss and penalty meet: mean loss + alpha · penalty, and its gradient, in blocks of rows."""

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._engine.autodiff import Workspace, combine, value_and_grad
from sklearn_irg._engine.step import Batch, Columns, Step
from sklearn_irg.penalties import BatchPenalty, SamplePenalty, WeightPenalty

# Bytes of activations per block of rows: what a core's own cache holds. Larger blocks wait for memory, smaller ones for
# the tracing.
_BLOCK_BYTES = 2**21


class Objective:
    """Weighted mean loss + alpha · penalty of a network on data.

    Parameters
    ----------
    network : Network
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
        Encoded targets; the rows that have none hold zeros and are named by ``labelled``.
    penalty : Penalty or None
    alpha : float
    sample_weight : ndarray of shape (n_samples,), default=None
        Positive weights; only their ratios matter.
    labelled : ndarray of bool of shape (n_samples,), default=None
        Rows that enter the loss. The penalty counts all rows.
    feature_names : sequence of str, default=None
        Names of the columns.
    mask : ndarray of shape (n_samples, n_features), default=None
        Zeros and ones: the entries that input-space penalties count.
    loss : Loss, default=None
        What modifies the loss.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    constraint : Constraint, default=None
        What the weights obey.
    """

    def __init__(
        self,
        network,
        X,
        targets,
        penalty,
        alpha,
        *,
        sample_weight=None,
        labelled=None,
        feature_names=None,
        mask=None,
        loss=None,
        dropout=0.0,
        constraint=None,
    ):
        self.network = network
        self.X = X
        self.targets = targets if loss is None else loss.soften(targets, network.likelihood)
        self.mask = None if mask is None else mask.astype(X.dtype)
        self.loss = loss
        self.dropout = dropout
        self.constraint = constraint
        self.n_samples = X.shape[0]
        names = None if feature_names is None else tuple(feature_names)
        self.columns = Columns(X.shape[1], names, X.dtype, issparse(X))
        self.workspace = Workspace()
        self._masks = {}
        self._set_terms(penalty, float(alpha))
        weights = np.ones(self.n_samples) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.penalty_weights = self.loss_weights = (weights / weights.sum()).astype(X.dtype)
        self.strata = [np.arange(self.n_samples)]
        if labelled is not None and not labelled.all():
            weights = np.where(labelled, weights, 0)
            self.loss_weights = (weights / weights.sum()).astype(X.dtype)
            self.strata = [np.flatnonzero(labelled), np.flatnonzero(~labelled)]

    def _set_terms(self, penalty, alpha):
        terms = [] if penalty is None else penalty.terms()
        if self.mask is not None and not any(term.uses_mask for _, term in terms):
            names = ", ".join(type(term).__name__ for _, term in terms) or "None"
            raise ValueError(
                f"mask was passed, but the penalty ({names}) does not use it. Use RightReasons() or InputGradient(), or "
                "leave mask out."
            )
        for _, term in terms:
            term.check(self.columns, self.network.likelihood)
        terms = [(alpha * weight, term) for weight, term in terms if alpha * weight > 0]
        self.sample_terms = [pair for pair in terms if isinstance(pair[1], SamplePenalty)]
        self.batch_terms = [pair for pair in terms if isinstance(pair[1], BatchPenalty)]
        self.weight_terms = [pair for pair in terms if isinstance(pair[1], WeightPenalty)]

    @property
    def obstacles_to_line_search(self):
        """Why values and gradients are not those of one function, as sentences; empty if they are."""
        terms = [term for _, term in self.sample_terms + self.batch_terms + self.weight_terms]
        reasons = [f"{type(term).__name__} draws random numbers" for term in terms if term.is_stochastic]
        reasons += [f"{type(term).__name__} holds its perturbation constant" for term in terms if term.is_detached]
        return reasons + (["dropout draws random numbers"] if self._drops else [])

    @property
    def _drops(self):
        return self.dropout > 0 and len(self.network.layer_sizes) > 2

    @property
    def projects(self):
        """Whether `project` does anything."""
        return self.constraint is not None and self.constraint.projects

    def project(self, theta):
        """Bring θ back, in place, to where a projecting constraint wants it."""
        if self.constraint is not None:
            self.constraint.project(self.network, theta)

    @property
    def bounds(self):
        """Bounds on the solver's θ, or None."""
        return None

    def enter(self, theta):
        """The solver's θ for parameters of the network."""
        return theta

    def effective(self, theta):
        """The parameters of the network for the solver's θ."""
        return theta if self.constraint is None else self.constraint.transform(self.network, theta)

    def mask_of(self, features):
        """As ``Columns.mask_of``, remembered."""
        if features is None:
            return None
        key = tuple(features)
        if key not in self._masks:
            self._masks[key] = self.columns.mask_of(features)
        return self._masks[key]

    def everything(self):
        """The batch of all rows."""
        return Batch(slice(None), self.loss_weights, self.penalty_weights)

    def minibatches(self, batch_size, shuffle, random_state):
        """One epoch of batches. Labelled and unlabelled rows come side by side; the fewer ones come round again."""
        sizes = [min(batch_size, len(stratum)) for stratum in self.strata]
        n_batches = max(-(-len(stratum) // size) for stratum, size in zip(self.strata, sizes, strict=True))
        streams = [
            _chunks(stratum, size, n_batches, shuffle, random_state)
            for stratum, size in zip(self.strata, sizes, strict=True)
        ]
        for chunks in zip(*streams, strict=True):
            # each chunk stands for its whole stratum, so that the batch's value estimates the objective's
            scale = [np.full(len(c), len(s) / len(c), self.X.dtype) for c, s in zip(chunks, self.strata, strict=True)]
            rows, scale = np.concatenate(chunks), np.concatenate(scale)
            penalty_weights = self.penalty_weights[rows] * scale
            same = self.loss_weights is self.penalty_weights
            yield Batch(rows, penalty_weights if same else self.loss_weights[rows] * scale, penalty_weights)

    def value_and_grad(self, theta, batch, random_state=None):
        """Value and gradient at θ on a batch, block by block so that memory does not grow with its size."""
        X, targets, mask = self._select(batch.rows)
        total, gradient = 0.0, None
        for block in self._blocks(X.shape[0]):
            self.workspace.reset()
            value, grad = value_and_grad(
                lambda theta, rows=block: self._value(
                    theta,
                    X[rows],
                    targets[rows],
                    Batch(rows, batch.loss_weights[rows], batch.penalty_weights[rows]),
                    None if mask is None else mask[rows],
                    random_state,
                ),
                theta,
            )
            total, gradient = total + float(value), grad if gradient is None else gradient + grad
        return total, gradient

    def _select(self, rows):
        if isinstance(rows, slice):  # all of them
            return self.X, self.targets, self.mask
        return self.X[rows], self.targets[rows], None if self.mask is None else self.mask[rows]

    def loss_and_penalty(self, theta, random_state=None):
        """Mean loss, and penalty with its strength, on all rows in one piece."""
        part = self.everything()._replace(rows=slice(0, self.n_samples))
        coefficients, terms = self._terms(theta, self.X, self.targets, part, self.mask, random_state)
        return float(combine(coefficients[:1], terms[0])), float(combine(coefficients[1:], *terms[1:]))

    def _value(self, theta, X, targets, part, mask, random_state):
        coefficients, terms = self._terms(theta, X, targets, part, mask, random_state)
        return combine(coefficients, *terms)

    def _terms(self, theta, X, targets, part, mask, random_state):
        """Coefficients and the terms they multiply, the loss first."""
        effective = self.effective(theta)
        step = Step(self, effective, X, targets, part.loss_weights, mask, random_state)
        coefficients, terms = [part.loss_weights], [step.losses]
        if self.loss is not None and self.loss.needs_whole_batch:
            # a batch's weights sum to one on average only, but its mean loss is a mean
            share = float(part.loss_weights.sum())
            coefficients, terms = [share], [self.loss.of_mean(combine([part.loss_weights / share], *terms))]
        for strength, penalty in self.sample_terms:
            coefficients.append(strength * part.penalty_weights)
            terms.append(penalty.values(step))
        for strength, values in self._more_terms(theta, step, part):
            coefficients.append(strength)
            terms.append(values)
        for strength, penalty in self.batch_terms:
            coefficients.append(strength)
            terms.append(penalty.value(step))
        if part.rows.start == 0:  # terms without rows count once
            for strength, penalty in self.weight_terms:
                coefficients.append(strength)
                terms.append(penalty.value(self.network, effective))
        return coefficients, terms

    def _more_terms(self, theta, step, part):
        """Pairs of coefficients and values that need the solver's own θ."""
        del theta, step, part
        return ()

    def _blocks(self, n_samples):
        if self.batch_terms or (self.loss is not None and self.loss.needs_whole_batch):
            return [slice(0, n_samples)]
        sizes = self.network.layer_sizes
        builds_inputs = self.mask is not None or any(term.builds_inputs for _, term in self.sample_terms)
        size = max(64, _BLOCK_BYTES // (sum(sizes if builds_inputs else sizes[1:]) * self.X.dtype.itemsize))
        return [slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size)]


def _chunks(stratum, size, n_chunks, shuffle, random_state):
    """Cut a stratum into n_chunks pieces of at most ``size`` rows, going round as often as it takes."""
    start, order = len(stratum), stratum
    for _ in range(n_chunks):
        if start >= len(stratum):
            start, order = 0, random_state.permutation(stratum) if shuffle else stratum
        yield order[start : start + size]
        start += size
