"""Search for the best deletion mask: a beam search over columns, then gradient descent."""

import numpy as np

__all__ = ["beam_masks", "refined_masks", "row_blocks"]

_BLOCK = 2**22  # cells of the rows that are tried at once, to bound memory: 32 MB
# differences of probabilities that say nothing, and differ from batch to batch; 1e-11 to 1e-4 are
# the same to the tests of linear models
_ROUNDING = 1e-7
_DIGITS = 7  # the same, of log-odds; 3 to 13 are the same to these
_GRID = np.linspace(-1, 1, 9)  # steps of a quarter: the half-width of the next, finer grid
_MAX_STEPS = 200  # of descent: 60 are enough for the tests, and 20 are not
# of a unit step, since entries are at most one: 1e-12 is as good in the tests, and 1e-5 too much
# for five of them
_STATIONARY = 1e-9
_DECREASE = 1e-4  # of the decrease that the slope predicts: the usual condition of Armijo
# smallest slope and curvature, and inverse of the largest one, that steps are made of: finite ones
_FLAT = 1e-10
_STILL = 1e-12  # entries are at most one, so that smaller moves are rounding


def row_blocks(n_samples, n_columns, beam_width):
    """Positions of rows in blocks that are small enough for a beam search to fit into memory."""
    n_rows = max(1, _BLOCK // max(1, beam_width * n_columns**2))
    return [
        np.arange(start, min(start + n_rows, n_samples)) for start in range(0, n_samples, n_rows)
    ]


def beam_masks(objective, beam_width, n_zooms):
    """Best mask of each row found by a beam search over sets of columns.

    Each round adds one column to the best sets of the round before. The search goes on where the
    objective rises, since the columns of a confident prediction lower it together only. It ends
    where the columns alone cost as much as the best mask: no larger set can be better.

    Parameters
    ----------
    objective : DeletionObjective
        What is minimized.
    beam_width : int
        Number of sets of each size that columns are added to.
    n_zooms : int
        How often the share of the last number of the best set is sought on a grid four times as
        fine; 0 is no share.

    Returns
    -------
    masks : ndarray of shape (n_samples, n_columns)
        Never worse than no deletion.
    """
    sets, origin = np.zeros(objective.deletions.differs.shape), np.arange(len(objective.label))
    masks, values = sets.copy(), objective(sets, origin)
    while True:
        may_pay = objective.alpha * sets.sum(axis=1) < values[origin] - _ROUNDING
        sets, origin, columns = _extended(objective, sets[may_pay], origin[may_pay])
        if not len(sets):
            return masks
        ranks = _ranks(origin)
        rows, best, last = (part[ranks == 0] for part in (origin, sets, columns))
        best, found = _with_share(objective, best, rows, last, n_zooms)
        better = found < values[rows] - _ROUNDING
        masks[rows[better]], values[rows[better]] = best[better], found[better]
        sets, origin = sets[ranks < beam_width], origin[ranks < beam_width]


def _with_share(objective, sets, rows, last, n_zooms):
    """Sets with the best share of their last column, and the objective there.

    Only numbers can be replaced in part; the share is kept where it lowers the objective.
    """
    sets, values = sets.copy(), objective(sets, rows)
    some = np.flatnonzero(objective.deletions.in_parts[rows, last])
    middle, half = np.full(len(some), 0.5), 0.5
    for _ in range(n_zooms if len(some) else 0):
        shares = np.clip(middle + half * _GRID[:, None], 0, 1)
        tried = np.tile(sets[some], (len(_GRID), 1))
        tried[np.arange(len(tried)), np.tile(last[some], len(_GRID))] = shares.ravel()
        found = objective(tried, np.tile(rows[some], len(_GRID))).reshape(shares.shape)
        chosen = (found <= found.min(axis=0) + _ROUNDING).argmax(axis=0), np.arange(len(some))
        middle, half = shares[chosen], half / 4
        lower = found[chosen] < values[some] - _ROUNDING
        sets[some[lower], last[some[lower]]], values[some[lower]] = (
            middle[lower],
            found[chosen][lower],
        )
    return sets, values


def _extended(objective, sets, origin):
    """Sets with one more column, their rows, and the columns added.

    The sets of each row are sorted by increasing probability of its class.
    """
    parents, columns = np.nonzero(objective.deletions.differs[origin] & (sets == 0))
    new = _first_of_each(sets, parents, columns, origin)
    parents, columns = parents[new], columns[new]
    larger = sets[parents]
    larger[np.arange(len(larger)), columns] = 1
    rows = origin[parents]
    log_odds = objective.log_odds(larger, rows) if len(rows) else np.zeros(0)
    order = np.lexsort((np.round(log_odds, _DIGITS), rows))
    return larger[order], rows[order], columns[order]


def _first_of_each(sets, parents, columns, origin):
    """Positions of sets without the duplicates within a row.

    Sets are compared by sums of random integers, one for each column.
    """
    codes = np.random.RandomState(0).randint(-(2**62), 2**62, sets.shape[1])
    sums = (sets.astype(np.int64) @ codes)[parents] + codes[columns]  # modulo 2⁶⁴
    order = np.lexsort((sums, origin[parents]))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(sums[order]) != 0) | (np.diff(origin[parents][order]) != 0)
    return np.sort(order[is_new])


def _ranks(origin):
    """Number of earlier entries with the same origin, for sorted origins."""
    return np.arange(len(origin)) - np.searchsorted(origin, origin)


def refined_masks(objective, masks):
    """Masks after projected gradient descent of each row by itself.

    Step sizes are spectral, and no step raises the objective.

    Parameters
    ----------
    objective : callable
        From masks and the positions of their rows to values and gradients.
    masks : ndarray of shape (n_samples, n_columns)
        Where the descent starts.
    """
    masks = masks.copy()
    values, gradients = objective(masks, np.arange(len(masks)))
    steps = 1 / np.maximum(np.abs(gradients).max(axis=1), _FLAT)
    for _ in range(_MAX_STEPS):
        going = np.flatnonzero((steps > 0) & (_reach(masks, gradients) > _STATIONARY))
        if not len(going):
            break
        tried = np.clip(masks[going] - steps[going, None] * gradients[going], 0, 1)
        moves = tried - masks[going]
        found, slopes = objective(tried, going)
        lower = found <= values[going] + _DECREASE * (gradients[going] * moves).sum(axis=1)
        steps[going] = np.where(
            lower, _spectral(moves, slopes - gradients[going]), steps[going] / 4
        )
        steps[going[~lower & (np.abs(moves).max(axis=1) < _STILL)]] = (
            0  # rounding is all that is left
        )
        better = going[lower]
        masks[better], values[better], gradients[better] = tried[lower], found[lower], slopes[lower]
    return masks


def _spectral(moves, changes):
    """The inverse of the curvature along the last move."""
    curvature = (moves * changes).sum(axis=1) / np.maximum(
        (moves**2).sum(axis=1), np.finfo(float).tiny
    )
    return 1 / np.clip(curvature, _FLAT, 1 / _FLAT)


def _reach(masks, gradients):
    """Largest move of a unit step in each row; zero where the objective is stationary."""
    return np.abs(np.clip(masks - gradients, 0, 1) - masks).max(axis=1)
