"""Trees that split categories natively, against every row that a threat allows."""

import itertools
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from sklearn_irg._fitted.trees import TreesInside, codes, difference, read_trees
from sklearn_irg._fitted.trees.codes import codes_of
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.methods import additive_trees
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.diagnostics import certified_radius, distance_interval

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(visualize pairs|currently display missing):UserWarning"),
    pytest.mark.filterwarnings("ignore:.*unknown categories:UserWarning"),
]
NORMS = ["linf", "l2", "l1"]
WOODS, KINDS = ["oak", "ash", "elm", "fir", "yew"], ["x", "y", "z"]
CATEGORIES = {"wood": WOODS, "kind": KINDS}
SMALL = {"n_estimators": 6, "max_depth": 3, "n_jobs": 1}
N_ROWS = 8


def histograms(**options):
    return HistGradientBoostingClassifier(
        **{"max_iter": 6, "max_depth": 3, "categorical_features": "from_dtype", **options}
    )


def of_library(module, kind, **options):
    library = pytest.importorskip(module, reason=f"{module.split('.')[0]} is not installed")
    return getattr(library, kind)(**options)


def catboost(**options):
    named = {
        "cat_features": list(CATEGORIES),
        "one_hot_max_size": 50,
        "iterations": 8,
        "depth": 4,
        "thread_count": 1,
    }
    return of_library(
        "catboost",
        "CatBoostClassifier",
        verbose=0,
        allow_writing_files=False,
        **{**named, **options},
    )


def xgboost(**options):
    return of_library(
        "xgboost",
        "XGBClassifier",
        enable_categorical=True,
        max_cat_to_onehot=1,
        **{**SMALL, **options},
    )


def lightgbm(**options):
    named = {"min_data_per_group": 1, "cat_smooth": 1, "cat_l2": 1, "min_child_samples": 5}
    return of_library("lightgbm", "LGBMClassifier", verbose=-1, **{**SMALL, **named, **options})


def ebm(**options):
    named = {
        "max_bins": 8,
        "max_interaction_bins": 4,
        "interactions": 2,
        "min_cat_samples": 1,
        "max_rounds": 60,
        "learning_rate": 0.1,
    }
    return of_library(
        "interpret.glassbox",
        "ExplainableBoostingClassifier",
        outer_bags=1,
        n_jobs=1,
        **{**named, **options},
    )


LIBRARIES = {
    "histograms": histograms,
    "xgboost": xgboost,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "catboost leafwise": lambda: catboost(grow_policy="Lossguide"),
    "ebm": ebm,
}
TAKE_MISSING = ["histograms", "xgboost", "lightgbm", "ebm"]
TAKE_UNKNOWN = ["histograms", "lightgbm", "catboost", "ebm"]


def categorical(table, **categories):
    """The table with columns of categories, in an order of ours."""
    return table.assign(
        **{
            name: pd.Categorical(table[name], categories=levels)
            for name, levels in {**CATEGORIES, **categories}.items()
        }
    )


@cache
def make_table(n_classes=2, n_samples=300):
    rng = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "wood": rng.choice(WOODS, n_samples),
            "count": rng.randint(0, 6, n_samples),
            "kind": rng.choice(KINDS, n_samples),
            "size": rng.standard_normal(n_samples),
            "flag": rng.rand(n_samples) > 0.5,
        }
    )
    score = (
        1.5 * table["count"] + table["size"] * np.where(table.kind == "y", -1, 1) + 0.5 * table.flag
    )
    score += (
        3 * table.wood.isin(["ash", "yew"])
        + 1.5 * (table.kind == "z")
        + 0.3 * rng.standard_normal(n_samples)
    )
    return categorical(table), np.digitize(
        score, np.quantile(score, np.arange(1, n_classes) / n_classes)
    )


def reading_of(model, table, threat):
    return AttackProblem(model, table, None, threat).model.trees.reading


