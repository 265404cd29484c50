"""Differentiable scores: a network, or a function with central differences.

Scores have one column for two classes, positive for ``classes_[1]``, and one per class otherwise. A
pipeline whose steps before the last are affine becomes one model of the pipeline's input: the
affine map goes into the first layer.
"""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.utils import check_array, column_or_1d

from sklearn_irg._engine.likelihoods import default_likelihood
from sklearn_irg._engine.networks import Network
from sklearn_irg._fitted.differences import FEWEST_ROUNDINGS, STEP, central_differences
from sklearn_irg._fitted.residual_directions import residual_direction
from sklearn_irg._fitted.table_rows import numbers_of, where

__all__ = ["ROUNDING", "FunctionModel", "Model", "NetworkModel", "central_difference_steps"]

# by which scores differ that are the same but for the order of additions: some hundred units of
# relative precision; a slope over a millionth of a spread changes them by 1e-6
ROUNDING = 1e-13
# steps, to find out whether a function has slopes: a share of a tenth is then known to 4 %. 4 to
# 512 tell the same of 58 estimators on two tables
_N_TRIED = 64
_N_HALVINGS = 25  # leave 3e-8 of a line, on which only a jump is a tenth of the whole change
# of the whole change of a line, from which on what is left after all halvings is a jump; 0.01 to
# 0.5 tell the same of 58 estimators on two tables
_JUMP = 0.1
# share of lines with a jump from which on scores jump; 0.02 to 0.5 tell the same of 58 estimators
# on two tables
_FEW = 0.1
# log-odds at which one minus the probability, 1e-13, is still some 400 units in the last place
# log-odds at which one minus the probability, 1e-13, is still some 400 units in the last place;
# 300 is the same for 58 estimators on two tables, and 10 hides jumps of nearest neighbors
_SATURATED = 30.0


