#!/usr/bin/env bash
# treelite 4.8.1 with lightgbm 4.7.0: a model with zero_as_missing=True is read without an error, and its zeros are taken for numbers.
#
# Behaviour: a column of sizes has zeros for missing cells, which belong to large rows, and LightGBM sends zeros the way of missing values.
# Treelite's predictions send them with the small ones. With NaN in place of the zeros, and the same parameter otherwise
# not set, both agree.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, pandas 2.3.3, scikit-learn 1.9.1:
#     zeros, zero_as_missing=True: accuracy 1.00, read by treelite 0.72, of rows with a size 1.00
#     NaN: accuracy 1.00, read by treelite 1.00, of rows with a size 1.00
# Why a good guess differs: the file says missing_type of each split, treelite reads the ways of missing values from it, and refuses other
# features that it lacks, such as linear trees. Tools that serve models of LightGBM through treelite inherit it.
# Source: documentation of LightGBM, "Parameters", on zero_as_missing; of treelite, on importing models of LightGBM.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet treelite==4.8.1 lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: treelite or lightgbm cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import lightgbm
import numpy as np
import treelite

rng = np.random.RandomState(0)
size = rng.uniform(1, 10, 600)
y = (size > 5).astype(int)
size[(y == 1) & (rng.rand(600) < 0.5)] = 0
zeros = np.column_stack([size, rng.uniform(size=600)])
nans = np.where(zeros == 0, np.nan, zeros)
found = {}
for name, X, options in (("zeros, zero_as_missing=True", zeros, {"zero_as_missing": True}), ("NaN", nans, {})):
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, num_threads=1, **options).fit(X, y)
    read = treelite.frontend.from_lightgbm(model.booster_)
    right = (treelite.gtil.predict(read, X).ravel() > 0.5) == y
    found[name] = (model.predict(X) == y).mean(), right.mean(), right[size > 0].mean()
    print("{}: accuracy {:.2f}, read by treelite {:.2f}, of rows with a size {:.2f}".format(name, *found[name]))
(own, other, with_size), of_nans = found.values()
raise SystemExit(not (own > 0.98 and other < 0.85 and with_size > 0.98 and min(of_nans) > 0.98))
PYTHON
