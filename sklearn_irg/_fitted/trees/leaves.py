"""Trees of scikit-learn: the leaves of one as boxes, and several whose values add up."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Leaves", "beside", "leaves_of"]


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


def beside(thresholds):
    """The numbers of single precision next to thresholds: the largest that is no larger, and the one above it."""
    rounded = thresholds.astype(np.float32)
    below = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return below, np.nextafter(below, np.float32(np.inf))
