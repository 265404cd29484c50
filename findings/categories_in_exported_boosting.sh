#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: HistGradientBoosting with categorical_features is exported without an error, and predicts
# at the level of a coin.
#
# Behaviour: a split by a set of categories becomes a comparison with a number in the ONNX model. The classifier is right on all rows of
# its training table, where three of eight codes are one class; the exported one on half of them. Without categorical_features, the
# same columns as numbers are exported as they are.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, onnx 1.19.1, onnxruntime 1.30.0, protobuf 6.33.0:
#     codes as categories: accuracy 1.00, exported 0.53
#     codes as numbers: accuracy 1.00, exported 1.00
# Why a good guess differs: converters refuse what they do not know, and this one is listed as supported; the codes are valid inputs of
# both models, in the same column, and the exported model's probabilities look like probabilities.
# Source: documentation of skl2onnx, "Supported scikit-learn Models"; of scikit-learn, "Categorical Features Support".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet skl2onnx==1.20.0 onnx==1.19.1 onnxruntime==1.30.0 protobuf==6.33.0 \
    scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 || { echo "skipped: skl2onnx cannot be installed"; exit 0; }
OMP_NUM_THREADS=1 "$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

rng = np.random.RandomState(0)
codes = rng.randint(0, 8, 400)
X = np.column_stack([codes, rng.standard_normal(400)]).astype(np.float32)
y = np.isin(codes, [1, 4, 6]).astype(int)
found = {}
for name, columns in {"categories": [0], "numbers": None}.items():
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=columns).fit(X, y)
    exported = to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    labels = session.run(None, {session.get_inputs()[0].name: X})[0]
    found[name] = model.score(X, y), (labels == y).mean()
    print("codes as {}: accuracy {:.2f}, exported {:.2f}".format(name, *found[name]))
own, exported = found["categories"]
raise SystemExit(not (own > 0.95 and exported < 0.75 and found["numbers"][0] == found["numbers"][1]))
PYTHON
