"""Validation of the arguments that all attacks share."""

import numpy as np

from sklearn_irg._checks import check_bounds, check_choice, check_features, check_real, is_polars
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows
from sklearn_irg._fitted.table_models import TableModel
from sklearn_irg._fitted.table_rows import numbers_of, with_numbers
from sklearn_irg._fitted.tables import as_table
from sklearn_irg._perturbations.projection import DUAL, BoxAndBall
from sklearn_irg._threats.adversarial_margins import adversarial_margins
from sklearn_irg._threats.arguments import check_alone, fitted_threat, one_radius
from sklearn_irg._threats.table_perturbations import TablePerturbations
from sklearn_irg._threats.threat_model import ThreatModel

_N_LISTED = 10  # rows named in a message


class GradientProblem:
    """Fitted model, rows as it takes them, and the columns that may move.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Rows.
    features, clip : default=None
        Columns that may move, and bounds of the result.

    Attributes
    ----------
    model : Model
        Model that predicts: its scores decide the class.
    loss_model : Model
        Model that gives probabilities, whose loss is that of the estimator; mostly the same.
    mask : ndarray of shape (n_features,)
        One where rows may move, zero elsewhere.
    """

    def __init__(self, estimator, X, features=None, clip=None):
        self.given = X
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        self.model, self.X = model_and_rows(estimator, X)
        self.model.require_gradients(self.X)
        self.loss_model = loss_model_of(estimator, X, self.model, self.X)
        moves = check_features(features, self.model.n_features, names)
        self.mask = moves.astype(self.X.dtype)
        self.clip = None
        if clip is not None:
            low, high = (
                side.astype(self.X.dtype) for side in check_bounds(clip, self.model.n_features)
            )
            self.clip = (
                np.where(moves, low, -np.inf),
                np.where(moves, high, np.inf),
            )  # bounds bind only what may move

    def finish(self, numbers):
        """Rows with other numbers, inside bounds where they may move and unchanged elsewhere."""
        if self.clip is not None:
            numbers = np.clip(numbers, *self.clip)
        before = numbers_of(self.X)
        return with_numbers(
            self.X, np.where(self.mask > 0, numbers, before).astype(before.dtype, copy=False)
        )

    def result(self, moved):
        """Moved rows as rows like X."""
        if isinstance(self.model, TableModel):
            return self.model.frame(moved)
        return (
            as_table(self.given).with_numbers(moved.astype(np.float64))
            if is_polars(self.given)
            else moved
        )


class AscentProblem(GradientProblem):
    """Gradient problem within a radius, or as a threat model allows.

    A point is delta, shape (n_samples, n_features), the perturbation of each number in units of its
    scale.

    Attributes
    ----------
    ball : BoxAndBall
        Set of delta.
    """

    def __init__(self, estimator, X, threat, norm=None, features=None, clip=None):
        if isinstance(threat, ThreatModel):
            check_alone(norm=norm, features=features, clip=clip)
            fitted_threat(threat, X)
        super().__init__(estimator, X, features, clip)
        self._arrays, self.scales = None, np.ones(self.model.n_features)
        if isinstance(threat, ThreatModel):
            self._read(threat, X)
        else:
            norm = check_choice("l2" if norm is None else norm, "norm", tuple(DUAL))
            self.ball = BoxAndBall(*self._box(), check_real(threat, "threat", 0), norm)

    def _read(self, threat, X):
        if threat.n_swaps > 0 and threat.allowed_swaps_:
            raise TypeError(
                "this attack follows gradients, which categories do not have. Use "
                "adversarial_examples, which also swaps them, or threat.set_params(n_swaps=0)."
            )
        self._arrays = TablePerturbations.of(threat, X).arrays
        self.scales = self._arrays.scales
        self.ball = self._arrays.box_and_ball(one_radius(threat))
        self.mask = self.mask * (self.ball.low < self.ball.high)

    def _box(self):
        """Bounds of delta, zero where rows do not move."""
        numbers = numbers_of(self.X)
        low, high = (
            (-np.inf, np.inf) if self.clip is None else (side - numbers for side in self.clip)
        )
        box = np.minimum(low, 0), np.maximum(high, 0)
        return [np.where(self.mask > 0, np.broadcast_to(side, numbers.shape), 0.0) for side in box]

    def at(self, delta):
        """Rows moved by delta, inside bounds."""
        if self._arrays is not None:
            delta = self._arrays.on_grid(delta)
        return self.finish(numbers_of(self.X) + (delta * self.scales).astype(self.X.dtype))

    def loss_gradient(self, targets, sign=1):
        """Function from delta to the direction of the gradient of the loss, where rows may move.

        It is up to a positive factor for each row, so that it exists even where the loss of a
        confident model underflows.
        """

        def gradient(delta):
            moved = (self.X + delta * self.scales).astype(self.X.dtype)
            return (
                sign * self.loss_model.loss_directions(moved, targets) * (self.mask * self.scales)
            )

        return gradient

    def objective(self, X, targets):
        """Whether each row is misclassified, and its loss, to be compared in this order.

        The loss is given as log-odds against the row's label where that is possible, which do not
        saturate.
        """
        model = self.loss_model
        scores = model.scores(X)
        if model.classes is None or model.is_multilabel:
            return np.zeros(len(X), dtype=bool), model.likelihood.loss_and_residual(
                scores, targets
            )[0]
        label = targets[:, 0].astype(int) if model.n_outputs == 1 else targets.argmax(axis=1)
        decisive = scores if model is self.model else self.model.scores(X)
        is_wrong, _ = adversarial_margins(self.model, decisive, label)
        return is_wrong, adversarial_margins(model, scores, label)[1]


def as_frame_like(X, moved):
    """Moved rows as a DataFrame where X is one."""
    if is_polars(X):
        return moved if is_polars(moved) else type(X)(moved, schema=X.columns)
    if not hasattr(X, "iloc"):
        return moved
    return (
        moved.set_axis(X.index)
        if hasattr(moved, "iloc")
        else type(X)(moved, columns=X.columns, index=X.index)
    )


def listed(rows):
    """Positions for a message, the first ten of them."""
    return ", ".join(map(str, rows[:_N_LISTED])) + (", …" if len(rows) > _N_LISTED else "")


def one_for_each(targets, n_samples):
    """Targets with a class for each row, where one may be given for all."""
    targets = np.asarray(targets)
    targets = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if targets.ndim > 1:
        raise ValueError(
            "targets must be one class, or one for each row of X; got an array of shape "
            f"{targets.shape}."
        )
    return np.full(n_samples, targets) if targets.ndim == 0 else targets


def encode_targets(model, targets, y, n_samples):
    """Target classes as the likelihood takes them, none of which is the label of its row."""
    if model.classes is None:
        raise TypeError(
            f"targets are classes, but {model.name} is not a classifier. Leave targets=None."
        )
    if model.is_multilabel:
        raise TypeError(
            f"targets are classes, but {model.name} is multilabel. Take one label at a time, or "
            "leave targets=None."
        )
    wanted = model.encode(one_for_each(targets, n_samples), n_samples, name="targets")
    if y is None:
        return wanted
    same = np.flatnonzero((wanted == model.encode(y, n_samples)).all(axis=1))
    if len(same):
        raise ValueError(
            f"targets must differ from y, but equal it in {len(same)} of {n_samples} rows: "
            f"{listed(same)}. Choose other classes, leave these rows out, or pass y=None to move "
            "rows of the target class too."
        )
    return wanted
