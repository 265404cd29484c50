"""What targets mean: classes or numbers, how they are encoded, and how predictions read them back."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sklearn_irg._engine.likelihoods import bernoulli, categorical, gaussian


class Classes(ClassifierMixin):
    """Binary and multiclass targets, and multilabel indicators where ``_multilabel`` allows them.

    Two classes have one output, whose positive sign means ``classes_[1]``; more have one each; labels have one each.
    """

    _multilabel = False

    def _encode(self, y, sample_weight, classes, resume):
        y, labelled = self._find_labelled(y)
        known = y if labelled is None else y[labelled]
        indicators = type_of_target(known) == "multilabel-indicator" and self._multilabel
        if resume and indicators != self._is_multilabel:
            kinds = ["one class per row", "an indicator of labels"]
            raise ValueError(
                f"y is {kinds[indicators]}, but the first fit saw {kinds[not indicators]}. Use a fresh clone."
            )
        if indicators:
            return self._encode_indicators(known, sample_weight, resume), sample_weight, None
        if known.ndim == 2 and known.shape[1] > 1:
            raise ValueError(f"{type(self).__name__} takes one target per row; got y of shape {known.shape}.")
        known = column_or_1d(known, warn=True)
        check_classification_targets(known)
        found, indices = np.unique(known, return_inverse=True)
        if resume:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(
                    f"classes={np.unique(classes).tolist()} differ from those of the first call, "
                    f"{self.classes_.tolist()}."
                )
            self._check_subset(found, self.classes_)
        else:
            self._set_classes(found, classes)
        indices = np.searchsorted(self.classes_, found)[indices]
        targets = np.zeros((len(y), len(self.classes_) if len(self.classes_) > 2 else 1))
        rows = np.arange(len(y)) if labelled is None else np.flatnonzero(labelled)
        if targets.shape[1] == 1:
            targets[rows, 0] = indices
        else:
            targets[rows, indices] = 1
        return targets, self._weigh(indices, rows, sample_weight, len(y)), labelled

    def _find_labelled(self, y):
        """Targets, and which rows have one; None for all."""
        return y, None

    def _encode_indicators(self, y, sample_weight, resume):
        if self.class_weight is not None:
            raise ValueError("class_weight has no meaning for multilabel targets. Use class_weight=None.")
        y = y.toarray() if hasattr(y, "toarray") else y
        if resume:
            self._check_subset(np.arange(y.shape[1]), self.classes_)
        else:
            self.classes_ = np.arange(y.shape[1])
        self.out_activation_, self._is_multilabel = bernoulli.name, True
        return y.astype(np.float64)

    def _check_subset(self, found, known):
        if not np.isin(found, known).all():
            raise ValueError(
                f"y has classes {found.tolist()}, but this estimator was first fitted with {known.tolist()}. Pass all of "
                "them as classes to the first partial_fit, or use warm_start=False."
            )

    def _set_classes(self, found, classes):
        if classes is not None:
            classes = np.unique(column_or_1d(classes))
            self._check_subset(found, classes)
        self.classes_ = found if classes is None else classes
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in y, but it has only one class: {self.classes_[0]!r}."
            )
        self._is_multilabel = False
        self.out_activation_ = (bernoulli if len(self.classes_) == 2 else categorical).name

    def _weigh(self, indices, rows, sample_weight, n_samples):
        if self.class_weight is None:
            return sample_weight
        weights = np.ones(n_samples) if sample_weight is None else sample_weight.copy()
        present = np.unique(indices)
        by_class = np.ones(len(self.classes_))
        class_weight = self.class_weight
        if isinstance(class_weight, str) and class_weight == "balanced":
            by_class[present] = compute_class_weight(
                "balanced", classes=present, y=indices, sample_weight=weights[rows]
            )
        else:
            by_class = compute_class_weight(class_weight, classes=self.classes_, y=self.classes_[indices])
        if not (np.all(by_class >= 0) and np.any(by_class[present] > 0)):
            raise ValueError(f"class_weight must be non-negative, and positive for a class of y; got {class_weight!r}.")
        weights[rows] *= by_class[indices]
        return weights

    def _likelihood(self):
        return bernoulli if self.out_activation_ == bernoulli.name else categorical

    def _score(self, outputs, data):
        if self.out_activation_ == bernoulli.name:
            right = ((outputs > 0) == data.targets).all(axis=1)
        else:
            right = outputs.argmax(axis=1) == data.targets.argmax(axis=1)
        return float(np.average(right, weights=data.weights))

    def _strata(self, targets):
        """What a hold-out keeps in proportion, or None."""
        if self._is_multilabel:
            return None
        return targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1)

    def _example_targets(self):
        """Targets that show every class or label."""
        if not self._is_multilabel:
            return self.classes_
        return np.vstack([np.eye(len(self.classes_), dtype=int), 1 - np.eye(len(self.classes_), dtype=int)])

    def decision_function(self, X):
        """Raw outputs of the network, before they become probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One score per row for two classes, positive for ``classes_[1]``; else one per class or label.
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
        outputs = self._outputs(X)
        mean = self._likelihood().mean(outputs)
        if self._is_multilabel or mean.shape[1] > 1:
            return mean
        return np.column_stack([bernoulli.mean(-outputs), mean])

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
        return np.log(self.predict_proba(X))

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
        outputs = self._outputs(X)
        if self._is_multilabel:
            return (outputs > 0).astype(int)
        positions = (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return self.classes_[positions]


class Numbers(RegressorMixin):
    """One or several real targets."""

    def _encode(self, y, sample_weight, classes, resume):
        del classes, resume
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self.out_activation_ = gaussian.name
        return y.astype(np.float64, copy=False).reshape(len(y), -1), sample_weight, None

    def _likelihood(self):
        return gaussian

    def _example_targets(self):
        return np.zeros((2, self.n_outputs_)) if self.n_outputs_ > 1 else np.zeros(2)

    def _score(self, outputs, data):
        return r2_score(data.targets, outputs, sample_weight=data.weights)

    def _strata(self, targets):
        del targets

    def predict(self, X):
        """Predicted targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs
