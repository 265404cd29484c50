"""Trees of LightGBM: ``<=`` and categories in a set go left; numbers next to zero are zero."""

import re

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.categories import categorical_frame_of
from sklearn_irg._fitted.trees.reading import NotReadError, comes_from, flattened, reading_of

__all__ = ["applies", "read"]

_ZERO = float(np.float32(1e-35))  # the library takes numbers up to here for zero
_INFINITE = 1e300  # how an infinite threshold is stored, which splits missing values from numbers
_OBJECTIVES = ("binary", "multiclass", "multiclassova")
# sums that differ by more have different probabilities: up to the limit below these differ by
# 3e-15, some thirty units in the last place
_ONE_VS_REST_TIE = 1e-8
_ONE_VS_REST_LIMIT = 15.0  # log-odds beyond which probabilities of classes next to one may be equal


def applies(estimator):
    """Whether it is a wrapper of LightGBM, or derived from one."""
    return comes_from(estimator, "lightgbm")


def read(estimator):
    """The trees by which the wrapper predicts, up to its best iteration."""
    if not hasattr(estimator, "booster_"):
        raise NotReadError("it is a raw Booster; pass LGBMClassifier, which knows how to predict")
    model = estimator.booster_.dump_model()
    objective = str(model.get("objective", "")).split(" ")[0]
    if callable(estimator.objective) or objective not in _OBJECTIVES:
        raise NotReadError(
            f"the objective {estimator.objective!r} is not read, only "
            f"{', '.join(map(repr, _OBJECTIVES))}"
        )
    n_outputs = model["num_tree_per_iteration"]
    outputs = np.eye(n_outputs)
    structures = [info["tree_structure"] for info in model["tree_info"]]
    joined = AdditiveTrees.joined(
        [_tree(structure, outputs[k % n_outputs]) for k, structure in enumerate(structures)],
        np.zeros(n_outputs),
        model["max_feature_idx"] + 1,
        lowest_code=np.nextafter(-1, 0),  # codes are cut off towards zero
        tie=_ONE_VS_REST_TIE if objective == "multiclassova" else 0.0,
    )
    if objective == "multiclassova" and joined.largest_sum * _sigmoid(model) > _ONE_VS_REST_LIMIT:
        raise NotReadError(
            "the probabilities of several classes may round to one, which decides its labels"
        )
    categories = _categories(estimator.booster_, model)
    as_given = categorical_frame_of(model["feature_names"], categories) if categories else None

    def margins(X):
        return estimator.predict(X, raw_score=True)

    return reading_of(estimator, joined, margins, as_given, categories=categories)


def _sigmoid(model):
    """By which scores are multiplied before they are log-odds."""
    return float(re.search(r"sigmoid:(\S+)", model["objective"]).group(1))


def _categories(booster, model):
    """Categories that codes stand for, by column, of a model fitted with pandas categories."""
    stored = model["pandas_categorical"]
    if not stored:
        return {}
    named = re.search(
        r"\[categorical_feature: ([\d,]*)\]", booster.model_to_string(num_iteration=1)
    )
    columns = [int(column) for column in named.group(1).split(",") if column]
    if len(columns) != len(stored):
        raise NotReadError(
            "some of its pandas categories are ordered, whose codes it takes for numbers"
        )
    return {
        column: np.array(values, dtype=object)
        for column, values in zip(columns, stored, strict=True)
    }


def _tree(structure, output):
    nodes, left, right = flattened(structure, _children)
    if any(node.get("leaf_coeff") for node in nodes):
        raise NotReadError("its leaves are linear models (linear_tree=True), which is not read")
    cut = np.array([_cut(node) for node in nodes])
    values = np.array([node.get("leaf_value", 0.0) for node in nodes])
    return Tree(
        feature=np.array([node.get("split_feature", -1) for node in nodes]),
        cut=cut,
        left=left,
        right=right,
        missing_left=np.array([_missing_goes_left(node, end) for node, end in zip(nodes, cut)]),
        values=values[:, None] * output,
        left_codes={
            k: [int(code) for code in node["threshold"].split("||")]
            for k, node in enumerate(nodes)
            if _is_categorical(node)
        },
    )


def _children(node):
    return (node["left_child"], node["right_child"]) if "split_feature" in node else None


def _is_categorical(node):
    return node.get("decision_type") == "=="


def _cut(node):
    """The threshold, or the end of what counts as zero on the side where zero does not go."""
    if "split_feature" not in node or _is_categorical(node):
        return 0.0
    threshold = node["threshold"]
    if -_ZERO <= threshold < _ZERO:
        return _ZERO if threshold >= 0 else np.nextafter(-_ZERO, -np.inf)
    return np.inf if threshold >= _INFINITE else threshold


def _missing_goes_left(node, cut):
    """Whether a missing value goes left.

    It counts as zero where there was none in training; among categories it goes right.
    """
    if "split_feature" not in node or _is_categorical(node):
        return False
    if node["missing_type"] == "Zero":
        raise NotReadError("zero counts as missing (zero_as_missing=True), which is not read")
    return node["default_left"] if node["missing_type"] == "NaN" else cut >= 0
