"""Sweep over the strength of a penalty on a mixed table, as a path and as in the first release.

    python -m benchmarks.sweeps TABLE.csv TARGET {logistic,mlp} [warm]

prints what ours gives, as JSON: for each strength accuracy, its standard error, accuracy under
fast-gradient steps, mean norm of the input gradient and mean distance to the boundary, as means
over five folds. The first release had no weight decay in addition to the penalty, so there is none here.
"""

import json
import os
import subprocess
import sys
import warnings
from functools import partial

import numpy as np

from benchmarks.race import Contest

ALPHAS = np.logspace(-3, 1, 9)
EPSILON = 0.5
FIRST_RELEASE = """
import json, sys, warnings
warnings.simplefilter("ignore")
from sklearn_irg._sweep import sweep
from sklearn_irg._table import read_csv
path, target, kind = sys.argv[1:]
print(json.dumps([[row.accuracy, row.accuracy_se, row.robust_accuracy, row.gradient_norm, row.distance]
                  for row in sweep(read_csv(path, target), kind)]))
"""


def against_the_first_release(quick=False, *, table=None, release=None):
    """Both estimators, on two cores; needs a table and the source of the first release."""
    del quick
    if table is None or release is None:
        return
    for kind, target, difference in (("logistic", 1 / 5, 0.001), ("mlp", 1 / 3, 0.01)):
        ours = partial(run, ["-m", "benchmarks.sweeps", table, "income", kind], None)
        yield Contest(
            f"sweep of {os.path.basename(table)}, {kind}",
            ours,
            {"first release": partial(run, ["-c", FIRST_RELEASE, table, "income", kind], release)},
            {"first release": target},
            baseline=ours,
            tolerance=difference,
            relative=0.0,
            most_rounds=3,
        )


def run(arguments, path):
    """Run Python in a separate process, which prints numbers.

    Accuracies, clean and under attack, are compared.
    """
    environment = dict(os.environ) if path is None else {**os.environ, "PYTHONPATH": path}

    def once():
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=path,
            check=True,
            capture_output=True,
            text=True,
        )
        return np.array(json.loads(done.stdout.splitlines()[-1]))[:, [0, 2]]

    return once


def main():
    import pandas as pd
    from joblib import Parallel, delayed
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier

    warnings.simplefilter("ignore")
    path, target, kind, *warm = sys.argv[1:]
    frame = pd.read_csv(path, skipinitialspace=True, na_values=["?"])
    y, X = frame.pop(target).to_numpy(), frame
    numbers = X.select_dtypes("number").columns.tolist()
    words = [name for name in X.columns if name not in numbers]
    X[words] = X[words].astype(object).where(X[words].notna(), "missing")
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    model = {
        "logistic": GradRegLogisticRegression(max_iter=1000, l2=0),
        "mlp": GradRegMLPClassifier(max_iter=500, early_stopping=True, l2=0, random_state=0),
    }[kind]
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    pipeline = make_pipeline(prepare, model)
    n_jobs = {"logistic": 1, "mlp": 2}[
        kind
    ]  # all strengths of the first are one product, which has both cores
    found = np.array(
        Parallel(n_jobs)(
            delayed(fold)(pipeline, X, y, train, test, bool(warm) or None) for train, test in folds
        )
    )
    accuracy, *others = found.transpose(2, 1, 0)
    columns = [
        accuracy.mean(axis=1),
        accuracy.std(axis=1, ddof=1) / np.sqrt(5),
        *(m.mean(axis=1) for m in others),
    ]
    print(json.dumps(np.array(columns).T.tolist()))


def fold(pipeline, X, y, train, test, warm_start):
    """Measures of the models of one fold, by strength."""
    from sklearn_irg.model_selection import regularization_path

    warnings.simplefilter("ignore")
    models = regularization_path(
        pipeline, X.iloc[train], y[train], ALPHAS, warm_start=warm_start
    ).estimators[::-1]
    held_out = models[0][:-1].transform(X.iloc[test])
    return [measures(model[-1], held_out, y[test]) for model in models]


def measures(estimator, X, y):
    """Measures of the first release."""
    from sklearn_irg.attacks import fast_gradient
    from sklearn_irg.diagnostics import input_gradients, signed_distance

    distances = signed_distance(estimator, X, y)
    return [
        estimator.score(X, y),
        estimator.score(fast_gradient(estimator, X, y, EPSILON), y),
        np.linalg.norm(input_gradients(estimator, X, y), axis=1).mean(),
        distances[np.isfinite(distances)].mean() if np.isfinite(distances).any() else np.inf,
    ]


if __name__ == "__main__":
    main()
