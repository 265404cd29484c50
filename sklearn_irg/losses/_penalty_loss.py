from copy import copy

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.losses._base import Loss
from sklearn_irg.penalties import check_penalty


def _of_any(name):
    return property(lambda self: any(getattr(term, name) for _, term in self.terms()))


class PenaltyLoss(Loss):
    r"""Penalty in place of the loss: training on moved, noisy or worst-case rows alone.

    .. math:: \min_\theta \frac 1 n \sum_i
        \max_{\lVert r \rVert \le \epsilon} \ell(f_\theta(x_i + r), y_i)

    for an `sklearn_irg.penalties.AdversarialLoss`: min-max training as published [1]_, without the
    clean loss that ``AdversarialLoss`` as a penalty is added to. Likewise training with noise alone
    [2]_, input dropout [3]_ and certified training. Use it with ``penalty=None`` (or another
    penalty, added with ``alpha``); the estimator's ``l2`` remains.

    Parameters
    ----------
    penalty : str or Penalty
        Penalty whose values are losses of the rows' targets: "adversarial_loss", "certified_loss",
        "input_noise", "input_dropout", "hidden_noise", "weight_noise", "label_noise",
        "target_noise", an object, or a weighted sum of these.
    likelihood : Likelihood, default=None
        Distribution of the targets, whose negative logarithm is the loss; ``None`` chooses it by
        the kind of targets.

    Raises
    ------
    ValueError
        In ``fit``, if the penalty is not a loss of rows, such as an input gradient, or its weights
        are all zero.

    See Also
    --------
    sklearn_irg.penalties.AdversarialLoss : The penalty that is added to the clean loss.

    References
    ----------
    .. [1] Madry, Makelov, Schmidt, Tsipras and Vladu (2018), "Towards deep learning models
       resistant to adversarial attacks".
    .. [2] An (1996), "The effects of adding noise during backpropagation training on a
       generalization performance".
    .. [3] Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), "Dropout: a simple
       way to prevent neural networks from overfitting".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.attacks import adversarial_accuracy
    >>> from sklearn_irg.losses import PenaltyLoss
    >>> from sklearn_irg.penalties import AdversarialLoss
    >>> X, y = load_iris(return_X_y=True)
    >>> options = {"penalty": None, "learning_rate_init": 0.01, "tol": 1e-3, "max_iter": 500, "random_state": 0}
    >>> for loss in (None, PenaltyLoss(AdversarialLoss(0.3, n_steps=5))):
    ...     model = GradRegMLPClassifier(loss=loss, **options).fit(X, y)
    ...     print(f"{model.score(X, y):.1f} {adversarial_accuracy(model, X, y, 0.5):.1f}")
    1.0 0.6
    1.0 0.7
    """

    replaces_likelihood = False  # the same one, of other rows or parameters
    needs_whole_batch = _of_any("needs_whole_batch")
    builds_inputs = _of_any("builds_inputs")
    uses_mask = _of_any("uses_mask")
    is_stochastic = _of_any("is_stochastic")
    is_detached = _of_any("is_detached")
    has_kinks = _of_any("has_kinks")
    depends_on_epoch = _of_any("depends_on_epoch")
    takes_threat = _of_any("takes_threat")
    differentiates_parameters = _of_any("differentiates_parameters")
    _prepared_terms = (
        None  # those of the penalty as they have become: prepared, of an epoch, or smoothed
    )

    def __init__(self, penalty, likelihood=None):
        self.penalty = penalty
        self.likelihood = likelihood

    @property
    def _name(self):
        return f"PenaltyLoss of {' and '.join(term._name for _, term in self.terms())}"

    @property
    def group(self):
        """The rows that its terms count."""
        return self.terms()[0][1].group

    def terms(self):
        """List of (weight, term), as those of a penalty, without those of weight zero."""
        if self._prepared_terms is not None:
            return self._prepared_terms
        return [
            (weight, term) for weight, term in check_penalty(self.penalty).terms() if weight > 0
        ]

    def check_parameters(self):
        penalty = check_penalty(self.penalty)
        if penalty is None:
            raise InvalidParameterError(
                "penalty of PenaltyLoss must be one whose values are losses, such as "
                "AdversarialLoss(0.1); got None."
            )
        for _, term in penalty.terms():
            if not term.is_loss:
                raise InvalidParameterError(
                    "PenaltyLoss minimizes losses of rows, such as AdversarialLoss() or "
                    f"InputNoise(), and {term!r} is none. Pass it as penalty of the estimator; one "
                    "of your own that is a loss declares is_loss = True."
                )
        if len({term.group for _, term in penalty.terms()}) > 1:
            raise InvalidParameterError(
                f"the terms of {penalty!r} count different groups of rows. Use one of them."
            )
        if not any(weight for weight, _ in penalty.terms()):
            raise InvalidParameterError(
                f"the weights of {penalty!r} are zero, so there is no loss to minimize."
            )

    def check(self, columns, likelihood):
        for _, term in self.terms():
            term.check(columns, likelihood)

    def check_other_terms(self, terms):
        for _, term in self.terms():
            term.check_other_terms(terms)

    def contributions(self, step):
        return [
            (weight * coefficients, values)
            for weight, term in self.terms()
            for coefficients, values in term.contributions(step)
        ]

    def summands(self, step):
        pairs = [(weight, term.fused_summands(step)) for weight, term in self.terms()]
        if any(summands is None for _, summands in pairs):
            return None
        return [
            (weight * coefficients, quantity)
            for weight, summands in pairs
            for coefficients, quantity in summands
        ]

    def prepared(self, rows, network):
        return self._of([(weight, term.prepared(rows, network)) for weight, term in self.terms()])

    def at_epoch(self, epoch):
        now = [(weight, term.at_epoch(epoch)) for weight, term in self.terms()]
        same = all(term is old for (_, term), (_, old) in zip(now, self.terms(), strict=True))
        return self if same else self._of(now)

    def smoothed(self, sharpness):
        return self._of([(weight, term.smoothed(sharpness)) for weight, term in self.terms()])

    def bounded(self, network):
        pairs = [term.bounded(network) for _, term in self.terms()]
        parametrizations = [pair[0] for pair in pairs if pair is not None]
        if len({type(one) for one in parametrizations}) != 1:
            return None
        terms = [
            (weight, term if pair is None else pair[1])
            for (weight, term), pair in zip(self.terms(), pairs, strict=True)
        ]
        return parametrizations[0], self._of(terms)

    def _of(self, terms):
        """The same loss with other terms."""
        other = copy(self)
        other._prepared_terms = terms
        return other
