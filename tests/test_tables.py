"""Kinds of columns do not depend on their container, and results have the same container."""

from decimal import Decimal
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg._fitted.tables import as_table
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
    fast_gradient,
    make_adversarial_scorer,
    projected_gradient,
)
from sklearn_irg.diagnostics import (
    attack_distance,
    certified_radius,
    deletion_mask,
    feature_sensitivity,
    input_gradients,
    mirror_points,
    signed_distance,
)
from sklearn_irg.displays import (
    FeatureSensitivityDisplay,
    InputGradientDisplay,
    RobustnessCurveDisplay,
)


def plain_table(n_samples=40):
    """Integers, prices in cents, flags and words; and labels that depend on all but the words."""
    rng = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "age": rng.randint(18, 80, n_samples),
            "price": rng.normal(size=n_samples).round(2),
            "flag": rng.rand(n_samples) < 0.5,
            "job": rng.choice(list("abc"), n_samples),
        }
    )
    return table, (table.price + (table.age - 45) / 20 + table.flag > 0.5).astype(int).to_numpy()


TABLE, LABELS = plain_table()


def in_polars(frame, **types):
    """The same frame in polars, some columns cast to types that are named."""
    polars = pytest.importorskip("polars")
    dtypes = {
        name: getattr(polars, dtype) if isinstance(dtype, str) else dtype
        for name, dtype in types.items()
    }
    return polars.DataFrame({name: frame[name].tolist() for name in frame}).cast(dtypes)


def with_decimals(frame):
    """The same frame, whose prices are Decimals."""
    prices = [None if pd.isna(price) else Decimal(f"{price:.2f}") for price in frame.price]
    return frame.assign(price=pd.Series(prices, dtype=object))


CONTAINERS = {  # with room for any number of double precision
    "numpy": lambda t: t,
    "nullable": lambda t: t.convert_dtypes(),
    "arrow": lambda t: t.convert_dtypes(dtype_backend="pyarrow"),
    "small integers": lambda t: t.astype({"age": np.uint8}),
    "category": lambda t: t.astype({"job": "category", "flag": "category"}),
    "objects": lambda t: t.astype(object),
    "sparse": lambda t: t.astype(
        {"flag": pd.SparseDtype(bool), "price": pd.SparseDtype(float, 0.0)}
    ),
    "Decimal": with_decimals,
    "array of objects": lambda t: t.to_numpy(dtype=object),
    "array of nullable cells": lambda t: t.convert_dtypes().to_numpy(),
    "polars": lambda t: in_polars(t),
    "polars with categories": lambda t: in_polars(t, job="Categorical", age="UInt8"),
}
NARROW = {  # in which numbers are rounded
    "half precision": lambda t: t.astype({"price": np.float16}),
    "single precision": lambda t: t.astype({"price": np.float32}),
    "cents": lambda t: with_decimals(t).astype({"price": pd.ArrowDtype(pyarrow.decimal128(6, 2))}),
    "polars, single precision": lambda t: in_polars(t, price="Float32"),
    "polars, cents": lambda t: in_polars(with_decimals(t)),
}


def pipeline(last):
    """Numbers scaled and the rest encoded, by position, which arrays have, too."""
    columns = make_column_transformer(
        (StandardScaler(), [0, 1]), (OneHotEncoder(handle_unknown="ignore"), [2, 3])
    )
    return make_pipeline(columns, last)


def types_of(X):
    """The container and the types of its columns."""
    if hasattr(X, "schema"):
        return type(X), dict(X.schema)
    return type(X), X.dtypes.to_dict() if hasattr(X, "iloc") else X.dtype


def cells_of(X):
    """Cells by column, as Python's own."""
    table = as_table(X)
    return [table.cells(j).tolist() for j in range(table.n_columns)]


def measured(X):
    """What is said of two models under a threat, on one table."""
    threat = ThreatModel(0.4, n_swaps=1).fit(X)
    for last in (LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)):
        model = pipeline(last).fit(X, LABELS)
        yield adversarial_accuracy(model, X, LABELS, threat)
        yield certified_accuracy(model, X, LABELS, threat)
        yield from attack_distance(model, X[:5], threat=threat)


EXPECTED = list(measured(TABLE))


