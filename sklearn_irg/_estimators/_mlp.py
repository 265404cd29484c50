import warnings
from copy import copy
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_scalar
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._estimators._base import NUMBERS, NetworkEstimator, check_activation
from sklearn_irg._estimators._targets import Classes, Numbers
from sklearn_irg.solvers import LBFGS, check_solver


def _has_epochs(estimator):
    if isinstance(check_solver(estimator.solver), LBFGS):
        raise AttributeError('partial_fit needs a stochastic solver. Use solver="adam" or solver="sgd".')
    return True


class MLPEstimator(NetworkEstimator):
    """Estimators with hidden layers."""

    def to_sklearn(self):
        """A fitted scikit-learn `MLPClassifier` or `MLPRegressor` with the same predictions.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
            For everything that knows scikit-learn's classes: ONNX, SHAP, attack toolboxes.

        Raises
        ------
        ValueError
            For the activation "softplus", which scikit-learn does not have.
        """
        check_is_fitted(self)
        if self.activation == "softplus":
            raise ValueError('scikit-learn has no activation "softplus". Fit with "relu", "tanh" or "logistic".')
        twin = self._sklearn_class(hidden_layer_sizes=self._architecture()[0], activation=self.activation, max_iter=1)
        y = self._example_targets()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            twin.fit(np.zeros((len(y), self.n_features_in_), dtype=self.coefs_[0].dtype), y)  # to encode the targets
        twin.coefs_ = [W.copy() for W in self.coefs_]
        twin.intercepts_ = [b.copy() for b in self.intercepts_]
        for name in ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_"):
            setattr(twin, name, copy(getattr(self, name)))
        if hasattr(self, "feature_names_in_"):
            twin.feature_names_in_ = self.feature_names_in_.copy()
        return twin

    def _architecture(self):
        sizes = self.hidden_layer_sizes
        return ((sizes,) if isinstance(sizes, Integral) else tuple(sizes)), self.activation

    def _layers(self):
        return self.coefs_, self.intercepts_

    def _attributes(self, coefs, intercepts):
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _start(self, network, random_state, dtype):
        return network.initialize(random_state, dtype)

    def _check_parameters(self):
        super()._check_parameters()
        sizes, activation = self._architecture()
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be positive integers; got {self.hidden_layer_sizes!r}.")
        check_activation(activation)
        check_scalar(self.learning_rate_init, "learning_rate_init", NUMBERS, min_val=0, include_boundaries="neither")
        check_scalar(self.n_iter_no_change, "n_iter_no_change", Integral, min_val=1)
        check_scalar(self.dropout, "dropout", NUMBERS, min_val=0, max_val=1, include_boundaries="left")
        if self.batch_size != "auto":
            check_scalar(self.batch_size, "batch_size", Integral, min_val=1)

    def _schedule(self, n_samples):
        return {
            "batch_size": min(200 if self.batch_size == "auto" else self.batch_size, n_samples),
            "learning_rate_init": float(self.learning_rate_init),
            "shuffle": self.shuffle,
            "n_iter_no_change": self.n_iter_no_change,
        }

    def _hold_out(self, network, data, random_state, incremental):
        if not self.early_stopping:
            return data, None
        if incremental:
            raise ValueError("partial_fit does not support early_stopping=True: each call sees one batch only.")
        everything = np.arange(len(data.targets))
        rows = everything if data.labelled is None else np.flatnonzero(data.labelled)
        _, rows = train_test_split(
            rows,
            test_size=self.validation_fraction,
            random_state=random_state,
            stratify=self._strata(data.targets[rows]),
        )
        if len(rows) < 2:
            raise ValueError("the validation set is too small. Raise validation_fraction, or set early_stopping=False.")
        held_out = data.take(rows)
        return data.take(np.setdiff1d(everything, rows)), lambda theta: self._score(
            network.outputs(theta, held_out.X), held_out
        )

    def _store(self, solution, n_samples, resume):
        self.n_iter_ = solution.n_iter
        self.n_layers_ = len(self.coefs_) + 1
        self.n_outputs_ = self.coefs_[-1].shape[1]
        self.loss_ = solution.loss
        self.loss_curve_ = (self.loss_curve_ if resume else []) + solution.loss_curve
        self.validation_scores_ = solution.validation_scores
        self.best_loss_ = self.best_validation_score_ = None
        if solution.validation_scores is None:
            self.best_loss_ = min(self.loss_curve_)
        else:
            self.best_validation_score_ = max(solution.validation_scores)
        self.t_ = (self.t_ if resume else 0) + solution.n_iter * n_samples
        self._solver_state = solution.state

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coefs_")


