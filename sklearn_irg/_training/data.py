"""Rows of a fit, checked once: as arrays, or as dask collections."""

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from sklearn_irg._checks import check_mask, check_sample_weight
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.rows import Rows

__all__ = ["FLOATS", "Data", "are_distributed", "check_data", "likelihood_of", "network_of"]

FLOATS = (np.float64, np.float32)


@dataclass(frozen=True)
class Data:
    """Rows in memory, without those of weight zero.

    Parameters
    ----------
    X : {ndarray, csr_matrix} of shape (n_samples, n_features)
        Inputs.
    y : ndarray or None
        Targets as they were given.
    sample_weight : ndarray of shape (n_samples,) or None
        Positive weights.
    mask : ndarray of bool of shape (n_samples, n_features) or None
        As in ``fit``.
    perturbations : InputPerturbations or None
        Perturbations of the rows.
    columns : dict
        ``n_features_in_``, and ``feature_names_in_`` where columns have names.
    """

    X: object
    y: np.ndarray | None
    sample_weight: np.ndarray | None = None
    mask: np.ndarray | None = None
    perturbations: object = None
    columns: dict | None = None

    @property
    def n_samples(self):
        """Number of rows."""
        return self.X.shape[0]

    def encoded(self, task, settings):
        """Rows as an objective counts them, and the network for them."""
        X, encoded = self.X, task.encode(self, settings.loss)
        targets = None if encoded.targets is None else encoded.targets.astype(X.dtype, copy=False)
        row_weight = None
        if encoded.sample_weight is not self.sample_weight:  # there are weights of classes
            row_weight = np.ones(X.shape[0]) if self.sample_weight is None else self.sample_weight
        rows = Rows(
            X,
            targets,
            feature_names=self.columns.get("feature_names_in_"),
            mask=self.mask,
            groups=encoded.groups,
            perturbations=self.perturbations,
            sample_weight=encoded.sample_weight,
            row_weight=row_weight,
        )
        if encoded.sample_weight is not None and not encoded.sample_weight.all():
            rows = rows.take(
                np.flatnonzero(encoded.sample_weight)
            )  # without classes of weight zero
        return rows, network_of(task, settings, X.shape[1], encoded.n_outputs)


def check_data(estimator, X, y, sample_weight=None, mask=None, *, perturbations=None, reset=True):
    """Check the rows of a fit, as `Data`; nothing is written to the estimator.

    Parameters
    ----------
    estimator : NetworkEstimator
        It determines whether X may be sparse, and whether there is a y (``_reads_y``).
    X, y, sample_weight, mask, perturbations
        Arguments of ``fit``.
    reset : bool, default=True
        Whether columns may differ from those of an earlier fit.
    """
    scratch = copy(estimator)  # on which columns are remembered
    options = {
        "accept_sparse": estimator._accept_sparse,
        "dtype": FLOATS,
        "order": "C",
        "reset": reset,
    }
    if estimator._reads_y:
        X, y = validate_data(scratch, X, y, multi_output=True, **options)
    else:
        X, y = validate_data(scratch, X, **options), None
    names = ("n_features_in_", "feature_names_in_")
    columns = {name: getattr(scratch, name) for name in names if hasattr(scratch, name)}
    sample_weight = check_sample_weight(sample_weight, X.shape[0])
    mask = check_mask(mask, X.shape, columns.get("feature_names_in_"))
    if sample_weight is not None and not sample_weight.all():
        present = sample_weight > 0  # a weight of zero is an absent row
        X = X[present]
        y = None if y is None else y[present]
        sample_weight = sample_weight[present]
        mask = None if mask is None else mask[present]
        perturbations = None if perturbations is None else perturbations.take(present)
    if issparse(y) and not estimator._takes_indicators:
        raise ValueError("y must be dense; got a sparse one. Pass y.toarray().")
    return Data(X, y, sample_weight, mask, perturbations, columns)


def network_of(task, settings, n_features, n_outputs):
    """The network that is trained."""
    sizes = (n_features, *settings.hidden_layers, n_outputs)
    likelihood = likelihood_of(task, settings.loss)
    kind = settings.network_kind or Network
    return kind(sizes, settings.activation, likelihood, settings.fit_intercept)


def likelihood_of(task, loss):
    """Likelihood of the loss, or else that of the kind of targets."""
    return task.default_likelihood if loss.likelihood is None else loss.likelihood


def are_distributed(X):
    """Whether rows are a dask collection."""
    return hasattr(X, "__dask_graph__")
