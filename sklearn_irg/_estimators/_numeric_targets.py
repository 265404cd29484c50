"""Targets that are numbers."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._estimators._base import Encoded


class NumericTargets(RegressorMixin):
    """One or several numbers per row."""

    _sklearn_losses = ("squared_error", "poisson")

    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        del classes, resume, incremental
        if loss.samples is not None:
            raise InvalidParameterError(
                f"{type(loss).__name__} compares samples, which y names: use it with a classifier."
            )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.astype(np.float64, copy=False).reshape(len(y), -1)
        self._likelihood(loss).check_targets(targets)
        return Encoded(None if loss.group == "all" else targets, sample_weight, None, targets.shape[1])

    def _default_likelihood(self):
        return Gaussian()

    def _example_targets(self):
        return np.zeros((2, self.n_outputs_)) if self.n_outputs_ > 1 else np.zeros(2)

    def _score(self, network, theta, rows):
        means = network.outputs(theta, rows.X, network.likelihood.mean)
        return r2_score(rows.targets, means, sample_weight=rows.sample_weight)

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
        means = self._outputs(X, self.likelihood_.mean)
        return means[:, 0] if means.shape[1] == 1 else means
