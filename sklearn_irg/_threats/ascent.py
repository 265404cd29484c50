"""Attacks on differentiable models: linearised minima and projected gradients for numbers, greedy swaps for categories."""

import numpy as np

from sklearn_irg._engine.sensitivity import steepest
from sklearn_irg._threats.linear_minimum import linear_minimum
from sklearn_irg._threats.reach import project

__all__ = ["ascend_all", "ascend_once", "best_swaps", "linearise_from_anywhere", "ranked_swaps"]

N_STEPS = 20
N_LINEARISATIONS = 4
N_STARTS = 6
N_RIVALS = 3  # classes whose margins are linearised


def ascend_all(attacked, best, epsilon, rng=None):
    """Attack at a radius, from what has been found at smaller ones; ``best`` keeps the points.

    With a random state also from random points.
    """
    reach = attacked.reach
    low, high = reach.box(epsilon)
    box = (low, high, epsilon, reach.norm)
    zero = np.zeros_like(low)
    starts = [(zero, reach.codes)]
    if reach.columns:
        codes = best_swaps(attacked, best, zero)
        starts.append((zero, codes))
    if best.units.any() or (best.codes != reach.codes).any():
        starts.append((project(best.units, *box), best.codes.copy()))
    if epsilon > 0 and (low < high).any():
        for units, codes in starts:
            model, rows = attacked.at(codes)
            _linearise(attacked, best, model, rows, units, codes, box)
            # with two classes they have one direction
            for gradient in (_loss_gradient, _margin_gradient)[: model.n_outputs]:
                _project(attacked, best, model, rows, units, codes, box, gradient)
        if rng is not None:
            model, rows = attacked.at(best.codes)
            start = project(
                rng.uniform(-1, 1, low.shape[1]) * np.where(np.isfinite(high - low), high - low, epsilon), *box
            )
            _project(attacked, best, model, rows, start, best.codes.copy(), box, _margin_gradient)
    if reach.columns:
        units = best.units.copy()
        codes = best_swaps(attacked, best, units)
        model, rows = attacked.at(codes)
        _linearise(attacked, best, model, rows, units, codes, box)
        _project(attacked, best, model, rows, units, codes, box, _margin_gradient)


def ascend_once(attacked, best, epsilon):
    """A cheaper attack at a radius, from the rows themselves."""
    reach = attacked.reach
    low, high = reach.box(epsilon)
    box = (low, high, epsilon, reach.norm)
    zero = np.zeros_like(low)
    _linearise(attacked, best, attacked.model, attacked.rows, zero, reach.codes, box)
    _project(attacked, best, attacked.model, attacked.rows, zero, reach.codes, box, _loss_gradient)


def linearise_from_anywhere(attacked, best, epsilon, rng):
    """Linearised minima from the best point so far, and from random ones: for where one of many facets is nearest."""
    reach = attacked.reach
    low, high = reach.box(epsilon)
    box = (low, high, epsilon, reach.norm)
    all_codes = [best.codes.copy()]
    if reach.columns:
        all_codes.append(reach.codes)
    starts = [best.units.copy()]
    for _ in range(N_STARTS):
        direction = rng.uniform(-1, 1, low.shape[1]) * (rng.random_sample(low.shape[1]) < rng.random_sample())
        starts.append(project(direction * np.where(np.isfinite(high - low), high - low, epsilon), *box))
    for codes in all_codes:
        model, rows = attacked.at(codes)
        for start in starts:
            _linearise(attacked, best, model, rows, start, codes, box)


def best_swaps(attacked, best, units):
    """Levels that harm rows most at given units, one column after the other, each the best one left."""
    reach = attacked.reach
    codes = reach.codes.copy()
    for _ in range(min(reach.threat.n_swaps, len(reach.columns))):
        loss = _loss_at(attacked, units, codes)
        chosen, found = codes.copy(), loss.copy()
        for c in range(len(reach.columns)):
            open_rows = codes[:, c] == reach.codes[:, c]
            allowed = reach.may_swap(c) & open_rows[:, None]
            for level in np.flatnonzero(allowed.any(axis=0)):
                rows = np.flatnonzero(allowed[:, level])
                trial = codes[rows].copy()
                trial[:, c] = level
                some = attacked.take(rows)
                loss = _loss_at(some, units[rows], trial)
                better = loss > found[rows]
                found[rows[better]] = loss[better]
                chosen[rows[better]] = trial[better]
        if (chosen == codes).all():
            break
        codes = chosen
        best.offer(*attacked.at(codes), units, codes)
    return codes


