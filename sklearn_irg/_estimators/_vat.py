from sklearn.neural_network import MLPClassifier

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._estimators._against_threats import TrainsAgainstThreats
from sklearn_irg._estimators._classifier_outputs import ClassifierOutputs
from sklearn_irg._estimators._mlp import MLPEstimator
from sklearn_irg.penalties import (
    ClassBalance,
    ConditionalEntropy,
    VirtualAdversarial,
    check_penalty,
)


class VATClassifier(TrainsAgainstThreats, ClassifierOutputs, MLPEstimator):
    """Virtual adversarial training: an MLP that learns from unlabeled rows too.

    Minimizes the mean cross-entropy over labeled rows plus ``alpha`` times the mean virtual
    adversarial penalty over all rows. Each minibatch of labeled rows comes with one of unlabeled
    rows; an epoch goes through the longer of the two, and starts the shorter again when it ends.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    penalty : str, Penalty or None, default="auto"
        Penalty in addition to the virtual adversarial divergence, such as "conditional_entropy" or
        ``0.1 * InputGradient()``; also multiplied by ``alpha``. "auto" is ``0.3 *
        ConditionalEntropy() + ClassBalance()`` where there are unlabeled rows, so that classes do
        not merge, and no penalty where there are none. It takes class proportions from the labeled
        rows: where these are not a random sample, pass ``ClassBalance(priors)``, or None.
    alpha : float, default=1.0
        Strength of the penalties.
    l2 : float, default=1e-4
        Strength of a weight decay that is separate from the penalty and not multiplied by
        ``alpha``: it adds ``l2 / (2 * n)`` times the sum of the squared weights, where n is the sum
        of the weights of the labeled rows of a minibatch. This is ``alpha`` of scikit-learn's
        `MLPClassifier`.
    n_ramp_up_epochs : int, default=0
        Number of epochs over which the strength of the penalty grows to ``alpha``, so that labels
        are learned first.
    epsilon : float, "local" or LocalRadius, default=None
        Radius within which predictions should not change, an L2 norm in units of X: one for all
        rows, or for each row a fraction of the distance to its neighbors; "local" is
        ``LocalRadius()``, and so is ``None`` where there is no threat model.
    xi : float, default=0.01
        Distance at which the power iteration differentiates, in units of X; at least 1e-3 for
        float32.
    n_power_iterations : int, default=1
        Number of power iterations per step.
    threat : ThreatModel, default=None
        Perturbations under which predictions should not change, in place of ``epsilon``: fitted on
        the columns of X. Behind the steps of a pipeline use `sklearn_irg.RobustTrainingClassifier`,
        and leave it ``None``.
    unlabeled_label : int, str or None, default=-1
        Value in y that marks a row without a label, as in scikit-learn's semi-supervised
        estimators. ``None`` if all rows have a label.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss and the penalty.
    solver : {"adam", "sgd"} or Solver, default="adam"
        Optimization algorithm; not "lbfgs", because directions are random.
    batch_size : int or "auto", default="auto"
        Labeled rows per step; "auto" is ``min(200, n_samples)``.
    unlabeled_batch_size : int, default=None
        Number of unlabeled rows per step, in addition to the labeled ones; ``None`` means as many
        as those.
    learning_rate_init : float, default=0.001
        Step size.
    max_iter : int, default=200
        Maximum number of epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling, the hold-out and the directions.
    tol : float, default=1e-4
        Smallest improvement of the loss or validation score that counts as progress.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    early_stopping : bool, default=False
        Hold labeled rows out, stop when the score on them stops improving, and keep the best
        weights.
    validation_fraction : float, default=0.1
        Fraction of labeled rows held out, stratified by class.
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
        Classes, sorted, without the marker of unlabeled rows.
    transduction_ : ndarray of shape (n_samples,)
        The label of each row of the fit: the given one, or the predicted one where it had none.
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
    loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_
        Objective of the last epoch, penalty included; of each epoch; and the smallest of these,
        None with early stopping. Accuracy on the held-out rows after each epoch, by sample and
        class weights, and the largest; both None without early stopping.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X had any.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of range, no labeled row, one class only, or a
        diverging objective.

    See Also
    --------
    sklearn_irg.penalties.VirtualAdversarial : The penalty, for use with other estimators.
    sklearn.semi_supervised.LabelSpreading : Semi-supervised classification on a graph.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_irg import VATClassifier
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> some = np.where(np.arange(200) < 10, y, -1)
    >>> model = VATClassifier(epsilon=0.3, learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, some)
    >>> print(f"{model.score(X, y):.2f}")
    1.00
    """

    _sklearn_class = MLPClassifier
    _accept_sparse = False  # perturbed rows are dense

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        penalty="auto",
        alpha=1.0,
        l2=1e-4,
        n_ramp_up_epochs=0,
        epsilon=None,
        xi=0.01,
        n_power_iterations=1,
        threat=None,
        unlabeled_label=-1,
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
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations
        self.threat = threat
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
    def fit(self, X, y, sample_weight=None):
        """Fit to labeled and unlabeled data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes, or ``unlabeled_label`` where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in both means; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    @property
    def takes_threat(self):
        """Whether training is against perturbations of the rows, which is always true."""
        return True

    @property
    def weight_of_threat(self):
        """Strength of the virtual adversarial divergence next to the loss."""
        return float(self.alpha)

    def _derive(self, X, y):
        return {"transduction_": self._transduction(X, y)}

    def _warn_after_fit(self, solution, y):
        super()._warn_after_fit(solution, y)
        self._warn_of_collapse(y)

    def _penalty(self, rows):
        epsilon = self.epsilon
        if epsilon is None and self.threat is None and rows.perturbations is None:
            epsilon = "local"
        smoothness = check_penalty(
            VirtualAdversarial(epsilon, self.xi, self.n_power_iterations, threat=self.threat)
        )
        if isinstance(self.penalty, str) and self.penalty == "auto":
            return (
                smoothness + 0.3 * ConditionalEntropy() + ClassBalance()
                if "unlabeled" in rows.groups
                else smoothness
            )
        others = check_penalty(self.penalty)
        return smoothness if others is None else smoothness + others
