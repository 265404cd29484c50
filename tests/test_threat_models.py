"""Threat models: what rows may become, and the worst of it, exactly where that is possible."""

import pickle
from functools import partial
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._perturbations.linear_minimization import linear_minimization
from sklearn_irg._perturbations.projection import project
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
    make_adversarial_scorer,
    projected_gradient,
)
from sklearn_irg.diagnostics import (
    attack_distance,
    certified_radius,
    distance_interval,
    input_gradients,
    signed_distance,
)
from sklearn_irg.displays import FeatureSensitivityDisplay, RobustnessCurveDisplay
from tests.problems import MULTI_X, MULTI_Y, mixed_table, prepared

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
TABLE, LABELS = mixed_table()
TABLE3, LABELS3 = mixed_table(classes=3)
NUMBERS = ["age", "income"]
LEVELS = {"job": list("abcd"), "grade": ["low", "middle", "high"], "flag": [False, True]}
MODELS = {
    "linear": prepared(LogisticRegression()).fit(TABLE, LABELS),
    "multinomial": prepared(LogisticRegression()).fit(TABLE3, LABELS3),
    "network": prepared(
        GradRegMLPClassifier((8,), tol=0.01, learning_rate_init=0.01, random_state=0)
    ).fit(TABLE3, LABELS3),
    "tree": prepared(DecisionTreeClassifier(max_depth=5, random_state=0)).fit(TABLE3, LABELS3),
    "forest": prepared(RandomForestClassifier(15, random_state=0)).fit(TABLE, LABELS),
    "boosting": make_pipeline(
        HistGradientBoostingClassifier(
            max_iter=10, categorical_features="from_dtype", random_state=0
        )
    ).fit(TABLE.astype({"job": "category"}), LABELS),
    "threshold": FixedThresholdClassifier(prepared(LogisticRegression()), threshold=0.7).fit(
        TABLE, LABELS
    ),
}


def data_of(name):
    table = TABLE.astype({"job": "category"}) if name == "boosting" else TABLE
    return table, LABELS3 if name in ("multinomial", "network", "tree") else LABELS


def within(epsilon, power, units):
    """Positive inside a ball."""
    return epsilon**power - (np.abs(units) ** power).sum()


def falls_by_brute_force(model, X, y, values_of):
    """Which rows are misclassified at one of the rows that ``values_of`` lists by column."""
    falls = []
    for i in range(len(X)):
        choices = values_of(X.iloc[i])
        rows = pd.DataFrame(
            list(product(*(choices[name] for name in X.columns))), columns=X.columns
        ).astype(X.dtypes)
        falls.append((model.predict(rows) != y[i]).any())
    return np.array(falls)


def with_swaps(row, n_swaps):
    """Levels that each column may have, for each subset of columns that may change.

    Missing cells stay.
    """
    for columns in combinations(LEVELS, n_swaps):
        may_change = [name for name in columns if not pd.isna(row[name])]
        yield {
            name: levels if name in may_change else [row[name]] for name, levels in LEVELS.items()
        }


def falls_with_swaps(model, X, y, numbers_of, n_swaps):
    """As `falls_by_brute_force`, over numbers by column and all ways to change so many levels."""
    n_ways = len(list(combinations(LEVELS, n_swaps)))
    ways = [
        lambda row, k=k: numbers_of(row) | list(with_swaps(row, n_swaps))[k] for k in range(n_ways)
    ]
    return np.any([falls_by_brute_force(model, X, y, values_of) for values_of in ways], axis=0)


class TestItIsAnEstimator:
    def test_clones_pickles_and_has_parameters(self):
        threat = ThreatModel(0.3, norm="linf", directions={"age": "up"}, n_swaps=2).fit(TABLE)
        copy = clone(threat)
        assert copy.get_params() == threat.get_params()
        np.testing.assert_array_equal(copy.scales_, threat.scales_)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(threat)).scales_, threat.scales_)
        assert (
            repr(copy.set_params(n_swaps=1))
            == "ThreatModel(directions={'age': 'up'}, epsilon=0.3, n_swaps=1, norm='linf')"
        )

    def test_learns_scales_bounds_whole_numbers_and_levels_and_ignores_missing_cells(self):
        threat = ThreatModel(scale="iqr").fit(TABLE[["age", "income", "job", "grade"]])
        income = TABLE.income.dropna()
        np.testing.assert_allclose(threat.scales_[1], np.subtract(*np.percentile(income, [75, 25])))
        np.testing.assert_allclose(
            ThreatModel().fit(TABLE).scales_[:2], [TABLE.age.std(ddof=0), income.std(ddof=0)]
        )
        assert threat.is_integer_.tolist() == [True, False, False, False]
        assert (threat.lows_[1], threat.highs_[1]) == (income.min(), income.max())
        assert threat.levels_[2].tolist() == ["a", "b", "c", "d"]

    def test_columns_that_a_dict_does_not_name_keep_the_default(self):
        threat = ThreatModel(scale={"age": 2.0}, bounds={"age": (0, None)}).fit(TABLE)
        assert threat.scales_[0] == 2.0
        assert threat.scales_[1] == ThreatModel().fit(TABLE).scales_[1]
        assert (threat.lows_[0], threat.highs_[0]) == (0, np.inf)
        assert threat.lows_[1] == TABLE.income.min()

    def test_a_column_that_cannot_move_is_named(self):
        with pytest.warns(
            UserWarning, match="the scale of same is zero, so that these columns cannot move"
        ):
            ThreatModel().fit(TABLE.assign(same=1.0))

    @pytest.mark.parametrize(
        "use",
        [
            lambda model, threat: adversarial_accuracy(model, TABLE, LABELS, threat),
            lambda model, threat: adversarial_accuracy(
                model, TABLE, LABELS, threat, method=lambda *given: TABLE
            ),
            lambda model, threat: adversarial_examples(model, TABLE, LABELS, threat),
            lambda model, threat: certified_accuracy(model, TABLE, LABELS, threat),
            lambda model, threat: certified_radius(model, TABLE, threat=threat),
            lambda model, threat: attack_distance(model, TABLE, threat=threat),
            lambda model, threat: distance_interval(model, TABLE, threat=threat),
            lambda model, threat: RobustnessCurveDisplay.from_estimator(
                model, TABLE, LABELS, threat=threat
            ),
            lambda model, threat: make_adversarial_scorer(threat),
            lambda model, threat: threat.allows(TABLE, TABLE),
        ],
        ids=[
            "accuracy",
            "accuracy under an own attack",
            "examples",
            "certified accuracy",
            "certified radius",
            "distance",
            "interval",
            "display",
            "scorer",
            "allows",
        ],
    )
    def test_an_unfitted_one_is_an_error_in_every_function(self, use):
        threat = ThreatModel(0.3)
        with pytest.raises(
            NotFittedError, match=r"once, on the whole table: ThreatModel\(…\)\.fit\(X\)"
        ):
            use(MODELS["linear"], threat)
        assert not hasattr(threat, "scales_")
        use(MODELS["linear"], threat.fit(TABLE))

    def test_a_scorer_meets_a_threat_that_was_changed_after_fit(self):
        threat = ThreatModel(0.3).fit(TABLE).set_params(fixed=["age"])
        with pytest.raises(ValueError, match="fixed of the ThreatModel has been set"):
            make_adversarial_scorer(threat)

    def test_an_own_attack_meets_rows_of_the_table_only(self):
        threat = ThreatModel(0.3).fit(TABLE.drop(columns="age"))
        with pytest.raises(ValueError, match="feature names should match"):
            adversarial_accuracy(
                MODELS["linear"], TABLE, LABELS, threat, method=lambda *given: TABLE
            )

    def test_a_fitted_one_keeps_its_state(self):
        threat = ThreatModel(0.3).fit(TABLE)
        whole = adversarial_examples(MODELS["linear"], TABLE, LABELS, threat)
        part = adversarial_examples(MODELS["linear"], TABLE[:10], LABELS[:10], threat)
        pd.testing.assert_frame_equal(whole[:10], part)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
