"""Clusters in place of targets."""

from dataclasses import dataclass

import numpy as np

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._training.tasks._task import Encoded, Task

__all__ = ["ClusterTask"]


@dataclass(frozen=True)
class ClusterTask(Task):
    """Classes that stand for clusters; no row has a known cluster."""

    n_clusters: int = 1

    @property
    def default_likelihood(self):
        return Bernoulli() if self.n_clusters == 2 else Categorical()

    @property
    def attributes(self):
        return {"classes_": np.arange(self.n_clusters)}

    def encode(self, data, loss):
        del loss
        if data.X.shape[0] < self.n_clusters:
            raise InvalidParameterError(
                f"n_clusters={self.n_clusters} must not be more than the number of rows, "
                f"{data.X.shape[0]}."
            )
        return Encoded(
            None, data.sample_weight, None, self.n_clusters if self.n_clusters > 2 else 1
        )
