"""Columns that will not be there: iris next to breast cancer (Ross et al. 2017).

    python benchmarks/experiments/iris_cancer.py [--seeds 20] [--alpha 1.0] [--l2 0] [--scale]

Iris classes 1 and 2 are joined to the first 50 malignant and 50 benign rows of the breast-cancer
table, so the four iris columns give the label away. At test they are zeroed; ``features=`` on them
tells the model beforehand. As in the paper the columns are not scaled; with ``--scale`` they are,
and a zero is far from anything the model has seen.

Without scaling most tanh units are saturated: the only gradient they have is that of the weight
decay, and Adam makes full steps of it however small ``--l2`` is. So it is off here, and what it
does can be seen by turning it on.
"""

import argparse
import warnings

import numpy as np
from _common import report
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.penalties import RightReasons


def table():
    iris, cancer = load_iris(), load_breast_cancer()
    rows = np.concatenate([np.flatnonzero(cancer.target == k)[:50] for k in (0, 1)])
    return np.column_stack([iris.data[iris.target > 0], cancer.data[rows]]), np.repeat([0, 1], 50)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--scale", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = table()
    penalties = {"plain": None, "features= on iris": RightReasons(features=range(4))}
    for name, penalty in penalties.items():
        scores, with_iris = [], []
        for seed in range(arguments.seeds):
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, test_size=1 / 3, stratify=y, random_state=seed
            )
            scaler = StandardScaler(with_mean=arguments.scale, with_std=arguments.scale).fit(
                X_train
            )
            options = {
                "alpha": arguments.alpha,
                "l2": arguments.l2,
                "max_iter": 500,
                "random_state": seed,
            }
            model = GradRegMLPClassifier((50, 30), "tanh", penalty=penalty, **options)
            model.fit(scaler.transform(X_train), y_train)
            with_iris.append(model.score(scaler.transform(X_test), y_test))
            X_test[:, :4] = 0
            scores.append(model.score(scaler.transform(X_test), y_test))
        report(name, **{"iris zeroed": scores, "iris present": with_iris})


if __name__ == "__main__":
    main()