class TestEveryModel:
    def test_rows_move_to_where_they_may_and_fall_as_often_as_is_said(self, name, norm):
        X, y = data_of(name)
        X, y = X[:40], y[:40]
        threat = ThreatModel(
            0.5,
            norm=norm,
            directions={"age": "up"},
            n_swaps=1,
            allowed_swaps={"grade": {"low": ["high"]}},
        )
        threat.fit(X)
        moved = adversarial_examples(MODELS[name], X, y, threat)
        assert threat.allows(X, moved).all()
        pd.testing.assert_series_equal(moved.dtypes, X.dtypes)
        pd.testing.assert_index_equal(moved.index, X.index)
        assert np.mean(MODELS[name].predict(moved) == y) == adversarial_accuracy(
            MODELS[name], X, y, threat
        )

    def test_more_freedom_never_raises_accuracy(self, name, norm):
        X, y = data_of(name)
        X, y = X[:40], y[:40]
        threat = ThreatModel([0, 0.1, 0.5], norm=norm).fit(X)
        without = adversarial_accuracy(MODELS[name], X, y, threat)
        with_swap = adversarial_accuracy(
            MODELS[name], X, y, clone(threat).set_params(n_swaps=1).fit(X)
        )
        assert without[0] == np.mean(MODELS[name].predict(X) == y)
        assert (np.diff(without) <= 0).all()
        assert (with_swap <= without).all()


class TestLinearModelsExactly:
    @pytest.mark.parametrize("name", ["linear", "multinomial"])
    @pytest.mark.parametrize("n_swaps", [0, 1, 2])
    def test_as_all_corners_times_all_swaps(self, name, n_swaps):
        X, y = data_of(name)
        X, y = X[:30], y[:30]
        epsilon, std = 0.3, ThreatModel().fit(TABLE).scales_
        low, high = TABLE[NUMBERS].min(), TABLE[NUMBERS].max()

        def numbers_of(row):
            choices = {}
            for column, scale in (("age", std[0]), ("income", std[1])):
                reach = np.array([-1, 0, 1]) * epsilon * scale
                reach = np.trunc(reach) if column != "income" else reach
                choices[column] = np.clip(row[column] + reach, low[column], high[column]).tolist()
            return choices

        model = MODELS[name]
        threat = ThreatModel(epsilon, norm="linf", n_swaps=n_swaps).fit(TABLE)
        falls = falls_with_swaps(model, X, y, numbers_of, n_swaps)
        assert adversarial_accuracy(model, TABLE[:30], y, threat) == np.mean(~falls)
        assert certified_accuracy(model, TABLE[:30], y, threat) == np.mean(~falls)
        assert 0 < np.mean(~falls) < 0.9

    @pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
    def test_minima_are_those_of_a_constrained_optimiser(self, norm):
        rng = np.random.RandomState(0)
        for _ in range(20):
            gradient = rng.standard_normal(4) * (rng.random_sample(4) < 0.8)
            low, high, epsilon = (
                -rng.rand(4),
                rng.rand(4) * (rng.random_sample(4) < 0.8),
                rng.rand(),
            )
            if norm == "linf":
                low, high = np.maximum(low, -epsilon), np.minimum(high, epsilon)
            start, bounds, tangent = np.zeros(4), list(zip(low, high, strict=True)), gradient
            ball = {"l2": partial(within, epsilon, 2), "l1": partial(within, epsilon, 1)}.get(
                norm, np.ones_like
            )
            if norm == "l1":  # parts that go up and down make the norm smooth
                start, bounds, tangent = (
                    np.zeros(8),
                    [(0, h) for h in [*high, *-low]],
                    np.concatenate([gradient, -gradient]),
                )
            constraint = {"type": "ineq", "fun": ball}
            found = minimize(
                tangent.dot, start, bounds=bounds, constraints=constraint, options={"ftol": 1e-14}
            )
            units, bound = linear_minimization(
                gradient[None], low[None], high[None], np.zeros(4), epsilon, norm
            )
            np.testing.assert_allclose(bound, found.fun, atol=1e-6)
            np.testing.assert_allclose(units @ gradient, bound, atol=1e-12)

    @pytest.mark.parametrize("norm", ["l1", "l2"])
    def test_whole_numbers_as_all_points_of_the_grid(self, norm):
        rng = np.random.RandomState(0)
        X = rng.randint(0, 6, (40, 3)) * [1, 2, 1]
        y = (X @ [1, 0.7, -1.2] + rng.standard_normal(40) > 2).astype(int)
        model = LogisticRegression().fit(X, y)
        threat = ThreatModel(1.3, norm=norm, bounds=None).fit(X)
        steps = np.array(list(product(range(-8, 9), repeat=3)))
        order = {"l1": 1, "l2": 2}[norm]
        steps = steps[np.linalg.norm(steps / threat.scales_, ord=order, axis=1) <= 1.3]
        falls = [
            (model.predict(row + steps) != label).any() for row, label in zip(X, y, strict=True)
        ]
        attacked = adversarial_accuracy(model, X, y, threat)
        certified = certified_accuracy(model, X, y, threat)
        assert certified <= np.mean(np.logical_not(falls)) <= attacked
        if norm == "l1":  # exact by integer programming; under "l2" an interval
            assert certified == attacked
        assert attacked - certified <= 0.1

    def test_radii_beyond_all_numbers(self):
        X = np.arange(20).reshape(10, 2)
        model = LogisticRegression().fit(X, X[:, 0] > 8)
        assert adversarial_accuracy(
            model, X, X[:, 0] > 8, ThreatModel([1e3, 1e200], bounds=None).fit(X)
        ).tolist() == [
            0,
            0,
        ]

    def test_a_radius_means_what_it_meant(self):
        X, y = MULTI_X, MULTI_Y
        model = LogisticRegression().fit(X, y)
        margins = model.decision_function(X)[np.arange(150), y][:, None] - model.decision_function(
            X
        )
        slopes = np.linalg.norm(model.coef_[y][:, None] - model.coef_[None], axis=2)
        others = np.arange(3) != y[:, None]
        for epsilon in (0.1, 0.5):
            stands = ((margins > epsilon * slopes) | ~others).all(axis=1)
            assert adversarial_accuracy(model, X, y, epsilon) == stands.mean()

    def test_products_of_numbers_and_categories_are_not_certified_where_they_act(self):
        class Times(StandardScaler):
            def fit(self, X, y=None):
                self.n_features_in_ = X.shape[1]
                return self

            def transform(self, X):
                return np.column_stack([X.age * (X.job == "a"), X.age])

        X = TABLE[["age", "job"]]
        model = make_pipeline(Times(), LogisticRegression()).fit(X, LABELS)
        threat = ThreatModel(0.5, n_swaps=1).fit(X)
        far = int(0.5 * threat.scales_[0])

        def values_of(row):
            ages = np.clip(row.age + np.arange(-far, far + 1), X.age.min(), X.age.max())
            return {"age": np.unique(ages), "job": [row.job] if pd.isna(row.job) else list("abcd")}

        stands = ~falls_by_brute_force(model, X, LABELS, values_of)
        certified = certified_accuracy(model, X, LABELS, threat)
        assert (
            0 < certified <= np.mean(stands & X.job.isna())
        )  # a row without a job never has the product
        with pytest.warns(UserWarning, match="not affine in 'age', 'job'"):
            attacked = adversarial_accuracy(model, X, LABELS, threat)
        assert attacked == np.mean(stands)


