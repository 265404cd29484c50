"""The model inside a fitted estimator, and rows as it takes them, checked by ``predict``."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._checks import is_polars
from sklearn_irg._fitted.affine import as_fitted, is_reordered, predictions, stated_probabilities
from sklearn_irg._fitted.attributes import (
    PredictsOtherwiseError,
    as_model,
    classes_of,
    score_function,
    tree_of,
)
from sklearn_irg._fitted.cells import Kind
from sklearn_irg._fitted.coded_models import CodedTableModel
from sklearn_irg._fitted.probabilities import (
    AGREEMENT,
    OneVsRestModel,
    around_boundary,
    labels_follow,
    near_boundary,
    only,
    rows_for,
    states,
)
from sklearn_irg._fitted.stand_ins import innermost
from sklearn_irg._fitted.steps import NotAffineError, NotNumbersError, Steps, read_steps
from sklearn_irg._fitted.steps_inside import contains_trees
from sklearn_irg._fitted.table_models import AffineTableModel, FunctionTableModel, slopes_of
from sklearn_irg._fitted.table_rows import TableRows, numbers_of, stacked
from sklearn_irg._fitted.tables import as_table, flags_as_floats
from sklearn_irg._fitted.trees import TreesInside

__all__ = [
    "has_steps",
    "loss_model_of",
    "model_and_numbers",
    "model_and_rows",
    "model_behind",
    "model_of_predictions",
    "score_model_of",
    "whole_model",
]

# of the largest score, up to which a label may be either; none, and 1e-3, give the same models of
# 58 estimators on two tables
_TIE = 1e-6
_NO_SCORE = 1e-9  # the same where all scores are next to zero
# labels that follow the scores, of those that must: all would let one row of another precision
# decide. 0.6 and 1 give the same models of 58 estimators on two tables
_NEARLY_ALL = 0.99
# probability of all rows from which on these cannot tell one link from another, to the three
# digits in which they are compared; a choice
_CONFIDENT = 0.99
# of the largest score, next to zero, where relative differences say nothing; 1e-9 to 1e-2 give the
# same models of 58 estimators on two tables
_SCORES = 1e-5


def model_and_rows(estimator, X, table=None):
    """The model inside a fitted estimator and X as an array, after a check against ``predict``.

    Its scores are those of ``decision_function`` where labels follow them, else log-probabilities.
    With a ``table``, the rows of X taken apart, it is a model of the table's numbers.

    Raises
    ------
    TypeError, ValueError
        As `as_model`, for X of the wrong width or with NaN, for column names other than in ``fit``,
        and where ``predict`` does not follow the scores.
    """
    inner = innermost(estimator)
    model, rows = _agreeing_model(inner, X, table)
    return _if_it_agrees(_predict_alike(estimator, inner, model, rows), model, rows)


def _predict_alike(estimator, inner, model, rows):
    """Whether a search predicts the same as the estimator that it found.

    They are compared at rows and near the boundary of the model.
    """
    if (
        estimator is inner
        or model.classes is None
        or issparse(rows)
        or not hasattr(estimator, "predict")
    ):
        return True
    points = stacked([rows, *near_boundary(model, rows)])
    predicted = [predictions(some, rows_for(some, model, points)) for some in (estimator, inner)]
    return bool(np.array_equal(*predicted))


def _agreeing_model(estimator, X, table):
    """The model of the scores that labels follow."""
    model, rows = _bound(estimator, X, table)
    model.contains_trees = contains_trees(estimator)
    agrees = _predicts_rows(model, rows, estimator, X, table)
    if (
        model.classes is None
        or model.is_multilabel
        or len(model.classes) < 2
        or not hasattr(estimator, "predict")
    ):
        return _if_it_agrees(agrees, model, rows)
    if model.has_weights or not _has_two_scores(
        estimator, model
    ):  # no other scores that labels might follow
        follows = model.has_weights and agrees and not issparse(rows)
        return _if_it_agrees(
            labels_follow(model, rows, estimator) if follows else agrees, model, rows
        )
    if agrees and labels_follow(model, rows, estimator):
        return model, rows
    if _are_linked(estimator, model, rows):
        return _if_it_agrees(False, model, rows)
    other = _view(estimator, "predict_proba", X, table, model)
    if _predicts_rows(other, rows, estimator, X, table) and labels_follow(other, rows, estimator):
        return other, rows
    return _if_it_agrees(False, model, rows)


def _if_it_agrees(agrees, model, rows):
    if agrees:
        return model, rows
    raise PredictsOtherwiseError(
        f"{model.name} does not predict by its scores alone (a threshold, votes, a link, or steps "
        "that are not affine where X lies), so results based on its scores would be wrong. Pass "
        "the estimator inside it."
    )


def _has_two_scores(estimator, model):
    """Whether labels may follow one function of a classifier or the other."""
    methods = ("predict", "decision_function", "predict_proba")
    return (
        model.classes is not None
        and not model.has_weights
        and all(hasattr(estimator, name) for name in methods)
    )


def _are_linked(estimator, model, rows):
    """Whether probabilities are the softmax of the scores, so that labels follow both or none.

    False where all rows have a probability of 0.99 or more: these cannot tell.
    """
    stated = stated_probabilities(estimator, rows_for(estimator, model, rows))
    return bool((stated.max(axis=1) < _CONFIDENT).any()) and states(model, rows, stated)


def _view(estimator, method, X, table, model):
    """The model of one method of an estimator, for the rows of another model of it."""
    view, _ = _bound(only(estimator, method), X, table)
    view.name, view.contains_trees = model.name, model.contains_trees
    return view


def _predicts_rows(model, rows, estimator, X, table):
    """Whether ``estimator.predict`` follows the scores of a model on the rows given."""
    if not hasattr(estimator, "predict") or model.is_multilabel:
        return True
    if model.classes is not None and len(model.classes) < 2:
        return True
    plain = table is None and _is_numeric(X)
    given = X if hasattr(X, "columns") else as_fitted(estimator, numbers_of(rows) if plain else X)
    predicted = predictions(estimator, given)
    scores = model.scores(rows)
    if model.classes is None:
        means = model.likelihood.mean(scores)
        return np.allclose(
            means,
            predicted.reshape(means.shape),
            rtol=AGREEMENT,
            atol=AGREEMENT * np.abs(predicted).max(),
        )
    clear = model.clearance(scores) > _TIE * np.abs(scores).max() + _NO_SCORE
    return (
        not clear.any()
        or np.mean((model.classes[model.predicted(scores)] == predicted)[clear]) >= _NEARLY_ALL
    )


def score_model_of(estimator, X, model, rows):
    """The model whose scores are those of ``decision_function``, for the same rows.

    It is the given one where there is no ``decision_function``, or where both agree.
    """
    estimator = innermost(estimator)
    if model.classes is None or not hasattr(estimator, "decision_function"):
        return model
    stated = np.asarray(estimator.decision_function(rows_for(estimator, model, rows))).reshape(
        len(rows), -1
    )
    scores = model.scores(rows)
    if scores.shape == stated.shape and np.allclose(
        scores, stated, rtol=AGREEMENT, atol=_SCORES * np.abs(stated).max()
    ):
        return model
    return _view(estimator, "decision_function", X, None, model)


def loss_model_of(estimator, X, model, rows, table=None):
    """The model whose loss is that of the probabilities of ``predict_proba``, for the same rows.

    Without ``predict_proba`` it is the given one, of `model_and_rows`: scores are taken for
    log-odds, or for unnormalized log-probabilities. A ``table`` is the one that `model_and_rows`
    was given.
    """
    estimator = innermost(estimator)
    if model.classes is None or not hasattr(estimator, "predict_proba"):
        return model
    if model.is_function and not hasattr(
        estimator, "decision_function"
    ):  # log-probabilities as it is
        return model
    tried = stacked([rows, around_boundary(model, rows)])
    stated = stated_probabilities(estimator, rows_for(estimator, model, tried))
    if states(model, tried, stated):
        return model
    if model.n_outputs > 2 and not model.is_multilabel:
        one_vs_rest = OneVsRestModel(model)
        if states(one_vs_rest, tried, stated):
            return one_vs_rest
    return _view(estimator, "predict_proba", X, table, model)


def model_behind(estimator, steps, slopes, X, table):
    """The model of a pipeline's last step behind steps of known slopes, and rows for it."""
    last = steps.last
    inner = as_model(last)
    if inner.classes is not None and (inner.has_weights or _has_two_scores(last, inner)):
        step_outputs = np.asarray(steps(table.X), dtype=np.float64)
        if not labels_follow(inner, step_outputs, last):
            name = inner.name
            inner = (
                as_model(only(last, "predict_proba")) if hasattr(last, "predict_proba") else inner
            )
            inner.name = name
            _if_it_agrees(labels_follow(inner, step_outputs, last), inner, step_outputs)
    model = AffineTableModel(inner, steps, slopes)
    model.contains_trees = contains_trees(estimator)
    rows = model.bind(table)
    return _if_it_agrees(_predicts_rows(model, rows, estimator, X, table), model, rows)