@pytest.mark.filterwarnings("ignore:pandas.DataFrame with sparse columns")  # of scikit-learn
@pytest.mark.parametrize("name", CONTAINERS)
class TestEveryContainer:
    def test_a_threat_learns_the_same(self, name):
        expected, found = (ThreatModel().fit(X) for X in (TABLE, CONTAINERS[name](TABLE)))
        for attribute in ("scales_", "lows_", "highs_", "is_integer_", "directions_"):
            np.testing.assert_allclose(getattr(found, attribute), getattr(expected, attribute))
        assert {j: levels.tolist() for j, levels in found.levels_.items()} == {
            2: [False, True],
            3: ["a", "b", "c"],
        }

    def test_attacks_certificates_and_distances_are_the_same(self, name):
        np.testing.assert_allclose(list(measured(CONTAINERS[name](TABLE))), EXPECTED, rtol=1e-6)

    def test_rows_come_back_as_they_came_and_are_allowed(self, name):
        X = CONTAINERS[name](TABLE)
        model, threat = (
            pipeline(LogisticRegression()).fit(X, LABELS),
            ThreatModel(0.4, n_swaps=2).fit(X),
        )
        before = cells_of(X)
        moved = adversarial_examples(model, X, LABELS, threat)
        assert types_of(moved) == types_of(X)
        assert [type(cell) for cell in cells_of(moved)[1]] == [type(cell) for cell in before[1]]
        assert threat.allows(X, moved).all()
        assert cells_of(X) == before
        assert any(cells_of(moved)[j] != before[j] for j in (2, 3))

    def test_flags_never_change_without_a_swap(self, name):
        X = CONTAINERS[name](TABLE)
        model, threat = (
            pipeline(LogisticRegression()).fit(X, LABELS),
            ThreatModel(5.0, norm="linf").fit(X),
        )
        moved = cells_of(adversarial_examples(model, X, LABELS, threat))
        assert moved[2:] == cells_of(X)[2:]
        assert moved[0] != cells_of(X)[0]

    def test_gradients_and_signed_distances_are_the_same(self, name):
        found, expected = CONTAINERS[name](TABLE), TABLE
        for function in (signed_distance, input_gradients):
            values = [
                function(pipeline(LogisticRegression()).fit(X, LABELS), X, LABELS)
                for X in (found, expected)
            ]
            np.testing.assert_allclose(*values, rtol=1e-6, atol=1e-12)

    @pytest.mark.parametrize(
        "last",
        [LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)],
        ids=["linear", "tree"],
    )
    def test_deletion_masks_are_the_same(self, name, last):
        masks = [
            deletion_mask(pipeline(last).fit(X, LABELS), X[:12], X, alpha=0.05)
            for X in (CONTAINERS[name](TABLE), TABLE)
        ]
        np.testing.assert_allclose(*masks, atol=1e-6)
        assert (masks[0][:, :2] > 0).any()

    def test_missing_cells_stay_missing(self, name):
        frame = TABLE.assign(price=TABLE.price.where(TABLE.index % 3 > 0))
        whole, X = CONTAINERS[name](TABLE), CONTAINERS[name](frame)
        threat = ThreatModel(0.4, n_swaps=1).fit(X)
        np.testing.assert_allclose(threat.scales_, ThreatModel().fit(frame).scales_)
        filled = FunctionTransformer(lambda X: np.nan_to_num(as_table(X).numbers()[:, :2]))
        model = make_pipeline(filled, LogisticRegression(max_iter=1000)).fit(X, LABELS)
        moved = adversarial_examples(model, X, LABELS, threat)
        assert cells_of(moved)[:2] != cells_of(X)[:2]
        assert [cell is None for cell in cells_of(moved)[1]] == (frame.index % 3 == 0).tolist()
        assert threat.allows(X, moved).all()
        assert not threat.allows(X, whole)[::3].any()


@pytest.mark.filterwarnings("ignore:the steps before the last are not affine")  # in half precision
@pytest.mark.parametrize("name", NARROW)
class TestNarrowTypes:
    def test_found_rows_are_allowed_and_keep_their_types(self, name):
        X = NARROW[name](TABLE)
        threat = ThreatModel(0.4, norm="l2", n_swaps=1).fit(X)
        for last in (LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)):
            model = pipeline(last).fit(X, LABELS)
            moved = adversarial_examples(model, X, LABELS, threat)
            assert types_of(moved) == types_of(X)
            assert threat.allows(X, moved).all()
            accuracy = adversarial_accuracy(model, X, LABELS, threat)
            assert accuracy == np.mean(model.predict(moved) == LABELS)
            assert EXPECTED[0] - 0.1 <= accuracy < model.score(X, LABELS)


