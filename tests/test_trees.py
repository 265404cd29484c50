"""Fitted trees of all libraries, compared with the libraries themselves.

Sums, cuts, missing values, categories, and models that are rejected.
"""

import re
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import sklearn_irg
from sklearn_irg._fitted.trees import TreesInside, difference, read_trees
from sklearn_irg._fitted.trees.cuts import largest_below_single, largest_up_to_single
from sklearn_irg._fitted.trees.probes import probe_rows
from sklearn_irg._threats.threat_model import ThreatModel
from sklearn_irg.attacks import adversarial_accuracy, certified_accuracy

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(visualize pairs|currently display missing|are not graphed):UserWarning"
)

_RNG = np.random.RandomState(0)
_N = 400
X = np.column_stack(
    [_RNG.standard_normal((_N, 3)), _RNG.randint(0, 6, _N), _RNG.randint(0, 4, _N) - 1.0]
)
_SIGNAL = X[:, 0] * X[:, 1] + (X[:, 3] % 3) / 2 + 0.3 * _RNG.standard_normal(_N)
TWO = (_SIGNAL > 0.4).astype(int)
THREE = np.digitize(_SIGNAL, [0.1, 0.8])
GAPS = np.where(_RNG.uniform(size=X.shape) < 0.1, np.nan, X)
TABLES = {"two": (X, TWO), "three": (X, THREE), "gaps": (GAPS, TWO)}
WORDS = np.array(["ash", "birch", "cherry", "elm", "fir", "oak"])


def xgboost_classifier(**parameters):
    library = pytest.importorskip("xgboost")
    return library.XGBClassifier(**{"n_estimators": 6, "max_depth": 3, "n_jobs": 1, **parameters})


def lightgbm_classifier(**parameters):
    library = pytest.importorskip("lightgbm")
    small = {"n_estimators": 6, "num_leaves": 8, "n_jobs": 1, "verbose": -1}
    return library.LGBMClassifier(**{**small, **parameters})


def catboost_classifier(**parameters):
    library = pytest.importorskip("catboost")
    small = {
        "iterations": 6,
        "depth": 3,
        "thread_count": 1,
        "verbose": 0,
        "allow_writing_files": False,
    }
    return library.CatBoostClassifier(**{**small, **parameters})


def ebm_classifier(**parameters):
    library = pytest.importorskip("interpret.glassbox", reason="interpret is not installed")
    small = {
        "max_rounds": 60,
        "outer_bags": 1,
        "n_jobs": 1,
        "interactions": 2,
        "max_bins": 12,
        "max_interaction_bins": 6,
    }
    return library.ExplainableBoostingClassifier(**{**small, **parameters})


def xgboost_forest():
    return pytest.importorskip("xgboost").XGBRFClassifier(n_estimators=6, max_depth=3, n_jobs=1)


def histograms(**parameters):
    return HistGradientBoostingClassifier(
        **{"max_iter": 6, "max_leaf_nodes": 8, "early_stopping": False, **parameters}
    )


MODELS = {
    "tree": lambda: DecisionTreeClassifier(max_depth=4),
    "forest": lambda: RandomForestClassifier(6, max_depth=4, random_state=0),
    "weighted forest": lambda: RandomForestClassifier(
        6, max_depth=4, class_weight="balanced", random_state=0
    ),
    "extra trees": lambda: ExtraTreesClassifier(6, max_depth=4, random_state=0),
    "bagging": lambda: BaggingClassifier(
        DecisionTreeClassifier(max_depth=3), 6, max_features=0.6, random_state=0
    ),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=6, random_state=0),
    "gradient boosting from zero": lambda: GradientBoostingClassifier(
        n_estimators=6, init="zero", random_state=0
    ),
    "histograms": histograms,
    "histograms with categories": lambda: histograms(categorical_features=[3, 4]),
    "xgboost": xgboost_classifier,
    "xgboost dart": lambda: xgboost_classifier(booster="dart", rate_drop=0.5, one_drop=1),
    "xgboost from .2": lambda: xgboost_classifier(base_score=0.2),
    "xgboost forest": xgboost_forest,
    "lightgbm": lightgbm_classifier,
    "lightgbm dart": lambda: lightgbm_classifier(boosting_type="dart"),
    "lightgbm forest": lambda: lightgbm_classifier(
        boosting_type="rf", bagging_freq=1, bagging_fraction=0.6
    ),
    "lightgbm steep": lambda: lightgbm_classifier(sigmoid=3.0),
    "lightgbm without missing": lambda: lightgbm_classifier(use_missing=False),
    "catboost": catboost_classifier,
    "catboost by leaf": lambda: catboost_classifier(grow_policy="Lossguide"),
    "catboost by depth": lambda: catboost_classifier(grow_policy="Depthwise"),
    "catboost missing last": lambda: catboost_classifier(nan_mode="Max"),
    "ebm": ebm_classifier,
    "ebm without pairs": lambda: ebm_classifier(interactions=0),
    "ebm with categories": lambda: ebm_classifier(
        feature_types=[None, None, None, "nominal", "nominal"]
    ),
}
COMBINATIONS = [
    (model, table)
    for model in MODELS
    for table in TABLES
    if not (table == "gaps" and model.startswith("gradient boosting"))
    and (model, table) != ("xgboost from .2", "three")
]
EVERY = pytest.mark.parametrize(("model", "table"), COMBINATIONS, ids=map(", ".join, COMBINATIONS))


@cache
def fitted(model, table):
    return MODELS[model]().fit(*TABLES[table])


def stated(estimator, rows):
    """The scores of an estimator by its library's own function, one for two classes."""
    library = type(estimator).__module__.split(".")[0]
    if library == "xgboost":
        scores = estimator.predict(rows, output_margin=True)
    elif library == "lightgbm":
        scores = estimator.predict(rows, raw_score=True)
    elif library == "catboost":
        scores = estimator.predict(rows, prediction_type="RawFormulaVal")
    elif hasattr(estimator, "decision_function") and not isinstance(estimator, BaggingClassifier):
        scores = estimator.decision_function(rows)
    else:
        scores = estimator.predict_proba(rows)
    scores = np.asarray(scores, dtype=np.float64).reshape(len(rows), -1)
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores


