"""Arcs and circles in a hundred dimensions with sixteen labels (Miyato et al. 2015, 2018).

    python benchmarks/experiments/synthetic_vat.py [--seeds 20]

Two arcs (moons) or circles of the plane, embedded isometrically in 100 dimensions; 8 + 8 labeled
points, 1000 for test. A 100-100-2 network. The radius of each method is the best of a few on 1000
further points.
"""

import argparse
import warnings

import numpy as np
from _common import report
from sklearn.datasets import make_circles, make_moons

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.penalties import AdversarialLoss, RandomPerturbation, VirtualAdversarial

SHAPES = {
    "moons": lambda n, rng: make_moons(n, noise=0.05, random_state=rng),
    "circles": lambda n, rng: make_circles(n, noise=0.05, factor=0.3, random_state=rng),
}
METHODS = {
    "maximum likelihood": lambda epsilon: None,
    "random perturbation": RandomPerturbation,
    "adversarial": AdversarialLoss,
    "virtual adversarial": VirtualAdversarial,
}
RADII = [0.1, 0.2, 0.3, 0.4, 0.6]


def draw(shape, rng):
    Q = np.linalg.qr(rng.standard_normal((100, 2)))[0].T
    for n_each in (8, 500, 500):
        X, y = SHAPES[shape](20 * n_each, rng)
        rows = np.concatenate([np.flatnonzero(y == k)[:n_each] for k in (0, 1)])
        yield X[rows] @ Q, y[rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for shape in SHAPES:
        for name, method in METHODS.items():
            radii = RADII[:1] if method(0.1) is None else RADII
            errors = np.empty((len(radii), arguments.seeds, 2))
            for i, radius in enumerate(radii):
                for seed in range(arguments.seeds):
                    train, validation, test = draw(shape, np.random.RandomState(seed))
                    model = GradRegMLPClassifier(
                        penalty=method(radius),
                        alpha=1.0,
                        max_iter=1000,
                        tol=0,
                        n_iter_no_change=1000,
                        random_state=seed,
                    ).fit(*train)
                    errors[i, seed] = [1 - model.score(*validation), 1 - model.score(*test)]
            best = errors[:, :, 0].mean(axis=1).argmin()
            report(
                f"{shape}, {name}", **{f"test error at radius {radii[best]}": errors[best, :, 1]}
            )


if __name__ == "__main__":
    main()
