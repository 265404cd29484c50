"""Scores under attack, from which rows are misclassified."""

import numpy as np

__all__ = ["ROBUST_SCORINGS", "robust_score", "standard_error_of"]

ROBUST_SCORINGS = ("accuracy", "balanced_accuracy")


def robust_score(misclassified, y, scoring="accuracy", sample_weight=None):
    """Share of rows that are not misclassified, or its mean over the classes of the rows.

    Parameters
    ----------
    misclassified : ndarray of bool of shape (n_samples,)
        Whether each row is misclassified.
    y : ndarray of shape (n_samples,)
        Their labels.
    scoring : {"accuracy", "balanced_accuracy"}, default="accuracy"
        Accuracy over all rows, or its mean over classes.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows; ``None`` means equal ones.

    Returns
    -------
    score : float
        Between 0 and 1.
    """
    shares, _ = _by_group(misclassified, y, scoring, sample_weight)
    return float(shares.mean())


def standard_error_of(misclassified, y, scoring="accuracy", sample_weight=None):
    """Standard error of a score on rows that were drawn independently."""
    shares, n_rows = _by_group(misclassified, y, scoring, sample_weight)
    return float(np.sqrt(np.sum(shares * (1 - shares) / n_rows)) / len(shares))


def _by_group(misclassified, y, scoring, sample_weight):
    """Shares of rows that are not misclassified, and effective numbers of rows.

    Of all rows, or of those of each class for balanced accuracy.
    """
    weights = (
        np.ones(len(misclassified))
        if sample_weight is None
        else np.asarray(sample_weight, dtype=float)
    )
    group = np.zeros(len(misclassified), dtype=int)
    if scoring == "balanced_accuracy":
        group = np.unique(y, return_inverse=True)[1]
    totals = np.bincount(group, weights)
    used = totals > 0
    right = np.bincount(group, weights * ~misclassified, len(totals))[used] / totals[used]
    return right, totals[used] ** 2 / np.bincount(group, weights**2)[used]
