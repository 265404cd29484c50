#!/usr/bin/env bash
# scipy 1.17.1: milp gives no dual bound for a program whose variables are all continuous, though it proves the optimum.
#
# Behavior: mip_dual_bound is None where integrality is all zeros, and a number where one variable is an integer.
# Output seen on 2026-11-29, with Python 3.11, numpy 2.4.6:
#     continuous: status 0, minimum 1.5, bound None
#     one integer: status 0, minimum 1.5, bound 1.5
# Why a good guess differs: the result is documented to carry the solver's lower bound, and milp is documented to solve linear programs
# too. A branch and bound whose last binary variable was fixed by bounds becomes such a program, and a proof that reads the bound
# finds none where the answer is exact. The minimum itself is the bound there.
# Source: documentation of scipy.optimize.milp, "mip_dual_bound".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet scipy==1.17.1 numpy==2.4.6 || { echo "skipped: scipy cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

found = {}
for name, integrality in {"continuous": [0, 0], "one integer": [0, 1]}.items():
    rows = LinearConstraint([[1.0, 1.0]], 1.5, np.inf)
    result = milp([1.0, 1.0], integrality=integrality, bounds=Bounds(0, 10), constraints=rows)
    found[name] = result.mip_dual_bound
    print(f"{name}: status {result.status}, minimum {result.fun:g}, bound {result.mip_dual_bound}")
raise SystemExit(not (found["continuous"] is None and found["one integer"] is not None))
PYTHON
