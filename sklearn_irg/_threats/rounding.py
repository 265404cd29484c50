"""Bounds on rounding errors in ``predict``, which certificates take into account.

Standard bounds of floating-point arithmetic (Higham 2002, "Accuracy and stability of numerical
algorithms", §3): a sum of n products is off by at most (n + 2) units of relative precision of the
sum of their sizes.
"""

import numpy as np

__all__ = ["N_OPERATIONS", "distance_slack", "margin_slack"]

# moves from here on are unbounded, and count as none: no number in use goes so far
_ANYWHERE = 1e100
# of steps such as a scaler on one number, at the most: 256 gives the same on the tables of the
# tests
N_OPERATIONS = 16


def margin_slack(problem, furthest, more=0.0):
    """Rounding errors of margins, wherever rows go, shape (n_samples, n_others).

    Parameters
    ----------
    problem : AttackProblem
        Rows of a linear model or a neural network.
    furthest : ndarray of shape (n_samples, n_columns)
        Largest distance that each number moves, in units of its scale.
    more : ndarray of shape (n_inner_features,), default=0.0
        Excess of the model's inputs over what the slopes of the steps predict.
    """
    input_size, error = _size_of_inputs(problem, furthest, more)
    size = input_size
    precision, activation = problem.precision, problem.inner.network.activation
    *hidden, last = [
        (np.abs(W.astype(np.float64)), np.abs(b.astype(np.float64)))
        for W, b in problem.inner.layers
    ]
    for layer in hidden:
        size, error = _through(layer, size, error, precision)
        # activations are monotone, so that their size is largest at an end
        size = np.maximum(*(np.abs(activation.value_and_slope(end)[0]) for end in (size, -size)))
        error = activation.largest_slope * error + 8 * precision * size
    _, error = _through(last, size, error, precision)
    if problem.inner.expands_squares:
        squares = (input_size + _largest(problem.inner)) ** 2
        error = error + precision * (len(last[0]) + 8) * squares.sum(axis=1, keepdims=True)
    return _of_margins(error, problem.label)


def distance_slack(problem, among=slice(None)):
    """Rounding error of the distance to a threshold of a tree behind steps, shape (n_samples,).

    Over all columns that the tree sees, or those in ``among``.
    """
    if problem.before is None:
        return np.zeros(len(problem))
    slopes, _ = problem.before
    arrays = problem.perturbations
    error = _size_of_inputs(problem, np.zeros(arrays.numbers.shape))[1]
    steepness = np.abs(slopes) * arrays.scales[:, None]
    with np.errstate(divide="ignore"):
        per_column = np.where(steepness > 0, 1 / steepness, 0)
    off = (error[:, None, among] * per_column[None, :, among]).max(axis=2, initial=0) * (
        arrays.low < arrays.high
    )
    return np.linalg.norm(off, ord={"l2": 2, "linf": np.inf, "l1": 1}[arrays.norm], axis=1)


def _size_of_inputs(problem, furthest, more=0.0):
    """Size of the model's inputs, and their rounding errors.

    Both have the shape (n_samples, n_inner_features).
    """
    arrays = problem.perturbations
    # a number that may go anywhere outgrows its own rounding
    furthest = np.where(furthest < _ANYWHERE, furthest, 0)
    numbers = np.abs(arrays.numbers) + furthest * arrays.scales
    if problem.before is None:
        return numbers, problem.precision * numbers
    slopes, offsets = problem.before
    slopes = np.abs(slopes)
    size = numbers @ slopes + np.abs(offsets) + more
    if problem.reading is not None:  # terms may be larger than their sum
        size = (
            size
            + numbers @ np.maximum(problem.reading.sizes - slopes, 0)
            + problem.reading.offset_sizes
        )
    size = size + sum(np.ptp(effect, axis=0) for effect in problem.effects or [])
    return size, (N_OPERATIONS + len(slopes)) * problem.precision * size


def _largest(model):
    """Size of the largest weight of each feature.

    Up to a factor, this is the size of the points whose squared distances are compared.
    """
    ((W, b), *_) = model.layers
    return np.abs(W).max(axis=1) + np.sqrt(2 * np.abs(b).max())


def _through(layer, size, error, precision):
    weights, biases = layer
    grown = size @ weights + biases
    return grown, error @ weights + (len(weights) + 2) * precision * grown


def _of_margins(error, label):
    """Errors of differences of scores, in the order of margins."""
    if error.shape[1] == 1:
        return error
    rows = np.arange(len(label))
    others = np.arange(error.shape[1])[None] != label[:, None]
    return (error + error[rows, label][:, None])[others].reshape(len(label), -1)
