"""Two rules for the same labels: right reasons on 5 × 5 color images (Ross et al. 2017).

    python benchmarks/experiments/toy_colors.py [--seeds 5] [--alpha 1.0]

Class 0 has four equal corners *and* three different pixels at the top middle, class 1 neither. A
mask on one rule leaves the other; "by" is the mean share of a row's largest gradients (above 0.67
of its largest) that lie in that rule.
"""

import argparse
import warnings

import numpy as np
from _common import report

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.diagnostics import input_gradients

COLORS = np.array([(255, 0, 0), (0, 255, 0), (0, 128, 255), (128, 0, 255)])
CORNERS, TOP_MIDDLE = [0, 4, 20, 24], [1, 2, 3]


def images(n_samples, rng):
    """Images (n, 75) in [0, 1] and their classes."""
    y = rng.randint(2, size=n_samples)
    C = rng.randint(4, size=(n_samples, 25))
    for i, label in enumerate(y):
        if label == 0:
            C[i, CORNERS] = rng.randint(4)
            C[i, TOP_MIDDLE] = rng.permutation(4)[:3]
        else:
            while len(set(C[i, CORNERS])) == 1:
                C[i, CORNERS] = rng.randint(4, size=4)
            while len(set(C[i, TOP_MIDDLE])) == 3:
                C[i, TOP_MIDDLE] = rng.randint(4, size=3)
    return (COLORS[C] / 255).reshape(n_samples, 75).astype(np.float32), y


def pixels(indices):
    return np.isin(np.arange(75) // 3, indices)


def explained(model, X, y, where):
    G = np.abs(input_gradients(model, X, y))
    largest = 0.67 * G.max(axis=1, keepdims=True) < G
    return (largest[:, pixels(where)].sum(axis=1) / largest.sum(axis=1)).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--alpha", type=float, default=1.0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    masks = {
        "plain": [],
        "mask on corners": CORNERS,
        "mask on top middle": TOP_MIDDLE,
        "mask on both": CORNERS + TOP_MIDDLE,
    }
    for name, masked in masks.items():
        accuracy, by_corners, by_top = [], [], []
        for seed in range(arguments.seeds):
            rng = np.random.RandomState(seed)
            (X, y), (X_test, y_test) = images(20000, rng), images(5000, rng)
            model = GradRegMLPClassifier(
                (50, 30),
                penalty="right_reasons",
                alpha=arguments.alpha,
                max_iter=60,
                batch_size=256,
                random_state=seed,
            )
            if masked:
                model.fit(X, y, mask=np.broadcast_to(pixels(masked), X.shape))
            else:
                model.set_params(penalty=None).fit(X, y)
            accuracy.append(model.score(X_test, y_test))
            by_corners.append(explained(model, X_test, y_test, CORNERS))
            by_top.append(explained(model, X_test, y_test, TOP_MIDDLE))
        report(name, accuracy=accuracy, **{"by corners": by_corners, "by top middle": by_top})


if __name__ == "__main__":
    main()