def neighbors(table, i, reading, threat, levels):
    """Rows that differ from one in levels, integers and sides of thresholds.

    No number moves beyond the radius by itself.
    """
    row, (_, count_scale, _, size_scale, _) = table.iloc[i], threat.scales_
    cuts = reading.trees.thresholds(3)
    sizes = np.concatenate([[row["size"]], cuts, np.nextafter(cuts, np.inf)])
    sizes = sizes[np.abs(sizes - row["size"]) <= 1.01 * threat.epsilon * size_scale]
    counts = [
        count
        for count in range(6)
        if abs(count - row["count"]) <= 1.01 * threat.epsilon * count_scale
    ]
    cells = {
        "wood": levels["wood"],
        "count": counts,
        "kind": levels["kind"],
        "size": sizes,
        "flag": [False, True],
    }
    cells = {
        name: [row[name], *(cell for cell in others if cell != row[name])]
        for name, others in cells.items()
    }
    swaps = [name for name in cells if name not in ("count", "size")]
    listed = itertools.product(*(range(len(others)) for others in cells.values()))
    place = [k for k, name in enumerate(cells) if name in swaps]
    kept = [at for at in listed if sum(at[k] > 0 for k in place) <= threat.n_swaps]
    return pd.DataFrame(
        {name: [others[at[k]] for at in kept] for k, (name, others) in enumerate(cells.items())}
    ).astype({"flag": bool})


def listed_accuracies(model, threat, table, y, levels=CATEGORIES):
    """By predicting every row."""
    reading = reading_of(model, table, threat)
    parts = [neighbors(table, i, reading, threat, levels) for i in range(len(table))]
    origin = np.repeat(np.arange(len(table)), list(map(len, parts)))
    every = pd.concat(parts, ignore_index=True)
    for name in CATEGORIES:
        if table[name].dtype == "category":
            known = dict.fromkeys([*table[name].cat.categories, *levels[name]])
            known = pd.Index(known, dtype=table[name].cat.categories.dtype)
            every[name] = pd.Categorical(every[name], categories=known)
    allowed = threat.allows(table.iloc[origin].reset_index(drop=True), every)
    wrong = np.ravel(model.predict(every)) != y[origin]
    return 1 - len(np.unique(origin[allowed & wrong])) / len(table)


def assert_exact(model, threat, table, y, levels=CATEGORIES):
    expected = listed_accuracies(model, threat, table, y, levels)
    assert certified_accuracy(model, table, y, threat) == pytest.approx(expected)
    found = adversarial_examples(model, table, y, threat)
    assert threat.allows(table, found).all()
    assert np.mean(np.ravel(model.predict(found)) == y) == pytest.approx(expected)
    return expected


@cache
def fitted(name, n_classes=2):
    return LIBRARIES[name]().fit(*make_table(n_classes))


@pytest.mark.parametrize("name", LIBRARIES)
class TestEveryLibrary:
    @pytest.mark.parametrize(
        ("norm", "n_swaps", "n_classes"), [("l2", 2, 2), ("l1", 0, 2), ("l1", 1, 3)]
    )
    def test_swaps_and_moves_are_exact(self, name, norm, n_swaps, n_classes):
        table, y = make_table(n_classes)
        threat = ThreatModel(0.65, norm=norm, n_swaps=n_swaps).fit(table)
        assert reading_of(fitted(name, n_classes), table, threat).trees.is_categorical[[0, 2]].all()
        expected = assert_exact(fitted(name, n_classes), threat, table[:N_ROWS], y[:N_ROWS])
        assert adversarial_accuracy(
            fitted(name, n_classes), table[:N_ROWS], y[:N_ROWS], threat
        ) == pytest.approx(expected)
        assert expected < 1

    def test_categories_in_another_order_or_set_are_the_same_words(self, name):
        table, y = make_table()
        threat = ThreatModel(0.65, norm="linf", n_swaps=1).fit(table)
        rows = table[:N_ROWS].assign(wood=table.wood.cat.set_categories(WOODS[::-1]))
        rows = rows.assign(kind=rows.kind.cat.set_categories(sorted(set(rows.kind), reverse=True)))
        expected = assert_exact(fitted(name), threat, rows, y[:N_ROWS])
        assert (
            0 < expected == listed_accuracies(fitted(name), threat, table[:N_ROWS], y[:N_ROWS]) < 1
        )


