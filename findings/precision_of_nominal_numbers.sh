#!/usr/bin/env bash
# interpret-core 0.7.8: numbers of a nominal column are looked up as text, so that codes with a fraction are unknown in single precision.
#
# Behaviour: an ExplainableBoostingClassifier is fitted on a nominal column of versions 1.1, 2.1 and so on in double precision. As float32
# every cell is a category that it does not know, and all rows are predicted alike, without a warning; as text the cells are known. Whole
# numbers are known in each type, but not as text with a decimal point.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, pandas 2.3.3, scikit-learn 1.9.1, scipy 1.17.1:
#     fitted on 1.1, 2.1, ...: float64 1.00, float32 0.69, text 1.00
#     fitted on 1.0, 2.0, ...: float64 1.00, float32 1.00, text 0.69
# Why a good guess differs: other libraries compare the numbers of categories, so that text is refused and single precision is the question;
# here it is the text of a number. float32(2.1) is a number of its own with seventeen digits in its text, and downcasting a table to half its
# memory changes predictions of trees only next to thresholds elsewhere.
# Source: documentation of InterpretML, "feature_types", "nominal".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet interpret-core==0.7.8 numpy==2.4.6 pandas==2.3.3 scikit-learn==1.9.1 scipy==1.17.1 \
    || { echo "skipped: interpret-core cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingClassifier

major = np.random.RandomState(0).randint(1, 7, 600)
y = np.isin(major, [2, 5]).astype(int)
found = []
for fraction in (0.1, 0.0):
    table = pd.DataFrame({"version": major + fraction}).round(1)
    options = {"interactions": 0, "max_rounds": 200, "outer_bags": 1, "n_jobs": 1, "random_state": 0}
    model = ExplainableBoostingClassifier(feature_types=["nominal"], **options).fit(table, y)
    found.append([(model.predict(table.astype(dtype)) == y).mean() for dtype in ("float64", "float32", "str")])
    name = f"{1 + fraction}, {2 + fraction}, ..."
    print("fitted on {}: float64 {:.2f}, float32 {:.2f}, text {:.2f}".format(name, *found[-1]))
with_fraction, whole = np.array(found) > 0.98
raise SystemExit(not (with_fraction.tolist() == [True, False, True] and whole.tolist() == [True, True, False]))
PYTHON
