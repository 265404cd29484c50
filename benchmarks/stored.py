"""Results that the gallery shows without computing them, since they need MNIST and minutes.

    python -m benchmarks.stored tanay_griffin [mnist.npz]
    python -m benchmarks.stored mnist_under_attack [mnist.npz]

Each writes a CSV file into ``examples/stored``. `tanay_griffin`: digits 3 and 5, the first 3000
training images of each, linear support vector machines at every sixth of the article's 81 strengths
λ = 10^(2 - 0.1 j), C = 1 / (2 λ n), and our logistic regressions along their paths.
`mnist_under_attack`: a 784-256-128-10 network with tanh, 8 epochs, seed 0; accuracy of 2000 test
images under the fast gradient sign method and projected gradients (40 steps) in "linf", within [0,
1]. Without a file, MNIST comes from OpenML.
"""

import argparse
import csv
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import fast_gradient, projected_gradient
from sklearn_irg.diagnostics import linear_geometry
from sklearn_irg.model_selection import regularization_path
from sklearn_irg.penalties import AdversarialLoss, InputGradient, VirtualAdversarial, WeightDecay

sys.path.append(str(Path(__file__).parent / "experiments"))
from _common import mnist

FOLDER = Path(__file__).parents[1] / "examples" / "stored"
NETWORKS = {
    "no penalty": None,
    "InputGradient()": InputGradient(),
    "AdversarialLoss(2)": AdversarialLoss(2.0),
    "VirtualAdversarial(2)": VirtualAdversarial(2.0),
}
RADII = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2]


def tanay_griffin(data):
    """Angle, distance and errors of linear models along three paths."""
    X, y, X_test, y_test = data
    train = np.concatenate([np.flatnonzero(y == digit)[:3000] for digit in (3, 5)])
    test = np.isin(y_test, (3, 5))
    X, y, X_test, y_test = X[train] / 255.0, y[train], X_test[test] / 255.0, y_test[test]
    machines = {
        strength: SVC(kernel="linear", C=1 / (2 * strength * len(y))).fit(X, y)
        for strength in 10 ** (2 - 0.1 * np.arange(0, 81, 6))
    }
    yield from (
        _line("linear support vector machine", *found, X, y, X_test, y_test)
        for found in machines.items()
    )
    for name, penalty in ("weight decay", WeightDecay()), ("input gradient", InputGradient()):
        path = regularization_path(
            GradRegLogisticRegression(penalty, l2=0, max_iter=5000), X, y, np.logspace(-5, 2, 15)
        )
        found = zip(path.alphas, path.estimators, strict=True)
        yield from (
            _line(f"logistic regression, {name}", *pair, X, y, X_test, y_test) for pair in found
        )


def _line(name, strength, model, X, y, X_test, y_test):
    geometry = linear_geometry(model, X, y)
    return {
        "model": name,
        "strength": strength,
        "angle": np.degrees(geometry.tilting_angle),
        "distance": geometry.adversarial_distance,
        "training_error": 1 - model.score(X, y),
        "test_error": 1 - model.score(X_test, y_test),
    }


def mnist_under_attack(data):
    """Accuracy against the radius, for networks with and without penalties."""
    X, y, X_test, y_test = data
    X, rows = X / 255, X_test[:2000] / 255
    for name, penalty in NETWORKS.items():
        model = GradRegMLPClassifier(
            (256, 128), "tanh", penalty=penalty, alpha=1.0, max_iter=8, random_state=0
        )
        model.fit(X, y)
        clean = model.score(X_test / 255, y_test)
        for attack in fast_gradient, partial(projected_gradient, n_steps=40):
            for radius in RADII:
                moved = (
                    attack(model, rows, y_test[:2000], radius, norm="linf", clip=(0, 1))
                    if radius
                    else rows
                )
                yield {
                    "model": name,
                    "clean": clean,
                    "attack": getattr(attack, "func", attack).__name__,
                    "radius": radius,
                    "accuracy": model.score(moved, y_test[:2000]),
                }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["tanay_griffin", "mnist_under_attack"])
    parser.add_argument("mnist", nargs="?")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = []
    for line in globals()[arguments.what](mnist(arguments.mnist)):
        lines.append(
            {
                key: f"{value:.5g}" if isinstance(value, float) else value
                for key, value in line.items()
            }
        )
        print(*lines[-1].values(), flush=True)
    FOLDER.mkdir(exist_ok=True)
    with open(FOLDER / f"{arguments.what}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


if __name__ == "__main__":
    main()
