"""The transformers of a pipeline as an affine map of its input."""

import numpy as np

from sklearn_irg._fitted.tables import is_polars

__all__ = ["NotAffineError", "affine_map", "as_fitted", "dense_transform"]


class NotAffineError(ValueError):
    """Steps of a pipeline are not affine in the pipeline's input."""


def as_fitted(estimator, X):
    """X with the column names the estimator was fitted with, where it was."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or is_polars(X):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def dense_transform(transformer, X):
    """What a transformer makes of X, as floats."""
    T = transformer.transform(X)
    return np.array(T.toarray() if hasattr(T, "toarray") else T, dtype=np.float64)


def affine_map(steps, n_features, rows=None):
    """A and c with ``steps(X) == X @ A + c``, read off `Steps`, checked on random rows and given ones."""
    # steps that only pass through have no width of their own
    widths = [getattr(step, "n_features_in_", None) for step in steps.transformers]
    n_features = next((width for width in widths if width is not None), n_features)
    rng = np.random.RandomState(0)
    tried = [scale * rng.standard_normal((8, n_features)) for scale in (0.1, 1.0, 10.0, 1000.0)]
    if rows is not None and rows.shape[1] == n_features:
        # and where attacks may go
        beyond = [rows + size * rows.std(axis=0) * rng.standard_normal(rows.shape) for size in (0.5, 3.0, 30.0)]
        tried += [rows, *beyond]
    X = np.concatenate(tried)

    def transform(X):
        return np.asarray(steps(as_fitted(steps, X)), dtype=np.float64)

    try:
        c = transform(np.zeros((1, n_features)))[0]
        A = transform(np.eye(n_features)) - c
        expected = X @ A + c
        found = transform(X)
        affine = np.allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max(axis=0))
    except (ValueError, TypeError):
        affine = False
    if not affine:
        names = ", ".join(type(step).__name__ for step in steps.transformers)
        raise NotAffineError(
            f"the steps before the last ({names}) are not affine, so distances have no exact meaning in the pipeline's "
            "input. Work in the last step's: pass pipe[-1] with pipe[:-1].transform(X)."
        )
    return A, c
