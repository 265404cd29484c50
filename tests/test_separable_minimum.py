from itertools import pairwise, product

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from sklearn_irg._perturbations.linear_minimization import linear_minimization
from sklearn_irg._perturbations.separable_minimum import separable_minimum

POWERS = {"l2": 2, "l1": 1}
both_norms = pytest.mark.parametrize("norm", POWERS)


def linear(slopes, low, high, steps, epsilon, norm, **options):
    """The linear problem of each row, in one box."""
    slopes = np.atleast_2d(np.asarray(slopes, dtype=float))
    low, high = (
        np.broadcast_to(np.asarray(a, dtype=float), slopes.shape)[..., None] for a in (low, high)
    )
    steps, epsilon = np.asarray(steps, dtype=float), np.full(len(slopes), float(epsilon))
    return separable_minimum(
        low, high, slopes[..., None], np.zeros_like(low), steps, epsilon, norm, **options
    )


def random_pieces(rng, n_columns, n_pieces, steps):
    """One row of pieces with jumps, gaps and ties, out of order and padded."""
    shape = n_columns, n_pieces
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    slope, intercept = (
        np.where(rng.random(shape) < 0.5, rng.integers(-2, 3, shape), rng.normal(size=shape))
        for _ in "ab"
    )
    for j, step in enumerate(steps):
        n = rng.integers(1, n_pieces + 1)
        ends = np.sort(
            rng.integers(-7, 8, 2 * n)
            if rng.random() < 0.4
            else rng.choice(np.arange(-8, 9), 2 * n, False)
        )
        starts, stops = ends[::2], ends[1::2]
        holds_zero = rng.integers(n)
        zero = rng.integers(starts[holds_zero], stops[holds_zero] + 1)
        stops = np.append(starts[1:], stops[-1]) if rng.random() < 0.5 else stops
        unit = step if step > 0 else rng.choice([0.1, 0.25, 0.37])
        places = rng.permutation(n_pieces)[:n]
        low[j, places], high[j, places] = (starts - zero) * unit, (stops - zero) * unit
        if rng.random() < 0.2:
            high[j, places[-1]] = np.inf
        slope[j] *= rng.random() < 0.8
        intercept[j] *= rng.random() < 0.8
    return low, high, slope, intercept


def random_steps(rng, n_columns):
    return 1 / rng.choice([0.3, 0.6, 1, 1.7, 2, 4, rng.uniform(0.5, 4)], n_columns)


def grid_points(low, high, slope, intercept, step, epsilon):
    """Each point of a column's grid that the ball and a piece hold, with its value."""
    points = np.arange(-(reach := int(epsilon / step + 1e-9)), reach + 1) * step
    holds = (low <= points[:, None] + 1e-9) & (points[:, None] <= high + 1e-9)
    values = np.where(holds, intercept + slope * points[:, None], np.inf).min(axis=1)
    return [(p, p, 0.0, v) for p, v in zip(points, values, strict=True) if v < np.inf]


def least_of_grid(pieces, steps, epsilon, power):
    """The minimum over all points of the grids."""
    used, value = np.zeros(1), np.zeros(1)
    for *column, step in zip(*pieces, steps, strict=True):
        point, _, _, more = np.transpose(grid_points(*column, step, epsilon))
        used, value = (
            (used[:, None] + np.abs(point) ** power).ravel(),
            (value[:, None] + more).ravel(),
        )
        inside = used <= epsilon**power * (1 + 1e-13)
        used, value = used[inside], value[inside]
    return value.min()


def least_of_boxes(low, high, slope, epsilon, power):
    """The minimum of a linear function over a ball and a box on one side of zero in each column."""
    side = np.where(high > 0, 1, -1)
    near, far = np.where(side > 0, low, -high), np.where(side > 0, high, -low)
    gain = np.maximum(-slope * side, 0)
    if (near**power).sum() > epsilon**power:
        return np.inf
    if power == 1:
        left = epsilon - near.sum()
        for j in np.argsort(-gain):
            more = min(far[j] - near[j], left) * (gain[j] > 0)
            near[j], left = near[j] + more, left - more
        return slope @ (side * near)
    shortest, longest = 0.0, 1e6
    for _ in range(200):
        middle = (shortest + longest) / 2
        fits = (np.clip(gain * middle, near, far) ** 2).sum() <= epsilon**2
        shortest, longest = (middle, longest) if fits else (shortest, middle)
    return slope @ (side * np.clip(gain * shortest, near, far))


