from sklearn_irg.losses._base import Loss


class MeanDifference(Loss):
    r"""Minus the difference of the mean outputs on two samples.

    .. math:: \mathbb E_{\text{second}} f - \mathbb E_{\text{first}} f

    The first output f is then large on the first sample and small on the second. Among functions
    that change by at most one per unit of X, minus its smallest value is the Wasserstein-1 distance
    of the samples [1]_. The classes of y name the sample of each row: "first" and "second" by name,
    any others in sorted order.

    See Also
    --------
    sklearn_irg.WassersteinCritic : The estimator that uses it.

    References
    ----------
    .. [1] Arjovsky, Chintala and Bottou (2017), "Wasserstein generative adversarial networks".

    Examples
    --------
    >>> from sklearn_irg.losses import MeanDifference
    >>> MeanDifference().samples
    ('first', 'second')
    """

    builds_inputs = False
    samples = ("first", "second")

    def contributions(self, step):
        outputs = step.outputs[:, 0]
        return [(step.weights_of("second"), outputs), (-step.weights_of("first"), outputs)]
