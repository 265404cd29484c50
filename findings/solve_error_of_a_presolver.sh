#!/usr/bin/env bash
# scipy 1.17.1 (HiGHS 1.12.0): milp ends in a solve error, without a point, for a program of five variables that has an optimum;
# without the presolver it is found.
#
# Behaviour: three binary or small integer variables, two continuous ones and three constraints with small whole coefficients. With the
# presolver, which is the default, status is 4 and x is None; with presolve=False status is 0 and the minimum is -0.5. A linear
# program for each of the twelve choices of the integers has the same minimum.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6:
#     with the presolver: status 4, minimum None
#     without: status 0, minimum -0.5
#     all 12 choices of integers: minimum -0.5
# Why a good guess differs: status 4 is documented as "other", beside statuses for infeasible, unbounded and a limit that was reached,
# and suggests numerical trouble, for which coefficients up to 5.5 give no reason. Code that takes all statuses but 0 for infeasible
# drops a feasible program; trying once more with the other setting is cheap.
# Source: documentation of scipy.optimize.milp, "status" and "presolve".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet scipy==1.17.1 numpy==2.4.6 || { echo "skipped: scipy cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

cost = np.array([0.0, 0, 0, 3, 1])
low, high = np.array([0.0, 0, 0, -1, 0]), np.array([1.0, 2, 1, 0, 1])
matrix = np.array([[0.0, 0, -2, 0, 2], [0, -1, -1, -1, 0], [1, -3, 0, 3, 0]])
at_least, at_most = np.array([0, -2, -5.5]), np.array([np.inf, -1.5, 0])


def answer(presolve):
    rows = LinearConstraint(matrix, at_least, at_most)
    options = {"presolve": presolve}
    result = milp(cost, integrality=[1, 1, 1, 0, 0], bounds=Bounds(low, high), constraints=rows, options=options)
    return result.status, result.fun


def by_listing():
    rows = np.vstack([matrix, -matrix[1:]])
    limits = np.concatenate([at_most, -at_least[1:]])
    rows[0], limits[0] = -matrix[0], -at_least[0]
    minima = []
    for integers in product(range(2), range(3), range(2)):
        bounds = [(number, number) for number in integers] + list(zip(low[3:], high[3:]))
        result = linprog(cost, A_ub=rows, b_ub=limits, bounds=bounds)
        minima.append(result.fun if result.status == 0 else np.inf)
    return len(minima), min(minima)


found = {presolve: answer(presolve) for presolve in (True, False)}
n_choices, minimum = by_listing()
print("with the presolver: status {}, minimum {}".format(*found[True]))
print("without: status {}, minimum {:g}".format(*found[False]))
print(f"all {n_choices} choices of integers: minimum {minimum:g}")
raise SystemExit(not (found[True] == (4, None) and found[False][0] == 0 and np.allclose([found[False][1], minimum], -0.5)))
PYTHON
