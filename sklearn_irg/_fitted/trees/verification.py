"""Whether trees that were read add up to what their estimator states, where they might not."""

import numpy as np

from sklearn_irg._fitted.trees.probes import probe_rows

__all__ = ["difference", "difference_at"]

# of the largest score, where the order of additions is the library's: half of one is too little
# for XGBoost's dart and forests in the tests, and 10,000 would overlook a leaf that was changed
# there
_ULPS = 8


def difference(reading, rows=None):
    """Sentence on how trees differ from their estimator; empty if they agree.

    Parameters
    ----------
    reading : Reading
        Trees and the estimator's own answers.
    rows : ndarray of shape (n_samples, n_features), default=None
        Rows on which they have to agree, in addition to those that are built for the trees.
    """
    trees, probes = reading.trees, probe_rows(reading, rows)
    sums, stated = trees.sums(probes), reading.margins(probes)
    found = _difference(trees, probes, sums, stated)
    if found:
        return found
    wrong = (trees.predicted(sums) != reading.labels(probes)) & ~trees.is_tie(sums)
    return (
        f"its label does not follow its score of {stated[wrong][0]}, at {_shown(probes[wrong][0])}"
        if wrong.any()
        else ""
    )


def difference_at(reading, X, rows):
    """Sentence on how trees at rows differ from their estimator at X, the same rows."""
    return _difference(reading.trees, rows, reading.trees.sums(rows), reading.stated(X))


def _difference(trees, rows, sums, stated):
    """Sentence on how sums of trees differ from scores; empty if they agree."""
    if sums.shape != stated.shape:
        return f"it has {stated.shape[1]} scores where its trees have {sums.shape[1]}"
    apart = np.abs(trees.scale * sums - stated).max(axis=1, initial=0)
    wrong = ~(apart <= trees.scale * _tolerance(trees))  # true for NaN, too
    if not wrong.any():
        return ""
    i = int(np.argmax(np.where(wrong, np.nan_to_num(apart, nan=np.inf), -1)))
    return f"its trees add up to {trees.scale * sums[i]} where its own score is {stated[i]}, at {_shown(rows[i])}"


def _tolerance(trees):
    """Largest rounding error of sums: double-precision additions may be in any order (threads)."""
    if trees.dtype == np.float64:
        return trees.rounding
    return _ULPS * trees.largest_sum * float(np.finfo(trees.dtype).eps)


def _shown(row):
    """The first cells of a row, exactly."""
    return "[" + ", ".join(map(repr, row[:6].tolist())) + (", ...]" if len(row) > 6 else "]")
