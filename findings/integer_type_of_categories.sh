#!/usr/bin/env bash
# xgboost-cpu 3.2.0: categories of a pandas column are refused at prediction if their integers are of another type than in fit.
#
# Behavior: a classifier is fitted on a column whose categories are the integers 3, 5, 7 and 9 as int64. The same rows with the same
# categories as int32 raise an XGBoostError, "the index type must match"; as int64 they are predicted.
# Output seen on 2026-11-30, with Python 3.11, pandas 2.3.3, numpy 2.4.6:
#     int64: predicted
#     int32: XGBoostError
# Why a good guess differs: the library recodes categories by their values, whatever their order in the new table, and pandas calls both
# columns equal in every comparison of values; the type of an integer changes silently on the way through CSV, Arrow or a smaller dtype.
# Source: documentation of XGBoost, "Categorical Data", on the recoding of categories.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet xgboost-cpu==3.2.0 pandas==2.3.3 numpy==2.4.6 scikit-learn==1.9.1 scipy==1.17.1 \
    || { echo "skipped: xgboost-cpu cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import xgboost


def table(dtype):
    kinds = pd.Categorical(np.tile([3, 5, 7, 9, 3], 20).astype(dtype))
    return pd.DataFrame({"kind": kinds, "size": np.arange(100.0)})


model = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(table("int64"), np.tile([0, 1], 50))
found = {}
for dtype in ("int64", "int32"):
    try:
        model.predict(table(dtype))
        found[dtype] = "predicted"
    except xgboost.core.XGBoostError:
        found[dtype] = "XGBoostError"
    print(f"{dtype}: {found[dtype]}")
raise SystemExit(found != {"int64": "predicted", "int32": "XGBoostError"})
PYTHON
