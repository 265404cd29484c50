from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils import ClassifierTags, check_random_state

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._checks import check_integer, check_sample_weight
from sklearn_irg._estimators._lipschitz import LipschitzCritic
from sklearn_irg._estimators._mlp import MLPEstimator
from sklearn_irg._training.data import check_data
from sklearn_irg._training.settings import Scaling
from sklearn_irg._training.tasks.samples import TwoSamples
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import LipschitzGradient

# on the line between two rows, at which gradients are taken: contributions are then off by 0.3 %
# of the largest at most, on wine and breast cancer; by 0.5 with four
_N_POINTS = 8


class WassersteinCritic(LipschitzCritic, MLPEstimator):
    r"""Wasserstein-1 distance between two samples.

    It is the difference of means of the function of bounded slope that separates them best:

    .. math:: W_1 = \max_{\lVert f \rVert_\mathrm{Lip} \le 1}
        \mathbb E_{\text{first}} f - \mathbb E_{\text{second}} f

    over MLPs f, the critics [1]_. Their slope is kept below about one by a penalty, or bounded by a
    constraint. The difference is taken on rows that a critic has not seen: on the rows of its fit
    it is far too large in many dimensions.

    Rows are shifted and divided by one number before the fit, which is undone in the weights, so
    that the distance of scaled samples is the scaled distance. Standardize columns in different
    units first; otherwise the column with the largest numbers dominates.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    constraint : Constraint, default=None
        A bound on the slope, such as ``SpectralNormalization()``. The distance is then a lower
        bound, up to sampling error: close to the distance of samples that differ in location, but
        only about half of that of samples that differ in spread, because a network whose layers
        have slopes of at most one loses half of the slope where it bends. Constraints and penalties
        apply to the critic of the scaled rows: bounds are on its weights, and radii are in units of
        the scaled rows.
    penalty : str, Penalty or None, default=None
        Penalty that keeps the slope below about one. ``None`` is
        ``LipschitzGradient(at="interpolates")`` unless there is a constraint: slopes above one
        cost, on lines between rows of the two samples. A slope then exceeds one by about the
        distance of the scaled rows over ``2 * alpha``, and so does the distance. With
        ``two_sided=True`` it is the published penalty [2]_, which can keep a badly initialized
        critic from changing sign, above all in few dimensions, because slopes near zero cost most.
    alpha : float, default=10.0
        Strength of the penalty.
    cv : int, cross-validation generator, iterable or None, default=5
        The folds, or their number: each row is scored by a critic fitted on the other folds. With
        None there are no ``distance_`` and no ``contributions_``.
    l2 : float, default=0.0
        Strength of a weight decay that adds ``l2 / (2 * n)`` times the sum of the squared weights,
        where n is the sum of the weights of the rows of a minibatch.
    solver : {"adam", "sgd"} or Solver, default="adam"
        Optimization algorithm.
    batch_size : int or "auto", default="auto"
        Rows of each sample per step; "auto" is ``min(200, n_samples)``.
    learning_rate_init : float, default=0.003
        Step size.
    max_iter : int, default=200
        Maximum number of epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the folds, the initial weights, shuffling and interpolates.
    tol : float, default=1e-4
        Smallest improvement of the objective that counts as progress.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The two values of y, sorted: the first and the second sample.
    distance_ : float
        Wasserstein-1 distance in units of X, cross-fitted; with the default penalty it may be a few
        percent too large. For samples of one distribution it may be slightly negative.
    contributions_ : ndarray of shape (n_features,)
        Contribution of each column to the distance, non-negative: the mean of the critic's
        derivative times the difference of two rows, along the lines between rows of the two
        samples, cross-fitted.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer of a critic fitted on all rows.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs in the last fit, of layers (input and output included), of outputs, and of
        rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    out_activation_ : str
        "identity".
    loss_, loss_curve_, best_loss_
        Objective of the last epoch, penalty included; of each epoch; and the smallest of these.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, y with other than two values, fewer rows of
        a sample than folds, or a diverging objective.

    See Also
    --------
    sklearn_irg.model_selection.drift_test : Whether two samples differ, and in which columns.
    scipy.stats.wasserstein_distance : In one dimension.

    References
    ----------
    .. [1] Arjovsky, Chintala and Bottou (2017), "Wasserstein generative adversarial networks".
    .. [2] Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville (2017), "Improved training of
       Wasserstein GANs".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_irg import WassersteinCritic
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(1000, 3)), np.repeat(["new", "reference"], 500)
    >>> X[:500, 1] += 1  # in the new rows one column has moved by one
    >>> critic = WassersteinCritic(random_state=0).fit(X, y)
    >>> print(round(critic.distance_, 1), critic.contributions_.round(1))
    1.1 [0.  1.1 0. ]
    """

    _accept_sparse = False
    early_stopping = False
    validation_fraction = 0.1  # of no effect without early stopping
    warm_start = False
    _default_penalty = LipschitzGradient(at="interpolates")
    _of_some_fits = ("feature_names_in_", "distance_", "contributions_")

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        constraint=None,
        penalty=None,
        alpha=10.0,
        cv=5,
        l2=0.0,
        solver="adam",
        batch_size="auto",
        learning_rate_init=0.003,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.constraint = constraint
        self.penalty = penalty
        self.alpha = alpha
        self.cv = cv
        self.l2 = l2
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit critics, and measure the distance on held-out rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of both samples.
        y : array-like of shape (n_samples,)
            Sample of each row: two values, the smaller of which is the first sample.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean of its sample; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if self.cv is None:
            return self._fit(X, y, sample_weight)
        seed = check_random_state(self.random_state).randint(2**31)
        rows = {"X": X, "y": y, "sample_weight": sample_weight, "random_state": seed}
        return self._fit(X, y, sample_weight, derive=partial(type(self)._cross_fit, **rows))

    def score_samples(self, X):
        """Value of the critic.

        It is large on rows like those of the first sample, and small on rows like those of the
        second.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Values in units of X; only differences are meaningful.
        """
        return self._outputs(X)[:, 0]

    # -- the distance ------------------------------------------------------------------------------

    def _cross_fit(self, X, y, sample_weight, random_state):
        data = check_data(self, X, y, reset=False)
        X, y = data.X, data.y.reshape(-1)
        weights = check_sample_weight(sample_weight, len(X))
        weights = np.ones(len(X)) if weights is None else weights
        without_cv = type(self)(
            **{**self.get_params(deep=False), "cv": None}
        )  # and without callbacks: those are of the fit as a whole
        differences = []
        for fold, (train, test) in enumerate(self._folds(X, y, weights, random_state)):
            critic = clone(without_cv).set_params(random_state=random_state + fold)
            critic._fit(X[train], y[train], weights[train])
            differences.append(
                critic._held_out(X[test], y[test], weights[test], random_state + fold)
            )
        distances, contributions = zip(*differences, strict=True)
        return {
            "distance_": float(np.mean(distances)),
            "contributions_": np.maximum(np.mean(contributions, axis=0), 0),
        }

    def _folds(self, X, y, weights, random_state):
        present = np.flatnonzero(weights)  # a weight of zero is an absent row
        if not isinstance(self.cv, Integral):
            folds = [
                tuple(rows[weights[rows] > 0] for rows in fold)
                for fold in check_cv(self.cv, y, classifier=True).split(X, y)
            ]
            if any(len(np.unique(y[rows])) < len(self.classes_) for fold in folds for rows in fold):
                raise ValueError(
                    "cv must give folds that train and test on rows of both samples; got one "
                    "without. Use StratifiedKFold, or shuffle."
                )
            return folds
        smallest = min(np.count_nonzero(y[present] == label) for label in self.classes_)
        if smallest < self.cv:
            raise ValueError(
                f"cv={self.cv} needs as many rows of each sample, but y has {smallest} of one. "
                "Lower cv, or use cv=None."
            )
        folds = StratifiedKFold(int(self.cv), shuffle=True, random_state=random_state)
        return [(present[train], present[test]) for train, test in folds.split(present, y[present])]

    def _held_out(self, X, y, weights, random_state):
        """Difference of the critic's means on two samples, and the contribution of each column."""
        rng = np.random.RandomState(random_state)
        first, second = (
            rng.choice(rows, 2 * len(X), p=weights[rows] / weights[rows].sum())
            for rows in (np.flatnonzero(y == label) for label in self.classes_)
        )
        return self._difference(X, y, weights), self._along_lines(X[first], X[second])

    def _difference(self, X, y, weights):
        scores = self.score_samples(X)
        first, second = (
            np.average(scores[y == label], weights=weights[y == label]) for label in self.classes_
        )
        return float(first - second)

    def _along_lines(self, first, second):
        """Contributions of the columns to the difference of the critic's means.

        For each column it is the mean, over pairs of rows and points of the line between them, of
        the critic's derivative times the difference of the rows.
        """
        network, theta = self._fitted_network()
        total = 0
        for share in (np.arange(_N_POINTS) + 0.5) / _N_POINTS:
            forward = network.forward(
                theta, (share * first + (1 - share) * second).astype(theta.dtype)
            )
            total = total + network.pull_back(theta, forward, np.ones_like(forward[-1])) * (
                first - second
            )
        return total.mean(axis=0) / _N_POINTS

    # -- one fit -----------------------------------------------------------------------------------

    def _task(self):
        return TwoSamples(type(self).__name__, getattr(self, "classes_", None))

    def _settings(self):
        return replace(super()._settings(), scaling=OneScale.of)

    def _check_parameters(self):
        super()._check_parameters()
        if isinstance(self.cv, Real):
            check_integer(self.cv, "cv", 2)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(
            multi_class=False
        )  # y has two values, although nothing is classified
        return tags


