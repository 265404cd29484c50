"""Distances at which a network is confident of another digit (Tanay and Griffin 2018).

    python benchmarks/experiments/confidence_mnist.py [mnist.npz] [--seeds 3] [--images 500]

An MLP replaces LeNet. Low against high weight decay, 50 epochs with batches of 300 as in the
article: root mean square of the weights, test error, and the median L2 norm of `confidence_ascent`
perturbations of test images towards the label y + 1 mod 10. Without a file, MNIST comes from
OpenML.
"""

import argparse
import warnings

import numpy as np
from _common import mnist, report

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import confidence_ascent
from sklearn_irg.diagnostics import temperature
from sklearn_irg.solvers import SGD

STRENGTHS = {"low": 1e-7, "medium": 3e-4, "high": 3e-3}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--images", type=int, default=500)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.mnist)
    X, X_test = X / 255, X_test / 255
    for name, alpha in STRENGTHS.items():
        columns = {"RMS weight": [], "test error": [], "perturbation": []}
        for seed in range(arguments.seeds):
            model = GradRegMLPClassifier(
                (256, 128),
                penalty="weight_decay",
                alpha=alpha,
                l2=0,
                solver=SGD(momentum=0.9, decay_start=0.5),
                learning_rate_init=0.1,
                batch_size=300,
                max_iter=arguments.epochs,
                n_iter_no_change=arguments.epochs,
                random_state=seed,
            ).fit(X, y)
            columns["RMS weight"].append(
                np.sqrt(np.mean(np.concatenate([W.ravel() for W in model.coefs_]) ** 2))
            )
            columns["test error"].append(1 - model.score(X_test, y_test))
            images, labels = X_test[: arguments.images], y_test[: arguments.images]
            options = {"temperature": temperature(model, X_test), "step_size": 0.05, "clip": (0, 1)}
            moved = confidence_ascent(model, images, (labels + 1) % 10, **options)
            columns["perturbation"].append(np.median(np.linalg.norm(moved - images, axis=1)))
        report(f"{name} weight decay", **columns)


if __name__ == "__main__":
    main()