def sided_pieces(low, high, slope, intercept, epsilon):
    """Pieces of a continuous column within the radius, cut at zero."""
    low, high = np.maximum(low, -epsilon), np.minimum(high, epsilon)
    for a, b, *line in zip(low, high, slope, intercept, strict=True):
        cuts = [a, 0.0, b] if a < 0 < b else [a, b]
        yield from ((left, right, *line) for left, right in pairwise(cuts) if left <= right)


def least_of_pieces(pieces, steps, epsilon, power):
    """The minimum over all combinations of pieces and points of grids."""
    options = [
        grid_points(*column, step, epsilon) if step > 0 else list(sided_pieces(*column, epsilon))
        for *column, step in zip(*pieces, steps, strict=True)
    ]
    lines = (np.transpose(choice) for choice in product(*options))
    return min(least_of_boxes(*line[:3].copy(), epsilon, power) + line[3].sum() for line in lines)


def assert_feasible(found, low, high, steps, epsilon, norm):
    with np.errstate(invalid="ignore"):
        point = found.point[..., None]
        tolerance = np.where(steps > 0, 1e-9 * np.maximum(steps, 1), 0)[:, None]
        assert ((low <= point + tolerance) & (point - tolerance <= high)).any(axis=-1).all()
    grids = found.point[:, steps > 0]
    assert np.array_equal(np.rint(grids / steps[steps > 0]) * steps[steps > 0], grids)
    used = (np.abs(found.point) ** POWERS[norm]).sum(axis=1)
    assert (used <= epsilon ** POWERS[norm] * (1 + 1e-12)).all()


def solve_row(pieces, steps, epsilon, norm, **options):
    rows = [a[None] for a in pieces]
    found = separable_minimum(*rows, steps, np.array([epsilon]), norm, **options)
    assert_feasible(found, *rows[:2], steps, np.array([epsilon]), norm)
    assert found.bound[0] <= found.value[0]
    return found


@both_norms
def test_on_small_grids_the_minimum_is_that_of_all_points(norm):
    for seed in range(400):
        rng = np.random.default_rng(seed)
        steps = random_steps(rng, rng.integers(1, 5))
        steps = np.full_like(steps, 0.5) if seed % 5 == 0 else steps
        epsilon = rng.choice([0, 0.3, 0.5, 1, 2, 2.5, 5 * steps.max() if len(steps) < 3 else 3])
        pieces = random_pieces(rng, len(steps), rng.integers(1, 5), steps)
        expected = least_of_grid(pieces, steps, epsilon, POWERS[norm])
        found = solve_row(pieces, steps, epsilon, norm)
        assert found.value[0] == pytest.approx(expected, rel=1e-11, abs=1e-11)
        assert found.bound[0] == pytest.approx(expected, rel=1e-10, abs=1e-10)
        assert found.bound[0] <= expected + 1e-14 * (1 + abs(expected))


