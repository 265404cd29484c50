"""Class predictions from the outputs of a network, and scores without unlabeled rows."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning

from sklearn_irg._training.tasks.classes import ClassTask, decide, find_labeled
from sklearn_irg._training.tasks.labels import plain_labels
from sklearn_irg._warnings import warn

# share of the unlabeled rows in one class that means collapse; not all of them, since some may be
# at the edge of another
_COLLAPSED = 0.99
# chance of so many rows of one class, if it is as frequent as among labeled rows; a usual level
# for an alarm
_UNLIKELY = 1e-3


class ClassPredictions:
    """Predictions of one of several classes for each row, or of several labels at once."""

    _is_multilabel = False

    def _decide(self, outputs):
        """Position of the class of each row, or the indicator of its labels."""
        return decide(outputs, self._is_multilabel)

    def decision_function(self, X):
        """Raw outputs of the network, before they become probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One score per row for two classes, positive for ``classes_[1]``; else one per class or
            label.
        """
        outputs = self._outputs(X)
        return outputs if self._is_multilabel or outputs.shape[1] > 1 else outputs[:, 0]

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; rows sum to one unless the targets are multilabel.
        """
        return self._outputs(X, self.likelihood_.probabilities)

    def predict_log_proba(self, X):
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def predict(self, X):
        """Most probable class of each row, or the indicator of the labels more probable than not.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Predicted classes.
        """
        positions = self._outputs(X, self._decide)
        return positions if self._is_multilabel else self.classes_[positions]


class ClassifierOutputs(ClassPredictions, ClassifierMixin):
    """Classifier whose y may have ``unlabeled_label`` in place of a class."""

    unlabeled_label = None  # a parameter of some classifiers
    _sklearn_losses = ("log_loss",)
    _of_some_fits = ("feature_names_in_", "transduction_")
    _against_collapse = (
        "0.3 * ConditionalEntropy() + ClassBalance() among the penalties, n_ramp_up_epochs, "
        "batch_normalization=True, or a smaller alpha or radius"
    )

    def _task(self):
        name, classes = type(self).__name__, getattr(self, "classes_", None)
        return ClassTask(
            name,
            self.class_weight,
            self.unlabeled_label,
            self._takes_indicators,
            classes,
            self._is_multilabel,
        )

    def _seen_by_callbacks(self, X, y, sample_weight):
        return self._labeled_only(X, y, sample_weight)

    def _labeled_only(self, X, y, sample_weight):
        # a marker is not a class, so no score should count it
        if self.unlabeled_label is None:
            return X, y, sample_weight
        labeled = find_labeled(y if issparse(y) else np.asarray(y), self.unlabeled_label)
        if labeled is None:
            return X, y, sample_weight
        if issparse(X):
            X = X.tocsr()[labeled]
        else:
            X = X.loc[labeled] if hasattr(X, "loc") else np.asarray(X)[labeled]
        y = np.asarray(y).reshape(-1)[labeled]
        return X, y, None if np.ndim(sample_weight) == 0 else np.asarray(sample_weight)[labeled]

    def score(self, X, y, sample_weight=None):
        """Accuracy on the labeled rows.

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
            Share of the labeled rows that are predicted correctly; for an indicator, with all
            labels correct.
        """
        return super().score(*self._labeled_only(X, y, sample_weight))

    def _example_targets(self):
        """Targets that show every class or label."""
        if not self._is_multilabel:
            return self.classes_
        return np.vstack(
            [np.eye(len(self.classes_), dtype=int), 1 - np.eye(len(self.classes_), dtype=int)]
        )

    def _transduction(self, X, y):
        """The label of each row of a fit: its own, or the predicted one where it has none."""
        y = y.toarray() if issparse(y) else np.asarray(y)
        labeled, transduction = find_labeled(y, self.unlabeled_label), self.predict(X)
        if labeled is None:
            transduction[...] = y.reshape(transduction.shape)
        else:
            transduction[labeled] = y.reshape(-1)[labeled]
        return transduction

    def _warn_of_collapse(self, y):
        """Warn where all unlabeled rows of a fit are predicted to be of one class."""
        labeled = find_labeled(y if issparse(y) else np.asarray(y), self.unlabeled_label)
        if labeled is None:
            return
        predicted, known = self.transduction_[~labeled], plain_labels(np.reshape(y, -1)[labeled])
        found, counts = np.unique(predicted, return_counts=True)
        top, n_rows = counts.argmax(), len(predicted)
        share = (np.count_nonzero(known == found[top]) + 1) / (len(known) + len(self.classes_))
        if counts[top] >= _COLLAPSED * n_rows and share**n_rows < _UNLIKELY:
            warn(
                f"{type(self).__name__} predicts class {found.tolist()[top]!r} for {counts[top]} "
                f"of {n_rows} unlabeled rows, so the classes have merged on them. Try "
                f"{self._against_collapse}.",
                ConvergenceWarning,
            )