def model_of_predictions(estimator, table):
    """A model whose scores are the one-hot predictions of a classifier, and a table's rows for it.

    There is one column per class; for two classes, one column of -1 and +1.
    """
    classes = classes_of(estimator)
    name = type(estimator).__name__
    if classes is None:
        raise TypeError(f"{name} is not a classifier: it has no decision boundary.")

    def scores(X):
        one_hot = (predictions(estimator, as_fitted(estimator, X))[:, None] == classes).astype(
            np.float64
        )
        return one_hot[:, 1:] - one_hot[:, :1] if len(classes) == 2 else one_hot

    model = FunctionTableModel(
        scores, table.n_columns, 1 if len(classes) == 2 else len(classes), classes, name
    )
    model.contains_trees = contains_trees(estimator)
    return model, model.bind(table)


def model_and_numbers(estimator, X):
    """As `model_and_rows`, where all cells of X have to be numbers behind affine steps.

    Flags become zeros and ones.
    """
    model, rows = model_and_rows(estimator, X if issparse(X) else _as_plain_numbers(X))
    if isinstance(rows, TableRows):
        raise TypeError(
            "this needs rows of numbers, none missing, behind affine steps; got a table. For "
            f"{model.name}, pass the last step with X as transformed by the others: pipe[-1] and "
            "pipe[:-1].transform(X)."
        )
    return model, rows


