"""Paths over strengths of the penalty of logistic regressions, against as many cold fits."""

import os
from functools import partial

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.fits import generated
from benchmarks.race import Contest
from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.model_selection import regularization_path

STRENGTHS = np.logspace(2, -6, 81)
TWENTY = np.logspace(1, -3, 20)
MODERATE = 1.0  # strength up to which objectives are compared


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

    Of images of two digits, at the default tolerance and at one at which objectives can be
    compared, up to a strength of one: beyond, both may find different minima. And of a longer table.
    """
    name = (
        "scikit-learn's digits 3 and 7"
        if mnist is None
        else f"digits 3 and 7 of {os.path.basename(mnist)}"
    )
    images = partial(two_digits, mnist)
    for tol, difference in ((1e-4, None), (1e-7, 1e-6)):
        if quick and difference is None:
            continue
        yield _contest(name, images, STRENGTHS, 0.2, difference, max_iter=10_000, tol=tol)
    n = 2000 if quick else 20_000
    yield _contest(f"{n} × 50", partial(generated, n, 50), TWENTY, 0.3, max_iter=1000, tol=1e-4)


def _contest(name, table, alphas, target, difference=None, **parameters):
    ours = partial(path, table, alphas, **parameters)
    return Contest(
        f"path of {len(alphas)} strengths, {name}, tol {parameters['tol']:g}",
        ours,
        {"cold fits": partial(cold_fits, table, alphas, **parameters)},
        {"cold fits": target},
        baseline=ours,
        tolerance=difference,
        relative=0.0 if difference is None else difference,
        most_rounds=3 if len(alphas) > 20 else None,
    )


def path(table, alphas, **parameters):
    """As a path; gives its objectives at moderate strengths."""
    X, y = table()
    model = GradRegLogisticRegression(**parameters)
    return lambda: regularization_path(model, X, y, alphas).losses[alphas <= MODERATE]


def cold_fits(table, alphas, **parameters):
    """One fit after another, each from zero; gives the same."""
    X, y = table()

    def run():
        model = GradRegLogisticRegression(**parameters)
        losses = [model.set_params(alpha=alpha).fit(X, y).loss_ for alpha in alphas]
        return np.array(losses)[alphas <= MODERATE]

    return run