class TestNumbersAmongTypes:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    @pytest.mark.parametrize("as_container", [np.asarray, pd.DataFrame])
    def test_floats_move_no_further_than_they_may(self, dtype, norm, as_container):
        rng = np.random.RandomState(0)
        X = (rng.standard_normal((60, 3)) * [1, 20, 300] + [0, 50, 1000]).astype(dtype)
        y = (X[:, 0] + X[:, 1] / 20 + X[:, 2] / 300 > 6).astype(int)
        X = as_container(X)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
            np.asarray(X, dtype=float), y
        )
        threat = ThreatModel(0.3, norm=norm, integers=None, bounds=None).fit(X)
        moved = adversarial_examples(model, X, y, threat)
        units = (np.asarray(moved, dtype=float) - np.asarray(X, dtype=float)) / threat.scales_
        assert (
            np.linalg.norm(units, {"l2": 2, "linf": np.inf, "l1": 1}[norm], axis=1)
            <= 0.3 * (1 + 1e-12)
        ).all()
        assert threat.allows(X, moved).all()
        assert types_of(moved) == types_of(X)

    @pytest.mark.parametrize(
        "dtype", [np.uint8, np.int8, np.int16, "UInt8", "Int8", "uint8[pyarrow]"]
    )
    def test_integers_stay_within_what_their_type_holds(self, dtype):
        rng = np.random.RandomState(0)
        X = pd.DataFrame({"a": rng.randint(0, 100, 50), "b": rng.randint(0, 100, 50)}).astype(dtype)
        y = (X.a.astype(int) > X.b.astype(int)).astype(int).to_numpy()
        threat = ThreatModel(50.0, norm="linf", bounds=None).fit(X)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        moved = adversarial_examples(model, X, y, threat)
        assert types_of(moved) == types_of(X)
        assert threat.allows(X, moved).all()
        held = np.iinfo(getattr(X.dtypes["a"], "numpy_dtype", X.dtypes["a"]))
        beyond = X.astype("int64").assign(a=held.max + 1)
        assert not threat.allows(X, beyond).any()

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, "Int64", "int64[pyarrow]"])
    def test_integers_that_may_become_fractions_are_allowed_to(self, dtype):
        X = pd.DataFrame({"a": np.random.RandomState(0).randint(0, 200, 50)}).astype(dtype)
        y = (X.a > 100).astype(int).to_numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        threat = ThreatModel(1.0, integers=None).fit(X)
        moved = adversarial_examples(model, X, y, threat)
        assert threat.allows(X, moved).all()
        assert (moved.a % 1 > 0).any()

    def test_a_uint8_array_reaches_its_ends_and_no_further(self):
        X = np.random.RandomState(0).randint(100, 150, (40, 2)).astype(np.uint8)
        y = (X[:, 0] > X[:, 1]).astype(int)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        moved = adversarial_examples(
            model, X, y, ThreatModel(100.0, norm="linf", bounds=None).fit(X)
        )
        assert moved.dtype == np.uint8
        assert {*moved.ravel().tolist()} == {0, 255}

    def test_an_object_frame_of_numbers_is_certified_like_floats(self):
        X = TABLE[["age", "price"]].astype(float)
        found = []
        for table in (X, X.astype(object), with_decimals(TABLE)[["age", "price"]].astype(object)):
            model = LogisticRegression().fit(table, LABELS)
            threat = ThreatModel(0.4).fit(table)
            found.append(
                [
                    certified_accuracy(model, table, LABELS, threat),
                    *signed_distance(model, table, LABELS),
                ]
            )
        np.testing.assert_allclose(found[1:], [found[0]] * 2)

    def test_an_array_of_objects_keeps_the_type_of_each_cell(self):
        X = np.array(
            [[1, Decimal("2.5"), np.float16(3)], [4, Decimal("5.5"), np.float16(6)]], dtype=object
        )
        moved = as_table(X).with_numbers(as_table(X).numbers() + 1)
        assert moved[0].tolist() == [2, Decimal("3.5"), 4.0]
        assert [type(cell) for cell in moved[0]] == [int, Decimal, np.float16]

    def test_sparse_dummies_are_flags(self):
        X = pd.get_dummies(TABLE[["age", "job"]], columns=["job"], sparse=True)
        model = make_pipeline(
            make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough")
        )
        model.steps.append(("last", LogisticRegression()))
        model.fit(X, LABELS)
        threat = ThreatModel(0.5, n_swaps=1).fit(X)
        assert sorted(threat.levels_) == [1, 2, 3]
        moved = adversarial_examples(model, X, LABELS, threat)
        assert types_of(moved) == types_of(X)
        assert threat.allows(X, moved).all()
        assert (np.asarray(moved)[:, 1:] != np.asarray(X)[:, 1:]).sum(axis=1).max() == 1

    def test_flags_of_numpy_in_an_array_of_objects_are_not_missing(self):
        table = as_table(np.array([[np.False_, 1.5], [np.True_, np.nan]], dtype=object))
        assert table.cells(0).tolist() == [False, True]
        assert table.is_flag.tolist() == [True, False]

    @pytest.mark.parametrize(
        "container",
        [
            lambda t: t.astype({"job": "category"}),
            lambda t: in_polars(t, job=pytest.importorskip("polars").Enum("abc")),
        ],
        ids=["pandas", "polars"],
    )
    def test_a_cell_among_declared_levels_may_become_missing(self, container):
        table = as_table(container(TABLE))
        changed = table.with_cells(3, np.arange(2), np.array([None, "b"], dtype=object))
        assert changed.cells(3).tolist() == [None, "b", *TABLE.job[2:]]
        assert types_of(changed.X) == types_of(table.X)

    def test_missing_cells_of_pandas_in_arrays(self):
        frame = pd.DataFrame(
            {"a": [1, 2, None, 4], "b": [0.5, None, 1.5, 2.0], "c": [True, None, False, True]}
        )
        frame = frame.convert_dtypes()
        threats = [ThreatModel().fit(X) for X in (frame, frame.to_numpy())]
        np.testing.assert_array_equal(threats[0].scales_, threats[1].scales_)
        assert [threat.levels_[2].tolist() for threat in threats] == [[False, True]] * 2

    @pytest.mark.parametrize("container", [pd.DataFrame, np.asarray, in_polars])
    def test_levels_that_a_type_cannot_hold_are_not_cut_off(self, container):
        X = container(pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}))
        changed = as_table(X).with_cells(1, np.array([0, 2]), np.array([1.5, 2.0], dtype=object))
        assert changed.cells(1).tolist() == [1.5, 5, 2]
        assert changed.cells(0).tolist() == [1, 2, 3]

    def test_dates_and_lists_never_change(self):
        X = pd.DataFrame(
            {"day": pd.date_range("2020", periods=6), "n": range(6), "pair": [[1, 2]] * 6}
        )
        threat = ThreatModel(1.0, n_swaps=1).fit(X)
        assert threat.allows(X, X).all()
        assert not threat.allows(X, X.assign(day=X.day + pd.Timedelta(days=1))).any()
        assert threat.levels_ == {}

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (
                np.zeros(3, dtype=[("a", float), ("b", int)]),
                "got a structured one. Pass pandas.DataFrame",
            ),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "has the column 'a' twice"),
        ],
    )
    def test_what_is_no_table_is_refused(self, X, message):
        with pytest.raises((TypeError, ValueError), match=message):
            ThreatModel().fit(X)