class TestTrees:
    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_fall_where_the_nearest_point_of_a_fine_grid_falls(self, norm):
        rng = np.random.RandomState(1)
        X = rng.standard_normal((150, 2))
        y = (X[:, 0] * X[:, 1] > 0).astype(int)
        tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(X, y)
        threat = ThreatModel([0.1, 0.2], norm=norm, scale=None, bounds=None, integers=None).fit(X)
        exact = certified_accuracy(tree, X, y, threat)
        np.testing.assert_array_equal(exact, adversarial_accuracy(tree, X, y, threat))
        grid = np.linspace(-1, 1, 81)
        points = np.array(list(product(grid, grid)))
        points = points[
            np.linalg.norm(points, ord={"l2": 2, "linf": np.inf, "l1": 1}[norm], axis=1) <= 1
        ]
        for epsilon, share in zip((0.1, 0.2), exact, strict=True):
            stands = np.array(
                [
                    (tree.predict(row + epsilon * points) == label).all()
                    for row, label in zip(X, y, strict=True)
                ]
            )
            assert share <= stands.mean() <= share + 0.02  # the grid misses corners by an eightieth

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_their_distance_is_where_they_fall(self, norm):
        X, y = MULTI_X, MULTI_Y
        tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
        distances = attack_distance(tree, X, norm=norm)
        for epsilon in (0.1, 0.5):
            assert adversarial_accuracy(tree, X, tree.predict(X), epsilon, norm=norm) == np.mean(
                distances > epsilon
            )

    def test_a_left_box_is_closed_and_a_right_one_open(self):
        tree = DecisionTreeClassifier().fit([[1.0], [2.0]], [0, 1])  # x <= 1.5
        assert adversarial_accuracy(tree, [[2.0]], [1], 0.5) == 0
        assert adversarial_accuracy(tree, [[1.0]], [0], 0.5) == 1
        assert adversarial_accuracy(tree, [[1.0]], [0], 0.50001) == 0

    def test_with_swaps_as_brute_force(self):
        X, y = TABLE3[:25], LABELS3[:25]
        threat = ThreatModel(0.4, norm="linf", n_swaps=2, integers=["age", "income"]).fit(TABLE3)
        std = threat.scales_

        def numbers_of(row):
            age = np.clip(
                row.age + np.arange(-int(0.4 * std[0]), int(0.4 * std[0]) + 1),
                TABLE3.age.min(),
                TABLE3.age.max(),
            )
            reach = np.linspace(-1, 1, 41) * 0.4 * std[1]
            income = np.clip(row.income + reach, TABLE3.income.min(), TABLE3.income.max())
            return {"age": age, "income": income}

        falls = falls_with_swaps(MODELS["tree"], X, y, numbers_of, 2)
        exact = certified_accuracy(MODELS["tree"], TABLE3[:25], y, threat)
        assert exact == adversarial_accuracy(MODELS["tree"], TABLE3[:25], y, threat)
        assert exact <= np.mean(~falls) <= exact + 1 / 25  # the grid of incomes is coarse

    def test_missing_cells_go_where_the_tree_sends_them_and_stay(self):
        X = np.array([[1.0, 0], [2.0, 0], [np.nan, 1], [np.nan, 1], [3.0, 1]])
        y = np.array([0, 0, 1, 1, 1])
        tree = DecisionTreeClassifier(random_state=0).fit(X[:, :1], y)
        threat = ThreatModel(100.0, scale=None, bounds=None).fit(X[:, :1])
        moved = adversarial_examples(tree, X[:, :1], y, threat)
        np.testing.assert_array_equal(np.isnan(moved), np.isnan(X[:, :1]))
        assert certified_accuracy(tree, X[:, :1], y, threat) == 0.4


