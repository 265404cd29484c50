"""Attacks, certificates and distances for additive trees, against all cells and rows."""

import importlib
import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, RobustScaler, StandardScaler, scale

from sklearn_irg._fitted.trees import leaf_boxes, read_trees
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.budget import Budget
from sklearn_irg._threats.methods.additive_trees import AdditiveTreesSearch
from sklearn_irg._threats.trees.branch_and_bound import decide
from sklearn_irg._threats.trees.cells import Cells
from sklearn_irg._threats.trees.decisions import settle
from sklearn_irg._threats.trees.leaf_climb import climb
from sklearn_irg._threats.trees.leaf_relaxation import relax
from sklearn_irg._threats.trees.leaf_tables import LeafTables, Leaves
from sklearn_irg._threats.trees.search import TreeSearch
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.diagnostics import attack_distance, certified_radius, distance_interval
from tests.problems import certified_rows
from tests.test_honesty import EVERY_ROW, make_table, of_numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(visualize pairs|currently display missing):UserWarning"
)

NORMS = ["linf", "l2", "l1"]
ORDER = {"l2": 2, "linf": np.inf, "l1": 1}
SMALL = {"max_depth": 3, "random_state": 0}
SCIKIT_LEARN = {
    "forest": RandomForestClassifier(6, **SMALL),
    "extra trees": ExtraTreesClassifier(6, **SMALL),
    "boosting": GradientBoostingClassifier(n_estimators=6, **SMALL),
    "histograms": HistGradientBoostingClassifier(max_iter=6, **SMALL),
}
QUICK = {
    "max_rounds": 60,
    "outer_bags": 1,
    "n_jobs": 1,
    "max_bins": 10,
    "max_interaction_bins": 5,
    "interactions": 1,
}
OTHERS = {
    "xgboost": ("xgboost", "XGBClassifier", {"n_estimators": 6, "max_depth": 3}),
    "lightgbm": ("lightgbm", "LGBMClassifier", {"n_estimators": 6, "max_depth": 3, "verbose": -1}),
    "catboost": (
        "catboost",
        "CatBoostClassifier",
        {"iterations": 6, "depth": 3, "verbose": 0, "allow_writing_files": False},
    ),
    "ebm": ("interpret.glassbox", "ExplainableBoostingClassifier", QUICK),
}
LIBRARIES = [*SCIKIT_LEARN, *OTHERS]


def make(name):
    if name in SCIKIT_LEARN:
        return SCIKIT_LEARN[name]
    module, kind, options = OTHERS[name]
    library = pytest.importorskip(module, reason=f"{module.split('.')[0]} is not installed")
    return getattr(library, kind)(**options)


def table_of(n_classes=2, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((250, 3))
    score = X[:, 0] * X[:, 1] + 0.5 * X[:, 2] + 0.3 * rng.standard_normal(250)
    return X, np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))


def in_own_units(X, epsilon, norm="l2"):
    return ThreatModel(
        epsilon, norm=norm, scale=dict.fromkeys(range(X.shape[1]), 1.0), bounds=None
    ).fit(X)


def nearest_points(x, trees):
    """The point of every cell that is nearest to a row in each column."""
    columns = []
    for value, cuts in zip(x, map(trees.thresholds, range(len(x))), strict=True):
        beyond = np.nextafter(cuts, np.inf)
        columns.append(np.concatenate([[value], cuts[cuts < value], beyond[cuts >= value]]))
    return np.array(list(itertools.product(*columns)))


def exact_distance(model, trees, x, label, norm):
    """By predicting every cell."""
    points = nearest_points(x, trees)
    wrong = model.predict(points).ravel() != label
    return np.linalg.norm((points - x)[wrong], ord=ORDER[norm], axis=1).min(initial=np.inf)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", LIBRARIES)
