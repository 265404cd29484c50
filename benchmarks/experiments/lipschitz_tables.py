"""Gradient penalties as regularizers of supervised models, an open question of Su (2018).

    python benchmarks/experiments/lipschitz_tables.py [--data DIRECTORY] [--splits 10] [--rows 200]

MLPs on at most 200 rows of each table, the strength of each penalty chosen by three folds of these:
accuracy on all other rows (at most 1000), and under attack with a radius of 0.5 in standardized
units, mean ± standard deviation over splits. Bundled tables; adult, ionosphere and pima as well
with a directory of CSV files.
"""

import argparse
import warnings

import numpy as np
from few_labels_tables import load
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.penalties import (
    InputGradient,
    Jacobian,
    LipschitzGradient,
    SpectralNorm,
    WeightDecay,
)

BUNDLED = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
PENALTIES = {
    "none": (None, [0]),
    "weight decay": (WeightDecay(), [1e-3, 1e-2, 1e-1]),
    "spectral norm": (SpectralNorm(), [1e-3, 1e-2, 1e-1]),
    "gradient of scores above 1": (LipschitzGradient(), [1e-2, 1e-1, 1]),
    "gradient of scores to 1, between rows": (
        LipschitzGradient(two_sided=True, at="interpolates"),
        [1e-2, 1e-1, 1],
    ),
    "squared gradient of scores": (Jacobian(), [1e-3, 1e-2, 1e-1]),
    "squared gradient of loss": (InputGradient(), [1e-2, 1e-1, 1]),
}


def one_split(X, y, penalty, strengths, n_rows, seed):
    """Accuracy, and accuracy under attack."""
    n_rows = min(n_rows, len(X) // 2)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=n_rows, stratify=y, random_state=seed
    )
    X_test, y_test = X_test[:1000], y_test[:1000]
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    model = GradRegMLPClassifier(penalty=penalty, learning_rate_init=0.003, random_state=seed)
    search = GridSearchCV(model, {"alpha": strengths}, cv=3).fit(X_train, y_train)
    return search.score(X_test, y_test), adversarial_accuracy(
        search.best_estimator_, X_test, y_test, 0.5
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    tables = {name: make(return_X_y=True) for name, make in BUNDLED.items()}
    if arguments.data:
        tables |= {name: load(name, arguments.data) for name in ("adult", "ionosphere", "pima")}
    for table, (X, y) in tables.items():
        for name, (penalty, strengths) in PENALTIES.items():
            splits = [
                one_split(X, y, penalty, strengths, arguments.rows, seed)
                for seed in range(arguments.splits)
            ]
            means, deviations = np.mean(splits, axis=0), np.std(splits, axis=0)
            print(
                f"{table:>14}, {name:<38} accuracy {means[0]:.3f} ± {deviations[0]:.3f}   under "
                f"attack {means[1]:.3f} ± {deviations[1]:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