def _as_plain_numbers(X):
    """X with zeros and ones for flags, and a frame of pandas in place of one of polars."""
    X = flags_as_floats(X)
    if not is_polars(X):
        return X
    import pandas as pd

    return pd.DataFrame(X.to_numpy(), columns=X.columns)


def _bound(estimator, X, table):
    """A model and the rows that it takes: numbers where X has nothing else, a table's otherwise."""
    _refuse_boosters(estimator)
    check_is_fitted(estimator)
    in_order = not is_reordered(estimator, getattr(X, "columns", None))
    if table is None and in_order and _is_numeric(X) and not _needs_frames(estimator, X):
        try:
            model = as_model(estimator, X)
        except NotAffineError:
            if issparse(X):
                raise
        else:
            return model, model.check_X(X)
    table = as_table(X) if table is None else table
    if (
        in_order
        and not (has_steps(estimator) or _needs_cells(estimator))
        and (table.is_number | table.is_flag | _are_coded(table)).all()
        and not table.has_missing_cells()
    ):
        model = as_model(estimator)
        if (
            model.has_weights
            or model.tree is not None
            or (model.trees is not None and model.trees.have_a_reader)
        ):
            name = model.name
            model = AffineTableModel(
                model, _cells_as_floats, np.diag(table.is_number.astype(np.float64))
            )
            model.name = name
            return model, model.bind(table)
    return _table_model(estimator, table)


