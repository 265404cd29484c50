"""Accuracy under attack compared with exact robust accuracy, where all rows can be listed.

    python benchmarks/experiments/search_against_exact.py [--rows 60] [--seeds 3] [model ...]

Tables of four columns of integers and two categories, with 103194 possible rows. The model predicts
all of them, so that the exact robust accuracy of held-out rows is known: the share of rows without
any row of another class among those that the threat allows. Printed for each model, in percentage
points over all norms, radii, swaps and seeds: how far `adversarial_accuracy` is above it on average
and at the most, and in how many of the cases it is above at all.
"""

import argparse
import time
import warnings
from itertools import product

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC

from sklearn_irg.attacks import ThreatModel, adversarial_accuracy

NUMBERS = {
    "count": np.arange(9),
    "amount": np.arange(21),
    "grade": np.arange(7),
    "years": np.arange(13),
}
CATEGORIES = {"kind": ["a", "b", "c"], "home": ["owns", "rents"]}
EVERY_ROW = pd.DataFrame(
    list(product(*NUMBERS.values(), *CATEGORIES.values())), columns=[*NUMBERS, *CATEGORIES]
)
ORDER = {"linf": np.inf, "l2": 2, "l1": 1}
RADII = [0.2, 0.4, 0.8]
BINS = KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
MODELS = {
    "random forest": (StandardScaler(), RandomForestClassifier(50, random_state=0)),
    "HistGradientBoosting": (
        StandardScaler(),
        HistGradientBoostingClassifier(max_iter=50, random_state=0),
    ),
    "GradientBoosting": (StandardScaler(), GradientBoostingClassifier(random_state=0)),
    "15 nearest neighbors": (StandardScaler(), KNeighborsClassifier(15)),
    "RBF SVC": (StandardScaler(), SVC()),
    "bins, logistic regression": (BINS, LogisticRegression()),
    "splines, logistic regression": (SplineTransformer(5), LogisticRegression()),
    "power transformer, MLP": (PowerTransformer(), MLPClassifier((20,), random_state=0)),
}


def make_table(n_samples, seed):
    """Random rows, and two classes that depend on them by products and kinks, with noise."""
    rng = np.random.RandomState(seed)
    count = rng.choice(9, n_samples, p=[0.3, *[0.7 / 8] * 8])
    table = pd.DataFrame(
        {
            "count": count,
            "amount": rng.binomial(20, rng.beta(2, 2, n_samples)),
            "grade": rng.randint(0, 7, n_samples),
        }
        | {"years": rng.randint(0, 13, n_samples)}
        | {name: rng.choice(levels, n_samples) for name, levels in CATEGORIES.items()}
    )
    score = (
        0.3 * count
        + 2 * (count == 0)
        + 0.15 * table.amount * (table.home == "owns")
        + 0.02 * count * table.years
    )
    score = (
        score
        - 0.2 * (table.grade - 3) ** 2
        + (table.kind == "a")
        + 0.5 * rng.standard_normal(n_samples)
    )
    return table, (score > score.median()).to_numpy(dtype=int)


def distances(model, X, y, threat):
    """Distances to the nearest row that is misclassified.

    Only rows with at most as many swaps as the threat allows are considered.
    """
    predicted = model.predict(EVERY_ROW)
    found = []
    for (_, row), label in zip(X.iterrows(), y):
        others = EVERY_ROW[predicted != label]
        n_swaps = sum(others[name].to_numpy() != row[name] for name in CATEGORIES)
        steps = others[[*NUMBERS]].to_numpy()[n_swaps <= threat.n_swaps] - row[[*NUMBERS]].to_numpy(
            dtype=float
        )
        away = np.linalg.norm(
            steps / threat.scales_[: len(NUMBERS)], ord=ORDER[threat.norm], axis=1
        )
        found.append(away.min(initial=np.inf))
    return np.array(found)


def excesses(steps, last, seed, n_rows):
    """Exact robust accuracies at all radii, and the excess of those under attack.

    By norm and number of swaps.
    """
    table, labels = make_table(400 + n_rows, seed)
    prepare = make_column_transformer(
        (steps, [*NUMBERS]), (OneHotEncoder(sparse_output=False), [*CATEGORIES])
    )
    model = make_pipeline(prepare, last).fit(table[:400], labels[:400])
    X, y = table[400:], labels[400:]
    for norm, n_swaps in product(ORDER, (0, 1)):
        threat = ThreatModel(RADII, norm=norm, n_swaps=n_swaps).fit(table)
        exact = np.mean(
            distances(model, X, y, threat)[None] > np.array(RADII)[:, None] + 1e-12, axis=1
        )
        yield exact, adversarial_accuracy(model, X, y, threat) - exact


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="model")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':30} {'exact':>7} {'mean':>6} {'largest':>8} {'cases above':>12} {'seconds':>8}")
    for name in arguments.models or MODELS:
        start = time.perf_counter()
        found = [
            case
            for seed in range(arguments.seeds)
            for case in excesses(*MODELS[name], seed, arguments.rows)
        ]
        exact, above = 100 * np.array(found).swapaxes(0, 1)
        assert (above > -1e-9).all(), "accuracy under attack is below the exact one"
        n_above = f"{np.sum(above > 1e-9)} of {above.size}"
        print(
            f"{name:30} {exact.mean():7.1f} {above.mean():6.2f} {above.max():8.1f} {n_above:>12} "
            f"{time.perf_counter() - start:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
