"""Radii up to which the steps before the last one are affine in all that a row may become.

Steps that can be read declare where they are affine (`sklearn_irg._fitted.steps`). Unknown steps
are called at many points within reach of each row, and never at those of other rows, so that the
answer for a row does not depend on the rows that are passed together with it.
"""

import numpy as np

from sklearn_irg._fitted.table_models import require_numbers
from sklearn_irg._perturbations.projection import GRID
from sklearn_irg._threats.rounding import N_OPERATIONS

__all__ = ["base_rows", "declared_limits", "slopes_of_unknown", "tolerance_of", "tried_limits"]

_N_FRACTIONS = 24  # of the way to each end of a column; two were enough for the steps of the tests
# integers within this many steps are all tried; two steps were enough for the steps of the tests
_N_GRID = 128
# points at which all columns move together; four were enough for the steps of the tests
_N_JOINT = 128
_USUAL_MARKERS = (0.0, 1.0, -1.0)  # often stand for something else, such as a missing value
# of the way from one end of a column to the other, where slopes are found; one in the middle was
# enough for the steps of the tests
_SHARES = (0.1, 0.35, 0.6, 0.85)
# of random moves of all columns: near the row, where most limits are, and far away
_SIZES = [1.0, 0.1, 0.01]
_NOTHING = 1e-12  # size of an output that is zero everywhere, so that equal zeros agree
# by which outputs of steps differ from an affine map, relatively, in double precision: rounding,
# of some thousand terms; 1e-13 is enough for the steps of the tests
_DOUBLE = 1e-9
_SINGLE = 1e-5  # the same in single precision; 1e-7 is enough for the steps of the tests
# of a scale: rounding beyond it blurs an end, which then may not be touched; 1e-10 is the same for
# the steps of the tests
_BLURRED = 1e-6
_BLOCK_ROWS = 50_000  # that the steps are given at once, to bound memory


def declared_limits(arrays, reading, precision):
    """Radii below which no row meets a kink that the steps declare, shape (n_samples,)."""
    limits = np.full(len(arrays), np.inf)
    for j, numbers in reading.jumps.items():
        limits = np.minimum(
            limits,
            _first_kink(arrays, j, numbers, _loose(arrays, j, reading, precision), only_at=False),
        )
    for j, numbers in reading.points.items():
        limits = np.minimum(
            limits,
            _first_kink(arrays, j, numbers, _loose(arrays, j, reading, precision), only_at=True),
        )
    for j in np.flatnonzero(np.isfinite(reading.low) | np.isfinite(reading.high)):
        ends = reading.low[j], reading.high[j]
        limits = np.minimum(
            limits, _way_to_ends(arrays, j, *ends, _loose(arrays, j, reading, precision)[:, 0])
        )
    is_mixed = (arrays.low < arrays.high)[:, reading.is_mixed].any(axis=1)
    for c in [c for c, j in enumerate(arrays.columns) if reading.is_mixed[j]]:
        is_mixed |= arrays.can_swap(c).any(axis=1)
    return np.where(is_mixed, 0.0, limits)


def _loose(arrays, j, reading, precision):
    """Distance by which rounding may move kinks, in the column's units, shape (n_samples, 1)."""
    of_numbers, apart = reading.looseness[:, j]
    return N_OPERATIONS * precision * ((1 + of_numbers) * np.abs(arrays.numbers[:, [j]]) + apart)


def _first_kink(arrays, j, kinks, loose, only_at):
    """Distance to the nearest kink of a column in reach; zero for a row at a kink."""
    x, scale, step = arrays.numbers[:, [j]], arrays.scales[j], arrays.steps[j]
    low, high = arrays.low[:, [j]], arrays.high[:, [j]]
    ahead = (kinks - x) / scale
    slack = (loose + N_OPERATIONS * np.finfo(float).eps * np.abs(kinks)) / scale
    distance = np.maximum(np.abs(ahead) - slack, 0)
    if step > 0:
        counts = np.abs(ahead) / step
        whole = np.rint(counts)
        is_met = np.abs(counts - whole) <= GRID + slack / step
        first = np.where(is_met, whole, np.inf if only_at else np.ceil(counts))
        distance = np.maximum(first, 1) * step
    is_at_kink = np.abs(ahead) <= slack
    reached = np.where(
        is_at_kink,
        low < high,
        np.where(ahead > 0, distance <= high + slack, distance <= slack - low),
    )
    return np.where(reached & (low < high), distance, np.inf).min(axis=1)


