"""Trees of XGBoost: single precision, ``<`` goes left, and categories in a set go right."""

import json
from itertools import pairwise

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.categories import categorical_frame_of
from sklearn_irg._fitted.trees.cuts import largest_below_single
from sklearn_irg._fitted.trees.reading import NotReadError, comes_from, reading_of

__all__ = ["applies", "read"]

_OBJECTIVES = ("binary:logistic", "multi:softprob", "multi:softmax")
_INTEGERS = {
    9: np.int8,
    10: np.uint8,
    11: np.int16,
    13: np.int32,
}  # types of categories, as numbered by the library
# margins that may have the same probability in single precision: 1.2e-7 next to one half
_TIE = 2e-7


def applies(estimator):
    """Whether it is a wrapper of XGBoost, or derived from one."""
    return comes_from(estimator, "xgboost")


def read(estimator):
    """The trees by which the wrapper predicts, up to its best iteration."""
    if not hasattr(estimator, "get_booster"):
        raise NotReadError("it is a raw Booster; pass XGBClassifier, which knows how to predict")
    missing = estimator.missing
    if missing is not None and not np.isnan(missing):
        raise NotReadError(f"missing={missing!r} is not read, only NaN")
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    if callable(estimator.objective) or objective not in _OBJECTIVES:
        raise NotReadError(
            f"the objective {estimator.objective!r} is not read, only "
            f"{', '.join(map(repr, _OBJECTIVES))}"
        )
    model, weights = _model_and_weights(learner["gradient_booster"])
    n_outputs = max(int(learner["learner_model_param"]["num_class"]), 1)
    categories = _categories(model, learner["feature_types"])
    n_trees = _n_trees_used(estimator, model)
    n_codes = 1 + max((code for tree in model["trees"] for code in tree["categories"]), default=-1)
    trees = [
        _tree(tree, np.float32(weight) * np.eye(n_outputs)[k], n_codes)
        for tree, weight, k in zip(model["trees"][:n_trees], weights, model["tree_info"])
    ]
    joined = AdditiveTrees.joined(
        trees,
        _start(learner["learner_model_param"]["base_score"], objective, n_outputs),
        int(learner["learner_model_param"]["num_feature"]),
        dtype=np.float32,
        tie=_TIE,
    )

    def margins(X):
        return estimator.predict(X, output_margin=True)

    as_given = categorical_frame_of(learner["feature_names"], categories) if categories else None
    return reading_of(
        estimator, joined, margins, as_given, categories=categories, takes_unknown=not categories
    )


def _model_and_weights(booster):
    """The trees of a booster, and by how much each counts."""
    if booster["name"] == "gblinear":
        raise NotReadError("gblinear is a linear model, not trees")
    model = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    return model, booster.get("weight_drop", np.ones(len(model["trees"])))


def _n_trees_used(estimator, model):
    """Up to the best iteration where training stopped early, as the wrapper predicts."""
    try:
        return model["iteration_indptr"][estimator.best_iteration + 1]
    except AttributeError:
        return len(model["trees"])


def _start(base_score, objective, n_outputs):
    """The margin of no trees: base_score is a probability of two classes, else margins."""
    scores = np.array(json.loads(base_score), dtype=np.float32).reshape(-1)
    if objective == "binary:logistic":
        return -np.log(np.float32(1) / scores - np.float32(1))
    return np.broadcast_to(scores, n_outputs)


def _categories(model, feature_types):
    """Categories that codes stand for, by column, of a model fitted with pandas categories."""
    stored = model.get("cats", {}).get("enc", [])
    categories = {
        j: _values(enc)
        for j, enc in enumerate(stored)
        if j < len(feature_types) and feature_types[j] == "c"
    }
    if categories and not all(map(len, categories.values())):
        raise NotReadError("some of its categories are not stored with the model")
    return categories


def _values(enc):
    """Categories as stored: numbers in the type that rows need, or strings joined in UTF-8."""
    if "offsets" not in enc:
        return np.array(enc["values"]).astype(_INTEGERS.get(enc.get("type"), np.int64))
    text = bytes(value % 256 for value in enc["values"])
    return np.array(
        [text[start:end].decode() for start, end in pairwise(enc["offsets"])], dtype=object
    )


def _tree(tree, output, n_codes):
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise NotReadError(
            "its leaves are vectors (multi_strategy='multi_output_tree'), which is not read"
        )
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    is_leaf = left < 0
    position = np.arange(len(left))
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree(
        feature=np.where(is_leaf, -1, tree["split_indices"]),
        cut=largest_below_single(conditions),
        left=np.where(is_leaf, position, left),
        right=np.where(is_leaf, position, right),
        missing_left=np.array(tree["default_left"], dtype=bool),
        values=np.where(is_leaf, conditions, np.float32(0))[:, None] * output.astype(np.float32),
        left_codes=_left_codes(tree, n_codes),
        unknown_left=np.ones(len(left), dtype=bool),
    )


def _left_codes(tree, n_codes):
    """By node of categories: those that are not stored, since stored ones go right."""
    starts, sizes = tree["categories_segments"], tree["categories_sizes"]
    right = [tree["categories"][start : start + size] for start, size in zip(starts, sizes)]
    every = range(
        n_codes + 1
    )  # with one that is stored nowhere, so that all that are stored are known
    return {
        node: sorted(set(every) - set(codes))
        for node, codes in zip(tree["categories_nodes"], right)
    }
