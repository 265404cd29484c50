"""Which default ``alpha``: the largest that costs at most half a point of median cross-validated accuracy.

    python benchmarks/default_alpha.py [CSV:TARGET[:DROP,...] ...]

For scikit-learn's bundled tables and any CSV given with its target column, 5-fold accuracy on standardised inputs for
each alpha, minus that of alpha = 0; then the median of these differences over tables, and the difference of the medians.
At most 5000 rows of each table are used.
"""

import sys
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._cli.table import preprocessor, read_csv

ALPHAS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def tables(arguments):
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        yield load.__name__.removeprefix("load_"), X, y, make_pipeline
    for argument in arguments:
        path, target, *drop = argument.split(":")
        table = read_csv(path, target, drop[0].split(",") if drop else ())
        rows = np.random.RandomState(0).permutation(len(table.y))[:5000]
        yield path.rsplit("/", 1)[-1], table.X[rows], table.y[rows], table


def main():
    warnings.simplefilter("ignore")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    estimators = {
        "logistic": GradRegLogisticRegression(max_iter=1000),
        "mlp": GradRegMLPClassifier(early_stopping=False, max_iter=200, random_state=0),
    }
    for name, estimator in estimators.items():
        print(f"{name:>16} alpha=0 " + " ".join(f"{alpha:>7g}" for alpha in ALPHAS))
        losses, plain = [], []
        for table, X, y, source in tables(sys.argv[1:]):
            scores = []
            for alpha in [0, *ALPHAS]:
                model = make_pipeline(
                    preprocessor(X, getattr(source, "is_numeric", None)), estimator.set_params(alpha=alpha)
                )
                scores.append(cross_val_score(model, X, y, cv=folds, n_jobs=2).mean() * 100)
            plain.append(scores[0])
            losses.append(np.subtract(scores[1:], scores[0]))
            print(f"{table:>16} {scores[0]:7.2f} " + " ".join(f"{d:+7.2f}" for d in losses[-1]), flush=True)
        of_medians = np.median(np.add(np.transpose(losses), plain), axis=1) - np.median(plain)
        for label, row in [("median of them", np.median(losses, axis=0)), ("of the medians", of_medians)]:
            print(f"{label:>16} {'':7} " + " ".join(f"{d:+7.2f}" for d in row), flush=True)


if __name__ == "__main__":
    main()