def _are_coded(table):
    """Columns of numbers, whether they are taken as such or as categories."""
    return np.array([kind is Kind.NUMBERS for kind in table.kinds], dtype=bool)


def _cells_as_floats(X):
    """Cells of a table without strings as floats, as a bare estimator takes them.

    Flags become zeros and ones.
    """
    return as_table(X, numerical=range(X.shape[1])).numbers()


def _is_numeric(X):
    """Whether X is an array or a frame of numbers, none missing; flags are categories."""
    if issparse(X):
        return True
    if not (hasattr(X, "iloc") or is_polars(X)):
        X = np.asarray(X)
        if X.dtype.kind in "iuf":
            return not (X.dtype.kind == "f" and np.isnan(X).any())
        if X.ndim != 2:
            return True  # which is refused with what is wrong with it
    table = as_table(X)
    return bool(table.is_number.all()) and not table.has_missing_cells()


def _needs_frames(estimator, X):
    """Whether an estimator has to be called with a frame rather than with an array.

    It may have been fitted with frames of polars, unless its weights can be read instead.
    """
    weights = ("coef_", "coefs_", "centroids_")
    return (is_polars(X) and not any(hasattr(estimator, name) for name in weights)) or _needs_cells(
        estimator
    )


def _needs_cells(estimator):
    """Whether an estimator takes integers for categories and rejects floats, as CatBoost does."""
    return bool(
        getattr(Steps(estimator).last, "get_cat_feature_indices", list)()
    ) and not has_steps(estimator)


def _table_model(estimator, table):
    """A model of the numbers of a table's rows, and the rows as it takes them."""
    steps = Steps(estimator) if has_steps(estimator) else None
    if steps is not None:
        slopes, is_affine = _local_slopes(steps, table)
        if slopes is not None:
            model = AffineTableModel(as_model(steps.last), steps, slopes, has_kinks=not is_affine)
            return model, model.bind(table)
    model = whole_model(estimator, table)
    model.has_kinks = steps is not None
    return model, model.bind(table)


def _refuse_boosters(estimator):
    """Raise an error for a library's booster, which is no estimator, that names its wrapper."""
    kind = type(estimator)
    wrappers = {
        "xgboost": "XGBClassifier",
        "lightgbm": "LGBMClassifier",
        "catboost": "CatBoostClassifier",
    }
    library = kind.__module__.partition(".")[0]
    if library in wrappers and not hasattr(estimator, "get_params"):
        raise TypeError(
            f"{kind.__name__} of {library} is no scikit-learn estimator: it does not say which "
            f"class it predicts. Pass a fitted {library}.{wrappers[library]}."
        )


def has_steps(estimator):
    """Whether it is a pipeline of more than its last step."""
    return bool(Steps(estimator).transformers)


def _local_slopes(steps, table):
    """Slopes near rows, and whether they are known to hold anywhere.

    Slopes are None where steps are not affine or do not return numbers.
    """
    try:
        reading = read_steps(steps, table)
    except NotNumbersError:
        return None, False
    if reading.unknown[table.is_number].any():
        return slopes_of(steps, table), False
    return (reading.slopes, True) if reading.is_affine else (None, False)


def whole_model(estimator, table):
    """A model of a table's rows that knows an estimator, with all its steps, as a function only."""
    name = type(estimator).__name__
    if has_steps(estimator):
        name = f"the pipeline with {type(Steps(estimator).last).__name__} behind steps that are not affine"
    classes, last = classes_of(estimator), Steps(estimator).last
    scores, n_outputs = score_function(estimator, classes, name, table.take([0]).X)
    if has_steps(estimator) or not TreesInside(last).have_a_reader:
        return FunctionTableModel(scores, table.n_columns, n_outputs, classes, name)
    model = CodedTableModel(scores, table.n_columns, n_outputs, classes, name, last)
    model.tree = tree_of(last) if table.is_number.all() else None
    return model