def assert_agree(trees, estimator, rows, given=None):
    tolerance = 2e-6 if trees.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(
        trees.scale * trees.sums(rows),
        stated(estimator, rows if given is None else given),
        rtol=0,
        atol=tolerance,
    )


def believed(estimator, rows=None):
    inside = TreesInside(estimator)
    trees = inside.believed(rows)
    assert inside.refusal == ""
    return trees


def adjacent(ends):
    return np.concatenate([np.nextafter(ends, -np.inf), ends, np.nextafter(ends, np.inf)])


def anywhere(trees):
    """Rows at cuts and next to them, in all columns at once."""
    rng = np.random.RandomState(1)
    return np.column_stack(
        [rng.choice(np.append(adjacent(trees.thresholds(j)), range(-1, 7)), 5000) for j in range(5)]
    )


def with_column(row, column, values):
    rows = np.tile(row, (len(values), 1))
    rows[:, column] = values
    return rows


@EVERY
class TestEveryModel:
    def test_is_believed(self, model, table):
        trees = believed(fitted(model, table), TABLES[table][0])
        assert trees.n_outputs == (3 if table == "three" else 1)
        assert trees.n_features == 5

    def test_sums_are_its_scores_at_each_cut_and_next_to_it(self, model, table):
        estimator = fitted(model, table)
        trees = read_trees(estimator).trees
        for column in np.flatnonzero(~trees.is_categorical):
            ends = adjacent(trees.thresholds(column))
            for row in np.nan_to_num(TABLES[table][0][:4]) if len(ends) else []:
                row[trees.is_categorical] = 0  # the code of the smallest category
                rows = with_column(row, column, ends)
                given = rows.copy()
                given[:, trees.is_categorical] = X.min(axis=0)[trees.is_categorical]
                assert_agree(trees, estimator, rows, given)

    def test_scores_are_constant_between_thresholds(self, model, table):
        estimator = fitted(model, table)
        trees = read_trees(estimator).trees
        for column in np.flatnonzero(~trees.is_categorical):
            ends = trees.thresholds(column)
            for row in np.nan_to_num(TABLES[table][0][:4]) if len(ends) > 1 else []:
                low = with_column(row, column, np.nextafter(ends[:-1], np.inf))
                high = with_column(row, column, ends[1:])
                np.testing.assert_array_equal(stated(estimator, low), stated(estimator, high))

    def test_a_cut_that_is_off_by_one_double_is_not_believed(self, model, table):
        reading = read_trees(fitted(model, table))
        trees = reading.trees
        numeric = np.flatnonzero(
            (trees.feature >= 0) & (trees.category_of < 0) & np.isfinite(trees.cut)
        )
        rows = anywhere(trees)
        found = []
        for node in numeric[:6]:
            for way in (-np.inf, np.inf):
                cut = trees.cut.copy()
                cut[trees.cut == cut[node]] = np.nextafter(cut[node], way)
                changed = replace(trees, cut=cut)
                matters = np.abs(changed.sums(rows) - trees.sums(rows)).max() > 1e-5
                found.append((matters, "add up to" in difference(replace(reading, trees=changed))))
        assert (True, True) in found
        assert (True, False) not in found

    def test_other_values_of_a_leaf_are_not_believed(self, model, table):
        reading = read_trees(fitted(model, table))
        values = reading.trees.values.copy()
        leaf = np.flatnonzero(reading.trees.feature < 0)[0]
        values[leaf] += 1e-3 * np.abs(values).max() + 1e-4
        changed = replace(reading, trees=replace(reading.trees, values=values))
        assert "add up to" in difference(changed, TABLES[table][0])

    def test_other_ways_of_missing_values_are_not_believed(self, model, table):
        reading = read_trees(fitted(model, table))
        changed = replace(
            reading, trees=replace(reading.trees, missing_left=~reading.trees.missing_left)
        )
        if reading.takes_missing:
            assert "add up to" in difference(changed)

    def test_labels_follow_the_sums(self, model, table):
        estimator = fitted(model, table)
        reading = read_trees(estimator)
        rows = probe_rows(reading)
        sums = reading.trees.sums(rows)
        clear = ~reading.trees.is_tie(sums)
        assert clear.any()
        np.testing.assert_array_equal(
            reading.trees.predicted(sums)[clear], reading.labels(rows)[clear]
        )

    def test_probes_reach_every_leaf_that_can_be_reached(self, model, table):
        trees = read_trees(fitted(model, table)).trees
        reached = np.unique(trees.leaves(probe_rows(read_trees(fitted(model, table)))))
        assert set(np.unique(trees.leaves(anywhere(trees)))) <= set(reached)


class TestCuts:
    ENDS = [
        0.0,
        1.0,
        -1.0,
        1e-45,
        -1e-45,
        1.1754944e-38,
        0.1,
        16777216.0,
        -16777217.0,
        3.4028235e38,
        0.3,
    ]

    @pytest.mark.parametrize("end", ENDS)
    def test_a_double_is_up_to_the_cut_iff_it_is_rounded_up_to_the_end(self, end):
        end, cut = np.float64(end), largest_up_to_single(end)
        with np.errstate(over="ignore"):
            below, above = (
                np.float64(cut).astype(np.float32),
                np.nextafter(cut, np.inf).astype(np.float32),
            )
        assert np.float64(below) <= end < np.float64(above)

    @pytest.mark.parametrize("end", np.float32(ENDS))
    def test_a_double_is_up_to_the_other_cut_iff_it_is_rounded_below_the_end(self, end):
        cut = largest_below_single(end)
        with np.errstate(over="ignore"):
            assert (
                np.float64(cut).astype(np.float32)
                < end
                <= np.nextafter(cut, np.inf).astype(np.float32)
            )

    def test_infinite_ends_stay(self):
        assert list(largest_up_to_single([np.inf, -np.inf])) == [np.inf, -np.inf]


