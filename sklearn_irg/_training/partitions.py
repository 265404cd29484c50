"""Rows on many machines, as dask collections.

They are checked, encoded and evaluated where they are stored.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from sklearn_irg._checks import InvalidParameterError, check_sample_weight, check_total_weight
from sklearn_irg._engine.partitions import Partition, PartitionedRows, add_parts
from sklearn_irg._engine.rows import Columns
from sklearn_irg._training.data import are_distributed, check_data, network_of
from sklearn_irg.solvers import check_solver

__all__ = ["Partitions", "check_partitions"]

# settings that hold on to an estimator, and which no partition needs
_NOT_FOR_PARTITIONS = ("penalty", "schedule", "initialize", "scaling", "objective", "random_state")
# sums that are added, and partitions that are evaluated, in one task, whose overhead is a
# millisecond or more (docs/guide/scale.md)
_FAN_IN = 8


@dataclass(frozen=True)
class Partitions:
    """Rows in partitions that stay where they are, and facts about all of them.

    Parameters
    ----------
    partitions : list of tuple
        Delayed X, y, and weights or None, of partitions with rows.
    summaries : list of dict
        Facts about each of them, by `_summary`.
    y : ndarray
        All labels, sorted; an example where they are numbers.
    sample_weight : ndarray or None
        Weight of the rows of each label; None for numbers.
    columns : dict
        ``n_features_in_``, and ``feature_names_in_`` where columns have names.
    unfitted : NetworkEstimator
        Unfitted estimator that knows these columns.
    """

    partitions: list
    summaries: list
    y: np.ndarray
    sample_weight: np.ndarray | None
    columns: dict
    unfitted: object

    perturbations = None  # only for rows in memory

    @property
    def n_samples(self):
        """Number of rows."""
        return sum(summary["n_samples"] for summary in self.summaries)

    def encoded(self, task, settings):
        """Rows as an objective counts them, and the network for them."""
        import dask

        # each label is encoded as one row with the total weight of its rows, so that weights of
        # classes are those over all rows
        if settings.loss.samples is not None:
            raise InvalidParameterError(
                f"{type(settings.loss).__name__} compares samples, which must be in memory. Pass "
                "arrays."
            )
        encoded = task.encode(self, settings.loss)
        by_class = (
            None
            if self.sample_weight is None
            else (self.y, encoded.sample_weight / self.sample_weight)
        )
        dtype = np.result_type(*(summary["dtype"] for summary in self.summaries))
        task_of_partition = (
            task if self.sample_weight is None else replace(task, class_weight=None)
        )  # weights of rows include them
        what_is_encoded = replace(settings, **dict.fromkeys(_NOT_FOR_PARTITIONS))
        prepared = dask.persist(
            *(
                dask.delayed(_prepare)(
                    self.unfitted, task_of_partition, what_is_encoded, *partition, by_class, dtype
                )
                for partition, summary in zip(self.partitions, self.summaries, strict=True)
                if _has_rows(summary, by_class)
            )
        )
        totals = {}
        for of_partition in dask.compute(
            *(dask.delayed(Partition.totals)(partition) for partition in prepared)
        ):
            for name, total in of_partition.items():
                totals[name] = totals.get(name, 0.0) + total
        row, _ = self.summaries[0]["example"]
        names = self.columns.get("feature_names_in_")
        columns = Columns(
            row.shape[1], None if names is None else tuple(names), dtype, issparse(row)
        )
        rows = PartitionedRows(columns, totals, self.n_samples, _Evaluation(prepared))
        return rows, network_of(task, settings, row.shape[1], encoded.n_outputs)


def check_partitions(estimator, X, y, sample_weight=None, mask=None, *, reset=True):
    """Check rows that are dask collections, as `Partitions`.

    Nothing is written to the estimator.
    """
    import dask

    _check_possible(estimator, mask)
    partitions = _aligned(X, y, sample_weight)
    classifies = is_classifier(estimator)
    summaries = dask.compute(
        *(dask.delayed(_summary)(*partition, classifies) for partition in partitions)
    )
    partitions = [
        partition
        for partition, summary in zip(partitions, summaries, strict=True)
        if summary is not None
    ]
    summaries = [summary for summary in summaries if summary is not None]
    if not summaries:
        raise ValueError(
            "Found array with 0 sample(s) in all partitions of X, or with weights of zero."
        )
    with np.errstate(over="ignore"):
        check_total_weight(np.sum([summary["weight"] for summary in summaries]))
    labels, by_label = _totals_of_labels([summary["labels"] for summary in summaries])
    row, label = summaries[0]["example"]
    columns = check_data(estimator, row, label, reset=reset).columns
    unfitted_copy = type(estimator)(**estimator.get_params(deep=False))
    vars(unfitted_copy).update(columns)
    return Partitions(
        partitions,
        summaries,
        labels if classifies else np.asarray(label),
        by_label,
        columns,
        unfitted_copy,
    )


class _Evaluation:
    """Sum over partitions; some on one worker are evaluated in one task.

    Tasks are expensive.
    """

    def __init__(self, partitions):
        self._partitions = partitions

    def __call__(self, terms, parametrization, totals, theta):
        import dask

        arguments = [
            dask.delayed(argument) for argument in ((terms, parametrization, totals), theta)
        ]
        parts = [dask.delayed(_evaluate)(group, *arguments) for group in self._groups_by_worker()]
        while len(parts) > 1:
            parts = [
                dask.delayed(add_parts)(parts[i : i + _FAN_IN])
                for i in range(0, len(parts), _FAN_IN)
            ]
        return parts[0].compute()

    def _groups_by_worker(self):
        """Partitions in groups that are stored on one worker; each alone without a cluster.

        The scheduler is asked each time, since workers come and go.
        """
        try:
            from distributed import futures_of, get_client

            client = get_client()
        except (ImportError, ValueError):
            return [[partition] for partition in self._partitions]
        holders, n_threads = client.who_has(futures_of(self._partitions)), client.nthreads()
        by_holder = {}
        for partition in self._partitions:
            holder = min(holders.get(partition.key) or [""])
            by_holder.setdefault(holder, []).append(partition)
        groups = []
        for holder, held in sorted(by_holder.items()):
            size = min(_FAN_IN, -(-len(held) // n_threads.get(holder, 1)))
            groups += [held[start : start + size] for start in range(0, len(held), size)]
        return groups


# -- what happens where the rows are ---------------------------------------------------------------


def _summary(X, y, sample_weight, classifies):
    """Facts about a partition before any is encoded; None if it has no rows with a weight."""
    X, y = _csr(X), np.asarray(y)
    if X.shape[0] != len(y):
        raise ValueError(
            f"a partition of X has {X.shape[0]} rows, and that of y {len(y)}. Give both the same "
            "chunks."
        )
    weights = (
        np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    )
    if not weights.any():
        return None
    weights = check_sample_weight(weights, len(y))
    present = np.flatnonzero(weights)
    first = present[:1]
    row = X.iloc[first] if hasattr(X, "iloc") else X[first]
    labels = None
    if classifies:
        if y.ndim > 1 and y.shape[1] > 1:
            raise ValueError(
                "y must be one class per row where rows are on many machines; got y with "
                f"{y.shape[1]} columns."
            )
        check_classification_targets(y)
        found, indices = np.unique(y.reshape(-1)[present], return_inverse=True)
        labels = found, np.bincount(indices, weights[present])
    dtype = check_array(row, accept_sparse="csr", dtype=(np.float64, np.float32)).dtype
    return {
        "n_samples": len(present),
        "weight": weights.sum(),
        "labels": labels,
        "dtype": dtype,
        "example": (row, y[first]),
    }


def _prepare(unfitted_copy, task, settings, X, y, sample_weight, by_class, dtype):
    """Partition, checked and encoded."""
    X = _csr(X)
    X = X.astype(dtype) if getattr(X, "dtype", dtype) != dtype else X
    y = np.asarray(y)
    sample_weight = None if sample_weight is None else np.asarray(sample_weight)
    if by_class is not None and (by_class[1] != 1).any():
        of_rows = by_class[1][np.searchsorted(by_class[0], y.reshape(-1))]
        sample_weight = of_rows if sample_weight is None else sample_weight * of_rows
    data = check_data(unfitted_copy, X, y, sample_weight, reset=False)
    rows, network = data.encoded(task, settings)
    rows = rows if rows.columns.dtype == dtype else rows.astype(dtype)
    if rows.targets is not None:
        rows = rows.with_targets(settings.loss.transform_targets(rows.targets, network.likelihood))
    return Partition(network, rows)


def _csr(X):
    return X.tocsr() if issparse(X) else X


def _evaluate(partitions, arguments, theta):
    return add_parts([part.value_and_grad(*arguments, theta) for part in partitions])


# -- what happens before that ----------------------------------------------------------------------


def _check_possible(estimator, mask):
    name = type(estimator).__name__
    if not estimator._takes_partitions:
        raise TypeError(
            f"{name} needs rows in memory; got a dask collection. Fit GradRegLogisticRegression, "
            "or an MLP with "
            'solver="lbfgs", which take one, or pass what compute() gives.'
        )
    if check_solver(estimator.solver).has_epochs:
        raise InvalidParameterError(
            f'{name} fits rows on many machines with solver="lbfgs" only; got '
            f"{estimator.solver!r}. For minibatches, pass the partitions to partial_fit, one "
            "after another."
        )
    if mask is not None:
        raise InvalidParameterError(
            f"{name} takes no mask where rows are on many machines. Use the features of a penalty "
            "for whole columns."
        )
    if getattr(estimator, "unlabeled_label", None) is not None:
        raise InvalidParameterError(
            f"{name} needs a label for each row where they are on many machines; got "
            f"unlabeled_label={estimator.unlabeled_label!r}. Use None, and leave rows without "
            "labels out."
        )
    if getattr(estimator, "early_stopping", False):
        raise InvalidParameterError(
            'solver="lbfgs" has no epochs to stop early at. Use early_stopping=False.'
        )


def _aligned(X, y, sample_weight):
    """Delayed partitions (X, y, weights or None), each with the same rows."""
    collections = {"X": X, "y": y} | (
        {} if sample_weight is None else {"sample_weight": sample_weight}
    )
    for name, collection in collections.items():
        if not are_distributed(collection):
            raise TypeError(
                f"{name} must be a dask array or frame if X is one; got "
                f"{type(collection).__name__}. Convert it with dask.array.from_array and the "
                "chunks of X."
            )
    parts = {}
    for name, collection in collections.items():
        if hasattr(collection, "rechunk"):
            rows = X.chunks[0] if hasattr(X, "rechunk") else collection.chunks[0]
            known = not np.isnan(np.sum(rows)) and not np.isnan(np.sum(collection.chunks[0]))
            if known and sum(rows) != sum(collection.chunks[0]):
                raise ValueError(f"X has {sum(rows)} rows, and {name} {sum(collection.chunks[0])}.")
            by_axis = dict.fromkeys(range(1, collection.ndim), -1) | ({0: rows} if known else {})
            collection = collection.rechunk(by_axis) if by_axis else collection
        parts[name] = np.ravel(collection.to_delayed()).tolist()
        if len(parts[name]) != len(parts["X"]):
            raise ValueError(
                f"X has {len(parts['X'])} partitions, and {name} has {len(parts[name])}. Give both "
                "the same chunks or partitions."
            )
    nothing = [None] * len(parts["X"])
    return list(zip(parts["X"], parts["y"], parts.get("sample_weight", nothing), strict=True))


def _totals_of_labels(found):
    """All labels, sorted, and the weight of each; None for numbers."""
    if found[0] is None:
        return None, None
    kinds = {"b": "booleans", "i": "numbers", "u": "numbers", "f": "numbers"}
    different = sorted({kinds.get(labels.dtype.kind, "strings") for labels, _ in found})
    if len(different) > 1:
        raise ValueError(
            f"y has labels of different kinds in different partitions: {' and '.join(different)}. "
            "Convert them."
        )
    labels, indices = np.unique(
        np.concatenate([labels for labels, _ in found]), return_inverse=True
    )
    return labels, np.bincount(indices, np.concatenate([weights for _, weights in found]))


def _has_rows(summary, by_class):
    """Whether a partition has a row of a class with a positive weight."""
    return by_class is None or by_class[1][np.isin(by_class[0], summary["labels"][0])].any()