@dataclass(frozen=True)
class OneScale(Scaling):
    """Rows shifted by their mean, with all columns divided by one number.

    The slope of a critic stays the same.

    Parameters
    ----------
    location : ndarray of shape (n_features,)
        Mean of each column.
    scale : float
        Root of the mean variance.
    """

    location: np.ndarray
    scale: float

    @classmethod
    def of(cls, rows):
        """Scaling of given rows."""
        location, deviations = rows.moments()
        largest = deviations.max() or 1.0
        return cls(location, float(largest * np.sqrt(np.mean((deviations / largest) ** 2))) or 1.0)

    def scaled(self, rows):
        return rows.with_inputs(((rows.X - self.location) / self.scale).astype(rows.X.dtype))

    def layers(self, objective, theta):
        layers = [list(layer) for layer in objective.network.unpack(objective.effective(theta))]
        first, last = layers[0], layers[-1]
        first[0] = first[0] / self.scale
        first[1] = first[1] - (self.location @ first[0]).astype(first[0].dtype)
        last[0] = last[0] * self.scale
        last[1] = last[1] * self.scale
        return layers


def constrained_critic():
    """Critic of a test with few rows.

    It is close to linear, so it fits less of their noise.
    """
    return WassersteinCritic(constraint=SpectralNormalization())