class TestSplitsOnMissingCells:
    """Trees that ask whether a cell is missing have thresholds that are infinite."""

    rng = np.random.RandomState(0)
    table = pd.DataFrame({"a": rng.standard_normal(80), "b": rng.standard_normal(80)})
    table.loc[rng.rand(80) < 0.3, "b"] = np.nan
    labels = ((table.a > 0) ^ table.b.isna()).astype(int).to_numpy()
    threat = ThreatModel(0.3, norm="linf").fit(table)

    def nearest(self, model, trees, i):
        """Smallest distance among all cells of the grid of thresholds; missing cells stay."""
        row, choices = self.table.iloc[i], []
        for j in range(2):
            own = [
                tree.threshold[(tree.feature == j) & np.isfinite(tree.threshold)] for tree in trees
            ]
            ends = np.concatenate(own).astype(np.float32)
            beside = np.concatenate(
                [ends, np.nextafter(ends, np.float32(-9)), np.nextafter(ends, np.float32(9))]
            )
            beside = np.clip(beside, self.threat.lows_[j], self.threat.highs_[j])
            choices.append(
                [row.iloc[j]] if pd.isna(row.iloc[j]) else [row.iloc[j], *np.unique(beside)]
            )
        points = pd.DataFrame(list(product(*choices)), columns=self.table.columns)
        moves = ((points - row) / self.threat.scales_).abs().max(axis=1)
        return moves[model.predict(points) != model.predict(self.table)[i]].min()

    def test_a_forest_is_as_far_as_the_nearest_cell_of_its_thresholds(self):
        model = RandomForestClassifier(8, max_depth=4, random_state=0).fit(self.table, self.labels)
        trees = [tree.tree_ for tree in model.estimators_]
        assert any(np.isinf(tree.threshold).any() for tree in trees)
        some = [*range(8), *np.flatnonzero(self.table.b.isna())[:4]]
        expected = [self.nearest(model, trees, i) for i in some]
        low, _ = distance_interval(model, self.table.iloc[some], threat=self.threat, method="exact")
        np.testing.assert_allclose(
            np.nan_to_num(low, posinf=99), np.nan_to_num(expected, nan=99), atol=1e-5
        )
        found = attack_distance(model, self.table.iloc[some], threat=self.threat)
        assert (found >= low - 1e-5).all()

    def test_a_tree_is_as_far_as_the_nearest_cell_of_its_thresholds(self):
        model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(self.table, self.labels)
        assert np.isinf(model.tree_.threshold).any()
        expected = [self.nearest(model, [model.tree_], i) for i in range(80)]
        distances = attack_distance(model, self.table, threat=self.threat)
        np.testing.assert_allclose(
            np.nan_to_num(distances, posinf=99), np.nan_to_num(expected, nan=99), atol=1e-6
        )

    def test_missing_cells_stay_missing(self):
        model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(self.table, self.labels)
        moved = adversarial_examples(model, self.table, self.labels, self.threat)
        np.testing.assert_array_equal(moved.isna(), self.table.isna())
        assert self.threat.allows(self.table, moved).all()


class TestSearch:
    @pytest.mark.parametrize("name", ["forest", "boosting", "neighbors"])
    def test_finds_what_random_shifts_find(self, name):
        X, y = load_breast_cancer(return_X_y=True)
        model = {
            "forest": RandomForestClassifier(20, random_state=0),
            "boosting": HistGradientBoostingClassifier(max_iter=15, random_state=0),
            "neighbors": KNeighborsClassifier(),
        }[name].fit(X[200:], y[200:])
        threat = ThreatModel(0.7, bounds=None, integers=None).fit(X)
        attacked = adversarial_accuracy(model, X[:60], y[:60], threat)
        rng, stands = np.random.RandomState(0), model.predict(X[:60]) == y[:60]
        for _ in range(100):
            shift = rng.standard_normal((60, 30))
            shift *= 0.7 / np.linalg.norm(shift, axis=1, keepdims=True)
            stands &= model.predict(X[:60] + shift * threat.scales_) == y[:60]
        assert attacked <= stands.mean()

    def test_distances_of_forests_are_where_their_prediction_has_changed(self):
        X, y = MULTI_X, MULTI_Y
        forest = RandomForestClassifier(10, random_state=0).fit(X, y)
        found = attack_distance(forest, X)
        assert np.isfinite(found).all()
        assert adversarial_accuracy(forest, X, forest.predict(X), float(np.median(found))) < 0.7

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_distances_are_near_the_exact_ones_of_a_tree(self, norm):
        X, y = load_breast_cancer(return_X_y=True)
        threat = ThreatModel(norm=norm, integers=None).fit(X)
        tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
        only_predicts = FixedThresholdClassifier(tree, threshold=0.501).fit(X, y)
        exact, found = (
            attack_distance(model, X[:60], threat=threat) for model in (tree, only_predicts)
        )
        assert (found >= exact * (1 - 1e-6)).all()
        assert np.median(found / exact) < 1.1

    def test_is_repeated_by_its_seed(self):
        threat = ThreatModel(0.5, random_state=3).fit(TABLE)
        first, second = (
            adversarial_examples(MODELS["forest"], TABLE[:20], LABELS[:20], threat)
            for _ in range(2)
        )
        pd.testing.assert_frame_equal(first, second)


class TestNetworks:
    def test_auto_is_no_weaker_than_projected_gradients(self):
        X, y = MULTI_X, MULTI_Y
        model = GradRegMLPClassifier((20,), alpha=0.01, tol=0.001, random_state=0).fit(X, y)
        for norm in ("l2", "linf"):
            parts = adversarial_accuracy(
                model, X, y, 0.4, method=partial(projected_gradient, norm=norm)
            )
            assert adversarial_accuracy(model, X, y, 0.4, norm=norm) <= parts

    def test_steps_that_are_not_affine_are_named(self):
        model = make_pipeline(
            KNNImputer(), KBinsDiscretizer(4, quantile_method="linear"), LogisticRegression()
        )
        model.fit(TABLE[["age", "income"]], LABELS)
        threat = ThreatModel(0.3).fit(TABLE[["age", "income"]])
        with pytest.warns(UserWarning, match="not affine in 'age', 'income', so .* searched"):
            accuracy = adversarial_accuracy(model, TABLE[["age", "income"]], LABELS, threat)
        assert accuracy < model.score(TABLE[["age", "income"]], LABELS)


