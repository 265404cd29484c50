import numpy as np
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._estimators._against_threats import TrainsAgainstThreats
from sklearn_irg._estimators._base import NetworkEstimator
from sklearn_irg._estimators._classifier_outputs import ClassifierOutputs


class GradRegLogisticRegression(TrainsAgainstThreats, ClassifierOutputs, NetworkEstimator):
    r"""Logistic regression with a penalty on its input gradient, or any other.

    Minimizes the weighted mean of the cross-entropy, plus ``l2 / (2 * n)`` times the squared
    coefficients, plus ``alpha`` times the penalty. With ``penalty="weight_decay"`` it is
    scikit-learn's `LogisticRegression` with ``C = 1 / (2 * n * alpha + l2)``, where n is the sum of
    the weights of the rows.

    Parameters
    ----------
    penalty : str, Penalty or None, default="input_gradient"
        Penalty: a name such as "input_gradient", "weight_decay" or "spectral_norm", an object such
        as ``InputGradient(norm="l1")``, or a sum of such objects.
    alpha : float, default=0.03
        Strength of the penalty, the λ of the papers. Gradients depend on the units of X, so
        standardize X.
    l2 : float, default=1.0
        Strength of a weight decay that is separate from the penalty and not multiplied by
        ``alpha``: it adds ``l2 / (2 * n)`` times the sum of the squared coefficients, where n is
        the sum of the weights of the rows. This is ``1 / C`` of scikit-learn's
        `LogisticRegression`, which the estimator equals at ``alpha=0``.
    fit_intercept : bool, default=True
        Whether to fit a bias, which is never penalized.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss and the penalty.
    solver : {"lbfgs", "newton-cholesky", "adam", "sgd"} or Solver, default="lbfgs"
        Optimization algorithm. Penalties that draw random numbers need "adam" or "sgd".
        "newton-cholesky" is faster for two classes and up to some fifty columns; see
        `NewtonCholesky` for the penalties that it takes.
    max_iter : int, default=100
        Maximum number of iterations, or of epochs; with 0 the coefficients are those that a fit
        starts from.
    tol : float, default=1e-4
        "lbfgs" stops when no entry of the gradient exceeds it; the others when the loss improves by
        less than it.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    random_state : int, RandomState or None, default=None
        For "adam", "sgd", stochastic penalties, and the start under a `SpectralNormalization`;
        otherwise the fit starts from zero.
    loss : None, Likelihood or Loss, default=None
        Loss, to which the penalty is added. ``None`` is the cross-entropy; see `sklearn_irg.losses`
        for others, and for modifications such as ``LabelSmoothing(0.1)``.
    constraint : Constraint, default=None
        A hard bound on the weights, such as ``SpectralNormalization(bound=1.0)``.
    verbose : bool, default=False
        Print the objective after each iteration.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted.
    coef_ : {ndarray, sparse matrix} of shape (1, n_features) or (n_classes, n_features)
        Coefficients; one row for two classes. Sparse after `sparsify`.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Biases.
    out_activation_ : str
        Output activation: "logistic", "softmax", or the one that a `Likelihood` given as ``loss``
        declares.
    likelihood_ : Likelihood
        Distribution of the targets given the outputs.
    n_iter_ : ndarray of shape (1,)
        Number of iterations.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    loss_ : float
        Objective at the end, penalty included.
    loss_curve_ : list of float
        Objective after each iteration.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, and for one class only.

    See Also
    --------
    GradRegMLPClassifier : The same with hidden layers.
    sklearn.linear_model.LogisticRegression : With L2, L1 or elastic-net penalties on the
        coefficients.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double
       backpropagation".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GradRegLogisticRegression(max_iter=500)).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.99
    """

    _fewest_iterations = 0
    _takes_partitions = True

    def __init__(
        self,
        penalty="input_gradient",
        alpha=0.03,
        *,
        l2=1.0,
        fit_intercept=True,
        class_weight=None,
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        loss=None,
        constraint=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.alpha = alpha
        self.l2 = l2
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.loss = loss
        self.constraint = constraint
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y, sample_weight=None, mask=None):
        """Fit to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; sparse ones stay sparse.
        y : array-like of shape (n_samples,)
            Classes.
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

    def sparsify(self):
        """Convert the coefficients to a sparse matrix.

        It takes less memory where most coefficients are zero.

        Predictions are the same; another fit gives a dense array again.

        Returns
        -------
        self : object
            The fitted estimator.

        See Also
        --------
        densify : The way back.
        """
        return LogisticRegression.sparsify(self)

    def densify(self):
        """Convert the coefficients to a dense array, as they are after a fit.

        Returns
        -------
        self : object
            The fitted estimator.

        See Also
        --------
        sparsify : The way to a sparse matrix.
        """
        return LogisticRegression.densify(self)

    def to_sklearn(self):
        """A fitted scikit-learn `LogisticRegression` with the same predictions.

        Returns
        -------
        estimator : LogisticRegression
            For tools that expect scikit-learn's classes, such as ONNX, SHAP and attack toolboxes.

        Raises
        ------
        ValueError
            For a likelihood that scikit-learn does not have.
        """
        check_is_fitted(self)
        if self.likelihood_.sklearn_loss not in self._sklearn_losses:
            raise InvalidParameterError(
                f"LogisticRegression has no loss like {self.likelihood_!r}."
            )
        options = {"C": 1 / self.l2} if self.l2 > 0 else {}
        twin = LogisticRegression(
            fit_intercept=self.fit_intercept, max_iter=self.max_iter, tol=self.tol, **options
        )
        for name in ("classes_", "coef_", "intercept_", "n_iter_"):
            setattr(twin, name, getattr(self, name).copy())
        twin.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            twin.feature_names_in_ = self.feature_names_in_.copy()
        return twin

    def _layers(self):
        coef = self.coef_.toarray() if issparse(self.coef_) else self.coef_
        return [coef.T], [self.intercept_]

    def _named_weights(self, coefs, intercepts):
        return {"coef_": np.ascontiguousarray(coefs[0].T), "intercept_": intercepts[0]}

    def _initialize(self, network, random_state, dtype):
        if self.constraint is None or self.constraint.allows_zero:
            return np.zeros(network.n_parameters, dtype=dtype)
        return network.initialize(random_state, dtype)

    def _report(self, fitted):
        return {
            **super()._report(fitted),
            "n_iter_": np.array([fitted.solution.n_iter], dtype=np.int32),
        }

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coef_")