class TestScikitLearn:
    def test_forests_store_missing_or_not_with_an_infinite_threshold(self):
        gaps = np.where(_RNG.uniform(size=(300, 1)) < 0.3, np.nan, _RNG.standard_normal((300, 1)))
        forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(
            gaps, np.isnan(gaps[:, 0])
        )
        trees = believed(forest, gaps)
        assert np.isinf(trees.cut[trees.feature >= 0]).any()
        assert np.isfinite(trees.thresholds(0)).all()

    def test_a_score_of_zero_is_the_second_class_of_gradient_boosting_only(self):
        even, classes = np.zeros((4, 1)), [0, 1, 0, 1]
        boosted = GradientBoostingClassifier(n_estimators=1).fit(even, classes)
        for estimator, label in (
            (boosted, 1),
            (RandomForestClassifier(1, bootstrap=False).fit(even, classes), 0),
        ):
            trees = believed(estimator)
            np.testing.assert_array_equal(trees.predicted(trees.sums(even)), label)
            np.testing.assert_array_equal(estimator.predict(even), label)

    def test_scores_that_start_from_a_model_are_refused(self):
        model = GradientBoostingClassifier(init=LogisticRegression(), n_estimators=3).fit(X, TWO)
        assert "starts from the predictions of LogisticRegression" in read_trees(model).refusal

    def test_weighted_votes_are_refused(self):
        assert (
            "vote with weights"
            in read_trees(AdaBoostClassifier(n_estimators=3).fit(X, TWO)).refusal
        )

    def test_numbers_that_are_not_targets_are_refused(self):
        assert "no classifier" in read_trees(RandomForestRegressor(3).fit(X, TWO)).refusal
        assert (
            "no classifier"
            in read_trees(RandomForestClassifier(3).fit(X, np.column_stack([TWO, TWO]))).refusal
        )

    def test_what_has_no_trees_is_refused(self):
        assert "carries no trees" in read_trees(LogisticRegression().fit(X, TWO)).refusal


class TestHistGradientBoosting:
    def test_thresholds_are_midpoints_of_few_values(self):
        trees = believed(histograms().fit(X[:, 3:4], THREE))
        assert set(trees.thresholds(0)) <= {0.5, 1.5, 2.5, 3.5, 4.5}

    def test_thresholds_may_be_data_values_of_many(self):
        column = np.random.RandomState(1).standard_normal((2000, 1))
        model = histograms(max_iter=30).fit(column, np.sin(5 * column[:, 0]) > 0)
        trees = believed(model, column)
        assert_agree(trees, model, np.concatenate([column, adjacent(trees.thresholds(0))[:, None]]))

    def test_columns_are_those_of_the_table_with_categories_in_between(self):
        model = histograms(categorical_features=[3]).fit(X, TWO)
        trees = believed(model, X)
        assert list(np.flatnonzero(trees.is_categorical)) == [3]
        assert_agree(trees, model, X)

    def test_unknown_categories_count_as_missing(self):
        model = histograms(categorical_features=[3]).fit(GAPS, TWO)
        trees = believed(model, GAPS)
        rows = with_column(X[0], 3, np.array([np.nan, 6.0, 7.0, 200.0, -1.0]))
        assert len(np.unique(trees.sums(rows))) == 1
        assert_agree(trees, model, rows)

    def test_infinity_goes_with_the_numbers_where_missing_is_split_off(self):
        gaps = np.where(_RNG.uniform(size=(300, 1)) < 0.3, np.nan, _RNG.standard_normal((300, 1)))
        model = histograms().fit(gaps, np.isnan(gaps[:, 0]))
        trees = believed(model, gaps)
        assert np.isinf(trees.cut[trees.feature >= 0]).any()
        assert_agree(trees, model, np.array([[np.inf], [-np.inf], [np.nan], [1e308]]))

    def test_missing_without_any_in_training(self):
        model = histograms().fit(X, TWO)
        assert_agree(believed(model), model, np.where(np.eye(5) > 0, np.nan, X[:5]))


