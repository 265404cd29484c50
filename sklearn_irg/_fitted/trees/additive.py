"""Trees of any library in one form: flat arrays with splits of doubles and additive leaves."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

__all__ = ["AdditiveTrees", "Tree", "one_score"]

# rows times trees at a time, so that they stay in the cache: 10,000 to 100,000 took up to a
# quarter longer, 1000 nearly four times as long, and all at once twice
_ENTRIES = 30_000


@dataclass(frozen=True)
class Tree:
    """One tree, its root first, as readers make it.

    Attributes
    ----------
    feature, cut, left, right, missing_left, values : ndarray
        As in `AdditiveTrees`, with positions within the tree.
    left_codes : dict of int to sequence of int
        By node that splits categories: the codes that go left.
    unknown_left : ndarray of bool of shape (n_nodes,), default=None
        As in `AdditiveTrees`; None for nowhere.
    """

    feature: np.ndarray
    cut: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray
    left_codes: dict = field(default_factory=dict)
    unknown_left: np.ndarray | None = None


@dataclass(frozen=True)
class AdditiveTrees:
    r"""Scores that are a constant plus the value of one leaf of each tree.

    .. math:: F(x) = c + \sum_t v_t(\mathrm{leaf}_t(x))

    One score for two classes, positive for the second, and one per class otherwise. A double x goes
    left where ``x <= cut``, whatever precision and comparison the library has: the reader moves the
    cut. The nodes of a tree follow each other, its root first.

    Attributes
    ----------
    feature : ndarray of int of shape (n_nodes,)
        Column that a node asks for, -1 at leaves.
    cut : ndarray of shape (n_nodes,)
        Largest double that goes left; infinite where a missing value is split from all numbers.
    left, right : ndarray of int of shape (n_nodes,)
        Positions of the children; a leaf's own.
    missing_left : ndarray of bool of shape (n_nodes,)
        Whether a row with a missing value goes left.
    roots : ndarray of int of shape (n_trees,)
        Positions of the roots, in the order in which the library adds.
    values : ndarray of shape (n_nodes, n_outputs)
        What a leaf adds; zero at inner nodes.
    constant : ndarray of shape (n_outputs,)
        What is added for every row.
    n_features : int
        Number of columns.
    category_of : ndarray of int of shape (n_nodes,)
        Row of `category_sets` by which a node decides, in place of its cut; -1 for none.
    category_sets : ndarray of bool of shape (n_sets, n_codes)
        Which codes go left. Numbers are truncated to integers to become codes.
    unknown_left : ndarray of bool of shape (n_nodes,)
        Whether codes that are in no set of training categories go left.
    lowest_code : float
        Smallest number that is a code; what is below is unknown.
    dtype : type
        Precision in which the library adds.
    scale : float
        By which the estimator's own scores are multiples of the sums, such as one over the number
        of trees for averages.
    boundary : float
        The second of two classes is predicted where the sum is larger.
    tie : float
        Scores nearer than this to one another, or to the boundary, may be given either label, by
        the rounding of probabilities.
    """

    feature: np.ndarray
    cut: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    roots: np.ndarray
    values: np.ndarray
    constant: np.ndarray
    n_features: int
    category_of: np.ndarray
    category_sets: np.ndarray
    unknown_left: np.ndarray
    lowest_code: float = 0.0
    dtype: type = np.float64
    scale: float = 1.0
    boundary: float = 0.0
    tie: float = 0.0

    @classmethod
    def joined(cls, trees, constant, n_features, **more):
        """Trees joined in the order in which their library adds them.

        Two scores for two classes become their difference.
        """
        starts = np.cumsum([0, *(len(tree.feature) for tree in trees)])

        def concatenated(name):
            return np.concatenate([getattr(tree, name) for tree in trees])

        return cls(
            feature=concatenated("feature").astype(np.int64),
            cut=concatenated("cut").astype(np.float64),
            left=np.concatenate([tree.left + start for tree, start in zip(trees, starts)]).astype(
                np.int64
            ),
            right=np.concatenate([tree.right + start for tree, start in zip(trees, starts)]).astype(
                np.int64
            ),
            missing_left=concatenated("missing_left").astype(bool),
            roots=starts[:-1],
            values=one_score(concatenated("values").astype(np.float64)),
            constant=one_score(np.atleast_2d(np.asarray(constant, dtype=np.float64)))[0],
            n_features=n_features,
            **_joined_categories(trees, starts),
            **more,
        )

    @property
    def n_trees(self):
        return len(self.roots)

    @property
    def n_outputs(self):
        return self.values.shape[1]

    @property
    def is_categorical(self):
        """By column: whether any node splits its categories, shape (n_features,)."""
        return np.isin(np.arange(self.n_features), self.feature[self.category_of >= 0])

    @property
    def largest_sum(self):
        """No score is larger in absolute value."""
        by_tree = np.maximum.reduceat(np.abs(self.values).max(axis=1), self.roots)
        return float(np.abs(self.constant).max() + by_tree.sum())

    @property
    def rounding(self):
        """By how much the library's sums may differ from those in exact arithmetic."""
        return (self.n_trees + 2) * self.largest_sum * float(np.finfo(self.dtype).eps)

    def thresholds(self, column):
        """Finite cuts of a column, sorted."""
        cuts = np.unique(self.cut[(self.feature == column) & (self.category_of < 0)])
        return cuts[np.isfinite(cuts)]

    def codes_of(self, values):
        """Codes of the values of a column of categories.

        The code is -1 for missing values, and the number of codes for unknown ones.
        """
        n_codes = self.category_sets.shape[1]
        with np.errstate(invalid="ignore"):
            known = (values >= self.lowest_code) & (values < n_codes)
        codes = np.trunc(np.where(known, values, n_codes)).astype(np.int64)
        codes[np.isnan(values)] = -1
        return codes

    def leaves(self, X):
        """Positions of the leaves that rows reach, shape (n_samples, n_trees)."""
        return np.concatenate([leaves.T for leaves in self._leaves_in_blocks(X)])

    def sums(self, X):
        """Scores of rows, added as the library adds, shape (n_samples, n_outputs)."""
        values = self.values.astype(self.dtype)
        totals = []
        for leaves in self._leaves_in_blocks(X):
            total = np.tile(self.constant.astype(self.dtype), (leaves.shape[1], 1))
            for reached in leaves:
                total += values.take(reached, axis=0)
            totals.append(total)
        return np.concatenate(totals).astype(np.float64)

    def _leaves_in_blocks(self, X):
        """By block of rows: leaves, shape (n_trees, n_rows)."""
        X = np.asarray(X, dtype=np.float64)
        size = max(1, _ENTRIES // self.n_trees)
        for start in range(0, max(len(X), 1), size):
            yield self._leaves(X[start : start + size])

    def _leaves(self, X):
        cells = X.reshape(-1)
        starts = np.arange(len(X)) * X.shape[1]
        at = np.repeat(self.roots[:, None], len(X), axis=1)
        has_missing = bool(np.isnan(cells).any())
        column, children = self._steps
        for _ in range(self._depth):
            values = cells.take(starts + column.take(at))
            goes_left = values <= self.cut.take(at)
            if len(self.category_sets):
                goes_left = np.where(
                    self.category_of[at] >= 0, self._set_goes_left(at, values), goes_left
                )
            if has_missing:
                goes_left = np.where(np.isnan(values), self.missing_left[at], goes_left)
            at = children.take(2 * at + goes_left)
        return at

    @cached_property
    def _steps(self):
        """By node: a column to look at, any at leaves; and the right child before the left one."""
        return np.maximum(self.feature, 0), np.stack([self.right, self.left], axis=1).reshape(-1)

    @cached_property
    def _depth(self):
        """Depth of the deepest tree."""
        depth, level = 0, self.roots
        while (self.feature[level] >= 0).any():
            level = level[self.feature[level] >= 0]
            level = np.concatenate([self.left[level], self.right[level]])
            depth += 1
        return depth

    def _set_goes_left(self, at, values):
        n_codes = self.category_sets.shape[1]
        known = (values >= self.lowest_code) & (values < n_codes)
        codes = np.trunc(np.where(known, values, 0)).astype(np.int64)
        return np.where(
            known, self.category_sets[self.category_of[at], codes], self.unknown_left[at]
        )

    def predicted(self, sums):
        """Positions of the classes that scores stand for."""
        return (
            (sums[:, 0] > self.boundary).astype(int) if self.n_outputs == 1 else sums.argmax(axis=1)
        )

    def is_tie(self, sums):
        """Whether rounding may decide between labels, so that only ``predict`` knows."""
        doubt = max(self.rounding, self.tie)
        if self.n_outputs == 1:
            return np.abs(sums[:, 0] - self.boundary) <= doubt
        ordered = np.sort(sums, axis=1)
        return ordered[:, -1] - ordered[:, -2] <= 2 * doubt


def one_score(scores):
    """For two classes the difference, otherwise as they are."""
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores


def _joined_categories(trees, starts):
    """One table of sets for all trees, and which of them each node uses."""
    sets = [
        (start + node, codes)
        for tree, start in zip(trees, starts)
        for node, codes in tree.left_codes.items()
    ]
    n_codes = 1 + max((max(codes, default=0) for _, codes in sets), default=-1)
    category_of = np.full(starts[-1], -1)
    category_sets = np.zeros((len(sets), n_codes), dtype=bool)
    for k, (node, codes) in enumerate(sets):
        category_of[node] = k
        category_sets[k, list(codes)] = True
    nowhere = [
        np.zeros(len(tree.feature), dtype=bool) if tree.unknown_left is None else tree.unknown_left
        for tree in trees
    ]
    return {
        "category_of": category_of,
        "category_sets": category_sets,
        "unknown_left": np.concatenate(nowhere),
    }