@pytest.mark.parametrize("name", ["histograms", "catboost"])
def test_fixed_columns_and_allowed_swaps_are_kept(name):
    table, y = make_table()
    ways = {"wood": {"oak": ["ash"], "ash": ["oak", "yew"], "yew": ["fir"]}}
    threat = ThreatModel(0.65, n_swaps=2, fixed=["kind", "count"], allowed_swaps=ways).fit(table)
    assert_exact(fitted(name), threat, table[:N_ROWS], y[:N_ROWS])


@pytest.mark.parametrize("n_swaps", [0, 1])
@pytest.mark.parametrize("name", TAKE_MISSING)
def test_missing_categories_stay_missing(name, n_swaps):
    table, y = make_table()
    table = table.assign(
        wood=table.wood.where(table.wood != "elm"), size=table["size"].where(table["count"] != 3)
    )
    model = LIBRARIES[name]().fit(table, y)
    threat = ThreatModel(0.65, n_swaps=n_swaps).fit(table)
    rows = np.concatenate(
        [np.flatnonzero(table.wood.isna())[:5], np.flatnonzero(table.wood.notna())[:5]]
    )
    assert_exact(
        model,
        threat,
        table.iloc[rows].reset_index(drop=True),
        y[rows],
        {**CATEGORIES, "wood": set(WOODS) - {"elm"}},
    )


@pytest.mark.parametrize("of_threat", [True, False], ids=["rows may get it", "rows have it"])
@pytest.mark.parametrize("name", TAKE_UNKNOWN)
def test_levels_that_a_model_has_not_seen(name, of_threat):
    table, y = make_table()
    levels = {**CATEGORIES, "wood": [*WOODS, "teak"]} if of_threat else CATEGORIES
    rows = categorical(table[:N_ROWS].astype({"wood": str}), wood=[*WOODS, "teak"])
    rows.loc[[0, 3, 5], "wood"] = "teak"
    threat = ThreatModel(0.65, n_swaps=1).fit(
        pd.concat([table, rows]).astype({"wood": "category"}) if of_threat else table
    )
    assert_exact(fitted(name), threat, rows, y[:N_ROWS], levels)


@pytest.mark.parametrize("name", ["histograms", "catboost", "ebm"])
def test_words_without_a_type_of_categories(name):
    table, y = make_table()
    options = {"categorical_features": list(CATEGORIES)} if name == "histograms" else {}
    table = table.astype(dict.fromkeys(CATEGORIES, object))
    model = LIBRARIES[name](**options).fit(table, y)
    threat = ThreatModel(0.65, n_swaps=1).fit(table)
    assert 0 < assert_exact(model, threat, table[:N_ROWS], y[:N_ROWS]) < 1


CELLS = {
    "small integers": lambda table: table.wood.cat.codes.astype(np.int8) * 7 + 3,
    "flags": lambda table: table.wood == "ash",
    "fractions": lambda table: table.wood.cat.codes * 0.5,
}
NO_LEVELS = {
    ("xgboost", "flags"),
    ("xgboost", "fractions"),
    ("catboost", "fractions"),
}  # which fit refuses


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pair
        for pair in itertools.product([*TAKE_UNKNOWN, "xgboost"], CELLS)
        if pair not in NO_LEVELS
    ],
)
def test_categories_that_are_no_words(name, kind):
    table, y = make_table()
    table = table.assign(wood=pd.Categorical(CELLS[kind](table)))
    model, threat = LIBRARIES[name]().fit(table, y), ThreatModel(0.65, n_swaps=1).fit(table)
    assert_exact(
        model,
        threat,
        table[:N_ROWS],
        y[:N_ROWS],
        {**CATEGORIES, "wood": table.wood.cat.categories.tolist()},
    )