class TestXGBoost:
    def test_numbers_are_rounded_before_they_are_compared(self):
        model = xgboost_classifier().fit(X, TWO)
        trees = believed(model, X)
        cut = np.sort(trees.thresholds(0))[0]
        threshold = np.nextafter(np.float32(cut), np.float32(np.inf)).astype(np.float64)
        rows = with_column(X[0], 0, np.array([np.nextafter(threshold, -np.inf), threshold]))
        assert cut < rows[0, 0] < threshold
        assert_agree(trees, model, rows)
        assert (trees.leaves(rows[:1]) == trees.leaves(rows[1:])).all()

    def test_large_whole_numbers_are_rounded(self):
        large = X.copy()
        large[:, 0] = 2.0**24 + np.arange(_N) // 8
        model = xgboost_classifier().fit(large, np.arange(_N) // 50 % 2)
        assert_agree(believed(model, large), model, large)

    def test_the_start_is_a_probability_of_two_classes(self):
        model = xgboost_classifier(base_score=0.2).fit(X, TWO)
        assert believed(model).constant[0] == pytest.approx(np.log(0.2 / 0.8), rel=1e-6)

    def test_the_start_is_margins_of_several_classes(self):
        model = xgboost_classifier().fit(X, THREE)
        trees = believed(model)
        assert trees.constant.shape == (3,)
        assert trees.constant.any()

    def test_leaves_of_dart_are_weighted(self):
        dart = xgboost_classifier(booster="dart", rate_drop=0.9, one_drop=1, n_estimators=12).fit(
            X, TWO
        )
        stored = dart.get_booster().save_raw("json").decode()
        assert '"weight_drop":[1,1,1,1,1,1,1,1,1,1,1,1]' not in stored
        assert_agree(believed(dart, X), dart, X)

    def test_the_best_iteration_counts(self):
        model = xgboost_classifier(n_estimators=80, early_stopping_rounds=2, learning_rate=1.0)
        model.fit(X[:200], TWO[:200], eval_set=[(X[200:], 1 - TWO[200:])], verbose=False)
        assert (
            believed(model, X).n_trees
            == model.best_iteration + 1
            < len(model.get_booster().get_dump())
        )

    def test_missing_without_any_in_training(self):
        model = xgboost_classifier().fit(X, TWO)
        assert_agree(believed(model), model, np.where(np.eye(5) > 0, np.nan, X[:5]))

    def test_codes_in_a_set_go_right_and_all_others_left(self):
        types = ["q", "q", "q", "c", "q"]
        model = xgboost_classifier(
            feature_types=types, enable_categorical=True, max_cat_to_onehot=1
        ).fit(GAPS, TWO)
        trees = believed(model, GAPS)
        assert trees.is_categorical[3]
        for row in X[:5]:
            assert_agree(
                trees,
                model,
                with_column(row, 3, np.array([0, 1, 2, 3, 4, 5, 1.7, -0.5, -1, 6, 99, np.nan])),
            )

    @pytest.mark.parametrize("code", range(6))
    @pytest.mark.parametrize("is_class", [0, 1])
    def test_a_single_split_of_categories_is_read(self, code, is_class):
        options = {
            "feature_types": list("qqqcq"),
            "enable_categorical": True,
            "max_cat_to_onehot": 1,
        }
        y = ((X[:, 3] == code) == is_class).astype(int)
        model = xgboost_classifier(n_estimators=1, max_depth=1, **options).fit(X, y)
        trees = believed(model, X)
        assert_agree(
            trees, model, with_column(X[0], 3, np.array([0, 1, 2, 3, 4, 5, 6, 7, -1, np.nan]))
        )

    def test_a_tiny_margin_is_a_tie(self):
        model = xgboost_classifier(base_score=0.5, learning_rate=1e-9).fit(X, TWO)
        sums = believed(model, X).sums(X)
        assert sums.max() > 0
        assert set(model.predict(X)) == {0}
        assert read_trees(model).trees.is_tie(sums).all()

    @pytest.mark.parametrize(
        ("parameters", "y", "reason"),
        [
            ({"booster": "gblinear", "max_depth": None}, TWO, "gblinear is a linear model"),
            ({"multi_strategy": "multi_output_tree"}, THREE, "leaves are vectors"),
            ({"missing": 0.0}, TWO, "missing=0.0 is not read"),
            ({"objective": "binary:hinge"}, TWO, "objective 'binary:hinge' is not read"),
            ({"objective": lambda y, f: (f - y, np.ones_like(f))}, TWO, "objective <function"),
        ],
    )
    def test_what_is_refused(self, parameters, y, reason):
        assert reason in read_trees(xgboost_classifier(**parameters).fit(X, y)).refusal

    def test_a_raw_booster_is_refused_with_the_wrapper(self):
        assert (
            "pass XGBClassifier"
            in read_trees(xgboost_classifier().fit(X, TWO).get_booster()).refusal
        )

    def test_a_file_of_another_form_is_refused(self, monkeypatch):
        model = xgboost_classifier().fit(X, TWO)
        monkeypatch.setattr(
            type(model.get_booster()), "save_raw", lambda self, form: b'{"learner": {}}'
        )
        assert "is not stored as expected: KeyError" in read_trees(model).refusal


class TestLightGBM:
    def test_the_threshold_itself_goes_left(self):
        model = lightgbm_classifier(n_estimators=1, num_leaves=2).fit(X[:, :1], X[:, 0] > 0.5)
        trees = believed(model)
        cut = trees.thresholds(0)
        assert cut == model.booster_.dump_model()["tree_info"][0]["tree_structure"]["threshold"]
        assert_agree(trees, model, adjacent(cut)[:, None])

    def test_numbers_next_to_zero_are_zero(self):
        zero = float(np.float32(1e-35))
        model = lightgbm_classifier(n_estimators=3).fit(X[:, 4:], np.isin(X[:, 4], [0, 2]))
        trees = believed(model)
        ends = adjacent(np.array([zero, -zero, 1e-36, -1e-36, 0.0, 1.0000000180025095e-35]))
        assert set(np.abs(trees.thresholds(0))) >= {zero, np.nextafter(zero, 1)}
        assert_agree(trees, model, ends[:, None])

    def test_missing_without_any_in_training_counts_as_zero(self):
        model = lightgbm_classifier().fit(X, TWO)
        trees = believed(model)
        rows = np.where(np.eye(5) > 0, np.nan, X[:5])
        assert_agree(trees, model, rows)
        np.testing.assert_array_equal(trees.sums(rows), trees.sums(np.nan_to_num(rows)))

    def test_missing_is_split_off_by_an_infinite_cut(self):
        model = lightgbm_classifier().fit(GAPS, np.isnan(GAPS[:, 0]))
        trees = believed(model, GAPS)
        assert np.isinf(trees.cut).any()
        assert_agree(
            trees, model, with_column(X[0], 0, np.array([1e299, 1e301, 1e308, -1e308, np.nan]))
        )

    def test_codes_are_cut_off_and_what_is_unknown_goes_right(self):
        model = lightgbm_classifier(cat_smooth=1, min_data_per_group=1).fit(
            GAPS, TWO, categorical_feature=[3]
        )
        trees = believed(model, GAPS)
        assert trees.is_categorical[3]
        for row in X[:5]:
            assert_agree(
                trees,
                model,
                with_column(row, 3, np.array([0, 1, 2, 3, 4, 5, 1.7, -0.5, -1, 6, 99, np.nan])),
            )

    @pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
    def test_the_best_iteration_counts(self):
        library = pytest.importorskip("lightgbm")
        model = lightgbm_classifier(n_estimators=80, learning_rate=1.0)
        stop = library.early_stopping(2, verbose=False)
        model.fit(X[:200], TWO[:200], eval_set=[(X[200:], TWO[200:])], callbacks=[stop])
        assert believed(model, X).n_trees == model.best_iteration_ < 80

    def test_one_versus_all_is_read_only_while_probabilities_differ(self):
        parameters = {"objective": "multiclassova", "num_class": 3}
        model = lightgbm_classifier(**parameters).fit(X, THREE)
        trees = believed(model, X)
        assert trees.tie > 0
        far = lightgbm_classifier(**parameters, learning_rate=5.0).fit(X, THREE)
        assert "may round to one" in read_trees(far).refusal

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({"zero_as_missing": True}, "zero counts as missing"),
            ({"linear_tree": True}, "leaves are linear models"),
            ({"objective": lambda y, f: (f - y, np.ones_like(f))}, "objective <function"),
            ({"objective": "cross_entropy"}, "objective 'cross_entropy' is not read"),
        ],
    )
    def test_what_is_refused(self, parameters, reason):
        assert reason in read_trees(lightgbm_classifier(**parameters).fit(X, TWO)).refusal

    @pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")
    def test_an_objective_of_ones_own_after_which_predict_gives_no_labels_is_an_error(self):
        model = lightgbm_classifier(
            objective=lambda y, f: (1 / (1 + np.exp(-f)) - y, np.ones_like(f))
        ).fit(X, TWO)
        with pytest.raises(TypeError, match="predict gives no labels"):
            adversarial_accuracy(model, X, TWO, 0.1)

    def test_scores_that_fit_starts_from_are_no_part_of_predict(self):
        model = lightgbm_classifier().fit(X, TWO, init_score=np.linspace(-1, 1, len(X)))
        assert_agree(believed(model, X), model, X)

    def test_a_raw_booster_is_refused_with_the_wrapper(self):
        assert (
            "pass LGBMClassifier" in read_trees(lightgbm_classifier().fit(X, TWO).booster_).refusal
        )

    def test_predictions_that_stop_early_are_not_believed(self):
        stops = {"pred_early_stop": True, "pred_early_stop_freq": 1, "pred_early_stop_margin": 0.1}
        model = lightgbm_classifier(n_estimators=30, **stops).fit(X, TWO)
        inside = TreesInside(model)
        assert inside.believed(X) is None
        assert "LGBMClassifier is not what its trees say: its trees add up to" in inside.refusal


