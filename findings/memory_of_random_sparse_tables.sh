#!/usr/bin/env bash
# scipy 1.17.1 with numpy 2.4.6: the memory of scipy.sparse.random depends on the keyword of its seed, by a factor of some hundreds.
#
# Behaviour: with random_state=0 the positions of the entries are drawn without replacement by a legacy generator, which permutes the
# positions of all cells of the dense table; with rng=0 memory grows with the entries only. Both give as many entries.
# Output seen on 2026-12-01, with Python 3.11:
#     random_state=0: 9000 entries, 68.9 MiB
#     rng=0: 9000 entries, 0.3 MiB
# Why a good guess differs: the function makes sparse tables, so its memory is expected to grow with the entries, and the two keywords look
# like an old and a new name of one thing. A table of 1e5 x 1e4 cells with a million entries takes eight gigabytes by the old one.
# Source: scipy's documentation of scipy.sparse.random, on rng; numpy's of RandomState.choice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet scipy==1.17.1 numpy==2.4.6 || { echo "skipped: scipy cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import tracemalloc

from scipy.sparse import random


def peak(**seed):
    random(10, 10, density=0.1, **seed)  # so that everything is imported
    tracemalloc.start()
    table = random(3000, 3000, density=1e-3, format="csr", **seed)
    size = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"{', '.join(f'{k}={v}' for k, v in seed.items())}: {table.nnz} entries, {size:.1f} MiB")
    return size


old, new = peak(random_state=0), peak(rng=0)
raise SystemExit(not old > 50 * new)
PYTHON