def test_ordered_categories_that_lightgbm_takes_for_numbers_are_searched():
    table, y = make_table()
    table = table.assign(kind=table.kind.cat.as_ordered())
    model, threat = lightgbm().fit(table, y), ThreatModel(0.3, n_swaps=1).fit(table)
    with pytest.raises(TypeError, match="categories are ordered"):
        certified_accuracy(model, table[:5], y[:5], threat)
    assert (evaluate_robustness(model, table[:5], y[:5], threat).attacked_by == "search").all()


# -- numbers that are categories -------------------------------------------------------------------

NUMBERS = [2, 3, 5, 8, 13]
CODED = {
    "histograms": (lambda: histograms(categorical_features=[0]), {}),
    "xgboost": (lambda: xgboost(feature_types=["c", "q", "q"]), {}),
    "lightgbm": (lightgbm, {"categorical_feature": [0]}),
    "ebm": (lambda: ebm(feature_types=["nominal", None, None]), {}),
    "encoder": (
        lambda: make_pipeline(
            make_column_transformer((OrdinalEncoder(), [0]), remainder="passthrough"),
            histograms(categorical_features=[0]),
        ),
        {},
    ),
}


def make_array(seed=0, n_samples=300):
    rng = np.random.RandomState(seed)
    X = np.column_stack(
        [
            rng.choice(NUMBERS, n_samples),
            rng.randint(0, 6, n_samples),
            rng.randint(0, 40, n_samples),
        ]
    )
    score = (
        1.5 * X[:, 1]
        + 0.05 * X[:, 2]
        + 1.5 * np.isin(X[:, 0], [3, 13])
        + 0.3 * rng.standard_normal(n_samples)
    )
    return X, (score > np.median(score)).astype(int)


def assert_exact_array(model, threat, X, y, cells=NUMBERS):
    every = np.array(list(itertools.product(cells, range(6), range(40))))
    predicted = np.ravel(model.predict(every.astype(X.dtype)))
    stands = []
    for row, label in zip(X, y, strict=True):
        allowed = threat.allows(np.tile(row, (len(every), 1)), every.astype(X.dtype))
        stands.append((predicted[allowed] == label).all())
    assert certified_accuracy(model, X, y, threat) == np.mean(stands)
    assert adversarial_accuracy(model, X, y, threat) == np.mean(stands)
    return np.mean(stands)


@pytest.mark.parametrize("kind", ["swaps", "fixed", "still"])
@pytest.mark.parametrize("name", CODED)
def test_numbers_that_are_categories(name, kind):
    X, y = make_array()
    X, (model, options) = X.astype(float), CODED[name]
    model = model().fit(X, y, **options)
    threat = {
        "swaps": ThreatModel(0.6, n_swaps=1, categorical={0: True}),
        "fixed": ThreatModel(0.6, fixed=[0]),
        "still": ThreatModel(0.6, categorical={0: True}),
    }[kind]
    assert 0 < assert_exact_array(model, threat.fit(X), X[:N_ROWS], y[:N_ROWS]) < 1


@pytest.mark.parametrize("n_swaps", [0, 1])
def test_integers_that_catboost_takes_for_strings(n_swaps):
    X, y = make_array()
    model = catboost(cat_features=[0]).fit(X, y)
    threat = ThreatModel(0.6, n_swaps=n_swaps, categorical={0: True}).fit(X)
    assert 0 < assert_exact_array(model, threat, X[:N_ROWS], y[:N_ROWS]) < 1


def test_distances_are_those_to_other_cells_with_the_categories_of_a_row():
    table, y = make_table()
    model, labels = fitted("histograms"), y[:N_ROWS]
    lower, upper = distance_interval(model, table[:N_ROWS], labels, norm="l2", method="exact")
    np.testing.assert_allclose(lower, upper, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        certified_radius(model, table[:N_ROWS], labels, norm="l2"), lower, rtol=1e-6, atol=1e-9
    )


# -- what is not believed --------------------------------------------------------------------------


def shifted(cells, reading, column):
    """Codes that are those of the next category."""
    return (codes_of(cells, reading, column) + 1) % len(reading.categories[column])