class TestCatBoost:
    @pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
    def test_numbers_are_rounded_and_the_border_goes_left(self, policy):
        model = catboost_classifier(grow_policy=policy).fit(X, TWO)
        trees = believed(model, X)
        border = np.float32(trees.thresholds(0)[0]).astype(np.float64)
        rows = with_column(X[0], 0, np.array([border, np.nextafter(border, np.inf)]))
        assert (trees.leaves(rows[:1]) == trees.leaves(rows[1:])).all()
        assert_agree(trees, model, rows)

    @pytest.mark.parametrize("from_average", [True, False])
    def test_the_bias_is_that_of_the_model(self, from_average):
        model = catboost_classifier(boost_from_average=from_average).fit(
            X, np.r_[TWO[:200], np.ones(200, dtype=int)]
        )
        trees = believed(model, X)
        assert trees.constant.any() == from_average
        model.set_scale_and_bias(2.0, 0.3)
        assert_agree(believed(model, X), model, X)

    @pytest.mark.parametrize("nan_mode", ["Min", "Max", "Forbidden"])
    def test_missing_without_any_in_training_is_below_everything(self, nan_mode):
        model = catboost_classifier(nan_mode=nan_mode).fit(X, TWO)
        trees = believed(model, X)
        assert_agree(trees, model, np.where(np.eye(5) > 0, np.nan, X[:5]))
        assert trees.missing_left[trees.feature >= 0].all()

    def test_all_against_one_another_and_one_against_all(self):
        for loss in ("MultiClass", "MultiClassOneVsAll"):
            assert believed(catboost_classifier(loss_function=loss).fit(X, THREE), X).n_outputs == 3

    def test_another_threshold_of_probabilities_is_not_believed(self):
        model = catboost_classifier().fit(X, TWO)
        model.set_probability_threshold(0.8)
        inside = TreesInside(model)
        assert inside.believed(X) is None
        assert "label does not follow its score" in inside.refusal

    @pytest.mark.parametrize(
        ("largest", "reason"), [(1, "counters of categories"), (10, "stored as hashes")]
    )
    def test_categories_are_refused(self, largest, reason):
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({"x": X[:, 0], "wood": WORDS[X[:, 3].astype(int)]})
        model = catboost_classifier(cat_features=["wood"], one_hot_max_size=largest).fit(
            table, X[:, 3] % 2 > 0
        )
        assert reason in read_trees(model).refusal


