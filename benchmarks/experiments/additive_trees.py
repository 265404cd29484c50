"""Exact accuracy under attack of forests and boosting, how many rows stay open, and what it takes.

    python benchmarks/experiments/additive_trees.py [--rows 100] [table ...]

Tables of scikit-learn, rows held out; radii of 0.3 and 0.6 standard deviations. XGBoost, LightGBM
and CatBoost take part where they are installed. Milliseconds are those of whole calls, reading and
verifying the trees included.
"""

import argparse
import importlib
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy

TABLES = {"wine": load_wine, "breast cancer": load_breast_cancer}
MODELS = {
    "`RandomForestClassifier`, 100 trees of depth 8": RandomForestClassifier(
        max_depth=8, random_state=0
    ),
    "`GradientBoostingClassifier`": GradientBoostingClassifier(random_state=0),
    "`HistGradientBoostingClassifier`": HistGradientBoostingClassifier(random_state=0),
}
OTHERS = {
    "XGBoost, 100 trees of depth 6": ("xgboost", "XGBClassifier", {"n_estimators": 100}),
    "LightGBM, 100 trees of 31 leaves": ("lightgbm", "LGBMClassifier", {"verbose": -1}),
    "CatBoost, 100 trees of depth 6": (
        "catboost",
        "CatBoostClassifier",
        {"iterations": 100, "verbose": 0, "allow_writing_files": False},
    ),
}


def models():
    yield from MODELS.items()
    for name, (library, kind, options) in OTHERS.items():
        try:
            yield name, getattr(importlib.import_module(library), kind)(**options)
        except ImportError:
            print(f"{library} is not installed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="table")
    parser.add_argument("--rows", type=int, default=100)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| table | model | norm | clean | 0.3 | 0.6 | open | ms a row |\n| --- | --- | --- | --- | "
        "--- | --- | --- | --- |"
    )
    for name in arguments.tables or TABLES:
        X, y = TABLES[name](return_X_y=True)
        train, test, y_train, y_test = train_test_split(
            X, y, test_size=0.4, random_state=0, stratify=y
        )
        test, y_test = test[: arguments.rows], y_test[: arguments.rows]
        for label, model in models():
            pipeline = make_pipeline(StandardScaler(), model).fit(train, y_train)
            for norm in ("linf", "l2", "l1"):
                threat = ThreatModel([0.0, 0.3, 0.6], norm=norm).fit(train)
                start = time.perf_counter()
                attacked = adversarial_accuracy(pipeline, test, y_test, threat)
                milliseconds = 1000 * (time.perf_counter() - start) / len(test)
                n_open = len(test) * np.sum(
                    attacked - certified_accuracy(pipeline, test, y_test, threat)
                )
                numbers = " | ".join(f"{value:.2f}" for value in attacked)
                print(
                    f"| {name} | {label} | {norm} | {numbers} | {n_open:.0f} | {milliseconds:.1f} "
                    "|",
                    flush=True,
                )


if __name__ == "__main__":
    main()