def known(cells, reading, column):
    """Codes where unknown words are those of a category."""
    found, words = codes_of(cells, reading, column), reading.categories[column].tolist()
    return np.where(found < len(words), found, words.index("ash") if "ash" in words else 0)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, shifted) for name in TAKE_UNKNOWN),
        ("histograms", known),
        ("lightgbm", known),
        ("ebm", known),
    ],
)
def test_wrong_codes_are_seen(name, wrong, monkeypatch):
    table, y = make_table()
    rows = categorical(table[:N_ROWS].astype({"wood": str}), wood=[*WOODS, "teak"])
    rows.loc[::2, "wood"] = "teak"
    model, threat = fitted(name), ThreatModel(0.65, n_swaps=1).fit(table)
    expected = listed_accuracies(model, threat, rows, y[:N_ROWS])
    monkeypatch.setattr(codes, "codes_of", wrong)
    with pytest.raises(TypeError, match=r"nothing is certain.*is not what its trees say"):
        certified_accuracy(model, rows, y[:N_ROWS], threat)
    assert adversarial_accuracy(model, rows, y[:N_ROWS], threat) >= expected - 1e-12
    monkeypatch.setattr(additive_trees, "difference_at_levels", lambda problem: "")
    monkeypatch.setattr(TreesInside, "_difference", lambda self, rows: "")
    if wrong is shifted:
        still = ThreatModel(0.65, fixed=["wood"]).fit(table)
        expected = listed_accuracies(model, still, table[:120], y[:120])
        assert certified_accuracy(model, table[:120], y[:120], still) != pytest.approx(expected)


def test_levels_are_compared_even_if_one_row_is_attacked(monkeypatch):
    table, _ = make_table()
    threat = ThreatModel(0.65, n_swaps=1).fit(table)
    swapped = {"ash": "fir", "fir": "ash"}
    monkeypatch.setattr(
        codes,
        "codes_of",
        lambda cells, *others: codes_of([swapped.get(cell, cell) for cell in cells], *others),
    )
    row = table[table.wood == "oak"][:1].reset_index(drop=True)
    with pytest.raises(TypeError, match=r"nothing is certain.*is not what its trees say"):
        certified_accuracy(fitted("histograms"), row, [1], threat)


def test_numbers_that_move_where_trees_have_categories_are_searched():
    X, y = make_array()
    model, threat = histograms(categorical_features=[0]).fit(X, y), ThreatModel(0.3).fit(X)
    with pytest.raises(TypeError, match=r"a number may move that .* takes for a category"):
        certified_accuracy(model, X[:5], y[:5], threat)
    assert (evaluate_robustness(model, X[:5], y[:5], threat).attacked_by == "search").all()


def test_counters_of_categories_are_searched():
    table, y = make_table()
    model, threat = (
        catboost(one_hot_max_size=2).fit(table, y),
        ThreatModel(0.3, n_swaps=1).fit(table),
    )
    with pytest.raises(TypeError, match="counters of categories"):
        certified_accuracy(model, table[:5], y[:5], threat)
    assert (evaluate_robustness(model, table[:5], y[:5], threat).attacked_by == "search").all()


def test_words_that_are_too_long_for_their_hashes_are_searched():
    table, y = make_table()
    table = table.assign(wood=table.wood.cat.rename_categories({"oak": "oak" * 22}))
    model, threat = catboost().fit(table, y), ThreatModel(0.3, n_swaps=1).fit(table)
    with pytest.raises(TypeError, match="more than 64 bytes"):
        certified_accuracy(model, table[:5], y[:5], threat)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 8, 9, 16, 17, 32, 33, 64])
def test_words_have_the_hashes_of_catboost(length):
    words = [letter * length for letter in "abc"] if length else ["", "a"]
    column = np.array(words * 40, dtype=object)[:, None]
    model = catboost(cat_features=[0]).fit(column, np.arange(len(column)) % len(words))
    reading = read_trees(model, lambda column: words)
    assert np.ptp(reading.trees.sums(np.arange(len(words))[:, None]), axis=0).min() > 0
    assert difference(reading) == ""
