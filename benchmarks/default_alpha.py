"""Default ``alpha``: the largest that costs next to nothing against scikit-learn's defaults.

    python benchmarks/default_alpha.py [--estimator logistic|mlp] [--seeds 2] [--generated]
    [CSV:TARGET[:DROP,...] ...]

For scikit-learn's bundled tables, or some that it generates, and any CSV given with its target
column: accuracy, log loss and accuracy under attack (radius 0.5 in standardized units, by
`adversarial_accuracy`) of held-out rows, five folds times seeds, against `LogisticRegression()` and
`MLPClassifier()`. An alpha qualifies if the median log loss rises by at most 1 %, no table loses
more than a point of accuracy, and none more than half a point, or one row, of accuracy under
attack. At most 3000 rows of each table are used.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_gaussian_quantiles,
    make_hastie_10_2,
    make_moons,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import adversarial_accuracy

ALPHAS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
ESTIMATORS = {
    "logistic": (LogisticRegression(max_iter=1000), GradRegLogisticRegression(max_iter=1000)),
    "mlp": (MLPClassifier(), GradRegMLPClassifier()),
}


def generated():
    """Tables on which a linear boundary does not do."""
    yield (
        "five classes",
        make_classification(1000, 20, n_informative=10, n_classes=5, random_state=0),
    )
    yield "moons", make_moons(600, noise=0.25, random_state=0)
    yield "hastie", make_hastie_10_2(1500, random_state=0)
    yield (
        "quantiles",
        make_gaussian_quantiles(n_samples=1000, n_features=6, n_classes=4, random_state=0),
    )


def tables(arguments):
    if arguments.generated:
        for name, (X, y) in generated():
            yield name, pd.DataFrame(X), y.astype(str)
    else:
        for load in (load_iris, load_wine, load_breast_cancer, load_digits):
            X, y = load(return_X_y=True, as_frame=True)
            yield load.__name__.removeprefix("load_"), X, y.to_numpy().astype(str)
    for argument in arguments.tables:
        path, target, *drop = argument.split(":")
        X = pd.read_csv(path, na_values="?").drop(columns=drop[0].split(",") if drop else [])
        y = X.pop(target).to_numpy().astype(str)
        yield path.rsplit("/", 1)[-1], X, y


def measures(model, seed, X, y):
    """Accuracy, log loss and accuracy under attack on held-out rows, means over folds."""
    warnings.simplefilter("ignore")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    preprocessor = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    results = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
        prepare = clone(preprocessor).fit(X.iloc[train])
        fitted = (
            clone(model)
            .set_params(random_state=seed)
            .fit(prepare.transform(X.iloc[train]), y[train])
        )
        held_out = prepare.transform(X.iloc[test])
        results.append(
            [
                fitted.score(held_out, y[test]),
                log_loss(y[test], fitted.predict_proba(held_out), labels=fitted.classes_),
                adversarial_accuracy(fitted, held_out, y[test], 0.5),
            ]
        )
    return np.mean(results, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="CSV:TARGET[:DROP,...]")
    parser.add_argument("--estimator", choices=sorted(ESTIMATORS), default="logistic")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--generated", action="store_true")
    arguments = parser.parse_args()
    theirs, ours = ESTIMATORS[arguments.estimator]
    models = [theirs, *(clone(ours).set_params(alpha=alpha) for alpha in [0, *ALPHAS])]
    changes, one_row = [], []
    print(
        f"{arguments.estimator}: change of accuracy (points), log loss (%), accuracy under attack "
        "(points) against scikit-learn"
    )
    print(
        f"{'':>16} {'scikit-learn':>22} "
        + " ".join(f"{f'alpha={alpha:g}':>20}" for alpha in [0, *ALPHAS])
    )
    for name, X, y in tables(arguments):
        rows = np.random.RandomState(0).permutation(len(y))[:3000]
        X, y = X.iloc[rows], y[rows]
        jobs = [
            delayed(measures)(model, seed, X, y)
            for model in models
            for seed in range(arguments.seeds)
        ]
        found = np.reshape(Parallel(n_jobs=2)(jobs), (len(models), arguments.seeds, 3)).mean(axis=1)
        change = 100 * (found[1:] - found[0]) / [1, found[0, 1], 1]
        changes.append(change)
        one_row.append(100 / len(rows))
        base = f"{100 * found[0, 0]:6.2f} {found[0, 1]:7.4f} {100 * found[0, 2]:6.2f}"
        print(
            f"{name:>16} {base:>22} "
            + " ".join(f"{a:+6.2f} {b:+6.1f} {c:+6.2f}" for a, b, c in change),
            flush=True,
        )
    changes, tolerance = np.array(changes), np.maximum(0.5, one_row)
    print(
        f"{'median':>16} {'':>22} "
        + " ".join(f"{a:+6.2f} {b:+6.1f} {c:+6.2f}" for a, b, c in np.median(changes, axis=0))
    )
    worst = [(c[:, 0].min(), c[:, 1].max(), c[:, 2].min()) for c in changes.transpose(1, 0, 2)]
    print(
        f"{'worst':>16} {'':>22} " + " ".join(f"{a:+6.2f} {b:+6.1f} {c:+6.2f}" for a, b, c in worst)
    )
    fits = [
        np.median(c[:, 1]) <= 1 and c[:, 0].min() >= -1 and (c[:, 2] >= -tolerance).all()
        for c in changes.transpose(1, 0, 2)
    ]
    print(
        "qualify: "
        + ", ".join(f"{alpha:g}" for alpha, fit in zip([0, *ALPHAS], fits, strict=True) if fit)
    )


if __name__ == "__main__":
    main()
