"""The one place where loss and penalty meet: mean loss + alpha · penalty, and its gradient, in blocks of rows."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._autodiff import Workspace, combine, stop_gradient, value_and_grad
from sklearn_irg.penalties import SamplePenalty

# Bytes of activations per block of rows: what a core's own cache holds. Larger blocks wait for memory, smaller ones for
# the tracing.
_BLOCK_BYTES = 2**21


class Columns(NamedTuple):
    """The columns of X, as penalties need to know them."""

    n_features: int
    names: tuple | None
    dtype: np.dtype
    are_sparse: bool = False

    def mask_of(self, features):
        """Zeros and ones over columns, shape (n_features,); None if all are meant."""
        if features is None:
            return None
        if isinstance(features, str) or not np.iterable(features):
            raise ValueError(f"features must be a sequence of column names or positions, or None; got {features!r}.")
        mask = np.zeros(self.n_features, dtype=self.dtype)
        mask[[self._position(feature) for feature in features]] = 1
        if not mask.any():
            raise ValueError("features is empty, so nothing would be penalised. Use features=None for all columns.")
        return mask

    def _position(self, feature):
        if isinstance(feature, str):
            if self.names is None:
                raise ValueError(
                    f"features names the column {feature!r}, but X has no column names. Use positions, or a DataFrame."
                )
            if feature not in self.names:
                raise ValueError(f"features names {feature!r}, which is not a column of X: {', '.join(self.names)}.")
            return self.names.index(feature)
        if isinstance(feature, (int, np.integer)) and -self.n_features <= feature < self.n_features:
            return int(feature)
        raise ValueError(f"features has {feature!r}, which is no position among the {self.n_features} columns of X.")


class Batch(NamedTuple):
    """Rows to evaluate, and what each counts in the mean loss and in the mean penalty."""

    rows: slice | np.ndarray
    loss_weights: np.ndarray
    penalty_weights: np.ndarray


class Step:
    """One forward pass over some rows: everything a penalty may read, computed when first asked for."""

    def __init__(self, objective, theta, X, targets, random_state):
        self.network = objective.network
        self.mask_of = objective.mask_of
        self.empty = objective.workspace.empty
        self.theta = theta
        self.X = X
        self.targets = targets
        self.random_state = random_state

    @cached_property
    def forward(self):
        return self.network.forward(self.theta, self.X, self.empty)

    @cached_property
    def outputs(self):
        return self.forward[-1]

    @cached_property
    def mean(self):
        """The prediction at each row, as a constant."""
        return self.network.likelihood.mean(stop_gradient(self.outputs))

    @cached_property
    def _evaluated(self):
        return self.network.likelihood.evaluate(self.outputs, self.targets)

    @cached_property
    def losses(self):
        return self._evaluated[0]

    @cached_property
    def residuals(self):
        return self._evaluated[1]


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
    """

    def __init__(self, network, X, targets, penalty, alpha, *, sample_weight=None, labelled=None, feature_names=None):
        self.network = network
        self.X = X
        self.targets = targets
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
        terms = [] if penalty is None or alpha == 0 else penalty.terms()
        for _, term in terms:
            term.check(self.columns)
        terms = [(alpha * weight, term) for weight, term in terms if weight > 0]
        self.sample_terms = [pair for pair in terms if isinstance(pair[1], SamplePenalty)]
        self.weight_terms = [pair for pair in terms if not isinstance(pair[1], SamplePenalty)]

    @property
    def stochastic_terms(self):
        """Penalties that draw random numbers."""
        return [term for _, term in self.sample_terms + self.weight_terms if term.is_stochastic]

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
        X, targets = self._select(batch.rows)
        total, gradient = 0.0, None
        for block in self._blocks(X.shape[0]):
            self.workspace.reset()
            part = Batch(block, batch.loss_weights[block], batch.penalty_weights[block])
            value, grad = value_and_grad(
                lambda theta, block=block, part=part: self._value(theta, X[block], targets[block], part, random_state),
                theta,
            )
            total, gradient = total + float(value), grad if gradient is None else gradient + grad
        return total, gradient

    def _select(self, rows):
        if isinstance(rows, slice):  # all of them
            return self.X, self.targets
        return self.X[rows], self.targets[rows]

    def _value(self, theta, X, targets, part, random_state):
        step = Step(self, theta, X, targets, random_state)
        coefficients, terms = [part.loss_weights], [step.losses]
        for strength, penalty in self.sample_terms:
            coefficients.append(strength * part.penalty_weights)
            terms.append(penalty.values(step))
        if part.rows.start == 0:  # terms without rows count once
            for strength, penalty in self.weight_terms:
                coefficients.append(strength)
                terms.append(penalty.value(self.network, theta))
        return combine(coefficients, *terms)

    def _blocks(self, n_samples):
        size = max(64, _BLOCK_BYTES // (sum(self.network.layer_sizes[1:]) * self.X.dtype.itemsize))
        return [slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size)]


def _chunks(stratum, size, n_chunks, shuffle, random_state):
    """Cut a stratum into n_chunks pieces of at most ``size`` rows, going round as often as it takes."""
    start, order = len(stratum), stratum
    for _ in range(n_chunks):
        if start >= len(stratum):
            start, order = 0, random_state.permutation(stratum) if shuffle else stratum
        yield order[start : start + size]
        start += size
