from sklearn_irg._checks import check_boolean, check_choice, check_integer, check_real
from sklearn_irg._engine.autodiff import root, stop_gradient
from sklearn_irg._engine.sensitivity import normalized_rows
from sklearn_irg.penalties._base import SamplePenalty


class Jacobian(SamplePenalty):
    r"""Squared Frobenius norm of the derivative of the raw outputs with respect to the input.

    .. math:: \sum_k \lVert \nabla_{x_i} z_k(x_i) \rVert_2^2

    averaged over samples. For one output this is the squared local scale of a score [2]_. No label
    is used.

    Parameters
    ----------
    n_projections : int, default=None
        Number of random unit vectors the outputs are projected on, whose average is unbiased [1]_;
        cheaper than the exact sum when there are many outputs. ``None`` is exact.
    features : sequence of str, int or bool, default=None
        Columns to penalize, by name, position, or a boolean per column. ``None`` means all.

    References
    ----------
    .. [1] Hoffman, Roberts and Yaida (2019), "Robust learning with Jacobian regularization".
    .. [2] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.penalties import Jacobian
    >>> X, y = load_iris(return_X_y=True)
    >>> round(GradRegLogisticRegression(Jacobian(), alpha=0.01).fit(X, y).score(X, y), 2)
    0.97
    """

    group = "all"

    def __init__(self, n_projections=None, features=None):
        self.n_projections = n_projections
        self.features = features

    @property
    def is_stochastic(self):
        """Whether projections are drawn."""
        return self.n_projections is not None

    def check_parameters(self):
        if self.n_projections is not None:
            check_integer(self.n_projections, "n_projections", 1)

    def check(self, columns, likelihood):
        del likelihood
        columns.mask_of(self.features)

    def values(self, step):
        mask = step.columns_of(self.features)
        if self.n_projections is None:
            return step.squared_jacobian_norms(mask)
        outputs = step.frozen_outputs
        n_projections = int(self.n_projections)
        total = 0
        for _ in range(n_projections):
            vectors = normalized_rows(
                step.random_state.standard_normal(outputs.shape).astype(outputs.dtype)
            )
            total = total + step.squared_input_gradients(vectors, mask)
        return total * (outputs.shape[1] / n_projections)


class LipschitzGradient(SamplePenalty):
    r"""Squared excess of the norm of the Jacobian over a bound.

    .. math:: \max(\lVert J(x_i) \rVert_F - b, 0)^2 \quad\text{or, two-sided,}\quad (\lVert J(x_i) \rVert_F - b)^2

    averaged over samples, J being the derivative of the raw outputs. Two-sided, at interpolates, it
    is the gradient penalty of Wasserstein GANs [1]_; one-sided it only asks for a Lipschitz
    constant of at most b [2]_.

    Parameters
    ----------
    bound : float, default=1.0
        The bound b, in units of outputs per unit of X.
    two_sided : bool, default=False
        Whether norms below the bound are penalized too.
    at : {"data", "interpolates"}, default="data"
        Where the norm is taken: at the rows, or at random convex combinations of two rows of the
        batch, which are of different samples where the loss compares two.
    features : sequence of str, int or bool, default=None
        Columns to penalize, by name, position, or a boolean per column. ``None`` means all.

    References
    ----------
    .. [1] Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville (2017), "Improved training of
       Wasserstein GANs".
    .. [2] Su (2018), "Lipschitz constraints in deep learning: generalization and generative models"
       (in Chinese).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.penalties import LipschitzGradient
    >>> X, y = load_iris(return_X_y=True)
    >>> round(GradRegLogisticRegression(LipschitzGradient(bound=2.0), alpha=1.0).fit(X, y).score(X, y), 2)
    0.96
    """

    group = "all"

    def __init__(self, bound=1.0, two_sided=False, at="data", features=None):
        self.bound = bound
        self.two_sided = two_sided
        self.at = at
        self.features = features

    @property
    def limits_slope(self):
        """Whether it counts all columns."""
        return self.features is None

    @property
    def is_stochastic(self):
        """Whether interpolates are drawn."""
        return self.at == "interpolates"

    @property
    def needs_whole_batch(self):
        """Whether rows need partners."""
        return self.at == "interpolates"

    def check_parameters(self):
        check_real(self.bound, "bound", 0)
        check_boolean(self.two_sided, "two_sided")
        check_choice(self.at, "at of LipschitzGradient", ("data", "interpolates"))

    def check(self, columns, likelihood):
        del likelihood
        if self.is_stochastic:
            columns.require_dense("LipschitzGradient at interpolates")
        columns.mask_of(self.features)

    def values(self, step):
        forward = step.forward
        if self.at == "interpolates":
            share = step.random_state.random_sample((step.X.shape[0], 1)).astype(step.X.dtype)
            forward = step.forward_at(share * step.X + (1 - share) * step.X[step.random_partners()])
        norms = root(step.squared_jacobian_norms(step.columns_of(self.features), forward=forward))
        excess = norms - float(self.bound)
        if not self.two_sided:
            excess = excess * (stop_gradient(excess) > 0)
        return excess * excess
