"""Targets that are numbers."""

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._training.data import likelihood_of
from sklearn_irg._training.tasks._task import Encoded, Task

__all__ = ["NumericTask"]


class NumericTask(Task):
    """One or several numbers for each row."""

    default_likelihood = Gaussian()

    def encode(self, data, loss):
        y = data.y
        if loss.samples is not None:
            raise InvalidParameterError(
                f"{type(loss).__name__} compares samples, which y names: use it with a classifier."
            )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.astype(np.float64, copy=False).reshape(len(y), -1)
        likelihood_of(self, loss).check_targets(targets)
        return Encoded(
            None if loss.group == "all" else targets, data.sample_weight, None, targets.shape[1]
        )

    def score(self, network, theta, rows):
        means = network.outputs(theta, rows.X, network.likelihood.mean)
        return r2_score(rows.targets, means, sample_weight=rows.sample_weight)
