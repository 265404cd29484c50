from dataclasses import dataclass, field

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length

from sklearn_irg._checks import InvalidParameterError, check_boolean, check_integer
from sklearn_irg._estimators._base import NetworkEstimator
from sklearn_irg._robust_training import RobustTrainingClassifier
from sklearn_irg._statistics import standard_errors
from sklearn_irg._training.data import are_distributed
from sklearn_irg.diagnostics import input_gradients, linear_geometry
from sklearn_irg.model_selection._folds import cross_validate_alphas, fit_path, last_step

# of strengths where only their number is given: from a thirtieth of the default of estimators,
# 0.03, to some three hundred times it
DEFAULT_RANGE = (1e-3, 10.0)


@dataclass(frozen=True, eq=False)
class RegularizationPath:
    """Models at several strengths of a penalty, the strongest first.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths, decreasing.
    estimators : list of n_alphas estimators
        Fitted on all rows. Pipelines share their first steps, but not those inside a
        `sklearn_irg.RobustTrainingClassifier`.
    scores : ndarray of shape (n_folds, n_alphas), dict of str to such arrays, or None
        Held-out scores, by name where ``scoring`` has several; None without ``cv``.
    """

    alphas: np.ndarray
    estimators: list = field(repr=False)
    scores: np.ndarray | dict | None = field(default=None, repr=False)

    @property
    def losses(self):
        """Objective of each model at the end of its fit, penalty included, shape (n_alphas,)."""
        return np.array([last_step(estimator).loss_ for estimator in self.estimators])

    @property
    def coefs(self):
        """Coefficients of linear models, one row for two classes.

        The shape is (n_alphas, 1, n_features) or (n_alphas, n_classes, n_features).
        """
        models = [last_step(estimator) for estimator in self.estimators]
        if not hasattr(models[0], "coef_"):
            name = type(models[0]).__name__
            raise AttributeError(
                f"{name} has weights of several layers, and no coefficients. Use "
                "path.estimators[i].coefs_ for one model's."
            )
        return np.array([model.coef_ for model in models])

    def diagnostics(self, X, y):
        """Sensitivity of each model on given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their targets.

        Returns
        -------
        diagnostics : dict of str to ndarray of shape (n_alphas,)
            "gradient_norm", the mean L2 norm of the loss's gradient with respect to a row; for
            linear classifiers of two classes also "tilting_angle" in radians, "weight_norm" and
            "adversarial_distance", as in `sklearn_irg.diagnostics.linear_geometry`, NaN for a model
            without weights. They are left out where distances in X have no meaning, as behind an
            encoder.
        """
        gradients = [input_gradients(estimator, X, y) for estimator in self.estimators]
        found = {"gradient_norm": np.array([np.linalg.norm(g, axis=1).mean() for g in gradients])}
        if all(
            np.shape(getattr(last_step(estimator), "coef_", ()))[:1] == (1,)
            for estimator in self.estimators
        ):
            geometries = _geometries(self.estimators, X, y)
            for name in (
                ("tilting_angle", "weight_norm", "adversarial_distance") if geometries else ()
            ):
                found[name] = np.array([getattr(geometry, name, np.nan) for geometry in geometries])
        return found

    def to_frame(self):
        """Pandas DataFrame with a row for each strength.

        It has the loss, and mean and standard error of each score.
        """
        import pandas as pd

        columns = {"alpha": self.alphas, "loss": self.losses}
        for name, scores in {} if self.scores is None else _by_name(self.scores).items():
            columns[f"mean_{name}"] = scores.mean(axis=0)
            columns[f"standard_error_{name}"] = standard_errors(scores)
        return pd.DataFrame(columns)


