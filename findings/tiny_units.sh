#!/usr/bin/env bash
# lightgbm 4.7.0: numbers up to 1e-35 are all one value, zero; the same column in another unit is learnt without an error.
#
# Behaviour: cross-sections between 0 and 4 picobarn decide the class. A classifier of 20 trees learns them in picobarn; in square centimetres
# (1e-36 of each) and in square metres (1e-40) it predicts the larger class for every row. XGBoost, which keeps numbers in single
# precision, and scikit-learn's HistGradientBoosting learn all three.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, xgboost-cpu 3.2.0, scikit-learn 1.9.1:
#     LightGBM: picobarn 1.00, 1e-36: 0.53, 1e-40: 0.53
#     XGBoost: picobarn 1.00, 1e-36: 1.00, 1e-40: 1.00
#     HistGradientBoosting: picobarn 1.00, 1e-36: 1.00, 1e-40: 1.00
# Why a good guess differs: trees compare numbers, so they do not change with the unit of a column, and LightGBM's thresholds are doubles, the
# wider type of the two; the limit is that of what it takes for zero in sparse columns. A reader of its files that compares with the thresholds
# alone differs from it near zero.
# Source: documentation of LightGBM, "Advanced Topics", on missing values and zeros; of XGBoost, on its single precision.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet lightgbm==4.7.0 xgboost-cpu==3.2.0 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: lightgbm or xgboost-cpu cannot be installed"; exit 0; }
OMP_NUM_THREADS=1 "$folder/env/bin/python" - <<'PYTHON'
import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier

rng = np.random.RandomState(0)
picobarn = np.abs(rng.standard_normal((400, 1)))
y = (picobarn[:, 0] > 0.7).astype(int)
models = {
    "LightGBM": lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, num_threads=1),
    "XGBoost": xgboost.XGBClassifier(n_estimators=20, n_jobs=1),
    "HistGradientBoosting": HistGradientBoostingClassifier(max_iter=20),
}
found = {}
for name, model in models.items():
    found[name] = [(model.fit(X, y).predict(X) == y).mean() for X in (picobarn, picobarn * 1e-36, picobarn * 1e-40)]
    print("{}: picobarn {:.2f}, 1e-36: {:.2f}, 1e-40: {:.2f}".format(name, *found[name]))
larger = max(y.mean(), 1 - y.mean())
learnt = [found["LightGBM"][0], *found["XGBoost"], *found["HistGradientBoosting"]]
raise SystemExit(not (min(learnt) > 0.95 and found["LightGBM"][1:] == [larger, larger]))
PYTHON
