"""Predictions by the fitted estimator inside a meta-estimator."""

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["PredictsByEstimator"]


def _estimator_has(name):
    """Whether the estimator, fitted or not, has a method."""

    def check(self):
        getattr(self._predictor, name)
        return True

    return check


class PredictsByEstimator:
    """Mixin for classifiers that predict by their ``estimator_``, by the methods that it has."""

    predicts_by = "estimator_"

    @property
    def _predictor(self):
        """The estimator that predicts, fitted or not."""
        return getattr(self, "estimator_", self.estimator)

    @available_if(_estimator_has("predict"))
    def predict(self, X):
        """Labels of rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Predicted labels.
        """
        return self._inner(X).predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._inner(X).predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Log-probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._inner(X).predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Scores of rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            As the estimator has them.
        """
        return self._inner(X).decision_function(X)

    def _inner(self, X):
        check_is_fitted(self)
        if getattr(X, "ndim", 2) == 1:
            raise ValueError(
                "Expected 2D array, got 1D array instead. Reshape your data, for one row by "
                "X.reshape(1, -1)."
            )
        validate_data(self, X, reset=False, skip_check_array=True)
        return self.estimator_
