"""Virtual adversarial ladder networks on MNIST with few labels (Shinoda et al. 2017, table 1).

    python benchmarks/experiments/ladder_mnist.py [--data mnist.npz] [--labels 1000] [--seed 0]
    [--csv file] [model ...]

Ladder networks are those of Rasmus et al. (2015). Error on all test images: as they are; moved by
the fast gradient method; and moved both ways along the direction in which the prediction changes
most. L2 radii are 0.3, as in the paper, and 1.5. Adversarial radii of the models are those of the
authors' scripts for 100 and 1000 labels, denoising costs those that both papers start from;
--epsilon replaces the radii.
"""

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
from _common import mnist
from few_labels_mnist import some_labels

from sklearn_irg import GradRegMLPClassifier, LadderClassifier, VATClassifier
from sklearn_irg.attacks import fast_gradient, virtual_adversarial_direction
from sklearn_irg.penalties import (
    ClassBalance,
    ConditionalEntropy,
    LayerwiseVirtualAdversarial,
    VirtualAdversarial,
)
from sklearn_irg.solvers import Adam

RADII = (0.3, 1.5)
EPSILONS = {  # from the input up, by number of labels
    "lvac": {100: [0.0321], 1000: [0.1087]},
    "lvac_lw": {100: [0.0731, 0.4822, 0.0014], 1000: [2.5206, 0.0143, 0.0006]},
    "lvan": {100: [0.0209], 1000: [0.0479]},
    "lvan_lw": {100: [0.0731, 0.4822, 0.0014], 1000: [0.0884, 0.0012, 0.0081]},
}


def make(name, arguments):
    hidden = tuple(arguments.hidden)
    options = {
        "batch_size": 100,
        "learning_rate_init": 0.002,
        "solver": Adam(decay_start=0.5),
        "max_iter": arguments.epochs,
        "n_iter_no_change": arguments.epochs,
        "random_state": arguments.seed,
        "verbose": True,
    }
    if name == "supervised":  # as many steps as the others have
        options["max_iter"] *= max(1, 60000 // arguments.labels)
        options |= {"n_iter_no_change": options["max_iter"], "verbose": False}
        return GradRegMLPClassifier(
            hidden, penalty=None, alpha=0.0, batch_normalization=True, **options
        )
    options["unlabeled_batch_size"] = arguments.unlabeled_batch_size
    if name in ("vat", "vat_entropy"):
        penalty = 0.3 * ConditionalEntropy() + ClassBalance() if name == "vat_entropy" else None
        return VATClassifier(
            hidden, epsilon=1.5, penalty=penalty, batch_normalization=True, **options
        )
    options |= {"noise_std": arguments.noise_std, "denoising_costs": arguments.costs}
    radii = epsilon(name, arguments)
    if name == "lvac":
        options["penalty"] = VirtualAdversarial(*radii)
    elif name == "lvac_lw":
        options["penalty"] = LayerwiseVirtualAdversarial(radii)
    elif name != "ladder":
        options |= {
            "noise": "adversarial" if name == "lvan" else "adversarial_layerwise",
            "epsilon": radii,
        }
    return LadderClassifier(hidden, **options)


def epsilon(name, arguments):
    if name not in EPSILONS:
        return [1.5] if name.startswith("vat") else []
    return arguments.epsilon or EPSILONS[name][100 if arguments.labels < 1000 else 1000]


def errors(model, X, y):
    """Share of errors in per cent at all radii, by column of the table."""
    columns = {"error": 100 * np.mean(model.predict(X) != y)}
    directions = virtual_adversarial_direction(model, X, n_power_iterations=3, random_state=0)
    for radius in RADII:
        moved = fast_gradient(model, X, y, radius)
        wrong = [model.predict(X + sign * radius * directions) != y for sign in (1, -1)]
        columns[f"fast_gradient_{radius}"] = 100 * np.mean(model.predict(moved) != y)
        columns[f"virtual_{radius}"] = 100 * np.mean(wrong[0] | wrong[1])
    return {key: round(float(value), 2) for key, value in columns.items()}


def write(path, row):
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "models", nargs="*", default=["supervised", "vat", "vat_entropy", "ladder", *EPSILONS]
    )
    parser.add_argument("--data")
    parser.add_argument("--csv", type=Path, help="a line per model is appended")
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, nargs="*", default=[1000, 500, 250, 250, 250])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--unlabeled-batch-size", type=int, default=100)
    parser.add_argument(
        "--costs",
        type=float,
        nargs="*",
        default=[1000.0, 10.0, 0.1],
        help="0 0 0 0 0 0 1 is the Γ-model",
    )
    parser.add_argument("--noise-std", type=float, default=0.3)
    parser.add_argument(
        "--epsilon",
        type=float,
        nargs="*",
        help="radii of the model's adversarial part, from the input up",
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.data)
    X, X_test = X / 255, X_test / 255
    some = some_labels(y, arguments.labels, arguments.seed)
    for name in arguments.models:
        start = time.perf_counter()
        rows = some >= 0 if name == "supervised" else slice(None)
        model = make(name, arguments).fit(X[rows], some[rows])
        minutes = (time.perf_counter() - start) / 60
        setting = {key: getattr(arguments, key) for key in ("labels", "seed", "epochs")}
        row = {
            "model": name,
            **setting,
            "minutes": round(minutes, 1),
            **errors(model, X_test, y_test),
        }
        row["epsilon"] = " ".join(map(str, epsilon(name, arguments)))
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        if arguments.csv is not None:
            write(arguments.csv, row)


if __name__ == "__main__":
    main()
