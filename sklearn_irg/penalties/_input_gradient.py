from sklearn_irg._engine.sensitivity import absolute_input_gradients, squared_input_gradients
from sklearn_irg.penalties._base import SamplePenalty


class InputGradient(SamplePenalty):
    r"""Norm of the gradient of the loss with respect to the input.

    .. math:: \lVert \nabla_{x_i} \ell(f(x_i), y_i) \rVert_2^2 \quad\text{or}\quad
        \lVert \nabla_{x_i} \ell(f(x_i), y_i) \rVert_1

    summed over features and averaged over samples [1]_ [2]_. The loss is the negative log-likelihood of the true label,
    or of the label as a `sklearn_irg.losses.LabelSmoothing` leaves it.

    Parameters
    ----------
    norm : {"l2", "l1"}, default="l2"
        "l2" is squared and makes the loss flat around each sample; "l1" makes it depend on few features.
    features : sequence of str or int, default=None
        Columns to penalise, by name or position. ``None`` means all. Single entries are chosen by ``fit(X, y, mask=A)``
        with A one where the gradient is penalised.

    Notes
    -----
    For a linear model "l1" drops features: for two classes it is the L1 norm of the coefficients times the mean absolute
    residual. `GradRegLogisticRegression` with its default solver sets the coefficients of such features exactly to zero,
    for all classes at once.

    Raises
    ------
    ValueError
        In ``fit``, for an unknown norm or feature.

    See Also
    --------
    VirtualAdversarial : Penalises the worst change of the prediction at a distance, and needs no labels.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double backpropagation".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability of deep neural
       networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.penalties import InputGradient
    >>> X, y = load_iris(return_X_y=True)
    >>> penalty = InputGradient(features=[2, 3])
    >>> GradRegLogisticRegression(penalty, alpha=0.1).fit(X, y).score(X, y) > 0.9
    True
    """

    uses_mask = True

    @property
    def builds_inputs(self):
        """Whether gradients are built rather than only their norms."""
        return self.norm != "l2"

    def __init__(self, norm="l2", features=None):
        self.norm = norm
        self.features = features

    def check(self, columns, likelihood):
        del likelihood
        if self.norm not in ("l2", "l1"):
            raise ValueError(f"norm of InputGradient must be 'l2' or 'l1'; got {self.norm!r}.")
        columns.mask_of(self.features)

    def values(self, step):
        norms = squared_input_gradients if self.norm == "l2" else absolute_input_gradients
        return norms(step.network, step.theta, step.forward, step.residuals, step.mask_of(self.features))
