"""Generated rows: eight Gaussians on a ring, and tables against a Gaussian mixture.

    python benchmarks/experiments/sampler.py [--seeds 3] [--part ways | tables]

The ways to bound the critic's slope, with one and with five steps of the critic for each of the
generator's: on the ring, modes covered, and share of rows within three standard deviations of one;
there and on breast cancer, distance of generated rows from held-out ones by `WassersteinCritic`,
and that of the rows of the fit.

Tables: cross-validated accuracy of a random forest that tells real from generated rows (0.5 is
perfect), for the sampler and for the `GaussianMixture` of the smallest BIC; of standardized
columns, and of columns whose quantiles are made normal and that are taken back afterwards.
"""

import argparse
import warnings

import numpy as np
from _common import report
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from sklearn_irg import WassersteinCritic, WassersteinSampler
from sklearn_irg.constraints import SpectralNormalization, WeightClipping
from sklearn_irg.penalties import LipschitzGradient

MODES = np.array([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8])
TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "diabetes": load_diabetes,
}
N_STEPS = 4000  # of the critic, in the comparison of ways
ONE_SIDED = {"penalty": LipschitzGradient(at="interpolates")}
SPECTRAL = {"constraint": SpectralNormalization()}
WAYS = {
    "two-sided, 1": {},
    "two-sided, 5": {"n_critic": 5},
    "one-sided, 1": ONE_SIDED,
    "one-sided, 5": {**ONE_SIDED, "n_critic": 5},
    "spectral, 1": SPECTRAL,
    "spectral, 5": {**SPECTRAL, "n_critic": 5},
    "clipped at 0.01, 5": {"constraint": WeightClipping(0.01), "n_critic": 5},
    "clipped at 0.1, 5": {"constraint": WeightClipping(0.1), "n_critic": 5},
}


def ring(seed):
    rng = np.random.RandomState(seed)
    return MODES[rng.randint(8, size=8000)] + 0.05 * rng.standard_normal((8000, 2))


def breast_cancer(seed):
    X = StandardScaler().fit_transform(load_breast_cancer().data)
    return X[np.random.RandomState(seed).permutation(len(X))]


def near_modes(made):
    """Number of modes that have a hundredth of the rows, and share of rows near one."""
    distances = np.linalg.norm(made[:, None] - MODES, axis=2)
    close = distances.min(axis=1) < 0.15
    counts = np.bincount(distances.argmin(axis=1)[close], minlength=8)
    return np.count_nonzero(counts > len(made) / 100), close.mean()


def distance(made, held_out, seed):
    critic = WassersteinCritic(max_iter=100, cv=2, random_state=seed)
    n = min(2000, len(made), len(held_out))
    return critic.fit(np.vstack([made[:n], held_out[:n]]), np.repeat([0, 1], n)).distance_


def compare_ways(n_seeds):
    for name, options in {"the rows of the fit": None, **WAYS}.items():
        results = {"modes": [], "near": [], "ring": [], "breast cancer": []}
        for seed in range(n_seeds):
            for key, table in (("ring", ring), ("breast cancer", breast_cancer)):
                X, held_out = np.array_split(table(seed), 2)
                made = X
                if options is not None:
                    made = (
                        WassersteinSampler(n_steps=N_STEPS, random_state=seed, **options)
                        .fit(X)
                        .sample(len(X))
                    )
                results[key].append(distance(made, held_out, seed))
                if key == "ring":
                    modes, near = near_modes(made)
                    results["modes"].append(modes)
                    results["near"].append(near)
        report(name, **results)


def told_apart(X, made, seed):
    forest = RandomForestClassifier(random_state=seed)
    labels = np.repeat([0, 1], [len(X), len(made)])
    order = np.random.RandomState(seed).permutation(len(labels))
    return cross_val_score(forest, np.vstack([X, made])[order], labels[order], cv=5).mean()


def best_mixture(X, seed):
    options = [(k, kind) for k in range(1, 9) for kind in ("full", "diag", "tied")]
    fits = [
        GaussianMixture(k, covariance_type=kind, random_state=seed, reg_covar=1e-4).fit(X)
        for k, kind in options
    ]
    return min(fits, key=lambda fit: fit.bic(X))


def standardized(X):
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.inverse_transform


def normal_quantiles(X):
    transformer = QuantileTransformer(
        n_quantiles=min(len(X), 1000), output_distribution="normal"
    ).fit(X)
    return np.clip(
        transformer.transform(X), -3, 3
    ), transformer.inverse_transform  # the ends are at 5.2


def compare_with_mixtures(n_seeds):
    for name, load in TABLES.items():
        X = load().data
        results = {}
        for space in (standardized, normal_quantiles):
            Z, back = space(X)
            kind = space.__name__.replace("_", " ")
            results[f"sampler, {kind}"] = [
                told_apart(X, back(WassersteinSampler(random_state=s).fit(Z).sample(len(X))), s)
                for s in range(n_seeds)
            ]
            results[f"mixture, {kind}"] = [
                told_apart(X, back(best_mixture(Z, s).sample(len(X))[0]), s) for s in range(n_seeds)
            ]
        report(name, **results)


PARTS = {"ways": compare_ways, "tables": compare_with_mixtures}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, action="append")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for part in arguments.part or PARTS:
        PARTS[part](arguments.seeds)


if __name__ == "__main__":
    main()
