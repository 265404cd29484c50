"""Training against a threat at several strengths of the last step."""

from sklearn.base import clone

from sklearn_irg._robust_training.by_penalty import no_warning_of_strength
from sklearn_irg._robust_training.last_step import last_of_pipeline, path_to_last

__all__ = ["fit_alphas_against", "last_inside"]


def fit_alphas_against(model, X, y, alphas, sample_weight=None):
    """Fitted clones of a `RobustTrainingClassifier` for each strength, in the order of ``alphas``.

    Each fits all steps of the estimator inside.
    """
    alpha = f"estimator__{path_to_last(model.estimator)}alpha"
    models = [clone(model).set_params(**{alpha: float(strength)}) for strength in alphas]
    with no_warning_of_strength():
        return [one.fit(X, y, sample_weight) for one in models]


def last_inside(model):
    """Last step of the estimator inside a `RobustTrainingClassifier`, fitted if that is."""
    return last_of_pipeline(getattr(model, "estimator_", model.estimator))
