"""Training against a threat by a penalty of the last step: what its inputs may become is found out behind the other steps."""

import inspect
import warnings

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._robust_training.last_step import last_of_pipeline, last_step
from sklearn_irg._threats.behind_fitted_steps import perturbations_behind

__all__ = ["fit_by_penalty", "trains_by_penalty"]

_SUCH_AS = (
    'penalty="adversarial_loss" or "certified_loss", also in sums such as AdversarialLoss() + 0.003 * WeightDecay()'
)


def trains_by_penalty(estimator, method):
    """Whether the last step of an estimator is trained by its penalty, by the parameter ``method``.

    Raises
    ------
    ValueError
        If it should be and cannot.
    """
    takes = getattr(last_step(estimator), "takes_threat", None)
    name = type(last_step(estimator)).__name__
    if method == "rounds" or (method == "auto" and takes is None):
        return False
    if not takes and method == "penalty":
        raise InvalidParameterError(
            f'method="penalty" needs a last step with a penalty that trains against a threat; {name} has none. Give it '
            f'{_SUCH_AS} if it is one of sklearn_irg, or use method="rounds".'
        )
    if not takes:
        warnings.warn(
            f"no penalty of {name} trains against a threat, so it is hardened in rounds like any other classifier. Give it "
            f'{_SUCH_AS}; method="rounds" says that rounds are meant.',
            stacklevel=4,
        )
    elif last_of_pipeline(estimator) is not last_step(estimator):
        raise InvalidParameterError(
            f"{name} cannot be trained against a threat inside of a search. Search over RobustTrainingClassifier instead."
        )
    return bool(takes)


def fit_by_penalty(estimator, X, y, sample_weight, params, threat):
    """A fitted clone of an estimator, trained against what its last step's inputs may become, and which rows withstand that.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Its last step has ``fit_against``.
    X, y, sample_weight : array-like
        As for ``fit``; weights, if any, go to the last step.
    params : dict
        Metadata for the other steps.
    threat : ThreatModel
        Fitted on X.
    """
    model = clone(estimator)
    steps, inputs = _fit_first_steps(model, X, y, params)
    last = last_of_pipeline(model)
    _warn_of_weak_default(last)
    perturbations = perturbations_behind(steps, X, inputs.shape[1], threat)
    last.fit_against(inputs, y, perturbations, sample_weight)
    return model, last.withstands(inputs, y, perturbations)


def _fit_first_steps(model, X, y, params):
    """Fit all steps but the last of a pipeline, also of one inside it, in place; these steps, and what comes out of them."""
    steps = []
    while isinstance(model, Pipeline):
        first = model[:-1]
        if len(first):
            X = first.fit_transform(X, y, **_without_last(model, params))
        model.steps = [*first.steps, model.steps[-1]]
        steps += first.steps
        model = model.steps[-1][1]
    return [(f"step{k}", step) for k, (_, step) in enumerate(steps)], X


def _without_last(model, params):
    """Metadata for all steps but the last, which takes none but weights."""
    refused = get_routing_for_object(model.steps[-1][1]).consumes("fit", params) if params else ()
    if refused:
        raise InvalidParameterError(
            f"{', '.join(sorted(refused))} is not taken by a last step that is trained against a threat."
        )
    return params


def _warn_of_weak_default(last):
    """Warn of a strength that nobody has chosen, and that is meant for other penalties."""
    default = inspect.signature(type(last)).parameters.get("alpha")
    if default is not None and last.alpha == default.default and default.default < 0.1:
        warnings.warn(
            f"alpha={last.alpha:g}, the default of {type(last).__name__}, is meant for input gradients and hardly trains "
            "against a threat. Choose one; with alpha=1 the worst points count as much as the rows.",
            stacklevel=4,
        )