class TestEveryLibrary:
    def test_distances_are_those_of_the_nearest_cell(self, name, n_classes):
        X, y = table_of(n_classes)
        model = make(name).fit(X, y)
        trees, rows = read_trees(model).trees, X[:6]
        labels = model.predict(rows).ravel()
        for norm in NORMS:
            expected = [
                exact_distance(model, trees, x, label, norm)
                for x, label in zip(rows, labels, strict=True)
            ]
            lower, upper = distance_interval(model, rows, norm=norm, method="exact")
            np.testing.assert_allclose(upper, expected, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(lower, expected, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(
                certified_radius(model, rows, norm=norm), expected, rtol=1e-6, atol=1e-9
            )
            np.testing.assert_allclose(
                attack_distance(model, rows, norm=norm), expected, rtol=1e-6, atol=1e-9
            )

    def test_accuracy_is_exact_behind_a_scaler(self, name, n_classes):
        X, y = table_of(n_classes)
        X = X * [1.0, 30.0, 0.02] + [0, 5, -1]
        model = make_pipeline(StandardScaler(), make(name)).fit(X, y)
        trees, inner = read_trees(model[-1]).trees, model[0].transform(X[:25])
        right = model.predict(X[:25]).ravel() == y[:25]
        for norm in NORMS:
            threat = ThreatModel([0.1, 0.4], norm=norm, bounds=None).fit(X)
            distances = np.array(
                [
                    exact_distance(model[-1], trees, x, label, norm)
                    for x, label in zip(inner, y[:25], strict=True)
                ]
            )
            expected = [np.mean(right & (distances > epsilon)) for epsilon in (0.1, 0.4)]
            np.testing.assert_allclose(
                adversarial_accuracy(model, X[:25], y[:25], threat), expected
            )
            np.testing.assert_allclose(certified_accuracy(model, X[:25], y[:25], threat), expected)


def listed_accuracy(model, threat, table, y):
    """By predicting every row that there is."""
    predicted = np.asarray(model.predict(EVERY_ROW)).ravel()
    stands = []
    for i in range(len(table)):
        same = table.iloc[np.full(len(EVERY_ROW), i)].reset_index(drop=True)
        stands.append((predicted[threat.allows(same, EVERY_ROW)] == y[i]).all())
    return np.mean(stands)


@pytest.mark.parametrize("n_swaps", [0, 1])
@pytest.mark.parametrize("name", LIBRARIES)
def test_integers_and_swaps_are_exact(name, n_swaps):
    table, y = make_table()
    model = make_pipeline(of_numbers(StandardScaler()), make(name)).fit(table, y)
    for norm in NORMS:
        threat = ThreatModel(0.3, norm=norm, n_swaps=n_swaps).fit(table)
        expected = listed_accuracy(model, threat, table[:20], y[:20])
        assert adversarial_accuracy(model, table[:20], y[:20], threat) == expected
        assert certified_accuracy(model, table[:20], y[:20], threat) == expected


def test_directions_fixed_columns_and_bounds_are_kept():
    table, y = make_table()
    numbers = table[["count", "amount"]]
    model = HistGradientBoostingClassifier(max_iter=8, **SMALL).fit(numbers, y)
    every = EVERY_ROW[["count", "amount"]].drop_duplicates()
    options = [
        {"directions": {"amount": "up"}},
        {"fixed": ["count"]},
        {"bounds": {"amount": (5, 20)}},
    ]
    inside = numbers[numbers.amount.between(5, 20)].index[:15]
    for option in options:
        threat = ThreatModel(0.6, **option).fit(numbers)
        predicted = model.predict(every)
        stands = [
            (predicted[threat.allows(numbers.loc[[i] * len(every)], every)] == y[i]).all()
            for i in inside
        ]
        some, labels = numbers.loc[inside], y[inside]
        assert adversarial_accuracy(model, some, labels, threat) == np.mean(stands)
        assert certified_accuracy(model, some, labels, threat) == np.mean(stands)


def test_missing_cells_stay_missing():
    X, y = table_of()
    X[::3, 1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=6, **SMALL).fit(X, y)
    trees, rows = read_trees(model).trees, X[:9]
    threat = in_own_units(X, 0.4)
    distances = []
    for x, label in zip(rows, y[:9], strict=True):
        points = nearest_points(np.nan_to_num(x), trees)
        points[:, np.isnan(x)] = np.nan
        wrong = model.predict(points) != label
        moves = np.nan_to_num(points - x)
        distances.append(np.linalg.norm(moves[wrong], axis=1).min(initial=np.inf))
    expected = np.mean(np.array(distances) > 0.4)
    assert adversarial_accuracy(model, rows, y[:9], threat) == expected
    assert certified_accuracy(model, rows, y[:9], threat) == expected


def test_found_rows_are_allowed_and_misclassified():
    X, y = load_wine(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=20, random_state=0)
    ).fit(X, y)
    for norm in NORMS:
        threat = ThreatModel(0.5, norm=norm).fit(X)
        moved = adversarial_examples(model, X, y, threat)
        assert threat.allows(X, moved).all()
        assert np.mean(model.predict(moved) == y) == adversarial_accuracy(model, X, y, threat)


def test_a_row_alone_is_as_among_others():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)
    together = distance_interval(model, X[::10], method="exact")
    for i, x in enumerate(X[::10]):
        np.testing.assert_array_equal(
            np.ravel(distance_interval(model, x[None], method="exact")), np.array(together)[:, i]
        )


