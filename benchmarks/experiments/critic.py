"""Distances by `WassersteinCritic` compared with closed forms, for five pairs of samples.

python benchmarks/experiments/critic.py
"""

import argparse
import warnings

import numpy as np
from scipy.stats import chi, wasserstein_distance
from sklearn.exceptions import ConvergenceWarning

from sklearn_irg import WassersteinCritic
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import LipschitzGradient

CRITICS = {
    "one-sided penalty, the default": WassersteinCritic(),
    "spectral normalization": WassersteinCritic(constraint=SpectralNormalization()),
    "two-sided penalty": WassersteinCritic(
        penalty=LipschitzGradient(two_sided=True, at="interpolates")
    ),
}


def alike(rng, n):
    """Ten columns, no difference."""
    return rng.normal(size=(2, n, 10))


def moved(rng, n):
    """Ten columns, each moved by 0.5."""
    first, second = rng.normal(size=(2, n, 10))
    return first, second + 0.5


def wider(rng, n):
    """One column, twice as wide."""
    first, second = rng.normal(size=(2, n, 1))
    return first, 2 * second


def all_wider(rng, n):
    """Ten columns, each half as wide again."""
    first, second = rng.normal(size=(2, n, 10))
    return first, 1.5 * second


def split(rng, n):
    """Four columns, the first splits into two clusters at a distance of two from where it was."""
    first, second = rng.normal(size=(2, n, 4))
    second[:, 0] = 0.5 * second[:, 0] + rng.choice([-2, 2], n)
    first[:, 0] *= 0.5
    return first, second


def _of_split():
    grid = (np.arange(20_000) + 0.5) / 20_000
    return wasserstein_distance(
        *(table[:, 0] for table in split(np.random.default_rng(0), 50 * len(grid)))
    )


# samples that are scaled by c are moved along rays, so the distance is (c - 1) times the mean norm
CASES = {
    alike: 0.0,
    moved: 0.5 * np.sqrt(10),
    wider: chi(1).mean(),
    all_wider: 0.5 * chi(10).mean(),
    split: _of_split(),
}


def distances(critic, case, n, seeds):
    """Distances found with several seeds."""
    found = []
    for seed in range(seeds):
        tables = case(np.random.default_rng(seed), n)
        X, y = np.vstack(tables), np.repeat([0, 1], n)
        found.append(critic.set_params(random_state=seed).fit(X, y).distance_)
    return np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500, help="rows of each sample")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for case, truth in CASES.items():
        print(f"{case.__doc__} True distance {truth:.2f}.", flush=True)
        for name, critic in CRITICS.items():
            found = distances(critic, case, arguments.rows, arguments.seeds)
            print(
                f"    {name:32} {found.mean():.2f} ({found.min():.2f} to {found.max():.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