class GradRegMLPClassifier(Classes, MLPEstimator):
    """Multi-layer perceptron classifier with a penalty on its input gradient, or any other.

    Minimises the weighted mean of the cross-entropy plus ``alpha`` times the penalty. Binary, multiclass and multilabel.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="input_gradient"
        What is penalised: a name such as "input_gradient", "virtual_adversarial", "weight_decay" or "spectral_norm", an
        object such as ``InputGradient(norm="l1")``, or a sum of such objects.
    alpha : float, default=0.3
        Strength of the penalty, the λ of the papers. Gradients are in units of X, so standardise it.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss and the penalty.
    solver : {"adam", "sgd", "lbfgs"} or Solver, default="adam"
        What minimises.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``. "lbfgs" uses all rows.
    learning_rate_init : float, default=0.001
        Step size of "adam" and "sgd".
    max_iter : int, default=200
        Largest number of epochs, or iterations.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling, the hold-out and stochastic penalties.
    tol : float, default=1e-4
        Improvements of the loss or validation score smaller than this do not count.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    early_stopping : bool, default=False
        Hold rows out, stop when the score on them stops improving, and keep the best weights.
    validation_fraction : float, default=0.1
        Fraction of rows held out, with the classes in proportion.
    warm_start : bool, default=False
        Start from the weights of the last fit.
    loss : Loss, default=None
        What modifies the loss, such as ``LabelSmoothing(0.1)`` or ``Flooding(0.05)``.
    constraint : Constraint, default=None
        A hard bound on the weights, such as ``SpectralNormalization(bound=1.0)``.
    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted; positions of the labels if multilabel.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Epochs of the last fit; layers, input and output included; outputs; rows seen in all.
    out_activation_ : {"logistic", "softmax"}
        What turns outputs into probabilities.
    loss_ : float
        Objective of the last epoch, penalty included.
    loss_curve_ : list of float
        Objective of each epoch.
    best_loss_ : float or None
        Smallest of them; None with early stopping.
    validation_scores_ : list of float or None
        Accuracy on the held-out rows after each epoch; None without early stopping.
    best_validation_score_ : float or None
        Largest of them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, one class only, or a diverging objective.

    See Also
    --------
    GradRegLogisticRegression : Without hidden layers.
    VATClassifier : Virtual adversarial training, also from unlabelled rows.
    sklearn.neural_network.MLPClassifier : With a penalty on the weights.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double backpropagation".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability of deep neural
       networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GradRegMLPClassifier(learning_rate_init=0.02, random_state=0))
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    _multilabel = True
    _sklearn_class = MLPClassifier

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="input_gradient",
        alpha=0.3,
        class_weight=None,
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
        self.class_weight = class_weight
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
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or an indicator of labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in all means; a weight of zero removes it.
        mask : array-like of bool of shape (n_samples, n_features), default=None
            Entries that the penalty counts, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask)

    @available_if(_has_epochs)
    def partial_fit(self, X, y, classes=None, sample_weight=None, mask=None):
        """Fit for one epoch, continuing from the last call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or an indicator of labels.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; needed in the first call if y lacks one.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        mask : array-like of bool of shape (n_samples, n_features), default=None
            Entries that the penalty counts, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask, incremental=True, classes=classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class GradRegMLPRegressor(Numbers, MLPEstimator):
    """Multi-layer perceptron regressor with a penalty on its input gradient, or any other.

    Minimises the weighted mean of half the squared error, summed over outputs, plus ``alpha`` times the penalty. The
    input gradient is that of this loss; the half is part of the loss, not of the penalty.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="input_gradient"
        What is penalised: a name such as "input_gradient", "weight_decay" or "spectral_norm", an object such as
        ``InputGradient(norm="l1")``, or a sum of such objects.
    alpha : float, default=0.3
        Strength of the penalty. Gradients are in units of X and of y, so standardise both.
    solver : {"adam", "sgd", "lbfgs"} or Solver, default="adam"
        What minimises.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``. "lbfgs" uses all rows.
    learning_rate_init : float, default=0.001
        Step size of "adam" and "sgd".
    max_iter : int, default=200
        Largest number of epochs, or iterations.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling, the hold-out and stochastic penalties.
    tol : float, default=1e-4
        Improvements of the loss or validation score smaller than this do not count.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    early_stopping : bool, default=False
        Hold rows out, stop when R² on them stops improving, and keep the best weights.
    validation_fraction : float, default=0.1
        Fraction of rows held out.
    warm_start : bool, default=False
        Start from the weights of the last fit.
    loss : Loss, default=None
        What modifies the loss, such as ``LabelSmoothing(0.1)`` or ``Flooding(0.05)``.
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
        Epochs of the last fit; layers, input and output included; outputs; rows seen in all.
    out_activation_ : {"identity"}
        Activation of the outputs.
    loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_
        As on `GradRegMLPClassifier`, with R² for accuracy.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
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
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double backpropagation".

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradRegMLPRegressor(tol=1e-3, learning_rate_init=0.01, random_state=0)
    >>> model.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5
    True
    """

    _sklearn_class = MLPRegressor

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="input_gradient",
        alpha=0.3,
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
            Entries that the penalty counts, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask)

    @available_if(_has_epochs)
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
            Entries that the penalty counts, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask, incremental=True)