def _way_to_ends(arrays, j, low_end, high_end, loose):
    """Distance that a column may move before it leaves the interval in which slopes hold."""
    x, scale = arrays.numbers[:, j], arrays.scales[j]
    up, down = (high_end - x) / scale, (x - low_end) / scale
    slack = loose / scale
    # an end may be touched, as by bounds that are the same, but not where rounding blurs it
    blur = np.where(slack > _BLURRED, 2 * slack, 0)
    limits = [
        np.where(room > way + slack - blur, np.maximum(way - blur, 0), np.inf)
        for room, way in ((arrays.high[:, j], up), (-arrays.low[:, j], down))
    ]
    limit = np.minimum(*limits)
    outside = (up < -slack) | (down < -slack)
    return np.where(outside & (arrays.low[:, j] < arrays.high[:, j]), 0.0, limit)


def base_rows(tables):
    """Rows at which slopes and effects of levels are found.

    They are of the table that the threat was fitted on, or else the first row of the table itself.
    """
    examples = tables.threat.examples(tables.table)
    return tables.table.take([0]) if examples is None else examples


def slopes_of_unknown(steps, reading, tables, base):
    """Slopes of unknown steps at the base rows; zero for columns without bounds."""
    slopes = reading.slopes.copy()
    arrays, threat = tables.arrays, tables.threat
    numbers = base.numbers()
    start = np.asarray(steps(base.X), dtype=np.float64)
    for j in np.flatnonzero(reading.unknown.any(axis=1) & base.is_number & (threat.scales_ > 0)):
        ends = threat.lows_[j], threat.highs_[j]
        rows = np.flatnonzero(~np.isnan(numbers[:, j]))
        if not np.isfinite(ends).all() or not len(rows):
            continue
        quotients = []
        for share in _SHARES:
            moved = numbers[rows]
            moved[:, j] = ends[0] + share * (ends[1] - ends[0])
            if arrays.steps[j] > 0:
                moved[:, j] = np.rint(moved[:, j])
            change = moved[:, j] - numbers[rows, j]
            with np.errstate(all="ignore"):
                found = _outputs(steps, arrays, base.take(rows), moved, [j]) - start[rows]
                quotients.append(found[change != 0] / change[change != 0, None])
        quotients = np.concatenate(quotients)
        if len(quotients):
            unknown = reading.unknown[j]
            slopes[j, unknown] = np.nan_to_num(np.median(quotients, axis=0))[unknown]
    return slopes


def tried_limits(problem, reading, radii):
    """Largest of some radii within which unknown steps are affine at all points tried.

    Parameters
    ----------
    problem : AttackProblem
        Rows, and the model behind the steps.
    reading : Reading
        What the steps declare.
    radii : sequence of float
        In increasing order.

    Returns
    -------
    limits : ndarray of shape (n_samples,)
        Just above the largest radius that holds, infinite where that covers all that is in reach,
        and zero if none does. Zero, too, where a column that an unknown step takes has no bounds.
    """
    arrays = problem.perturbations
    columns = np.flatnonzero(
        reading.unknown.any(axis=1) & problem.table.is_number & arrays.movable_columns
    )
    swapped = [c for c, j in enumerate(arrays.columns) if reading.unknown[j].any()]
    limits = np.full(len(arrays), np.inf)
    if not len(columns) and not swapped:
        return limits
    limits[_have_no_bounds(problem, columns)] = 0
    holds = 0.0
    for radius in radii:
        rows = np.flatnonzero(np.isinf(limits))
        for start in range(0, len(rows), 512):
            some = rows[start : start + 512]
            fails = ~_holds_within(problem.take(some), columns, radius)
            limits[some[fails]] = holds
        holds = np.nextafter(radius, np.inf)
    is_covered = ((arrays.low >= -holds) & (arrays.high <= holds)).all(axis=1)
    return np.where(is_covered, limits, np.minimum(limits, holds))


def _have_no_bounds(problem, columns):
    """Rows in which some column has no bound on a side that it may move to.

    Only bounds of the threat count; those of an integer type are too wide to try points up to them.
    """
    threat, arrays = problem.threat, problem.perturbations
    low, high = arrays.low[:, columns], arrays.high[:, columns]
    open_below = (low < 0) & np.isinf(threat.lows_[columns])
    open_above = (high > 0) & np.isinf(threat.highs_[columns])
    return (open_below | open_above).any(axis=1)


def _holds_within(problem, columns, radius):
    """Whether the steps are affine at all points tried within a radius of each row."""
    low, high = problem.perturbations.box(radius)
    holds = np.ones(len(problem), dtype=bool)
    holds &= _agree_at_all(problem, _joint_points(problem.perturbations, low, high))
    for j in columns:
        left = np.flatnonzero(holds)
        some = problem.take(left)
        holds[left] = _agree_at_all(some, _moves_of_column(some, j, low[left], high[left]))
    return holds