class Model(ABC):
    """Differentiable scores of a fitted estimator.

    Attributes
    ----------
    classes : ndarray or None
        The classes the scores stand for; None for a regressor.
    n_features, n_outputs : int
        Numbers of inputs and of scores.
    likelihood : Likelihood
        What turns scores into a loss.
    name : str
        Of the estimator, for messages.
    dtype : dtype
        Of the scores.
    has_weights : bool
        Whether it is a network, whose weights bound how fast scores change.
    is_linear : bool
        Whether scores are linear functions of X.
    is_function : bool
        Whether scores are known as a function only, so that it may turn out to be one of steps.
    is_voting : bool
        Whether scores add up votes, so that they jump where a vote changes.
    expands_squares : bool
        Whether the estimator computes scores from squared distances to points as large as the
        weights.
    has_kinks : bool
        Whether slopes at the rows may not hold further away, as behind steps that are not affine.
    is_axis_aligned : bool
        Whether trees take each column of a table by itself, categories included.
    contains_trees : bool
        Whether the estimator, or a part of it, carries decision trees, so that scores jump at their
        thresholds.
    tree : scikit-learn's ``tree_`` or None
        What makes the scores, where that is one tree.
    trees : TreesInside or None
        What makes the scores, where that may be trees of any library; they are read when they are
        asked for.
    """

    has_weights = False
    is_linear = False
    is_function = False
    is_voting = False
    has_kinks = False
    is_axis_aligned = False
    expands_squares = False
    contains_trees = False
    tree = None
    trees = None

    @abstractmethod
    def scores(self, X):
        """Scores, shape (n_samples, n_outputs)."""

    @abstractmethod
    def pull_back(self, X, cotangent):
        """Gradient of ⟨cotangent, scores⟩ for each row, shape (n_samples, n_features)."""

    def check_X(self, X):
        """X as a new finite array with the width the model was fitted with."""
        X = check_array(X, dtype=(np.float64, np.float32), input_name="X", copy=True)
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"X has {X.shape[1]} features, but {self.name} was fitted with {self.n_features}."
            )
        return X.astype(self.dtype, copy=False)

    def is_movable(self, rows):
        """Whether each entry of rows is a number that can move, in the shape of rows."""
        return np.ones(rows.shape, dtype=bool)

    def encode(self, y, n_samples, name="y"):
        """Targets as the likelihood wants them, shape (n_samples, n_outputs)."""
        y = np.asarray(y)
        if y.ndim == 0:
            raise ValueError(
                f"{name} must have an entry for each of the {n_samples} rows of X; got "
                f"{y.item()!r}."
            )
        if len(y) != n_samples:
            raise ValueError(f"{name} has {len(y)} entries, but X has {n_samples} rows.")
        if self.classes is None or self.is_multilabel:
            y = check_array(y.reshape(n_samples, -1), dtype=self.dtype, input_name=name)
            if y.shape[1] != self.n_outputs:
                raise ValueError(
                    f"{name} has {y.shape[1]} columns, but {self.name} has {self.n_outputs} "
                    "outputs."
                )
            return y
        y = column_or_1d(y)
        try:
            unseen = ~np.isin(y, self.classes)
        except TypeError:
            raise ValueError(
                f"{name} has entries that cannot be compared with the classes "
                f"{self.classes.tolist()}, such as pandas.NA. Leave out rows without a label."
            ) from None
        if unseen.any():
            raise ValueError(
                f"{name} has the label {y[unseen].tolist()[0]!r}, which is not among "
                f"{self.classes.tolist()}."
            )
        indices = np.searchsorted(self.classes, y)
        targets = indices[:, None] if self.n_outputs == 1 else np.eye(self.n_outputs)[indices]
        return targets.astype(self.dtype)

    def rescaled(self, rows, scales):
        """The model of rows in other units, and the rows in these.

        Columns of unit zero keep the value of the first row.
        """
        still = scales == 0
        other = self.after(
            np.diag(scales).astype(self.dtype), np.where(still, rows[0], 0).astype(self.dtype)
        )
        other.name = self.name
        return other, (rows / np.where(still, 1, scales) * ~still).astype(rows.dtype)

    def is_piecewise_constant(self, rows):
        """Whether slopes of the scores say nothing: scores jump, and hardly change in between.

        Scores of trees jump at their thresholds. Without known trees, the answer is yes where the
        scores of most rows stay exactly as they are when rows move by a millionth of each column's
        spread. Not of all rows, since rounded numbers may lie on a threshold.
        """
        if not self.is_function or not len(rows):
            return False
        if self.contains_trees:
            return True
        some, steps = self._random_steps(rows)
        before, after = self.scores(some), self.scores(some + 0.1 * steps)
        return np.mean(np.isclose(before, after, rtol=ROUNDING, atol=0).all(axis=1)) >= 0.5

    def require_gradients(self, rows):
        """Raise an error for what has no gradient to speak of at rows."""
        if self.is_piecewise_constant(rows):
            reason = (
                "contains decision trees: its scores jump at their thresholds and do not follow "
                "any slope in between"
                if self.contains_trees
                else "is piecewise constant: its scores do not change while a row moves a little"
            )
        elif self.is_function and not self.is_voting and self._jumps(rows):
            reason = "has scores that jump: differences over shorter and shorter steps do not become smaller"
        else:
            return
        raise TypeError(
            f"{self.name} {reason}, so gradients say nothing about how far the next change of its "
            "prediction is. Use adversarial_accuracy, adversarial_examples or attack_distance, "
            "which search."
        )

    def _jumps(self, rows):
        """Whether scores jump on a tenth or more of some short lines from rows.

        Lines are half of each column's spread long. Each is halved towards the larger change again
        and again: a jump stays, and any slope goes to zero.
        """
        start, steps = self._random_steps(rows)
        # steps are 1e-5 of the spread of each column: half of it, for the line as a whole
        end, high = self._line_ends(start, 5e4 / np.sqrt(self.n_features) * steps)
        low, high = self._before_saturation(self.scores(start)), self._before_saturation(high)
        whole = np.abs(high - low)
        whole = np.maximum(
            whole, whole.mean(axis=0)
        )  # what is small for most lines is nothing on any
        for _ in range(_N_HALVINGS):
            middle = start + 0.5 * (end - start)
            scores = self._before_saturation(self.scores(middle))
            right = np.abs(high - scores).max(axis=1) > np.abs(scores - low).max(axis=1)
            start, low = (where(right, new, old) for new, old in ((middle, start), (scores, low)))
            end, high = (where(right, old, new) for new, old in ((middle, end), (scores, high)))
        rounding = (
            100 * np.finfo(np.float32).eps * np.maximum(np.abs(low), 1)
        )  # of models in single precision
        return np.mean((np.abs(high - low) > _JUMP * whole + rounding).any(axis=1)) >= _FEW

    def _before_saturation(self, scores):
        """Scores of a classifier, clipped to log-odds whose probabilities are not rounded to one.

        Beyond these, the logarithm of a probability jumps.
        """
        return scores if self.classes is None else np.clip(scores, -_SATURATED, _SATURATED)

    def _line_ends(self, start, steps):
        """End points of steps, shorter where a pipeline rejects numbers, and their scores."""
        for share in (1.0, 0.01, 1e-4):
            try:
                return start + share * steps, self.scores(start + share * steps)
            except ValueError:  # such as the logarithm of what is negative
                continue
        return start, self.scores(start)

    def _random_steps(self, rows):
        """Some rows, repeated where there are few, and a step for each along random signs.

        Steps have the size of those of central differences: 1e-5 of each column's spread.
        """
        rng = np.random.RandomState(0)
        chosen = np.resize(rng.permutation(len(rows)), _N_TRIED)
        some = rows[chosen]
        return some, central_difference_steps(numbers_of(rows))[chosen] * self.is_movable(
            some
        ) * rng.choice([-1, 1], some.shape)

    @property
    def is_multilabel(self):
        """Whether each score decides about a label of its own."""
        return self.classes is not None and self.likelihood.is_multilabel(self.n_outputs)

    def require_classes(self):
        """Raise an error for what has no decision boundary between classes."""
        if self.classes is None:
            raise TypeError(f"{self.name} is not a classifier: it has no decision boundary.")
        if self.is_multilabel:
            raise TypeError(
                f"{self.name} is multilabel: it has a boundary per label. Take one label at a time."
            )
        if len(self.classes) < 2:
            raise ValueError(
                f"{self.name} was fitted with one class; a decision boundary needs two."
            )

    def predicted(self, scores):
        """Position of the predicted class of each row."""
        return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)

    def clearance(self, scores):
        """Margin of the predicted class over the next."""
        if scores.shape[1] == 1:
            return np.abs(scores[:, 0])
        highest = np.sort(scores, axis=1)
        return highest[:, -1] - highest[:, -2]

    def loss_gradients(self, X, targets):
        """Gradient of each row's loss with respect to it."""
        return self.pull_back(X, self.likelihood.loss_and_residual(self.scores(X), targets)[1])

    def loss_directions(self, X, targets):
        """Gradient of each row's loss up to a positive factor, even where the loss underflows."""
        return self.pull_back(X, residual_direction(self.likelihood, self.scores(X), targets))

    def score_gradients(self, X):
        """Gradient of every score, shape (n_outputs, n_samples, n_features)."""
        cotangents = np.eye(self.n_outputs, dtype=self.dtype)
        return np.stack(
            [self.pull_back(X, np.repeat(row[None], len(X), axis=0)) for row in cotangents]
        )

    def margins(self, X, label):
        """Score margins of the class at position ``label`` of each row, and their gradients.

        They are margins over the other classes, in the order of the classes. Shapes
        (n_samples, n_others) and (n_samples, n_others, n_features).
        """
        Z = self.scores(X)
        G = self.score_gradients(X)
        if self.n_outputs == 1:
            side = (2 * label - 1)[:, None].astype(self.dtype)
            return side * Z, (side * G[0])[:, None, :]
        rows = np.arange(len(X))
        G = G.transpose(1, 0, 2)
        others = np.arange(self.n_outputs)[None] != label[:, None]
        margins = (Z[rows, label][:, None] - Z)[others].reshape(len(X), -1)
        gradients = (G[rows, label][:, None] - G)[others].reshape(len(X), self.n_outputs - 1, -1)
        return margins, gradients


