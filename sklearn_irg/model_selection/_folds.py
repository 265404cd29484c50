"""Fits at several strengths in cross-validation folds, for paths and strength searches."""

import inspect
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sklearn_irg._checks import InvalidParameterError, check_sample_weight
from sklearn_irg._estimators._alphas import fit_alphas
from sklearn_irg._robust_training import RobustTrainingClassifier
from sklearn_irg._robust_training.alphas import fit_alphas_against, last_inside
from sklearn_irg._training.tasks.labels import is_marker
from sklearn_irg.attacks import make_adversarial_scorer
from sklearn_irg.model_selection._labeled_folds import LabeledStratifiedKFold

__all__ = ["Folds", "cross_validate_alphas", "fit_path", "last_step"]


@dataclass(frozen=True)
class Folds:
    """Results of the models of each fold and strength on held-out rows.

    Attributes
    ----------
    scores, attacked : ndarray of shape (n_folds, n_alphas), dict of such arrays, or None
        Scores, and robust accuracies under a threat.
    n_predicted_classes : ndarray of shape (n_folds, n_alphas), or None
        Number of different predictions, where it is requested.
    """

    scores: np.ndarray | dict
    attacked: np.ndarray | None
    n_predicted_classes: np.ndarray | None


def fit_path(
    estimator, X, y, alphas, sample_weight=None, mask=None, perturbations=None, warm_start=None
):
    """Fitted clones of an estimator or a pipeline, one for each strength.

    Pipelines share their first steps.
    """
    if isinstance(estimator, RobustTrainingClassifier):
        return fit_alphas_against(estimator, X, y, alphas, sample_weight)
    if not isinstance(estimator, Pipeline):
        options = {"perturbations": perturbations, "warm_start": warm_start}
        return fit_alphas(estimator, X, y, alphas, sample_weight, mask, **options)
    first_steps = clone(estimator[:-1])
    prepared = first_steps.fit_transform(X, y) if len(first_steps) else X
    pipelines = []
    for model in fit_path(
        estimator[-1], prepared, y, alphas, sample_weight, mask, warm_start=warm_start
    ):
        pipeline = clone(estimator)
        pipeline.steps = [*first_steps.steps, (estimator.steps[-1][0], model)]
        pipelines.append(pipeline)
    return pipelines


def cross_validate_alphas(
    estimator,
    X,
    y,
    alphas,
    cv,
    scoring,
    *,
    counts=False,
    threat=None,
    sample_weight=None,
    mask=None,
    perturbations=None,
    warm_start=None,
    n_jobs=None,
):
    """Fit and score each strength in each fold.

    Where some rows have no label, only labeled rows are tested on.

    With ``perturbations``, which no pipeline takes, models are trained and attacked within the
    perturbation sets of the rows.
    """
    X, y, mask = (_indexable(array) for array in (X, y, mask))
    sample_weight = check_sample_weight(sample_weight, X.shape[0])
    marker = getattr(last_step(estimator), "unlabeled_label", None)
    if marker is not None and isinstance(cv, Integral):
        cv = LabeledStratifiedKFold(cv, unlabeled_label=marker)
    places = np.arange(X.shape[0])
    splits = check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y)
    splits = [(places[train], places[test]) for train, test in splits]
    if not splits:
        raise InvalidParameterError(f"cv gives no folds; got {cv!r}.")
    if marker is not None:
        labeled = ~is_marker(np.asarray(y).reshape(len(y), -1)[:, 0], marker)
        splits = [(train, test[labeled[test]]) for train, test in splits]
    if is_classifier(estimator):
        _check_classes(splits, np.asarray(y), sample_weight, marker)
    rows = (X, y, sample_weight, mask, perturbations)
    scorer = _scorers(estimator, scoring, sample_weight)
    found = Parallel(n_jobs)(
        delayed(_fit_fold)(
            estimator,
            _rows_of(rows, train),
            _rows_of(rows, test),
            alphas,
            scorer,
            counts,
            threat,
            warm_start,
        )
        for train, test in splits
    )
    scores, attacked, n_predicted_classes = zip(*found, strict=True)
    if isinstance(scores[0][0], dict):
        scores = {
            name: np.array([[score[name] for score in fold] for fold in scores])
            for name in scores[0][0]
        }
    else:
        scores = np.array(scores)
    return Folds(
        scores,
        None if threat is None and perturbations is None else np.array(attacked),
        np.array(n_predicted_classes) if counts else None,
    )