class TestExplainableBoosting:
    def fitted(self, y=TWO, rows=X, **parameters):
        return ebm_classifier(**parameters).fit(rows, y)

    def words(self, **parameters):
        """A model of a number and a word, and its table."""
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({"x": X[:, 0], "wood": WORDS[X[:, 3].astype(int)]})
        return ebm_classifier(min_cat_samples=1, **parameters).fit(table, TWO), table

    def at_edges(self, model, n_rows=2000):
        """Rows at, next to and beyond cuts, in all columns at once, with some cells missing."""
        rng = np.random.RandomState(0)
        columns = [
            np.concatenate([[np.nan, np.inf, -np.inf, 0.0, -0.0], *map(adjacent, cuts)])
            for cuts in model.bins_
        ]
        return np.column_stack([rng.choice(column, n_rows) for column in columns])

    @pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
    @pytest.mark.parametrize("rows", [X, GAPS], ids=["whole", "gaps"])
    @pytest.mark.parametrize("missing", ["separate", "low", "high", "gain"])
    def test_sums_are_its_scores_bit_for_bit(self, rows, y, missing):
        model = self.fitted(y, rows, missing=missing)
        trees = believed(model, rows)
        assert trees.n_trees == len(model.term_features_) == 7
        for given in (rows, self.at_edges(model)):
            np.testing.assert_array_equal(
                trees.sums(given).ravel(), model.decision_function(given).ravel()
            )

    @pytest.mark.parametrize("size", [1.0, 1e300, 1e-310])
    def test_a_cut_is_above(self, size):
        model = self.fitted((X[:, 0] > 0).astype(int), size * X[:, :1], interactions=0)
        trees, cuts = believed(model), model.bins_[0][0]
        assert set(trees.thresholds(0)) <= set(np.nextafter(cuts, -np.inf))
        below, at, above = model.decision_function(adjacent(cuts)[:, None]).reshape(3, -1)
        np.testing.assert_array_equal(at, above)
        assert (below != at).any()
        np.testing.assert_array_equal(
            trees.sums(adjacent(cuts)[:, None])[:, 0], np.concatenate([below, at, above])
        )

    def test_terms_of_pairs_have_cuts_of_their_own(self):
        model = self.fitted(interactions=[(0, 1)])
        singles, pairs = model.bins_[0]
        assert set(pairs) - set(singles)
        trees = believed(model, X)
        cuts = set(trees.thresholds(0))
        assert cuts <= set(np.nextafter([*singles, *pairs], -np.inf))
        assert cuts & set(np.nextafter(singles, -np.inf))
        assert cuts & (set(np.nextafter(pairs, -np.inf)) - set(np.nextafter(singles, -np.inf)))

    def test_a_column_with_one_level_of_bins_takes_it_in_pairs_too(self):
        model = self.fitted(interactions=[(0, 4)])
        assert [len(model.bins_[j]) for j in (0, 4)] == [2, 1]
        assert_agree(believed(model, X), model, self.at_edges(model))

    def test_terms_of_three_columns_are_read(self):
        model = self.fitted(THREE, GAPS, interactions=[(0, 1, 3)])
        trees = believed(model, GAPS)
        assert model.term_features_[-1] == (0, 1, 3)
        np.testing.assert_array_equal(
            trees.sums(self.at_edges(model)), model.decision_function(self.at_edges(model))
        )

    def test_missing_comes_first_in_a_table_and_unknown_last(self):
        model, table = self.words(interactions=[(0, 1)])
        for term in model.term_scores_:
            for axis in range(term.ndim):
                np.moveaxis(term, axis, 0)[[0, -1]] += (
                    [[3.0], [7.0]] if term.ndim == 2 else [3.0, 7.0]
                )
        assert model.term_features_ == [(0,), (1,), (0, 1)]
        trees = believed(model)
        given = table.iloc[[0, 0]].assign(wood=["yew", None])
        reached = trees.sums(with_column(np.array([table.x[0], 0.0]), 1, np.array([6.0, np.nan])))[
            :, 0
        ]
        np.testing.assert_array_equal(reached, model.decision_function(given))
        assert reached[0] - reached[1] == pytest.approx(8)
        given = table.iloc[[0]].assign(x=np.nan)
        reached = trees.sums(np.array([[np.nan, X[0, 3]]]))[:, 0]
        np.testing.assert_array_equal(reached, model.decision_function(given))
        assert reached > 5

    def test_categories_are_looked_up_as_texts(self):
        pandas = pytest.importorskip("pandas")
        cells = np.array(["word", True, 2.0, 3, 4.5, "1e1"], dtype=object)
        table = pandas.DataFrame({"x": X[:, 0], "mixed": cells[X[:, 3].astype(int)]})
        model = ebm_classifier(min_cat_samples=1, interactions=0).fit(table, TWO)
        reading = read_trees(model)
        assert reading.categories[1].tolist() == ["1", "1e1", "2", "3", "4.5", "word"]
        trees = believed(model)
        for alike, code in (
            (["1", 1, 1.0, True], 0),
            (["2", 2, 2.0], 2),
            (["3", 3, 3.0], 3),
            (["10", 10, 10.0], 6),
        ):
            given = pandas.DataFrame(
                {"x": [0.3] * len(alike), "mixed": np.array(alike, dtype=object)}
            )
            np.testing.assert_array_equal(
                model.decision_function(given), trees.sums(np.array([[0.3, code]]))[0, 0]
            )

    @pytest.mark.parametrize("kind", [bool, int])
    def test_flags_and_two_whole_numbers_are_numbers_with_a_cut_between_them(self, kind):
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({"x": X[:, 0], "flag": (X[:, 3] > 2).astype(kind)})
        model = ebm_classifier().fit(table, TWO)
        trees = believed(model)
        assert model.feature_types_in_ == ["continuous", "continuous"]
        assert trees.thresholds(1) == np.nextafter(0.5, 0)
        np.testing.assert_array_equal(
            trees.sums(table.to_numpy(float))[:, 0], model.decision_function(table)
        )

    def test_unseen_numbers_add_nothing_beside_a_word(self):
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({"x": X[:, 0], "stray": X[:, 3].astype(object)})
        table.loc[0, "stray"] = "?"
        model = ebm_classifier(interactions=0, min_cat_samples=1).fit(table, TWO)
        trees, column = believed(model), model.term_features_.index((1,))
        assert model.feature_types_in_ == ["continuous", "nominal"]
        assert model.term_scores_[column][-1] == 0
        given = table.iloc[[0]].assign(stray=[2.5])
        assert trees.sums(np.array([[X[0, 0], 99.0]]))[0, 0] == model.decision_function(given)

    def test_codes_of_no_category_in_training_are_unknown_in_all_terms(self):
        pandas = pytest.importorskip("pandas")
        more = np.array([*WORDS, "yew", "lime", "pine"])[np.random.RandomState(0).randint(0, 9, _N)]
        table = pandas.DataFrame({"few": np.array(["in", "out"])[TWO], "many": more, "x": X[:, 0]})
        model = ebm_classifier(min_cat_samples=1, interactions=[(0, 1)]).fit(table, TWO)
        for term in model.term_scores_:
            term[-1] += 5.0
        trees = believed(model)
        for code in (2, 5, 8, 9, 10, 100, -1):
            reached = trees.sums(np.array([[code, 8, 0.1]]))[0, 0]
            given = pandas.DataFrame({"few": ["neither"], "many": ["yew"], "x": [0.1]})
            assert reached == model.decision_function(given)
        assert difference(read_trees(model)) == ""

    def test_categories_may_share_a_bin_and_be_unknown_to_pairs(self):
        model, table = self.words(interactions=[(0, 1)])
        bins = model.bins_[1][0]
        model.bins_[1] = [
            {**bins, "birch": bins["ash"]},
            {word: k for word, k in bins.items() if word != "elm"},
        ]
        model.term_scores_[2][:, -1] += 5.0
        rows = np.column_stack([table.x, X[:, 3]])
        np.testing.assert_array_equal(
            believed(model, rows).sums(rows)[:, 0], model.decision_function(table)
        )

    @pytest.mark.parametrize("parameters", [{}, {"max_interaction_bins": 3}])
    def test_columns_with_a_single_bin_are_read(self, parameters):
        rows = np.column_stack([X[:, :2], np.ones(_N)])
        model = ebm_classifier(interactions=[(0, 2), (0, 1)], **parameters).fit(rows, TWO)
        assert any(len(cuts) == 0 for levels in model.bins_ for cuts in levels)
        np.testing.assert_array_equal(
            believed(model, rows).sums(rows)[:, 0], model.decision_function(rows)
        )

    def test_a_score_of_zero_is_the_first_class(self):
        model = self.fitted()
        model.intercept_[:] = 0
        for term in model.term_scores_:
            term[:] = 0
        trees = believed(model)
        assert set(model.predict(X)) == set(model.classes_[trees.predicted(trees.sums(X))]) == {0}
        model.intercept_[:] = 1e-300
        trees = believed(model)
        assert set(model.predict(X)) == set(model.classes_[trees.predicted(trees.sums(X))]) == {1}

    def test_trees_are_balanced_and_bins_with_the_same_scores_are_one(self):
        model = ebm_classifier(max_bins=1024, interactions=0, max_rounds=2000).fit(X[:, :1], TWO)
        trees = read_trees(model).trees
        n_leaves = np.sum(trees.feature < 0)
        assert 32 < n_leaves < len(model.bins_[0][0])
        assert trees._depth <= np.ceil(np.log2(n_leaves)) + 1
        steps = np.diff(model.term_scores_[0][1:-1])
        np.testing.assert_array_equal(
            trees.thresholds(0), np.nextafter(model.bins_[0][0][steps != 0], -np.inf)
        )

    def test_what_terms_are_left_is_read(self):
        model = self.fitted()
        model.remove_terms([0, 2, 5])
        assert_agree(believed(model, X), model, X)
        model.remove_terms(list(range(len(model.term_features_))))
        trees = believed(model, X)
        np.testing.assert_array_equal(trees.sums(X)[:, 0], model.decision_function(X))

    def test_classes_in_another_order_are_read(self):
        model = self.fitted()
        before = believed(model).sums(X)
        np.testing.assert_array_equal(believed(model.reorder_classes([1, 0])).sums(X), -before)

    @pytest.mark.filterwarnings("ignore:.*Falling back to positional columns:UserWarning")
    def test_names_of_columns_count_only_if_all_are_there(self):
        pandas = pytest.importorskip("pandas")
        rows = X[:, :2]
        model = ebm_classifier().fit(pandas.DataFrame(rows, columns=["a", "b"]), TWO)
        sums = believed(model).sums(rows)[:, 0]
        for names, given in (
            (["b", "a"], rows[:, ::-1]),
            (["b", "c"], rows),
            (["c", "b"], rows),
            (["c", "d"], rows),
        ):
            np.testing.assert_array_equal(
                model.decision_function(pandas.DataFrame(given, columns=names)), sums
            )

    def test_private_ones_are_read(self):
        library = pytest.importorskip("interpret.privacy", reason="interpret is not installed")
        model = library.DPExplainableBoostingClassifier(
            max_rounds=20, outer_bags=1, n_jobs=1, random_state=None
        )
        bounds = dict(enumerate(zip(X.min(axis=0), X.max(axis=0))))
        model.set_params(privacy_bounds=bounds, feature_types=["continuous"] * 5)
        assert_agree(believed(model.fit(X, TWO), X), model, X)

    def test_what_is_refused(self):
        library = pytest.importorskip("interpret.glassbox", reason="interpret is not installed")
        regressor = library.ExplainableBoostingRegressor(max_rounds=5, outer_bags=1, n_jobs=1).fit(
            X, TWO
        )
        assert "no classifier" in read_trees(regressor).refusal
        assert "no classifier" in read_trees(self.fitted(np.zeros(_N, dtype=int))).refusal
        assert "carries no trees" in read_trees(library.ClassificationTree().fit(X, TWO)).refusal

    @pytest.mark.parametrize("shape", ["term", "bins"])
    def test_tables_of_another_form_are_not_believed(self, shape):
        model = self.fitted(interactions=0)
        if shape == "term":
            model.term_scores_[0] = model.term_scores_[0][1:]
        else:
            model.bins_[0][0] = model.bins_[0][0][1:]
        inside = TreesInside(model)
        assert inside.believed() is None
        assert "ExplainableBoostingClassifier is not stored as expected: " in inside.refusal