@pytest.mark.parametrize("container", [pd.DataFrame, in_polars, lambda t: t.to_numpy(dtype=object)])
class TestFlagsBesideNumbers:
    """A table without words has no other flags than one with words."""

    table = TABLE[["price", "flag"]]

    @pytest.mark.parametrize(
        "last",
        [
            LogisticRegression(),
            SVC(),
            GradRegMLPClassifier((6,), learning_rate_init=0.01, tol=0.01, random_state=0),
        ],
        ids=lambda last: type(last).__name__,
    )
    def test_gradients_steps_and_distances_leave_them(self, container, last):
        X = container(self.table)
        model = last.fit(X, LABELS)
        assert not input_gradients(model, X, LABELS)[:, 1].any()
        for moved in (
            fast_gradient(model, X, LABELS, threat=0.3),
            fast_gradient(model, X, LABELS, threat=0.3, targets=1 - LABELS, n_steps=3),
            adversarial_examples(model, X, LABELS, 0.3),
        ):
            assert types_of(moved) == types_of(X)
            assert cells_of(moved)[1] == cells_of(X)[1]
            assert cells_of(moved)[0] != cells_of(X)[0]

    def test_what_is_certified_is_at_most_what_is_attacked(self, container):
        X = container(self.table)
        network = GradRegMLPClassifier((6,), learning_rate_init=0.01, tol=0.01, random_state=0)
        for model in (LogisticRegression().fit(X, LABELS), network.fit(X, LABELS)):
            for norm in ("l2", "linf"):
                attacked = attack_distance(model, X, norm=norm)
                assert (certified_radius(model, X, norm=norm) <= attacked * (1 + 1e-5)).all()

    def test_what_needs_numbers_takes_them_as_zeros_and_ones(self, container):
        expected, X = self.table.astype(float), container(self.table)
        for model in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
            found = [mirror_points(clone(model).fit(T, LABELS), T) for T in (X, expected)]
            np.testing.assert_allclose(*found)


