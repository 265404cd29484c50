#!/usr/bin/env bash
# highspy 1.14.0: the presolver calls a point optimal that costs a third more than another; the HiGHS inside scipy 1.17.1 does not.
#
# Behaviour: 7.4 tons are bought loose, at 3 a ton, or in sacks of one ton, at 4 each. Loose goods alone cost 22.2. With the presolver,
# which is the default, the answer of highspy 1.14.0 is eight sacks for 32, with status "Optimal" and no gap; with presolve "off" it is 22.2.
# In the same environment scipy's milp answers 22.2 with both settings: it is linked with a HiGHS of its own, 1.12.0.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6:
#     highspy 1.14.0, presolve on: Optimal, cost 32, loose 0, sacks 8
#     highspy 1.14.0, presolve off: Optimal, cost 22.2, loose 7.4, sacks 0
#     scipy, HiGHS 1.12.0, presolve True: cost 22.2
#     scipy, HiGHS 1.12.0, presolve False: cost 22.2
# Why a good guess differs: a solver says "Optimal" only with a gap of zero, and the program has two variables and one constraint. The
# version of scipy says nothing about the solver of other packages, such as modelling languages, which bring highspy; both are
# called HiGHS. Release 1.15 of highspy is right.
# Source: release notes of HiGHS 1.15; documentation of scipy.optimize.milp, which names the solver.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet highspy==1.14.0 scipy==1.17.1 numpy==2.4.6 || { echo "skipped: highspy cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import highspy
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.optimize._highspy import _core

needed = 7.4


def by_highspy(presolve):
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("presolve", presolve)
    loose = solver.addVariable(lb=0, ub=20)
    sacks = solver.addVariable(lb=0, ub=20, type=highspy.HighsVarType.kInteger)
    solver.addConstr(loose + sacks >= needed)
    solver.minimize(3 * loose + 4 * sacks)
    status = solver.modelStatusToString(solver.getModelStatus())
    return status, solver.getInfo().objective_function_value, solver.val(loose), solver.val(sacks)


def by_scipy(presolve):
    rows = LinearConstraint([[1.0, 1.0]], needed, np.inf)
    return milp([3.0, 4.0], integrality=[0, 1], bounds=Bounds(0, 20), constraints=rows, options={"presolve": presolve}).fun


inside = f"{_core.HIGHS_VERSION_MAJOR}.{_core.HIGHS_VERSION_MINOR}.{_core.HIGHS_VERSION_PATCH}"
costs = []
for presolve in ("on", "off"):
    status, cost, loose, sacks = by_highspy(presolve)
    costs.append(cost)
    print(f"highspy 1.14.0, presolve {presolve}: {status}, cost {cost:g}, loose {loose:g}, sacks {sacks:g}")
for presolve in (True, False):
    costs.append(by_scipy(presolve))
    print(f"scipy, HiGHS {inside}, presolve {presolve}: cost {costs[-1]:g}")
raise SystemExit(not (inside == "1.12.0" and np.allclose(costs, [32, 22.2, 22.2, 22.2])))
PYTHON
