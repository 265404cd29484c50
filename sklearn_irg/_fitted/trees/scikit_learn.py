"""Trees of scikit-learn: single ones, forests that average, and gradient boosting that adds."""

import numpy as np
from sklearn.utils import get_tags

from sklearn_irg._fitted.affine import as_fitted
from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.cuts import largest_up_to_single
from sklearn_irg._fitted.trees.reading import NotReadError, reading_of

__all__ = ["applies", "read"]


def applies(estimator):
    """Whether it carries ``tree_``, or members that do."""
    members = np.asarray(getattr(estimator, "estimators_", [estimator]), dtype=object)
    return members.size > 0 and all(
        hasattr(getattr(member, "tree_", None), "threshold") for member in members.flat
    )


def read(estimator):
    """The trees, with class proportions or learning rates, and the start of gradient boosting."""
    members = np.asarray(getattr(estimator, "estimators_", [estimator]), dtype=object)
    if hasattr(estimator, "estimator_weights_"):
        raise NotReadError("its trees vote with weights, which is not read")
    return _boosted(estimator, members) if members.ndim == 2 else _averaged(estimator, members)


def _averaged(estimator, members):
    n_classes = len(estimator.classes_)
    if any(member.tree_.value.shape[1:] != (1, n_classes) for member in members):
        raise NotReadError("not all its trees have seen all classes")
    columns = getattr(
        estimator, "estimators_features_", [np.arange(estimator.n_features_in_)] * len(members)
    )
    trees = [
        _tree(member.tree_, member.tree_.value[:, 0], features)
        for member, features in zip(members, columns)
    ]
    joined = AdditiveTrees.joined(
        trees, np.zeros(n_classes), estimator.n_features_in_, scale=1 / len(members)
    )
    return reading_of(
        estimator, joined, estimator.predict_proba, takes_missing=_takes_missing(estimator)
    )


def _boosted(estimator, members):
    n_outputs = members.shape[1]
    start = getattr(estimator, "init_", "zero")
    if not (isinstance(start, str) or hasattr(start, "class_prior_")):
        raise NotReadError(
            f"it starts from the predictions of {type(start).__name__}, not from a constant"
        )
    outputs, rate, features = (
        np.eye(n_outputs),
        estimator.learning_rate,
        np.arange(estimator.n_features_in_),
    )
    trees = [
        _tree(member.tree_, rate * member.tree_.value[:, 0] * outputs[k % n_outputs], features)
        for k, member in enumerate(members.flat)
    ]
    row = np.zeros((1, estimator.n_features_in_))
    constant = np.reshape(estimator.decision_function(as_fitted(estimator, row)), n_outputs)
    for tree in trees:
        constant = (
            constant - AdditiveTrees.joined([tree], np.zeros(n_outputs), len(features)).sums(row)[0]
        )
    # a score of zero is the second class
    joined = AdditiveTrees.joined(trees, constant, len(features), boundary=np.nextafter(0, -1))
    return reading_of(
        estimator, joined, estimator.decision_function, takes_missing=_takes_missing(estimator)
    )


def _tree(tree, values, features):
    """One ``tree_`` whose columns are some of the estimator's."""
    is_leaf = tree.children_left < 0
    position = np.arange(tree.node_count)
    return Tree(
        feature=np.where(is_leaf, -1, features[np.where(is_leaf, 0, tree.feature)]),
        cut=largest_up_to_single(tree.threshold),
        left=np.where(is_leaf, position, tree.children_left),
        right=np.where(is_leaf, position, tree.children_right),
        missing_left=np.asarray(tree.missing_go_to_left, dtype=bool),
        values=np.where(is_leaf[:, None], values, 0),
    )


def _takes_missing(estimator):
    return bool(get_tags(estimator).input_tags.allow_nan)
