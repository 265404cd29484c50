#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1: a forest with missing values in X loses where they go; a single tree keeps it.
#
# Behaviour: each node of a tree says whether a missing value goes left. For DecisionTreeClassifier this is written to the ONNX model;
# for ExtraTreesClassifier and RandomForestClassifier it is not, and missing values go right in all nodes. Conversion and
# predictions give no warning, and rows without missing values have the same probabilities as before.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, onnx 1.19.1, onnxruntime 1.30.0, protobuf 6.33.0:
#     DecisionTreeClassifier: largest difference 0.00 where a cell is missing, 0.00 elsewhere
#     RandomForestClassifier: largest difference 0.10 where a cell is missing, 0.00 elsewhere
#     ExtraTreesClassifier: largest difference 0.74 where a cell is missing, 0.00 elsewhere
# Why a good guess differs: the trees of a forest are the same trees, the format has an attribute for missing values, and the converter
# of the single tree fills it in. A comparison of both models on complete rows, which is the usual check of an export, agrees.
# Source: ONNX operators, TreeEnsembleClassifier, "nodes_missing_value_tracks_true"; documentation of scikit-learn, "Missing values support".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet skl2onnx==1.20.0 onnx==1.19.1 onnxruntime==1.30.0 protobuf==6.33.0 \
    scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 || { echo "skipped: skl2onnx cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

rng = np.random.RandomState(0)
X = rng.standard_normal((400, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
X[(rng.rand(400) < np.where(y == 1, 0.5, 0.1)), 0] = np.nan
missing = np.isnan(X[:, 0])


def differences(model):
    model.fit(X, y)
    exported = to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    probabilities = session.run(None, {session.get_inputs()[0].name: X})[1]
    difference = np.abs(probabilities - model.predict_proba(X)).max(axis=1)
    return difference[missing].max(), difference[~missing].max()


models = [
    DecisionTreeClassifier(max_depth=4, random_state=0),
    RandomForestClassifier(20, random_state=0),
    ExtraTreesClassifier(20, random_state=0),
]
found = []
for model in models:
    found.append(differences(model))
    print("{}: largest difference {:.2f} where a cell is missing, {:.2f} elsewhere".format(type(model).__name__, *found[-1]))
tree, forest, extra = found
raise SystemExit(not (tree[0] < 1e-5 and forest[0] > 0.05 and extra[0] > 0.3 and max(pair[1] for pair in found) < 1e-5))
PYTHON
