"""Fitted tree ensembles of any library in one form, used only if they match the estimator."""

from functools import cached_property

from sklearn.base import is_classifier

from sklearn_irg._fitted.affine import as_fitted
from sklearn_irg._fitted.trees import (
    catboost,
    ebm,
    hist_gradient_boosting,
    lightgbm,
    scikit_learn,
    xgboost,
)
from sklearn_irg._fitted.trees.additive import AdditiveTrees
from sklearn_irg._fitted.trees.codes import coded_numbers, coded_table
from sklearn_irg._fitted.trees.leaf_boxes import LeafBoxes, leaf_boxes
from sklearn_irg._fitted.trees.leaves import leaves_of
from sklearn_irg._fitted.trees.reading import NotReadError, Reading
from sklearn_irg._fitted.trees.verification import difference, difference_at

__all__ = [
    "AdditiveTrees",
    "LeafBoxes",
    "Reading",
    "TreesInside",
    "difference",
    "leaf_boxes",
    "leaves_of",
    "read_trees",
]

READERS = (xgboost, lightgbm, catboost, ebm, hist_gradient_boosting, scikit_learn)


def read_trees(estimator, cells=None):
    """The trees of a fitted classifier as a `Reading`, not yet verified.

    There are readers for several libraries; for other estimators the reading says why it is empty.

    Parameters
    ----------
    estimator : object
        Fitted.
    cells : callable, default=None
        From a column to the cells that rows may have there, for libraries that store no categories.
    """
    name, reader = type(estimator).__name__, _reader_of(estimator)
    if reader is None:
        return Reading(refusal=f"{name} carries no trees that add up")
    try:
        if hasattr(estimator, "get_params") and (
            not is_classifier(estimator) or _n_classes(estimator) < 2
        ):
            raise NotReadError("it is no classifier of two or more classes and one target")
        return reader.read(estimator, cells) if reader is catboost else reader.read(estimator)
    except NotReadError as error:
        return Reading(refusal=f"{name} cannot be read: {error}")
    except Exception as error:  # another version of the library may store its models otherwise
        return Reading(refusal=f"{name} is not stored as expected: {type(error).__name__}: {error}")


def _reader_of(estimator):
    return next((reader for reader in READERS if reader.applies(estimator)), None)


def _n_classes(estimator):
    classes = getattr(estimator, "classes_", [])
    return (
        0
        if isinstance(classes, list) and classes and hasattr(classes[0], "__len__")
        else len(classes)
    )


class TreesInside:
    """The trees of an estimator, read and verified once, when they are first asked for.

    Rows are as the estimator takes them, numbers only, or as the trees take them, with codes for
    categories.

    Parameters
    ----------
    estimator : object
        Fitted.
    cells : callable, default=None
        As in `read_trees`; with them, rows are as the trees take them.

    Attributes
    ----------
    refusal : str
        Once they have been asked for, why they are not believed; empty if they are.
    margins : callable or None
        Once they are believed: the estimator's own function of rows that their sums equal, up to
        ``scale`` and rounding.
    """

    def __init__(self, estimator, cells=None):
        self.estimator = estimator
        self.cells = cells
        self.refusal = ""
        self.margins = None
        self._trees = None
        self._is_verified = False

    @property
    def have_a_reader(self):
        """Whether the estimator is of a kind whose trees can be read, believed or not."""
        return _reader_of(self.estimator) is not None

    @cached_property
    def reading(self):
        """The trees as they are stored, not yet verified."""
        return read_trees(self.estimator, self.cells)

    def coded(self, rows):
        """Rows as the trees take them."""
        return (
            rows
            if self.cells is not None or not self.reading.categories
            else coded_numbers(rows, self.reading)
        )

    def coded_table(self, table):
        """Rows of a table as the trees take them; None where there are no trees."""
        return None if self.reading.trees is None else coded_table(table, self.reading)

    def believed(self, rows=None):
        """The trees if they add up to the estimator's scores, else None.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features), default=None
            Rows as the estimator takes them, where the trees have to agree with it, at the first
            time.
        """
        if not self._is_verified:
            self.refusal = self.reading.refusal or self._difference(rows)
            if not self.refusal:
                self._trees, self.margins = self.reading.trees, self._margins
            self._is_verified = True
        return self._trees

    def _margins(self, rows):
        return self.reading.margins(self.coded(rows))

    def _difference(self, rows):
        return self._what_differs(
            lambda: difference(self.reading, None if rows is None else self.coded(rows))
        )

    def difference_at(self, X, rows):
        """Sentence on how trees at rows differ from the estimator at X; empty if they agree.

        X and ``rows`` are the same rows, as the estimator and as the trees take them.
        """
        if self.cells is None:
            X, rows = as_fitted(self.estimator, rows), self.coded(rows)
        return self._what_differs(lambda: difference_at(self.reading, X, rows))

    def _what_differs(self, compared):
        name = type(self.estimator).__name__
        try:
            found = compared()
        except Exception as error:  # whatever an estimator raises for rows it is not made for
            return f"{name} could not be compared with its trees: {type(error).__name__}: {error}"
        return found and f"{name} is not what its trees say: {found}"