def ranked_swaps(attacked, n):
    """The single swaps that harm rows most while numbers stay: levels, the worst first, for as many as there are."""
    reach = attacked.reach
    zero = np.zeros(reach.numbers.shape)
    found = []
    for c in range(len(reach.columns)):
        allowed = reach.may_swap(c)
        for level in np.flatnonzero(allowed.any(axis=0)):
            codes = reach.codes.copy()
            codes[:, c] = np.where(allowed[:, level], level, codes[:, c])
            found.append((codes, np.where(allowed[:, level], _loss_at(attacked, zero, codes), -np.inf)))
    if not found:
        return []
    all_codes, losses = (np.array(part) for part in zip(*found))
    order = np.argsort(-losses, axis=0, kind="stable")[:n]
    return [all_codes[rank, np.arange(len(reach))] for rank in order]


def _loss_at(attacked, units, codes):
    model, rows = attacked.at(codes)
    return attacked.against(model, model.scores(attacked.moved(rows, units)))[1]


def _linearise(attacked, best, model, rows, units, codes, box):
    """Points that minimise the margins' linear approximations, again and again from the worst of them."""
    reach = attacked.reach
    low, high, epsilon, norm = box
    width = units.shape[1]
    for _ in range(N_LINEARISATIONS):
        margins, gradients = model.margins(attacked.moved(rows, units), attacked.own)
        worst_units, worst_loss = units, np.full(len(units), -np.inf)
        for rival in margins.argsort(axis=1)[:, :N_RIVALS].T:
            gradient = gradients[np.arange(len(rival)), rival][:, :width] * reach.scales
            found, _ = linear_minimum(_finite(gradient), low, high, reach.steps, epsilon, norm)
            loss = best.offer(model, rows, found, codes)
            worst_units = np.where((loss > worst_loss)[:, None], found, worst_units)
            worst_loss = np.maximum(loss, worst_loss)
        if (worst_units == units).all():
            break
        units = worst_units


def _project(attacked, best, model, rows, units, codes, box, gradient_of):
    """Projected gradient ascent."""
    reach = attacked.reach
    low, high, epsilon, norm = box
    step = 2.5 * epsilon / N_STEPS
    for _ in range(N_STEPS):
        gradient = gradient_of(attacked, model, attacked.moved(rows, units))[:, : units.shape[1]] * reach.scales
        blocked = ((units <= low) & (gradient < 0)) | ((units >= high) & (gradient > 0))
        direction = steepest(np.where(blocked, 0, _finite(gradient)), norm)
        units = project(units + step * direction, *box)
        best.offer(model, rows, units, codes)


def _loss_gradient(attacked, model, rows):
    """Gradient of the loss of scores over a temperature, at which no model is too confident for a gradient.

    With three classes or more this is not the direction of the loss itself, which `sklearn_irg.attacks.fast_gradient` and
    `sklearn_irg.attacks.projected_gradient` take: classes other than the likeliest count for more.
    """
    scores = model.scores(rows)
    if model.n_outputs == 1:
        spread, targets = np.abs(scores), attacked.own[:, None].astype(model.dtype)
    else:
        spread, targets = (
            np.ptp(scores, axis=1, keepdims=True),
            np.eye(model.n_outputs, dtype=model.dtype)[attacked.own],
        )
    scores = scores / np.maximum(spread / 10, 1)
    return model.pull_back(rows, model.likelihood.loss_and_residual(scores, targets)[1])


def _margin_gradient(attacked, model, rows):
    """Gradient of the score of the best other class over the own one."""
    scores = model.scores(rows)
    if model.n_outputs == 1:
        cotangent = (1.0 - 2 * attacked.own)[:, None]
    else:
        own = np.eye(model.n_outputs)[attacked.own]
        cotangent = np.eye(model.n_outputs)[np.where(own > 0, -np.inf, scores).argmax(axis=1)] - own
    return model.pull_back(rows, cotangent.astype(model.dtype))


def _finite(gradient):
    return np.where(np.isfinite(gradient), gradient, 0.0).astype(np.float64)
