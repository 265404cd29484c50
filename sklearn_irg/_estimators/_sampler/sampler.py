from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._checks import InvalidParameterError, check_boolean, check_integer, check_real
from sklearn_irg._engine.networks import Network
from sklearn_irg._estimators._lipschitz import LipschitzCritic
from sklearn_irg._estimators._mlp import MLPEstimator
from sklearn_irg._estimators._sampler.containers import as_container, without_rows
from sklearn_irg._estimators._sampler.game import AlternatingAdam, Game
from sklearn_irg._training.settings import Scaling
from sklearn_irg._training.tasks.samples import OneSample
from sklearn_irg.penalties import LipschitzGradient, check_penalty

# rows that are generated to check that they are finite; what overflows does so in most rows
_N_LATENT = 100
# Step size of the generator over that of the critic, per step of the critic: a generator as
# fast as the critic runs from mode to mode.
_SPEED = 1 / 3


class WassersteinSampler(LipschitzCritic, MLPEstimator):
    r"""Generator of new rows like those of a table.

    A critic cannot tell its rows apart from the table's. Generator g and critic f play

    .. math:: \min_g \max_f \; \mathbb E f(x) - \mathbb E f(g(z))

    with MLPs f and g, normal z, and a slope of f of at most about one [1]_, which one of four ways
    ensures:

    * ``penalty=None``: the critic also minimizes :math:`\alpha \, \mathbb E (\lVert \nabla f \rVert
      - 1)^2` between rows of the table and generated ones [2]_;
    * ``penalty=LipschitzGradient(at="interpolates")``: :math:`\alpha \, \mathbb E \max(\lVert
      \nabla f \rVert - 1, 0)^2` there;
    * ``constraint=SpectralNormalization()``: weights of f are :math:`W_l / \sigma(W_l)`, σ being
      the largest singular value [3]_;
    * ``constraint=WeightClipping(c)``: weights of f are clipped to :math:`[-c, c]` after each step
      [1]_.

    Critic and generator take turns on standardized columns, with Adam. It is meant for continuous
    columns: categories, and integers unless they are rounded, may take values in between.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Number of units in each hidden layer, of the generator and of the critic.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    constraint : Constraint, default=None
        A bound on the weights of the critic; the generator's are free. Use ``n_critic=5`` with it;
        penalties do better.
    penalty : Penalty, "lipschitz_gradient" or None, default=None
        Penalty that bounds the slope of the critic, in units of standardized columns: a
        `LipschitzGradient`, a `WeightDecay` with a bound, or a sum with one of these. At
        "interpolates" the slope is taken between a row of the table and a generated one, at "data"
        at the rows of both. ``None`` is ``LipschitzGradient(two_sided=True, at="interpolates")``,
        or no penalty where there is a constraint.
    n_latent : int, default=8
        Number of latent variables z.
    alpha : float, default=1.0
        Strength of the penalty.
    n_critic : int, default=1
        Number of steps of the critic before each step of the generator; the published number is 5.
    n_steps : int, default=6000
        Number of steps of the critic, rounded up to whole epochs; both learning rates fall to zero
        in the second half.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``.
    learning_rate_init : float, default=0.003
        Step size of the critic.
    generator_learning_rate_init : float, default=None
        Step size of the generator. ``None`` is ``min(n_critic / 3, 1) * learning_rate_init``.
    round_integers : bool, default=False
        Whether ``sample`` rounds the columns of ``integer_features_``, to integers between the
        smallest and the largest that were seen.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling and latent variables in ``fit``, and for ``sample``.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer of the generator.
    integer_features_ : ndarray of bool of shape (`n_features_in_`,)
        Columns that hold integers only.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs, of layers (input and output included), of features, and of rows seen in
        total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    loss_, loss_curve_
        Objective of the critic at the end and after each epoch. It need not decrease, because
        generator and critic compete; its last value is minus the distance that the critic still
        finds, in standard deviations, plus its penalty.
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
    .. [1] Arjovsky, Chintala and Bottou (2017), "Wasserstein generative adversarial networks",
       whose solver was RMSProp.
    .. [2] Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville (2017), "Improved training of
       Wasserstein GANs".
    .. [3] Miyato, Kataoka, Koyama and Yoshida (2018), "Spectral normalization for generative
       adversarial networks".

    Examples
    --------
    A DataFrame of new rows for a DataFrame, here of a parabola and a count:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_irg import WassersteinSampler
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=500)
    >>> table = pd.DataFrame({"x": x, "square": x**2, "count": rng.poisson(3, size=500)})
    >>> made = WassersteinSampler(n_steps=1000, round_integers=True, random_state=0).fit(table).sample(500)
    >>> made.dtypes.to_dict()
    {'x': dtype('float64'), 'square': dtype('float64'), 'count': dtype('int64')}
    >>> round(float(np.corrcoef(made["x"] ** 2, made["square"])[0, 1]), 1)
    1.0
    """

    _accept_sparse = False
    _reads_y = False
    _sklearn_class = None
    _default_penalty = LipschitzGradient(two_sided=True, at="interpolates")
    early_stopping = False
    validation_fraction = 0.1  # of no effect without early stopping
    warm_start = False
    shuffle = True
    l2 = 0.0
    tol = 0.0
    n_iter_no_change = np.inf
    max_iter = 1  # `_schedule` derives the real one from n_steps and the rows

    def __init__(
        self,
        hidden_layer_sizes=(64, 64),
        activation="relu",
        *,
        constraint=None,
        penalty=None,
        n_latent=8,
        alpha=1.0,
        n_critic=1,
        n_steps=6000,
        batch_size="auto",
        learning_rate_init=0.003,
        generator_learning_rate_init=None,
        round_integers=False,
        random_state=None,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.constraint = constraint
        self.penalty = penalty
        self.n_latent = n_latent
        self.alpha = alpha
        self.n_critic = n_critic
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.generator_learning_rate_init = generator_learning_rate_init
        self.round_integers = round_integers
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Fit generator and critic.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
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
        columns = without_rows(X)
        return self._fit(X, None, sample_weight, derive=lambda model: {"_columns": columns})

    def sample(self, n_samples=1, random_state=None):
        """Generate new rows.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState or None, default=None
            Random numbers for the latent variables; ``None`` means the ``random_state`` of the
            estimator.

        Returns
        -------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            New rows, in the units of the table. They are a DataFrame of pandas or polars where the
            table was one, with its names; columns of floats, and of integers where these are
            rounded, have their types again.
        """
        check_is_fitted(self)
        n_samples = check_integer(n_samples, "n_samples", 1)
        rng = check_random_state(self.random_state if random_state is None else random_state)
        network, theta = self._fitted_network()
        latent = rng.standard_normal((n_samples, network.layer_sizes[0])).astype(
            theta.dtype, copy=False
        )
        rows = network.outputs(theta, latent)
        rounded = self.integer_features_ & bool(self.round_integers)
        rows[:, rounded] = np.clip(np.rint(rows[:, rounded]), *self._ranges[:, rounded])
        return as_container(rows, self._columns, rounded)

    # -- what a fit asks ---------------------------------------------------------------------------

    @property
    def solver(self):
        """Optimizer in which critic and generator take turns."""
        n_critic, speed = int(self.n_critic), min(_SPEED * self.n_critic, 1.0)
        if self.generator_learning_rate_init is not None:
            speed = float(self.generator_learning_rate_init) / float(self.learning_rate_init)
        return AlternatingAdam(n_critic, speed, beta_1=0.5, beta_2=0.9, decay_start=0.5)

    def _check_parameters(self):
        check_integer(self.n_latent, "n_latent", 1)
        check_boolean(self.round_integers, "round_integers")
        self._check_turns()
        super()._check_parameters()
        check_real(self.alpha, "alpha", 0, open_low=True)
        penalty = check_penalty(self.penalty)
        terms = [] if penalty is None else penalty.terms()
        if (
            terms
            and self.constraint is None
            and not any(weight > 0 and term.limits_slope for weight, term in terms)
        ):
            raise InvalidParameterError(
                "penalty must bound the slope of the critic: None, "
                'LipschitzGradient(at="interpolates") of all features, '
                "WeightDecay with a bound, or a sum with one of these of positive weight, since "
                f"others do not keep it from telling rows apart ever further; got {self.penalty!r}."
            )

    def _check_turns(self):
        check_integer(self.n_steps, "n_steps", 1)
        check_integer(self.n_critic, "n_critic", 1)
        if self.n_critic > self.n_steps:
            raise InvalidParameterError(
                f"n_critic={self.n_critic} needs as many steps, but n_steps={self.n_steps}: the "
                "generator would never move. Raise n_steps, or lower n_critic."
            )
        if self.generator_learning_rate_init is not None:
            check_real(
                self.generator_learning_rate_init, "generator_learning_rate_init", 0, open_low=True
            )

    def _task(self):
        return OneSample(type(self).__name__)

    def _schedule(self, n_samples):
        options = super()._schedule(n_samples)
        return {
            **options,
            "max_iter": -(-int(self.n_steps) // -(-n_samples // options["batch_size"])),
        }

    def _settings(self):
        settings = super()._settings()
        scaling = partial(ScaledColumns.of, n_latent=int(self.n_latent))
        return replace(settings, scaling=scaling, objective=self._game)

    def _generator_for(self, critic):
        sizes = (int(self.n_latent), *critic.layer_sizes[1:-1], critic.layer_sizes[0])
        return Network(sizes, critic.activation, critic.likelihood)

    def _initialize(self, network, random_state, dtype):
        players = (network, self._generator_for(network))
        return np.concatenate([player.initialize(random_state, dtype) for player in players])

    def _game(self, network, rows, terms):
        return Game(
            network,
            rows,
            terms,
            generator=self._generator_for(network),
            parametrization=self.constraint,
        )

    def _report(self, fitted):
        scaling = fitted.scaling
        return {
            **super()._report(fitted),
            "integer_features_": scaling.are_integers,
            "_ranges": scaling.ranges,
        }

    def _warn_of(self, solution):
        del solution  # a game has no optimum to converge to


@dataclass(frozen=True)
class ScaledColumns(Scaling):
    """Each column shifted by its mean and divided by its standard deviation.

    A generator makes its rows on this scale.

    Parameters
    ----------
    location, scale : ndarray of shape (n_features,)
        Means and standard deviations; for a constant column its value and zero, so that generated
        rows have that value.
    ranges : ndarray of shape (2, n_features)
        Smallest and largest number of each column.
    are_integers : ndarray of bool of shape (n_features,)
        Whether a column holds integers only.
    n_latent : int
        Number of inputs of the generator.
    """

    location: np.ndarray
    scale: np.ndarray
    ranges: np.ndarray
    are_integers: np.ndarray
    n_latent: int

    @classmethod
    def of(cls, rows, n_latent):
        """Scaling of given rows."""
        X, ranges = rows.X, np.array([rows.X.min(axis=0), rows.X.max(axis=0)])
        are_resolved = (np.abs(ranges) <= 1 / np.finfo(X.dtype).eps).all(axis=0)
        are_integers = are_resolved & (np.rint(X) == X).all(axis=0)
        location, scale = rows.moments()
        constant = ranges[0] == ranges[1]  # whatever the rounding of moments
        location[constant], scale[constant] = ranges[0, constant], 0.0
        return cls(location, scale, ranges, are_integers, n_latent)

    def scaled(self, rows):
        scale = np.where(self.scale > 0, self.scale, 1.0)
        return rows.with_inputs(((rows.X - self.location) / scale).astype(rows.X.dtype))

    def layers(self, objective, theta):
        layers = [
            [W.copy(), b.copy()]
            for W, b in objective.generator.unpack(theta[objective.of_generator])
        ]
        W, b = layers[-1]
        layers[-1] = (
            (W * self.scale).astype(theta.dtype),
            (b * self.scale + self.location).astype(theta.dtype),
        )
        return layers

    def examples(self, rows):
        """Latent variables, for which generated rows must be finite."""
        return (
            np.random.RandomState(0)
            .standard_normal((_N_LATENT, self.n_latent))
            .astype(rows.X.dtype)
        )
