"""Checks of what activations and likelihoods declare, by differences of their functions.

They run before a fit begins, on classes that are not the package's.
"""

import numpy as np
from scipy.special import xlogy

from sklearn_irg._checks import InvalidParameterError, check_real
from sklearn_irg._engine.activations import ACTIVATIONS, Activation, as_activation
from sklearn_irg._engine.likelihoods import LIKELIHOODS, Likelihood

__all__ = ["are_alike", "check_activation", "check_likelihood"]

# of differences: central ones err by about its square, 1e-10, and by rounding over it, 1e-11
_STEP = 1e-5
# far above these errors, and far below what a wrong factor or sign changes
_FIRST = {"rtol": 1e-3, "atol": 1e-4}
_SECOND = {"rtol": 1e-2, "atol": 1e-3}  # the same for slopes of slopes, with one digit less
# change of slope within two steps that makes a kink; a smooth curve changes its slope by 1e-5
# times its second derivative
_BEND = 1e-3
# one-sided differences err by half a step times the second derivative, 5e-6 for one
_EXCESS = 1e-4
# far above the errors of differences, and far below what a wrong formula changes
_STATED = {"rtol": 1e-4, "atol": 1e-6}
# of two exact formulas of a loss, which differ by rounding only
_CONSTANT = {"rtol": 1e-6, "atol": 1e-8}


def check_activation(activation):
    """The activation object meant by a name or an object.

    Parameters
    ----------
    activation : {"identity", "logistic", "tanh", "relu", "softplus"} or Activation
        A name or an object.

    Returns
    -------
    activation : Activation
        An object for it.

    Raises
    ------
    ValueError
        If it is neither, or if an object's slopes are not those of its function or exceed the slope
        that it declares.

    Examples
    --------
    >>> from sklearn_irg.activations import check_activation
    >>> check_activation("tanh").largest_slope
    1.0
    """
    activation = as_activation(activation)
    if not isinstance(activation, Activation):
        names = ", ".join(map(repr, ACTIVATIONS))
        raise InvalidParameterError(
            f"activation must be one of {names}, or an Activation such as Softplus(); got "
            f"{activation!r}."
        )
    activation.check_parameters()
    if type(activation) not in {type(known) for known in ACTIVATIONS.values()}:
        _verify(activation)
    return activation


def _verify(activation):
    """Raise a ValueError unless an author's slopes are those of the function, seen on a grid."""
    check_real(activation.largest_slope, f"largest_slope of {activation!r}", 0, open_low=True)
    check_real(activation.init_factor, f"init_factor of {activation!r}", 0, open_low=True)
    # the offset keeps points away from kinks at round numbers
    z, h = np.linspace(-20, 20, 4001) + 1e-3, _STEP

    def phi(z):
        A = z.copy()
        activation.apply(A)
        A.flags.writeable = False  # slopes must leave it as it is
        return A

    def slope(z):
        return activation.slope(phi(z), np.empty_like(z))

    if np.shape(slope(z)) != z.shape:
        raise InvalidParameterError(
            f"slope(A, out) of {activation!r} must return out, an array of the shape of A."
        )
    if activation.sklearn_name not in {
        None,
        *(known.sklearn_name for known in ACTIVATIONS.values()),
    }:
        raise InvalidParameterError(
            f"{activation!r} declares sklearn_name={activation.sklearn_name!r}, which scikit-learn "
            "lacks. Set it to None."
        )
    left, right, here = (phi(z) - phi(z - h)) / h, (phi(z + h) - phi(z)) / h, slope(z)
    smooth = np.abs(right - left) < _BEND  # away from kinks
    if not np.allclose(here[smooth], (left + right)[smooth] / 2, **_FIRST):
        raise InvalidParameterError(
            f"slope(A, out) of {activation!r} must write the derivative of what apply(Z) computes "
            "to out, as a function of the activated value A, and return it."
        )
    derivative = activation.slope_derivative(phi(z))
    change = np.zeros_like(z) if derivative is None else derivative * here
    if not np.allclose(
        change[smooth], ((slope(z + h) - slope(z - h)) / (2 * h))[smooth], **_SECOND
    ):
        raise InvalidParameterError(
            f"slope_derivative(A) of {activation!r} must be the derivative of the slope with "
            "respect to the activated value A, and None only if the function is piecewise linear."
        )
    for name, twin in ACTIVATIONS.items():
        declares = activation.sklearn_name == name or (activation.is_identity and twin.is_identity)
        expected = z.copy()
        twin.apply(expected)
        if declares and not np.allclose(phi(z), expected):
            raise InvalidParameterError(
                f"{activation!r} declares or inherits that it is scikit-learn's {name!r}, which it "
                "is not. Set sklearn_name = None and is_identity = False."
            )
    largest = max(np.abs(here).max(), np.abs(left).max())
    if largest > float(activation.largest_slope) * (1 + _EXCESS):
        raise InvalidParameterError(
            f"{activation!r} declares largest_slope={activation.largest_slope:g}, but has a slope "
            f"of {largest:g}; certificates would be wrong."
        )


