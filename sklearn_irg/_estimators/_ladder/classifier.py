from dataclasses import replace

from sklearn.neural_network import MLPClassifier

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._checks import (
    InvalidParameterError,
    check_choice,
    check_per_layer,
    check_real,
    over_layers,
)
from sklearn_irg._estimators._classifier_outputs import ClassifierOutputs
from sklearn_irg._estimators._ladder.loss import LadderLoss, TrainedWeightDecay
from sklearn_irg._estimators._ladder.network import (
    FoldedNormalization,
    LadderNetwork,
    RowNormalization,
)
from sklearn_irg._estimators._mlp import MLPEstimator


class LadderClassifier(ClassifierOutputs, MLPEstimator):
    r"""Ladder network: an MLP that also learns to restore its layers from noise.

    It learns that from unlabeled rows too. The objective is

    .. math:: \frac 1 n \sum_i \ell(\tilde f(x_i), y_i)
        + \sum_{l=0}^L \lambda_l \frac 1 {N d_l} \sum_i
        \lVert z_{il} - \hat z_{il} \rVert_2^2 + \alpha R

    with the loss of the n labeled rows under noise in every layer, and for all N rows the error of
    what a decoder restores, from the top layer down, of the :math:`d_l` normalized values of each
    layer [1]_. Layers are normalized over the rows of a minibatch; the fitted weights are those of
    an ordinary network with means and scales over all rows folded in. In training, the normalized
    values are multiplied by the norm of the unit's weights, on which the weight decay acts, in
    place of a separate parameter.

    The penalty R, if there is one, is that of the network without noise, normalized over the
    minibatch: the one that ``VATClassifier(batch_normalization=True)`` penalizes, so that a penalty
    on weights is one on weights with scales folded in. With it, and with noise that has a part in
    the direction in which the prediction changes most, these are the virtual adversarial ladder
    networks of [2]_:

    =======  ==============================================================
    LVAC     ``penalty=VirtualAdversarial(epsilon)``
    LVAC-LW  ``penalty=LayerwiseVirtualAdversarial((epsilon_0, epsilon_1, …))``
    LVAN     ``noise="adversarial", epsilon=epsilon``
    LVAN-LW  ``noise="adversarial_layerwise", epsilon=(epsilon_0, epsilon_1, …)``
    =======  ==============================================================

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"} or Activation, default="relu"
        Activation of the hidden layers.
    noise : {"gaussian", "adversarial", "adversarial_layerwise"}, default="gaussian"
        Gaussian noise in every layer; with a virtual adversarial part at the input, or at the input
        and in every hidden layer.
    noise_std : float, default=0.3
        Standard deviation of the Gaussian noise, in units of X at the input, and of normalized
        values in the layers.
    denoising_costs : sequence of float, default=(1.0, 0.1, 0.1)
        Costs :math:`\lambda_l` of the input and of each layer; the last one counts for all further
        layers. Layers below the first cost are not restored: with ``(0, 0, 1)`` and one hidden
        layer only the outputs are, the faster Γ-model of [1]_.
    epsilon : float or sequence of float, default=1.0
        L2 norm of the adversarial part of the noise: of the input, in units of X, and with
        "adversarial_layerwise" of each hidden layer, of normalized values; the last one counts for
        all further layers. Not used with Gaussian noise.
    xi : float, default=0.01
        Distance at which the adversarial direction is found.
    penalty : str, Penalty or None, default=None
        Penalty in addition to the costs of the ladder, such as "virtual_adversarial" or
        ``VirtualAdversarial(1.5)``.
    alpha : float, default=1.0
        Strength of the penalty.
    l2 : float, default=1e-4
        Strength of a weight decay that adds ``l2 / (2 * n)`` times the sum of the squared weights,
        where n is the sum of the weights of the labeled rows of a minibatch.
    unlabeled_label : int, str or None, default=-1
        Value in y that marks a row without a label, as in scikit-learn's semi-supervised
        estimators. ``None`` if all rows have a label.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss of labeled rows and in the penalty; neither in the means
        over rows by which layers are normalized, nor in the costs of restoring them. Outputs are
        normalized too, so very unequal weights take effect slowly: raise ``learning_rate_init``.
    solver : {"adam", "sgd"} or Solver, default="adam"
        Optimization algorithm; not "lbfgs", because noise is random.
    batch_size : int or "auto", default="auto"
        Labeled rows per step; "auto" is ``min(200, n_samples)``.
    unlabeled_batch_size : int, default=None
        Number of unlabeled rows per step, in addition to the labeled ones; ``None`` means as many
        as those.
    learning_rate_init : float, default=0.002
        Step size.
    max_iter : int, default=200
        Maximum number of epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState or None, default=None
        For the initial weights, shuffling, the hold-out and noise.
    tol : float, default=1e-4
        Smallest improvement of the loss or validation score that counts as progress.
    n_iter_no_change : int, default=10
        Stop after more than this many epochs in a row without improvement.
    early_stopping : bool, default=False
        Hold labeled rows out, stop when the score on them stops improving, and keep the best
        weights.
    validation_fraction : float, default=0.1
        Fraction of labeled rows held out, stratified by class.
    verbose : bool, default=False
        Print the objective after each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted, without the marker of unlabeled rows.
    transduction_ : ndarray of shape (n_samples,)
        The label of each row of the fit: the given one, or the predicted one where it had none.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (n_in, n_out) and biases of each layer; the decoder is not kept.
    n_iter_, n_layers_, n_outputs_, t_ : int
        Numbers of epochs in the last fit, of layers (input and output included), of outputs, and of
        rows seen in total.
    converged_ : bool
        Whether the last fit stopped because it no longer improved.
    out_activation_ : str
        Output activation, which gives probabilities: "logistic" or "softmax".
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
    VATClassifier : Virtual adversarial training without a decoder.
    sklearn_irg.penalties.LayerwiseVirtualAdversarial : The penalty of LVAC-LW, for use with other
        estimators too.

    References
    ----------
    .. [1] Rasmus, Valpola, Honkala, Berglund and Raiko (2015), "Semi-supervised learning with
       ladder networks".
    .. [2] Shinoda, Worrall and Brostow (2017), "Virtual adversarial ladder networks for
       semi-supervised learning".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_irg import LadderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> some = np.where(np.arange(len(y)) < 100, y, -1)
    >>> model = LadderClassifier(noise_std=0.1, learning_rate_init=0.01, tol=0.01, random_state=0).fit(X / 16, some)
    >>> print(f"{np.mean(model.transduction_ == y):.1f}")
    0.8
    """

    _sklearn_class = MLPClassifier
    _accept_sparse = False
    _against_collapse = "another random_state, less noise, or larger denoising_costs"
    warm_start = False
    loss = None

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        noise="gaussian",
        noise_std=0.3,
        denoising_costs=(1.0, 0.1, 0.1),
        epsilon=1.0,
        xi=0.01,
        penalty=None,
        alpha=1.0,
        l2=1e-4,
        unlabeled_label=-1,
        class_weight=None,
        solver="adam",
        batch_size="auto",
        unlabeled_batch_size=None,
        learning_rate_init=0.002,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.noise = noise
        self.noise_std = noise_std
        self.denoising_costs = denoising_costs
        self.epsilon = epsilon
        self.xi = xi
        self.penalty = penalty
        self.alpha = alpha
        self.l2 = l2
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
            Weight of each row in all means; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _derive(self, X, y):
        return {"transduction_": self._transduction(X, y)}

    def _warn_after_fit(self, solution, y):
        super()._warn_after_fit(solution, y)
        self._warn_of_collapse(y)

    def _settings(self):
        settings = super()._settings()
        # without a penalty nothing reads the network, which would cost a pass
        normalization = (
            FoldedNormalization() if self.penalty is None or self.alpha == 0 else RowNormalization()
        )
        decay = float(self.l2), TrainedWeightDecay()
        return replace(
            settings, network_kind=LadderNetwork, parametrization=normalization, decay=decay
        )

    def _loss(self):
        costs = [float(cost) for cost in self.denoising_costs]
        n_places = len(self._hidden_layers()) + 2  # input, hidden layers, outputs
        costs = (costs + costs[-1:] * n_places)[:n_places]
        radii = check_per_layer(self.epsilon, "epsilon")
        if self.noise != "gaussian":
            radii = over_layers(
                radii, "epsilon", 1 if self.noise == "adversarial" else n_places - 1
            )
        return LadderLoss(self.noise, self.noise_std, costs, radii, self.xi)

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.noise, "noise", ("gaussian", "adversarial", "adversarial_layerwise"))
        check_real(self.noise_std, "noise_std", 0)
        check_per_layer(self.epsilon, "epsilon")
        check_real(self.xi, "xi", 0, open_low=True)
        costs = self.denoising_costs
        if isinstance(costs, str) or not hasattr(costs, "__len__") or not len(costs):
            raise InvalidParameterError(
                f"denoising_costs must be a sequence of numbers; got {costs!r}."
            )
        for cost in costs:
            check_real(cost, "denoising_costs", 0)
