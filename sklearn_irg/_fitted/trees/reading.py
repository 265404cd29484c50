"""Results of readers: trees, and the estimator's own answers on rows as the trees take them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sklearn_irg._fitted.affine import as_fitted
from sklearn_irg._fitted.trees.additive import AdditiveTrees, one_score

__all__ = ["NotReadError", "Reading", "comes_from", "flattened", "reading_of"]


class NotReadError(Exception):
    """A model has something that a reader does not read; the message says what."""


def _itself(cell):
    return cell


@dataclass(frozen=True)
class Reading:
    """Trees of an estimator, or why there are none.

    Rows are doubles, with NaN for a missing value and codes for categories.

    Attributes
    ----------
    trees : AdditiveTrees or None
        The trees.
    refusal : str
        Where there are none: a sentence that says why.
    margins : callable
        From rows to the estimator's own scores, one for two classes, shape (n_samples, n_outputs).
    stated : callable
        The same from rows as the estimator takes them.
    labels : callable
        From rows to positions in ``classes_``.
    takes_missing : bool
        Whether the estimator predicts for rows with missing values.
    takes_unknown : bool
        Whether it predicts for rows with codes of no category.
    categories : dict of int to ndarray
        By column of categories: what the codes 0, 1, ... stand for.
    key : callable
        From a cell of such a column to what it is looked up as.
    """

    trees: AdditiveTrees | None = None
    refusal: str = ""
    margins: Callable | None = None
    stated: Callable | None = None
    labels: Callable | None = None
    takes_missing: bool = True
    takes_unknown: bool = True
    categories: dict = field(default_factory=dict)
    key: Callable = _itself


def reading_of(estimator, trees, scores, as_given=None, **more):
    """A reading by the scores of an estimator for rows as it is given them.

    By default it is given their columns by name.
    """
    if as_given is None:

        def as_given(rows):
            return as_fitted(estimator, rows)

    def stated(X):
        return one_score(np.asarray(scores(X), dtype=np.float64).reshape(len(X), -1))

    def margins(rows):
        return stated(as_given(rows))

    def labels(rows):
        predicted = np.asarray(estimator.predict(as_given(rows))).reshape(len(rows))
        is_class = predicted[:, None] == np.asarray(estimator.classes_)
        return np.where(is_class.any(axis=1), is_class.argmax(axis=1), -1)

    return Reading(trees, margins=margins, stated=stated, labels=labels, **more)


def comes_from(estimator, library):
    """Whether the class of an estimator, or a base of it, is of a library.

    The library need not be imported.
    """
    return any(kind.__module__.split(".")[0] == library for kind in type(estimator).__mro__)


def flattened(root, children):
    """Nested nodes as a list, the root first, and the positions of each one's children.

    A leaf is its own child.

    Parameters
    ----------
    root : object
        Outermost node.
    children : callable
        From a node to its left and right one, or None for a leaf.
    """
    nodes, left, right = [], [], []
    open_nodes = [(root, None, None)]
    while open_nodes:
        node, side, parent = open_nodes.pop()
        position = len(nodes)
        if side is not None:
            side[parent] = position
        nodes.append(node)
        left.append(position)
        right.append(position)
        pair = children(node)
        if pair is not None:
            open_nodes += [(pair[1], right, position), (pair[0], left, position)]
    return nodes, np.array(left), np.array(right)
