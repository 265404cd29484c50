"""The arguments that all attacks share, validated."""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg._fitted.extraction import model_and_rows

NUMBERS = (int, float, np.integer, np.floating)
DUAL = {"l2": 2, "linf": 1, "l1": np.inf}


class Problem:
    """The validated arguments that all attacks share."""

    def __init__(self, estimator, X, features=None, clip=None):
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        self.model, self.X = model_and_rows(estimator, X)
        self.mask = self._mask(features, names)
        self.clip = None if clip is None else self._bounds(clip)

    def _mask(self, features, names):
        if features is None:
            return np.ones(self.model.n_features, dtype=self.X.dtype)
        names = [] if names is None else list(names)
        if isinstance(features, str) or not np.iterable(features):
            raise ValueError(f"features must be a sequence of column names or positions; got {features!r}.")
        mask = np.zeros(self.model.n_features, dtype=self.X.dtype)
        for feature in features:
            position = names.index(feature) if isinstance(feature, str) and feature in names else feature
            is_position = isinstance(position, (int, np.integer)) and not isinstance(position, bool)
            if not is_position or not -len(mask) <= position < len(mask):
                raise ValueError(f"features has {feature!r}, which is no column of X by name or position.")
            mask[position] = 1
        return mask

    def _bounds(self, clip):
        """Bounds per feature, infinite where nothing may move anyway."""
        try:
            low, high = (np.broadcast_to(np.asarray(side, dtype=self.X.dtype), self.X.shape[1]) for side in clip)
        except (TypeError, ValueError):
            low = high = np.nan
        if np.isnan(low).any() or np.isnan(high).any():
            raise ValueError(
                f"clip must be (low, high), numbers or one per feature; got {clip!r}. Use inf for no bound."
            )
        if (low > high).any():
            raise ValueError(f"clip must have low <= high; got {clip!r}.")
        return np.where(self.mask > 0, low, -np.inf), np.where(self.mask > 0, high, np.inf)

    def finish(self, moved):
        """Bounds applied where the row may move; the rest as it was."""
        if self.clip is not None:
            moved = np.clip(moved, *self.clip)
        return np.where(self.mask > 0, moved, self.X).astype(self.X.dtype, copy=False)

    def loss_gradient(self, y):
        """Function from rows to the gradient of their loss, where they may move.

        Rows of which the model is sure beyond rounding have no gradient left, so their scores are first divided by a
        temperature; attacks use the direction only.
        """
        model, targets = self.model, self.model.encode(y, len(self.X))

        def gradient(X):
            scores = model.scores(X)
            if model.classes is not None:
                spread = np.abs(scores) if model.n_outputs == 1 else np.ptp(scores, axis=1, keepdims=True)
                scores = scores / np.maximum(spread / 10, 1)
            return model.pull_back(X, model.likelihood.loss_and_residual(scores, targets)[1]) * self.mask

        return gradient


def check_epsilon(epsilon):
    check_scalar(epsilon, "epsilon", NUMBERS, min_val=0)
    if not np.isfinite(epsilon):
        raise ValueError(f"epsilon must be finite; got {epsilon!r}.")
    return float(epsilon)


def check_norm(norm, norms):
    if norm not in norms:
        raise ValueError(f"norm must be one of {', '.join(map(repr, norms))}; got {norm!r}.")
