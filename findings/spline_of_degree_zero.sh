#!/usr/bin/env bash
# scikit-learn 1.9.1: SplineTransformer of degree 0 with constant extrapolation raises an error above its last knot, and has no
# active basis function below its first one.
#
# Behavior: with extrapolation="constant", degrees 1 and more repeat the values at the nearest knot outside the knots. Degree 0
# gives a row of zeros below them, and a ValueError about shapes above them.
# Output seen on 2026-11-30, with Python 3.11, numpy 2.4.6, scipy 1.17.1:
#     degree 0: below [0. 0. 0.], at the first knot [1. 0. 0.], above ValueError
#     degree 1: below [1. 0. 0. 0.], at the first knot [1. 0. 0. 0.], above [0. 0. 0. 1.]
# Why a good guess differs: "constant" is documented to use the values at the boundary knots as constant extrapolation, and degree 0 is
# an allowed degree; with bins as splines of degree 0, a new row beyond the training range is an everyday input.
# Source: documentation of sklearn.preprocessing.SplineTransformer, "extrapolation" and "degree".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: scikit-learn cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.preprocessing import SplineTransformer


def at(splines, number):
    try:
        return splines.transform([[number]])[0]
    except ValueError:
        return "ValueError"


found = {}
for degree in (0, 1):
    splines = SplineTransformer(degree=degree, n_knots=4, extrapolation="constant").fit(np.arange(20.0)[:, None])
    found[degree] = below, first, above = [at(splines, number) for number in (-1.0, 0.0, 25.0)]
    print(f"degree {degree}: below {below}, at the first knot {first}, above {above}")
surprises = [not found[0][0].any(), isinstance(found[0][2], str)]
expected = [np.array_equal(found[1][0], found[1][1]), found[1][2][-1] == 1]
raise SystemExit(not all(surprises + expected))
PYTHON
