from sklearn.neural_network import MLPClassifier
from sklearn.utils.metaestimators import available_if

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._estimators._against_threats import TrainsAgainstThreats
from sklearn_irg._estimators._classifier_outputs import ClassifierOutputs
from sklearn_irg._estimators._mlp import MLPEstimator, has_epochs


class GradRegMLPClassifier(TrainsAgainstThreats, ClassifierOutputs, MLPEstimator):
    """MLP classifier with a penalty on its input gradient, or any other.

    Minimizes the weighted mean of the cross-entropy plus ``alpha`` times the penalty. Binary,
    multiclass and multilabel.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="input_gradient"
        Penalty: a name such as "input_gradient", "virtual_adversarial", "weight_decay" or
        "spectral_norm", an object such as ``InputGradient(norm="l1")``, or a sum of such objects.
    alpha : float, default=0.03
        Strength of the penalty, the λ of the papers. Gradients depend on the units of X, so
        standardize X.
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
    warm_start : bool, default=False
        Start from the weights of the last fit.
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

    Attributes
    ----------
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
        In ``fit``, for parameters or data out of range, one class only, or a diverging objective.

    See Also
    --------
    GradRegLogisticRegression : Without hidden layers.
    VATClassifier : Virtual adversarial training, also from unlabeled rows.
    sklearn.neural_network.MLPClassifier : With a penalty on the weights.

    References
    ----------
    .. [1] Drucker and Le Cun (1992), "Improving generalization performance using double
       backpropagation".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = GradRegMLPClassifier(learning_rate_init=0.02, max_iter=500, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network)
    >>> print(f"{model.fit(X, y).score(X, y):.1f}")
    1.0
    """

    _takes_indicators = True
    _sklearn_class = MLPClassifier
    _takes_partitions = True

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="input_gradient",
        alpha=0.03,
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
        warm_start=False,
        loss=None,
        constraint=None,
        batch_normalization=False,
        dropout=0.0,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.penalty = penalty
        self.alpha = alpha
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
        self.warm_start = warm_start
        self.loss = loss
        self.constraint = constraint
        self.batch_normalization = batch_normalization
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
            Classes, ``unlabeled_label`` where there is none; or an indicator of labels, which must
            be complete.
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

    def _derive(self, X, y):
        return {} if self.unlabeled_label is None else {"transduction_": self._transduction(X, y)}

    def _warn_after_fit(self, solution, y):
        super()._warn_after_fit(solution, y)
        if self.unlabeled_label is not None:
            self._warn_of_collapse(y)

    @available_if(has_epochs)
    def partial_fit(self, X, y, classes=None, sample_weight=None, mask=None):
        """Fit for one epoch, continuing from the last call.

        Quantities that depend on all rows, such as neighbors for ``epsilon="local"``, class
        proportions for `ClassBalance`, and the means and scales of ``batch_normalization``, are
        computed from the rows of the call. Where these matter, pass all rows in each call.

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
            Entries of X to which the penalty applies, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, mask, start=self._continued(classes))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
