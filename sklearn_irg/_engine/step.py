"""What a penalty may read: the columns of X, a batch of rows, and one forward pass over it."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from sklearn_irg._engine.autodiff import stop_gradient

__all__ = ["Batch", "Columns", "Step"]


class Columns(NamedTuple):
    """The columns of X, as penalties need to know them."""

    n_features: int
    names: tuple | None
    dtype: np.dtype
    are_sparse: bool = False

    def require_dense(self, name):
        """Raise a ValueError if X is sparse."""
        if self.are_sparse:
            raise ValueError(f"{name} moves every entry of X, so it needs a dense X; got a sparse one.")

    def mask_of(self, features):
        """Zeros and ones over columns, shape (n_features,); None if all are meant."""
        if features is None:
            return None
        if isinstance(features, str) or not hasattr(features, "__len__"):
            raise ValueError(f"features must be a sequence of column names or positions, or None; got {features!r}.")
        features = list(features)
        if any(isinstance(feature, (bool, np.bool_)) for feature in features):
            if len(features) != self.n_features:
                raise ValueError(
                    f"features as booleans must be {self.n_features}, one per column; got {len(features)}."
                )
            features = np.flatnonzero(features).tolist()
        mask = np.zeros(self.n_features, dtype=self.dtype)
        mask[[self._position(feature) for feature in features]] = 1
        if not mask.any():
            raise ValueError("features is empty, so nothing would be penalised. Use features=None for all columns.")
        return mask

    def _position(self, feature):
        if isinstance(feature, str):
            if self.names is None:
                raise ValueError(
                    f"features names the column {feature!r}, but X has no column names. Use positions, or a DataFrame."
                )
            if feature not in self.names:
                raise ValueError(f"features names {feature!r}, which is not a column of X: {', '.join(self.names)}.")
            return self.names.index(feature)
        if isinstance(feature, (int, np.integer)) and -self.n_features <= feature < self.n_features:
            return int(feature)
        raise ValueError(f"features has {feature!r}, which is no position among the {self.n_features} columns of X.")


class Batch(NamedTuple):
    """Rows to evaluate, and what each counts in the mean loss and in the mean penalty."""

    rows: slice | np.ndarray
    loss_weights: np.ndarray
    penalty_weights: np.ndarray


class Step:
    """One forward pass over some rows: everything a penalty may read, computed when first asked for."""

    def __init__(self, objective, theta, X, targets, weights, mask, random_state):
        self.network = objective.network
        self.theta = theta
        self.X = X
        self.targets = targets
        self.weights = weights
        self.random_state = random_state
        self._objective = objective
        self._mask = mask

    def mask_of(self, features):
        """Zeros and ones over columns (n_features,) or entries (n_samples, n_features); None where all are one."""
        columns = self._objective.mask_of(features)
        if self._mask is None or columns is None:
            return columns if self._mask is None else self._mask
        return self._mask * columns

    @cached_property
    def _dropout(self):
        rate = self._objective.dropout
        if not rate or len(self.network.layer_sizes) < 3:
            return None
        return self.network.draw_dropout(rate, self.X.shape[0], self.random_state, self.X.dtype)

    def forward_at(self, X):
        """Forward pass at other inputs, with the same units dropped."""
        return self.network.forward(self.theta, X, self._objective.workspace.empty, self._dropout)

    def constant_forward_at(self, X):
        """The same, as a constant."""
        return self.network.forward(stop_gradient(self.theta), X, self._objective.workspace.empty, self._dropout)

    @cached_property
    def forward(self):
        return self.forward_at(self.X)

    @cached_property
    def outputs(self):
        return self.forward[-1]

    @cached_property
    def mean(self):
        """The prediction at each row, as a constant."""
        return self.network.likelihood.mean(stop_gradient(self.outputs))

    @cached_property
    def _evaluated(self):
        return self.network.likelihood.evaluate(self.outputs, self.targets)

    @cached_property
    def losses(self):
        return self._evaluated[0]

    @cached_property
    def residuals(self):
        return self._evaluated[1]
