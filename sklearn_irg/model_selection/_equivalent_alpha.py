from sklearn_irg._checks import InvalidParameterError, check_choice, check_integer, check_real

# convention: (function from the value, n and B to alpha; names of the numbers that it needs)
_CONVENTIONS = {
    "right_reasons": (lambda value, n, B: value, ()),
    "batch_mean_gradient": (lambda value, n, B: value / B, ("batch_size",)),
    "half_batch_mean_gradient": (lambda value, n, B: value / (2 * B), ("batch_size",)),
    "sklearn_C": (lambda value, n, B: 1 / (2 * n * value), ("n_samples",)),
    "sklearn_alpha": (lambda value, n, B: value / (2 * B), ("batch_size",)),
    "half_squared_weights": (lambda value, n, B: value / 2, ()),
    "decay": (lambda value, n, B: value / 2, ()),
    "half_spectral_norm": (lambda value, n, B: value / 2, ()),
    "vat": (lambda value, n, B: value, ()),
    "wgan_gp": (lambda value, n, B: value, ()),
    "imsat": (lambda value, n, B: 1 / value, ()),
    "adversarial_share": (lambda value, n, B: (1 - value) / value, ()),
}
_POSITIVE = ("sklearn_C", "imsat", "adversarial_share")


def equivalent_alpha(value, convention, *, n_samples=None, batch_size=None, unit=1.0):
    r"""Strength ``alpha`` that is equivalent to one in a paper or another library.

    ========================== =================================== ================================
    convention                 its objective                       penalty here, and alpha
    ========================== =================================== ================================
    "right_reasons"            Σ losses + λ Σ squared norms        ``RightReasons``: λ
    "batch_mean_gradient"      mean loss L + λ ‖∇ₓL‖²              ``InputGradient``: λ / B
    "half_batch_mean_gradient" mean loss L + ½ λ ‖∇ₓL‖²            ``InputGradient``: λ / (2B)
    "sklearn_C"                C · sum of losses + ½ ‖w‖²          ``WeightDecay``: 1 / (2nC)
    "sklearn_alpha"            mean loss + λ / (2B) · ‖W‖²         ``WeightDecay``: λ / (2B)
    "half_squared_weights"     mean loss + ½ λ ‖W‖²                ``WeightDecay``: λ / 2
    "decay"                    gradient descent with W ← W - η λ W ``WeightDecay``: λ / 2
    "half_spectral_norm"       mean loss + ½ λ Σ σ(W)²             ``SpectralNorm``: λ / 2
    "vat"                      mean loss + λ · mean divergence     ``VirtualAdversarial``: λ
    "wgan_gp"                  critic + λ · mean (‖∇f‖ - 1)²       ``LipschitzGradient``: λ
    "imsat"                    divergence + λ (H(Y|X) - μ H(Y))    ``IMSATClusterer``: 1 / λ
    "adversarial_share"        a · clean + (1 - a) · adversarial   ``AdversarialLoss``: (1 - a) / a
    ========================== =================================== ================================

    with B rows in a batch and n in the table; "adversarial_share" weighs clean and adversarial
    loss. `MLPClassifier` has "sklearn_alpha", DEEPSEC "batch_mean_gradient", and bert4keras
    "half_batch_mean_gradient". The last two are multiples of our objective, so the learning rate
    changes too. The papers are those of "right_reasons" [1]_, "half_batch_mean_gradient" [2]_,
    "half_spectral_norm" [3]_, "vat" [4]_, "wgan_gp" [5]_, "imsat" [6]_ and "adversarial_share"
    [7]_.

    Parameters
    ----------
    value : float
        The strength in the paper, not negative; positive for "sklearn_C" and "imsat", in (0, 1] for
        "adversarial_share".
    convention : str
        One of the names above.
    n_samples : int, default=None
        Number of rows, for "sklearn_C".
    batch_size : int, default=None
        Rows in a batch, where B occurs.
    unit : float, default=1.0
        Size of one unit of X in the units of the paper, for squared gradients: 255 for pixels in 0
        … 255 there and in [0, 1] here, which divides alpha by 255².

    Returns
    -------
    alpha : float
        The strength of the penalty named above.

    Raises
    ------
    ValueError
        For an unknown convention, a value out of range, or a missing number that the convention
        needs.

    See Also
    --------
    balanced_alpha : A strength to start from.

    References
    ----------
    .. [1] Ross, Hughes and Doshi-Velez (2017), "Right for the right reasons".
    .. [2] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".
    .. [3] Yoshida and Miyato (2017), "Spectral norm regularization for improving the
       generalizability of deep learning".
    .. [4] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training".
    .. [5] Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville (2017), "Improved training of
       Wasserstein GANs".
    .. [6] Hu, Miyato, Tokui, Matsumoto and Sugiyama (2017), "Learning discrete representations via
       information maximizing self-augmented training".
    .. [7] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".

    Examples
    --------
    >>> from sklearn_irg.model_selection import equivalent_alpha
    >>> round(equivalent_alpha(1000, "right_reasons", unit=255), 4)
    0.0154
    >>> equivalent_alpha(0.1, "imsat")
    10.0
    """
    check_choice(convention, "convention", tuple(_CONVENTIONS))
    value = check_real(value, "value", 0, open_low=convention in _POSITIVE)
    if convention == "adversarial_share":
        check_real(value, "value", 0, 1, open_low=True)
    formula, needs = _CONVENTIONS[convention]
    given = {"n_samples": n_samples, "batch_size": batch_size}
    for name in needs:
        if given[name] is None:
            raise InvalidParameterError(
                f"{name} is needed for convention={convention!r}; got None."
            )
        check_integer(given[name], name, 1)
    unit = check_real(unit, "unit", 0, open_low=True)
    of_gradients = convention in (
        "right_reasons",
        "batch_mean_gradient",
        "half_batch_mean_gradient",
    )
    if unit != 1 and not of_gradients:
        raise InvalidParameterError(
            f"unit has no effect on convention={convention!r}; got {unit!r}."
        )
    return formula(value, n_samples, batch_size) / unit**2
