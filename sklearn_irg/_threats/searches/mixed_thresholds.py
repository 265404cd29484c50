"""Search across thresholds of trees behind steps that mix columns, such as a PCA."""

import numpy as np

from sklearn_irg._threats.sources import is_axis_aligned

__all__ = ["cross_mixed_thresholds"]

# thresholds of a column on each side; 1 and 12 find the same for a forest behind six components
N_NEAREST = 3
N_CROSSINGS = 12  # one after the other; 3 and 48 find the same there
# units of relative precision by which a point is placed behind a threshold; 1 and 1000 find the
# same there
_BEHIND = 4


def cross_mixed_thresholds(best, ball):
    """Offer points behind the nearest thresholds, reached by the shortest moves.

    The search is repeated from the best of these points.

    Parameters
    ----------
    best : BestFound
        Rows, and the points found for them.
    ball : BoxAndBall
        Set of their perturbations.
    """
    problem = best.problem
    if problem.model.trees is None or is_axis_aligned(problem):
        return
    trees = problem.model.trees.believed(problem.model.to_inner(problem.rows))
    if trees is None or trees.is_categorical.any():
        return
    slopes = (
        problem.model.slopes
        * np.where(problem.perturbations.movable_columns, problem.perturbations.scales, 0)[:, None]
    )
    moves = {
        c: _shortest(slopes[:, c], ball.norm) for c in np.flatnonzero((slopes != 0).any(axis=0))
    }
    cuts = {c: trees.thresholds(c) for c in moves}
    cuts = {c: values for c, values in cuts.items() if len(values)}
    for _ in range(N_CROSSINGS):
        left = np.flatnonzero(~best.wrong)
        if not len(left) or not cuts:
            return
        part, inside = best.take(left), ball.take(left)
        before = part.loss.copy()
        view = part.problem.at(part.codes.copy())
        points = [inside.project(part.delta + step) for step in _steps(part, view, cuts, moves)]
        part.update_many(view, np.stack(points))
        best.scatter(left, part)
        if (part.loss <= before).all():
            return


def _shortest(slopes, norm):
    """Shortest move that changes an input of the trees by one."""
    if norm == "l2":
        return slopes / (slopes @ slopes)
    if norm == "linf":
        return np.sign(slopes) / np.abs(slopes).sum()
    largest = np.abs(slopes).argmax()
    return np.where(np.arange(len(slopes)) == largest, 1 / slopes[largest], 0.0)


def _steps(part, view, cuts, moves):
    """Moves behind the nearest thresholds of each input of the trees, on both sides."""
    problem = part.problem
    inner = view.model.to_inner(problem.moved(view.rows, part.delta)).astype(np.float64)
    for column, values in cuts.items():
        here = inner[:, column]
        behind = _BEHIND * problem.precision * (np.abs(here) + np.abs(values).max())
        place = np.searchsorted(values, here)
        for k in range(N_NEAREST):
            above = values[np.minimum(place + k, len(values) - 1)] + behind
            below = values[np.maximum(place - 1 - k, 0)] - behind
            for end in (above, below):
                yield (end - here)[:, None] * moves[column]
