#!/usr/bin/env bash
# autograd 1.9.1: gradients of mean, var, std and max of an array in single precision are in double precision; those of sum are not.
#
# Behaviour: each of these values is float32 for a float32 array. The gradients of sum and linalg.norm are float32, too;
# that of mean, var, std and max is float64, and so is everything that it is added to or multiplied with.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, scipy 1.17.1:
#     sum: value float32, gradient float32
#     norm: value float32, gradient float32
#     mean: value float32, gradient float64
#     var: value float32, gradient float64
#     std: value float32, gradient float64
#     max: value float32, gradient float64
#     squared error by sum / n: gradient float32; by mean: gradient float64
# Why a good guess differs: NumPy keeps float32 in all of these, and with plain Python numbers. A mean is a sum over a count, but a loss that is
# written with mean instead turns parameters that are updated by their gradient into doubles after one step, at twice the
# memory, with correct values, so that no test of numbers sees it.
# Source: documentation of autograd, on the NumPy functions that it supports.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet autograd==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: autograd cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import autograd.numpy as anp
import numpy as np
from autograd import grad

numbers = np.linspace(0.1, 1, 6, dtype=np.float32)
functions = {"sum": anp.sum, "norm": anp.linalg.norm, "mean": anp.mean, "var": anp.var, "std": anp.std, "max": anp.max}
found = {}
for name, function in functions.items():
    found[name] = grad(function)(numbers).dtype.name
    print(f"{name}: value {function(numbers).dtype}, gradient {found[name]}")
by_sum = grad(lambda w: anp.sum((w - 1) ** 2) / 6)(numbers).dtype
by_mean = grad(lambda w: anp.mean((w - 1) ** 2))(numbers).dtype
print(f"squared error by sum / n: gradient {by_sum}; by mean: gradient {by_mean}")
wide = [name for name, dtype in found.items() if dtype == "float64"]
values_stay = all(function(numbers).dtype == np.float32 for function in functions.values())
raise SystemExit(not (values_stay and wide == ["mean", "var", "std", "max"] and (by_sum, by_mean) == (np.float32, np.float64)))
PYTHON
