from sklearn_irg._estimators._mlp_classifier import GradRegMLPClassifier
from sklearn_irg.model_selection._alpha_search import AlphaSearch


class GradRegMLPClassifierCV(AlphaSearch):
    """MLP classifier that chooses the strength of its penalty by cross-validation.

    It is `GradRegMLPClassifier` at the chosen ``alpha_``. With ``solver="lbfgs"`` networks are
    trained from the strongest penalty to the weakest, each from the weights of the last, in each
    fold and at the end on all rows; with the others each starts from scratch, so that scores are
    those of a grid search.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="input_gradient"
        Penalty: a name such as "input_gradient", "virtual_adversarial", "weight_decay" or
        "spectral_norm", an object such as ``InputGradient(norm="l1")``, or a sum of such objects.
    alphas : int or array-like of shape (n_alphas,), default=9
        Strengths of the penalty to try; an integer is their number, from 1e-3 to 10 in equal
        ratios. Gradients depend on the units of X, so standardize X.
    l2 : float, default=1e-4
        Strength of a weight decay that is separate from the penalty and not multiplied by
        ``alpha``: it adds ``l2 / (2 * n)`` times the sum of the squared weights, where n is the sum
        of the weights of the rows of a minibatch. This is ``alpha`` of scikit-learn's
        `MLPClassifier`, which the estimator equals at ``alpha=0``.
    n_ramp_up_epochs : int, default=0
        Number of epochs over which the strength of the penalty grows to ``alpha``, so that the loss
        comes first.
    unlabeled_label : int, str or None, default=None
        Value in y that marks a row without a label, -1 in scikit-learn's semi-supervised
        estimators. Such rows count in penalties that read no labels. ``None`` if all rows have a
        label.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss and the penalty.
    solver : {"adam", "sgd", "lbfgs"} or Solver, default="adam"
        Optimization algorithm.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is ``min(200, n_samples)``. "lbfgs" uses all rows.
    unlabeled_batch_size : int, default=None
        Number of unlabeled rows per step, in addition to the labeled ones; ``None`` means as many
        as those.
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
        Hold rows out, stop when the score on them stops improving, and keep the best weights.
    validation_fraction : float, default=0.1
        Fraction of rows held out, stratified by class.
    loss : None, Likelihood or Loss, default=None
        Loss, to which the penalty is added. ``None`` is the cross-entropy; see `sklearn_irg.losses`
        for others, and for modifications such as ``LabelSmoothing(0.1)``.
    constraint : Constraint, default=None
        A hard bound on the weights, such as ``SpectralNormalization(bound=1.0)``.
    batch_normalization : bool, default=False
        Whether to normalize the inputs of the activations, and the outputs, over the rows of a
        minibatch in training. The fitted weights are those of an ordinary network: means and scales
        over all rows are folded into them.
    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.
    verbose : bool, default=False
        Print the objective after each epoch.
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
    estimator_ : GradRegMLPClassifier
        The model at the chosen strength, fitted to all rows. What it has learned (`coefs_`,
        `classes_` and the like) can be read from the search itself.
    alpha_ : float
        The chosen strength.
    alphas_ : ndarray of shape (n_alphas,)
        The strengths that were tried, decreasing.
    scores_ : ndarray of shape (n_folds, n_alphas)
        Score of each strength in each fold.
    attacked_scores_ : ndarray of shape (n_folds, n_alphas)
        Accuracies under ``threat``, which are upper bounds. Only with a threat model.
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted; positions of the labels if multilabel.
    transduction_ : ndarray of shape (n_samples,)
        The label of each row of the fit: the given one, or the predicted one where it had none.
        Only with an ``unlabeled_label``.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs in the last fit, of layers (input and output included), of outputs, and of
        rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    out_activation_ : str
        Output activation: "logistic", "softmax", or the one that a `Likelihood` given as ``loss``
        declares.
    likelihood_ : Likelihood
        Distribution of the targets given the outputs.
    loss_ : float
        Objective of the last epoch, penalty included.
    loss_curve_ : list of float
        Objective of each epoch.
    best_loss_ : float or None
        Smallest value of ``loss_curve_``; None with early stopping.
    validation_scores_ : list of float or None
        Accuracy on the held-out rows after each epoch, by sample and class weights; None without
        early stopping.
    best_validation_score_ : float or None
        Largest of these scores; None without early stopping.
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
    GradRegMLPClassifier : At one strength.
    sklearn_irg.model_selection.regularization_path : The models of all strengths.
    sklearn_irg.model_selection.refit_most_robust : Chooses the strength in a pipeline under a
        threat model.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegMLPClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifierCV(
    ...     alphas=[0.01, 0.1, 1], selection="one_standard_error", learning_rate_init=0.02,
    ...     max_iter=1000, random_state=0,
    ... )
    >>> pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    >>> model.alpha_, model.scores_.shape
    (0.1, (5, 3))
    """

    _base_class = GradRegMLPClassifier

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="input_gradient",
        alphas=9,
        l2=1e-4,
        n_ramp_up_epochs=0,
        unlabeled_label=None,
        class_weight=None,
        solver="adam",
        batch_size="auto",
        unlabeled_batch_size=None,
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        loss=None,
        constraint=None,
        batch_normalization=False,
        dropout=0.0,
        verbose=False,
        cv=None,
        scoring=None,
        selection="best",
        threat=None,
        n_jobs=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.penalty = penalty
        self.alphas = alphas
        self.l2 = l2
        self.n_ramp_up_epochs = n_ramp_up_epochs
        self.unlabeled_label = unlabeled_label
        self.class_weight = class_weight
        self.solver = solver
        self.batch_size = batch_size
        self.unlabeled_batch_size = unlabeled_batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.loss = loss
        self.constraint = constraint
        self.batch_normalization = batch_normalization
        self.dropout = dropout
        self.verbose = verbose
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.threat = threat
        self.n_jobs = n_jobs
