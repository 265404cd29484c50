"""Decoy MNIST: a gray patch tells the digit in training and misleads at test (Ross et al. 2017).

    python benchmarks/experiments/decoy_mnist.py [mnist.npz] [--seeds 3] [--alpha 1.0]

A 4 × 4 patch of gray 255 - 25 · digit stands in a random corner; at test its digit is random. The
mask marks each row's patch. Without a file, MNIST comes from OpenML.
"""

import argparse
import warnings

import numpy as np
from _common import mnist, report

from sklearn_irg import GradRegMLPClassifier


def add_patches(X, digits, rng):
    """Images with patches, in [0, 1], and where the patches are."""
    X, patches = X.reshape(-1, 28, 28).copy(), np.zeros((len(X), 28, 28), dtype=bool)
    corners = [(slice(a, a + 4), slice(b, b + 4)) for a in (0, 24) for b in (0, 24)]
    for i, corner in enumerate(rng.randint(4, size=len(X))):
        X[i][corners[corner]] = 255 - 25 * digits[i]
        patches[i][corners[corner]] = True
    return X.reshape(len(X), -1) / 255, patches.reshape(len(X), -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=16)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.mnist)
    results = {"plain": [], "masked": [], "clean baseline": []}
    for seed in range(arguments.seeds):
        rng = np.random.RandomState(seed)
        decoys, patches = add_patches(X, y, rng)
        misled, _ = add_patches(X_test, rng.randint(10, size=len(X_test)), rng)
        model = GradRegMLPClassifier(
            (50, 30), penalty=None, max_iter=arguments.epochs, batch_size=256, random_state=seed
        )
        results["plain"].append(model.fit(decoys, y).score(misled, y_test))
        results["clean baseline"].append(model.fit(X / 255, y).score(X_test / 255, y_test))
        model.set_params(penalty="right_reasons", alpha=arguments.alpha).fit(
            decoys, y, mask=patches
        )
        results["masked"].append(model.score(misled, y_test))
    for name, accuracy in results.items():
        report(name, **{"test accuracy": accuracy})


if __name__ == "__main__":
    main()
