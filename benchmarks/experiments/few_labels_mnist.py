"""MNIST with few labels, all other images unlabeled (Miyato et al. 2018, table 1).

    python benchmarks/experiments/few_labels_mnist.py [--data mnist.npz] [--labels 100] [--seed 0]
    [--checkpoint file]

Virtual adversarial training with batch normalization, entropy and class balance. The test error is
printed after every epoch and decides nothing: what counts is the last one. With a checkpoint a run
that was stopped goes on where it was.
"""

import argparse
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from _common import mnist

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.penalties import ClassBalance, ConditionalEntropy, VirtualAdversarial


def some_labels(y, n_labels, seed):
    """The labels, as many of each digit, and -1 for all others."""
    if n_labels >= len(y):
        return y
    rng = np.random.RandomState(seed)
    rows = [
        rng.choice(np.flatnonzero(y == digit), n_labels // 10, replace=False) for digit in range(10)
    ]
    some = np.full(len(y), -1)
    some[np.concatenate(rows)] = y[np.concatenate(rows)]
    return some


def make(arguments):
    penalty = VirtualAdversarial(arguments.epsilon, arguments.xi)
    if arguments.labels < 60000:
        penalty = (
            penalty + arguments.entropy * ConditionalEntropy() + arguments.balance * ClassBalance()
        )
    return GradRegMLPClassifier(
        arguments.hidden,
        penalty=penalty,
        alpha=arguments.alpha,
        unlabeled_label=-1,
        batch_size=100,
        unlabeled_batch_size=250,
        batch_normalization=not arguments.plain,
        random_state=arguments.seed,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, nargs="*", default=[500, 300])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--epsilon", type=float, default=1.5)
    parser.add_argument("--xi", type=float, default=0.01)
    parser.add_argument("--entropy", type=float, default=0.3)
    parser.add_argument("--balance", type=float, default=1.0)
    parser.add_argument("--plain", action="store_true", help="without batch normalization")
    parser.add_argument("--checkpoint", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.data)
    X, X_test = X / 255, X_test / 255
    some = some_labels(y, arguments.labels, arguments.seed)
    model, first, seconds = make(arguments), 0, 0.0
    if arguments.checkpoint is not None and arguments.checkpoint.exists():
        model, first, seconds = joblib.load(arguments.checkpoint)
    for epoch in range(first, arguments.epochs):
        start = time.perf_counter()
        share = min(
            1.0, 2 * (arguments.epochs - epoch) / arguments.epochs
        )  # the rate falls in the second half
        model.set_params(learning_rate_init=arguments.rate * share).partial_fit(
            X, some, classes=range(10)
        )
        seconds += time.perf_counter() - start
        error = 100 * (1 - model.score(X_test, y_test))
        counts = np.bincount(model.predict(X_test), minlength=10)
        print(
            f"epoch {epoch + 1}/{arguments.epochs}  {seconds / 60:.1f} min  objective "
            f"{model.loss_:.4f}  test error {error:.2f} %  smallest class {counts.min()}",
            flush=True,
        )
        if arguments.checkpoint is not None:
            joblib.dump((model, epoch + 1, seconds), arguments.checkpoint)


if __name__ == "__main__":
    main()
