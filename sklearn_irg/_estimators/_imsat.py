from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._checks import check_integer
from sklearn_irg._estimators._classifier_outputs import ClassPredictions
from sklearn_irg._estimators._mlp import MLPEstimator
from sklearn_irg._training.starts import Fresh
from sklearn_irg._training.tasks.clusters import ClusterTask
from sklearn_irg._training.train import train
from sklearn_irg._warnings import warn
from sklearn_irg.losses import InformationMaximization, check_loss
from sklearn_irg.penalties import VirtualAdversarial, check_penalty

# of the usual initial weights of the last layer, as published: clusters form where rows are, not
# where the first predictions happen to be confident
_SMALL = 0.01


class IMSATClusterer(ClassPredictions, ClusterMixin, MLPEstimator):
    r"""Clustering by a network with confident and locally stable predictions.

    Clusters tend to be of similar size.

    Information maximizing self-augmented training [1]_ minimizes

    .. math:: H(Y \mid X) - \mu H(Y) + \alpha \, \frac 1 n \sum_i
        \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r_i)\bigr)

    with the virtual adversarial perturbation :math:`r_i`, whose radius is a fraction of the
    distance to the row's neighbors. Boundaries then lie where rows are sparse. The result depends
    on the initial weights, so try several.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    alpha : float, default=10.0
        Strength of the virtual adversarial penalty, 1 / λ of the paper.
    mu : float, default=4.0
        Weight of the entropy of the mean prediction, which is largest if all clusters have the same
        size.
    penalty : str, Penalty or None, default=None
        Penalty in addition to the virtual adversarial divergence, such as ``RandomPerturbation(0,
        transform=shifted)``; also multiplied by ``alpha``.
    epsilon : float, "local" or LocalRadius, default="local"
        Radius within which predictions should not change, an L2 norm in units of X: one for all
        rows, or for each row a fraction of the distance to its neighbors; "local" is
        ``LocalRadius()``.
    xi : float, default=0.01
        Distance at which the power iteration differentiates, in units of X; at least 1e-3 for
        float32.
    n_power_iterations : int, default=1
        Number of power iterations per step.
    l2 : float, default=1e-4
        Strength of a weight decay that adds ``l2 / (2 * n)`` times the sum of the squared weights,
        where n is the sum of the weights of the rows of a minibatch.
    solver : {"adam", "sgd"} or Solver, default="adam"
        Optimization algorithm; not "lbfgs", because directions are random.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``.
    learning_rate_init : float, default=0.001
        Step size.
    n_init : int, default=1
        Number of fits from different initial weights; the fit with the smallest objective is kept.
    max_iter : int, default=200
        Maximum number of epochs of each fit.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling and the directions.
    tol : float, default=1e-4
        Smallest improvement of the objective that counts as progress.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    batch_normalization : bool, default=True
        Whether to normalize the inputs of the activations, and the outputs, over the rows of a
        minibatch in training. The fitted weights are those of an ordinary network: means and scales
        over all rows are folded into them.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    labels_ : ndarray of int of shape (n_samples,)
        Cluster of each row of the fit, counted from 0. There may be empty clusters.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs in the last fit, of layers (input and output included), of outputs, and of
        rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    out_activation_ : str
        Output activation, which gives probabilities: "logistic" for two clusters, "softmax" for
        more.
    loss_, loss_curve_, best_loss_
        Objective of the last epoch, penalty included; of each epoch; and the smallest of these.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, fewer rows than clusters, or a diverging
        objective.

    See Also
    --------
    VATClassifier : With a few labels.
    sklearn.cluster.KMeans : Round clusters.

    References
    ----------
    .. [1] Hu, Miyato, Tokui, Matsumoto and Sugiyama (2017), "Learning discrete representations via
       information maximizing self-augmented training".

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from sklearn_irg import IMSATClusterer
    >>> X, y = make_blobs(300, random_state=170)
    >>> X = X @ [[0.6, -0.6], [-0.4, 0.8]]  # elongated
    >>> imsat = IMSATClusterer(3, n_init=3, tol=1e-3, max_iter=500, random_state=0)
    >>> for model in (KMeans(3, n_init=3, random_state=0), imsat):
    ...     print(type(model).__name__, round(adjusted_rand_score(y, model.fit_predict(X)), 1))
    KMeans 0.6
    IMSATClusterer 1.0
    """

    _accept_sparse = False  # perturbed rows are dense
    _reads_y = False
    early_stopping = False
    validation_fraction = 0.1  # of no effect without early stopping
    warm_start = False

    def __init__(
        self,
        n_clusters=8,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        alpha=10.0,
        mu=4.0,
        penalty=None,
        epsilon="local",
        xi=0.01,
        n_power_iterations=1,
        l2=1e-4,
        solver="adam",
        batch_size="auto",
        learning_rate_init=0.001,
        n_init=1,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        batch_normalization=True,
        verbose=False,
    ):
        self.n_clusters = n_clusters
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.mu = mu
        self.penalty = penalty
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations
        self.l2 = l2
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.n_init = n_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.batch_normalization = batch_normalization
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Find clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in all means; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        del y
        n_init = check_integer(self.n_init, "n_init", 1)
        if n_init == 1:
            self._fit(X, None, sample_weight)
        else:
            self._fit_best(X, sample_weight, n_init)
        return self

    def _derive(self, X, y):
        del y
        return {"labels_": self.predict(X)}

    def _warn_after_fit(self, solution, y):
        super()._warn_after_fit(solution, y)
        if int(self.n_clusters) > 1 and not np.ptp(self.labels_):
            warn(
                f"{type(self).__name__} found one cluster in place of {self.n_clusters}. "
                "Standardize X, or try another random_state, a smaller alpha or a smaller epsilon.",
                ConvergenceWarning,
            )

    def _fit_best(self, X, sample_weight, n_init):
        """Adopt the best of several trainings."""
        settings, rng = self._settings(), check_random_state(self.random_state)
        data = self._data(X, None, sample_weight, None, None, Fresh())
        max_iter = n_init * settings.schedule(data.n_samples)["max_iter"]
        follower = self._follower(X, None, sample_weight, max_iter, Fresh())
        follow = follower and self._follow(follower)
        seeds = [rng.randint(2**31) for _ in range(n_init)]
        trained = (
            train(self._task(), data, replace(settings, random_state=seed), Fresh(), follow)
            for seed in seeds
        )
        best = min(trained, key=lambda fitted: fitted.solution.loss)
        self._adopt(best, partial(type(self)._derive, X=X, y=None), follower)
        self._warn_after_fit(best.solution, None)

    def _task(self):
        return ClusterTask(type(self).__name__, int(self.n_clusters))

    def _initialize(self, network, random_state, dtype):
        # as published, small last weights: clusters form where rows are, not where the initial
        # predictions happen to be confident
        theta = super()._initialize(network, random_state, dtype)
        for array in network.unpack(theta)[-1]:
            array *= _SMALL
        return theta

    def _loss(self):
        return check_loss(InformationMaximization(self.mu))

    def _penalty(self, rows):
        del rows
        smoothness = check_penalty(
            VirtualAdversarial(self.epsilon, self.xi, self.n_power_iterations)
        )
        others = check_penalty(self.penalty)
        return smoothness if others is None else smoothness + others

    def _check_parameters(self):
        super()._check_parameters()
        check_integer(self.n_clusters, "n_clusters", 1)

    def _decide(self, outputs):
        # one output means two clusters unless there is one only
        return (
            super()._decide(outputs)
            if len(self.classes_) > 1
            else np.zeros(len(outputs), dtype=int)
        )

    def predict(self, X):
        """Most probable cluster of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            Clusters, counted from 0.
        """
        return self._outputs(X, self._decide)
