"""MNIST under the fast gradient sign method: plain, input gradient, virtual adversarial training.

    python benchmarks/experiments/mnist_robustness.py [mnist.npz] [--seeds 3] [--epochs 8]
    [--activation tanh]

A 784-256-128-10 network; pixels in [0, 1]; each attacked by its own gradient, 0.1 in every pixel,
with and without clipping to [0, 1]. Without a file, MNIST comes from OpenML.
"""

import argparse
import warnings

from _common import mnist, report

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import fast_gradient
from sklearn_irg.penalties import InputGradient, VirtualAdversarial

MODELS = {
    "plain": None,
    "input gradient, alpha=1": InputGradient(),
    "VAT, epsilon=2": VirtualAdversarial(epsilon=2.0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--activation", choices=["relu", "tanh"], default="tanh")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.mnist)
    X, X_test = X / 255, X_test / 255
    for name, penalty in MODELS.items():
        clean, attacked, clipped = [], [], []
        for seed in range(arguments.seeds):
            model = GradRegMLPClassifier(
                (256, 128),
                arguments.activation,
                penalty=penalty,
                alpha=1.0,
                max_iter=arguments.epochs,
                random_state=seed,
            )
            clean.append(model.fit(X, y).score(X_test, y_test))
            for scores, clip in ((attacked, None), (clipped, (0, 1))):
                moved = fast_gradient(model, X_test, y_test, 0.1, norm="linf", clip=clip)
                scores.append(model.score(moved, y_test))
        report(name, **{"clean": clean, "attacked": attacked, "attacked, clipped": clipped})


if __name__ == "__main__":
    main()