@pytest.mark.parametrize("name", ["forest", "histograms", "ebm"])
def test_distances_and_margins_are_the_same_with_the_leaves_in_reach_of_each_row(name, monkeypatch):
    X, y = table_of()
    X[::7, 1], X[:, 2] = np.nan, np.rint(3 * X[:, 2])
    model, rows = make(name).fit(X, y), X[:10]
    threat = ThreatModel([0.1, 0.5]).fit(X)
    expected = (
        evaluate_robustness(model, rows, y[:10], threat),
        certified_radius(model, rows, threat=threat),
    )
    monkeypatch.setattr("sklearn_irg._threats.trees.search._MOST_BYTES_AT_ONCE", 0)
    evaluation, radii = (
        evaluate_robustness(model, rows, y[:10], threat),
        certified_radius(model, rows, threat=threat),
    )
    pd.testing.assert_frame_equal(evaluation.to_frame(), expected[0].to_frame())
    np.testing.assert_allclose(radii, expected[1], rtol=1e-9)


class TestBudget:
    def test_a_thousand_trees_are_decided(self):
        X, y = table_of()
        model = GradientBoostingClassifier(n_estimators=1000, max_depth=2, random_state=0).fit(X, y)
        evaluation = evaluate_robustness(
            model, X[:20], y[:20], ThreatModel(0.2, norm="linf").fit(X)
        )
        assert evaluation.is_exact.all()
        assert 0 < evaluation.certified.mean() < 1

    def test_none_at_all_is_refused(self):
        X, y = table_of()
        model = make("boosting").fit(X, y)
        with pytest.raises(ValueError, match="max_nodes must be an integer >= 1; got 0"):
            adversarial_accuracy(model, X, y, 0.1, max_nodes=0)

    def test_what_it_leaves_open_is_neither_found_nor_certain(self):
        X, y = load_wine(return_X_y=True)
        X = scale(X)[::9]
        model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y[::9])
        problem = AttackProblem(model, X, y[::9], in_own_units(X, 1.0, "l1"))
        known = [
            AdditiveTreesSearch(problem, Budget(max_nodes)).distances()
            for max_nodes in (1, 10, 10_000)
        ]
        exact = known[-1]
        for lower, upper in known:
            assert (lower <= exact[1] * (1 + 1e-9)).all()
            assert (upper >= exact[0] * (1 - 1e-9)).all()
        assert (known[0][0] < exact[0]).any()
        np.testing.assert_allclose(*exact, rtol=1e-6)


# -- the parts -------------------------------------------------------------------------------------


