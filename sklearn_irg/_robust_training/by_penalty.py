"""Training against a threat by a penalty of the last step.

The perturbation set of its inputs is found behind the other steps.
"""

import inspect
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._robust_training.last_step import last_of_pipeline, last_step, weights_for
from sklearn_irg._threats.behind_fitted_steps import perturbations_behind

__all__ = ["fit_by_penalty", "no_warning_of_strength", "trains_by_penalty"]

# a weight that hardly trains against a threat; from here on networks withstand more
# (docs/does_it_help.md), and the default of estimators, 0.03, is below
_WEAK = 0.1
_SUCH_AS = (
    'penalty="adversarial_loss" or "certified_loss", also in sums such as '
    "AdversarialLoss() + 0.003 * WeightDecay()"
)
_WEAK_DEFAULT = "is meant for input gradients and hardly trains against a threat"


def trains_by_penalty(estimator, method):
    """Whether the last step of an estimator is trained by its penalty, given ``method``.

    Raises
    ------
    ValueError
        If it should be trained by its penalty and cannot.
    """
    last = last_step(estimator)
    takes, name = getattr(last, "takes_threat", None), type(last).__name__
    if method == "penalty" and not takes:
        raise InvalidParameterError(
            'method="penalty" needs a last step with a penalty that trains against a threat; '
            f"{name} has none. Give it "
            f'{_SUCH_AS} if it is one of sklearn_irg, or use method="rounds".'
        )
    if method == "rounds" or not takes:
        _warn_of_rounds(estimator, method, takes, name)
        return False
    if last_of_pipeline(estimator) is not last:
        raise InvalidParameterError(
            f"{name} cannot be trained against a threat inside of a search. Search over "
            "RobustTrainingClassifier instead."
        )
    return True


def _warn_of_rounds(estimator, method, takes, name):
    """Warn of a missing or unused penalty by which the model could be trained."""
    if method == "auto" and takes is not None:
        warnings.warn(
            f"no penalty of {name} trains against a threat, so it is hardened in rounds like any "
            "other classifier. Give it "
            f'{_SUCH_AS}; method="rounds" says that rounds are meant.',
            stacklevel=4,
        )
    inside = estimator.get_params(deep=True).values()
    if takes is None and any(getattr(part, "takes_threat", False) is True for part in inside):
        warnings.warn(
            f"{name} is hardened in rounds; a penalty inside it knows nothing of the threat, and "
            "trains against a radius of its own.",
            stacklevel=4,
        )


def fit_by_penalty(estimator, X, y, sample_weight, params, threat):
    """Clone of an estimator, trained against a threat by its last step, and rows that withstand.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Estimator whose last step has ``fit_against``.
    X, y, sample_weight : array-like
        As for ``fit``; weights, if any, go to the last step, and where metadata are routed also to
        other steps that request them.
    params : dict
        Metadata for the other steps.
    threat : ThreatModel
        Fitted on X.

    Returns
    -------
    model : estimator or Pipeline
        Fitted clone.
    withstands : ndarray of bool of shape (n_samples,)
        Rows that stay correctly classified, as the last step's ``withstands`` finds.
    """
    model = clone(estimator)
    if sample_weight is not None and get_config()["enable_metadata_routing"]:
        params = params | weights_for(model, sample_weight)
    steps, inputs = _fit_first_steps(model, X, y, params)
    last = last_of_pipeline(model)
    _warn_of_weak_default(last)
    perturbations = perturbations_behind(steps, X, inputs, threat)
    last.fit_against(inputs, y, perturbations, sample_weight)
    for (
        _,
        step,
    ) in steps:  # some transform rows otherwise in fit_transform
        X = X if step in (None, "passthrough") else step.transform(X)
    return model, last.withstands(X, y, perturbations)


def _fit_first_steps(model, X, y, params):
    """Fit all steps of a pipeline but the last in place, also inside a nested pipeline.

    Returns these steps and their output.
    """
    steps, X = [], X if hasattr(X, "shape") else np.asarray(X)
    while isinstance(model, Pipeline):
        first, last = model[:-1], model.steps[-1][1]
        if len(first):
            X = first.fit_transform(X, y, **_for_first(first, last, params))
        model.steps = [*first.steps, model.steps[-1]]
        steps += first.steps
        model = last
    if not steps:
        check_array(X, dtype="numeric", ensure_all_finite=False)
    return [(f"step{k}", step) for k, (_, step) in enumerate(steps)], X


def _for_first(first, last, params):
    """Metadata that the first steps take; the last one takes none but weights."""
    refused = (
        get_routing_for_object(last).consumes("fit", params) - {"sample_weight"} if params else ()
    )
    if refused:
        raise InvalidParameterError(
            f"{', '.join(sorted(refused))} is not taken by a last step that is trained against a "
            "threat."
        )
    taken = get_routing_for_object(first).consumes("fit_transform", params) if params else ()
    return {name: value for name, value in params.items() if name in taken}


@contextmanager
def no_warning_of_strength():
    """Suppress the warning of a default ``alpha`` for fits at strengths that were chosen."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"alpha=.*{_WEAK_DEFAULT}")
        yield


def _warn_of_weak_default(last):
    """Warn of a default ``alpha`` that is meant for other penalties."""
    default = inspect.signature(type(last)).parameters.get("alpha")
    if default is not None and last.alpha == default.default and last.weight_of_threat < _WEAK:
        warnings.warn(
            f"alpha={last.alpha:g}, the default of {type(last).__name__}, {_WEAK_DEFAULT}. Choose "
            "one; with alpha=1 the worst points count as much as the rows.",
            stacklevel=5,
        )
