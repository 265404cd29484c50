"""Rows without a label: which they are, what becomes of them in a fit, and that no score counts them."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d

from sklearn_irg._estimators._labels import is_marker, plain_labels

_COLLAPSED = 0.99  # share of the unlabelled rows in one class
_UNLIKELY = 1e-3


class UnlabelledRows:
    """A classifier whose y may have ``unlabeled_label`` in place of a class."""

    unlabeled_label = None  # a parameter of some classifiers
    _against_collapse = (
        "0.3 * ConditionalEntropy() + ClassBalance() among the penalties, n_ramp_up_epochs, batch_normalization=True, or a "
        "smaller alpha or radius"
    )

    def _find_labelled(self, y):
        """Which rows have a label, as booleans; None if all have."""
        if self.unlabeled_label is None or (y.ndim == 2 and y.shape[1] > 1):
            return None
        labelled = ~is_marker(y.reshape(-1), self.unlabeled_label)
        if not labelled.any():
            raise ValueError(f"y has no labelled row: all are unlabeled_label={self.unlabeled_label!r}.")
        return None if labelled.all() else labelled

    def _seen_by_callbacks(self, X, y, sample_weight):
        return self._labelled_only(X, y, sample_weight)

    def _labelled_only(self, X, y, sample_weight):
        # a marker is not a class, so no score should count it
        if self.unlabeled_label is None:
            return X, y, sample_weight
        labelled = self._find_labelled(y if issparse(y) else np.asarray(y))
        if labelled is None:
            return X, y, sample_weight
        if issparse(X):
            X = X.tocsr()[labelled]
        else:
            X = X.loc[labelled] if hasattr(X, "loc") else np.asarray(X)[labelled]
        y = np.asarray(y).reshape(-1)[labelled]
        return X, y, None if np.ndim(sample_weight) == 0 else np.asarray(sample_weight)[labelled]

    def score(self, X, y, sample_weight=None):
        """Accuracy on the labelled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes, or ``unlabeled_label`` where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        score : float
            Share of the labelled rows that are predicted correctly; for an indicator, with all labels correct.
        """
        return super().score(*self._labelled_only(X, y, sample_weight))

    def _terms(self, loss, rows):
        terms = super()._terms(loss, rows)
        if "unlabelled" in rows.groups and not self._learns_from_all(terms):
            warnings.warn(
                f"the {len(rows.groups['unlabelled'])} unlabelled rows have no effect: no term of {type(self).__name__} reads "
                "rows without labels. Add a penalty that does, such as VirtualAdversarial(), or leave the rows out.",
                UserWarning,
                stacklevel=6,  # fit, and what wraps it
            )
        return terms

    def _learns_from_all(self, terms):
        parametrisation = self._parametrisation()
        normalises = parametrisation is not None and parametrisation.needs_whole_batch
        return normalises or any(term.group == "all" for _, term in terms)

    def _without_marker(self, classes):
        classes = column_or_1d(classes)
        if self.unlabeled_label is not None:  # np.unique(y) has it
            classes = plain_labels(classes[~is_marker(classes, self.unlabeled_label)])
        return np.unique(classes)

    def _transduce(self, X, y):
        """Set the labels of all rows of a fit, and say where those of unlabelled ones are all the same."""
        y = y.toarray() if issparse(y) else np.asarray(y)
        labelled = self._find_labelled(y)
        self.transduction_ = self.predict(X)
        if labelled is None:
            self.transduction_[...] = y.reshape(self.transduction_.shape)
            return
        y = y.reshape(-1)
        self._warn_of_collapse(self.transduction_[~labelled], plain_labels(y[labelled]))
        self.transduction_[labelled] = y[labelled]

    def _warn_of_collapse(self, predicted, known):
        found, counts = np.unique(predicted, return_counts=True)
        top, n_rows = counts.argmax(), len(predicted)
        share = (np.count_nonzero(known == found[top]) + 1) / (len(known) + len(self.classes_))
        # so many rows of the class by chance, if it is as frequent as among labelled rows
        if counts[top] >= _COLLAPSED * n_rows and share**n_rows < _UNLIKELY:
            warnings.warn(
                f"{type(self).__name__} predicts class {found.tolist()[top]!r} for {counts[top]} of {n_rows} unlabelled rows, "
                f"so the classes have merged on them. Try {self._against_collapse}.",
                ConvergenceWarning,
                stacklevel=6,  # fit, and what wraps it
            )