def random_problem(seed, norm):
    """Tables, cells of rows, and by brute force every cell's score and cost."""
    rng = np.random.RandomState(seed)
    X, y = table_of(seed=seed)
    model = GradientBoostingClassifier(
        n_estimators=rng.randint(2, 8), max_depth=rng.randint(1, 4), random_state=seed
    )
    trees = read_trees(model.fit(X, y)).trees
    boxes = leaf_boxes(trees)
    leaves = Leaves(
        boxes.tree,
        trees.values[boxes.node, 0],
        boxes.low,
        boxes.high,
        boxes.takes_missing,
        boxes.n_cells,
    )
    tables = LeafTables(leaves)
    home, costs = [], []
    epsilon = rng.choice([0.2, 0.6, 2.0])
    for x in X[:6]:
        distances = []
        for value, cuts in zip(x, boxes.thresholds, strict=True):
            low, high = np.append(-np.inf, cuts), np.append(cuts, np.inf)
            distances.append(
                np.append(np.maximum(np.maximum(low - value, value - high), 0), np.inf)
            )
        share = np.concatenate(distances) / epsilon
        costs.append(np.where(share <= 1, 0, np.inf) if norm == "linf" else share ** ORDER[norm])
        home.append(
            [np.searchsorted(cuts, value) for value, cuts in zip(x, boxes.thresholds, strict=True)]
        )
    home, costs = np.array(home), np.array(costs)
    words = np.broadcast_to(tables.everything, (6, *tables.shape)).copy()
    grid = np.array(list(itertools.product(*map(range, boxes.n_cells))))
    values = np.array([tables.bound(tables.words(grid, grid))])[0]
    prices = costs[:, tables.start[:-1] + grid].sum(axis=2)
    best = np.where(prices <= 1, values, -np.inf).max(axis=1)
    return trees, boxes, tables, Cells(home, costs, costs, words, np.zeros(6)), grid, best


