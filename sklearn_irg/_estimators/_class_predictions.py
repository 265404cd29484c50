"""What the outputs of a network say of classes."""

import numpy as np

from sklearn_irg._engine.likelihoods import Bernoulli, Categorical


class ClassPredictions:
    """Predictions of one of several classes for each row, or of several labels at once."""

    _is_multilabel = False

    def _default_likelihood(self):
        return Bernoulli() if self._is_multilabel or len(self.classes_) == 2 else Categorical()

    def _decide(self, outputs):
        """Position of the class of each row, or the indicator of its labels."""
        if self._is_multilabel:
            return (outputs > 0).astype(int)
        return (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(axis=1)

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
