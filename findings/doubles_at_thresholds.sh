#!/usr/bin/env bash
# dtai-veritas 0.3.1 with xgboost-cpu 3.2.0: half of the rows of a table in tenths have other scores in the trees that are read.
#
# Behaviour: XGBoost rounds rows to single precision, compares them with thresholds that are values of the training data, and the trees that
# veritas reads compare doubles with the same thresholds. A number such as 0.7 and its threshold, 0.7 in single precision, then
# compare the other way round. Scores of rows that were rounded to single precision before are the same up to rounding.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1:
#     doubles: 51% of the scores differ by more than 0.001, 2.2% of the classes
#     rounded to single precision: 0% of the scores differ by more than 0.001, 0.0% of the classes
# Why a good guess differs: veritas takes doubles, as the wrapper of XGBoost does, and rounding is expected to matter in the last digits of
# a score; but rows of a table with few decimals lie exactly on thresholds, all training rows first of all. What is verified is then
# another model, unless the rows are rounded, or the thresholds moved by what single precision rounds.
# Source: documentation of veritas, get_addtree; of XGBoost, on its single precision.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet dtai-veritas==0.3.1 xgboost-cpu==3.2.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 \
    || { echo "skipped: dtai-veritas cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import contextlib
import io

import numpy as np
import veritas
import xgboost

rng = np.random.RandomState(0)
X = rng.randint(0, 20, (500, 3)) / 10
y = (X[:, 0] + X[:, 1] > X[:, 2] + 1).astype(int)
model = xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1).fit(X, y)
with contextlib.redirect_stdout(io.StringIO()):
    trees = veritas.get_addtree(model)
found = []
for name, rows in {"doubles": X, "rounded to single precision": X.astype(np.float32).astype(np.float64)}.items():
    scores = trees.eval(rows).ravel()
    differ = np.abs(scores - model.predict(rows, output_margin=True)) > 1e-3
    other = (scores > 0) != model.predict(rows)
    found.append((differ.mean(), other.mean()))
    print("{}: {:.0%} of the scores differ by more than 0.001, {:.1%} of the classes".format(name, *found[-1]))
doubles, rounded = found
raise SystemExit(not (doubles[0] > 0.2 and doubles[1] > 0 and rounded == (0, 0)))
PYTHON