def check_likelihood(likelihood):
    """Raise a ValueError unless what a likelihood declares is true of its loss and mean."""
    if not isinstance(likelihood, Likelihood):
        raise InvalidParameterError(
            f"likelihood must be a Likelihood such as Poisson(), or None; got {likelihood!r}."
        )
    likelihood.check_parameters()
    if type(likelihood) in {type(known) for known in LIKELIHOODS.values()}:
        return
    rng = np.random.RandomState(0)
    outputs, targets = rng.standard_normal((6, 2)), likelihood.mean(rng.standard_normal((6, 2)))
    _check_shapes(likelihood, outputs, targets)
    outputs.flags.writeable = targets.flags.writeable = False  # what is given must be left as it is
    _check_probabilities(likelihood, outputs)
    _check_derivatives(likelihood, outputs, targets, rng)
    name = likelihood.sklearn_loss
    twins = [known for known in LIKELIHOODS.values() if known.sklearn_loss == name]
    if name is not None and not any(are_alike(known, likelihood) for known in twins):
        raise InvalidParameterError(
            f"{likelihood!r} declares or inherits sklearn_loss={name!r}, but its mean or residual "
            "is not that of scikit-learn's. Set sklearn_loss = None."
        )


def are_alike(one, other):
    """Whether two likelihoods have the same mean and residual, seen at a few outputs.

    Parameters
    ----------
    one, other : Likelihood
        The likelihoods.

    Returns
    -------
    are_alike : bool
        Whether they agree.

    Examples
    --------
    >>> from sklearn_irg._engine.derivative_checks import are_alike
    >>> from sklearn_irg.likelihoods import Bernoulli, Categorical
    >>> are_alike(Bernoulli(), Categorical())
    False
    """
    if type(one) is type(other):
        return True
    rng = np.random.RandomState(0)
    outputs, targets = 3 * rng.standard_normal((12, 2)), other.mean(rng.standard_normal((12, 2)))
    pairs = [(k.mean(outputs), k.loss_and_residual(outputs, targets)[1]) for k in (one, other)]
    return all(np.allclose(a, b) for a, b in zip(*pairs, strict=True))


def _check_shapes(likelihood, outputs, targets):
    def parts():
        yield "mean(outputs)", targets, outputs.shape
        loss, residual = likelihood.loss_and_residual(outputs, targets)
        yield "the loss of loss_and_residual(outputs, targets)", loss, outputs.shape[:1]
        yield "its residual", residual, outputs.shape

    for name, array, wanted in parts():
        if np.shape(array) != wanted:
            raise InvalidParameterError(
                f"{name} of {likelihood!r} must have shape {wanted} for outputs of shape "
                f"{outputs.shape}; got {np.shape(array)}."
            )


def _check_probabilities(likelihood, outputs):
    """Raise a ValueError unless means are probabilities of classes that fit the losses.

    The loss of each class must be minus the logarithm of its probability, up to a constant.
    Likelihoods without classes pass.
    """
    if likelihood.n_classes(outputs.shape[1]) is None:
        return
    P = likelihood.probabilities(outputs)
    if not (
        ((P >= 0) & (P <= 1)).all()
        and (not likelihood.is_categorical or np.allclose(P.sum(axis=1), 1))
    ):
        raise InvalidParameterError(
            f"{likelihood!r} declares classes, but its means are not probabilities. Let n_classes "
            "return None, or set is_categorical = True."
        )
    for target in np.eye(2):
        targets = np.tile(target, (len(outputs), 1))
        expected = -(
            xlogy(targets, P) + (0 if likelihood.is_categorical else xlogy(1 - targets, 1 - P))
        ).sum(axis=1)
        constant = likelihood.loss_and_residual(outputs, targets)[0] - expected
        if not np.allclose(constant, constant[0], **_CONSTANT):
            raise InvalidParameterError(
                f"the loss of {likelihood!r} is not minus the logarithm of its probabilities. "
                "Write it as a SampleLoss instead."
            )


def _check_derivatives(likelihood, outputs, targets, rng):
    h = _STEP
    step, vectors = rng.standard_normal((2, *outputs.shape))
    residuals, mean = likelihood.loss_and_residual(outputs, targets)[1], likelihood.mean(outputs)
    residuals.flags.writeable = False

    def difference(function):
        return (np.asarray(function(outputs + h * step)) - function(outputs - h * step)) / (2 * h)

    stated_and_seen = {
        "the residual of loss_and_residual(outputs, targets)": (
            (residuals * step).sum(axis=1),
            difference(lambda Z: likelihood.loss_and_residual(Z, targets)[0]),
        ),
        "hessian_product(outputs, targets, residuals, vectors)": (
            (likelihood.hessian_product(outputs, targets, residuals, vectors) * step).sum(axis=1),
            (difference(lambda Z: likelihood.loss_and_residual(Z, targets)[1]) * vectors).sum(
                axis=1
            ),
        ),
        "mean_derivative_product(outputs, mean, vectors)": (
            (likelihood.mean_derivative_product(outputs, mean, vectors) * step).sum(axis=1),
            (difference(likelihood.mean) * vectors).sum(axis=1),
        ),
    }
    for name, (stated, seen) in stated_and_seen.items():
        if not np.allclose(stated, seen, **_STATED):
            hint = ""
            if (
                "mean" in name
                and type(likelihood).mean_derivative_product is Likelihood.mean_derivative_product
            ):
                hint = " The default holds for outputs that are natural parameters; define it."
            raise InvalidParameterError(
                f"{name} of {likelihood!r} is not the derivative that finite differences "
                f"show.{hint}"
            )
