"""Rows of data as the terms of an objective count them."""

from copy import copy
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._checks import InvalidParameterError, check_feature_weights, check_features

__all__ = ["Batch", "Columns", "Rows"]


def _read_only(array):
    """A view that authors of terms cannot write to; sparse matrices as they are."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


class Columns(NamedTuple):
    """The columns of X, as penalties need to know them."""

    n_features: int
    names: tuple | None
    dtype: np.dtype
    are_sparse: bool = False

    def require_dense(self, name):
        """Raise a ValueError if X is sparse."""
        if self.are_sparse:
            raise ValueError(
                f"{name} moves every entry of X, so it needs a dense X; got a sparse one. If an "
                "encoder made it, set OneHotEncoder(sparse_output=False), or ColumnTransformer(…, "
                "sparse_threshold=0)."
            )

    def mask_of(self, features, weights=None):
        """Zeros and ones over columns, shape (n_features,); None if all are one.

        With weights, the ones are these numbers.
        """
        if features is None and weights is None:
            return None
        mask = check_features(features, self.n_features, self.names)
        if not mask.any():
            raise InvalidParameterError(
                "features is empty, so nothing would be penalized. Use features=None for all "
                "columns."
            )
        mask = mask * check_feature_weights(weights, self.n_features, self.names)
        if not mask.any():
            raise InvalidParameterError(
                "weights are all zero, so nothing would be penalized. Give a column a positive one."
            )
        return mask.astype(self.dtype)


class Batch(NamedTuple):
    """Batch of rows, with their weights in the mean over each group.

    Parameters
    ----------
    rows : slice or ndarray of int
        Positions of these rows among all.
    X, targets, mask
        As in `Rows`, of these rows.
    weights : dict of str to ndarray of shape (n_samples,)
        For each group, weights that sum to one over the group's rows if all are in the batch, and
        on average otherwise; zero for other rows.
    total_weight : float
        Sum of the weights, as they were given, of the batch's labeled rows; of all its rows where
        there are no labels.
    row_weights : ndarray of shape (n_samples,), default=None
        Weights of all rows without those of their classes; None where they are the same.
    """

    rows: slice | np.ndarray
    X: np.ndarray
    targets: np.ndarray | None
    mask: np.ndarray | None
    weights: dict
    total_weight: float
    row_weights: np.ndarray | None = None

    @property
    def n_samples(self):
        """Number of rows."""
        return self.X.shape[0]

    def blocks(self, size):
        """The same rows in blocks of at most ``size``; each keeps the total weight of the whole."""
        if size >= self.n_samples:
            return [self]
        slices = (
            slice(start, min(start + size, self.n_samples))
            for start in range(0, self.n_samples, size)
        )
        return [
            Batch(
                block if isinstance(self.rows, slice) else self.rows[block],
                self.X[block],
                None if self.targets is None else self.targets[block],
                None if self.mask is None else self.mask[block],
                {group: weights[block] for group, weights in self.weights.items()},
                self.total_weight,
                None if self.row_weights is None else self.row_weights[block],
            )
            for block in slices
        ]


class Rows:
    """Rows of data, in groups.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Inputs.
    targets : ndarray of shape (n_samples, n_outputs), default=None
        Encoded targets; rows without a label hold zeros. None if no term may read them.
    sample_weight : ndarray of shape (n_samples,), default=None
        Positive weights; None if all are one.
    row_weight : ndarray of shape (n_samples,), default=None
        The same without the weights of classes; None if there are none.
    mask : ndarray of bool of shape (n_samples, n_features), default=None
        Entries to which penalties of the input apply.
    groups : dict of str to ndarray of int, default=None
        Positions of the rows of each group; each row is in one. Minibatches draw from all of them.
        ``None`` is one group, "labeled" where there are targets. The group "all" is always there.
    feature_names : sequence of str, default=None
        Names of the columns.
    perturbations : object with ``take(positions)``, default=None
        What the rows may become, for the terms that train against it.
    """

    are_partitioned = False  # partitions on other machines
    are_as_given = True  # not scaled by the estimator

    def __init__(
        self,
        X,
        targets=None,
        *,
        sample_weight=None,
        row_weight=None,
        mask=None,
        groups=None,
        feature_names=None,
        perturbations=None,
    ):
        if groups is None:
            groups = {"all" if targets is None else "labeled": np.arange(X.shape[0])}
        self.X = _read_only(X)
        self.targets = _read_only(targets)
        self.labels = self.targets  # before a loss softens them
        self.sample_weight = sample_weight
        self.row_weight = row_weight
        self.mask = mask
        self.perturbations = perturbations
        self.groups = {name: positions for name, positions in groups.items() if len(positions)}
        self.n_samples = X.shape[0]
        names = None if feature_names is None else tuple(feature_names)
        self.columns = Columns(X.shape[1], names, X.dtype, issparse(X))
        self._mask = None if mask is None else _read_only(mask.astype(X.dtype))
        self._weights = {
            name: self._normalized(positions, sample_weight)
            for name, positions in self.groups.items()
        }
        if len(self.groups) > 1:
            self._weights["all"] = self._normalized(slice(None), sample_weight)
        self._row_weights = (
            None if row_weight is None else self._normalized(slice(None), row_weight)
        )
        self._counts = sample_weight
        if "unlabeled" in self.groups:
            self._counts = (
                np.ones(self.n_samples) if sample_weight is None else sample_weight.copy()
            )
            self._counts[self.groups["unlabeled"]] = 0
        self._orders = list(self.groups.values())

    def _normalized(self, positions, raw):
        weights = np.zeros(self.n_samples, dtype=self.X.dtype)
        if raw is None:
            weights[positions] = 1
            weights[positions] = 1 / np.count_nonzero(weights)
        else:
            weights[positions] = raw[positions] / raw[positions].sum()
        return _read_only(weights)

    def total_weights(self):
        """Sum of the weights of each group, as they were given."""
        raw = np.ones(self.n_samples) if self.sample_weight is None else self.sample_weight
        return {"all": float(raw.sum())} | {
            name: float(raw[rows].sum()) for name, rows in self.groups.items()
        }

    def label_shares(self):
        """Mean target of the labeled rows as they were given.

        Weights of classes do not count, and targets are those before a loss softens them.
        """
        raw = self.sample_weight if self.row_weight is None else self.row_weight
        labeled = self.groups["labeled"]
        return np.average(
            self.labels[labeled], axis=0, weights=None if raw is None else raw[labeled]
        )

    def as_part_of(self, totals):
        """The same rows as some of those whose weights have these sums."""
        other, part = copy(self), self.total_weights()
        other._weights = {
            name: _read_only(weights * weights.dtype.type(part[name] / totals[name]))
            for name, weights in self._weights.items()
        }
        return other

    def weights_of(self, group):
        """Weights of the rows in the mean over a group, shape (n_samples,)."""
        return self._weights[group]

    @property
    def group_names(self):
        """Names of the groups that terms may count."""
        return ["all", *(name for name in self.groups if name != "all")]

    def take(self, positions):
        """The rows at some positions, in that order."""
        new = np.full(self.n_samples, -1)
        new[positions] = np.arange(len(positions))
        groups = {name: np.sort(new[old][new[old] >= 0]) for name, old in self.groups.items()}
        X, targets, labels, weights, row_weight, mask = (
            None if array is None else array[positions]
            for array in (
                self.X,
                self.targets,
                self.labels,
                self.sample_weight,
                self.row_weight,
                self.mask,
            )
        )
        perturbations = None if self.perturbations is None else self.perturbations.take(positions)
        options = {
            "sample_weight": weights,
            "row_weight": row_weight,
            "mask": mask,
            "groups": groups,
        }
        options |= {"feature_names": self.columns.names, "perturbations": perturbations}
        return self._again(Rows(X, labels, **options), targets)

    def _again(self, rows, targets):
        """Copy of new rows that keeps the state of these, with other targets."""
        rows.are_as_given = self.are_as_given
        return rows.with_targets(targets)

    def with_targets(self, targets):
        """The same rows with other targets."""
        other = copy(self)
        other.targets = _read_only(targets)
        return other

    def in_first_order(self):
        """The same rows, whose minibatches begin with the order that the groups were given in."""
        other = copy(self)
        other._orders = list(self.groups.values())
        return other

    def moments(self):
        """Weighted mean and standard deviation of each column, in float64."""
        weights = self.weights_of("all").astype(np.float64)
        mean = weights @ self.X
        size = np.abs(self.X - mean).max(axis=0)
        size = np.where(size > 0, size, 1)  # squares of numbers over it neither overflow nor vanish
        return mean, size * np.sqrt(weights @ ((self.X - mean) / size) ** 2)

    def with_inputs(self, X):
        """The same rows with other inputs of the same shape."""
        other = copy(self)
        other.X = _read_only(X)
        other.are_as_given = False
        return other

    def astype(self, dtype):
        """The same rows in another precision."""
        X, targets, labels = (
            None if array is None else array.astype(dtype)
            for array in (self.X, self.targets, self.labels)
        )
        weights = {"sample_weight": self.sample_weight, "row_weight": self.row_weight}
        options = {
            **weights,
            "mask": self.mask,
            "groups": self.groups,
            "feature_names": self.columns.names,
        }
        options["perturbations"] = self.perturbations
        return self._again(Rows(X, labels, **options), targets)

    def full_batch(self):
        """The batch of all rows."""
        return self._batch(
            slice(None), self._weights, self.X, self.targets, self._mask, self._row_weights
        )

    def minibatches(self, batch_size, shuffle, random_state, *, even=False):
        """One epoch of batches, each with rows of every group.

        The smaller groups start over when they end.

        ``batch_size`` is the number of rows of each group, or a dict of group to number with that
        of all others under None. Each epoch shuffles the order of the last one again, as
        scikit-learn's MLPs do. ``even`` makes as many batches of nearly equal size, so that the
        last one is not of a single row.
        """
        by_group = batch_size if isinstance(batch_size, dict) else {None: batch_size}
        sizes = [
            min(by_group.get(name, by_group[None]), len(positions))
            for name, positions in self.groups.items()
        ]
        if even:
            sizes = [
                -(-len(order) // -(-len(order) // size))
                for order, size in zip(self._orders, sizes, strict=True)
            ]
        n_batches = max(
            -(-len(order) // size) for order, size in zip(self._orders, sizes, strict=True)
        )
        streams = [
            self._parts_of_group(i, size, n_batches, shuffle, random_state)
            for i, size in enumerate(sizes)
        ]
        for parts in zip(*streams, strict=True):
            rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
            # each part stands for its whole group, so that the batch's value estimates the
            # objective's
            scales = [
                len(order) / len(part) for order, part in zip(self._orders, parts, strict=True)
            ]
            scale = np.repeat(np.array(scales, dtype=self.X.dtype), [len(part) for part in parts])
            yield self._batch(
                rows,
                {
                    name: _read_only(weights[rows] * scale)
                    for name, weights in self._weights.items()
                },
                _read_only(self.X[rows]),
                None if self.targets is None else _read_only(self.targets[rows]),
                None if self._mask is None else _read_only(self._mask[rows]),
                None if self._row_weights is None else _read_only(self._row_weights[rows] * scale),
            )

    def _parts_of_group(self, i, size, n_batches, shuffle, random_state):
        start = len(self._orders[i])
        for _ in range(n_batches):
            if start >= len(self._orders[i]):
                start = 0
                if shuffle:
                    self._orders[i] = self._orders[i][
                        random_state.permutation(len(self._orders[i]))
                    ]
            yield self._orders[i][start : start + size]
            start += size

    def _batch(self, rows, weights, X, targets, mask, row_weights):
        if "all" not in weights:  # there is one group
            weights = {"all": next(iter(weights.values())), **weights}
        total = X.shape[0] if self._counts is None else self._counts[rows].sum()
        return Batch(rows, X, targets, mask, weights, float(total), row_weights)
