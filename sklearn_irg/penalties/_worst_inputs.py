"""Inputs of a network near each row where a loss is large: ascent of its gradient, and swaps of levels tried by value."""

import numpy as np

from sklearn_irg._engine.autodiff import stop_gradient
from sklearn_irg._engine.sensitivity import steepest

__all__ = ["worst_inputs"]

_N_PROPOSED = 3  # swaps that are tried by value: those that the gradient ranks first


def worst_inputs(step, inputs, targets, *, start=None, n_steps=1, step_size=None):
    """Inputs of what rows may become where the loss of targets is large, as constants, shape (n_samples, n_inputs).

    Parameters
    ----------
    step : Step
        The rows and the network.
    inputs : InputPerturbations
        What each row may become.
    targets : ndarray of shape (n_samples, n_outputs)
        Whose loss it is.
    start : ndarray of shape (n_samples, n_inputs), default=None
        Inputs at which the first gradient is taken, for a loss that is smallest at the rows and grows both ways; ``None`` is
        the rows.
    n_steps : int, default=1
        Number of steps of the numbers.
    step_size : float, default=None
        Length of a step in units of scale; ``None`` is as far as the set allows in one step, else ``2.5 / n_steps`` of the
        radius.
    """
    gradients = step.frozen_loss_gradients if start is None else step.frozen_loss_gradients_at(start, targets)
    moved = _moved(inputs, step.X, _climbed(step, inputs, targets, gradients, n_steps, step_size))
    if start is not None:
        moved = _worse_of(
            step, targets, moved, _moved(inputs, step.X, _climbed(step, inputs, targets, -gradients, 1, None))
        )
    if not inputs.n_swaps:
        return moved
    gains = inputs.swap_gains(gradients)
    if start is not None:
        gains = np.maximum(gains, inputs.swap_gains(-gradients))
    return _with_worst_levels(step, inputs, targets, gains, moved)


def _moved(inputs, X, delta):
    return X + (delta @ inputs.weights).astype(X.dtype, copy=False)


def _worse_of(step, targets, moved, other):
    losses = [step.frozen_losses_above_first(step.frozen_first_preactivations(X), targets) for X in (moved, other)]
    return np.where((losses[1] > losses[0])[:, None], other, moved)


def _climbed(step, inputs, targets, gradients, n_steps, step_size):
    """Delta of the numbers after some steps, on the grid of integers."""
    if n_steps == 1 and step_size is None:
        return inputs.furthest((gradients @ inputs.weights.T).astype(np.float64, copy=False))
    ball, delta = inputs.box_and_ball, np.zeros(inputs.low.shape)
    size = 2.5 / n_steps * ball.epsilon if step_size is None else step_size
    for k in range(n_steps):
        if k:
            gradients = step.frozen_loss_gradients_at(_moved(inputs, step.X, delta), targets)
        delta = ball.project(delta + size * steepest(gradients @ inputs.weights.T, ball.norm))
    return inputs.on_grid(delta)


def _with_worst_levels(step, inputs, targets, gains, moved):
    """The rows with one swap after the other, each the best of a few that the gradient proposes, or none."""
    effects = np.zeros((inputs.starts[-1] + 1, moved.shape[1]), dtype=moved.dtype)  # the last one of missing cells
    effects[:-1] = inputs.levels
    places = _worst_places(step, inputs, targets, gains, step.frozen_first_preactivations(moved), effects)
    for own, new in zip(inputs.places.T, places.T, strict=True):
        changed = np.flatnonzero(own != new)
        moved[changed] += effects[new[changed]] - effects[own[changed]]
    return moved


def _worst_places(step, inputs, targets, gains, entering, effects):
    """Levels after the swaps, which are tried where they enter the first layer: there a level adds a row of a small table."""
    of_first = effects @ step.network.unpack(stop_gradient(step.theta))[0][0]
    rows, places = np.arange(len(entering)), inputs.places.copy()
    for _ in range(inputs.n_swaps):
        few = _best_few(gains)
        columns = inputs.column_of(few)
        tried = entering + of_first[few] - of_first[inputs.places[rows, columns]]
        all_of_them = np.concatenate([entering[None], tried]).reshape(-1, entering.shape[1])
        losses = step.frozen_losses_above_first(all_of_them, targets).reshape(-1, len(rows))
        losses[1:][gains[rows, few] == -np.inf] = -np.inf
        best = losses.argmax(axis=0)
        swapped = np.flatnonzero(best)
        if not len(swapped):
            break
        chosen = best[swapped] - 1
        column = columns[chosen, swapped]
        entering[swapped], places[swapped, column] = tried[chosen, swapped], few[chosen, swapped]
        for c, (levels, _) in enumerate(inputs.swappable_columns()):  # each column changes once
            gains[swapped[column == c], levels] = -np.inf
    return places


def _best_few(gains):
    """For each row the levels of the largest gains, shape (n_few, n_samples)."""
    n = min(_N_PROPOSED, gains.shape[1])
    return np.argpartition(-gains, n - 1, axis=1)[:, :n].T