class TestPolars:
    def test_a_lazy_frame_is_refused(self):
        with pytest.raises(TypeError, match=r"got polars's LazyFrame.*collect"):
            ThreatModel().fit(in_polars(TABLE).lazy())

    @pytest.mark.parametrize(
        "last",
        [LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)],
        ids=repr,
    )
    def test_steps_that_take_frames_of_polars_only(self, last):
        polars = pytest.importorskip("polars")

        def doubled(X):
            return X.select(polars.col("age"), 2 * polars.col("price"))

        found = []
        for X, step in (
            (in_polars(TABLE), doubled),
            (TABLE, lambda X: X[["age", "price"]] * [1, 2]),
        ):
            X = X[["age", "price"]]
            model = make_pipeline(FunctionTransformer(step), StandardScaler(), last).fit(X, LABELS)
            threat = ThreatModel(0.4).fit(X)
            accuracy = (
                adversarial_accuracy(model, X, LABELS, threat),
                certified_accuracy(model, X, LABELS, threat),
            )
            found.append([*accuracy, *attack_distance(model, X, threat=threat)])
        np.testing.assert_allclose(*found, rtol=1e-6)

    def test_diagnostics_and_displays_take_them(self):
        X = in_polars(TABLE)
        model = pipeline(LogisticRegression()).fit(X, LABELS)
        expected = feature_sensitivity(
            pipeline(LogisticRegression()).fit(TABLE, LABELS), TABLE, LABELS
        )
        np.testing.assert_allclose(feature_sensitivity(model, X, LABELS).mean, expected.mean)
        display = FeatureSensitivityDisplay.from_estimator(model, X, LABELS)
        assert {text.get_text() for text in display.ax_.get_yticklabels()} == {
            "age",
            "price",
            "flag",
            "job",
        }
        threat = ThreatModel([0.1, 0.4], n_swaps=1).fit(X)
        curve = RobustnessCurveDisplay.from_estimators([model], X, LABELS, threat=threat)
        np.testing.assert_allclose(
            curve.attacked["LogisticRegression"], adversarial_accuracy(model, X, LABELS, threat)
        )
        two = X[["age", "price"]]
        plane = InputGradientDisplay.from_estimator(
            LogisticRegression().fit(two, LABELS), two, LABELS
        )
        assert plane.ax_.get_xlabel() == "age"

    @pytest.mark.parametrize(
        "attack", [fast_gradient, partial(fast_gradient, n_steps=3), projected_gradient]
    )
    @pytest.mark.parametrize(
        "model", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
    )
    def test_gradient_attacks_on_numbers_return_frames(self, attack, model):
        X = in_polars(TABLE, price="Float32")[["age", "price"]]
        moved = attack(model.fit(X, LABELS), X, LABELS, threat=0.3)
        assert dict(moved.schema) == dict(
            in_polars(TABLE, age="Float64", price="Float32")[["age", "price"]].schema
        )
        plain = TABLE[["age", "price"]].to_numpy()
        expected = attack(clone(model).fit(plain, LABELS), plain, LABELS, threat=0.3)
        np.testing.assert_allclose(moved.to_numpy(), expected, rtol=1e-4, atol=1e-4)

    def test_a_search_over_a_frame_of_polars(self):
        found = []
        for X in (TABLE, in_polars(TABLE)):
            scorer = make_adversarial_scorer(ThreatModel(0.4, n_swaps=1).fit(X))
            grid = {"logisticregression__C": [0.01, 1.0]}
            search = GridSearchCV(
                pipeline(LogisticRegression()), grid, scoring=scorer, cv=2, error_score="raise"
            )
            found.append(search.fit(X, LABELS).cv_results_["mean_test_score"])
        np.testing.assert_allclose(*found)

    def test_attacks_of_ones_own_may_return_arrays(self):
        X = in_polars(TABLE)[["age", "price"]]
        model = LogisticRegression().fit(X, LABELS)
        attack = partial(fast_gradient, norm="linf")
        expected = adversarial_accuracy(
            LogisticRegression().fit(TABLE[["age", "price"]], LABELS),
            TABLE[["age", "price"]],
            LABELS,
            0.5,
            method=attack,
        )
        assert adversarial_accuracy(model, X, LABELS, 0.5, method=attack) == expected

    def test_levels_of_an_enum_grow(self):
        polars = pytest.importorskip("polars")
        whole = in_polars(TABLE)
        some = whole.filter(polars.col("job") != "c").cast({"job": polars.Enum(["a", "b"])})
        table = as_table(some).with_cells(3, np.array([0]), np.array(["c"], dtype=object))
        assert table.cells(3)[0] == "c"

    def test_a_null_is_missing_and_stays(self):
        polars = pytest.importorskip("polars")
        X = polars.DataFrame(
            {"a": [1, None, 3, 4], "b": [0.5, 1.0, None, 2.0], "c": ["u", None, "v", "v"]}
        )
        assert np.isnan(as_table(X).numbers()[:, :2]).tolist() == [
            [False] * 2,
            [True, False],
            [False, True],
            [False] * 2,
        ]
        moved = as_table(X).with_numbers(np.nan_to_num(as_table(X).numbers() + 1, nan=np.nan))
        assert moved.schema == X.schema
        assert moved["a"].to_list() == [2, None, 4, 5]
        assert moved["b"].to_list() == [1.5, 2.0, None, 3.0]


