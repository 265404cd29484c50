"""A path over 81 strengths of the penalty of a logistic regression, against as many cold fits."""

import os
import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.race import Contest
from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.model_selection import regularization_path

STRENGTHS = np.logspace(2, -6, 81)


def two_digits(mnist=None, pair=(3, 7), n_each=3000):
    """Images of two digits, pixels between 0 and 1, of MNIST's first ones or scikit-learn's."""
    if mnist is None:
        X, y = load_digits(return_X_y=True)
        X = X / 16
    else:
        with np.load(mnist) as file:
            X, y = file["x_train"].reshape(-1, 784) / 255, file["y_train"]
    rows = np.concatenate([np.flatnonzero(y == digit)[:n_each] for digit in pair])
    return X[rows], y[rows]


def against_cold_fits(quick=False, *, mnist=None):
    """Paths and cold fits to the same tolerance.

    At the default tolerance, and at one at which objectives can be compared.
    """
    table = (
        "scikit-learn's digits 3 and 7"
        if mnist is None
        else f"digits 3 and 7 of {os.path.basename(mnist)}"
    )
    for tol, difference in ((1e-4, None), (1e-7, 1e-6)):
        if quick and difference is None:
            continue
        yield Contest(
            f"path of {len(STRENGTHS)} strengths, {table}, tol {tol:g}",
            partial(path, mnist, tol),
            {"cold fits": partial(cold_fits, mnist, tol)},
            {"cold fits": 5.0},
            tolerance=difference,
            relative=0.0 if difference is None else difference,
            most_rounds=3,
        )


def path(mnist, tol):
    """As a path; gives its objectives."""
    X, y = two_digits(mnist)
    model = GradRegLogisticRegression(max_iter=10_000, tol=tol)
    return lambda: regularization_path(model, X, y, STRENGTHS).losses


def cold_fits(mnist, tol):
    """One fit after another, each from zero."""
    X, y = two_digits(mnist)
    warnings.simplefilter("ignore")
    return lambda: np.array(
        [
            GradRegLogisticRegression(alpha=alpha, max_iter=10_000, tol=tol).fit(X, y).loss_
            for alpha in STRENGTHS
        ]
    )
