"""Certificates, attacks and exact distances of small neural networks, compared.

    python benchmarks/experiments/certificates.py [--rows 100] [--exact-rows 8] [--time-limit 30]

Networks of 50-50 ReLU units on three of scikit-learn's tables, standardized: certified distance
over attacked distance (medians over rows, "l2"), by the product of spectral norms and by linear
bound propagation, and the time of the latter; then the exact "linf" distance on ten columns by
mixed-integer programming: seconds a row, time-outs, and how far accuracy under attack is from exact
accuracy.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.diagnostics import attack_distance, certified_radius, distance_interval

TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--exact-rows", type=int, default=8)
    parser.add_argument("--time-limit", type=float, default=30.0)
    parser.add_argument(
        "--alpha",
        type=float,
        default=1e-4,
        help="weight decay of the networks, as in MLPClassifier",
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, load in TABLES.items():
        X, y = load(return_X_y=True)
        X = scale(X)
        chosen = np.random.RandomState(0).permutation(len(y))[: arguments.rows]
        model = MLPClassifier((50, 50), alpha=arguments.alpha, max_iter=300, random_state=0).fit(
            X, y
        )
        attacked = attack_distance(model, X[chosen])
        product = certified_radius(model, X[chosen], method="lipschitz") / attacked
        start = time.perf_counter()
        certified = certified_radius(model, X[chosen])
        milliseconds = 1000 * (time.perf_counter() - start) / len(chosen)
        assert (certified <= attacked * (1 + 1e-5)).all()
        print(
            f"{name}: of the attacked distance, products of norms certify "
            f"{np.median(product):.2f}, linear bounds {np.median(certified / attacked):.2f}, at "
            f"{milliseconds:.1f} ms a row",
            flush=True,
        )
        few = chosen[: arguments.exact_rows]
        narrow = MLPClassifier((50, 50), alpha=arguments.alpha, max_iter=300, random_state=0).fit(
            X[:, :10], y
        )
        lower, upper, seconds = [], [], []
        for i in few:
            start = time.perf_counter()
            ends = distance_interval(
                narrow, X[[i], :10], norm="linf", method="exact", time_limit=arguments.time_limit
            )
            seconds.append(time.perf_counter() - start)
            lower.append(ends[0][0])
            upper.append(ends[1][0])
        lower, upper = np.array(lower), np.array(upper)
        proved = lower >= upper * (1 - 1e-4)
        print(
            f"  exact linf: median {np.median(seconds):.1f} s a row, {np.sum(~proved)} of "
            f"{len(few)} timed out; the attack "
            f"finds {np.median((attack_distance(narrow, X[few][:, :10], norm='linf') / upper)[proved]):.4f} of it"
        )
        predicted = narrow.predict(X[few][:, :10])
        for epsilon in np.quantile(upper, [0.3, 0.6]):
            attacked = adversarial_accuracy(
                narrow, X[few][:, :10], predicted, float(epsilon), norm="linf"
            )
            print(
                f"  at {epsilon:.2f}: exact {np.mean(upper > epsilon):.3f}, attacked "
                f"{attacked:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