class TestCategoriesByName:
    numbers = TABLE.assign(flag=TABLE.flag.astype(int))

    def test_a_dict_leaves_the_others_as_they_are(self):
        threat = ThreatModel(categorical={"flag": True}).fit(self.numbers)
        assert sorted(threat.levels_) == [2, 3]
        assert threat.levels_[2].tolist() == [0, 1]
        assert (threat.scales_ > 0).tolist() == [True, True, False, False]

    def test_zeros_and_ones_named_so_are_flags(self):
        results = []
        for X, categorical in ((TABLE, "auto"), (self.numbers, {"flag": True})):
            model = pipeline(LogisticRegression()).fit(X, LABELS)
            threat = ThreatModel(0.4, n_swaps=1, categorical=categorical).fit(X)
            results.append(certified_accuracy(model, X, LABELS, threat))
            moved = adversarial_examples(model, X, LABELS, threat)
            assert threat.allows(X, moved).all()
        assert results[0] == results[1]

    def test_flags_named_as_no_category_are_the_numbers_zero_and_one(self):
        results = []
        for X, categorical in ((self.numbers, "auto"), (TABLE, {"flag": False})):
            model = pipeline(LogisticRegression()).fit(X, LABELS)
            columns = make_column_transformer((StandardScaler(), [0, 1, 2]), (OneHotEncoder(), [3]))
            model = make_pipeline(columns, LogisticRegression()).fit(X, LABELS)
            threat = ThreatModel(
                2.5, norm="linf", categorical=categorical, bounds=None, fixed=["age"]
            ).fit(X)
            moved = adversarial_examples(model, X, LABELS, threat)
            assert (moved.flag != X.flag).any()
            assert types_of(moved) == types_of(X)
            results.append(certified_accuracy(model, X, LABELS, threat))
        assert results[1] >= results[0]  # integers go beyond one

    def test_words_named_as_no_category_never_change(self):
        threat = ThreatModel(n_swaps=1, categorical={"job": False}).fit(TABLE)
        assert sorted(threat.levels_) == [2]
        assert not threat.allows(TABLE, TABLE.assign(job="a"))[TABLE.job != "a"].any()

    @pytest.mark.parametrize("dtype", [bool, int, float])
    @pytest.mark.parametrize("container", [pd.DataFrame, np.asarray, in_polars])
    @pytest.mark.parametrize(
        "last",
        [LogisticRegression(), DecisionTreeClassifier(max_depth=4, random_state=0)],
        ids=repr,
    )
    def test_estimators_without_steps_are_attacked_exactly(self, last, container, dtype):
        rng = np.random.RandomState(1)
        frame = pd.DataFrame(
            {"x": rng.standard_normal(60), "u": rng.rand(60) < 0.5, "v": rng.rand(60) < 0.5}
        )
        y = (frame.x + frame.u - frame.v + 0.5 * rng.standard_normal(60) > 0).astype(int).to_numpy()
        frame = frame.astype({"u": dtype, "v": dtype})
        X = container(frame)
        model = last.fit(X, y)
        threat = ThreatModel(0.0, n_swaps=1, categorical={1: True, 2: True}).fit(X)
        falls = model.predict(X) != y
        for name in ("u", "v"):
            falls |= (
                model.predict(container(frame.assign(**{name: (1 - frame[name]).astype(dtype)})))
                != y
            )
        assert (
            certified_accuracy(model, X, y, threat)
            == adversarial_accuracy(model, X, y, threat)
            == np.mean(~falls)
        )
        assert np.mean(~falls) < model.score(X, y)

    @pytest.mark.parametrize(
        ("categorical", "message"),
        [
            ({"flag": "yes"}, "categorical of 'flag' must be True or False; got 'yes'"),
            ({"flags": True}, "categorical has 'flags', which is not a column of X"),
            (
                {"flag": True, 2: False},
                "categorical names a column twice: 'flag' and 2 are the same",
            ),
        ],
    )
    def test_a_bad_dict_is_named(self, categorical, message):
        with pytest.raises(ValueError, match=message):
            ThreatModel(categorical=categorical).fit(TABLE)


