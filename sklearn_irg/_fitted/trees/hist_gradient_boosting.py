"""Trees of HistGradientBoosting, whose nodes are private: no other module uses their names."""

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.categories import frame_of
from sklearn_irg._fitted.trees.reading import reading_of

__all__ = ["applies", "read"]

_N_CODES = 256  # bits of a set, as scikit-learn stores one for each split


def applies(estimator):
    """Whether it carries predictors of histograms."""
    return hasattr(estimator, "_predictors") and hasattr(estimator, "_baseline_prediction")


def read(estimator):
    """The trees, with columns in the order of the table."""
    n_features = estimator.n_features_in_
    columns, categories = _columns_and_categories(estimator)
    constant = np.reshape(estimator._baseline_prediction, -1)
    outputs = np.eye(len(constant))
    trees = [
        _tree(predictor, outputs[k], columns, categories)
        for predictors in estimator._predictors
        for k, predictor in enumerate(predictors)
    ]
    joined = AdditiveTrees.joined(trees, constant, n_features)
    as_given = frame_of(estimator, categories) if categories else None
    return reading_of(
        estimator, joined, estimator.decision_function, as_given, categories=categories
    )


def _columns_and_categories(estimator):
    """The table's column of each one that the trees see, and the categories.

    The preprocessor moves columns of categories to the front.
    """
    columns = np.arange(estimator.n_features_in_)
    if estimator._preprocessor is None:
        return columns, {}
    is_categorical = np.asarray(estimator.is_categorical_, dtype=bool)
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    known = [values[values == values] for values in encoder.categories_]  # NaN is none
    categories = dict(zip(columns[is_categorical].tolist(), known, strict=True))
    return np.concatenate([columns[is_categorical], columns[~is_categorical]]), categories


def _tree(predictor, output, columns, categories):
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    position = np.arange(len(nodes))
    missing_left = nodes["missing_go_to_left"].astype(bool)
    feature = np.where(is_leaf, -1, columns[np.where(is_leaf, 0, nodes["feature_idx"])])
    left_codes = {}
    for node in np.flatnonzero(~is_leaf & nodes["is_categorical"].astype(bool)).tolist():
        left_codes[node] = _codes(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        if missing_left[node]:  # and what is unknown with it
            left_codes[node] += range(len(categories[int(feature[node])]), _N_CODES)
    return Tree(
        feature=feature,
        cut=nodes["num_threshold"],
        left=np.where(is_leaf, position, nodes["left"]),
        right=np.where(is_leaf, position, nodes["right"]),
        missing_left=missing_left,
        values=np.where(is_leaf, nodes["value"], 0)[:, None] * output,
        left_codes=left_codes,
        unknown_left=missing_left,
    )


def _codes(words):
    """Positions of the bits that are set in words of 32."""
    return np.flatnonzero((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).tolist()
