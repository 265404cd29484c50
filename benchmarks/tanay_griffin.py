"""Table behind Tanay and Griffin (2018), recomputed through `linear_geometry`.

    python benchmarks/tanay_griffin.py TABLE.csv [mnist.npz] [--every 9] [--figure FILE]

The article is "A new angle on L2 regularization". Its table has, for a digit pair and a strength,
results of a linear SVM: the first 3000 training
images of each digit, pixels in [0, 1], tested on all test images of the two. Prints the largest
difference per column; ``--every`` takes each n-th strength. λ_j = 10^(2 - 0.1 j); the axis in the
article's prose is off by 10⁵. The figure draws the same sweep with `GradRegLogisticRegression`, by
weight decay and by input gradient, next to it. Without a file, MNIST comes from OpenML.
"""

import argparse
import csv
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.diagnostics import linear_geometry

sys.path.append(str(Path(__file__).parent / "experiments"))
from _common import mnist

COLUMNS = [
    "tilting_angle_rad",
    "inverse_weight_norm",
    "adversarial_distance",
    "train_error_pct",
    "test_error_pct",
]


def pair(data, negative, positive):
    X, y, X_test, y_test = data
    train = np.concatenate([np.flatnonzero(y == digit)[:3000] for digit in (negative, positive)])
    test = np.isin(y_test, (negative, positive))
    return X[train] / 255.0, y[train], X_test[test] / 255.0, y_test[test]


def measure(model, X, y, X_test, y_test):
    geometry = linear_geometry(model, X, y)
    return [
        geometry.tilting_angle,
        1 / geometry.weight_norm,
        geometry.adversarial_distance,
        100 * (1 - model.score(X, y)),
        100 * (1 - model.score(X_test, y_test)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("mnist", nargs="?")
    parser.add_argument("--every", type=int, default=9)
    parser.add_argument("--figure")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    data = mnist(arguments.mnist)
    with open(arguments.table, newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    pairs = sorted({(int(row["digit_neg"]), int(row["digit_pos"])) for row in rows})
    print(
        f"{'digits':>8} "
        + " ".join(f"{column:>21}" for column in COLUMNS)
        + "   largest absolute difference"
    )
    sweeps = {}
    for digits in pairs:
        X, y, X_test, y_test = pair(data, *digits)
        chosen = [r for r in rows if (r["digit_neg"], r["digit_pos"]) == digits][:: arguments.every]
        found = [
            measure(SVC(kernel="linear", C=row["svc_C"]).fit(X, y), X, y, X_test, y_test)
            for row in chosen
        ]
        expected = [[row[column] for column in COLUMNS] for row in chosen]
        differences = np.abs(np.subtract(found, expected))
        relative = differences[:, 1] / np.array(expected)[:, 1]
        print(
            f"{digits!s:>8} "
            + " ".join(f"{d:21.4f}" for d in differences.max(axis=0))
            + f"   1/‖w‖ {relative.max():.1%}",
            flush=True,
        )
        sweeps[digits] = {
            "linear SVM": (
                np.array(expected)[:, 0],
                np.array(expected)[:, 2],
                np.array(expected)[:, 4],
            )
        }
    if arguments.figure:
        draw(data, sweeps, arguments.figure)


def draw(data, sweeps, path):
    from matplotlib.figure import Figure

    digits = next(iter(sweeps))
    X, y, X_test, y_test = pair(data, *digits)
    for name, penalty in [
        ("logistic, weight decay", "weight_decay"),
        ("logistic, input gradient", "input_gradient"),
    ]:
        rows = []
        for alpha in np.logspace(-4, 2, 13):
            model = GradRegLogisticRegression(penalty, alpha, l2=0, max_iter=1000).fit(X, y)
            rows.append(measure(model, X, y, X_test, y_test))
        sweeps[digits][name] = tuple(np.array(rows)[:, [0, 2, 4]].T)
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    for (name, (angle, distance, error)), marker, color in zip(
        sweeps[digits].items(), "os^", ["#0072B2", "#D55E00", "#009E73"], strict=True
    ):
        left.plot(np.degrees(angle), distance, marker=marker, color=color, label=name)
        right.plot(np.degrees(angle), error, marker=marker, color=color, label=name)
    left.set(xlabel="tilting angle (degrees)", ylabel="adversarial distance (pixel units)")
    right.set(xlabel="tilting angle (degrees)", ylabel="test error (%)")
    left.legend(frameon=False)
    figure.suptitle(
        f"Digits {digits[0]} and {digits[1]}, from strong (left) to weak regularization"
    )
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
