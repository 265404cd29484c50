"""Fitted tree ensembles of any library in one form, believed only if they reproduce the estimator."""

from sklearn.base import is_classifier

from sklearn_irg._fitted.trees import catboost, ebm, hist_gradient_boosting, lightgbm, scikit_learn, xgboost
from sklearn_irg._fitted.trees.additive import AdditiveTrees
from sklearn_irg._fitted.trees.leaf_boxes import LeafBoxes, leaf_boxes
from sklearn_irg._fitted.trees.leaves import leaves_of
from sklearn_irg._fitted.trees.reading import NotReadError, Reading
from sklearn_irg._fitted.trees.verification import difference

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


def read_trees(estimator):
    """The trees of a fitted classifier of any library that has a reader, as a `Reading`; not yet verified.

    Parameters
    ----------
    estimator : object
        Fitted.
    """
    name, reader = type(estimator).__name__, _reader_of(estimator)
    if reader is None:
        return Reading(refusal=f"{name} carries no trees that add up")
    try:
        if hasattr(estimator, "get_params") and (not is_classifier(estimator) or _n_classes(estimator) < 2):
            raise NotReadError("it is no classifier of two or more classes and one target")
        return reader.read(estimator)
    except NotReadError as error:
        return Reading(refusal=f"{name} cannot be read: {error}")
    except Exception as error:  # another version of the library may store its models otherwise
        return Reading(refusal=f"{name} is not stored as expected: {type(error).__name__}: {error}")


def _reader_of(estimator):
    return next((reader for reader in READERS if reader.applies(estimator)), None)


def _n_classes(estimator):
    classes = getattr(estimator, "classes_", [])
    return 0 if isinstance(classes, list) and classes and hasattr(classes[0], "__len__") else len(classes)


class TreesInside:
    """The trees of an estimator, read and verified once, when they are first asked for.

    Attributes
    ----------
    refusal : str
        Once they have been asked for, why they are not believed; empty if they are.
    margins : callable or None
        Once they are believed: the estimator's own function of rows that their sums equal, up to ``scale`` and rounding.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.refusal = ""
        self.margins = None
        self._trees = None
        self._is_verified = False

    @property
    def have_a_reader(self):
        """Whether the estimator is of a kind whose trees can be read, believed or not."""
        return _reader_of(self.estimator) is not None

    def believed(self, rows=None):
        """The trees if they add up to the estimator's scores, else None.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features), default=None
            Rows as the estimator takes them, where the trees have to agree with it, at the first time.
        """
        if not self._is_verified:
            reading = read_trees(self.estimator)
            self.refusal = reading.refusal or _difference(reading, rows, type(self.estimator).__name__)
            if not self.refusal:
                self._trees, self.margins = reading.trees, reading.margins
            self._is_verified = True
        return self._trees


def _difference(reading, rows, name):
    try:
        found = difference(reading, rows)
    except Exception as error:  # whatever an estimator raises for rows it is not made for
        return f"{name} could not be compared with its trees: {type(error).__name__}: {error}"
    return found and f"{name} is not what its trees say: {found}"
