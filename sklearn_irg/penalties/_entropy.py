from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.penalties._base import SamplePenalty


class ConditionalEntropy(SamplePenalty):
    r"""Entropy of the prediction at each sample.

    .. math:: H\bigl(p(\cdot \mid x_i)\bigr) = -\sum_k p(k \mid x_i) \log p(k \mid x_i)

    averaged over samples, in nats [1]_; for multilabel targets summed over labels. It keeps
    boundaries away from regions where samples lie. No label is used. Together with
    `VirtualAdversarial` it is what Miyato et al. call VAT + EntMin [2]_: alone it may make a
    network confident of any guess.

    Raises
    ------
    ValueError
        In ``fit``, if targets are numbers, not classes.

    See Also
    --------
    VirtualAdversarial : Predictions that do not change near samples.

    References
    ----------
    .. [1] Grandvalet and Bengio (2005), "Semi-supervised learning by entropy minimization".
    .. [2] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.penalties import ConditionalEntropy
    >>> X, y = load_iris(return_X_y=True)
    >>> for alpha in (0, 3):
    ...     model = GradRegLogisticRegression(ConditionalEntropy(), alpha=alpha, max_iter=500).fit(X, y)
    ...     print(alpha, model.predict_proba(X).max(axis=1).mean().round(2))
    0 0.9
    3 0.96
    """

    group = "all"
    builds_inputs = False

    def check(self, columns, likelihood):
        del columns
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"ConditionalEntropy needs class probabilities, which {likelihood!r} does not have."
            )

    def values(self, step):
        return step.entropies