def _agree_at_all(problem, points):
    """Whether steps agree at several points of each row, given as pairs of delta and codes."""
    holds = np.ones(len(problem), dtype=bool)
    points = list(points)
    several = max(1, _BLOCK_ROWS // max(1, len(problem)))
    for start in range(0, len(points), several):
        left = np.flatnonzero(holds)
        if not len(left):
            break
        some = points[start : start + several]
        delta, codes = (np.concatenate([part[left] for part in parts]) for parts in zip(*some))
        agree = _agrees(problem.take(np.tile(left, len(some))), delta, codes)
        holds[left] = agree.reshape(len(some), len(left)).all(axis=0)
    return holds


def _moves_of_column(problem, j, low, high):
    """Moves of one column, each as delta and codes.

    They go fractions of the way to both ends, to all integers nearby, and to numbers that often
    stand for something else.
    """
    arrays = problem.perturbations
    step, x, scale = arrays.steps[j], arrays.numbers[:, j], arrays.scales[j]
    shares = np.concatenate([np.linspace(0, 1, _N_FRACTIONS + 1)[1:], 0.5 ** np.arange(5, 13)])
    moves = [share * end[:, j] for share in shares for end in (low, high)]
    if step > 0:
        furthest = min(
            _N_GRID, int(np.rint(max(high[:, j].max(initial=0), -low[:, j].min(initial=0)) / step))
        )
        moves += [k * step for k in range(-furthest, furthest + 1) if k]
    moves += [
        (number - x) / scale for number in {*_USUAL_MARKERS, *problem.threat.usual_numbers(j)}
    ]
    for move in moves:
        delta = np.zeros(low.shape)
        delta[:, j] = np.where((move >= low[:, j]) & (move <= high[:, j]), move, 0.0)
        yield arrays.on_grid(delta), arrays.codes


def _joint_points(arrays, low, high):
    """Random points at which all columns move and levels change.

    All rows move by the same fractions of the way to their ends.
    """
    rng = np.random.RandomState(0)
    for k in range(_N_JOINT):
        shares = rng.uniform(-1, 1, low.shape[1]) * rng.choice(_SIZES)
        if k % 2:  # corners of the box, or of some of its sides
            shares = np.sign(shares) * (rng.random_sample(low.shape[1]) < rng.choice([1.0, 0.5]))
        delta = np.where(shares > 0, high, -low) * shares * (k % 8 != 7)
        yield arrays.on_grid(delta), _random_swaps(arrays, rng)


def _random_swaps(arrays, rng):
    codes = arrays.codes.copy()
    n_swaps = rng.randint(arrays.n_swaps + 1)
    for c in rng.permutation(len(arrays.columns))[:n_swaps]:
        allowed = arrays.can_swap(c)
        order = rng.permutation(allowed.shape[1])
        first = order[allowed[:, order].argmax(axis=1)]
        codes[:, c] = np.where(allowed.any(axis=1), first, codes[:, c])
    return codes


def _agrees(problem, delta, codes):
    """Whether the output of the steps on moved rows is what slopes and effects predict."""
    arrays, steps = problem.perturbations, problem.model.steps
    view = problem.at(codes)
    model = view.model
    expected = model.step_outputs(problem.moved(view.rows, delta))
    numbers = np.where(delta != 0, arrays.moved(delta), problem.table.numbers())
    found = _outputs(
        steps,
        arrays,
        problem.tables.swapped(codes),
        numbers,
        np.flatnonzero((delta != 0).any(axis=0)),
    )
    size = np.abs(np.nan_to_num(expected)) + np.abs(delta * arrays.scales) @ np.abs(model.slopes)
    size = size + np.abs(np.nan_to_num(found)).mean(axis=1, keepdims=True) + _NOTHING
    with np.errstate(invalid="ignore"):
        same = (np.abs(found - expected) <= tolerance_of(model.precision) * size) | (
            np.isnan(found) & np.isnan(expected)
        )
    return same.all(axis=1)


def tolerance_of(precision):
    """Differences that count as rounding, relative to the size of the output of the steps."""
    return _DOUBLE if precision < 1e-12 else _SINGLE


def _outputs(steps, arrays, table, numbers, columns):
    """Output of the steps on rows with other numbers; NaN for rows that they reject."""
    try:
        moved = table.with_numbers(numbers, columns) if len(columns) else table.X
        return np.asarray(steps(moved), dtype=np.float64)
    except (ValueError, TypeError):
        if len(table) == 1:
            for j in columns:
                require_numbers(steps, table, j, arrays.smallest_move(j))
            return np.full((1, steps(table.X).shape[1]), np.nan)
        parts = [np.array([i]) for i in range(len(table))]
        return np.concatenate(
            [_outputs(steps, arrays, table.take(i), numbers[i], columns) for i in parts]
        )