NATIVE = {
    "histograms": lambda: histograms(categorical_features="from_dtype"),
    "xgboost": lambda: xgboost_classifier(enable_categorical=True, max_cat_to_onehot=1),
    "lightgbm": lambda: lightgbm_classifier(cat_smooth=1, min_data_per_group=1),
    "ebm": lambda: ebm_classifier(min_cat_samples=1),
}


@pytest.mark.parametrize("levels", [WORDS, np.arange(6) * 10], ids=["words", "numbers"])
@pytest.mark.parametrize("model", NATIVE)
def test_native_categories_are_codes_in_their_order(model, levels):
    pandas = pytest.importorskip("pandas")
    codes = X[:, 3].astype(int)
    rows = np.column_stack([X[:, 0], codes, X[:, 1], X[:, 4] + 1])
    kinds = pandas.Categorical(WORDS[X[:, 4].astype(int) + 1])
    table = pandas.DataFrame(
        {"a": X[:, 0], "wood": pandas.Categorical(levels[codes]), "b": X[:, 1], "kind": kinds}
    )
    estimator = NATIVE[model]().fit(table, TWO ^ (X[:, 4] == 1))
    trees = believed(estimator, rows)
    assert list(trees.is_categorical) == [False, True, False, True]
    assert_agree(trees, estimator, rows, table)
    recoded = table.assign(
        wood=table.wood.cat.set_categories(list(levels[::-1]))
    )  # the same cells by other codes
    assert_agree(trees, estimator, rows, recoded)


