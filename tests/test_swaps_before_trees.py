"""Swaps of categories before additive trees, against all cells and all ways to swap."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    TargetEncoder,
)

from sklearn_irg._fitted.trees import read_trees
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.budget import Budget
from sklearn_irg._threats.methods.additive_trees import AdditiveTreesSearch, prepared_search
from sklearn_irg._threats.trees.branch_and_bound import decide
from sklearn_irg._threats.trees.cells import Cells
from sklearn_irg._threats.trees.decisions import settle
from sklearn_irg._threats.trees.leaf_tables import LeafTables, Leaves
from sklearn_irg._threats.trees.level_boxes import LevelCells
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.diagnostics import distance_interval
from tests.test_additive_trees import ORDER

pytestmark = pytest.mark.filterwarnings("ignore:.*unknown categories:UserWarning")

NORMS = ["linf", "l2", "l1"]
N_LEVELS = [3, 4, 2]
N_NUMBERS = [4, 3]
ANYTHING = {"above": np.inf, "below": -np.inf, "max_nodes": 100_000}


def random_leaves(rng, n_trees, n_leaves):
    """Leaves that take intervals of numbers and any levels.

    Each tree has one leaf that takes everything, so that it has a value everywhere.
    """
    n = n_trees * n_leaves
    low = np.column_stack([rng.randint(0, cells, n) for cells in N_NUMBERS])
    high = np.minimum(low + rng.randint(0, 3, low.shape), np.array(N_NUMBERS) - 1)
    takes = rng.rand(n, sum(N_LEVELS)) < 0.5
    low[::n_leaves], high[::n_leaves], takes[::n_leaves] = 0, np.array(N_NUMBERS) - 1, True
    value = rng.standard_normal(n)
    value[::n_leaves] -= 2
    tree = np.repeat(np.arange(n_trees), n_leaves)
    return Leaves(
        tree, value, low, high, np.zeros(low.shape, dtype=bool), np.array(N_NUMBERS)
    ), takes


def random_rows(rng, tables, takes, n_rows, n_swaps):
    """Rows whose numbers cost more further away, some of whose levels are not allowed."""
    start = np.cumsum([0, *N_LEVELS])
    home = np.column_stack([rng.randint(0, cells, n_rows) for cells in N_NUMBERS])
    away = [
        np.abs(np.append(np.arange(cells), np.inf) - home[:, [j]])
        for j, cells in enumerate(N_NUMBERS)
    ]
    costs = np.hstack(away) * rng.choice([0.3, 0.5, 2])
    levels = start[:-1] + np.column_stack([rng.randint(0, cells, n_rows) for cells in N_LEVELS])
    allowed = rng.rand(n_rows, start[-1]) < 0.8
    allowed[np.arange(n_rows)[:, None], levels] = True
    cells = LevelCells(start, tables.words_of(takes.T), 1.0 - takes, levels, allowed, n_swaps)
    words = np.broadcast_to(tables.everything, (n_rows, *tables.shape)).copy()
    return Cells(home, costs, costs, words, np.zeros(n_rows), cells)


def largest_scores(tables, takes, rows):
    """Of every cell of numbers with every level."""
    numbers = np.array(list(itertools.product(*map(range, N_NUMBERS))))
    levels = np.array(list(itertools.product(*map(range, N_LEVELS)))) + rows.levels.start[:-1]
    words = tables.words(numbers, numbers)[:, None] & np.array(
        [tables.words_of(takes[:, at].all(axis=1)) for at in levels]
    )
    scores = tables.bound(words.reshape(-1, *tables.shape)).reshape(words.shape[:2])
    best = []
    for costs, home, allowed in zip(rows.costs, rows.levels.home, rows.levels.allowed, strict=True):
        fine = costs[tables.start[:-1] + numbers].sum(axis=1) <= 1
        may = allowed[levels].all(axis=1) & ((levels != home).sum(axis=1) <= rows.levels.n_swaps)
        best.append(scores[fine][:, may].max())
    return np.array(best)


@pytest.mark.parametrize("n_swaps", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
class TestCells:
    def problem(self, seed, n_swaps):
        rng = np.random.RandomState(seed)
        leaves, takes = random_leaves(
            rng, n_trees=rng.randint(2, 12), n_leaves=rng.choice([3, 8, 70])
        )
        tables = LeafTables(leaves)
        rows = random_rows(rng, tables, takes, 12, n_swaps)
        return tables, rows, largest_scores(tables, takes, rows)

    def test_search_finds_the_largest_score_and_proves_it(self, seed, n_swaps):
        tables, rows, best = self.problem(seed, n_swaps)
        verdict = decide(tables, rows, **ANYTHING)
        np.testing.assert_allclose(verdict.best, best, rtol=1e-12)
        np.testing.assert_allclose(verdict.bound, best, rtol=1e-12)

    @pytest.mark.parametrize("most_ways", [1, 400])
    def test_ways_that_bounds_leave_prove_it_too(self, seed, n_swaps, most_ways, monkeypatch):
        monkeypatch.setattr("sklearn_irg._threats.trees.decisions._N_BOXES", 1)
        monkeypatch.setattr("sklearn_irg._threats.trees.decisions._MOST_WAYS", most_ways)
        tables, rows, best = self.problem(seed, n_swaps)
        verdict = settle(tables, rows, **ANYTHING, costs_add_up=True)
        np.testing.assert_allclose(verdict.best, best, rtol=1e-9)
        np.testing.assert_allclose(verdict.bound, best, rtol=1e-6)
        assert (verdict.bound >= best - 1e-12).all()

    def test_few_nodes_leave_bounds_that_are_true(self, seed, n_swaps):
        tables, rows, best = self.problem(seed, n_swaps)
        for max_nodes, costs_add_up in itertools.product([1, 5, 25], [False, True]):
            few = {**ANYTHING, "max_nodes": max_nodes}
            for verdict in (
                decide(tables, rows, **few),
                settle(tables, rows, **few, costs_add_up=costs_add_up),
            ):
                assert (verdict.bound >= best - 1e-12).all()
                assert (verdict.best <= best + 1e-12).all()


WORDS = {"wood": list("abcde"), "town": list("uvwxyz"), "kind": list("pqr")}
UNITS = {"scale": {"size": 1.0, "age": 1.0}, "bounds": None}


def make_table(n_classes=2, n_samples=300, seed=0):
    rng = np.random.RandomState(seed)
    table = pd.DataFrame(
        {name: rng.choice(words, n_samples) for name, words in WORDS.items()}
    ).astype(object)
    table["size"], table["age"] = rng.standard_normal(n_samples), rng.standard_normal(n_samples)
    score = (
        table["size"] * np.where(table.kind == "p", -1, 1)
        + table.wood.isin(["a", "d"]) * 2
        + table.age
    )
    score += table.town.isin(["u", "x"]) + 0.3 * rng.standard_normal(n_samples)
    return table, np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))


def swapped(row, n_swaps, levels=WORDS):
    """A row with each way to change a few levels that are not missing."""
    others = {name: [word for word in words if word != row[name]] for name, words in levels.items()}
    names = [name for name, words in others.items() if words and not pd.isna(row[name])]
    ways = [{}]
    for some in itertools.chain(*(itertools.combinations(names, n) for n in range(1, n_swaps + 1))):
        ways += [
            dict(zip(some, words, strict=True))
            for words in itertools.product(*(others[name] for name in some))
        ]
    return pd.DataFrame([{**row, **way} for way in ways])


def nearest_points(seen, trees):
    """Of rows as trees see them, numbers last: the nearest point of every cell."""
    points = []
    for x in seen:
        options = [[value] for value in x[:-2]]
        for column in range(len(x) - 2, len(x)):
            cuts = trees.thresholds(column)
            near = np.where(cuts < x[column], cuts, np.nextafter(cuts, np.inf))
            options.append([x[column], *near])
        points += list(itertools.product(*options))
    return np.array(points)


def listed_distance(model, row, label, norm, n_swaps, levels=WORDS):
    """By predicting every cell with every way to swap."""
    points = nearest_points(
        model[0].transform(swapped(row, n_swaps, levels)), read_trees(model[-1]).trees
    )
    moves = points[:, -2:] - row[["size", "age"]].to_numpy(dtype=float)
    wrong = model[-1].predict(points) != label
    return np.linalg.norm(moves[wrong], ord=ORDER[norm], axis=1).min(initial=np.inf)


ENCODERS = {
    "flags": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "codes": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "unknown as missing": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
    "means": TargetEncoder(),
}
TREES = {
    "boosting": GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=8, max_depth=4, random_state=0),
    "forest": RandomForestClassifier(8, max_depth=4, random_state=0),
}


def pipeline_of(encoder, trees="histograms"):
    encode = make_column_transformer((ENCODERS[encoder], list(WORDS)), remainder="passthrough")
    return make_pipeline(encode, TREES[trees])


def assert_distances(model, rows, y, norm, n_swaps, levels=WORDS, **options):
    """Compare distances, accuracies and rows found with all rows, and return the distances."""
    expected = [
        listed_distance(model, rows.iloc[i], y[i], norm, n_swaps, levels) for i in range(len(rows))
    ]
    threat = ThreatModel(0.4, norm=norm, n_swaps=n_swaps, **UNITS, **options).fit(make_table()[0])
    lower, upper = distance_interval(model, rows, y, threat=threat, method="exact")
    np.testing.assert_allclose(upper, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(lower, expected, rtol=1e-6, atol=1e-9)
    stands = np.array(expected) > 0.4
    assert certified_accuracy(model, rows, y, threat) == stands.mean()
    found = adversarial_examples(model, rows, y, threat)
    assert threat.allows(rows, found).all()
    np.testing.assert_array_equal(model.predict(found) == y, stands)
    return np.array(expected)


@pytest.mark.parametrize("trees", TREES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_distances_are_those_of_the_nearest_cell_of_all_swaps(encoder, trees):
    table, y = make_table()
    model = pipeline_of(encoder, trees).fit(table, y)
    rows = np.flatnonzero(model.predict(table) == y)[:6]
    found = [
        assert_distances(model, table.iloc[rows], y[rows], norm, n_swaps)
        for n_swaps, norm in zip([1, 2, 3], NORMS, strict=True)
    ]
    # target encoders draw their folds, so that with three swaps all may be at zero
    assert len(set(np.concatenate(found))) > 1


def test_distances_of_several_classes():
    table, y = make_table(n_classes=3)
    model = pipeline_of("codes", "boosting").fit(table, y)
    assert_distances(model, table[:6], y[:6], "l2", 2)


@pytest.mark.parametrize("encoder", ["flags", "codes"])
def test_missing_and_unknown_levels(encoder):
    table, y = make_table()
    fitted = table.assign(wood=table.wood.where(table.wood != "e", None))
    model = pipeline_of(encoder).fit(fitted, y)
    rows = fitted.iloc[[*np.flatnonzero(fitted.wood.isna())[:3], *range(3)]].reset_index(drop=True)
    rows.loc[2:4, "town"] = "elsewhere"
    labels = model.predict(rows)
    levels = {**WORDS, "wood": list("abcd")}
    expected = [
        listed_distance(model, rows.iloc[i], labels[i], "l2", 2, levels) for i in range(len(rows))
    ]
    threat = ThreatModel(0.4, n_swaps=2, **UNITS).fit(fitted)
    np.testing.assert_allclose(
        distance_interval(model, rows, labels, threat=threat, method="exact")[0], expected
    )


def test_forbidden_swaps_are_kept():
    table, y = make_table()
    model = pipeline_of("flags").fit(table, y)
    allowed = {"town": {"u": ["v"], "x": ["u", "v"]}, "kind": {"p": ["q"]}}
    threat = ThreatModel(0.4, n_swaps=2, fixed=["wood"], allowed_swaps=allowed, **UNITS).fit(table)
    labels = model.predict(table[:12])
    lower, upper = distance_interval(model, table[:12], threat=threat, method="exact")
    for i, (_, row) in enumerate(table[:12].iterrows()):
        levels = {name: allowed[name].get(row[name], []) for name in allowed}
        expected = listed_distance(model, row, labels[i], "l2", 2, levels)
        np.testing.assert_allclose([lower[i], upper[i]], expected)


def test_margins_are_the_lowest_of_all_swaps():
    table, y = make_table()
    model = pipeline_of("flags").fit(table, y)
    trees, rows = read_trees(model[-1]).trees, table[:6]
    for norm in NORMS:
        threat = ThreatModel(0.4, norm=norm, n_swaps=2, **UNITS).fit(table)
        search = AdditiveTreesSearch(AttackProblem(model, rows, y[:6], threat), Budget())
        certain, attained = search.lowest_margins(0.4)
        for i in range(6):
            points = nearest_points(model[0].transform(swapped(rows.iloc[i], 2)), trees)
            moves = points[:, -2:] - rows.iloc[i][["size", "age"]].to_numpy(dtype=float)
            reached = points[np.linalg.norm(moves, ord=ORDER[norm], axis=1) <= 0.4]
            lowest = (trees.sums(reached)[:, 0] * (2 * y[i] - 1)).min()
            np.testing.assert_allclose([certain[i], attained[i]], lowest, atol=1e-9)


@pytest.mark.parametrize("n_swaps", [1, 2])
def test_words_only_with_more_than_a_thousand_ways_to_swap_two(n_swaps):
    rng, levels = np.random.RandomState(0), {f"c{k}": list("abcdefghi") for k in range(7)}
    codes, effects = rng.randint(9, size=(400, 7)), rng.standard_normal((7, 9))
    table = pd.DataFrame(np.array(list("abcdefghi"), dtype=object)[codes], columns=list(levels))
    score = effects[np.arange(7), codes].sum(axis=1)
    y = (score > np.quantile(score, 0.8)).astype(int)
    model = make_pipeline(
        OneHotEncoder(sparse_output=False),
        HistGradientBoostingClassifier(max_iter=10, random_state=0),
    )
    model.fit(table, y)
    rows = np.argsort(score)[::25]
    stands = [(model.predict(swapped(table.iloc[i], n_swaps, levels)) == y[i]).all() for i in rows]
    assert 0 < np.mean(stands) < 1
    threat = ThreatModel(0.1, n_swaps=n_swaps).fit(table)
    assert certified_accuracy(model, table.iloc[rows], y[rows], threat) == np.mean(stands)
    assert adversarial_accuracy(model, table.iloc[rows], y[rows], threat) == np.mean(stands)


def test_distances_are_the_same_with_the_leaves_in_reach_of_each_row(monkeypatch):
    monkeypatch.setattr("sklearn_irg._threats.trees.search._MOST_BYTES_AT_ONCE", 0)
    table, y = make_table()
    model = pipeline_of("flags").fit(table, y)
    for norm in NORMS:
        assert_distances(model, table[:6], y[:6], norm, 2)


def test_categories_that_depend_on_other_cells_are_refused(monkeypatch):
    table, y = make_table()
    model = pipeline_of("flags").fit(table, y)
    problem = AttackProblem(model, table[:20], y[:20], ThreatModel(0.1, n_swaps=1).fit(table))
    rng = np.random.RandomState(0)
    monkeypatch.setattr(
        "sklearn_irg._threats.trees.level_columns._places",
        lambda *at: rng.randint(2, size=(len(at[2]), len(at[3]))),
    )
    search, refusal = prepared_search(problem)
    assert search is None
    assert "differs between rows" in refusal


ONE_HOT = OneHotEncoder(drop="first", sparse_output=False)


@pytest.mark.filterwarnings("ignore:the steps before the last are not affine")
class TestStepsThatMixCategories:
    """What a swap does depends on other cells there, so that levels are no cells."""

    @pytest.mark.parametrize(
        "steps",
        [
            (ONE_HOT, PolynomialFeatures(interaction_only=True, include_bias=False)),
            (ONE_HOT, TruncatedSVD(1), Binarizer(threshold=1.0)),
        ],
        ids=["products", "projection"],
    )
    @pytest.mark.parametrize("n_rows", [1, 4])  # alone, and among others
    def test_two_categories_together_are_not_certified(self, steps, n_rows):
        X = pd.DataFrame({"p": list("aazz") * 20, "q": list("cwcw") * 20})
        y = ((X["p"] == "z") & (X["q"] == "w")).astype(int)
        model = make_pipeline(*steps, GradientBoostingClassifier(random_state=0)).fit(X, y)
        threat = ThreatModel(n_swaps=2).fit(X)
        assert model.predict(X[:1].assign(p="z", q="w")) != model.predict(X[:1])
        assert not evaluate_robustness(model, X[:n_rows], y[:n_rows], threat).certified[0, 0]

    @pytest.mark.parametrize("epsilon", [0.0, 0.1])
    def test_a_category_times_a_number_is_not_certified(self, epsilon):
        rng = np.random.RandomState(0)
        X = pd.DataFrame({"p": list("az") * 500, "x": rng.standard_normal(1000)})
        y = ((X["p"] == "z") & (X["x"] > 2)).astype(int)
        prepare = make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["p"]), remainder="passthrough"
        )
        products = PolynomialFeatures(interaction_only=True, include_bias=False)
        model = make_pipeline(
            prepare, products, GradientBoostingClassifier(n_estimators=30, random_state=0)
        ).fit(X, y)
        rows = X[X["p"] == "a"]
        falls = model.predict(rows.assign(p="z")) != 0
        assert falls.any()
        threat = ThreatModel(epsilon, n_swaps=1, fixed=["x"]).fit(X)
        assert not evaluate_robustness(model, rows, y[rows.index], threat).certified[0, falls].any()
