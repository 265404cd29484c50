"""The main job: what each strength of the penalty costs in accuracy and buys in robustness, on one table."""

import csv
import os
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._cli.table import preprocessor
from sklearn_irg.attacks import fast_gradient
from sklearn_irg.diagnostics import input_gradients, signed_distance

__all__ = ["ESTIMATORS", "FILES", "Row", "choose", "draw", "format_table", "save", "save_table", "sweep"]

FILES = ("sweep.png", "sweep.csv")
ALPHAS = np.logspace(-3, 1, 9)
ESTIMATORS = {
    "logistic": GradRegLogisticRegression(max_iter=1000),
    "mlp": GradRegMLPClassifier(max_iter=500, early_stopping=True, random_state=0),
}


class Row(NamedTuple):
    """Means over held-out folds for one alpha; ``accuracy_se`` and ``robust_accuracy_se`` are their standard errors."""

    alpha: float
    accuracy: float
    accuracy_se: float
    robust_accuracy: float
    robust_accuracy_se: float
    gradient_norm: float
    distance: float


class _Measures:
    """Scores of a fitted pipeline on held-out rows, in the units its estimator sees; a class so that it pickles."""

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def __call__(self, pipeline, X, y):
        estimator, X = pipeline[-1], pipeline[:-1].transform(X)
        distances = signed_distance(estimator, X, y)
        return {
            "accuracy": estimator.score(X, y),
            "robust_accuracy": estimator.score(fast_gradient(estimator, X, y, self.epsilon), y),
            "gradient_norm": np.linalg.norm(input_gradients(estimator, X, y), axis=1).mean(),
            "distance": distances[np.isfinite(distances)].mean() if np.isfinite(distances).any() else np.inf,
        }


def sweep(table, estimator="logistic", epsilon=0.5, *, alphas=ALPHAS, cv=5, callback=None):
    """Cross-validate every alpha.

    Parameters
    ----------
    table : Table
        Rows, target and which columns are numeric.
    estimator : {"logistic", "mlp"}, default="logistic"
        What to fit.
    epsilon : float, default=0.5
        L2 radius of the fast-gradient perturbation, in standardised units.
    alphas : sequence of float
        Strengths of the input-gradient penalty.
    cv : int, default=5
        Number of stratified folds.
    callback : scikit-learn callback, default=None
        Such as a progress bar.

    Returns
    -------
    rows : list of Row
        One per alpha.
    """
    pipeline = Pipeline([("prepare", preprocessor(table.is_numeric)), ("fit", clone(ESTIMATORS[estimator]))])
    folds = StratifiedKFold(cv, shuffle=True, random_state=0)
    search = GridSearchCV(
        pipeline, {"fit__alpha": list(alphas)}, scoring=_Measures(epsilon), refit=False, cv=folds, error_score="raise"
    )
    if callback is not None:
        search.set_callbacks(callback)
    results = search.fit(table.X, table.y).cv_results_

    def mean(name):
        return results[f"mean_test_{name}"]

    def standard_error(name):
        return results[f"std_test_{name}"] / np.sqrt(cv - 1)  # std has n, not n - 1, below the root

    columns = [mean("accuracy"), standard_error("accuracy"), mean("robust_accuracy"), standard_error("robust_accuracy")]
    columns += [mean("gradient_norm"), mean("distance")]
    return [Row(*map(float, values)) for values in zip(alphas, *columns, strict=True)]


def choose(rows):
    """Positions of the most accurate alpha and of the most robust one within a standard error of its accuracy."""
    best = max(range(len(rows)), key=lambda i: rows[i].accuracy)
    floor = rows[best].accuracy - rows[best].accuracy_se
    good = [i for i, row in enumerate(rows) if row.accuracy >= floor]
    return best, max(good, key=lambda i: rows[i].robust_accuracy)


def format_table(rows, epsilon):
    """The rows as aligned text, the two choices marked."""
    best, robust = choose(rows)
    attacked = f"at radius {epsilon:g}"
    lines = [
        f"{'':>10}  {'accuracy':>15}  {'accuracy':>15}  {'gradient':>9}  {'distance to':>11}",
        f"{'alpha':>10}  {'':>15}  {attacked:>15}  {'norm':>9}  {'boundary':>11}",
    ]
    for i, row in enumerate(rows):
        marks = [mark for j, mark in ((best, "most accurate"), (robust, "most robust within 1 s.e.")) if i == j]
        lines.append(
            f"{row.alpha:>10.4g}  {row.accuracy:>7.3f} ± {row.accuracy_se:.3f}  "
            f"{row.robust_accuracy:>7.3f} ± {row.robust_accuracy_se:.3f}  {row.gradient_norm:>9.4f}  {row.distance:>11.3f}"
            + ("  <- " + ", ".join(marks) if marks else "")
        )
    return "\n".join(lines)


def save_table(rows, path):
    """Write the rows as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Row._fields, *rows])


def draw(rows, epsilon, path):
    """Save the figure: accuracies above, gradient norm and distance below, over alpha."""
    from matplotlib.figure import Figure

    best, robust = choose(rows)
    alpha = np.array([row.alpha for row in rows])
    figure = Figure(figsize=(7, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    for name, label, color, marker in [
        ("accuracy", "clean", "#0072B2", "o"),
        ("robust_accuracy", f"attacked (fast gradient, radius {epsilon:g})", "#D55E00", "s"),
    ]:
        value, error = (np.array([getattr(row, field) for row in rows]) for field in (name, f"{name}_se"))
        top.plot(alpha, value, color=color, marker=marker, label=label)
        top.fill_between(alpha, value - error, value + error, color=color, alpha=0.15, linewidth=0)
    top.axvline(alpha[best], color="0.4", linestyle=":", label="most accurate")
    top.axvline(alpha[robust], color="0.4", linestyle="--", label="most robust within 1 s.e.")
    top.set(ylabel="cross-validated accuracy", xscale="log")
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    right = bottom.twinx()
    for axes, name, label, color, marker in [
        (bottom, "gradient_norm", "mean input-gradient norm", "#007355", "^"),
        (right, "distance", "mean distance to boundary", "#A0457E", "v"),
    ]:
        axes.plot(alpha, [getattr(row, name) for row in rows], color=color, marker=marker)
        axes.set_ylabel(label, color=color)
        axes.tick_params(axis="y", colors=color)
    bottom.set(xlabel="alpha (strength of the input-gradient penalty)", yscale="log")
    figure.savefig(path, dpi=150, format="png")


def save(rows, epsilon, directory):
    """Save figure and table in a directory, both whole or neither; returns their paths."""
    paths = [os.path.join(directory, name) for name in FILES]
    parts = [f"{path}.part" for path in paths]
    try:
        draw(rows, epsilon, parts[0])
        save_table(rows, parts[1])
        for part, path in zip(parts, paths, strict=True):
            os.replace(part, path)
    finally:
        for part in parts:
            with suppress(FileNotFoundError):
                os.remove(part)
    return paths