class TestFreedoms:
    def test_valid_rows_only(self):
        threat = ThreatModel(1.0, valid=lambda t: t.age >= 30, n_swaps=1).fit(TABLE)
        grown = TABLE[TABLE.age >= 40][:30]
        y = LABELS[TABLE.age >= 40][:30]
        moved = adversarial_examples(MODELS["linear"], grown, y, threat)
        assert (moved.age >= 30).all()
        free = clone(threat).set_params(valid=None).fit(TABLE)
        assert adversarial_accuracy(MODELS["linear"], grown, y, threat) >= adversarial_accuracy(
            MODELS["linear"], grown, y, free
        )

    def test_fixed_columns_and_directions(self):
        threat = ThreatModel(
            1.0, fixed=["income", "job"], directions={"age": "down"}, n_swaps=2
        ).fit(TABLE)
        moved = adversarial_examples(MODELS["linear"], TABLE, LABELS, threat)
        pd.testing.assert_frame_equal(moved[["income", "job"]], TABLE[["income", "job"]])
        assert (moved.age <= TABLE.age).all()
        assert (moved.age < TABLE.age).any()

    def test_numbers_that_are_categories(self):
        X = TABLE[["age"]].assign(code=np.arange(len(TABLE)) % 3)
        model = prepared(LogisticRegression(), numbers=["age"], categories=["code"]).fit(X, LABELS)
        threat = ThreatModel(
            0.0, categorical=["code"], n_swaps=1, allowed_swaps={"code": {0: [2]}}
        ).fit(X)
        moved = adversarial_examples(model, X, LABELS, threat)
        changed = moved.code != X.code
        assert changed.any()
        assert (X.code[changed] == 0).all()
        assert (moved.code[changed] == 2).all()

    def test_arrays_with_words(self):
        X = np.column_stack([TABLE.age.to_numpy(dtype=object), TABLE.grade.astype(object)])
        model = prepared(LogisticRegression(), numbers=[0], categories=[1]).fit(X, LABELS)
        threat = ThreatModel(0.5, n_swaps=1).fit(X)
        moved = adversarial_examples(model, X, LABELS, threat)
        assert threat.allows(X, moved).all()
        assert np.mean(model.predict(moved) == LABELS) == certified_accuracy(
            model, X, LABELS, threat
        )

    def test_nothing_changes_its_input(self):
        before = TABLE.copy(deep=True)
        threat = ThreatModel(0.5, n_swaps=2).fit(TABLE)
        for name in ("linear", "forest"):
            adversarial_examples(MODELS[name], TABLE[:20], LABELS[:20], threat)
        pd.testing.assert_frame_equal(TABLE, before)

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_projections_are_the_nearest_points(self, norm):
        rng = np.random.RandomState(0)
        units, low, high = 2 * rng.standard_normal((30, 3)), -rng.rand(30, 3), rng.rand(30, 3)
        nearest = project(units, low, high, 0.6, norm)
        order = {"l2": 2, "linf": np.inf, "l1": 1}[norm]
        assert (np.linalg.norm(nearest, ord=order, axis=1) <= 0.6 + 1e-12).all()
        points = low + (high - low) * rng.random_sample((20000, 30, 3))
        inside = np.linalg.norm(points, ord=order, axis=2) <= 0.6
        distances = np.where(inside, np.linalg.norm(points - units, axis=2), np.inf).min(axis=0)
        assert (np.linalg.norm(nearest - units, axis=1) <= distances + 1e-9).all()


class TestUnits:
    @pytest.mark.parametrize("name", ["linear", "network", "smooth"])
    def test_per_standard_deviation_is_what_a_scaled_table_has(self, name):
        X, y = TABLE[["age", "income", "flag"]].astype(float).fillna(2e4), LABELS
        last = {
            "linear": LogisticRegression(),
            "network": GradRegMLPClassifier((8,), tol=0.01, random_state=0),
            "smooth": SVC(),
        }[name]
        pipe = make_pipeline(StandardScaler(), last).fit(X, y)
        scaled = pipe[0].transform(X)
        for function in (signed_distance, attack_distance, input_gradients):
            np.testing.assert_allclose(
                function(pipe, X, units="std"), function(pipe[-1], scaled), rtol=1e-3, atol=1e-6
            )

    def test_of_a_mixed_table(self):
        model = MODELS["linear"]
        std = ThreatModel().fit(TABLE).scales_
        raw, per_std = (
            input_gradients(model, TABLE, LABELS, units=units) for units in ("raw", "std")
        )
        np.testing.assert_allclose(per_std, raw * std)
        np.testing.assert_array_equal(raw[:, 2:4], 0)
        np.testing.assert_array_equal(raw[TABLE.income.isna(), 1], 0)
        distances = signed_distance(model, TABLE, LABELS, units="std")
        threat = ThreatModel(0.3, integers=None, bounds=None).fit(TABLE)
        assert adversarial_accuracy(model, TABLE, LABELS, threat) == np.mean(distances > 0.3)
        np.testing.assert_allclose(
            certified_radius(model, TABLE, LABELS, units="std"), np.maximum(distances, 0)
        )
        constant = TABLE.assign(flag=True)
        assert np.isfinite(signed_distance(model, constant, units="std")).all()

    def test_gradients_of_a_mixed_table_are_differences_of_its_pipeline(self):
        model = MODELS["network"]
        gradients = input_gradients(model, TABLE, LABELS3, of="score")
        own = np.searchsorted(model.classes_, LABELS3)
        up, down = (TABLE.assign(income=TABLE.income + h) for h in (1.0, -1.0))
        scores = [model.decision_function(moved)[np.arange(len(own)), own] for moved in (up, down)]
        expected = np.where(TABLE.income.isna(), 0, (scores[0] - scores[1]) / 2)
        assert np.median(np.abs(gradients[:, 1] - expected)) < 1e-9

    def test_a_display_draws_per_standard_deviation(self):
        display = FeatureSensitivityDisplay.from_estimator(MODELS["linear"], TABLE, LABELS)
        assert display.ax_.get_xlabel().startswith("mean absolute gradient per standard deviation")
        display = FeatureSensitivityDisplay.from_estimator(
            MODELS["linear"], TABLE, LABELS, units="raw"
        )
        assert display.ax_.get_xlabel().startswith("mean absolute gradient per unit of X")


