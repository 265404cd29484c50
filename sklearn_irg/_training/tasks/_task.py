from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Encoded", "Task", "likelihood_of"]


class Encoded(NamedTuple):
    """What y becomes: targets (n_samples, n_outputs), weights with those of classes, groups of rows, number of outputs."""

    targets: np.ndarray | None
    sample_weight: np.ndarray | None
    groups: dict | None
    n_outputs: int


@dataclass(frozen=True)
class Task(ABC):
    """What y is.

    Parameters
    ----------
    name : str
        Of the estimator, for messages.
    """

    name: str

    def first(self, y, classes=None):
        """The task of a first fit, once it is known from y."""
        del y, classes
        return self

    def again(self, y):
        """The same task for a fit that starts from an earlier one's weights, if y allows it."""
        return self.first(y)

    def more(self, y, classes=None):
        """The same task for more rows, if y allows it."""
        return self.first(y, classes)

    @abstractmethod
    def encode(self, data, loss):
        """Targets, weights and groups of rows, as `Encoded`."""

    @property
    @abstractmethod
    def default_likelihood(self):
        """The likelihood of this kind of targets."""

    @property
    def attributes(self):
        """What an estimator keeps of it, as a dict."""
        return {}

    def score(self, network, theta, rows):
        """Score on held-out rows; larger is better."""
        raise NotImplementedError(f"{self.name} has no targets to score.")

    def strata(self, targets):
        """Labels that a hold-out keeps in proportion, or None."""
        del targets

    def check_terms(self, rows, terms, parametrization):
        """Warn where rows have no effect on these terms."""
        del rows, terms, parametrization


def likelihood_of(task, loss):
    """What the outputs mean: as the loss says, or by the kind of targets."""
    return task.default_likelihood if loss.likelihood is None else loss.likelihood
