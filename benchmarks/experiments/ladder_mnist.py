"""Ladder networks on MNIST with few labels, against virtual adversarial training (Rasmus et al. 2015, Shinoda et al. 2017).

    python benchmarks/experiments/ladder_mnist.py [--data mnist.npz] [--labels 1000] [--seed 0] [model ...]

Test error, and accuracy on 2000 test images moved by the fast gradient method (L2 radius 1.5 and, in every pixel, 0.1).
"""

import argparse
import time
import warnings

from _common import mnist
from few_labels_mnist import some_labels

from sklearn_irg import LadderClassifier, VATClassifier
from sklearn_irg.attacks import fast_gradient
from sklearn_irg.penalties import ClassBalance, ConditionalEntropy
from sklearn_irg.solvers import Adam

NOISES = ["gaussian", "adversarial", "adversarial_layerwise"]


def make(name, arguments):
    options = {
        "batch_size": 100,
        "unlabeled_batch_size": 250,
        "learning_rate_init": 0.002,
        "solver": Adam(decay_start=0.5),
        "max_iter": arguments.epochs,
        "n_iter_no_change": arguments.epochs,
        "random_state": arguments.seed,
        "verbose": True,
    }
    if name == "vat":
        penalty = 0.3 * ConditionalEntropy() + ClassBalance()
        return VATClassifier(tuple(arguments.hidden), epsilon=1.5, penalty=penalty, batch_normalization=True, **options)
    options |= {"noise": name, "noise_std": arguments.noise_std, "epsilon": arguments.epsilon}
    options["denoising_costs"] = arguments.costs
    return LadderClassifier(tuple(arguments.hidden), **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["vat", *NOISES])
    parser.add_argument("--data")
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, nargs="*", default=[500, 300])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--costs", type=float, nargs="*", default=[1000.0, 10.0, 0.1], help="0 0 0 1 is the Γ-model")
    parser.add_argument("--noise-std", type=float, default=0.3)
    parser.add_argument("--epsilon", type=float, default=1.0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = mnist(arguments.data)
    X, X_test = X / 255, X_test / 255
    some = some_labels(y, arguments.labels, arguments.seed)
    for name in arguments.models:
        start = time.perf_counter()
        model = make(name, arguments).fit(X, some)
        minutes = (time.perf_counter() - start) / 60
        attacked = [
            model.score(
                fast_gradient(model, X_test[:2000], y_test[:2000], epsilon, norm=norm, clip=(0, 1)), y_test[:2000]
            )
            for epsilon, norm in ((1.5, "l2"), (0.1, "linf"))
        ]
        error = 100 * (1 - model.score(X_test, y_test))
        print(
            f"{name:>24}: test error {error:.2f} %  FGM 1.5: {attacked[0]:.3f}  FGSM 0.1: {attacked[1]:.3f}  {minutes:.1f} min",
            flush=True,
        )


if __name__ == "__main__":
    main()
