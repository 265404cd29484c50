"""Calls of a fitted estimator: rows with its column names, its predictions, and transforms."""

import numpy as np

from sklearn_irg._checks import is_polars

__all__ = ["as_fitted", "dense_transform", "is_reordered", "predictions", "stated_probabilities"]


def as_fitted(estimator, X):
    """X with the column names the estimator was fitted with, where it was."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or is_polars(X):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def is_reordered(estimator, names):
    """Whether named columns are those of ``fit`` in another order.

    Some estimators match columns by name then. Without names (None) the answer is no.
    """
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None or names is None:
        return False
    fitted, names = [str(name) for name in fitted], [str(name) for name in names]
    return fitted != names and sorted(fitted) == sorted(names)


def predictions(estimator, X):
    """Predictions of rows; one column becomes a vector, as in scikit-learn.

    CatBoost returns a column of classes.
    """
    predicted = np.asarray(estimator.predict(X))
    return predicted[:, 0] if predicted.ndim == 2 and predicted.shape[1] == 1 else predicted


def stated_probabilities(estimator, X):
    """Probabilities that ``predict_proba`` returns, shape (n_samples, n_classes)."""
    stated = np.asarray(estimator.predict_proba(X))
    if stated.ndim != 2:
        raise TypeError(
            f"predict_proba of {type(estimator).__name__} gives an array of shape {stated.shape}, "
            "not probabilities of classes, as with an objective of one's own; predict gives no "
            "labels then. Use one of the library's objectives."
        )
    return stated


def dense_transform(transformer, X):
    """Output of a transformer for X, as a dense array of doubles."""
    T = transformer.transform(X)
    return np.array(T.toarray() if hasattr(T, "toarray") else T, dtype=np.float64)
