"""Trees of scikit-learn: the leaves of one as boxes, and several whose values add up."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Leaves", "adjacent_floats", "leaves_of"]


@dataclass(frozen=True)
class Leaves:
    """Boxes of a tree: a row x is in a leaf where ``low < x <= high`` in every column.

    Ends are inside or outside as ``low_closed`` and ``high_closed`` say.

    A tree compares float32(x) with its thresholds. So an end lies between two neighboring numbers
    of single precision, and belongs to the side to which it is rounded.

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
    splits, leaves = _Splits(tree), []
    open_nodes = [(0, _everywhere(tree.n_features))]
    while open_nodes:
        node, box = open_nodes.pop()
        if tree.children_left[node] < 0:
            leaves.append(box | {"label": tree.value[node, 0].argmax()})
        else:
            open_nodes.append((tree.children_left[node], splits.left(node, box)))
            open_nodes.append((tree.children_right[node], splits.right(node, box)))
    return Leaves(**{name: np.array([leaf[name] for leaf in leaves]) for name in leaves[0]})


def _everywhere(n_features):
    """The box of the root, by names of `Leaves`."""
    ends = {"low": -np.inf, "high": np.inf, "low_inside": -np.inf, "high_inside": np.inf}
    flags = {"low_closed": False, "high_closed": False, "takes_missing": True}
    return {name: np.full(n_features, value) for name, value in (ends | flags).items()}


class _Splits:
    """Halves of boxes."""

    def __init__(self, tree):
        self.feature, self.missing_left = tree.feature, missing_go_left(tree)
        self.below, self.above, self.end, self.left_has_end = splits_of(tree)

    def left(self, node, box):
        """The part of a box that goes left."""
        box, j = {name: part.copy() for name, part in box.items()}, self.feature[node]
        if self.end[node] <= box["high"][j]:
            box["high"][j], box["high_inside"][j] = self.end[node], self.below[node]
            box["high_closed"][j] = self.left_has_end[node]
        box["takes_missing"][j] &= self.missing_left[node]
        return box

    def right(self, node, box):
        """The part of a box that goes right."""
        box, j = {name: part.copy() for name, part in box.items()}, self.feature[node]
        if self.end[node] >= box["low"][j]:
            box["low"][j], box["low_inside"][j] = self.end[node], self.above[node]
            box["low_closed"][j] = not self.left_has_end[node]
        box["takes_missing"][j] &= not self.missing_left[node]
        return box


def splits_of(tree):
    """By node: the numbers of single precision next to the threshold, and the end between them.

    The last array says whether the end itself goes left.
    """
    below, above = adjacent_floats(tree.threshold)
    end = (below.astype(np.float64) + above.astype(np.float64)) / 2
    return below, above, end, end.astype(np.float32) == below  # ties go to the even number


def missing_go_left(tree):
    """By node: whether a row with a missing value goes left."""
    return np.asarray(getattr(tree, "missing_go_to_left", np.zeros(tree.node_count)), dtype=bool)


def adjacent_floats(thresholds):
    """The numbers of single precision next to thresholds.

    They are the largest that is not above the threshold, and the next one.
    """
    rounded = thresholds.astype(np.float32)
    below = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return below, np.nextafter(below, np.float32(np.inf))
