"""Sample weights for the last step of a pipeline."""

from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

__all__ = ["last_of_pipeline", "last_step", "path_to_last", "takes_weights", "weights_for"]


def last_of_pipeline(estimator):
    """Last step of a pipeline, also of a nested one; any other estimator itself."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def last_step(estimator):
    """Last step of a pipeline, also inside a search; any other estimator itself."""
    while isinstance(estimator, Pipeline) or _is_search(estimator):
        estimator = (
            last_of_pipeline(estimator) if isinstance(estimator, Pipeline) else estimator.estimator
        )
    return estimator


def takes_weights(estimator):
    """Whether the last step takes ``sample_weight`` in ``fit``."""
    return has_fit_parameter(last_step(estimator), "sample_weight")


def weights_for(estimator, weights):
    """Parameters of ``fit`` that pass weights to the last step of an estimator.

    Where metadata routing is enabled, the last step requests them.
    """
    if get_config()["enable_metadata_routing"]:
        _request_weights(estimator)
        return {"sample_weight": weights}
    return {f"{path_to_last(estimator)}sample_weight": weights}


def _request_weights(estimator):
    """Request weights for the last step, and refuse them for steps that make no request."""
    last = last_step(estimator)
    for step in [estimator, *estimator.get_params(deep=True).values()]:
        takes_it = has_fit_parameter(step, "sample_weight") and hasattr(step, "set_fit_request")
        if takes_it and step.get_metadata_routing().fit.requests.get("sample_weight") is None:
            step.set_fit_request(sample_weight=False)
    if last is not estimator:
        last.set_fit_request(sample_weight=True)


def path_to_last(estimator):
    """Prefix of the names of parameters of the last step, or of its ``fit``."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__{path_to_last(last)}"
    return path_to_last(estimator.estimator) if _is_search(estimator) else ""


def _is_search(estimator):
    return hasattr(estimator, "refit") and hasattr(estimator, "estimator")
