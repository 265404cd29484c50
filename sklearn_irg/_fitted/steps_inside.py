"""Decision trees inside fitted estimators of any library: they make scores step functions."""

import numpy as np

__all__ = ["contains_trees"]

# what holds the fitted parts of a vote, a stack, bagging, a calibration, a pipeline, a search or a
# wrapper
_PARTS = (
    "best_estimator_",
    "calibrated_classifiers_",
    "classifier_",
    "estimator",
    "estimator_",
    "estimators_",
    "final_estimator_",
    "regressor_",
    "transformer_list",
    "transformers_",
)


def contains_trees(estimator):
    """Whether a fitted estimator, or a part that its predictions go through, has decision trees."""
    return _is_made_of_trees(estimator) or any(contains_trees(part) for part in _parts(estimator))


def _is_made_of_trees(estimator):
    """Whether an estimator has the attributes of a fitted ensemble of trees, or of a tree.

    They are those of scikit-learn, XGBoost, LightGBM, CatBoost and InterpretML.
    """
    if hasattr(getattr(estimator, "tree_", None), "threshold"):  # others call a spatial index so
        return True
    if hasattr(estimator, "get_booster"):
        return not hasattr(estimator, "coef_")  # its linear booster has weights
    return any(
        hasattr(estimator, sign)
        for sign in ("_predictors", "booster_", "tree_count_", "term_scores_")
    )


def _parts(estimator):
    if hasattr(estimator, "steps"):
        *transformers, last = [step for _, step in estimator.steps]
        return [last, *(step for step in transformers if not _only_chooses(step))]
    if hasattr(estimator, "get_support") and not hasattr(estimator, "predict"):
        return []
    # a parameter holds an estimator to be fitted, unless there is no fitted one
    fitted = [name for name in _PARTS if name.endswith("_")]
    names = fitted if any(hasattr(estimator, name) for name in fitted) else _PARTS
    return [part for name in names for part in _flattened(getattr(estimator, name, None))]


def _only_chooses(step):
    """Whether a step uses the estimator inside it to choose columns or training rows only."""
    return (
        isinstance(step, str)
        or step is None
        or hasattr(step, "get_support")
        or hasattr(step, "fit_resample")
    )


def _flattened(value):
    """Estimators in nested lists, tuples, arrays and dicts, without the names next to them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, np.ndarray)):
        return [part for item in value for part in _flattened(item)]
    return (
        []
        if value is None or isinstance(value, (str, bytes, type)) or not hasattr(value, "__dict__")
        else [value]
    )