@both_norms
def test_with_continuous_columns_the_minimum_is_that_of_all_combinations_of_pieces(norm):
    for seed in range(150):
        rng = np.random.default_rng(seed)
        steps = np.where(rng.random(3) < 0.4, random_steps(rng, 3), 0)
        epsilon = rng.uniform(0.2, 2)
        pieces = random_pieces(rng, 3, 3, steps)
        expected = least_of_pieces(pieces, steps, epsilon, POWERS[norm])
        found = solve_row(pieces, steps, epsilon, norm)
        assert found.value[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert found.bound[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_under_l1_twenty_whole_numbers_get_what_integer_programming_gets():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        slopes, steps = rng.normal(size=20), 1 / rng.uniform(0.3, 5, 20)
        low, high = -rng.integers(0, 4, 20) * steps, rng.integers(0, 4, 20) * steps
        found = linear(slopes, low, high, steps, 2.0, "l1")
        room = np.where(slopes > 0, -low, high) / steps
        ball = LinearConstraint(steps[None], -np.inf, 2.0)
        gains = -np.abs(slopes) * steps
        solution = milp(
            gains,
            integrality=np.ones(20),
            bounds=Bounds(0, np.rint(room)),
            constraints=ball,
            options={"mip_rel_gap": 0},
        )
        assert found.value[0] == pytest.approx(solution.fun, rel=1e-9)
        assert found.value[0] - found.bound[0] <= 1e-10


@both_norms
def test_continuous_linear_problems_are_solved_as_in_closed_form(norm):
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(200, 12)) * (rng.random((200, 12)) < 0.8)
    low, high = -rng.exponential(size=slopes.shape), rng.exponential(size=slopes.shape)
    epsilon, steps = rng.exponential(size=200), np.zeros(12)
    _, expected = linear_minimization(slopes, low, high, steps, epsilon, norm)
    rows = (a[..., None] for a in (low, high, slopes, np.zeros_like(low)))
    found = separable_minimum(*rows, steps, epsilon, norm)
    np.testing.assert_allclose(found.value, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.bound, expected, rtol=1e-11, atol=1e-14)
    assert (found.nodes == 1).all()


def random_batch(rng, n_rows, n_columns, n_pieces):
    steps = np.where(rng.random(n_columns) < 0.6, random_steps(rng, n_columns), 0)
    pieces = [random_pieces(rng, n_columns, n_pieces, steps) for _ in range(n_rows)]
    return [np.array(a) for a in zip(*pieces, strict=True)], steps, rng.choice([0.5, 1, 2], n_rows)


@both_norms
@pytest.mark.parametrize(("n_pieces", "max_nodes"), [(1, 10_000), (4, 10_000), (4, 5), (1, 40)])
def test_a_row_alone_gets_what_it_gets_among_others_bit_for_bit(norm, n_pieces, max_nodes):
    rng = np.random.default_rng(n_pieces)
    pieces, steps, epsilon = random_batch(rng, 40, 9, n_pieces)
    target = np.where(rng.random(40) < 0.5, rng.normal(size=40) * 3, np.nan)
    together = separable_minimum(*pieces, steps, epsilon, norm, target, max_nodes)
    for i in range(40):
        row = slice(i, i + 1)
        alone = separable_minimum(
            *(a[row] for a in pieces), steps, epsilon[row], norm, target[row], max_nodes
        )
        for whole, part in zip(together, alone, strict=True):
            assert whole[row].tobytes() == part.tobytes()


@both_norms
def test_what_memory_allows_at_once_changes_no_bit(norm, monkeypatch):
    pieces, steps, epsilon = random_batch(np.random.default_rng(8), 50, 14, 2)
    at_once = separable_minimum(*pieces, steps, epsilon, norm)
    monkeypatch.setattr("sklearn_irg._perturbations.separable_minimum._ROWS", 20)
    monkeypatch.setattr("sklearn_irg._perturbations.separable_minimum._CHUNK", 100)
    in_parts = separable_minimum(*pieces, steps, epsilon, norm)
    for whole, part in zip(at_once, in_parts, strict=True):
        assert whole.tobytes() == part.tobytes()


@both_norms
@pytest.mark.parametrize("max_nodes", [0, 1, 2, 7])
def test_points_and_bounds_are_right_whenever_the_search_stops(norm, max_nodes):
    pieces, steps, epsilon = random_batch(np.random.default_rng(3), 200, 12, 3)
    stopped = separable_minimum(*pieces, steps, epsilon, norm, max_nodes=max_nodes)
    solved = separable_minimum(*pieces, steps, epsilon, norm)
    assert_feasible(stopped, *pieces[:2], steps, epsilon, norm)
    assert (stopped.nodes <= max_nodes).all()
    assert (stopped.bound <= solved.bound + 1e-9).all()
    assert (stopped.bound <= solved.value).all()
    assert (stopped.value >= solved.bound).all()


@both_norms
def test_a_row_with_a_target_stops_on_its_side_of_it(norm):
    rng = np.random.default_rng(5)
    pieces, steps, epsilon = random_batch(rng, 200, 12, 3)
    solved = separable_minimum(*pieces, steps, epsilon, norm)
    target = solved.value + rng.choice([-0.1, -1e-6, 0, 1e-6, 0.1], 200)
    found = separable_minimum(*pieces, steps, epsilon, norm, target)
    assert_feasible(found, *pieces[:2], steps, epsilon, norm)
    is_below = solved.value <= target
    assert (found.value[is_below] <= target[is_below]).all()
    assert (found.bound[~is_below] > target[~is_below]).all()
    assert (found.bound <= solved.value).all()
    assert found.nodes.sum() < solved.nodes.sum()


@both_norms
@pytest.mark.parametrize("epsilon", [0, 1e-310, 1e-150, 1e-8, 1, 1e8, 1e150, np.inf])
def test_balls_of_any_size_meet_boxes(norm, epsilon):
    found = linear([1.0, -2.0, 3.0], [-4, 0, -np.inf], [np.inf, 5, 0], [0, 1, 0], epsilon, norm)
    assert np.isfinite(found.value).all()
    assert found.bound[0] <= found.value[0]
    if epsilon == np.inf:
        assert found.bound[0] == -np.inf
    else:
        size = min(epsilon, 1e150)
        is_coarse = (
            0 < epsilon < 1e-300
        )  # where numbers have few digits, the bound is right all the same
        assert is_coarse or found.value[0] - found.bound[0] <= 1e-11 * size
        assert is_coarse or found.value[0] <= -2.9 * size


@both_norms
def test_without_a_ball_each_column_goes_to_its_lowest_point(norm):
    found = linear([1.0, -2.0, 3.0, 0.0], -4, 4, [0, 1, 0.5, 0], np.inf, norm)
    assert found.point.tolist() == [[-4, 4, -4, 0]]
    assert found.bound[0] == pytest.approx(-24)


@both_norms
@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0)])
def test_without_rows_or_columns_nothing_moves(norm, shape):
    nothing = np.zeros((*shape, 2))
    found = separable_minimum(
        nothing, nothing, nothing, nothing, np.zeros(shape[1]), np.ones(shape[0]), norm
    )
    assert found.point.shape == shape
    assert found.value.tolist() == found.bound.tolist() == [0.0] * shape[0]