class NetworkModel(Model):
    """An MLP, or a linear model as one without hidden layers."""

    has_weights = True

    def __init__(self, coefs, intercepts, activation, likelihood, classes, name):
        if activation.is_identity and len(coefs) > 1:  # a linear map after all
            W, b = coefs[0], intercepts[0]
            for W_next, b_next in zip(coefs[1:], intercepts[1:], strict=True):
                W, b = W @ W_next, b @ W_next + b_next
            coefs, intercepts = [W], [b]
        self.dtype = np.result_type(*coefs)
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        self.network = Network(sizes, activation, likelihood)
        self.theta = self.network.pack(coefs, intercepts, self.dtype)
        self.likelihood = likelihood
        self.classes = classes
        self.name = name
        self.n_features = sizes[0]
        self.n_outputs = sizes[-1]
        self.is_linear = len(coefs) == 1

    @property
    def layers(self):
        """Weights and biases, ``[(W, b), …]``."""
        return self.network.unpack(self.theta)

    def scores(self, X):
        return self.network.outputs(self.theta, X)

    def pull_back(self, X, cotangent):
        forward = self.network.forward(self.theta, X)
        return self.network.pull_back(self.theta, forward, cotangent.astype(self.dtype, copy=False))

    def score_gradients(self, X):
        forward = self.network.forward(self.theta, X)
        cotangents = np.eye(self.n_outputs, dtype=self.dtype)
        return np.stack(
            [
                self.network.pull_back(self.theta, forward, np.repeat(row[None], len(X), axis=0))
                for row in cotangents
            ]
        )

    def after(self, A, c):
        """The model of X for which this one sees ``X @ A + c``."""
        (W, b), *rest = self.layers
        layers = [(A @ W, c @ W + b), *rest]
        coefs, intercepts = zip(*layers, strict=True)
        return NetworkModel(
            coefs,
            intercepts,
            self.network.activation,
            self.likelihood,
            self.classes,
            f"the pipeline with {self.name}",
        )