@pytest.mark.parametrize("model", NATIVE)
def test_other_sets_of_categories_are_not_believed(model):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": X[:, 0], "wood": pandas.Categorical(WORDS[X[:, 3].astype(int)])})
    reading = read_trees(NATIVE[model]().fit(table, TWO))
    changed = replace(
        reading, trees=replace(reading.trees, category_sets=~reading.trees.category_sets)
    )
    assert difference(reading) == ""
    assert "add up to" in difference(changed)


@pytest.mark.parametrize(
    "model",
    [
        lambda: lightgbm_classifier(cat_smooth=1, min_data_per_group=1).fit(
            X, TWO, categorical_feature=[3]
        ),
        lambda: xgboost_classifier(
            feature_types=list("qqqcq"), enable_categorical=True, max_cat_to_onehot=1
        ).fit(X, TWO),
        lambda: ebm_classifier(feature_types=[None, None, None, "nominal", None]).fit(X, TWO),
    ],
)
def test_other_ways_of_unknown_categories_are_not_believed(model):
    reading = read_trees(model())
    changed = replace(
        reading, trees=replace(reading.trees, unknown_left=~reading.trees.unknown_left)
    )
    assert difference(reading, X) == ""
    assert "add up to" in difference(changed)


def test_a_model_that_predicts_otherwise_is_not_believed():
    class Shifted(HistGradientBoostingClassifier):
        def decision_function(self, X):
            return super().decision_function(X) + 0.01 * (np.asarray(X)[:, 0] > 1)

    inside = TreesInside(Shifted(max_iter=3).fit(X, TWO))
    assert inside.believed(X) is None
    assert "Shifted is not what its trees say: its trees add up to" in inside.refusal


def test_one_leaf_is_a_constant():
    for model in (
        histograms(min_samples_leaf=1000),
        DecisionTreeClassifier(max_depth=1, min_samples_leaf=300),
    ):
        trees = believed(model.fit(X, TWO), X)
        assert len(np.unique(trees.sums(X))) == 1


def test_blocks_of_rows_do_not_change_sums():
    trees = read_trees(fitted("histograms", "two")).trees
    rows = np.tile(X, (30, 1))
    np.testing.assert_array_equal(trees.sums(rows), np.tile(trees.sums(X), (30, 1)))
    assert trees.leaves(rows[:0]).shape == (0, trees.n_trees)


@pytest.mark.parametrize(
    "model",
    [
        lambda: histograms(max_iter=30),
        lambda: xgboost_classifier(n_estimators=30),
        lambda: lightgbm_classifier(n_estimators=30),
        lambda: catboost_classifier(iterations=60),
        lambda: ebm_classifier(max_rounds=300),
    ],
)
def test_attacks_on_trees_of_every_library_are_exact_where_a_search_is_not(model, monkeypatch):
    rows = np.random.RandomState(0).standard_normal((500, 8))
    labels = (np.sin(2 * rows).sum(axis=1) > 0).astype(int)
    estimator = model().fit(rows, labels)
    exact = adversarial_accuracy(estimator, rows[:40], labels[:40], 1.0, norm="l1")
    assert exact == certified_accuracy(estimator, rows[:40], labels[:40], 1.0, norm="l1")
    monkeypatch.setattr(TreesInside, "believed", lambda self, rows=None: None)
    assert exact < adversarial_accuracy(estimator, rows[:40], labels[:40], 1.0, norm="l1")


@pytest.mark.parametrize("seed", [1, 2])
def test_attacks_cross_thresholds_between_whole_numbers(seed):
    rng = np.random.RandomState(seed)
    rows = rng.randint(0, 12, (600, 4)).astype(float)
    labels = (np.sin(rows).sum(axis=1) > 0).astype(int)
    model = histograms(max_iter=40, max_leaf_nodes=8).fit(rows, labels)
    threat = ThreatModel(1.0, norm="l1").fit(rows)
    moves = np.array(list(product(range(-4, 5), repeat=4)))
    moves = moves[(np.abs(moves) / threat.scales_).sum(axis=1) <= 1]
    stays = [
        (model.predict(row + moves) == label).all() for row, label in zip(rows[:40], labels[:40])
    ]
    assert adversarial_accuracy(model, rows[:40], labels[:40], threat) == np.mean(stays)


def test_no_library_of_trees_is_imported():
    texts = [
        path.read_text(encoding="utf-8") for path in Path(sklearn_irg.__file__).parent.rglob("*.py")
    ]
    assert not [
        text
        for text in texts
        if re.search(r"^\s*(import|from) (xgboost|lightgbm|catboost|interpret)\b", text, re.M)
    ]
