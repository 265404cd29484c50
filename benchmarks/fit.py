"""Whole fits against scikit-learn's, in one interleaved run: seconds of ours over seconds of theirs, medians of rounds.

    python benchmarks/fit.py [--rounds 9]

With the same weight decay and the same rule to stop by; without penalty the two compute the same. ``iterations`` are
ours / theirs.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier

ALPHA = 0.01


def tables():
    yield "breast cancer", *load_breast_cancer(return_X_y=True)
    yield "digits", *load_digits(return_X_y=True)
    yield "20000 x 50, 2 classes", *make_classification(20000, 50, n_informative=20, random_state=0)
    yield "10000 x 100, 5 classes", *make_classification(10000, 100, n_informative=20, n_classes=5, random_state=0)


def pairs():
    options = {"max_iter": 5, "random_state": 0}
    for penalty in (None, "input_gradient"):
        ours = GradRegLogisticRegression(penalty, ALPHA, max_iter=1000)
        yield "logistic", penalty, ours, LogisticRegression(max_iter=1000)
        yield "mlp", penalty, GradRegMLPClassifier(penalty=penalty, alpha=ALPHA, **options), MLPClassifier(**options)


def seconds(model, X, y):
    start = time.perf_counter()
    for _ in range(n_fits := 1 if len(X) > 5000 else 5):
        model.fit(X, y)
    return (time.perf_counter() - start) / n_fits


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        f"{'table':>24} {'estimator':>10} {'penalty':>15} {'ours ms':>9} {'ratio':>6} {'per iteration':>14}  iterations"
    )
    for table, X, y in tables():
        X = scale(X)
        for name, penalty, ours, theirs in pairs():
            times = np.array([[seconds(ours, X, y), seconds(theirs, X, y)] for _ in range(arguments.rounds)])
            ratio = np.median(times[:, 0] / times[:, 1])
            n_iter = [int(np.max(model.n_iter_)) for model in (ours, theirs)]
            print(
                f"{table:>24} {name:>10} {penalty!s:>15} {np.median(times[:, 0]) * 1e3:9.1f} {ratio:6.2f} "
                f"{ratio * n_iter[1] / n_iter[0]:14.2f}  {n_iter[0]} / {n_iter[1]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
