"""Gradients: which features a model's answer depends on."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_array

from sklearn_irg._checks import check_choice, check_integer, check_real
from sklearn_irg._engine.sensitivity import summed_log_probability_cotangent
from sklearn_irg._fitted.affine import predictions
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows, score_model_of
from sklearn_irg._fitted.table_rows import numbers_of, with_numbers
from sklearn_irg._fitted.tables import as_table
from sklearn_irg._fitted.units import column_scales
from sklearn_irg.diagnostics._flip_rates import flip_rates

# of a row's absolute attributions: three times what the default quadrature misses at kinks of relu
_INCOMPLETE = 0.1


def input_gradients(estimator, X, y=None, of="loss", *, units="raw"):
    """Gradient of the loss, a score or the summed log-probabilities at each row.

    Derivatives are with respect to the input.

    Parameters
    ----------
    estimator : estimator
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels. ``None`` means the predicted ones.
    of : {"loss", "score", "log_proba"}, default="loss"
        Function to differentiate: the negative log-likelihood of each row's label, by
        ``predict_proba``; the score of the label, which is that of the decision function, for two
        classes of the second, and for a regressor the prediction; or the sum of the
        log-probabilities of all classes, for which y is not used. Without ``predict_proba``,
        probabilities are the logistic function or the softmax of the scores.
    units : {"raw", "std"}, default="raw"
        Whether derivatives are per unit of each column, or per standard deviation of the column
        over the rows given.

    Returns
    -------
    gradients : ndarray of shape (n_samples, n_features)
        Derivatives per unit. Zero for cells of a table that are categories or missing, which have
        no derivative.

    Raises
    ------
    ValueError
        For a label unseen in ``fit``, X of the wrong width or with NaN, or an unknown ``of``.
    TypeError
        For an estimator with decision trees in it, or whose scores are seen to jump: it has no
        gradient.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import input_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> input_gradients(GradRegLogisticRegression(max_iter=500).fit(X, y), X, y).shape
    (150, 4)
    """
    model, rows = model_and_rows(estimator, X)
    model.require_gradients(rows)
    gradients = _gradients(
        _differentiated(estimator, X, model, rows, of), rows, _labels(estimator, X, model, y), of
    )
    return gradients * column_scales(model, rows, units).astype(model.dtype)


def _differentiated(estimator, X, model, rows, of):
    """The model of what is differentiated.

    The loss is that of the stated probabilities, a score that of ``decision_function``.
    """
    return (score_model_of if of == "score" else loss_model_of)(estimator, X, model, rows)


def _labels(estimator, X, model, y):
    """The labels given, or those that are predicted, where there is one for each row."""
    if (
        y is None
        and model.classes is not None
        and not model.is_multilabel
        and hasattr(estimator, "predict")
    ):
        return predictions(estimator, X)
    return y


def _gradients(model, X, y, of):
    check_choice(of, "of", ("loss", "score", "log_proba"))
    if model.classes is None and of == "log_proba":
        raise ValueError(
            "of='log_proba' needs a classifier; for a regressor use 'score' or, with y, 'loss'."
        )
    if model.classes is None and of == "loss" and y is None:
        raise ValueError("the loss of a regressor needs y. Pass it, or use of='score'.")
    if model.classes is None and of == "score" and model.n_outputs > 1:
        raise ValueError(
            f"{model.name} has {model.n_outputs} outputs, so of='score' does not say which; use "
            "'loss' with y."
        )
    scores = model.scores(X)
    if of == "log_proba":
        return model.pull_back(X, summed_log_probability_cotangent(model.likelihood, scores))
    if model.classes is None and of == "score":
        mean = model.likelihood.mean(scores)
        return model.pull_back(
            X, model.likelihood.mean_derivative_product(scores, mean, np.ones_like(scores))
        )
    targets = predicted_targets(model, scores) if y is None else model.encode(y, len(X))
    if of == "loss":
        return model.loss_gradients(X, targets)
    return model.pull_back(X, np.ones_like(scores) if model.n_outputs == 1 else targets)


def predicted_targets(model, scores):
    if model.is_multilabel:
        return (scores > 0).astype(scores.dtype)
    if model.classes is None:
        return scores
    return model.encode(model.classes[model.predicted(scores)], len(scores))


@dataclass(frozen=True, eq=False)
class FeatureSensitivity:
    """Sensitivity of the loss or score to each feature.

    Attributes
    ----------
    names : ndarray of str of shape (n_features,)
        Names of the features.
    mean : ndarray of shape (n_features,)
        Mean absolute gradient; NaN for columns that are not numeric.
    std : ndarray of shape (n_features,)
        Standard deviation of the absolute gradient over rows; NaN for columns that are not numeric.
    units : {"raw", "std"}, default="raw"
        Whether gradients are per unit of each column or per standard deviation of it.
    flip_rate : ndarray of shape (n_features,) or None
        Proportion of rows whose class changes when this category alone changes, by `flip_rates`;
        NaN for other columns. ``None`` where there are no categories.
    """

    names: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    units: str = "raw"
    flip_rate: np.ndarray | None = None

    def to_frame(self):
        """A pandas DataFrame, the most sensitive feature first: numbers, then categories."""
        columns = {"mean": self.mean, "std": self.std}
        if self.flip_rate is None:
            return self._indexed(columns).sort_values("mean", ascending=False)
        frame = self._indexed({**columns, "flip_rate": self.flip_rate})
        return frame.sort_values(["mean", "flip_rate"], ascending=False)

    def _indexed(self, columns):
        import pandas as pd

        return pd.DataFrame(columns, index=pd.Index(self.names, name="feature"))


def feature_sensitivity(estimator, X, y=None, of="loss", *, units="raw"):
    """Mean absolute gradient with respect to each numeric feature.

    A category has no gradient; the proportion of rows that a change of it flips is given instead.

    Parameters
    ----------
    estimator : estimator
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples; column names come from X or from the estimator.
    y : array-like of shape (n_samples,), default=None
        Labels. ``None`` means the predicted ones.
    of : {"loss", "score", "log_proba"}, default="loss"
        Function to differentiate: the negative log-likelihood of each row's label, by
        ``predict_proba``; the score of the label, which is that of the decision function, for two
        classes of the second, and for a regressor the prediction; or the sum of the
        log-probabilities of all classes, for which y is not used. Without ``predict_proba``,
        probabilities are the logistic function or the softmax of the scores.
    units : {"raw", "std"}, default="raw"
        Whether derivatives are per unit of each column, or per standard deviation of the column,
        which makes columns comparable.

    Returns
    -------
    sensitivity : FeatureSensitivity
        Names, means and standard deviations over rows, and for a classifier of tables with
        categories `flip_rates` of these, with ``to_frame()``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import feature_sensitivity
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> sensitivity = feature_sensitivity(GradRegLogisticRegression(max_iter=500).fit(X, y), X, y)
    >>> str(sensitivity.to_frame().index[0])
    'petal length (cm)'
    """
    absolute = np.abs(input_gradients(estimator, X, y, of, units=units))
    names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
    names = [f"x{j}" for j in range(absolute.shape[1])] if names is None else names
    mean, std, flips = absolute.mean(axis=0), absolute.std(axis=0), None
    is_number = _is_number(X, absolute.shape[1])
    if not is_number.all():
        mean, std = np.where(is_number, mean, np.nan), np.where(is_number, std, np.nan)
        flips = _flips_of_categories(estimator, X, is_number)
    return FeatureSensitivity(np.asarray(names, dtype=object), mean, std, units, flips)


def _is_number(X, n_columns):
    return np.ones(n_columns, dtype=bool) if issparse(X) else as_table(X).is_number


def _flips_of_categories(estimator, X, is_number):
    flips = np.full(len(is_number), np.nan)
    if getattr(estimator, "classes_", None) is not None:
        found = flip_rates(estimator, X)
        flips[found.positions] = found.rates
    return np.where(is_number, np.nan, flips)


def integrated_gradients(estimator, X, y=None, *, baseline=None, n_steps=64):
    r"""Attribution of each row's score to its features, along the line from a baseline.

    .. math:: (x_j - b_j) \int_0^1 \frac{\partial z}{\partial x_j}\bigl(b + t (x - b)\bigr) \, dt

    by Gauss-Legendre quadrature. The attributions of a row sum to the difference of its score and
    the baseline's [1]_.

    Parameters
    ----------
    estimator : estimator
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it per point), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels whose scores are attributed; ``None`` means the predicted ones. For two classes the
        score is the decision function.
    baseline : array-like of shape (n_features,), default=None
        Starting point of the line; ``None`` is the mean of X.
    n_steps : int, default=64
        Number of points on the line.

    Returns
    -------
    attributions : ndarray of shape (n_samples, n_features)
        In units of the score.

    Raises
    ------
    ValueError
        Where attributions miss the difference of the scores by more than 10 % of a row's absolute
        attributions.
    TypeError
        For scores that jump: votes of pairs of classes, as of `SVC` with three classes, and
        decision trees.

    See Also
    --------
    deletion_mask : The few columns without which the prediction falls, of any classifier and any
        table.

    References
    ----------
    .. [1] Sundararajan, Taly and Yan (2017), "Axiomatic attribution for deep networks".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.diagnostics import integrated_gradients
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(scale(X), y)
    >>> attributions = integrated_gradients(model, scale(X))
    >>> np.column_stack([attributions.sum(axis=1), model.decision_function(scale(X)) - model.intercept_])[:3].round()
    array([[-21., -21.],
           [-11., -11.],
           [-16., -16.]])
    """
    n_steps = check_integer(n_steps, "n_steps", 1)
    model, rows = model_and_rows(estimator, X)
    y = _labels(estimator, X, model, y)
    model = score_model_of(estimator, X, model, rows)
    _require_continuous_scores(model, rows)
    start = _baseline_rows(model, rows, baseline)
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    way = rows - start
    total = np.zeros_like(way)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        total += weight * _gradients(model, (start + node * way).astype(model.dtype), y, "score")
    attributions = total * way
    _check_completeness(
        model, attributions, _scores_of(model, rows, y) - _scores_of(model, start, y)
    )
    return attributions


def _require_continuous_scores(model, rows):
    model.require_gradients(rows)
    if model.is_voting:
        raise TypeError(
            f"{model.name} adds up votes of pairs of classes, so its scores jump where a vote "
            "changes, and no attribution adds up to their difference. Use OneVsRestClassifier "
            "around it."
        )


def _baseline_rows(model, rows, baseline):
    """Rows like those given with the numbers of the baseline; ``None`` is the mean of the rows."""
    is_movable = model.is_movable(rows)
    if baseline is None:
        baseline = numbers_of(rows).sum(axis=0, dtype=model.dtype) / np.maximum(
            is_movable.sum(axis=0), 1
        )
    else:
        baseline = check_array(baseline, ensure_2d=False, dtype=model.dtype, input_name="baseline")
    if baseline.shape != (model.n_features,):
        raise ValueError(f"baseline must have shape ({model.n_features},); got {baseline.shape}.")
    return with_numbers(rows, np.where(is_movable, baseline, 0).astype(rows.dtype))


def _scores_of(model, rows, y):
    """The scores that `_gradients` differentiates."""
    scores = model.scores(rows)
    if model.classes is None:
        return model.likelihood.mean(scores)[:, 0]
    if model.n_outputs == 1:
        return scores[:, 0]
    targets = predicted_targets(model, scores) if y is None else model.encode(y, len(rows))
    return (scores * targets).sum(axis=1)


def _check_completeness(model, attributions, differences):
    missing = np.abs(attributions.sum(axis=1) - differences)
    size = np.maximum(np.abs(attributions).sum(axis=1), np.abs(differences))
    incomplete = np.flatnonzero(missing > _INCOMPLETE * size)
    if len(incomplete):
        raise ValueError(
            f"the attributions of {len(incomplete)} of {len(size)} rows, such as row "
            f"{incomplete[0]}, do not add up to the difference of scores of {model.name}: the sum "
            f"is {attributions[incomplete[0]].sum():.3g}, the difference "
            f"{differences[incomplete[0]]:.3g}. A larger n_steps helps where scores bend sharply, "
            "and nothing where they jump."
        )


def largest_gradient_mask(estimator, X, y=None, *, threshold=0.67, of="log_proba"):
    """Mask of the entries where each row's gradient is largest.

    Parameters
    ----------
    estimator : estimator
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels. ``None`` means the predicted ones.
    threshold : float, default=0.67
        Fraction of the row's largest absolute gradient above which an entry is in the mask.
    of : {"loss", "score", "log_proba"}, default="log_proba"
        Function to differentiate: the negative log-likelihood of each row's label; its score; or
        the sum of the log-probabilities of all classes, as in `input_gradients`.

    Returns
    -------
    mask : ndarray of bool of shape (n_samples, n_features)
        True where the gradient is large; can be passed on as ``fit(X, y, mask=mask)``.

    References
    ----------
    .. [1] Ross, Hughes and Doshi-Velez (2017), "Right for the right reasons: training
       differentiable models by constraining their explanations".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import largest_gradient_mask
    >>> X, y = load_iris(return_X_y=True)
    >>> mask = largest_gradient_mask(GradRegLogisticRegression(max_iter=500).fit(X, y), X)
    >>> mask.mean(axis=0).round(1)  # share of the rows in which each feature is among the most used
    array([0.2, 0.1, 0.8, 0.5])
    """
    threshold = check_real(threshold, "threshold", 0, 1)
    absolute = np.abs(input_gradients(estimator, X, y, of))
    return (absolute > threshold * absolute.max(axis=1, keepdims=True)) & (absolute > 0)


def find_another_explanation(estimator, X, y, n_models=2, *, threshold=0.67):
    """Models that are right for different reasons.

    Each avoids the entries that earlier models used most.

    The first is fitted without a mask; after each, its `largest_gradient_mask` is added to the mask
    of the next [1]_.

    Parameters
    ----------
    estimator : estimator
        Unfitted estimator whose ``fit`` takes ``mask`` and whose penalty uses it, such as
        ``RightReasons()``.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Labels.
    n_models : int, default=2
        Number of models.
    threshold : float, default=0.67
        Fraction of a row's largest absolute gradient above which an entry is added to the mask.

    Returns
    -------
    models : list of estimators
        Fitted clones. When accuracy drops, there are no further explanations.

    References
    ----------
    .. [1] Ross, Hughes and Doshi-Velez (2017), "Right for the right reasons: training
       differentiable models by constraining their explanations".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import find_another_explanation
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier((8,), penalty="right_reasons", tol=0.01, random_state=0)
    >>> len(find_another_explanation(model, X, y, n_models=2))
    2
    """
    n_models = check_integer(n_models, "n_models", 1)
    models, mask = [], np.zeros(np.shape(X), dtype=bool)
    for _ in range(n_models):
        models.append(clone(estimator).fit(X, y, mask=mask))
        mask = mask | largest_gradient_mask(models[-1], X, y, threshold=threshold)
    return models
