"""Perturbation set of training inputs that are the columns of the table itself."""

import warnings

import numpy as np
from scipy.sparse import diags_array, issparse

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._perturbations.input_perturbations import InputPerturbations
from sklearn_irg._threats.same_table import difference_from_rows
from sklearn_irg._threats.table_perturbations import TablePerturbations

__all__ = ["perturbations_of_inputs", "warn_of_valid"]

_WAY_ROUND = "Where steps of a pipeline come before the model, use RobustTrainingClassifier(pipeline, threat)."


def perturbations_of_inputs(threat, X, feature_names=None):
    """Perturbation set of a fitted threat model around rows of numbers, at its radius."""
    _check_columns(threat, X, feature_names)
    if np.ndim(threat.epsilon):
        raise InvalidParameterError(
            f"epsilon must be a single radius to train against; got {threat.epsilon!r}."
        )
    warn_of_valid(threat)
    X = X.toarray() if issparse(X) else X
    difference = difference_from_rows(threat, X)
    if difference is not None:
        raise InvalidParameterError(
            "the model is not trained on rows of the table that the ThreatModel was fitted on: "
            f"{difference}. {_WAY_ROUND}"
        )
    tables = TablePerturbations.of_table(threat, threat.read(X))
    levels = [
        _in_column(j, of_column, X.shape[1])
        for j, of_column in zip(tables.arrays.columns, tables.levels, strict=True)
    ]
    radii = np.full(len(X), float(threat.epsilon))
    return InputPerturbations.of(
        tables.arrays, diags_array(tables.arrays.scales).tocsr(), levels, radii
    )


def warn_of_valid(threat, stacklevel=2):
    """Warn where a threat model limits rows in a way that training cannot take into account."""
    if threat.valid is not None:
        warnings.warn(
            "valid of the ThreatModel is not taken into account in training, which is against more "
            "rows than it accepts.",
            stacklevel=stacklevel + 1,
        )


def _check_columns(threat, X, feature_names):
    names = getattr(threat, "feature_names_in_", None)
    if X.shape[1] != threat.n_features_in_:
        raise InvalidParameterError(
            f"the ThreatModel was fitted on {threat.n_features_in_} columns, but the model is "
            f"trained on {X.shape[1]}. {_WAY_ROUND}"
        )
    if names is not None and feature_names is not None and list(names) != list(feature_names):
        raise InvalidParameterError(
            "the ThreatModel was fitted on other columns than the model is trained on. "
            f"{_WAY_ROUND}"
        )


def _in_column(j, levels, n_inputs):
    """Effect of each level of a column on the inputs, which is the level itself."""
    effects = np.zeros((len(levels), n_inputs))
    effects[:, j] = [float(level) for level in levels]
    return effects