WAYS = {  # to name the columns of the table
    "name": lambda j: TABLE.columns[j],
    "position": lambda j: j,
    "negative position": lambda j: j - 4,
    "NumPy integer": np.int64,
    "negative NumPy integer": lambda j: np.int8(j - 4),
}
PARAMETERS = {  # with what they say of columns
    "fixed number": lambda c: {"fixed": [c(1)]},
    "fixed words": lambda c: {"fixed": [c(3)]},
    "fixed flag": lambda c: {"fixed": [c(2)]},
    "scale": lambda c: {"scale": {c(1): 3.0}},
    "directions": lambda c: {"directions": {c(0): "up", c(1): "down"}},
    "bounds": lambda c: {"bounds": {c(1): (-5, None)}},
    "integers": lambda c: {"integers": [c(0)]},
    "categorical": lambda c: {"categorical": [c(0), c(3)]},
    "categorical dict": lambda c: {"categorical": {c(0): True, c(2): False}},
    "allowed_swaps": lambda c: {"allowed_swaps": {c(3): {"a": ["b"]}}},
}


def learned(threat):
    """Everything that a threat model has learned, to be compared."""
    arrays = [
        getattr(threat, name).tolist()
        for name in ("scales_", "lows_", "highs_", "is_integer_", "directions_")
    ]
    levels = {j: levels.tolist() for j, levels in threat.levels_.items()}
    return (
        arrays,
        levels,
        {j: None if ways is None else ways.tolist() for j, ways in threat.allowed_swaps_.items()},
    )


@pytest.mark.parametrize("container", ["numpy", "arrow", "Decimal", "array of objects", "polars"])
@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_column_is_named_alike_in_every_way_and_every_container(parameter, container):
    X, expected = (
        CONTAINERS[container](TABLE),
        learned(ThreatModel(**PARAMETERS[parameter](int)).fit(TABLE)),
    )
    assert expected != learned(ThreatModel().fit(TABLE)) or parameter == "integers"
    for way, column in WAYS.items():
        if way == "name" and isinstance(X, np.ndarray):
            continue
        found = learned(ThreatModel(**PARAMETERS[parameter](column)).fit(X))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        assert found[1:] == expected[1:]


@pytest.mark.parametrize("position", [4, -5, True, 1.0])
def test_what_is_no_position_is_named(position):
    with pytest.raises(
        ValueError, match=f"fixed has {position}, which is not a position among the 4 columns"
    ):
        ThreatModel(fixed=[position]).fit(TABLE)