class TestInSearches:
    def test_a_grid_search_over_a_mixed_pipeline(self):
        threat = ThreatModel(0.3, n_swaps=1).fit(TABLE)
        grid = {"gradreglogisticregression__alpha": [0.0, 0.3]}
        search = GridSearchCV(
            prepared(GradRegLogisticRegression()),
            grid,
            scoring=make_adversarial_scorer(threat),
            cv=3,
            error_score="raise",
        )
        scores = search.fit(TABLE, LABELS).cv_results_["mean_test_score"]
        assert ((scores > 0) & (scores < 1)).all()
        assert 0 < adversarial_accuracy(search, TABLE, LABELS, threat) < 1
        assert pickle.loads(pickle.dumps(search.scorer_))(search, TABLE, LABELS) == search.score(
            TABLE, LABELS
        )

    @pytest.mark.parametrize("names", [[0, 1, 2], ["a", "bb", "ccc"]], ids=["numbers", "words"])
    def test_rows_of_a_class_that_a_fold_lacks_count_as_misclassified(self, names):
        X, y = load_iris(return_X_y=True)
        labels = np.array(names)[y]
        model = LogisticRegression(max_iter=1000).fit(X[50:], labels[50:])
        scorer = make_adversarial_scorer(ThreatModel(0.2).fit(X))
        known = adversarial_accuracy(model, X[50:], labels[50:], ThreatModel(0.2).fit(X))
        assert scorer(model, X, labels) == pytest.approx(known * 2 / 3)
        weights = np.where(y == 0, 2.0, 1.0)
        assert scorer(model, X, labels, sample_weight=weights) == pytest.approx(known / 2)
        assert scorer(model, X[:50], labels[:50]) == 0
        search = GridSearchCV(
            model, {"C": [1.0]}, scoring=scorer, cv=[(np.arange(50, 150), np.arange(150))]
        )
        assert search.fit(X, labels).best_score_ == scorer(model, X, labels)
        with pytest.raises(ValueError, match="which is not among"):
            adversarial_accuracy(model, X, labels, 0.2)  # without folds it is an error

    def test_a_curve_shows_its_units(self):
        threat = ThreatModel([0, 0.2, 0.5], n_swaps=1).fit(TABLE)
        models = {"linear": MODELS["linear"], "forest": MODELS["forest"]}
        display = RobustnessCurveDisplay.from_estimators(
            models, TABLE[:30], LABELS[:30], threat=threat
        )
        assert (
            display.ax_.get_xlabel()
            == "radius of the perturbation (l2, 1 swap, standard deviations)"
        )
        assert list(display.certified) == ["linear", "forest"]
        np.testing.assert_allclose(display.certified["forest"], display.attacked["forest"])
        np.testing.assert_array_equal(display.epsilon, [0, 0.2, 0.5])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epsilon": -1}, "epsilon must be a finite number >= 0; got -1"),
        ({"epsilon": np.nan}, "epsilon must be a finite number >= 0; got nan"),
        (
            {"epsilon": "much"},
            "epsilon must be a number >= 0, several, or a ThreatModel; got 'much'",
        ),
        ({"norm": "l3"}, "norm must be one of 'l2', 'linf', 'l1'; got 'l3'"),
        ({"scale": "mad"}, "scale must be one of 'std', 'iqr'; got 'mad'"),
        (
            {"scale": {"wage": 1.0}},
            "scale has 'wage', which is not a column of X; its columns are age, income",
        ),
        ({"scale": {"job": 1.0}}, "scale has 'job', which is not a numeric column"),
        ({"scale": {"age": -1.0}}, "scale of 'age' must be a finite number >= 0; got -1.0"),
        ({"fixed": "age"}, "fixed must be a sequence of column names or positions; got 'age'"),
        ({"fixed": ["wage"]}, "fixed has 'wage', which is not a column of X"),
        (
            {"directions": {"age": "left"}},
            "direction of 'age' must be one of 'up', 'down'; got 'left'",
        ),
        ({"directions": {"job": "up"}}, "directions has 'job', which is not a numeric column"),
        ({"directions": ["age"]}, "directions must be a dict such as"),
        ({"bounds": "wide"}, "bounds must be one of 'data'; got 'wide'"),
        ({"bounds": {"age": (5, 1)}}, r"bounds of 'age' must be \(low, high\) with low <= high"),
        (
            {"bounds": {"age": (0, 30)}},
            r"bounds of 'age' are \(0, 30\), but row \d+ of X has \d+ there",
        ),
        ({"integers": ["job"]}, "integers has 'job', which is not a numeric column"),
        ({"categorical": "all"}, "categorical must be one of 'auto'; got 'all'"),
        ({"n_swaps": -1}, "n_swaps must be an integer >= 0; got -1"),
        (
            {"n_swaps": 1, "allowed_swaps": {"age": {1: [2]}}},
            "allowed_swaps has 'age', which is not a categorical column",
        ),
        (
            {"n_swaps": 1, "allowed_swaps": {"job": {"a": ["z"]}}},
            "allowed_swaps of 'job' has the level 'z', which was not seen; seen were 'a'",
        ),
        (
            {"n_swaps": 1, "allowed_swaps": {"job": {"a": []}}},
            "allowed_swaps of 'job' leaves no level to change to",
        ),
        (
            {"n_swaps": 1, "allowed_swaps": {"job": "a"}},
            "allowed_swaps of 'job' must be a dict of level to levels",
        ),
        ({"valid": "yes"}, "valid must be a function of rows, or None; got 'yes'"),
        ({"valid": lambda t: 1}, r"valid must return a boolean for each of \d+ rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_parameter_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        adversarial_accuracy(MODELS["linear"], TABLE, LABELS, ThreatModel(**parameters).fit(TABLE))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: adversarial_accuracy(MODELS["linear"], TABLE, LABELS, t, norm="l2"),
            "norm cannot be combined with a ThreatModel",
        ),
        (
            lambda t: adversarial_examples(MODELS["linear"], TABLE, LABELS, t, clip=(0, 1)),
            "clip cannot be combined with a ThreatModel, which has it as bounds",
        ),
        (
            lambda t: adversarial_examples(MODELS["linear"], TABLE, LABELS, t, features=["age"]),
            "features cannot be combined with a ThreatModel, which has it as fixed",
        ),
        (
            lambda t: make_adversarial_scorer(t, norm="l2"),
            "norm cannot be combined with a ThreatModel",
        ),
        (
            lambda t: make_adversarial_scorer(ThreatModel([0.1, 0.2])),
            "epsilon must be a single radius here",
        ),
        (
            lambda t: adversarial_accuracy(MODELS["linear"], TABLE.drop(columns="age"), LABELS, t),
            "feature names should match",
        ),
        (
            lambda t: adversarial_accuracy(MODELS["linear"], TABLE, LABELS, t, method="best"),
            "method must be one of 'auto', .*; got 'best'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_call_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(ThreatModel(n_swaps=1).fit(TABLE))


def test_votes_of_pairs_are_searched():
    X, y = load_iris(return_X_y=True)
    model = SVC(decision_function_shape="ovo").fit(X, y)
    assert adversarial_accuracy(model, X, y, 0.5) < model.score(X, y)


def test_ordinal_codes_are_levels():
    model = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(max_depth=3, random_state=0))
    model.fit(TABLE[["grade"]], LABELS)
    threat = ThreatModel(0, n_swaps=1).fit(TABLE[["grade"]])
    falls = [
        len({*model.predict(TABLE[["grade"]].assign(grade=g))} - {label}) > 0
        for label in LABELS
        for g in ("low", "middle", "high")
    ]
    falls = np.reshape(falls, (-1, 3)).any(axis=1)
    assert certified_accuracy(model, TABLE[["grade"]], LABELS, threat) == np.mean(~falls)


