"""Virtual adversarial training compared with scikit-learn on small tables with few labels.

    python benchmarks/experiments/few_labels_tables.py [--data DIRECTORY] [--splits 10] [table ...]

Peers are scikit-learn's semi-supervised estimators. Digits with 20 labels; adult (3000 rows),
ionosphere and pima with 50, from CSV files in a directory. Accuracy on the rows without a label,
mean ± standard deviation over splits; as many labels of each class for digits, in proportion for
the others.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_irg import VATClassifier

TABLES = {"digits": 20, "adult": 50, "ionosphere": 50, "pima": 50}
MODELS = {
    "VATClassifier": VATClassifier(),
    "VATClassifier, l2=1": VATClassifier(l2=1.0),
    "label spreading, knn": LabelSpreading(kernel="knn"),
    "label spreading, rbf 20": LabelSpreading(),
    "label spreading, rbf 1": LabelSpreading(gamma=1.0),
    "label spreading, rbf 0.1": LabelSpreading(gamma=0.1),
    "self-training, logistic": SelfTrainingClassifier(LogisticRegression()),
    "self-training, MLP": SelfTrainingClassifier(MLPClassifier()),
    "supervised MLP": MLPClassifier(),
}


def load(name, directory):
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    table = pd.read_csv(Path(directory) / f"{name}.csv")
    if name == "adult":
        table = table.sample(3000, random_state=0)
    y = table.pop({"adult": "income", "pima": "diabetes"}.get(name, "target"))
    encode = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
        remainder="passthrough",
    )
    X = make_pipeline(encode, StandardScaler()).fit_transform(table)
    return X, np.unique(y, return_inverse=True)[1]


def fit_and_score(model, X, some, y):
    unlabeled = some < 0
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    if isinstance(model, MLPClassifier):
        model.fit(X[~unlabeled], y[~unlabeled])
    else:
        model.fit(X, some)
    return np.mean(model.predict(X[unlabeled]) == y[unlabeled])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--data", default=".")
    parser.add_argument("--splits", type=int, default=10)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in arguments.tables:
        X, y = load(name, arguments.data)
        for label, model in MODELS.items():
            start, scores = time.perf_counter(), []
            for split in range(arguments.splits):
                rows, _ = train_test_split(
                    np.arange(len(y)), train_size=TABLES[name], stratify=y, random_state=split
                )
                some = np.full(len(y), -1)
                some[rows] = y[rows]
                scores.append(fit_and_score(clone(model), X, some, y))
            seconds = (time.perf_counter() - start) / arguments.splits
            print(
                f"{name:>10}  {label:<26} {np.mean(scores):.3f} ± {np.std(scores):.3f}   "
                f"{seconds:5.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
