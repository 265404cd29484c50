"""Test error of virtual adversarial ladder networks on scikit-learn's digits with 100 labels.

Test rows are those without a label.

python benchmarks/experiments/ladder_digits.py [--seeds 3]
"""

import argparse
import warnings

import numpy as np
from _common import report
from sklearn.datasets import load_digits

from sklearn_irg import GradRegMLPClassifier, LadderClassifier, VATClassifier
from sklearn_irg.penalties import LayerwiseVirtualAdversarial, VirtualAdversarial


def models(seed):
    options = {
        "learning_rate_init": 0.01,
        "max_iter": 100,
        "n_iter_no_change": 100,
        "random_state": seed,
    }
    ladder = {**options, "noise_std": 0.1}
    yield "VAT", VATClassifier(**options)
    yield "Γ-model", LadderClassifier(denoising_costs=(0, 0, 1), **ladder)
    yield "ladder", LadderClassifier(**ladder)
    yield "LVAC", LadderClassifier(penalty=VirtualAdversarial(0.5), **ladder)
    yield "LVAC-LW", LadderClassifier(penalty=LayerwiseVirtualAdversarial((0.5, 0.5)), **ladder)
    yield "LVAN", LadderClassifier(noise="adversarial", epsilon=0.5, **ladder)
    yield "LVAN-LW", LadderClassifier(noise="adversarial_layerwise", epsilon=0.5, **ladder)
    options |= {"max_iter": 1700, "n_iter_no_change": 1700}  # as many steps as the others have
    yield (
        "supervised",
        GradRegMLPClassifier(penalty=None, alpha=0, batch_normalization=True, **options),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    errors = {}
    for seed in range(arguments.seeds):
        rng = np.random.RandomState(seed)
        rows = np.concatenate(
            [rng.choice(np.flatnonzero(y == digit), 10, replace=False) for digit in range(10)]
        )
        some = np.full(len(y), -1)
        some[rows] = y[rows]
        for name, model in models(seed):
            if name == "supervised":
                model.fit(X[rows] / 16, y[rows])
            else:
                model.fit(X / 16, some)
            error = np.mean(model.predict(X[some < 0] / 16) != y[some < 0])
            errors.setdefault(name, []).append(error)
            print(f"{seed} {name}: {error:.3f}", flush=True)
    for name, values in errors.items():
        report(name, error=values)


if __name__ == "__main__":
    main()
