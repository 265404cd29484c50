"""The arguments that all attacks share, validated."""

import numpy as np
from scipy.special import logsumexp

from sklearn_irg._checks import check_bounds, check_features, is_polars
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows
from sklearn_irg._fitted.table_models import TableModel
from sklearn_irg._fitted.tables import as_table

_N_LISTED = 10  # rows named in a message


class Problem:
    """A fitted model, rows as it takes them, and how they may move.

    Attributes
    ----------
    model : Model
        What predicts: its scores decide the class.
    loss_model : Model
        What states probabilities, whose loss is that of the estimator; mostly the same.
    """

    def __init__(self, estimator, X, features=None, clip=None):
        self.given = X
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        self.model, self.X = model_and_rows(estimator, X)
        self.model.require_gradients(self.X)
        self.loss_model = loss_model_of(estimator, X, self.model, self.X)
        moves = check_features(features, self.model.n_features, names)
        moves = np.concatenate([moves, np.zeros(self.X.shape[1] - len(moves), dtype=bool)])
        self.mask = moves.astype(self.X.dtype)
        self.clip = None
        if clip is not None:
            low, high = (side.astype(self.X.dtype) for side in check_bounds(clip, self.model.n_features))
            low, high = (np.concatenate([side, np.zeros(len(moves) - len(side))]) for side in (low, high))
            self.clip = np.where(moves, low, -np.inf), np.where(moves, high, np.inf)  # bounds bind only what may move

    def finish(self, moved):
        """Bounds applied where the row may move; the rest as it was."""
        if self.clip is not None:
            moved = np.clip(moved, *self.clip)
        return np.where(self.mask > 0, moved, self.X).astype(self.X.dtype, copy=False)

    def result(self, moved):
        """Moved rows as rows like X."""
        if isinstance(self.model, TableModel):
            return self.model.frame(moved)
        return as_table(self.given).with_numbers(moved.astype(np.float64)) if is_polars(self.given) else moved

    def loss_gradient(self, targets):
        """Function from rows to the direction of the gradient of their loss, where they may move.

        Up to a positive factor for each row, so that it is there where the loss of a confident model underflows.
        """

        def gradient(X):
            return self.loss_model.loss_directions(X, targets) * self.mask

        return gradient

    def harm(self, X, targets):
        """How far each row has been moved to where the model is wrong: (misclassified, loss), to be compared in this order.

        The loss is given as log-odds against the row's class where that is possible, which do not saturate.
        """
        model = self.loss_model
        scores = model.scores(X)
        if model.classes is None or model.is_multilabel:
            return np.zeros(len(X), dtype=bool), model.likelihood.loss_and_residual(scores, targets)[0]
        if model.n_outputs == 1:
            against = (1 - 2 * targets[:, 0]) * scores[:, 0]
            own = targets[:, 0].astype(int)
        else:
            own = targets.argmax(axis=1)
            others = np.where(targets > 0, -np.inf, scores)
            against = logsumexp(others, axis=1) - scores[np.arange(len(X)), own]
        finite = np.isfinite(scores).all(axis=1)
        decisive = scores if model is self.model else self.model.scores(X)
        return finite & (self.model.predicted(decisive) != own), np.where(finite, against, -np.inf)


def like(X, moved):
    """Moved rows as a DataFrame where X is one."""
    if is_polars(X):
        return moved if is_polars(moved) else type(X)(moved, schema=X.columns)
    if not hasattr(X, "iloc"):
        return moved
    return moved.set_axis(X.index) if hasattr(moved, "iloc") else type(X)(moved, columns=X.columns, index=X.index)


def listed(rows):
    """Positions for a message, the first ten of them."""
    return ", ".join(map(str, rows[:_N_LISTED])) + (", …" if len(rows) > _N_LISTED else "")


def one_for_each(targets, n_samples):
    """A class for each row, where one may be given for all."""
    targets = np.asarray(targets)
    targets = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if targets.ndim > 1:
        raise ValueError(f"targets must be one class, or one for each row of X; got an array of shape {targets.shape}.")
    return np.full(n_samples, targets) if targets.ndim == 0 else targets


def encode_targets(model, targets, y, n_samples):
    """Classes to move rows to as the likelihood wants them, none of which is the label of its row."""
    if model.classes is None:
        raise TypeError(f"targets are classes, but {model.name} is not a classifier. Leave targets=None.")
    if model.is_multilabel:
        raise TypeError(
            f"targets are classes, but {model.name} is multilabel. Take one label at a time, or leave targets=None."
        )
    wanted = model.encode(one_for_each(targets, n_samples), n_samples, name="targets")
    if y is None:
        return wanted
    own = np.flatnonzero((wanted == model.encode(y, n_samples)).all(axis=1))
    if len(own):
        raise ValueError(
            f"targets must differ from y, but equal it in {len(own)} of {n_samples} rows: {listed(own)}. Choose other classes, "
            "leave these rows out, or pass y=None to move rows of the target class too."
        )
    return wanted
