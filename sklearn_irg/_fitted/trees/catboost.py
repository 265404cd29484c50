"""Trees of CatBoost: single precision, ``>`` goes right; the splits of a level are one, unless trees are not symmetric."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.cuts import largest_up_to_single
from sklearn_irg._fitted.trees.reading import NotReadError, comes_from, flattened, reading_of

__all__ = ["applies", "read"]

_OBJECTIVES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")


def applies(estimator):
    """Whether it is a model of CatBoost, or derived from one."""
    return comes_from(estimator, "catboost")


def read(estimator):
    """The trees, with the model's scale and bias."""
    model = _stored(estimator)
    objective = model["model_info"]["params"]["loss_function"]["type"]
    if objective not in _OBJECTIVES:
        raise NotReadError(f"the objective {objective!r} is not read, only {', '.join(map(repr, _OBJECTIVES))}")
    scale, bias = model["scale_and_bias"]
    _refuse_others_than_numbers(model["features_info"])
    columns = _Columns(model["features_info"])
    if "oblivious_trees" in model:
        trees = [_symmetric(tree, len(bias), columns) for tree in model["oblivious_trees"]]
    else:
        trees = [_nested(tree, len(bias), columns) for tree in model["trees"]]
    trees = [replace(tree, values=scale * tree.values) for tree in trees]
    joined = AdditiveTrees.joined(trees, bias, len(estimator.feature_names_))

    def margins(X):
        return estimator.predict(X, prediction_type="RawFormulaVal")

    return reading_of(estimator, joined, margins, lambda rows: rows)


def _stored(estimator):
    """What the library writes to a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        return json.loads(path.read_text(encoding="utf-8"))


def _refuse_others_than_numbers(info):
    if info.get("ctrs"):
        raise NotReadError("it splits by counters of categories (CTR), which depend on all training rows")
    others = [kind.replace("_", " ") for kind in info if kind != "float_features" and info[kind]]
    if others:
        raise NotReadError(f"it takes {', '.join(others)}, which are not read")


class _Columns:
    """Columns of numbers: their positions in the table, and where missing values go."""

    def __init__(self, info):
        features = {feature["feature_index"]: feature for feature in info.get("float_features", [])}
        self.position = {j: feature["flat_feature_index"] for j, feature in features.items()}
        self.missing_left = {j: feature["nan_value_treatment"] != "AsTrue" for j, feature in features.items()}

    def of(self, split):
        """Column, cut and way of missing values of a split; of none at a leaf."""
        if split is None:
            return -1, 0.0, False
        if split["split_type"] != "FloatFeature":
            raise NotReadError(f"it splits by {split['split_type']}, which is not read")
        j = split["float_feature_index"]
        return self.position[j], float(largest_up_to_single(split["border"])), self.missing_left[j]


def _symmetric(tree, n_outputs, columns):
    """All nodes of a level split alike; the first split is the lowest bit of a leaf's position."""
    levels = [columns.of(split) for split in reversed(tree.get("splits") or [])]
    depth = len(levels)
    n_inner, n_leaves = 2**depth - 1, 2**depth
    own = np.arange(n_inner + n_leaves)
    is_leaf = own >= n_inner
    level = np.floor(np.log2(own + 1)).astype(int)
    feature, cut, missing_left = (np.array(part)[level] for part in zip(*levels, columns.of(None)))
    return Tree(
        feature=feature,
        cut=cut,
        left=np.where(is_leaf, own, 2 * own + 1),
        right=np.where(is_leaf, own, 2 * own + 2),
        missing_left=missing_left,
        values=np.concatenate([np.zeros((n_inner, n_outputs)), np.reshape(tree["leaf_values"], (n_leaves, n_outputs))]),
    )


def _nested(root, n_outputs, columns):
    nodes, left, right = flattened(root, lambda node: (node["left"], node["right"]) if "split" in node else None)
    feature, cut, missing_left = (np.array(part) for part in zip(*(columns.of(node.get("split")) for node in nodes)))
    values = [np.zeros(n_outputs) if "split" in node else np.reshape(node["value"], n_outputs) for node in nodes]
    return Tree(feature, cut, left, right, missing_left, np.array(values))
