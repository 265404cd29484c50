"""Trees of scikit-learn: the leaves of one as boxes, and several whose values add up."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import is_classifier

from sklearn_irg._fitted.affine import as_fitted

__all__ = ["Leaves", "TreeEnsemble", "beside", "ensemble_of", "leaves_of", "missing_go_left", "splits_of"]


@dataclass(frozen=True)
class Leaves:
    """Boxes of a tree: a row x is in a leaf where ``low < x <= high`` in every column, up to which ends are closed.

    A tree compares float32(x) with its thresholds. So an end lies between two neighbouring numbers of single precision, and
    belongs to the side to which it is rounded.

    Attributes
    ----------
    low, high : ndarray of shape (n_leaves, n_features)
        Ends, infinite where there is none.
    low_closed, high_closed : ndarray of bool of shape (n_leaves, n_features)
        Whether an end itself is inside.
    low_inside, high_inside : ndarray of shape (n_leaves, n_features)
        The numbers of single precision next to the ends that are inside.
    takes_missing : ndarray of bool of shape (n_leaves, n_features)
        Whether a row with a missing value there reaches the leaf.
    label : ndarray of int of shape (n_leaves,)
        Position of the class that is predicted.
    """

    low: np.ndarray
    high: np.ndarray
    low_closed: np.ndarray
    high_closed: np.ndarray
    low_inside: np.ndarray
    high_inside: np.ndarray
    takes_missing: np.ndarray
    label: np.ndarray


def leaves_of(tree):
    """The leaves of scikit-learn's ``tree_``."""
    n_features = tree.n_features
    below, above, end, left_has_end = splits_of(tree)
    to_left = missing_go_left(tree)
    boxes, labels = [], []
    root = (
        np.full(n_features, -np.inf),
        np.full(n_features, np.inf),
        np.zeros(n_features, dtype=bool),
        np.zeros(n_features, dtype=bool),
        np.full(n_features, -np.inf),
        np.full(n_features, np.inf),
        np.ones(n_features, dtype=bool),
    )
    open_nodes = [(0, root)]
    while open_nodes:
        node, box = open_nodes.pop()
        if tree.children_left[node] < 0:
            boxes.append(box)
            labels.append(tree.value[node, 0].argmax())
            continue
        j = tree.feature[node]
        left, right = (tuple(part.copy() for part in box) for _ in range(2))
        if end[node] <= left[1][j]:
            left[1][j], left[3][j], left[5][j] = end[node], left_has_end[node], below[node]
        if end[node] >= right[0][j]:
            right[0][j], right[2][j], right[4][j] = end[node], not left_has_end[node], above[node]
        left[6][j] &= to_left[node]
        right[6][j] &= not to_left[node]
        open_nodes += [(tree.children_left[node], left), (tree.children_right[node], right)]
    low, high, low_closed, high_closed, low_inside, high_inside, missing = (np.array(part) for part in zip(*boxes))
    return Leaves(low, high, low_closed, high_closed, low_inside, high_inside, missing, np.array(labels))


def splits_of(tree):
    """By node: the numbers of single precision next to the threshold, the end between them, and whether it goes left."""
    below, above = beside(tree.threshold)
    end = (below.astype(np.float64) + above.astype(np.float64)) / 2
    return below, above, end, end.astype(np.float32) == below  # ties go to the even number


def missing_go_left(tree):
    """By node: whether a row with a missing value goes left."""
    return np.asarray(getattr(tree, "missing_go_to_left", np.zeros(tree.node_count)), dtype=bool)


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees whose values add up to scores: one for two classes, positive for the second, and one per class otherwise.

    Attributes
    ----------
    trees : list of scikit-learn's ``tree_``
        In any order.
    values : list of ndarray of shape (n_nodes, n_outputs)
        What each leaf adds.
    totals : callable
        The scores of rows by the estimator itself, which has to be the sum, up to a constant.
    """

    trees: list
    values: list
    totals: Callable

    def thresholds(self, column):
        """All of a column that numbers can cross, sorted; an infinite one separates missing cells from numbers."""
        here = [tree.threshold[(tree.feature == column) & (tree.children_left >= 0)] for tree in self.trees]
        ends = np.unique(np.concatenate(here))
        return ends[np.isfinite(ends)]

    def sums(self, X):
        """What the trees add for rows."""
        X = np.asarray(X, dtype=np.float32)
        return sum(values[tree.apply(X)] for tree, values in zip(self.trees, self.values, strict=True))

    def constant(self, X):
        """What is added to the sum in all rows, or None where it is not the same in all, and near any thresholds."""
        rng = np.random.RandomState(0)
        ends = [[0.0, *self.thresholds(column)] for column in range(X.shape[1])]
        near = np.column_stack([rng.choice(values, 200) for values in ends])
        rows = np.concatenate([X, near * (1 + 1e-3 * rng.standard_normal(near.shape))]).astype(np.float32)
        constants = self.totals(rows) - self.sums(rows)
        return constants[0] if np.allclose(constants, constants[0], rtol=0, atol=1e-9 * len(self.trees)) else None


def ensemble_of(estimator):
    """The trees of a forest, which average their shares of classes, or of gradient boosting, which adds them; else None."""
    members = np.asarray(getattr(estimator, "estimators_", []), dtype=object)
    if not is_classifier(estimator) or not members.size or not all(hasattr(member, "tree_") for member in members.flat):
        return None
    trees = [member.tree_ for member in members.flat]
    n_classes = len(estimator.classes_)
    if members.ndim == 2:  # stages by scores
        outputs = np.eye(members.shape[1])
        rate = estimator.learning_rate
        values = [rate * tree.value[:, 0] * outputs[k % len(outputs)] for k, tree in enumerate(trees)]
        return TreeEnsemble(
            trees, values, lambda X: estimator.decision_function(as_fitted(estimator, X)).reshape(len(X), -1)
        )
    if any(tree.value.shape[1:] != (1, n_classes) for tree in trees):
        return None

    def totals(X):
        return _one_score(len(trees) * estimator.predict_proba(as_fitted(estimator, X)))

    return TreeEnsemble(trees, [_one_score(tree.value[:, 0]) for tree in trees], totals)


def _one_score(shares):
    """For two classes the difference, otherwise as they are."""
    return shares[:, 1:] - shares[:, :1] if shares.shape[1] == 2 else shares


def beside(thresholds):
    """The numbers of single precision next to thresholds: the largest that is no larger, and the one above it."""
    rounded = thresholds.astype(np.float32)
    below = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return below, np.nextafter(below, np.float32(np.inf))
