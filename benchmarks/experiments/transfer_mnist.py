"""Transfer matrix of attacks between models of four ways to train on MNIST.

    python benchmarks/experiments/transfer_mnist.py [mnist.npz] [--epochs 10]

Rows: the model the fast-gradient-sign rows (0.1 in every pixel, clipped to [0, 1]) were made with;
columns: the model that classifies them. Without a file, MNIST comes from OpenML.
"""

import argparse
import warnings
from functools import partial

import numpy as np
from _common import mnist

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import fast_gradient, transfer_matrix
from sklearn_irg.penalties import AdversarialLoss, InputGradient, VirtualAdversarial

PENALTIES = {
    "plain": None,
    "input gradient": InputGradient(),
    "VAT": VirtualAdversarial(epsilon=2.0),
    "adversarial": AdversarialLoss(epsilon=0.1, norm="linf", clip=(0, 1)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", nargs="?")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.mnist)
    X, X_test = X / 255, X_test / 255
    models = {
        name: GradRegMLPClassifier(
            (256, 128), penalty=p, alpha=1.0, max_iter=arguments.epochs, random_state=0
        ).fit(X, y)
        for name, p in PENALTIES.items()
    }
    attack = partial(fast_gradient, threat=0.1, norm="linf", clip=(0, 1))
    matrix = transfer_matrix(models, X_test, y_test, attack)
    print(f"{'':>16} " + " ".join(f"{name:>16}" for name in models))
    print(
        f"{'(clean)':>16} "
        + " ".join(f"{model.score(X_test, y_test):16.3f}" for model in models.values())
    )
    for name, row in zip(models, np.round(matrix, 3), strict=True):
        print(f"{name:>16} " + " ".join(f"{value:16.3f}" for value in row))


if __name__ == "__main__":
    main()
