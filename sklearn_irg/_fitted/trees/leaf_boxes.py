"""The leaves of additive trees as boxes of cells between the thresholds of each column."""

from dataclasses import dataclass

import numpy as np

__all__ = ["LeafBoxes", "leaf_boxes"]


@dataclass(frozen=True)
class LeafBoxes:
    """Leaves by tree, in the columns that the trees see.

    Attributes
    ----------
    node : ndarray of int of shape (n_leaves,)
        Position of each leaf among the nodes.
    tree : ndarray of int of shape (n_leaves,)
        Its tree, in rising order.
    low, high : ndarray of int of shape (n_leaves, n_features)
        First and last cell; cell k of a column is right of k of its thresholds. The first is behind
        the last where no number reaches the leaf.
    takes_missing : ndarray of bool of shape (n_leaves, n_features)
        Whether a missing value reaches it.
    takes_code : dict of int to ndarray of bool of shape (n_leaves, n_codes + 1)
        By column of categories: which codes reach it; the last entry is for unknown ones.
    thresholds : list of ndarray
        By column.
    """

    node: np.ndarray
    tree: np.ndarray
    low: np.ndarray
    high: np.ndarray
    takes_missing: np.ndarray
    takes_code: dict
    thresholds: list

    @property
    def n_cells(self):
        """Number of cells of each column."""
        return np.array([len(cuts) + 1 for cuts in self.thresholds])


def leaf_boxes(trees):
    """Boxes of the leaves of `AdditiveTrees`."""
    thresholds = [trees.thresholds(column) for column in range(trees.n_features)]
    n_cuts = np.array([len(cuts) for cuts in thresholds])
    cell_type = (
        np.int16 if n_cuts.max(initial=0) < np.iinfo(np.int16).max else np.int64
    )  # large ensembles fill memory
    categorical = np.flatnonzero(trees.is_categorical)
    n_codes = trees.category_sets.shape[1]
    n_trees, n_features = trees.n_trees, trees.n_features
    state = {
        "node": np.asarray(trees.roots),
        "tree": np.arange(n_trees),
        "low": np.zeros((n_trees, n_features), dtype=cell_type),
        "high": np.tile(n_cuts.astype(cell_type), (n_trees, 1)),
        "takes_missing": np.ones((n_trees, n_features), dtype=bool),
        "takes_code": np.ones((n_trees, len(categorical), n_codes + 1), dtype=bool),
    }
    cell = _cells_of_cuts(trees, thresholds)
    done = []
    while len(state["node"]):
        inner = trees.feature[state["node"]] >= 0
        done.append({name: part[~inner] for name, part in state.items()})
        state = {name: part[inner] for name, part in state.items()}
        halves = [_half(trees, state, cell, categorical, is_left) for is_left in (True, False)]
        state = {name: np.concatenate([half[name] for half in halves]) for name in state}
    leaves = {name: np.concatenate([part[name] for part in done]) for name in state}
    order = np.argsort(leaves["tree"], kind="stable")
    leaves = {
        name: np.asfortranarray(part[order]) for name, part in leaves.items()
    }  # columns are looked at one by one
    codes = leaves.pop("takes_code")
    without_numbers = leaves["low"] > leaves["high"]
    leaves["low"][without_numbers], leaves["high"][without_numbers] = 1, 0
    takes_code = {int(column): codes[:, k] for k, column in enumerate(categorical)}
    return LeafBoxes(**leaves, takes_code=takes_code, thresholds=thresholds)


def _cells_of_cuts(trees, thresholds):
    """By node: the last cell that goes left."""
    cells = np.zeros(len(trees.feature), dtype=int)
    for column, cuts in enumerate(thresholds):
        nodes = np.flatnonzero((trees.feature == column) & (trees.category_of < 0))
        cut = trees.cut[nodes]
        cells[nodes] = np.where(
            cut == np.inf, len(cuts), np.where(cut == -np.inf, -1, np.searchsorted(cuts, cut))
        )
    return cells


def _half(trees, state, cell, categorical, is_left):
    """Left or right halves of the boxes at the inner nodes of a level."""
    half = {name: part.copy() for name, part in state.items()}
    node, rows = state["node"], np.arange(len(state["node"]))
    column, is_set = trees.feature[node], trees.category_of[node] >= 0
    half["node"] = (trees.left if is_left else trees.right)[node]
    numbers = np.flatnonzero(~is_set)
    place = numbers, column[numbers]
    if is_left:
        half["high"][place] = np.minimum(half["high"][place], cell[node[numbers]])
    else:
        half["low"][place] = np.maximum(half["low"][place], cell[node[numbers]] + 1)
    half["takes_missing"][rows, column] &= trees.missing_left[node] == is_left
    sets = np.flatnonzero(is_set)
    if len(sets):
        goes_left = np.column_stack(
            [trees.category_sets[trees.category_of[node[sets]]], trees.unknown_left[node[sets]]]
        )
        half["takes_code"][sets, np.searchsorted(categorical, column[sets])] &= goes_left == is_left
    return half
