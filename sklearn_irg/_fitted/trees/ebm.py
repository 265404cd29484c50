"""Explainable boosting machines of InterpretML: each step function of columns becomes a tree."""

from dataclasses import dataclass

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.categories import frame_of
from sklearn_irg._fitted.trees.codes import as_text
from sklearn_irg._fitted.trees.reading import flattened, reading_of

__all__ = ["applies", "read"]

_MISSING, _UNKNOWN = (
    0,
    -1,
)  # entries of the table of a term; those of numbers, or of categories, are in between


def applies(estimator):
    """Whether it carries tables of scores by bins."""
    return all(hasattr(estimator, name) for name in ("bins_", "term_features_", "term_scores_"))


def read(estimator):
    """A tree for each term, in the order in which the library adds them to the intercept."""
    constant = np.reshape(estimator.intercept_, -1)
    categories = _categories(estimator)
    n_codes = max(map(len, categories.values()), default=0)
    trees = []
    for columns, scores in zip(estimator.term_features_, estimator.term_scores_, strict=True):
        table = np.reshape(scores, (*np.shape(scores)[: len(columns)], len(constant)))
        axes = [
            _axis(column, _bins(estimator, column, len(columns)), categories, n_codes)
            for column in columns
        ]
        trees.append(_tree(table, axes))
    trees = trees or [_tree(np.zeros_like(constant), [])]
    joined = AdditiveTrees.joined(trees, constant, estimator.n_features_in_)
    as_given = frame_of(estimator, categories) if categories else None
    return reading_of(
        estimator, joined, estimator.decision_function, as_given, categories=categories, key=as_text
    )


def _bins(estimator, column, n_columns):
    """The bins of a column in terms of ``n_columns`` columns; pairs may have coarser ones."""
    levels = estimator.bins_[column]
    return levels[min(n_columns, len(levels)) - 1]


def _categories(estimator):
    """Texts that codes stand for, by column: numbers, too, are looked up as texts."""
    return {
        column: np.array(sorted(set().union(*levels)), dtype=object)
        for column, levels in enumerate(estimator.bins_)
        if levels and isinstance(levels[0], dict)
    }


def _axis(column, bins, categories, n_codes):
    if column not in categories:
        return _Numbers(column, np.asarray(bins, dtype=np.float64))
    return _Categories(
        column,
        np.array([bins.get(word, _UNKNOWN) for word in categories[column]], dtype=int),
        n_codes,
    )


@dataclass(frozen=True)
class _Split:
    """A node with two children; a leaf is an array of scores."""

    left: object
    right: object
    column: int
    cut: float
    missing_left: bool
    left_codes: tuple | None = None
    unknown_left: bool = False


@dataclass(frozen=True)
class _Numbers:
    """An axis of a table that belongs to a column of numbers, where a cut itself is above."""

    column: int
    cuts: np.ndarray

    def grown(self, table, axes):
        """Nodes that lead to the entries of a table whose first axis is this one.

        The other axes are ``axes``.
        """
        missing, numbers = table[_MISSING], table[1:_UNKNOWN]
        differs = (numbers[1:] != numbers[:-1]).any(axis=tuple(range(1, numbers.ndim)))
        cuts = np.nextafter(self.cuts[differs], -np.inf)
        steps = numbers[np.append(True, differs)]
        missing_left = np.array_equal(missing, steps[0])

        def halved(start, end):
            if end - start == 1:
                return _grown(steps[start], axes)
            middle = (start + end) // 2
            return _Split(
                halved(start, middle),
                halved(middle, end),
                self.column,
                cuts[middle - 1],
                missing_left,
            )

        root = halved(0, len(steps))
        if missing_left or np.array_equal(missing, steps[-1]):
            return root
        return _Split(root, _grown(missing, axes), self.column, np.inf, missing_left=False)


@dataclass(frozen=True)
class _Categories:
    """An axis that belongs to a column of categories.

    It has the entry of each code, and the largest number of codes of any column.
    """

    column: int
    entries: np.ndarray
    n_codes: int

    def grown(self, table, axes):
        """Nodes as in `_Numbers`.

        Codes with the same scores stay together, and unknown and missing values with them.
        """
        entries = np.concatenate(
            [self.entries, [_UNKNOWN] * (self.n_codes + 1 - len(self.entries)), [_MISSING]]
        )
        slices, group = np.unique(table.reshape(len(table), -1), axis=0, return_inverse=True)
        slices, group = slices.reshape(-1, *table.shape[1:]), np.reshape(group, -1)[entries]

        def halved(groups):
            if len(groups) == 1:
                return _grown(slices[groups[0]], axes)
            left, right = np.array_split(groups, 2)
            *goes_left, unknown_left, missing_left = np.isin(group, left)
            codes = tuple(
                np.flatnonzero([*goes_left, unknown_left])
            )  # the last code is of no category in any column
            return _Split(
                halved(left),
                halved(right),
                self.column,
                0.0,
                bool(missing_left),
                codes,
                bool(unknown_left),
            )

        return halved(np.unique(group))


def _grown(table, axes):
    return axes[0].grown(table, axes[1:]) if axes else table


def _tree(table, axes):
    nodes, left, right = flattened(_grown(table, axes), _children)
    leaf = _Split(None, None, column=-1, cut=0.0, missing_left=False)
    splits = [node if isinstance(node, _Split) else leaf for node in nodes]
    nothing = np.zeros(table.shape[-1])
    return Tree(
        feature=np.array([split.column for split in splits]),
        cut=np.array([split.cut for split in splits]),
        left=left,
        right=right,
        missing_left=np.array([split.missing_left for split in splits]),
        values=np.array([nothing if isinstance(node, _Split) else node for node in nodes]),
        left_codes={
            k: split.left_codes for k, split in enumerate(splits) if split.left_codes is not None
        },
        unknown_left=np.array([split.unknown_left for split in splits]),
    )


def _children(node):
    return (node.left, node.right) if isinstance(node, _Split) else None
