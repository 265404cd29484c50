#!/usr/bin/env bash
# NumPy 2.4.6: unique of many different integers takes several times as long as unique with return_index, which returns more.
#
# Behaviour: without further results, unique of integers fills a hash table and sorts what is in it; with return_index, or of floats,
# it sorts the array. Both give the same integers. Of 400 000 different ones the table takes about 7 times as long as the
# sort with positions; of as many integers with 50 different ones it takes a third.
# Output seen on 2026-12-01, with Python 3.11, on two shared cores (ratios of processor times, compared up to a factor of two):
#     the same integers: True
#     400000 different: unique takes 7.4 times unique(return_index=True)
#     50 different: unique takes 0.32 times unique(return_index=True)
# Why a good guess differs: a hash table is known to be faster than a sort, and the release that brought it, 2.3, says so; it is, where
# values repeat. setdiff1d, intersect1d, union1d and isin of row numbers, which are all different, go through it: with few megabytes the
# table leaves the caches, and a function that returns more is the faster one.
# Source: release notes of NumPy 2.3, on unique; documentation of numpy.unique.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet numpy==2.4.6 || { echo "skipped: numpy cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
from time import process_time

import numpy as np


def seconds(function):
    times = []
    for _ in range(7):
        start = process_time()
        function()
        times.append(process_time() - start)
    return min(times)


rng = np.random.RandomState(0)
n = 400_000
different, few = rng.permutation(n), rng.randint(0, 50, n)
same = all(np.array_equal(np.unique(x), np.unique(x, return_index=True)[0]) for x in (different, few))
ratios = [
    seconds(lambda x=x: np.unique(x)) / seconds(lambda x=x: np.unique(x, return_index=True)) for x in (different, few)
]
print(f"the same integers: {same}")
print(f"{n} different: unique takes {ratios[0]:.2g} times unique(return_index=True)")
print(f"50 different: unique takes {ratios[1]:.2g} times unique(return_index=True)")
within = [0.5 <= ratio / seen <= 2 for ratio, seen in zip(ratios, (7.4, 0.32), strict=True)]
raise SystemExit(not (same and all(within)))
PYTHON