class FunctionModel(Model):
    """Scores known only as a function, with central differences for gradients.

    A gradient takes 4 · n_features calls of the function, or twice as many where two steps
    disagree; 2 · n_features where the units of the columns are known. The function may stand
    behind an affine map of X; differences are then taken in its own units.
    """

    dtype = np.dtype(np.float64)
    is_function = True
    units_of_steps = None

    def __init__(self, function, n_features, n_outputs, classes, name, affine=None):
        self._function = function
        self._affine = affine
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.classes = classes
        self.name = name
        self.likelihood = default_likelihood(classes, n_outputs)

    @property
    def slopes(self):
        """Derivatives of what the estimator sees, shape (n_features, n_inner_features)."""
        return np.eye(self.n_features) if self._affine is None else self._affine[0]

    def to_inner(self, X):
        """Features that the estimator itself receives."""
        return X if self._affine is None else X @ self._affine[0] + self._affine[1]

    def scores(self, X):
        return self._function(self.to_inner(X))

    def score_gradients(self, X):
        inner = self.to_inner(X).astype(np.float64, copy=False)
        gradients = central_differences(
            self._function, inner, np.ones(inner.shape, dtype=bool), self.units_of_steps
        )
        return gradients if self._affine is None else gradients @ self._affine[0].T

    def pull_back(self, X, cotangent):
        return np.einsum("kij,ik->ij", self.score_gradients(X), cotangent)

    def after(self, A, c):
        """The model of X for which this one sees ``X @ A + c``."""
        name = f"the pipeline with {self.name}"
        n_features = len(A)
        if self._affine is not None:
            A, c = A @ self._affine[0], c @ self._affine[0] + self._affine[1]
        model = FunctionModel(
            self._function, n_features, self.n_outputs, self.classes, name, (A, c)
        )
        model.is_voting, model.contains_trees = self.is_voting, self.contains_trees
        model.tree, model.trees = self.tree, self.trees
        return model


def central_difference_steps(X):
    """Steps of central differences: 1e-5 of each column's spread, and at least 1e5 roundings.

    The spread is the median absolute deviation, scaled to the standard deviation of normal data;
    else the standard deviation, or the size of the column.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = 1.4826 * np.median(np.abs(X - np.median(X, axis=0)), axis=0)
        spread = np.where(deviation > 0, deviation, X.std(axis=0))
    spread = np.where(
        (spread > 0) & np.isfinite(spread), spread, np.maximum(np.abs(X).max(axis=0), 1.0)
    )
    return np.maximum(STEP * spread, FEWEST_ROUNDINGS * np.finfo(float).eps * np.abs(X))