class TestWhatOnceWentWrong:
    """Wrong numbers and crashes that fresh eyes found."""

    def test_products_of_categories_are_seen_from_one_row(self):
        X = pd.DataFrame(list(product("uv", "pq")) * 5, columns=["c", "d"])
        y = np.array([0, 0, 0, 1] * 5)
        pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
        model = make_pipeline(
            OneHotEncoder(drop="first", sparse_output=False), pairs, LogisticRegression(C=10)
        ).fit(X, y)
        with pytest.raises(TypeError, match="nothing is certain"):
            certified_accuracy(model, X[:1], y[:1], ThreatModel(n_swaps=2).fit(X))

    def test_a_rare_level_with_a_slope_of_its_own_is_seen(self):
        def steep(t):
            return np.column_stack([t.n * np.where(t.c == "r", 5, 1), t.c == "q"])

        rng = np.random.RandomState(0)
        X = pd.DataFrame({"n": rng.standard_normal(2000), "c": rng.choice(["p", "q"], 2000)})
        X.loc[:4, "c"] = "r"
        y = (X.n > 0).astype(int)
        model = make_pipeline(FunctionTransformer(steep), LogisticRegression()).fit(X, y)
        with pytest.raises(TypeError, match="nothing is certain about"):
            certified_radius(model, X)

    @pytest.mark.parametrize("C", [1.0, 1e4])
    def test_steps_that_clip_are_certified_beyond_where_they_clip(self, C):
        X = np.random.RandomState(0).uniform(-1e6, 1e6, (200, 1))
        model = make_pipeline(MinMaxScaler((-1, 1), clip=True), LogisticRegression(C=C)).fit(
            X, X[:, 0] > 9e5
        )
        boundary = X.min() + (1 - model[-1].intercept_ / model[-1].coef_[0, 0]) * np.ptp(X) / 2
        is_reached = boundary < X.max()
        assert model.predict([[1e9]])[0] == is_reached == (C > 1)
        expected = np.where(is_reached, np.abs(X[:, 0] - boundary), np.inf)
        np.testing.assert_allclose(certified_radius(model, X), expected, rtol=1e-6, atol=1e-6)

    def test_a_level_that_the_type_of_a_column_lacks(self):
        X = pd.DataFrame({"c": pd.Categorical(list("aabbcc" * 4)), "n": np.arange(24.0)})
        y = np.array([0, 0, 0, 0, 1, 1] * 4)
        model = prepared(DecisionTreeClassifier(max_depth=1, random_state=0), ["n"], ["c"]).fit(
            X, y
        )
        threat = ThreatModel(0.0, n_swaps=1).fit(X)
        some = X[X.c != "c"].assign(c=lambda t: t.c.cat.remove_unused_categories())
        assert certified_accuracy(model, some, y[X.c != "c"], threat) == 0
        assert (adversarial_examples(model, some, y[X.c != "c"], threat).c == "c").all()

    def test_distances_count_swaps(self):
        model, threat = MODELS["network"], ThreatModel(0.1, n_swaps=1).fit(TABLE3)
        moved = adversarial_examples(model, TABLE3[:40], LABELS3[:40], threat)
        right = model.predict(TABLE3[:40]) == LABELS3[:40]
        fell = right & (model.predict(moved) != LABELS3[:40])
        assert fell.any()
        assert (
            np.mean(attack_distance(model, TABLE3[:40], threat=threat)[fell] <= 0.1 + 1e-6) > 0.95
        )

    @pytest.mark.parametrize("as_type", [np.asarray, pd.DataFrame])
    def test_single_precision_behind_a_scaler(self, as_type):
        X = as_type(np.random.RandomState(0).standard_normal((100, 2)).astype(np.float32))
        y = (np.asarray(X).sum(axis=1) > 0).astype(int)
        model = make_pipeline(
            StandardScaler(), DecisionTreeClassifier(max_depth=4, random_state=0)
        ).fit(X, y)
        threat = ThreatModel(0.3, norm="linf").fit(X)
        assert certified_accuracy(model, X, y, threat) == adversarial_accuracy(model, X, y, threat)

    def test_models_with_slopes_and_jumps(self):
        X = np.random.RandomState(0).standard_normal((60, 3))
        y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
        parts = [
            ("slopes", LogisticRegression()),
            ("jumps", DecisionTreeClassifier(max_depth=3, random_state=0)),
        ]
        model = VotingClassifier(parts, voting="soft").fit(X, y)
        stands, rng = model.predict(X) == y, np.random.RandomState(1)
        for _ in range(300):
            shift = rng.standard_normal(X.shape)
            stands &= (
                model.predict(X + 0.5 * shift / np.linalg.norm(shift, axis=1, keepdims=True)) == y
            )
        assert adversarial_accuracy(model, X, y, 0.5) <= stands.mean()

    def test_votes_alone_are_searched(self):
        parts = [("slopes", LogisticRegression()), ("jumps", DecisionTreeClassifier(max_depth=2))]
        model = VotingClassifier(parts).fit(MULTI_X, MULTI_Y)
        assert adversarial_accuracy(model, MULTI_X, MULTI_Y, 0.7) < model.score(MULTI_X, MULTI_Y)

    def test_numbers_among_objects_move(self):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(MULTI_X, MULTI_Y)
        X = pd.DataFrame(MULTI_X)
        expected = adversarial_accuracy(model, MULTI_X, MULTI_Y, 0.3)
        assert adversarial_accuracy(model, X.astype(object), MULTI_Y, 0.3) == expected

    def test_large_whole_numbers_stay_as_they_were(self):
        X = pd.DataFrame({"id": 2**53 + 1 + 2 * np.arange(20) * 10**12, "n": np.arange(20)})
        y = (np.arange(20) % 4 > 0).astype(int)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        moved = adversarial_examples(model, X, y, ThreatModel(0.3).fit(X))
        wrong = model.predict(X) != y
        pd.testing.assert_frame_equal(moved[wrong], X[wrong])

    def test_parameters_set_after_fit_are_refused(self):
        threat = ThreatModel(0.3).fit(TABLE).set_params(fixed=["age"])
        with pytest.raises(
            ValueError, match=r"fixed of the ThreatModel has been set to \['age'\] after fit"
        ):
            adversarial_accuracy(MODELS["linear"], TABLE, LABELS, threat)
        threat.set_params(fixed=[], epsilon=0.1, norm="linf", n_swaps=1, random_state=3)
        fresh = ThreatModel(0.1, norm="linf", n_swaps=1, random_state=3).fit(TABLE)
        expected = adversarial_accuracy(MODELS["linear"], TABLE, LABELS, fresh)
        assert adversarial_accuracy(MODELS["linear"], TABLE, LABELS, threat) == expected
        with pytest.raises(ValueError, match="n_swaps must be an integer >= 0; got -1"):
            threat.set_params(n_swaps=-1).allows(TABLE, TABLE)

    def test_long_parameters_are_compared_to_their_end(self):
        table = pd.DataFrame(np.random.RandomState(0).standard_normal((5, 2000)))
        fixed = np.arange(1999)
        threat = ThreatModel(fixed=fixed).fit(table)
        assert threat.allows(table, table).all()
        with pytest.raises(ValueError, match="fixed of the ThreatModel has been set"):
            threat.set_params(fixed=np.where(fixed == 1000, 1999, fixed)).allows(table, table)

    def test_a_table_may_become_itself(self):
        assert ThreatModel(0.1, n_swaps=1).fit(TABLE).allows(TABLE, TABLE).all()

    def test_numbers_that_an_encoder_refuses(self):
        X = TABLE[["age"]].assign(code=10 * (np.arange(len(TABLE)) % 3))
        columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["code"]))
        model = make_pipeline(columns, LogisticRegression()).fit(X, LABELS)
        with pytest.raises(
            ValueError,
            match=r"refuses other numbers in 'code' .*ThreatModel\(categorical=…\) or fixed",
        ):
            adversarial_accuracy(model, X, LABELS, ThreatModel(0.5).fit(X))
        for options in ({"fixed": ["code"]}, {"categorical": ["code"]}):
            threat = ThreatModel(0.5, **options).fit(X)
            assert certified_accuracy(model, X, LABELS, threat) == adversarial_accuracy(
                model, X, LABELS, threat
            )

    def test_steps_that_take_positive_numbers_only_are_searched(self):
        X, y = np.exp(MULTI_X), MULTI_Y
        model = make_pipeline(PowerTransformer("box-cox"), LogisticRegression()).fit(X, y)
        assert np.isfinite(signed_distance(model, X)).all()
        with pytest.warns(UserWarning, match="not affine"):
            assert adversarial_accuracy(model, X, y, ThreatModel(0.3).fit(X)) < model.score(X, y)

    def test_missing_cells_that_reach_a_tree(self):
        X, y = MULTI_X.copy(), MULTI_Y
        X[::5, 2] = np.nan
        model = make_pipeline(
            StandardScaler(), DecisionTreeClassifier(max_depth=4, random_state=0)
        ).fit(X, y)
        threat = ThreatModel(0.3).fit(X)
        assert certified_accuracy(model, X, y, threat) == adversarial_accuracy(model, X, y, threat)

    def test_a_level_that_the_encoder_has_not_seen(self):
        known = TABLE.grade != "low"
        rows, labels = TABLE.loc[known, ["grade"]], LABELS[known]
        model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(rows, labels)
        with pytest.raises(
            ValueError, match=r"refuses a level that the threat model has seen.*handle_unknown"
        ):
            adversarial_accuracy(model, rows, labels, ThreatModel(n_swaps=1).fit(TABLE[["grade"]]))

    def test_words_stay_objects(self):
        X = TABLE[["grade", "age"]].assign(grade=TABLE.grade.astype(object))
        model = prepared(LogisticRegression(), ["age"], ["grade"]).fit(X, LABELS)
        moved = adversarial_examples(model, X, LABELS, ThreatModel(0.5, n_swaps=1).fit(X))
        pd.testing.assert_series_equal(moved.dtypes, X.dtypes)

    def test_frames_that_cannot_be_written_to(self):
        columns = make_column_transformer(
            (StandardScaler(), ["age"]), (OneHotEncoder(sparse_output=False), ["grade"])
        )
        steps = columns, StandardScaler().set_output(transform="pandas")
        model = make_pipeline(*steps, LogisticRegression()).fit(TABLE, LABELS)
        threat = ThreatModel(0.3, n_swaps=1).fit(TABLE)
        assert certified_accuracy(model, TABLE, LABELS, threat) == adversarial_accuracy(
            model, TABLE, LABELS, threat
        )

    def test_distances_know_what_could_exist(self):
        X, y = MULTI_X, MULTI_Y
        tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
        nowhere = ThreatModel(valid=lambda X: np.zeros(len(X), dtype=bool)).fit(X)
        assert np.isinf(attack_distance(tree, X[:20], threat=nowhere)).all()
        with pytest.raises(TypeError, match="no exact method knows of the rows that valid rejects"):
            certified_radius(tree, X[:20], threat=nowhere, method="exact")

    def test_a_random_state_is_not_used_up(self):
        threat = ThreatModel(0.5, random_state=np.random.RandomState(0)).fit(TABLE)
        first, second = (
            adversarial_examples(MODELS["forest"], TABLE[:15], LABELS[:15], threat)
            for _ in range(2)
        )
        pd.testing.assert_frame_equal(first, second)


