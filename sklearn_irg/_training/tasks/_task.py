from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Encoded", "Task"]


class Encoded(NamedTuple):
    """Encoded y: targets, weights, groups of rows, and the number of outputs.

    Targets have the shape (n_samples, n_outputs), and weights include those of classes.
    """

    targets: np.ndarray | None
    sample_weight: np.ndarray | None
    groups: dict | None
    n_outputs: int


@dataclass(frozen=True)
class Task(ABC):
    """Kind of y.

    Parameters
    ----------
    name : str
        Name of the estimator, for messages.
    """

    name: str

    def first(self, y, classes=None):
        """Task of a first fit, with what it learns from y."""
        del y, classes
        return self

    def again(self, y):
        """Same task for a fit that starts from an earlier one's weights, if y allows it."""
        return self.first(y)

    def more(self, y, classes=None):
        """Same task for more rows, if y allows it."""
        return self.first(y, classes)

    @abstractmethod
    def encode(self, data, loss):
        """Targets, weights and groups of rows, as `Encoded`."""

    @property
    @abstractmethod
    def default_likelihood(self):
        """Likelihood of this kind of targets."""

    @property
    def attributes(self):
        """Attributes that an estimator keeps of it, as a dict."""
        return {}

    def score(self, network, theta, rows):
        """Score on held-out rows; larger is better."""
        raise NotImplementedError(f"{self.name} has no targets to score.")

    def strata(self, targets):
        """Labels whose proportions a hold-out keeps, or None."""
        del targets

    def check_terms(self, rows, terms, parametrization):
        """Warn where rows have no effect on these terms."""
        del rows, terms, parametrization
