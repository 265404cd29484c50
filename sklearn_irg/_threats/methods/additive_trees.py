"""Attacks, certificates and distances for additive trees, exact within a budget of nodes."""

import numpy as np

from sklearn_irg._fitted.affine import is_reordered
from sklearn_irg._fitted.trees import leaf_boxes
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.sources import is_axis_aligned
from sklearn_irg._threats.trees.coded_levels import difference_at_levels
from sklearn_irg._threats.trees.column_pieces import NotInPiecesError
from sklearn_irg._threats.trees.level_columns import level_columns
from sklearn_irg._threats.trees.piece_ends import column_pieces
from sklearn_irg._threats.trees.search import TreeSearch

__all__ = ["AdditiveTreesSearch", "prepared_search"]

_MOST_BYTES = 2**30  # of the boxes of leaves, a gigabyte; larger ensembles go to other methods


class AdditiveTreesSearch(Method):
    """Branch and bound over boxes of cells between thresholds."""

    name = "additive_trees"
    answers = frozenset({"attack", "certify", "lower", "upper", "score"})
    is_exact = True

    @classmethod
    def obstacle(cls, problem):
        return problem.remembered(cls, prepared_search)[1]

    def __init__(self, problem, budget):
        super().__init__(problem, budget)
        self.search = problem.remembered(type(self), prepared_search)[0]
        self.needs_affine_steps = not self.search.pieces.is_complete

    def attack(self, best, radius, rows, quick=False):
        return self.search.step(best, radius, self.budget.max_nodes)[0]

    def lowest_margins(self, radius):
        return self.search.lowest_margins(self.problem, radius, self.budget.max_nodes)

    def distances(self):
        return self.search.distances(self.problem, self.budget.max_nodes)


def prepared_search(problem):
    """Search for the trees of a problem and None, or None and the reason."""
    name = problem.model.name
    if problem.model.trees is None:
        return None, f"{name} is not made of trees"
    if not is_axis_aligned(problem):
        return None, "the steps before the trees mix columns"
    trees = problem.model.trees.believed(problem.model.to_inner(problem.rows))
    if trees is None:
        return None, problem.model.trees.refusal
    if not _names_agree(problem):
        return None, f"{name} goes by names of columns, which are in another order here"
    refusal = difference_at_levels(problem)
    if refusal:
        return None, refusal
    try:
        return _search(problem, trees, column_pieces(problem, trees))
    except NotInPiecesError as error:
        return None, str(error)


def _search(problem, trees, pieces):
    name, n_features = problem.model.name, trees.n_features
    source = pieces.sources(problem)[1]
    if (trees.is_categorical & ((source[:n_features] >= 0) | pieces.is_replaced)).any():
        return (
            None,
            f"a number may move that {name} takes for a category; name the column in categorical "
            "or fixed",
        )
    used = np.isin(np.arange(len(source)), [*trees.feature, *range(n_features, len(source))])
    moving = np.flatnonzero(used & (source >= 0))
    if len(np.unique(source[moving])) < len(moving):
        return None, "a column of the table moves several columns of the trees"
    if _n_bytes(trees, sum(map(len, problem.perturbations.swaps))) > _MOST_BYTES:
        return None, f"the leaves of {name} would need more than {_MOST_BYTES >> 20} MB"
    boxes = pieces.boxes(leaf_boxes(trees))
    levels, refusal = level_columns(problem, trees, boxes, moving)
    return (None, refusal) if refusal else (TreeSearch(trees, moving, boxes, levels, pieces), None)


def _n_bytes(trees, n_levels):
    """Bytes for cells of all leaves, and for the categories and levels that reach them."""
    n_bytes = (
        n_levels
        + 5 * trees.n_features
        + int(trees.is_categorical.sum()) * (trees.category_sets.shape[1] + 1)
    )
    return int(np.sum(trees.feature < 0)) * n_bytes


def _names_agree(problem):
    """Whether columns are in the order of the trees, for libraries that go by names.

    CatBoost and InterpretML do.
    """
    estimator, given = problem.model.trees.estimator, problem.table.names
    fitted = getattr(estimator, "feature_names_", None)
    if problem.steps is not None or given is None:
        return True
    return (fitted is None or list(fitted) == list(given)) and not is_reordered(estimator, given)
