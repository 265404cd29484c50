"""Accuracy and exact robust accuracy of boosted trees, plain and hardened in rounds.

    python benchmarks/experiments/hardening.py CENSUS.csv [--rows 4000] [--splits 5]
        [--models START ...] [--rounds 20] [--table NAME] [--tolerance 0.06] [--validation 0.1]
        [--depth 2] [--gradients]

With ``--gradients`` logistic regressions and MLPs of 50 units, in rounds and by a penalty.

Numbers may move by 0.3 standard deviations together ("l2"), and where there are categories one may
be swapped. Balanced accuracy of 1000 held-out rows (half of pima and breast cancer), from fits with
balanced classes; the constant model has 0.5. Robust accuracy is exact: rows that are left open are
counted; of MLPs it is accuracy under attack. At the end are means and their standard errors over
splits, which share rows.

The table is the census unless another is named, of which 1000 rows, or half of pima and breast
cancer, are for fitting. Other tables are meant for HistGradientBoosting, which balances any
classes.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from frontiers import SIZES
from frontiers import load as load_of_frontiers
from scipy.stats import sem
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    RobustTrainingClassifier,
)
from sklearn_irg.attacks import ThreatModel, evaluate_robustness

TABLES = "census", "generated", "pima", "breast cancer", "five numbers", "rare class"
_GENERATED = 1000, 1000


def load(name, census):
    """Columns and classes 0 and 1; files of other tables are in the folder of the census."""
    if name in ("five numbers", "rare class"):
        return _numbers(share=0.9 if name == "rare class" else 0.5)
    if name != "census":
        return load_of_frontiers(name, Path(census).parent)
    table = pd.read_csv(census)
    return table, table.pop("income").str.contains(">").astype(int)


def _numbers(share):
    options = {
        "n_informative": 5,
        "n_redundant": 0,
        "flip_y": 0.03,
        "class_sep": 0.5,
        "random_state": 0,
    }
    X, y = make_classification(3000, 5, weights=[share], **options)
    return pd.DataFrame(X, columns=list("abcde")), pd.Series(y)


def boosting(depth):
    """The three libraries: a hundred trees each, learning rate 0.1, with balanced classes."""
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    options = {"max_depth": depth, "random_state": 0}
    return {
        "HistGradientBoosting": HistGradientBoostingClassifier(
            class_weight="balanced", early_stopping=False, **options
        ),
        "LightGBM": LGBMClassifier(class_weight="balanced", verbose=-1, n_jobs=1, **options),
        "XGBoost": XGBClassifier(
            n_estimators=100, learning_rate=0.1, scale_pos_weight=3.0, n_jobs=1, **options
        ),
    }


def gradients():
    """Models that can be trained against the threat in both ways."""
    networks = {"class_weight": "balanced", "learning_rate_init": 0.003, "random_state": 0}
    kinds = {
        "logistic": partial(GradRegLogisticRegression, class_weight="balanced", max_iter=2000),
        "MLP": partial(GradRegMLPClassifier, (50,), max_iter=60, n_iter_no_change=60, **networks),
    }
    for name, kind in kinds.items():
        yield f"{name}, in rounds", kind(penalty=None)
        yield f"{name}, by a penalty", kind(penalty="adversarial_loss", alpha=1.0)


def pipeline(last):
    """Categories become indicators; numbers are standardized, which changes no tree."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        make_column_transformer(
            (encoder, make_column_selector(dtype_exclude="number")), remainder=StandardScaler()
        ),
        last,
    )


def scores(model, X, y, threat):
    """Balanced accuracy, clean and robust, and the number of undecided rows.

    Robust is certified, which is exact where no row is undecided; of MLPs it is under attack.
    """
    evaluation = evaluate_robustness(model, X, y, threat)
    n_open = int((~evaluation.is_exact).sum())
    is_network = isinstance(getattr(model, "estimator_", model)[-1], GradRegMLPClassifier)
    rows = ~evaluation.misclassified[0] if is_network else evaluation.certified[0]
    robust = balanced_accuracy_score(y, np.where(rows, y, 1 - y))
    return balanced_accuracy_score(y, model.predict(X)), robust, n_open


def main():
    """Print a row for each split and model as soon as it is known, then means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("census")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=0.06)
    parser.add_argument("--validation", type=float, default=0.1)
    parser.add_argument("--table", choices=TABLES, default="census")
    parser.add_argument("--models", nargs="*", default=[""])
    parser.add_argument("--gradients", action="store_true")
    arguments = parser.parse_args()
    table, labels = load(arguments.table, arguments.census)
    sizes = (
        (arguments.rows, 1000)
        if arguments.table == "census"
        else SIZES.get(arguments.table, _GENERATED)
    )
    found = {}
    for split in range(arguments.splits):
        options = {"train_size": sizes[0], "test_size": sizes[1], "random_state": split}
        X, X_test, y, y_test = train_test_split(
            table, labels.to_numpy(), stratify=labels, **options
        )
        has_categories = X.select_dtypes(exclude="number").shape[1] > 0
        threat = ThreatModel(0.3, n_swaps=int(has_categories)).fit(X)
        learners = gradients() if arguments.gradients else boosting(arguments.depth).items()
        for name, last in learners:
            if not name.startswith(tuple(arguments.models)):
                continue
            by_penalty = "penalty" in name
            plain = pipeline(clone(last).set_params(penalty=None) if by_penalty else last).fit(X, y)
            options = {
                "n_rounds": arguments.rounds,
                "tolerance": arguments.tolerance,
                "random_state": split,
            }
            options["validation_fraction"] = arguments.validation
            options["method"] = "penalty" if by_penalty else "rounds"
            start = time.process_time()
            hardened = RobustTrainingClassifier(pipeline(last), threat, **options).fit(X, y)
            seconds = time.process_time() - start
            row = [
                *scores(plain, X_test, y_test, threat),
                *scores(hardened, X_test, y_test, threat),
            ]
            best_round = getattr(hardened, "best_round_", 0)
            found.setdefault(name, []).append([*row, best_round, seconds])
            print(split, name, np.round(found[name][-1], 3), flush=True)
    for name, rows in found.items():
        cells = (
            f"{value:.3f} ± {error:.3f}" for value, error in zip(np.mean(rows, axis=0), sem(rows))
        )
        print(f"| {arguments.table}, {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