@pytest.mark.parametrize("seed", range(4))
class TestParts:
    def test_words_of_a_cell_hold_the_leaf_that_trees_reach_there(self, seed):
        trees, boxes, tables, _, grid, _ = random_problem(seed, "linf")
        grid = grid[:: max(1, len(grid) // 500)]
        ends = [np.append(cuts, cuts[-1] + 1 if len(cuts) else 0.0) for cuts in boxes.thresholds]
        points = np.column_stack([end[cells] for end, cells in zip(ends, grid.T, strict=True)])
        words = tables.words(grid, grid)
        for reached, word in zip(trees.leaves(points), words, strict=True):
            np.testing.assert_array_equal(boxes.node[tables.contains(word)], np.sort(reached))
        np.testing.assert_allclose(
            tables.bound(words), trees.sums(points)[:, 0] - trees.constant[0], rtol=1e-12
        )

    @pytest.mark.parametrize("norm", NORMS)
    def test_search_finds_the_largest_score_and_proves_it(self, seed, norm):
        _, _, tables, cells, _, best = random_problem(seed, norm)
        verdict = decide(tables, cells, above=np.inf, below=-np.inf, max_nodes=100_000)
        np.testing.assert_allclose(verdict.best, best, rtol=1e-12)
        np.testing.assert_allclose(verdict.bound, best, rtol=1e-12)

    @pytest.mark.parametrize("norm", ["l2", "l1"])
    def test_relaxations_bound_it_and_branching_on_them_finds_it(self, seed, norm, monkeypatch):
        monkeypatch.setattr("sklearn_irg._threats.trees.decisions._N_BOXES", 1)
        _, _, tables, cells, _, best = random_problem(seed, norm)
        everything = np.ones(len(tables.leaves.tree), dtype=bool)
        for costs, largest in zip(cells.costs, best, strict=True):
            relaxed = relax(tables, np.zeros(3, dtype=int), tables.missing - 1, costs, everything)
            assert relaxed.bound >= largest - 1e-12
        verdict = settle(
            tables, cells, above=np.inf, below=-np.inf, costs_add_up=True, max_nodes=100_000
        )
        np.testing.assert_allclose(verdict.best, best, rtol=1e-9)
        assert (verdict.bound >= best - 1e-12).all()

    @pytest.mark.parametrize("norm", ["l2", "l1"])
    def test_climbing_keeps_the_budget_and_loses_nothing(self, seed, norm):
        _, _, tables, cells, _, best = random_problem(seed, norm)
        for i, (words, home, costs) in enumerate(
            zip(cells.words, cells.home, cells.costs, strict=True)
        ):
            point, score = climb(tables, words, home, costs)
            assert costs[tables.start[:-1] + point].sum() <= 1
            assert tables.bound(tables.words(home[None], home[None]))[0] <= score <= best[i] + 1e-12
            point, score = climb(tables, words, tables.missing - 1, costs)  # from far outside
            assert score == -np.inf or costs[tables.start[:-1] + point].sum() <= 1

    def test_a_multiplier_that_is_not_optimal_still_bounds(self, seed, monkeypatch):
        linprog = importlib.import_module("scipy.optimize").linprog

        def careless(*args, **kwargs):
            solution = linprog(*args, **kwargs)
            solution.ineqlin.marginals = solution.ineqlin.marginals * 0.7
            return solution

        monkeypatch.setattr("sklearn_irg._threats.trees.leaf_relaxation.linprog", careless)
        _, _, tables, cells, _, best = random_problem(seed, "l2")
        everything = np.ones(len(tables.leaves.tree), dtype=bool)
        for costs, largest in zip(cells.costs, best, strict=True):
            assert (
                relax(tables, np.zeros(3, dtype=int), tables.missing - 1, costs, everything).bound
                >= largest - 1e-12
            )


def test_trees_with_more_leaves_than_bits_of_a_word():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((400, 2)), rng.randint(2, size=400)
    model = GradientBoostingClassifier(n_estimators=3, max_depth=9, random_state=0).fit(X, y)
    trees = read_trees(model).trees
    method = TreeSearch(trees, np.arange(2))
    assert method._tables_of(0, 1)[0].n_words > 1
    threat = in_own_units(X, 0.2, "linf")
    assert adversarial_accuracy(model, X[:10], y[:10], threat) == certified_accuracy(
        model, X[:10], y[:10], threat
    )
    distances = [
        exact_distance(model, trees, x, label, "linf")
        for x, label in zip(X[:3], y[:3], strict=True)
    ]
    lower, upper = distance_interval(model, X[:3], y[:3], norm="linf", method="exact")
    np.testing.assert_allclose(upper, distances, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(lower, distances, rtol=1e-6, atol=1e-9)


def test_native_categories_are_swapped_within_the_trees():
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    table, y = make_table()
    table = table.assign(kind=pd.Categorical(table.kind))
    every = EVERY_ROW.assign(kind=pd.Categorical(EVERY_ROW.kind))
    model = lightgbm.LGBMClassifier(
        n_estimators=6, max_depth=3, verbose=-1, min_data_per_group=5
    ).fit(table, y)
    threat = ThreatModel(0.3, n_swaps=1).fit(table)
    predicted = model.predict(every)
    stands = [
        (
            predicted[threat.allows(table.iloc[[i] * len(every)].reset_index(drop=True), every)]
            == y[i]
        ).all()
        for i in range(20)
    ]
    assert adversarial_accuracy(model, table[:20], y[:20], threat) == np.mean(stands)


@pytest.mark.parametrize("fixed", [(), (1,)])
def test_integers_on_a_threshold_are_on_the_side_that_the_steps_put_them(fixed):
    # with more than 255 values the thresholds of histograms are values of the table, which scaling
    # moves by a rounding
    rng = np.random.RandomState(0)
    X = rng.randint(0, 1000, (1500, 2)) * [1, 7]
    y = (np.sin(X[:, 0] / 40) + X[:, 1] / 3000 > 0.9).astype(int)
    model = make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=15, random_state=0)
    ).fit(X, y)
    threat = ThreatModel(0.02, norm="linf", fixed=fixed).fit(X)
    rows, labels = X[:60], y[:60]
    stands = []
    for row, label in zip(rows, labels, strict=True):
        moves = np.array(list(itertools.product(range(-8, 9), [0] if fixed else range(-50, 51))))
        around = row + moves
        allowed = threat.allows(np.repeat(row[None], len(around), axis=0), around)
        stands.append((model.predict(around[allowed]) == label).all())
    assert adversarial_accuracy(model, rows, labels, threat) == np.mean(stands)
    assert certified_accuracy(model, rows, labels, threat) == np.mean(stands)


class TestWhatOnceWasFalse:
    """Certificates that a point contradicted: allowed, and predicted otherwise."""

    def is_honest(self, model, row, moved, threat):
        assert threat.allows(row, moved).all()
        assert model.predict(row) != model.predict(moved)
        assert certified_accuracy(model, row, np.ravel(model.predict(row)), threat) == 0

    def test_codes_of_a_library_are_not_read_as_numbers(self):
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.choice([1, 2, 3, 4], 400), rng.randint(0, 20, 400)])
        y = ((X[:, 0] % 2 == 0) * 6 + X[:, 1] + rng.standard_normal(400) > 13).astype(int)
        model = HistGradientBoostingClassifier(
            max_iter=10, max_depth=3, categorical_features=[0]
        ).fit(X, y)
        threat = ThreatModel(0.5, norm="linf", fixed=[0]).fit(X)
        every = np.array(list(itertools.product([1, 2, 3, 4], range(20))))
        for i, row in enumerate(X[:20]):
            allowed = threat.allows(np.tile(row, (len(every), 1)), every)
            stands = (model.predict(every[allowed]) == y[i]).all()
            assert certified_accuracy(model, X[[i]], y[[i]], threat) == stands

    def test_far_away_is_somewhere(self):
        X = np.linspace(9.5e17, 1.7e18, 300)[:, None]
        model = HistGradientBoostingClassifier(max_iter=5).fit(X, np.arange(300) > 150)
        radii = certified_radius(model, X[::50])
        assert (radii < 1e18).all()
        np.testing.assert_allclose(attack_distance(model, X[::50]), radii, rtol=1e-6)

    def test_a_level_that_is_encoded_as_missing_may_become_another(self):
        table = pd.DataFrame({"k": list("abc") * 40, "a": np.arange(120) % 20})
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        model = make_pipeline(
            make_column_transformer((encoder, ["k"]), remainder="passthrough"),
            HistGradientBoostingClassifier(max_depth=3, max_iter=10),
        ).fit(table, ((table.k == "a") * 8 + table.a > 12).astype(int))
        row = pd.DataFrame({"k": ["new"], "a": [8]})
        threat = ThreatModel(0.1, n_swaps=1).fit(pd.concat([table, row]))
        self.is_honest(model, row, row.assign(k="a"), threat)

    def test_columns_that_a_library_reorders_by_name(self):
        catboost = pytest.importorskip("catboost", reason="catboost is not installed")
        table = pd.DataFrame(np.random.RandomState(0).standard_normal((300, 2)), columns=["a", "b"])
        model = catboost.CatBoostClassifier(
            iterations=5, depth=2, verbose=0, allow_writing_files=False
        )
        model.fit(table, (table.a > 0).astype(int))
        row = pd.DataFrame({"b": [1.5], "a": [0.05]})
        threat = ThreatModel(0.3).fit(table[["b", "a"]])
        moved = row.assign(a=-0.2)
        assert threat.allows(row, moved).all()
        assert model.predict(row) != model.predict(moved)
        with pytest.raises(TypeError, match="nothing is certain"):
            certified_accuracy(model, row, model.predict(row), threat)

    @pytest.mark.parametrize("name", ["by name", "ebm", "beside flags"])
    def test_columns_in_another_order_than_in_fit(self, name):
        if name == "by name":
            scaled = make_column_transformer((StandardScaler(), ["a"]), (StandardScaler(), ["b"]))
            model = make_pipeline(scaled, LogisticRegression())
        else:
            model = make("ebm").set_params(interactions=0)
        table = pd.DataFrame(
            np.random.RandomState(0).standard_normal((300, 3)), columns=["a", "b", "c"]
        )
        row = pd.DataFrame({"b": [1.5], "a": [0.05], "c": [0.0]})
        if name == "beside flags":
            table["c"], row["c"] = table.c > 0, False
        model.fit(table, (table.a > 0).astype(int))
        threat = ThreatModel(0.3).fit(table[["b", "a", "c"]])
        moved = row.assign(a=-0.2)
        assert threat.allows(row, moved).all()
        assert model.predict(row) != model.predict(moved)
        assert adversarial_accuracy(model, row, model.predict(row), threat) == 0
        if name == "by name":
            assert certified_accuracy(model, row, model.predict(row), threat) == 0
        else:
            with pytest.raises(TypeError, match="nothing is certain"):
                certified_accuracy(model, row, model.predict(row), threat)

    def test_a_radius_that_is_just_reached_by_far_moves(self):
        X = np.array([[i * 10000, j * 10000] for i in range(12) for j in range(12)])
        model = GradientBoostingClassifier(n_estimators=20, max_depth=2, random_state=0)
        model.fit(X, (X.sum(axis=1) > 120000).astype(int))
        row = np.array([[0, 80000]])
        threat = ThreatModel(float(np.hypot(35001, 5001)), scale=None, bounds=None).fit(X)
        self.is_honest(model, row, row + [35001, 5001], threat)

    @pytest.mark.parametrize(("norm", "epsilon", "seed"), [("l2", 0.6, 3), ("l1", 1.0, 2)])
    def test_ties_are_settled_where_columns_share_a_budget(self, norm, epsilon, seed):
        rng = np.random.RandomState(seed)
        X = rng.normal(size=(200, 4))
        y = (abs(X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=200)) > 0.7
        model = ExtraTreesClassifier(8, random_state=seed).fit(
            X, y
        )  # half of the trees may vote for either class
        labels = model.predict(X[:60])
        assert evaluate_robustness(model, X[:60], labels, epsilon, norm=norm).is_exact.all()

    def test_a_tie_at_the_radius(self):
        X = np.array([[-1.26], [1.53], [-0.97], [0.47], [-0.1], [0.3]])
        model = RandomForestClassifier(2, max_depth=1, random_state=0).fit(X, [0, 1] * 3)
        options = {"norm": "linf", "scale": {0: 1.0}, "bounds": None, "integers": None}
        threat = ThreatModel(1.3450000050663948, **options).fit(X)
        self.is_honest(model, X[[1]], np.array([[0.18499999493360517]]), threat)

    def test_fixed_columns_on_a_threshold_behind_a_scaler(self):
        rng = np.random.RandomState(0)
        X = np.column_stack(
            [np.round(rng.standard_normal(1500) * 7, 3) + 3.3, rng.standard_normal(1500)]
        )
        y = (np.sin(X[:, 0]) + X[:, 1] > 0).astype(int)
        model = make_pipeline(
            RobustScaler(), HistGradientBoostingClassifier(max_iter=20, max_depth=3)
        ).fit(X, y)
        threat = ThreatModel(0.05, norm="linf", fixed=[0]).fit(X)
        rows = X[:300]
        certified = certified_rows(model, rows, model.predict(rows), threat, [0.05])[0]
        scale = threat.scales_[1]
        cuts = model[0].center_[1] + model[0].scale_[1] * read_trees(model[-1]).trees.thresholds(1)
        for row in rows[certified]:
            near = cuts[np.abs(cuts - row[1]) < 0.05 * scale]
            tried = np.column_stack(
                [
                    np.full(2 * len(near) + 1, row[0]),
                    np.concatenate([[row[1]], near, near * (1 + 1e-9)]),
                ]
            )
            tried = tried[np.abs(tried[:, 1] - row[1]) <= 0.05 * scale]
            assert len(set(model.predict(tried))) == 1

    def test_tables_that_would_not_fit_into_memory_are_left_to_the_search(self, monkeypatch):
        X, y = table_of()
        model = RandomForestClassifier(5, random_state=0).fit(X, y)
        monkeypatch.setattr("sklearn_irg._threats.methods.additive_trees._MOST_BYTES", 1000)
        with pytest.raises(TypeError, match="nothing is certain"):
            certified_accuracy(model, X[:5], y[:5], ThreatModel(0.1).fit(X))
        assert adversarial_accuracy(model, X[:5], y[:5], ThreatModel(0.1).fit(X)) <= 1

    def test_rows_stay_open_where_tables_would_not_fit_into_memory(self, monkeypatch):
        X, y = table_of()
        model = RandomForestClassifier(5, random_state=0).fit(X, y)
        monkeypatch.setattr("sklearn_irg._threats.trees.search._MOST_BYTES", 1000)
        assert certified_accuracy(model, X[:5], y[:5], ThreatModel(0.1).fit(X)) == 0
        assert adversarial_accuracy(model, X[:5], y[:5], ThreatModel(0.1).fit(X)) == model.score(
            X[:5], y[:5]
        )
