"""Clustering digits by information maximization (Hu et al. 2017) and by k-means.

    python benchmarks/experiments/clustering.py [--mnist] [--data mnist.npz] [--seeds 3] [--epochs
    40]

scikit-learn's digits, or MNIST with ``--mnist``: accuracy after the best matching of clusters and
digits, on the rows of the fit and for MNIST on its test images. On MNIST the power iteration starts
at a distance of 10, as in the paper's code. "named by 100 labels" is classification from few
labels: each cluster gets the digit that most of its labeled rows have; mean and worst of ten draws
of labels.
"""

import argparse
import time
import warnings

import numpy as np
from _common import mnist, report
from few_labels_mnist import some_labels
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix

from sklearn_irg import IMSATClusterer


def accuracy(y, labels):
    counts = confusion_matrix(y, labels)
    return counts[linear_sum_assignment(-counts)].sum() / len(y)


def named_by_labels(model, y, X_test, y_test, n_labels=100, n_draws=10):
    """Mean and worst accuracy on the test images if labels of a few rows name the clusters."""
    accuracies = []
    for draw in range(n_draws):
        rows = np.flatnonzero(some_labels(y, n_labels, draw) >= 0)
        names = confusion_matrix(model.labels_[rows], y[rows], labels=range(10)).argmax(axis=1)
        accuracies.append(np.mean(names[model.predict(X_test)] == y_test))
    return np.mean(accuracies), np.min(accuracies)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--xi", type=float, default=10.0, help="on MNIST")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.mnist:
        X, y, X_test, y_test = mnist(arguments.data)
        X, X_test = X / 255, X_test / 255
        options = {
            "hidden_layer_sizes": (500, 300),
            "batch_size": 250,
            "learning_rate_init": 0.002,
            "xi": arguments.xi,
        }
        options |= {"max_iter": arguments.epochs or 40, "n_iter_no_change": 1000, "verbose": True}
    else:
        X, y = load_digits(return_X_y=True)
        X, X_test, y_test = X / 16, X / 16, y
        options = {
            "hidden_layer_sizes": (200, 200),
            "learning_rate_init": 0.003,
            "max_iter": arguments.epochs or 200,
        }
    names = (
        "k-means",
        "IMSAT",
        "IMSAT, test",
        "named by 100 labels",
        "worst draw",
        "objective",
        "minutes",
    )
    results = {name: [] for name in names}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        results["k-means"].append(
            accuracy(y, KMeans(10, n_init=3, random_state=seed).fit_predict(X))
        )
        start = time.perf_counter()
        model = IMSATClusterer(10, random_state=seed, **options).fit(X)
        results["minutes"].append((time.perf_counter() - start) / 60)
        results["IMSAT"].append(accuracy(y, model.labels_))
        results["IMSAT, test"].append(accuracy(y_test, model.predict(X_test)))
        mean, worst = named_by_labels(model, y, X_test, y_test)
        results["named by 100 labels"].append(mean)
        results["worst draw"].append(worst)
        results["objective"].append(model.loss_)
        print({name: np.round(values[-1], 4) for name, values in results.items()}, flush=True)
    report("MNIST" if arguments.mnist else "digits", **results)


if __name__ == "__main__":
    main()
