"""Codes of categories as the cells that an estimator was fitted with."""

import numpy as np

from sklearn_irg._fitted.affine import as_fitted

__all__ = ["categorical_frame_of", "frame_of"]


def frame_of(estimator, categories):
    """A function from rows with codes to rows with categories as objects.

    They are a frame with named columns where the estimator was fitted with names.

    Parameters
    ----------
    estimator : object
        Fitted estimator.
    categories : dict of int to ndarray
        By column: what codes stand for. Other codes become a value that is not among them.
    """

    def as_given(rows):
        cells = rows.astype(object)
        for column, known in categories.items():
            cells[:, column] = _decoded(rows[:, column], known)
        if not hasattr(estimator, "feature_names_in_") and all(
            known.dtype.kind in "iuf" for known in categories.values()
        ):
            return cells.astype(np.float64)
        return as_fitted(estimator, cells)

    return as_given


def _decoded(codes, known):
    cells = np.full(len(codes), np.nan, dtype=object)
    is_known = (codes >= 0) & (codes < len(known))
    cells[is_known] = known[codes[is_known].astype(int)]
    cells[~is_known & ~np.isnan(codes)] = _other_than(known)
    return cells


def _other_than(known):
    """A value that is not among categories; missing where they are neither numbers nor strings."""
    if known.dtype.kind in "iuf":
        return known.max() + 1 if len(known) else 0
    words = [str(value) for value in known]
    return (
        "not " + max(words, key=len, default="")
        if all(isinstance(value, str) for value in known)
        else np.nan
    )


def categorical_frame_of(names, categories):
    """A function from rows with codes to a DataFrame with columns of pandas categories.

    Parameters
    ----------
    names : sequence of str
        Of all columns.
    categories : dict of int to ndarray
        By column: what codes stand for. Other codes become missing.
    """

    def as_given(rows):
        import pandas as pd

        frame = {}
        for j, name in enumerate(names):
            if j in categories:
                codes = np.where(
                    (rows[:, j] >= 0) & (rows[:, j] < len(categories[j])), rows[:, j], -1
                ).astype(int)
                known = (
                    list(categories[j])
                    if categories[j].dtype.kind == "O"
                    else pd.Index(categories[j])
                )
                frame[name] = pd.Categorical.from_codes(codes, categories=known)
            else:
                frame[name] = rows[:, j]
        return pd.DataFrame(frame)

    return as_given
