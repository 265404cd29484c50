#!/usr/bin/env bash
# catboost 1.2.10 with scikit-learn 1.9.1: an estimator whose cat_features is a list cannot be cloned; with a tuple it can.
#
# Behavior: CatBoostClassifier(cat_features=["job"]) fits, predicts and is accepted by is_classifier; sklearn.base.clone raises a
# RuntimeError that says the constructor modifies the parameter, so that GridSearchCV, cross_val_score and every meta-estimator fail.
# The same columns as a tuple are cloned and fitted. Other parameters that are lists, such as class_weights, are refused as well.
# Output seen on 2026-11-30, with Python 3.11, numpy 2.4.6, pandas 2.3.3, scipy 1.17.1:
#     cat_features as a list: RuntimeError
#     cat_features as a tuple: cloned, fitted
#     class_weights as a list: RuntimeError
# Why a good guess differs: the documentation of the library shows lists of names or positions only, and get_params returns an equal
# list; clone compares identity, and every list of a parameter is a new object each time it is asked for, while a tuple is the same.
# Source: documentation of CatBoost, "CatBoostClassifier", on cat_features; of scikit-learn, "clone".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet catboost==1.2.10 scikit-learn==1.9.1 numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 \
    || { echo "skipped: catboost cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
from catboost import CatBoostClassifier
from sklearn.base import clone

options = {"iterations": 2, "verbose": 0, "allow_writing_files": False}
X = pd.DataFrame({"size": np.arange(40.0), "job": np.tile(["a", "b"], 20)})


def outcome(**parameters):
    try:
        model = clone(CatBoostClassifier(**options, **parameters))
    except RuntimeError:
        return "RuntimeError"
    if "cat_features" not in parameters:
        return "cloned"
    model.fit(X, np.tile([0, 1], 20))
    return "cloned, fitted"


found = {
    "cat_features as a list": outcome(cat_features=["job"]),
    "cat_features as a tuple": outcome(cat_features=("job",)),
    "class_weights as a list": outcome(class_weights=[1.0, 2.0]),
}
for name, what in found.items():
    print(f"{name}: {what}")
raise SystemExit(list(found.values()) != ["RuntimeError", "cloned, fitted", "RuntimeError"])
PYTHON
