"""Penalties: terms that an estimator minimizes in addition to its loss.

Every penalty is an object with options but no absolute strength, which is the estimator's
``alpha``. Penalties can be added and scaled: ``InputGradient() + 0.1 * SpectralNorm()``. None
carries a factor ½, per-row values are averaged with the sample weights, and biases are not
penalized, except by `ParameterGradient`.
"""

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.penalties._adversarial_loss import AdversarialLoss
from sklearn_irg.penalties._base import (
    BatchPenalty,
    Penalty,
    SamplePenalty,
    Scaled,
    Sum,
    WeightPenalty,
)
from sklearn_irg.penalties._certified_loss import CertifiedLoss
from sklearn_irg.penalties._class_balance import ClassBalance
from sklearn_irg.penalties._consistency import RandomPerturbation, VirtualAdversarial
from sklearn_irg.penalties._entropy import ConditionalEntropy
from sklearn_irg.penalties._input_gradient import InputGradient
from sklearn_irg.penalties._jacobian import Jacobian, LipschitzGradient
from sklearn_irg.penalties._layerwise import LayerwiseVirtualAdversarial
from sklearn_irg.penalties._noise import HiddenNoise, InputDropout, InputNoise, WeightNoise
from sklearn_irg.penalties._radii import LocalRadius
from sklearn_irg.penalties._right_reasons import RightReasons
from sklearn_irg.penalties._target_noise import LabelNoise, TargetNoise
from sklearn_irg.penalties._weights import ParameterGradient, SpectralNorm, WeightDecay

__all__ = [
    "AdversarialLoss",
    "BatchPenalty",
    "CertifiedLoss",
    "ClassBalance",
    "ConditionalEntropy",
    "HiddenNoise",
    "InputDropout",
    "InputGradient",
    "InputNoise",
    "Jacobian",
    "LabelNoise",
    "LayerwiseVirtualAdversarial",
    "LipschitzGradient",
    "LocalRadius",
    "ParameterGradient",
    "Penalty",
    "RandomPerturbation",
    "RightReasons",
    "SamplePenalty",
    "Scaled",
    "SpectralNorm",
    "Sum",
    "TargetNoise",
    "VirtualAdversarial",
    "WeightDecay",
    "WeightNoise",
    "WeightPenalty",
    "check_penalty",
]

_BY_NAME = {
    "adversarial_loss": AdversarialLoss,
    "certified_loss": CertifiedLoss,
    "class_balance": ClassBalance,
    "conditional_entropy": ConditionalEntropy,
    "hidden_noise": HiddenNoise,
    "input_dropout": InputDropout,
    "input_gradient": InputGradient,
    "input_noise": InputNoise,
    "jacobian": Jacobian,
    "label_noise": LabelNoise,
    "layerwise_virtual_adversarial": LayerwiseVirtualAdversarial,
    "lipschitz_gradient": LipschitzGradient,
    "parameter_gradient": ParameterGradient,
    "random_perturbation": RandomPerturbation,
    "right_reasons": RightReasons,
    "spectral_norm": SpectralNorm,
    "target_noise": TargetNoise,
    "virtual_adversarial": VirtualAdversarial,
    "weight_decay": WeightDecay,
    "weight_noise": WeightNoise,
}


def check_penalty(penalty):
    """Penalty object for a name, an object, or None.

    Parameters
    ----------
    penalty : str, Penalty or None
        A name stands for its class with default options.

    Returns
    -------
    penalty : Penalty or None
        The corresponding object.

    Raises
    ------
    ValueError
        If it is none of these, or has a parameter out of range.

    Examples
    --------
    >>> from sklearn_irg.penalties import check_penalty
    >>> check_penalty("spectral_norm")
    SpectralNorm()
    """
    if penalty is None:
        return None
    if isinstance(penalty, str) and penalty in _BY_NAME:
        return _BY_NAME[penalty]()
    if not isinstance(penalty, Penalty):
        names = ", ".join(map(repr, sorted(_BY_NAME)))
        raise InvalidParameterError(
            f'penalty must be None, one of {names}, or a Penalty such as InputGradient(norm="l1"); '
            f"got {penalty!r}."
        )
    for _, term in penalty.terms():
        term.check_parameters()
    return penalty
