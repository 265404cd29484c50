from sklearn.utils.validation import check_is_fitted

from sklearn_irg._estimators._linear import GradRegLogisticRegression
from sklearn_irg.model_selection._alpha_search import AlphaSearch


class GradRegLogisticRegressionCV(AlphaSearch):
    """Logistic regression that chooses the strength of its penalty by cross-validation.

    It is `GradRegLogisticRegression` at the chosen ``alpha_``. All strengths of a fold are fitted
    together where penalty and solver allow it, which is several times as fast as one after another;
    see `sklearn_irg.model_selection.regularization_path`.

    Parameters
    ----------
    penalty : str, Penalty or None, default="input_gradient"
        Penalty: a name such as "input_gradient", "weight_decay" or "spectral_norm", an object such
        as ``InputGradient(norm="l1")``, or a sum of such objects.
    alphas : int or array-like of shape (n_alphas,), default=9
        Strengths of the penalty to try; an integer is their number, from 1e-3 to 10 in equal
        ratios. Gradients depend on the units of X, so standardize X.
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
    max_iter : int, default=100
        Maximum number of iterations, or of epochs.
    tol : float, default=1e-4
        "lbfgs" stops when no entry of the gradient exceeds it; the others when the loss improves by
        less than it.
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
    cv : int, cross-validation generator or iterable, default=None
        Folds to score in; an integer is the number of stratified folds. ``None`` is 5.
    scoring : str or callable, default=None
        Score by which strengths are compared: the name of a scorer, or a callable
        ``scorer(estimator, X, y)``. ``None`` is accuracy.
    selection : {"best", "one_standard_error", "most_robust"}, default="best"
        Rule that chooses the strength: the one with the best mean score; the strongest within one
        standard error of it; or, among those within one standard error, the one with the largest
        accuracy under ``threat``. The last two never choose a strength at which the model of a fold
        predicts one class only.
    threat : ThreatModel, default=None
        Changes that rows may undergo when a model is tested on them, fitted on the table that X is,
        or whose rows X has. If given, accuracies under attack are measured too. Behind the first
        steps of a pipeline X has other columns: there, search over the whole pipeline with
        `sklearn_irg.model_selection.refit_most_robust`.
    n_jobs : int, default=None
        Number of folds fitted in parallel, as in joblib.

    Attributes
    ----------
    estimator_ : GradRegLogisticRegression
        The model at the chosen strength, fitted to all rows. What it has learned (`coef_`,
        `classes_` and the like) can be read from the search itself.
    alpha_ : float
        The chosen strength.
    alphas_ : ndarray of shape (n_alphas,)
        The strengths that were tried, decreasing.
    scores_ : ndarray of shape (n_folds, n_alphas)
        Score of each strength in each fold.
    attacked_scores_ : ndarray of shape (n_folds, n_alphas)
        Accuracies under ``threat``: exact, but for `ThreatModel.valid`. Only with a threat model.
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients; one row for two classes.
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
        In ``fit``, for parameters or data out of range, where ``selection`` allows no strength, and
        for a ``threat`` that has not been fitted, or on another table.

    See Also
    --------
    GradRegLogisticRegression : At one strength.
    sklearn_irg.model_selection.regularization_path : The models of all strengths.
    sklearn_irg.model_selection.refit_most_robust : Chooses the strength in a pipeline under a
        threat model.
    sklearn.linear_model.LogisticRegressionCV : With a penalty on the coefficients.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegressionCV
    >>> from sklearn_irg.attacks import ThreatModel
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> threat = ThreatModel(0.5).fit(X)
    >>> model = GradRegLogisticRegressionCV(max_iter=1000, selection="most_robust", threat=threat).fit(X, y)
    >>> float(round(model.alpha_, 3)), round(model.score(X, y), 2)
    (0.1, 0.99)
    """

    _base_class = GradRegLogisticRegression

    def __init__(
        self,
        penalty="input_gradient",
        alphas=9,
        *,
        l2=1.0,
        fit_intercept=True,
        class_weight=None,
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        random_state=None,
        loss=None,
        constraint=None,
        verbose=False,
        cv=None,
        scoring=None,
        selection="best",
        threat=None,
        n_jobs=None,
    ):
        self.penalty = penalty
        self.alphas = alphas
        self.l2 = l2
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.loss = loss
        self.constraint = constraint
        self.verbose = verbose
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.threat = threat
        self.n_jobs = n_jobs

    def sparsify(self):
        """Make ``coef_`` a sparse matrix.

        Predictions then take less memory where many coefficients are zero.

        Returns
        -------
        self : object
            The estimator.
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before sparsifying.")
        self.estimator_.sparsify()
        return self

    def densify(self):
        """Make ``coef_`` an array again.

        Returns
        -------
        self : object
            The estimator.
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before densifying.")
        self.estimator_.densify()
        return self
