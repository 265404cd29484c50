"""Samples in place of targets: two, with y naming each row's, or the one of a table."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._training.tasks._task import Encoded, Task

__all__ = ["OneSample", "TwoSamples"]


@dataclass(frozen=True)
class TwoSamples(Task):
    """Rows of a first sample, ``classes[0]``, and of a second one."""

    classes: np.ndarray | None = None

    default_likelihood = Gaussian()

    def first(self, y, classes=None):
        del classes
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        found = np.unique(y)
        if len(found) != 2:
            raise ValueError(
                f"y must have two values, one for each of the samples that {self.name} compares; "
                f"got {'one class' if len(found) == 1 else len(found)}: "
                f"{', '.join(map(repr, found[:5].tolist()))}."
            )
        return TwoSamples(self.name, found)

    def again(self, y):
        found = self.first(y).classes
        if not np.array_equal(found, self.classes):
            raise ValueError(
                f"warm_start=True keeps the samples of the last fit, {self.classes.tolist()}, but "
                f"y has {found.tolist()}. Use warm_start=False, or a fresh clone."
            )
        return self

    def encode(self, data, loss):
        indices = np.searchsorted(self.classes, column_or_1d(data.y))
        groups = {name: np.flatnonzero(indices == k) for k, name in enumerate(loss.samples)}
        return Encoded(None, data.sample_weight, groups, 1)

    @property
    def attributes(self):
        return {"classes_": self.classes}


class OneSample(Task):
    """Rows of a table, for which another sample is generated; there is no y."""

    default_likelihood = Gaussian()

    def encode(self, data, loss):
        del loss
        return Encoded(None, data.sample_weight, None, 1)
