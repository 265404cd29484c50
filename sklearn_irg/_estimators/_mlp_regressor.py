import numpy as np
from sklearn.base import RegressorMixin
from sklearn.neural_network import MLPRegressor
from sklearn.utils.metaestimators import available_if

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._estimators._mlp import MLPEstimator, has_epochs
from sklearn_irg._training.tasks.numeric import NumericTask


class GradRegMLPRegressor(RegressorMixin, MLPEstimator):
    """MLP regressor with a penalty on its input gradient, or any other.

    Minimizes the weighted mean of half the squared error, summed over outputs, plus ``alpha`` times
    the penalty. The input gradient is that of this loss; the half is part of the loss, not of the
    penalty.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="input_gradient"
        Penalty: a name such as "input_gradient", "weight_decay" or "spectral_norm", an object such
        as ``InputGradient(norm="l1")``, or a sum of such objects.
    alpha : float, default=0.03
        Strength of the penalty. Gradients depend on the units of X and of y, so standardize both.
    l2 : float, default=1e-4
        Strength of a weight decay that is separate from the penalty and not multiplied by
        ``alpha``: it adds ``l2 / (2 * n)`` times the sum of the squared weights, where n is the sum
        of the weights of the rows of a minibatch. This is ``alpha`` of scikit-learn's
        `MLPRegressor`, which the estimator equals at ``alpha=0``.
    solver : {"adam", "sgd", "lbfgs"} or Solver, default="adam"
        Optimization algorithm.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``. "lbfgs" uses all rows.
    learning_rate_init : float, default=0.001
        Step size of "adam" and "sgd".
    max_iter : int, default=200
        Maximum number of epochs, or of iterations.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling, the hold-out and stochastic penalties.
    tol : float, default=1e-4
        Smallest improvement of the loss or validation score that counts as progress.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    early_stopping : bool, default=False
        Hold rows out, stop when R² on them stops improving, and keep the best weights.
    validation_fraction : float, default=0.1
        Fraction of rows held out.
    warm_start : bool, default=False
        Start from the weights of the last fit.
    loss : None, {"squared_error", "poisson"}, Likelihood or Loss, default=None
        Loss, to which the penalty is added. ``None`` is half the squared error; see
        `sklearn_irg.losses` for others, and for modifications such as ``Flooding(0.05)``.
    constraint : Constraint, default=None
        A hard bound on the weights, such as ``SpectralNormalization(bound=1.0)``.
    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs in the last fit, of layers (input and output included), of outputs, and of
        rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    out_activation_ : str
        Output activation: "identity", "exp" for Poisson, or the one that a `Likelihood` given as
        ``loss`` declares.
    likelihood_ : Likelihood
        Distribution of the targets given the outputs.
    loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_
        Objective of the last epoch, penalty included; of each epoch; and the smallest of these,
        None with early stopping. R² on the held-out rows after each epoch, by sample weights, and
        the largest; both None without early stopping.
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
    GradRegMLPClassifier : For classes.
    sklearn.neural_network.MLPRegressor : With a penalty on the weights.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double
       backpropagation".

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradRegMLPRegressor(tol=1e-3, learning_rate_init=0.01, random_state=0)
    >>> print(f"{model.fit(scale(X), scale(y)).score(scale(X), scale(y)):.1f}")
    0.8
    """

    _sklearn_class = MLPRegressor
    _sklearn_losses = ("squared_error", "poisson")
    _takes_partitions = True

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="input_gradient",
        alpha=0.03,
        l2=1e-4,
        solver="adam",
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        loss=None,
        constraint=None,
        dropout=0.0,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.penalty = penalty
        self.alpha = alpha
        self.l2 = l2
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.loss = loss
        self.constraint = constraint
        self.dropout = dropout
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y, sample_weight=None, mask=None):
        """Fit to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; sparse ones stay sparse.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in all means; a weight of zero removes it.
        mask : array-like of bool of shape (n_samples, n_features), default=None
            Entries of X to which the penalty applies, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask)

    @available_if(has_epochs)
    def partial_fit(self, X, y, sample_weight=None, mask=None):
        """Fit for one epoch, continuing from the last call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        mask : array-like of bool of shape (n_samples, n_features), default=None
            Entries of X to which the penalty applies, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask, start=self._continued())

    def predict(self, X):
        """Predicted targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        """
        means = self._outputs(X, self.likelihood_.mean)
        return means[:, 0] if means.shape[1] == 1 else means

    def _task(self):
        return NumericTask(type(self).__name__)

    def _example_targets(self):
        return np.zeros((2, self.n_outputs_)) if self.n_outputs_ > 1 else np.zeros(2)
