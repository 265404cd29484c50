"""Losses as functions of the distance to a linear boundary."""

import numpy as np

from sklearn_irg._checks import check_choice, check_real


def scaled_loss(margin, weight_norm, loss="zero_one"):
    """A loss as a function of the signed distance, which the weight norm stretches.

    Parameters
    ----------
    margin : array-like
        y · d(x), distances in units of X.
    weight_norm : float
        ‖w‖, positive: a large one makes the loss steep and blind to distance, a small one nearly
        linear.
    loss : {"zero_one", "hinge", "softplus"}, default="zero_one"
        1 where the score is negative or zero; max(0, 1 - s); log(1 + exp(-s)).

    Returns
    -------
    values : ndarray
        Loss at the score ``weight_norm * margin``.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn_irg.diagnostics import scaled_loss
    >>> scaled_loss([-1.0, 0.5, 2.0], 2.0, "hinge")
    array([3., 0., 0.])
    """
    check_choice(loss, "loss", ("zero_one", "hinge", "softplus"))
    weight_norm = check_real(weight_norm, "weight_norm", 0, open_low=True)
    score = weight_norm * np.asarray(margin, dtype=np.float64)
    if loss == "zero_one":
        return (score <= 0).astype(np.float64)
    if loss == "hinge":
        return np.maximum(1 - score, 0)
    return np.logaddexp(0, -score)
