"""Where robustness comes cheap: tables, models and penalties under one threat.

    python benchmarks/experiments/tables.py [--data DIRECTORY] [--splits 3] [--rows 200] [--swaps 1] [table ...]

scikit-learn's tables, and with a directory of CSV files adult (3000 rows), ionosphere, pima and sonar. Numbers move by 0.3
standard deviations ("l2"), within the data's range, and as many categories change as ``--swaps`` says. Clean accuracy and log
loss on half of the rows, attacked and certified accuracy on some of these, and seconds of a fit.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.penalties import AdversarialLoss, CertifiedLoss, InputGradient, SpectralNorm

BUNDLED = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
TARGETS = {"adult": "income", "ionosphere": "target", "pima": "diabetes", "sonar": "target"}
PERCEPTRON = {"hidden_layer_sizes": (50,), "max_iter": 200, "random_state": 0}
MODELS = {
    "logistic": LogisticRegression(max_iter=1000),
    "logistic, input gradient .1": GradRegLogisticRegression(InputGradient(), alpha=0.1, max_iter=1000),
    "logistic, input gradient 1": GradRegLogisticRegression(InputGradient(), alpha=1.0, max_iter=1000),
    "logistic, spectral norm .1": GradRegLogisticRegression(SpectralNorm(), alpha=0.1, max_iter=1000),
    "perceptron": MLPClassifier(**PERCEPTRON),
    "perceptron, input gradient .1": GradRegMLPClassifier(penalty=InputGradient(), alpha=0.1, **PERCEPTRON),
    "perceptron, input gradient 1": GradRegMLPClassifier(penalty=InputGradient(), alpha=1.0, **PERCEPTRON),
    "perceptron, spectral norm .03": GradRegMLPClassifier(penalty=SpectralNorm(), alpha=0.03, **PERCEPTRON),
    "perceptron, adversarial 1": GradRegMLPClassifier(penalty=AdversarialLoss(0.3), alpha=1.0, **PERCEPTRON),
    "perceptron, certified 1": GradRegMLPClassifier(penalty=CertifiedLoss(0.3, "l2"), alpha=1.0, **PERCEPTRON),
    "tree": DecisionTreeClassifier(max_leaf_nodes=20, random_state=0),
    "forest": RandomForestClassifier(random_state=0),
    "boosting": HistGradientBoostingClassifier(random_state=0),
}


def load(name, directory):
    if name in BUNDLED:
        return BUNDLED[name](return_X_y=True, as_frame=True)
    table = pd.read_csv(Path(directory) / f"{name}.csv", na_values="?")
    table = table.sample(3000, random_state=0) if len(table) > 3000 else table
    y = table.pop(TARGETS[name])
    return table, y


def prepared(model):
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_exclude="number")),
        ),
        clone(model),
    )


def scores(model, X, y, threat, seed, n_rows):
    train, test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
    start = time.perf_counter()
    pipe = prepared(model).fit(train, y_train)
    seconds = time.perf_counter() - start
    clean, loss = pipe.score(test, y_test), log_loss(y_test, pipe.predict_proba(test), labels=pipe.classes_)
    attacked = adversarial_accuracy(pipe, test[:n_rows], y_test[:n_rows], threat)
    try:
        certified = certified_accuracy(pipe, test[:n_rows], y_test[:n_rows], threat)
    except TypeError:  # forests and boosting
        certified = np.nan
    return clean, attacked, certified, loss, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="table")
    parser.add_argument("--data")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--swaps", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    names = arguments.tables or [*BUNDLED, *(TARGETS if arguments.data else ())]
    for name in names:
        X, y = load(name, arguments.data)
        threat = ThreatModel(0.3, n_swaps=arguments.swaps).fit(X)
        print(f"{name}, {len(X)} rows, {X.shape[1]} columns")
        print(f"{'':34}{'clean':>8}{'attacked':>10}{'certified':>11}{'log loss':>10}{'seconds':>9}")
        for label, model in MODELS.items():
            found = [scores(model, X, y, threat, seed, arguments.rows) for seed in range(arguments.splits)]
            clean, attacked, certified, loss, seconds = np.mean(found, axis=0)
            print(f"  {label:32}{clean:8.3f}{attacked:10.3f}{certified:11.3f}{loss:10.3f}{seconds:9.2f}", flush=True)


if __name__ == "__main__":
    main()
