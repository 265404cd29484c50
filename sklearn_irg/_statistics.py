"""Statistics of scores over folds, once for all that report them."""

import numpy as np

__all__ = ["standard_errors"]


def standard_errors(values):
    """Standard errors of means over folds, the first axis; NaN for one fold."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))
