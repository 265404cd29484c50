"""Rows on which trees, if they were read wrongly, would add up to something else."""

import numpy as np

__all__ = ["probe_rows"]

_N_GIVEN = 500  # rows that were given; more only take time
_N_DRAWN = 200  # rows near thresholds in all columns at once
# leaves with a row inside: all those of the trees of the tests, some of a large ensemble
_N_LEAVES = 600
# relative distance from thresholds, which numbers of a row may have; at least so much next to zero
_NEAR = 1e-3
# ends of boxes of leaves, each with a row at it and on both sides: with a hundredth of these and
# the rows above, trees with a cut off by one double are believed in the tests
_N_EDGES = 800


def probe_rows(reading, rows=None):
    """Rows inside the boxes of leaves and at, below and above their edges.

    Some have missing values or unknown categories.

    Parameters
    ----------
    reading : Reading
        Trees and what their estimator takes.
    rows : ndarray of shape (n_samples, n_features), default=None
        Rows that are of interest, which come first; the others differ from them in the columns of a
        leaf's box.
    """
    rng = np.random.RandomState(0)
    trees = reading.trees
    codes = _codes(reading)
    drawn = _drawn(trees, codes, rng)
    given = drawn[:0] if rows is None else np.asarray(rows, dtype=np.float64)[:_N_GIVEN]
    base = drawn if rows is None or not len(rows) else np.concatenate([given, drawn[: len(given)]])
    base = base if reading.takes_missing else np.nan_to_num(base)
    inside, edges = _near_leaves(trees, codes, base, rng)
    probes = [given, drawn, inside, edges]
    if reading.takes_missing:
        probes.append(_with_missing(inside, trees, rng))
    if reading.takes_unknown and len(trees.category_sets):
        probes.append(_with_unknown(inside, trees, rng))
    return np.concatenate(probes)


def _codes(reading):
    """Codes that may be asked for, by column of categories."""
    width = reading.trees.category_sets.shape[1]
    columns = np.union1d(
        np.flatnonzero(reading.trees.is_categorical), list(reading.categories)
    ).astype(int)
    known = {
        column: len(reading.categories.get(column, range(width))) for column in columns.tolist()
    }
    return {
        column: np.arange(width if reading.takes_unknown else known[column]) for column in known
    }


def _drawn(trees, codes, rng):
    """Rows anywhere near thresholds, and codes."""
    values = np.zeros((_N_DRAWN, trees.n_features))
    for column in np.unique(trees.feature[trees.feature >= 0]).tolist():
        if column in codes:
            values[:, column] = rng.choice(codes[column], _N_DRAWN)
        else:
            cuts = np.append(trees.thresholds(column), 0.0)
            values[:, column] = rng.choice(cuts, _N_DRAWN) * (
                1 + _NEAR * rng.standard_normal(_N_DRAWN)
            )
    return values


def _near_leaves(trees, known, base, rng):
    """Rows inside boxes, and rows at or next to one edge of a box, inside it otherwise."""
    parent = _parents(trees)
    leaves = np.flatnonzero(trees.feature < 0)
    leaves = leaves if len(leaves) <= _N_LEAVES else rng.choice(leaves, _N_LEAVES, replace=False)
    inside, edges = [base[:0]], []
    for leaf in leaves:
        box, codes = _box(trees, parent, leaf)
        if any(np.nextafter(low, np.inf) > high for low, high in box.values()):
            continue  # splits that contradict each other
        row = base[rng.randint(len(base))].copy()
        for column, (low, high) in box.items():
            row[column] = _between(low, high, row[column], rng)
        for column, fitting in codes.items():
            fitting = np.intersect1d(fitting, known[column])
            row[column] = rng.choice(fitting) if len(fitting) else row[column]
        inside.append(row[None])
        edges += [
            (row, column, end) for column, ends in box.items() for end in ends if np.isfinite(end)
        ]
    chosen = [edges[k] for k in rng.permutation(len(edges))[:_N_EDGES]]
    around_ends = [_around_end(*edge) for edge in chosen]
    return np.concatenate(inside), np.concatenate([base[:0], *around_ends])


def _parents(trees):
    parent = np.full(len(trees.feature), -1)
    inner = np.flatnonzero(trees.feature >= 0)
    parent[trees.left[inner]] = inner
    parent[trees.right[inner]] = inner
    return parent


def _box(trees, parent, leaf):
    """Box of a leaf, by column: ends of numbers, and codes.

    Numbers in it are above one end and no larger than the other.
    """
    box, codes = {}, {}
    node = leaf
    while parent[node] >= 0:
        child, node = node, parent[node]
        column, goes_left = int(trees.feature[node]), child == trees.left[node]
        if trees.category_of[node] >= 0:
            fitting = np.flatnonzero(trees.category_sets[trees.category_of[node]] == goes_left)
            codes[column] = np.intersect1d(codes.get(column, fitting), fitting)
        else:
            low, high = box.get(column, (-np.inf, np.inf))
            cut = trees.cut[node]
            box[column] = (low, min(high, cut)) if goes_left else (max(low, cut), high)
    return box, codes


def _between(low, high, value, rng):
    """A number in the interval: the given one if it is there."""
    if low < value <= high or low == np.inf:
        return value
    if np.isinf(low) and np.isinf(high):
        return 0.0
    if np.isinf(high):
        return low + max(abs(low), _NEAR) * rng.uniform(0.01, 1)
    if np.isinf(low):
        return high - max(abs(high), _NEAR) * rng.uniform(0, 1)
    return min(low + (high - low) * rng.uniform(0.1, 1), high)


def _around_end(row, column, end):
    """A row at an end and on both sides of it."""
    rows = np.tile(row, (3, 1))
    rows[:, column] = np.nextafter(end, -np.inf), end, np.nextafter(end, np.inf)
    return rows


def _with_missing(rows, trees, rng):
    """Rows with a missing value in one of the columns that any tree asks for."""
    asked = np.unique(trees.feature[trees.feature >= 0])
    rows = rows.copy()
    if len(asked):
        rows[np.arange(len(rows)), rng.choice(asked, len(rows))] = np.nan
    return rows


def _with_unknown(rows, trees, rng):
    """Rows with a code of no category in training, or a negative one."""
    rows = rows.copy()
    asked = np.flatnonzero(trees.is_categorical)
    unknown = [-1.0, trees.category_sets.shape[1], trees.category_sets.shape[1] + 1.0]
    rows[np.arange(len(rows)), rng.choice(asked, len(rows))] = rng.choice(unknown, len(rows))
    return rows
