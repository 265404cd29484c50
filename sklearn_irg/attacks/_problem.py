"""The arguments that all attacks share, validated."""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg.diagnostics._models import as_model

NUMBERS = (int, float, np.integer, np.floating)
DUAL = {"l2": 2, "linf": 1, "l1": np.inf}


class Problem:
    """The validated arguments that all attacks share."""

    def __init__(self, estimator, X, features=None, clip=None):
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        self.model = as_model(estimator)
        self.X = self.model.check_X(X)
        self.mask = self._mask(features, names)
        self.clip = None if clip is None else self._bounds(clip)

    def _mask(self, features, names):
        if features is None:
            return np.ones(self.model.n_features, dtype=self.X.dtype)
        names = [] if names is None else list(names)
        mask = np.zeros(self.model.n_features, dtype=self.X.dtype)
        for feature in features:
            position = names.index(feature) if feature in names else feature
            if not isinstance(position, (int, np.integer)) or not -len(mask) <= position < len(mask):
                raise ValueError(f"features has {feature!r}, which is no column of X by name or position.")
            mask[position] = 1
        return mask

    def _bounds(self, clip):
        if len(clip) != 2:
            raise ValueError(f"clip must be (low, high); got {clip!r}.")
        low, high = (np.broadcast_to(np.asarray(side, dtype=self.X.dtype), self.X.shape[1]) for side in clip)
        if (low > high).any():
            raise ValueError(f"clip must have low <= high; got {clip!r}.")
        return low, high

    def finish(self, moved):
        """Bounds applied where the row may move; the rest as it was."""
        if self.clip is not None:
            moved = np.clip(moved, *self.clip)
        return np.where(self.mask > 0, moved, self.X).astype(self.X.dtype, copy=False)

    def loss_gradient(self, y):
        """Function from rows to the gradient of their loss, where they may move."""
        targets = self.model.encode(y, len(self.X))
        return lambda X: self.model.loss_gradients(X, targets) * self.mask


def check_epsilon(epsilon):
    check_scalar(epsilon, "epsilon", NUMBERS, min_val=0)
    if not np.isfinite(epsilon):
        raise ValueError(f"epsilon must be finite; got {epsilon!r}.")
    return float(epsilon)


def check_norm(norm, norms):
    if norm not in norms:
        raise ValueError(f"norm must be one of {', '.join(map(repr, norms))}; got {norm!r}.")