@both_norms
def test_columns_that_cannot_move_stay_and_pieces_beyond_the_ball_are_out_of_reach(norm):
    low = np.array([[[0.0, 1.01], [-9.0, 0.0], [0.0, np.inf]]])
    high = np.array([[[0.0, 2.0], [-3.0, 0.0], [0.0, -np.inf]]])
    intercept = np.array([[[0.5, -9.0], [-9.0, 1.0], [0.25, -9.0]]])
    found = separable_minimum(
        low, high, np.full_like(low, -1.0), intercept, np.array([0, 3.0, 0]), np.ones(1), norm
    )
    assert found.point.tolist() == [[0, 0, 0]]
    assert found.value[0] == 1.75
    assert found.bound[0] == pytest.approx(1.75)


@both_norms
def test_where_two_pieces_meet_the_lower_value_counts(norm):
    low, high = np.array([[[-1.0, 0.5], [0.0, 0.0]]]), np.array([[[0.5, 2.0], [1.0, -1.0]]])
    intercept = np.array([[[0.0, -1.0], [0.0, 0.0]]])
    found = separable_minimum(
        low, high, np.zeros_like(low), intercept, np.zeros(2), np.array([0.5]), norm
    )
    assert found.point.tolist() == [[0.5, 0]]
    assert found.value[0] == -1
    assert found.bound[0] == pytest.approx(-1)


@pytest.mark.parametrize("step", [0.1, 1 / 3, 1 / 0.7, 1e-3])
def test_rounding_keeps_no_point_of_the_sphere_out(step):
    found = linear([-3.0, -4.0], -np.inf, np.inf, [step, step], 5 * step, "l2")
    assert np.rint(found.point / step).tolist() == [[3, 4]]
    found = linear(
        [-3.0, -3.5, -4.0], 0, [2 * step, 3 * step, 5 * step], [step] * 3, 10 * step, "l1"
    )
    assert np.rint(found.point / step).tolist() == [[2, 3, 5]]


def test_under_l1_one_grid_for_all_columns_takes_one_node():
    slopes = np.random.default_rng(0).normal(size=(50, 30))
    found = linear(slopes, -0.3, 0.3, np.full(30, 0.1), 0.77, "l1")
    assert (found.nodes == 1).all()
    np.testing.assert_allclose(found.bound, found.value, rtol=1e-11)
    assert np.abs(found.point).sum(axis=1) == pytest.approx(0.7)


@both_norms
def test_powers_of_two_change_nothing_but_the_scale(norm):
    pieces, steps, epsilon = random_batch(np.random.default_rng(11), 60, 8, 3)
    low, high, slope, intercept = pieces
    plain = separable_minimum(*pieces, steps, epsilon, norm)
    scaled = separable_minimum(
        low * 8, high * 8, slope * 2, intercept * 16, steps * 8, epsilon * 8, norm
    )
    assert np.array_equal(scaled.point, plain.point * 8)
    assert np.array_equal(scaled.bound, plain.bound * 16)


@both_norms
def test_linear_models_with_half_their_columns_whole_close_soon(norm):
    rng = np.random.default_rng(2)
    steps = np.where(np.arange(50) < 25, 1 / np.exp(rng.uniform(np.log(0.3), np.log(30), 50)), 0)
    found = linear(rng.normal(size=(100, 50)), -np.inf, np.inf, steps, 1.0, norm)
    assert (found.value - found.bound <= 1e-10).all()
    assert found.nodes.max() < 1000


@pytest.mark.parametrize("max_nodes", [10, 300])
def test_columns_that_are_all_alike_may_stay_open_with_right_bounds(max_nodes):
    found = linear(-np.ones(14), 0, np.inf, np.full(14, 0.1), 1.0, "l2", max_nodes=max_nodes)
    assert found.nodes[0] <= max_nodes
    # 8 · 3² + 6 · 2² steps fit, 9 · 3² + 5 · 2² do not
    assert found.value[0] == pytest.approx(-3.6)
    assert -0.1 * np.sqrt(14 * 100) - 1e-9 <= found.bound[0] <= found.value[0]
