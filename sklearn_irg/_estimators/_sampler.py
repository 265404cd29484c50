import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._engine.generator import CriticAndGenerator, Opponents
from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._estimators._base import Encoded
from sklearn_irg._estimators._fit_method import fit_method
from sklearn_irg._estimators._mlp import MLPEstimator
from sklearn_irg._estimators._no_targets import NoTargets
from sklearn_irg.losses._generator import GeneratorLoss
from sklearn_irg.solvers import Adam

_N_LATENT = 100  # rows that are generated to see that they are finite
_SPEED = 1 / 3  # of the generator: as fast as the critic it runs from mode to mode


class WassersteinSampler(NoTargets, MLPEstimator):
    r"""New rows like those of a table, from a generator whose rows a critic cannot tell apart from the table's.

    .. math:: \max_g \min_f \; \mathbb E f(g(z)) - \mathbb E f(x) + \alpha \, \mathbb E (\lVert \nabla f \rVert - 1)^2

    with perceptrons f and g, normal z, and the slope of f taken between rows of the table and generated ones [1]_. Generator
    and critic are updated simultaneously on standardised columns, the generator with a third of the step size. It is
    meant for continuous columns: generated whole numbers or categories may take values in between.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Number of units in each hidden layer, of the generator and of the critic.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    n_latent : int, default=8
        Number of latent variables z.
    alpha : float, default=1.0
        Strength of the penalty on the critic's slope.
    n_steps : int, default=6000
        Number of steps, rounded up to whole epochs; the learning rate falls to zero in the second half.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``.
    learning_rate_init : float, default=0.003
        Step size of the critic.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling and latent variables in ``fit``, and for ``sample``.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer of the generator.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs, of layers (input and output included), of features, and of rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    loss_, loss_curve_
        Objective at the end and after each epoch. It need not decrease, because generator and critic compete; its last
        value is minus the distance that the critic still finds, in standard deviations, plus its penalty.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, or a diverging objective.

    See Also
    --------
    WassersteinCritic : How far generated rows are from the table's.
    sklearn.mixture.GaussianMixture : Rows from a mixture.

    References
    ----------
    .. [1] Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville (2017), "Improved training of Wasserstein GANs".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_irg import WassersteinSampler
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=500)
    >>> X = np.column_stack([x, x**2])  # a parabola
    >>> made = WassersteinSampler(n_steps=1000, random_state=0).fit(X).sample(500)
    >>> made.shape, round(float(np.corrcoef(made[:, 0] ** 2, made[:, 1])[0, 1]), 1)
    ((500, 2), 1.0)
    """

    _accept_sparse = False
    _sklearn_class = None
    solver = Adam(beta_1=0.5, beta_2=0.9, decay_start=0.5)
    early_stopping = False
    validation_fraction = 0.1
    warm_start = False
    shuffle = True
    l2 = 0.0
    tol = 0.0
    n_iter_no_change = np.inf
    penalty = None
    _n_batches = 1  # until the rows are known

    def __init__(
        self,
        hidden_layer_sizes=(64, 64),
        activation="relu",
        *,
        n_latent=8,
        alpha=1.0,
        n_steps=6000,
        batch_size="auto",
        learning_rate_init=0.003,
        random_state=None,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_latent = n_latent
        self.alpha = alpha
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.random_state = random_state
        self.verbose = verbose

    @fit_method
    def fit(self, X, y=None, sample_weight=None):
        """Fit generator and critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        del y
        return self._fit(X, None, sample_weight)

    def sample(self, n_samples=1, random_state=None):
        """Generate new rows.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState or None, default=None
            Random numbers for the latent variables; ``None`` means the ``random_state`` of the estimator.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            New rows, in the units of the table.
        """
        check_is_fitted(self)
        n_samples = check_integer(n_samples, "n_samples", 1)
        rng = check_random_state(self.random_state if random_state is None else random_state)
        network, theta = self._fitted_network()
        latent = rng.standard_normal((n_samples, network.layer_sizes[0])).astype(theta.dtype, copy=False)
        return network.outputs(theta, latent)

    # -- what a fit asks -------------------------------------------------------------------------------------------------

    @property
    def max_iter(self):
        """Number of epochs that make up the steps."""
        return -(-int(self.n_steps) // self._n_batches)

    def _check_parameters(self):
        check_integer(self.n_latent, "n_latent", 1)
        check_integer(self.n_steps, "n_steps", 1)
        super()._check_parameters()
        check_real(self.alpha, "alpha", 0, open_low=True)

    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        del y, loss, classes, resume, incremental
        return Encoded(None, sample_weight, None, 1)

    def _prepare(self, *args):
        rows, critic = super()._prepare(*args)
        self._location, scale = rows.moments()
        self._scale = np.where(scale > 0, scale, 1.0)
        self._n_batches = -(-rows.n_samples // self._schedule(rows.n_samples)["batch_size"])
        X = ((rows.X - self._location) / self._scale).astype(rows.X.dtype)
        sizes = (int(self.n_latent), *self._hidden_layers(), X.shape[1])
        network = CriticAndGenerator(critic.layer_sizes, critic.activation, critic.likelihood, generator_sizes=sizes)
        return rows.with_inputs(X), network

    def _inputs_of(self, rows):
        return np.random.RandomState(0).standard_normal((_N_LATENT, int(self.n_latent))).astype(rows.X.dtype)

    def _start(self, network, random_state, dtype):
        return self._parametrisation().unsettled(network, super()._start(network, random_state, dtype), None)

    def _parametrisation(self):
        return Opponents(_SPEED)

    def _loss(self):
        return GeneratorLoss(self.n_latent, float(self.alpha))

    def _penalty(self, rows):
        del rows

    def _weights_as_attributes(self, objective, theta):
        layers = objective.network.generator(objective.effective(theta))
        coefs, intercepts = [W.copy() for W, _ in layers], [b.copy() for _, b in layers]
        coefs[-1] = (coefs[-1] * self._scale).astype(theta.dtype)
        intercepts[-1] = (intercepts[-1] * self._scale + self._location).astype(theta.dtype)
        return self._attributes(coefs, intercepts)

    def _warn_of(self, solution):
        del solution  # a game has no optimum to converge to

    def _default_likelihood(self):
        return Gaussian()
