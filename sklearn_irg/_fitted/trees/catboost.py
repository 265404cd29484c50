"""Trees of CatBoost: single precision; ``>``, and the one category of a split, go right.

All splits of a level are the same, unless trees are not symmetric. Categories are stored as
hashes of their strings.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from sklearn_irg._fitted.trees.additive import AdditiveTrees, Tree
from sklearn_irg._fitted.trees.categories import frame_of
from sklearn_irg._fitted.trees.city_hash import LONGEST, hash_of
from sklearn_irg._fitted.trees.codes import as_word
from sklearn_irg._fitted.trees.cuts import largest_up_to_single
from sklearn_irg._fitted.trees.reading import NotReadError, comes_from, flattened, reading_of

__all__ = ["applies", "read"]

_OBJECTIVES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")


def applies(estimator):
    """Whether it is a model of CatBoost, or derived from one."""
    return comes_from(estimator, "catboost")


def read(estimator, cells=None):
    """The trees, with the model's scale and bias.

    Parameters
    ----------
    estimator : object
        Fitted.
    cells : callable, default=None
        From a column of categories to the cells that rows may have there.
    """
    model = _stored(estimator)
    objective = model["model_info"]["params"]["loss_function"]["type"]
    if objective not in _OBJECTIVES:
        raise NotReadError(
            f"the objective {objective!r} is not read, only {', '.join(map(repr, _OBJECTIVES))}"
        )
    scale, bias = model["scale_and_bias"]
    _refuse_others_than_columns(model["features_info"])
    categories = _categories(estimator, cells)
    columns = _Columns(model["features_info"], categories)
    if "oblivious_trees" in model:
        trees = [_symmetric(tree, len(bias), columns) for tree in model["oblivious_trees"]]
    else:
        trees = [_nested(tree, len(bias), columns) for tree in model["trees"]]
    trees = [replace(tree, values=scale * tree.values) for tree in trees]
    joined = AdditiveTrees.joined(trees, bias, len(estimator.feature_names_))

    def margins(X):
        return estimator.predict(X, prediction_type="RawFormulaVal")

    as_given = _frame_of(estimator, categories) if categories else lambda rows: rows
    return reading_of(estimator, joined, margins, as_given, categories=categories, key=as_word)


def _stored(estimator):
    """The model as the library writes it to a JSON file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        return json.loads(path.read_text(encoding="utf-8"))


def _refuse_others_than_columns(info):
    if info.get("ctrs"):
        raise NotReadError(
            "it splits by counters of categories (CTR), which depend on all training rows"
        )
    read = ("float_features", "categorical_features")
    others = [kind.replace("_", " ") for kind in info if kind not in read and info[kind]]
    if others:
        raise NotReadError(f"it takes {', '.join(others)}, which are not read")


def _categories(estimator, cells):
    """Strings of categories that rows may have, by column; those of ``fit`` are not stored."""
    columns = estimator.get_cat_feature_indices()
    if columns and cells is None:
        raise NotReadError(
            "its categories are stored as hashes, which cannot be matched without the strings of a table"
        )
    words = {column: sorted({as_word(cell) for cell in cells(column)}) for column in columns}
    if any(len(word.encode()) > LONGEST for known in words.values() for word in known):
        raise NotReadError(
            f"it has categories of more than {LONGEST} bytes, whose hashes are not read"
        )
    return {column: np.array(known, dtype=object) for column, known in words.items()}


def _frame_of(estimator, categories):
    """As `frame_of`, with an unknown category where one is missing, which CatBoost rejects."""
    as_given = frame_of(estimator, categories)

    def without_missing(rows):
        rows = rows.copy()
        for column in categories:
            rows[np.isnan(rows[:, column]), column] = -1
        return as_given(rows)

    return without_missing


class _Columns:
    """Columns of numbers and of categories that a model splits.

    Columns of numbers know the side of missing values, those of categories the codes of hashes.
    """

    def __init__(self, info, categories):
        features = {
            feature["feature_index"]: feature for feature in info.get("float_features") or []
        }
        self.position = {j: feature["flat_feature_index"] for j, feature in features.items()}
        self.missing_left = {
            j: feature["nan_value_treatment"] != "AsTrue" for j, feature in features.items()
        }
        of_categories = info.get("categorical_features") or []
        self.position_of_categories = {
            feature["feature_index"]: feature["flat_feature_index"] for feature in of_categories
        }
        self.code_of = {
            j: {hash_of(word): code for code, word in enumerate(words)}
            for j, words in categories.items()
        }
        self.n_codes = max(map(len, categories.values()), default=0)

    def of(self, split):
        """Column, cut, side of missing values, and left codes of a split; None is for a leaf."""
        if split is None:
            return -1, 0.0, False, None
        if split["split_type"] == "OneHotFeature":
            return self._of_categories(split)
        if split["split_type"] != "FloatFeature":
            raise NotReadError(f"it splits by {split['split_type']}, which is not read")
        j = split["float_feature_index"]
        return (
            self.position[j],
            float(largest_up_to_single(split["border"])),
            self.missing_left[j],
            None,
        )

    def _of_categories(self, split):
        """All go left but one, if any row may have it."""
        column = self.position_of_categories[split["cat_feature_index"]]
        others = set(range(self.n_codes + 1)) - {self.code_of[column].get(split["value"])}
        return column, 0.0, True, sorted(others)


def _symmetric(tree, n_outputs, columns):
    """All nodes of a level split alike; the first split is the lowest bit of a leaf's position."""
    levels = [columns.of(split) for split in reversed(tree.get("splits") or [])]
    depth = len(levels)
    n_inner, n_leaves = 2**depth - 1, 2**depth
    position = np.arange(n_inner + n_leaves)
    is_leaf = position >= n_inner
    level = np.floor(np.log2(position + 1)).astype(int)
    splits = [*levels, columns.of(None)]
    return _tree(
        [splits[k] for k in level],
        left=np.where(is_leaf, position, 2 * position + 1),
        right=np.where(is_leaf, position, 2 * position + 2),
        values=np.concatenate(
            [np.zeros((n_inner, n_outputs)), np.reshape(tree["leaf_values"], (n_leaves, n_outputs))]
        ),
    )


def _nested(root, n_outputs, columns):
    nodes, left, right = flattened(
        root, lambda node: (node["left"], node["right"]) if "split" in node else None
    )
    values = [
        np.zeros(n_outputs) if "split" in node else np.reshape(node["value"], n_outputs)
        for node in nodes
    ]
    return _tree([columns.of(node.get("split")) for node in nodes], left, right, np.array(values))


def _tree(splits, left, right, values):
    feature, cut, missing_left, left_codes = zip(*splits)
    return Tree(
        feature=np.array(feature),
        cut=np.array(cut),
        left=left,
        right=right,
        missing_left=np.array(missing_left),
        values=values,
        left_codes={node: codes for node, codes in enumerate(left_codes) if codes is not None},
        unknown_left=np.ones(len(splits), dtype=bool),
    )
