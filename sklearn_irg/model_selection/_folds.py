"""Fits at several strengths, in folds: what paths and the estimators that choose their own strength share."""

import inspect
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline

from sklearn_irg._checks import InvalidParameterError, check_sample_weight
from sklearn_irg._estimators._labels import is_marker
from sklearn_irg._estimators._strengths import fit_strengths
from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.model_selection._labeled_folds import LabeledStratifiedKFold

__all__ = ["Folds", "cross_validate_strengths", "fit_path", "last_step"]


@dataclass(frozen=True)
class Folds:
    """What the models of each fold and strength gave on the rows that they had not seen.

    Attributes
    ----------
    scores, attacked : ndarray of shape (n_folds, n_alphas), dict of such arrays, or None
        Scores, and accuracies under a threat.
    n_predicted_classes : ndarray of shape (n_folds, n_alphas), or None
        Number of different predictions, where it was asked for.
    """

    scores: np.ndarray | dict
    attacked: np.ndarray | None
    n_predicted_classes: np.ndarray | None


def fit_path(estimator, X, y, alphas, sample_weight=None, mask=None, warm_start=None):
    """Fitted clones of an estimator or a pipeline, one for each strength; pipelines share their first steps."""
    if not isinstance(estimator, Pipeline):
        return fit_strengths(estimator, X, y, alphas, sample_weight, mask, warm_start=warm_start)
    first_steps = clone(estimator[:-1])
    prepared = first_steps.fit_transform(X, y) if len(first_steps) else X
    pipelines = []
    for model in fit_strengths(estimator[-1], prepared, y, alphas, sample_weight, mask, warm_start=warm_start):
        pipeline = clone(estimator)
        pipeline.steps = [*first_steps.steps, (estimator.steps[-1][0], model)]
        pipelines.append(pipeline)
    return pipelines


def cross_validate_strengths(
    estimator,
    X,
    y,
    alphas,
    cv,
    scorer,
    *,
    counts=False,
    threat=None,
    sample_weight=None,
    mask=None,
    warm_start=None,
    n_jobs=None,
):
    """Fit and score each strength in each fold. Where some rows have no label, those that are tested on have one."""
    X, y, mask = (_indexable(array) for array in (X, y, mask))
    sample_weight = check_sample_weight(sample_weight, X.shape[0])
    marker = getattr(last_step(estimator), "unlabeled_label", None)
    if marker is not None and isinstance(cv, Integral):
        cv = LabeledStratifiedKFold(cv, unlabeled_label=marker)
    splits = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y))
    if not splits:
        raise InvalidParameterError(f"cv gives no folds; got {cv!r}.")
    if marker is not None:
        labelled = ~is_marker(np.asarray(y).reshape(len(y), -1)[:, 0], marker)
        splits = [(train, test[labelled[test]]) for train, test in splits]
    rows = (X, y, sample_weight, mask)
    found = Parallel(n_jobs)(
        delayed(_fit_fold)(
            estimator, _rows_of(rows, train), _rows_of(rows[:3], test), alphas, scorer, counts, threat, warm_start
        )
        for train, test in splits
    )
    scores, attacked, n_predicted_classes = zip(*found, strict=True)
    if isinstance(scores[0][0], dict):
        scores = {name: np.array([[score[name] for score in fold] for fold in scores]) for name in scores[0][0]}
    else:
        scores = np.array(scores)
    return Folds(
        scores,
        None if threat is None else np.array(attacked),
        np.array(n_predicted_classes) if counts else None,
    )


def _fit_fold(estimator, training, held_out, alphas, scorer, counts, threat, warm_start):
    X_train, y_train, *others = training
    models = fit_path(estimator, X_train, y_train, alphas, *others, warm_start)
    X, y, weights = held_out
    weights = {} if weights is None else {"sample_weight": weights}
    scores = [scorer(model, X, y, **(weights if _takes_weights(scorer) else {})) for model in models]
    attacked = None if threat is None else [adversarial_accuracy(model, X, y, threat, **weights) for model in models]
    return scores, attacked, [_n_different(model.predict(X)) for model in models] if counts else None


def _n_different(predictions):
    """Number of different predictions; words have no unique rows, but are never in rows."""
    return len(np.unique(predictions, axis=0 if predictions.ndim > 1 else None))


def _takes_weights(scorer):
    parameters = inspect.signature(scorer).parameters.values()
    return any(parameter.name == "sample_weight" or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _indexable(array):
    if issparse(array):
        return array.tocsr()
    return array if array is None or hasattr(array, "iloc") else np.asarray(array)


def _rows_of(arrays, rows):
    return [None if a is None else a.iloc[rows] if hasattr(a, "iloc") else a[rows] for a in arrays]


def last_step(estimator):
    """An estimator, or the last step of a pipeline."""
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator
