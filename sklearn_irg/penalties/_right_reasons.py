from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.penalties._base import SamplePenalty


class RightReasons(SamplePenalty):
    r"""Squared gradient of the summed log-probabilities in entries where it should vanish.

    .. math:: \sum_d \left( A_{id} \, \frac{\partial}{\partial x_{id}} \sum_k \log p_{ik} \right)^2

    averaged over samples [1]_. The annotation A is one for entries that should not matter: columns
    through ``features``, single entries through ``fit(X, y, mask=A)``, or their product. No label
    is used. For two classes, or for each label of a multilabel target, the sum runs over the
    label's presence and absence.

    Parameters
    ----------
    features : sequence of str, int or bool, default=None
        Columns to penalize, by name, position, or a boolean per column. ``None`` means all.

    Raises
    ------
    ValueError
        In ``fit``, for an unknown feature, and for a likelihood without classes, such as a
        regressor's.

    See Also
    --------
    InputGradient : The gradient of the loss at the true label, which takes the same mask.
    sklearn_irg.model_selection.balanced_alpha : A strength to start from.

    References
    ----------
    .. [1] Ross, Hughes and Doshi-Velez (2017), "Right for the right reasons: training
       differentiable models by constraining their explanations".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import feature_sensitivity
    >>> from sklearn_irg.penalties import RightReasons
    >>> X, y = load_iris(return_X_y=True)
    >>> A = np.zeros(X.shape, dtype=bool)
    >>> A[:, 3] = True
    >>> options = {"learning_rate_init": 0.01, "tol": 1e-3, "random_state": 0}
    >>> for alpha in (0, 1):
    ...     model = GradRegMLPClassifier(penalty=RightReasons(), alpha=alpha, **options).fit(X, y, mask=A)
    ...     print(alpha, f"{feature_sensitivity(model, X, y, of='log_proba').mean[3]:.0f}")
    0 11
    1 0
    """

    group = "all"
    uses_mask = True
    builds_inputs = False

    def __init__(self, features=None):
        self.features = features

    def check(self, columns, likelihood):
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"RightReasons needs class probabilities, which {likelihood!r} does not have. Use "
                "InputGradient()."
            )
        columns.mask_of(self.features)

    def values(self, step):
        return step.squared_input_gradients(
            step.summed_log_probability_cotangent(), step.mask_of(self.features)
        )
