"""Attacks: perturbations of rows that a fitted model should withstand."""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg.diagnostics import input_gradients
from sklearn_irg.sensitivity import normalized_rows

__all__ = ["fast_gradient"]


def fast_gradient(estimator, X, y, epsilon):
    """One step of length epsilon up the loss.

    Parameters
    ----------
    estimator : estimator
        A fitted linear classifier or multi-layer perceptron.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    epsilon : float
        L2 norm of the perturbation, in units of X.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved. Where the gradient vanishes they stay.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import fast_gradient
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> model = GradRegLogisticRegression(alpha=0.1).fit(X, y)
    >>> model.score(fast_gradient(model, X, y, epsilon=1.0), y) < model.score(X, y)
    True
    """
    check_scalar(epsilon, "epsilon", (int, float, np.integer, np.floating), min_val=0)
    gradients = input_gradients(estimator, X, y)
    return np.asarray(X, dtype=gradients.dtype) + float(epsilon) * normalized_rows(gradients)
