#!/usr/bin/env bash
# xgboost-cpu 3.2.0: save_model does not save missing=, so that a classifier that is loaded takes the marker of missing cells for a number.
#
# Behaviour: a column has -999 where a cell is missing, more often in one class, and the classifier is fitted with missing=-999. It is loaded
# into a new XGBClassifier, which predicts without a warning, with missing=nan. Set to -999 by hand, it is as before.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, scikit-learn 1.9.1:
#     fitted: missing -999.0, accuracy 1.00
#     loaded: missing nan, accuracy 0.74
#     loaded, and missing set: missing -999.0, accuracy 1.00
# Why a good guess differs: n_classes_, the objective, early stopping's best iteration and the names of columns come back, and the way of
# missing values is stored in each split; what counts as missing belongs to the same decision, but only to the Python wrapper. Pickle
# keeps it; the format that is recommended for keeping models does not.
# Source: documentation of XGBoost, "Introduction to Model IO" and, of the Python package, "XGBClassifier", on missing and save_model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet xgboost-cpu==3.2.0 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: xgboost-cpu cannot be installed"; exit 0; }
"$folder/env/bin/python" - "$folder/model.json" <<'PYTHON'
import sys

import numpy as np
import xgboost

rng = np.random.RandomState(0)
X = rng.standard_normal((400, 2))
y = (X[:, 0] > 0).astype(int)
X[(y == 1) & (rng.rand(400) < 0.6), 0] = -999
fitted = xgboost.XGBClassifier(n_estimators=20, max_depth=2, missing=-999.0).fit(X, y)
fitted.save_model(sys.argv[1])
loaded = xgboost.XGBClassifier()
loaded.load_model(sys.argv[1])
found = []


def report(name, model):
    found.append((model.missing, model.score(X, y)))
    print("{}: missing {}, accuracy {:.2f}".format(name, *found[-1]))


report("fitted", fitted)
report("loaded", loaded)
loaded.set_params(missing=-999.0)
report("loaded, and missing set", loaded)
before, after, again = found
raise SystemExit(not (before == again and before[1] > 0.98 and np.isnan(after[0]) and after[1] < 0.85))
PYTHON