class TestAllowedAsEnumerated:
    """Whether a row may become another, against the definition, over all rows of a grid."""

    row = pd.DataFrame({"n": [3], "x": [0.5], "flag": [True], "word": ["b"]})
    fitted_on = pd.DataFrame(
        {
            "n": [0, 2, 4, 6],
            "x": [-1.25, 0.25, 1.0, 2.0],
            "flag": [True, False] * 2,
            "word": list("abca"),
        }
    )
    others = pd.DataFrame(
        list(product(range(-1, 8), np.linspace(-1.5, 2.5, 17), [True, False], list("abcd"))),
        columns=row.columns,
    )

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    @pytest.mark.parametrize("n_swaps", [0, 1, 2])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"bounds": None},
            {"directions": {"n": "up", "x": "down"}},
            {"fixed": ["n", "flag"]},
            {"allowed_swaps": {"word": {"b": ["a"]}}, "scale": {"n": 1.0, "x": 0.25}},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("container", ["numpy", "half precision", "objects", "polars"])
    def test_by_the_definition(self, norm, n_swaps, options, container):
        convert = {
            "numpy": lambda X: X,
            "half precision": lambda X: X.astype({"n": np.int8, "x": np.float16}),
            "objects": lambda X: X.astype(object),
            "polars": in_polars,
        }[container]
        threat = ThreatModel(1.2, norm=norm, n_swaps=n_swaps, **options).fit(
            convert(self.fitted_on)
        )
        rows = self.row.loc[np.zeros(len(self.others), dtype=int)].reset_index(drop=True)
        found = threat.allows(convert(rows), convert(self.others))
        np.testing.assert_array_equal(found, self.expected(rows, threat, options))
        assert 1 < found.sum() < len(found)

    def expected(self, rows, threat, options):
        change = (self.others[["n", "x"]] - rows[["n", "x"]]).to_numpy()
        fixed, directions = options.get("fixed", ()), options.get("directions", {})
        size = {"l2": 2, "linf": np.inf, "l1": 1}[threat.norm]
        fine = (
            np.linalg.norm(
                change / np.where(threat.scales_[:2] > 0, threat.scales_[:2], 1), size, axis=1
            )
            <= 1.2
        )
        for k, name in enumerate(["n", "x"]):
            fine &= (change[:, k] == 0) | (name not in fixed)
            fine &= {"up": change[:, k] >= 0, "down": change[:, k] <= 0}.get(
                directions.get(name), True
            )
            if options.get("bounds", "data") == "data":
                fine &= (
                    self.others[name]
                    .between(self.fitted_on[name].min(), self.fitted_on[name].max())
                    .to_numpy()
                )
        swaps = np.zeros(len(rows), dtype=int)
        for name, levels in (
            ("flag", [True, False]),
            ("word", options.get("allowed_swaps", {}).get("word", {"b": "abc"})["b"]),
        ):
            changed = (self.others[name] != rows[name]).to_numpy()
            fine &= ~changed | (
                self.others[name].isin(list(levels)).to_numpy() & (name not in fixed)
            )
            swaps += changed
        return fine & (swaps <= threat.n_swaps)

    @pytest.mark.parametrize("size", [1.0, 1e6, 1e12])
    def test_the_tolerance_is_one_of_rounding(self, size):
        X = pd.DataFrame({"x": size + np.arange(50.0), "n": np.arange(50) + int(size)})
        threat = ThreatModel(0.5, norm="linf", bounds=None, integers=["n"]).fit(X)
        furthest = 0.5 * threat.scales_[0]
        assert threat.allows(X, X.assign(x=X.x + furthest)).all()
        assert not threat.allows(
            X, X.assign(x=X.x + furthest + np.maximum(1e-9, 20 * np.spacing(size)))
        ).any()
        steps = int(0.5 * threat.scales_[1])
        assert threat.allows(X, X.assign(n=X.n + steps)).all()
        assert not threat.allows(X, X.assign(n=X.n + steps + 1)).any()
        assert not threat.allows(X, X.assign(n=X.n + 0.5)).any()

    @pytest.mark.parametrize("size", [10, 10**9, 2**60])
    def test_nothing_is_tolerated_where_nothing_moves(self, size):
        X = pd.DataFrame(
            {"id": size + 1000 * np.arange(20), "x": float(size) + 1000.0 * np.arange(20)}
        )
        threat = ThreatModel(0.5, fixed=["id", "x"]).fit(X)
        assert threat.allows(X, X).all()
        assert not threat.allows(X, X.assign(id=X.id + 1)).any()
        assert not threat.allows(X, X.assign(x=np.nextafter(X.x, np.inf))).any()
        upwards = ThreatModel(0.5, directions={"x": "up"}, bounds=None).fit(X)
        assert not upwards.allows(X, X.assign(x=np.nextafter(X.x, -np.inf))).any()


class Holder(BaseEstimator):
    """An estimator that holds a threat."""

    def __init__(self, threat=None):
        self.threat = threat


class TestClones:
    threat = ThreatModel(0.4, n_swaps=1, scale={"price": 3.0}).fit(TABLE)

    def test_a_clone_has_learned_the_same_and_shares_nothing(self):
        copy = clone(self.threat)
        assert learned(copy) == learned(self.threat)
        assert copy.allows(TABLE, TABLE).all()
        copy.scales_[0] = 0
        assert self.threat.scales_[0] > 0

    def test_a_clone_of_what_holds_one_keeps_it_fitted(self):
        assert learned(clone(Holder(self.threat)).threat) == learned(self.threat)
        scorer = make_adversarial_scorer(self.threat)
        search = clone(GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=scorer))
        model = pipeline(LogisticRegression()).fit(TABLE, LABELS)
        assert search.scoring(model, TABLE[:9], LABELS[:9]) == scorer(model, TABLE[:9], LABELS[:9])

    def test_a_clone_of_an_unfitted_one_is_unfitted(self):
        assert not hasattr(clone(ThreatModel()), "scales_")

    def test_a_clone_that_is_changed_has_to_be_fitted_again(self):
        copy = clone(self.threat).set_params(scale="iqr")
        with pytest.raises(
            ValueError, match="scale of the ThreatModel has been set to 'iqr' after fit"
        ):
            copy.allows(TABLE, TABLE)
        assert copy.fit(TABLE).allows(TABLE, TABLE).all()
