"""Central differences of functions of rows, with steps that depend on the row alone."""

import numpy as np

from sklearn_irg._fitted.table_rows import numbers_of, with_numbers

__all__ = ["FEWEST_ROUNDINGS", "STEP", "central_differences"]

# of a unit: near the cube root of the relative precision, 6e-6, at which truncation and rounding
# of a central difference are of one size
STEP = 1e-5
FEWEST_ROUNDINGS = 1e5  # in a step, so that rounding moves its ends by no more than 1e-5 of it
# of a number's size, at least of one: on both sides of the best step for a function without a
# scale of its own, 6e-6
_SHARES = (1e-4, 1e-6)
_OTHER_SHARES = (1e-2, 1e-8)  # where these two disagree
# of two quotients: their errors are 1e-8 and 1e-10 for a function that changes over a unit
_AGREEMENT = 1e-5


def central_differences(function, X, is_free, units=None):
    """Gradients of the outputs of a function of rows, shape (n_outputs, n_samples, n_columns).

    The units of a black box are unknown. So two steps are taken, and where they disagree, more: of
    these, the one whose neighbors tell of the smallest error is believed.

    Parameters
    ----------
    function : callable
        From rows to outputs, shape (n_samples, n_outputs).
    X : ndarray of shape (n_samples, n_columns) or TableRows
        Rows.
    is_free : ndarray of bool of shape (n_samples, n_columns)
        Entries that can move; the gradient of others is zero.
    units : float or ndarray of shape (n_columns,), default=None
        Of columns, where they are known: one step of 1e-5 units is taken.
    """
    n_outputs = function(X[:1]).shape[1]
    gradients = np.zeros((n_outputs, *X.shape))
    for j in np.flatnonzero(is_free.any(axis=0)):
        if units is not None:
            found = _difference(function, X, j, STEP * (units[j] if np.ndim(units) else units))
        else:
            found = _agreed_difference(function, X, j)
        gradients[:, :, j] = np.where(is_free[:, j], found, 0)
    return gradients


def _agreed_difference(function, X, j):
    size = np.maximum(np.abs(numbers_of(X)[:, j]), 1)
    found = {share: _difference(function, X, j, share * size) for share in _SHARES}
    pair = [found[share] for share in _SHARES]
    disagree = np.abs(pair[0] - pair[1]) > _AGREEMENT * np.abs(pair[1])
    if not disagree.any():
        return pair[1]
    found |= {share: _difference(function, X, j, share * size) for share in _OTHER_SHARES}
    ladder = np.array([found[share] for share in sorted(found, reverse=True)])
    believed = np.take_along_axis(ladder, _errors(ladder).argmin(axis=0)[None], axis=0)[0]
    return np.where(disagree, believed, pair[1])


def _errors(ladder):
    """Errors of quotients over smaller and smaller steps, each a hundredth of the one before.

    Truncation falls with the square of the step, and rounding grows with its inverse. What the next
    larger step shows is ten thousand times a truncation, and what the next smaller one shows a
    hundred times a rounding.
    """
    change = np.abs(np.diff(ladder, axis=0))
    truncation = np.concatenate([change[:1], 1e-4 * change])
    rounding = np.concatenate([1e-2 * change, change[-1:]])
    return np.maximum(truncation, rounding)


def _difference(function, X, j, step):
    """Quotients in one column, shape (n_outputs, n_samples)."""
    numbers = numbers_of(X)
    step = np.maximum(step, FEWEST_ROUNDINGS * np.finfo(float).eps * np.abs(numbers[:, j]))
    up, down = numbers.copy(), numbers.copy()
    up[:, j] += step
    down[:, j] -= step
    return (function(with_numbers(X, up)) - function(with_numbers(X, down))).T / (up - down)[:, j]
