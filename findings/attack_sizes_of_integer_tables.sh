#!/usr/bin/env bash
# groot-trees 0.0.17 with numpy 1.26.4: in a table of integers the sizes of an attack lose their fractions, so that a tree that is to be
# robust within 0.9 is an ordinary one.
#
# Behaviour: attack_model=[0.9, 0.9, 0.9] is kept in the type of X. For int64 it is zero, and the tree has the thresholds of one without an
# attack; the same numbers as float64 give other thresholds, which have a size added or taken off.
# Output seen on 2026-12-01, with Python 3.11, numba 0.68.1, scikit-learn 1.9.1, scipy 1.17.1, pandas 2.3.3:
#     no attack, int64: first thresholds 4.5, 6.5, 1.5
#     attack of 0.9, int64: first thresholds 4.5, 6.5, 1.5
#     attack of 0.9, float64: first thresholds 3.95, 4.95, 3.95
# Why a good guess differs: sizes are a parameter, not data, and scikit-learn's estimators treat a table of whole numbers like the same
# table of floats. The fit gives no warning, and the result is a valid tree whose clean accuracy is higher than that of a robust one.
# Source: documentation of groot-trees, "GrootTreeClassifier", on attack_model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet groot-trees==0.0.17 numpy==1.26.4 numba==0.68.1 scikit-learn==1.9.1 scipy==1.17.1 \
    pandas==2.3.3 || { echo "skipped: groot-trees cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from groot.model import GrootTreeClassifier

rng = np.random.RandomState(0)
X = rng.randint(0, 10, (300, 3))
y = (X[:, 0] + X[:, 1] > 9).astype(int)


def thresholds(attack, dtype):
    model = GrootTreeClassifier(max_depth=2, attack_model=attack, random_state=0).fit(X.astype(dtype), y)
    root = model.root_
    return [round(float(node.threshold), 2) for node in (root, root.left_child, root.right_child)]


found = {
    "no attack, int64": thresholds(None, np.int64),
    "attack of 0.9, int64": thresholds([0.9] * 3, np.int64),
    "attack of 0.9, float64": thresholds([0.9] * 3, np.float64),
}
for name, numbers in found.items():
    print(f"{name}: first thresholds {', '.join(map(str, numbers))}")
plain, integers, floats = found.values()
raise SystemExit(not (plain == integers and not set(plain) & set(floats)))
PYTHON
