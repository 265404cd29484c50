"""Generated rows: eight Gaussians on a ring, and tables against a Gaussian mixture.

    python benchmarks/experiments/sampler.py [--seeds 3]

On the ring: modes covered, and share of rows within three standard deviations of one. On tables: cross-validated accuracy of a
random forest that tells real from generated rows (0.5 is perfect), for the sampler and for the `GaussianMixture` of the
smallest BIC; of standardised columns, and of columns whose quantiles are made normal and that are taken back afterwards.
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

from sklearn_irg import WassersteinSampler

MODES = np.array([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8])
TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}


def ring(seed):
    rng = np.random.RandomState(seed)
    X = MODES[rng.randint(8, size=4000)] + 0.05 * rng.standard_normal((4000, 2))
    distances = np.linalg.norm(WassersteinSampler(random_state=seed).fit(X).sample(4000)[:, None] - MODES, axis=2)
    close = distances.min(axis=1) < 0.15
    return np.count_nonzero(np.bincount(distances.argmin(axis=1)[close], minlength=8) > 40), close.mean()


def told_apart(X, made, seed):
    forest = RandomForestClassifier(random_state=seed)
    labels = np.repeat([0, 1], [len(X), len(made)])
    order = np.random.RandomState(seed).permutation(len(labels))
    return cross_val_score(forest, np.vstack([X, made])[order], labels[order], cv=5).mean()


def best_mixture(X, seed):
    options = [(k, kind) for k in range(1, 9) for kind in ("full", "diag", "tied")]
    fits = [GaussianMixture(k, covariance_type=kind, random_state=seed, reg_covar=1e-4).fit(X) for k, kind in options]
    return min(fits, key=lambda fit: fit.bic(X))


def standardized(X):
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.inverse_transform


def normal_quantiles(X):
    transformer = QuantileTransformer(n_quantiles=min(len(X), 1000), output_distribution="normal").fit(X)
    return np.clip(transformer.transform(X), -3, 3), transformer.inverse_transform  # the ends are at 5.2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    modes, close = zip(*(ring(seed) for seed in range(arguments.seeds)), strict=True)
    report("ring", modes=modes, close=close)
    for name, load in TABLES.items():
        X = load().data
        results = {}
        for space in (standardized, normal_quantiles):
            Z, back = space(X)
            kind = space.__name__.replace("_", " ")
            results[f"sampler, {kind}"] = [
                told_apart(X, back(WassersteinSampler(random_state=s).fit(Z).sample(len(X))), s)
                for s in range(arguments.seeds)
            ]
            results[f"mixture, {kind}"] = [
                told_apart(X, back(best_mixture(Z, s).sample(len(X))[0]), s) for s in range(arguments.seeds)
            ]
        report(name, **results)


if __name__ == "__main__":
    main()