def _fit_fold(estimator, training, held_out, alphas, scorer, counts, threat, warm_start):
    X_train, y_train, *others = training
    models = fit_path(estimator, X_train, y_train, alphas, *others, warm_start)
    X, y, weights, _, perturbations = held_out
    try:
        scores = [_score(scorer, model, X, y, weights) for model in models]
    except ValueError as error:
        unknown = _unknown_classes(models[0], y)
        if not unknown:
            raise
        raise ValueError(
            "the training rows of a fold of cv lack classes that its test rows have: "
            f"{_listed(unknown)}. The scorer does not take such rows: {str(error).rstrip('.')}. "
            "Use stratified folds, fewer folds, or another scoring."
        ) from error
    attacked = None
    if threat is not None:
        under_attack = make_adversarial_scorer(threat)
        attacked = [under_attack(model, X, y, sample_weight=weights) for model in models]
    elif perturbations is not None:
        attacked = [
            np.average(model.withstands(X, y, perturbations), weights=weights) for model in models
        ]
    return (
        scores,
        attacked,
        [_n_different(model.predict(X)) for model in models] if counts else None,
    )


def _check_classes(splits, y, sample_weight, marker):
    """Raise a ValueError for folds that train on rows of one class, where there are several."""
    if y.ndim > 1:
        return
    counts = np.ones(len(y), dtype=bool) if sample_weight is None else sample_weight > 0
    if marker is not None:
        counts = counts & ~is_marker(y, marker)
    if len(set(y[counts].tolist())) < 2:
        return
    for k, (train, _) in enumerate(splits):
        classes = set(y[train[counts[train]]].tolist())
        if len(classes) < 2:
            raise ValueError(
                f"fold {k} of cv has no two classes in its training rows: {_listed(classes)}. Use "
                "stratified folds, such as cv=5, or shuffle the rows."
            )


def _unknown_classes(model, y):
    """Classes of rows that the training rows of a model lack."""
    if not is_classifier(model) or np.ndim(y) > 1:
        return set()
    return set(np.asarray(y).tolist()) - set(model.classes_.tolist())


def _listed(classes):
    return ", ".join(sorted(map(repr, classes))) or "none"


def _n_different(predictions):
    """Number of different predictions.

    ``np.unique`` cannot compare rows of objects, but multilabel predictions are integers.
    """
    return len(np.unique(predictions, axis=0 if predictions.ndim > 1 else None))


def _scorers(estimator, scoring, sample_weight):
    """Scorer, or dict of scorers.

    With weights, several scorers are called one by one, since some may take none.
    """
    scorer = check_scoring(estimator, scoring=scoring)
    if sample_weight is None or not isinstance(scoring, (list, tuple, set, dict)):
        return scorer
    by_name = scoring if isinstance(scoring, dict) else {name: name for name in scoring}
    return {name: check_scoring(estimator, scoring=one) for name, one in by_name.items()}


def _score(scorer, model, X, y, weights):
    """Score, or dict of scores, weighted where the scorer takes weights."""
    if isinstance(scorer, dict):
        return {name: _score(one, model, X, y, weights) for name, one in scorer.items()}
    if weights is None or not _takes_weights(scorer):
        return scorer(model, X, y)
    try:
        return scorer(model, X, y, sample_weight=weights)
    except TypeError as error:  # scikit-learn's scorers take weights for metrics that do not
        if "unexpected keyword argument 'sample_weight'" not in str(error):
            raise
        return scorer(model, X, y)


def _takes_weights(scorer):
    parameters = inspect.signature(scorer).parameters.values()
    return any(
        parameter.name == "sample_weight" or parameter.kind is parameter.VAR_KEYWORD
        for parameter in parameters
    )


def _indexable(array):
    """Data frame of any library, or array, whose rows can be taken by position."""
    if issparse(array):
        return array.tocsr()
    return (
        array if array is None or hasattr(array, "iloc") or _is_frame(array) else np.asarray(array)
    )


def _is_frame(array):
    return hasattr(array, "columns") and hasattr(array, "shape")


def _rows_of(arrays, rows):
    return [None if array is None else _take(array, rows) for array in arrays]


def _take(array, rows):
    if hasattr(array, "iloc"):
        return array.iloc[rows]
    by_method = hasattr(array, "take") and (
        _is_frame(array) or not hasattr(array, "shape")
    )  # pyarrow, perturbations
    return array.take(rows) if by_method else array[rows]


def last_step(estimator):
    """Last step of a pipeline, or the estimator inside a wrapper; else the estimator itself."""
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return last_inside(last) if isinstance(last, RobustTrainingClassifier) else last