def regularization_path(
    estimator,
    X,
    y,
    alphas,
    *,
    cv=None,
    scoring=None,
    sample_weight=None,
    mask=None,
    warm_start=None,
    n_jobs=None,
):
    """Fit an estimator at several strengths of its penalty, and score each in the same folds.

    From strong to weak, each fit starts from the weights of the last where the solver minimizes to
    a tolerance, as "lbfgs" does. Logistic regressions with squared input gradients or squared
    weights are fitted together, which is faster still: one matrix product with X serves all models.
    Each model meets the estimator's ``tol``.

    Parameters
    ----------
    estimator : estimator or Pipeline
        One of this package with an ``alpha``, or a pipeline that ends in one, whose other steps are
        fitted once for all strengths. Either may be inside a
        `sklearn_irg.RobustTrainingClassifier`, which then fits all steps at each strength. Not
        changed.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Targets.
    alphas : int or array-like of shape (n_alphas,)
        Strengths, in any order; an integer is their number, from 1e-3 to 10 in equal ratios.
    cv : int, cross-validation generator or iterable, default=None
        Folds to score in; an integer is their number, with the classes in proportion. ``None``
        scores nothing.
    scoring : str, callable, list or dict, default=None
        Score or scores of each fold: the name of a scorer, a callable ``scorer(estimator, X, y)``,
        a list of names, or a dict of name to scorer. ``None`` is the estimator's own score.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, in fits, and in scores whose metric takes weights.
    mask : array-like of bool of shape (n_samples, n_features), default=None
        Entries of X to which the penalty applies; not for training against a threat.
    warm_start : bool, default=None
        Whether a fit starts from the weights of the next stronger one. ``None`` means only with
        "lbfgs". Solvers that go by epochs stop early, so networks at weak penalties then keep some
        of the smoothness of the strong ones: with "adam" their scores are not those of ``alpha``
        alone. Training against a threat always starts from scratch.
    n_jobs : int, default=None
        Number of folds fitted in parallel, as in joblib.

    Returns
    -------
    path : RegularizationPath
        Models, losses and scores.

    Raises
    ------
    TypeError
        For an estimator from another library.
    ValueError
        For strengths that are negative or not finite, ``scoring`` without ``cv``, or ``mask`` or
        ``warm_start=True`` for training against a threat.

    See Also
    --------
    sklearn_irg.GradRegLogisticRegressionCV : Chooses the strength.
    sklearn_irg.displays.RegularizationPathDisplay : Draws errors, distance and angle against the
        strength.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.model_selection import regularization_path
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GradRegLogisticRegression(max_iter=1000))
    >>> path = regularization_path(model, X, y, [0.01, 0.1, 1, 10], cv=5)
    >>> path.to_frame().round(3)
       alpha   loss  mean_score  standard_error_score
    0  10.00  0.430       0.940                 0.011
    1   1.00  0.159       0.975                 0.003
    2   0.10  0.082       0.979                 0.003
    3   0.01  0.068       0.981                 0.003
    """
    check_path_estimator(estimator)
    alphas = check_alphas(alphas)
    if cv is None and scoring is not None:
        raise InvalidParameterError(
            f"scoring={scoring!r} needs folds to score in. Pass cv, such as cv=5."
        )
    if are_distributed(X):
        _check_distributed(estimator, cv)
    else:
        check_consistent_length(X, y, mask)
    if warm_start is not None:
        check_boolean(warm_start, "warm_start")
    if _trains_against_threat(estimator):
        _check_options_against_threat(mask, warm_start)
    fit_options = {"sample_weight": sample_weight, "mask": mask, "warm_start": warm_start}
    scores = None
    if cv is not None:
        folds = cross_validate_alphas(
            estimator, X, y, alphas, cv, scoring, n_jobs=n_jobs, **fit_options
        )
        scores = folds.scores
    return RegularizationPath(alphas, fit_path(estimator, X, y, alphas, **fit_options), scores)


def check_path_estimator(estimator):
    """Raise a TypeError for an estimator without a strength that a path could follow."""
    inner = (
        last_step(estimator)
        if type(estimator) is Pipeline or _trains_against_threat(estimator)
        else estimator
    )
    has_strength = isinstance(inner, NetworkEstimator) and "alpha" in inner.get_params(deep=False)
    if not (has_strength and (is_classifier(inner) or is_regressor(inner))):
        raise TypeError(
            "a path needs a classifier or regressor of sklearn_irg with an alpha, or a "
            "scikit-learn Pipeline that ends in one, also inside a RobustTrainingClassifier; got "
            f"{type(inner).__name__}. For others use sklearn.model_selection.validation_curve."
        )


def check_alphas(alphas):
    """Strengths as an array, the strongest first, each once."""
    if np.ndim(alphas) == 0:
        check_integer(alphas, "alphas", 1)
        return np.geomspace(*DEFAULT_RANGE[::-1], int(alphas))
    try:
        values = np.asarray(alphas)
        values = values.astype(np.float64) if values.dtype.kind in "iuf" else np.array([np.nan])
    except ValueError:  # rows of different lengths
        values = np.array([np.nan])
    if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values >= 0)).all():
        raise InvalidParameterError(
            f"alphas must be an integer, or finite numbers that are not negative; got {alphas!r}."
        )
    return np.unique(values)[::-1]


def _trains_against_threat(estimator):
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return isinstance(last, RobustTrainingClassifier)


def _check_options_against_threat(mask, warm_start):
    for name, value in (("mask", mask), ("warm_start", warm_start or None)):
        if value is not None:
            raise InvalidParameterError(
                f"{name} is not taken by RobustTrainingClassifier, whose threat says which entries "
                "may change and whose fits start from scratch; leave it out."
            )


def _check_distributed(estimator, cv):
    if cv is not None:
        raise TypeError(
            f"folds are of rows in memory; got a dask collection with cv={cv!r}. Score on rows "
            "held back instead."
        )
    if isinstance(estimator, Pipeline):
        raise TypeError(
            "the first steps of a pipeline would load a dask collection into memory. Pass the last "
            "step, and rows that dask has prepared."
        )
    if _trains_against_threat(estimator):
        raise TypeError("RobustTrainingClassifier trains on rows in memory; got a dask collection.")


def _by_name(scores):
    return scores if isinstance(scores, dict) else {"score": scores}


def _geometries(estimators, X, y):
    """Geometry of each model, None for those without weights.

    There is no list where distances in X have no meaning, as behind an encoder.
    """
    try:
        return [
            linear_geometry(estimator, X, y) if _has_weights(estimator) else None
            for estimator in estimators
        ]
    except ValueError:
        return None


def _has_weights(estimator):
    return np.linalg.norm(last_step(estimator).coef_) > 0
