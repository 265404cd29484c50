import numpy as np
from scipy.sparse import issparse
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold
from sklearn.utils import column_or_1d, indexable

from sklearn_irg._training.tasks.labels import is_marker, plain_labels


class LabeledStratifiedKFold(BaseCrossValidator):
    """Stratified folds of the labeled rows, for tables with unlabeled rows.

    Rows without a label are always trained on, and never tested on.

    A fold of scikit-learn's splitters has unlabeled rows in its test set, where their marker
    counts as a class that no model predicts. Each training set begins with one labeled row of each
    class, and the others are spread evenly among the unlabeled ones, with the classes in turn, so
    that any initial part of it, such as `sklearn.model_selection.learning_curve` takes, has its
    share of labels.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to shuffle each class before it is split.
    random_state : int, RandomState or None, default=None
        For shuffling.
    unlabeled_label : int, str or None, default=-1
        Value in y that marks a row without a label; ``None`` if all rows have a label.

    Raises
    ------
    ValueError
        In ``split``, if y is missing, has no labeled row, or no class has a labeled row for each
        fold.

    See Also
    --------
    sklearn.model_selection.StratifiedKFold : For tables with all labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_irg import VATClassifier
    >>> from sklearn_irg.model_selection import LabeledStratifiedKFold
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> y[20:] = -1
    >>> cv = LabeledStratifiedKFold(n_splits=2)
    >>> for train, test in cv.split(X, y):
    ...     print(f"train {len(train)}, {np.sum(y[train] >= 0)} with a label; test {len(test)}, all with a label")
    train 190, 10 with a label; test 10, all with a label
    train 190, 10 with a label; test 10, all with a label
    >>> model = VATClassifier(learning_rate_init=0.01, random_state=0)
    >>> search = GridSearchCV(model, {"epsilon": [0.3, 1.0]}, cv=cv).fit(X, y)
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None, unlabeled_label=-1):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.unlabeled_label = unlabeled_label

    def get_n_splits(self, X=None, y=None, groups=None):
        """Number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored.

        Returns
        -------
        n_splits : int
            Number of folds.
        """
        del X, y, groups
        return self.n_splits

    def split(self, X, y, groups=None):
        """Positions of the rows to train and to test on, for each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; only their number counts.
        y : array-like of shape (n_samples,)
            Classes, or ``unlabeled_label`` where there is none.
        groups : object, default=None
            Ignored.

        Yields
        ------
        train : ndarray of int
            Positions of the labeled rows of the other folds, and of all unlabeled rows.
        test : ndarray of int
            Positions of the labeled rows of one fold.
        """
        del groups
        folds = StratifiedKFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)
        if y is None or issparse(y):
            raise ValueError(f"LabeledStratifiedKFold needs y, as a dense column; got {y!r}.")
        X, y = indexable(X, y)
        y = column_or_1d(y)
        labeled = np.ones(len(y), dtype=bool)
        if self.unlabeled_label is not None:
            labeled = ~is_marker(y, self.unlabeled_label)
        if not labeled.any():
            raise ValueError(
                f"y has no labeled row: all are unlabeled_label={self.unlabeled_label!r}."
            )
        positions = np.flatnonzero(labeled)
        known = plain_labels(y[labeled])
        most = np.unique(known, return_counts=True)[1].max()
        if most < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs a class with as many labeled rows, but the "
                f"largest one in y has {most}."
            )
        for train, test in folds.split(positions, known):
            ordered, n_first = positions[_in_turn(known, train)], len(np.unique(known[train]))
            others = _spread(ordered[n_first:], np.flatnonzero(~labeled))
            yield np.append(ordered[:n_first], others), positions[test]


def _in_turn(labels, positions):
    """Positions in an order that takes one row of each class after the other."""
    classes = labels[positions]
    turns = np.empty(len(positions))
    for label in np.unique(classes):
        turns[classes == label] = np.arange(np.count_nonzero(classes == label))
    return positions[np.argsort(turns, kind="stable")]


def _spread(few, many):
    """Both in one array, with the few at equal distances from the first place on."""
    places = np.arange(len(few)) * (len(few) + len(many)) // max(len(few), 1)
    together = np.empty(len(few) + len(many), dtype=int)
    others = np.ones(len(together), dtype=bool)
    others[places] = False
    together[places] = few
    together[others] = many
    return together
