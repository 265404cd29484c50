"""Clusters in place of targets."""

import numpy as np
from sklearn.base import ClusterMixin

from sklearn_irg._checks import check_integer
from sklearn_irg._estimators._base import Encoded
from sklearn_irg._estimators._class_predictions import ClassPredictions
from sklearn_irg._estimators._no_targets import NoTargets


class Clusters(ClassPredictions, NoTargets, ClusterMixin):
    """As many classes as ``n_clusters``, which no row is known to be in."""

    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        del y, loss, classes, resume, incremental
        n_clusters = int(self.n_clusters)
        self.classes_ = np.arange(n_clusters)
        return Encoded(None, sample_weight, None, n_clusters if n_clusters > 2 else 1)

    def _check_parameters(self):
        super()._check_parameters()
        check_integer(self.n_clusters, "n_clusters", 1)

    def _decide(self, outputs):
        # one output means two clusters unless there is one only
        return super()._decide(outputs) if len(self.classes_) > 1 else np.zeros(len(outputs), dtype=int)

    def predict(self, X):
        """Most probable cluster of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            Clusters, counted from 0.
        """
        return self._outputs(X, self._decide)