def test_a_forest_that_was_fitted_on_a_frame_is_attacked_without_warnings():
    X, y = load_iris(return_X_y=True, as_frame=True)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    assert adversarial_accuracy(forest, X[::10], y[::10], 1.0) < forest.score(X[::10], y[::10])


def test_words_where_there_were_numbers_are_an_error():
    table = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "size": [1.0, 2.0, 1.5, 3.0]})
    model = LogisticRegression().fit(table, [0, 1, 0, 1])
    threat = ThreatModel(0.3).fit(table)
    with pytest.raises(
        ValueError,
        match=r"the column 'age' had numbers in fit of the ThreatModel, but X has '20.0' there",
    ):
        adversarial_accuracy(
            model, table.astype({"age": str}).astype({"age": object}), [0, 1, 0, 1], threat
        )


@pytest.mark.parametrize("radius", [None, [[0.1]], "0.1x"])
def test_a_radius_is_a_number_or_several(radius):
    with pytest.raises(ValueError, match="threat must be a number >= 0, several, or a ThreatModel"):
        adversarial_accuracy(MODELS["linear"], TABLE, LABELS, radius)


def test_a_method_of_ones_own_returns_a_row_for_each():
    with pytest.raises(
        ValueError, match=f"a row for each of the {len(TABLE)} rows of X; got an array of shape"
    ):
        adversarial_accuracy(
            MODELS["linear"], TABLE, LABELS, 0.1, method=lambda model, X, y, threat: X[:1]
        )
