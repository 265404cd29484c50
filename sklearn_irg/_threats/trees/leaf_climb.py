"""Local search from a point of additive trees to a better one within the budget."""

import numpy as np

from sklearn_irg._threats.trees.votes import TIE

__all__ = ["climb"]

_N_MOVES = 200  # so that a climb ends in any case; 5 give the same verdicts for three models
_NEVER = 1e300  # loss of a move that leaves no leaf, so that it is made only where all moves do


def climb(tables, words, point, costs):
    """Move columns back until the budget is kept, then one at a time while the score grows.

    Parameters
    ----------
    tables : LeafTables
        The trees.
    words : ndarray of uint64 of shape (n_trees, n_words)
        Leaves that may be reached.
    point : ndarray of int of shape (n_columns,)
        Cells to start from.
    costs : ndarray of shape (n_all_cells,)
        Part of the budget that each cell takes, infinite where a number cannot go.

    Returns
    -------
    point : ndarray of int of shape (n_columns,)
        Cells.
    score : float
        Sum of the trees there, without a constant; minus infinity where the budget cannot be kept.
    """
    point, first = point.copy(), tables.start[:-1]
    column = np.repeat(np.arange(len(point)), np.diff(tables.start))
    for _ in range(_N_MOVES):
        spent = costs[first + point].sum()
        scores = _scores_of_moves(tables, words, point)
        change = costs - costs[first + point][column]
        now = scores[first[0] + point[0]]
        if spent > 1:
            lost = now - scores if np.isfinite(now) else np.ones(len(scores))
            with np.errstate(divide="ignore", invalid="ignore"):
                loss = np.where(
                    change < 0, np.where(np.isfinite(lost), lost, _NEVER) / -change, np.inf
                )
            chosen = int(np.argmin(loss))
            if not np.isfinite(loss[chosen]):
                return point, -np.inf
        else:
            with np.errstate(invalid="ignore"):
                gains = (
                    scores - scores[first + point][column]
                )  # columns differ in how they round the same sum
            gains = np.where((spent + change <= 1) & np.isfinite(scores), gains, -np.inf)
            chosen = int(np.argmax(gains))
            if not gains[chosen] > (TIE * (1 + abs(now)) if np.isfinite(now) else 0):
                return point, float(now)
        point[column[chosen]] = chosen - first[column[chosen]]
    spent = costs[first + point].sum()
    return point, float(
        tables.bound(words[None] & tables.words(point[None], point[None]))[0]
    ) if spent <= 1 else -np.inf


def _scores_of_moves(tables, words, point):
    """Score with one column at each of its cells, shape (n_all_cells,)."""
    at = tables.start[:-1] + point
    label = tables.beyond[at] & tables.until[at]
    ahead = np.bitwise_and.accumulate(label, axis=0)
    behind = np.bitwise_and.accumulate(label[::-1], axis=0)[::-1]
    full = np.broadcast_to(words, (1, *words.shape))
    others = np.concatenate([full, ahead[:-1] & words]) & np.concatenate([behind[1:], full])
    values, scores = tables.best_values(others), []
    for j, (trees, cells) in enumerate(tables.by_column):
        of_others = np.delete(values[j], trees).sum()
        scores.append(of_others + tables.best_values(others[j, trees] & cells, trees).sum(axis=1))
    return np.concatenate(scores)
