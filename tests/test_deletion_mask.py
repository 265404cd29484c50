"""Deletion masks against closed forms, all sets of columns, grids and optimality conditions."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification, make_moons
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.diagnostics import deletion_mask
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y, mixed_table, prepared

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = BINARY_X[:, :8], BINARY_Y
ZERO = np.zeros(8)
ALPHAS = [2.0, 0.6, 0.2, 0.05, 0.01]


def supports(model, X, baseline):
    """Loss of a linear model's score by each column that is replaced, and its score."""
    scores = model.decision_function(X)
    signs = np.where(scores > 0, 1, -1)
    return signs[:, None] * model.coef_ * (X - baseline), signs * scores


def least_objective(gains, score, alpha):
    """Minimum for a linear model, from the largest gain to the least.

    All columns but the last are replaced completely.
    """
    least, cost = expit(score), 0.0
    for gain in np.sort(gains[gains > 0])[::-1]:
        ends = [0.0, 1.0]
        if 4 * alpha < gain:  # where the slope of the probability is alpha / gain
            root = np.sqrt(1 - 4 * alpha / gain)
            ends += [
                np.clip((score - logit(p)) / gain, 0, 1) for p in ((1 - root) / 2, (1 + root) / 2)
            ]
        least = min(least, *(alpha * (cost + t) + expit(score - t * gain) for t in ends))
        cost, score = cost + 1, score - gain
    return least


def own_probabilities(model, X, classes):
    return model.predict_proba(X)[np.arange(len(X)), np.searchsorted(model.classes_, classes)]


def objective(model, X, baseline, alpha, mask):
    """By its definition."""
    moved = (1 - mask) * X + mask * baseline
    return alpha * mask.sum(axis=1) + own_probabilities(model, moved, model.predict(X))


@pytest.mark.parametrize("C", [0.01, 1.0, 1000.0], ids=["unsure", "usual", "saturated"])
class TestLinearModels:
    def fitted(self, C):
        return LogisticRegression(C=C, max_iter=10_000).fit(BINARY_X, BINARY_Y)

    @pytest.mark.parametrize("alpha", ALPHAS)
    def test_the_objective_is_the_least_in_closed_form(self, C, alpha):
        model, rows, baseline = self.fitted(C), BINARY_X[:60], np.full(30, 0.2)
        gains, scores = supports(model, rows, baseline)
        mask = deletion_mask(model, rows, baseline, alpha=alpha)
        least = [
            least_objective(gain, score, alpha) for gain, score in zip(gains, scores, strict=True)
        ]
        found = alpha * mask.sum(axis=1) + expit(scores - (gains * mask).sum(axis=1))
        np.testing.assert_allclose(found, least, rtol=0, atol=1e-9)

    def test_columns_go_in_the_order_of_what_they_add_to_the_score(self, C):
        model, rows = self.fitted(C), BINARY_X[:40]
        gains, _ = supports(model, rows, 0)
        sizes = []
        for alpha in ALPHAS:
            mask = deletion_mask(model, rows, np.zeros(30), alpha=alpha)
            kept, replaced = np.where(mask == 0, gains, -np.inf), np.where(mask > 0, gains, np.inf)
            assert (replaced.min(axis=1) >= np.maximum(kept.max(axis=1), 0)).all()
            assert (((mask > 0) & (mask < 1)).sum(axis=1) <= 1).all()
            sizes.append((mask > 0).sum(axis=1))
        assert (np.diff(sizes, axis=0) >= 0).all()
        assert sizes[-1].mean() > 1

    def test_a_lower_cost_buys_a_lower_probability(self, C):
        model, rows = self.fitted(C), BINARY_X[:40]
        masks = [deletion_mask(model, rows, np.zeros(30), alpha=alpha) for alpha in ALPHAS]
        left = [objective(model, rows, 0, 0.0, mask) for mask in masks]
        assert (np.diff([mask.sum(axis=1) for mask in masks], axis=0) >= -1e-6).all()
        assert (np.diff(left, axis=0) <= 1e-6).all()


TREES = {
    "tree": DecisionTreeClassifier(max_depth=5, random_state=0),
    "forest": RandomForestClassifier(20, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=40, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=30, random_state=0),
}


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
class TestAllSetsOfColumns:
    @pytest.mark.parametrize("name", TREES)
    def test_no_set_is_better_for_trees(self, name, alpha):
        model, rows = TREES[name].fit(X, y), X[:80]
        least = np.min(
            [
                objective(model, rows, 0, alpha, np.full(rows.shape, s))
                for s in product([0, 1], repeat=8)
            ],
            0,
        )
        for width, atol in (
            (70, 1e-9),
            (8, 0.02),
        ):  # all sets, of which there are 70 of size 4; and some
            mask = deletion_mask(model, rows, ZERO, alpha=alpha, beam_width=width)
            assert np.isin(mask, (0, 1)).all()
            np.testing.assert_allclose(
                objective(model, rows, 0, alpha, mask), least, rtol=0, atol=atol
            )

    @pytest.mark.parametrize(
        "last", [RandomForestClassifier(10, random_state=0), LogisticRegression()], ids=repr
    )
    @pytest.mark.parametrize("classes", [2, 3])
    def test_no_set_is_better_for_mixed_tables(self, last, classes, alpha):
        table, labels = mixed_table(classes=classes)
        table = table.astype({"age": float})
        model, rows = prepared(last).fit(table, labels), table[:30]
        usual = pd.Series({"age": 45, "income": 2e4, "job": "b", "grade": "middle", "flag": False})
        everything = pd.DataFrame([usual] * len(rows), index=rows.index).astype(table.dtypes)

        def by_definition(mask):
            moved = rows.where(mask == 0, everything)
            return alpha * mask.sum(axis=1) + own_probabilities(
                model, moved.astype(table.dtypes), model.predict(rows)
            )

        least = np.min(
            [by_definition(np.full(rows.shape, s)) for s in product([0, 1], repeat=5)], axis=0
        )
        mask = deletion_mask(model, rows, usual, alpha=alpha)
        assert np.isin(mask[:, 2:], (0, 1)).all()
        if isinstance(last, RandomForestClassifier):
            np.testing.assert_allclose(by_definition(mask), least, rtol=0, atol=1e-9)
        else:  # numbers in part do better
            everything = everything.assign(**self.in_part(rows, usual, mask))
            found = by_definition((mask > 0) * 1.0) + alpha * (mask - (mask > 0)).sum(axis=1)
            assert (found <= least + 1e-9).all()

    @staticmethod
    def in_part(rows, usual, mask):
        ways = {"age": mask[:, 0], "income": np.where(rows.income.isna(), 1, mask[:, 1])}
        return {
            c: np.where(way < 1, (1 - way) * rows[c] + way * usual[c], usual[c])
            for c, way in ways.items()
        }


SMOOTH = {
    "network": GradRegMLPClassifier(
        (8,), "tanh", max_iter=100, learning_rate_init=0.01, random_state=0
    ),
    "scikit-learn's": MLPClassifier((8, 6), "logistic", max_iter=500, random_state=0),
    "kernel": make_pipeline(StandardScaler(), SVC()),
    "one-vs-rest": SGDClassifier(loss="log_loss", random_state=0),
    "bagging": BaggingClassifier(LogisticRegression(), 3, random_state=0),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "squares": make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()),
    "softmax": LogisticRegression(),
}


def stated(model, X):
    """Probabilities of an estimator, by its scores where it states none."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    scores = model.decision_function(X)
    return (
        softmax(scores, axis=1)
        if scores.ndim == 2
        else np.column_stack([expit(-scores), expit(scores)])
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", SMOOTH)
class TestSmoothModels:
    def problem(self, name, n_classes):
        rows, labels = (MULTI_X, MULTI_Y) if n_classes == 3 else (X[:, :4], y)
        model = SMOOTH[name].fit(rows, labels)
        rows = rows[::20]
        own = np.searchsorted(model.classes_, model.predict(rows))

        def objective(mask, alpha):
            moved = (1 - mask) * rows - 0.3 * mask
            return alpha * mask.sum(axis=1) + stated(model, moved)[np.arange(len(rows)), own]

        return model, rows, objective

    def test_no_set_is_better(self, name, n_classes):
        model, rows, objective = self.problem(name, n_classes)
        for alpha in (0.05, 0.3):
            mask = deletion_mask(model, rows, np.full(4, -0.3), alpha=alpha)
            assert ((mask >= 0) & (mask <= 1)).all()
            found = objective(mask, alpha)
            for chosen in product([0.0, 1.0], repeat=4):
                assert (found <= objective(np.broadcast_to(chosen, mask.shape), alpha) + 1e-6).all()

    def test_entries_are_stationary(self, name, n_classes):
        model, rows, objective = self.problem(name, n_classes)
        mask = deletion_mask(model, rows, np.full(4, -0.3), alpha=0.1)
        for j, step in product(range(4), (1e-3, -1e-3)):
            moved = mask.copy()
            moved[:, j] = np.clip(moved[:, j] + step, 0, 1)
            assert (objective(mask, 0.1) <= objective(moved, 0.1) + 1e-7).all()


def test_two_columns_by_a_grid():
    X, y = make_moons(200, noise=0.2, random_state=0)
    model, rows = MLPClassifier((10,), "tanh", max_iter=2000, random_state=0).fit(X, y), X[:20]
    grid = np.array(list(product(np.linspace(0, 1, 51), repeat=2)))
    least = np.min([objective(model, rows, 0.4, 0.3, np.full(rows.shape, m)) for m in grid], axis=0)
    mask = deletion_mask(model, rows, [0.4, 0.4], alpha=0.3)
    found = objective(model, rows, 0.4, 0.3, mask)
    assert (found <= least + 1e-9).all()
    assert ((mask > 0) & (mask < 1)).any()


def test_neighbors_are_searched_without_gradients():
    rows, zero = X[:20, :3], ZERO[:3]
    model = KNeighborsClassifier(3).fit(X[:, :3], y)
    mask = deletion_mask(model, rows, zero)
    assert (
        objective(model, rows, zero, 0.1, mask) < objective(model, rows, zero, 0.1, 0 * mask)
    ).any()


class TestBaseline:
    table, labels = mixed_table()
    model = prepared(RandomForestClassifier(10, random_state=0)).fit(table, labels)
    usual = {"age": 45, "income": 2e4, "job": "b", "grade": "middle", "flag": False}

    @pytest.mark.parametrize(
        "form",
        [
            lambda row: pd.Series(row),
            lambda row: dict(reversed(row.items())),
            lambda row: pd.DataFrame([row])[["job", "age", "income", "flag", "grade"]],
            lambda row: pytest.importorskip("polars").DataFrame([row]),
            lambda row: list(row.values()),
            lambda row: np.array([list(row.values())], dtype=object),
            lambda row: pd.DataFrame(
                [{**row, "age": 40}, {**row, "age": 50, "job": None, "flag": True}, row]
            ),
        ],
        ids=["Series", "dict", "frame", "polars", "list", "array", "table"],
    )
    def test_every_form_of_a_row_is_the_same(self, form):
        expected = deletion_mask(self.model, self.table[:20], self.usual)
        np.testing.assert_array_equal(
            deletion_mask(self.model, self.table[:20], form(self.usual)), expected
        )
        assert expected.any()

    def test_a_table_stands_for_medians_and_most_frequent_levels(self):
        modes = self.table[["job", "grade", "flag"]].mode().iloc[0]
        typical = {**self.table[["age", "income"]].median(), **modes}
        expected = deletion_mask(self.model, self.table, typical)
        np.testing.assert_array_equal(deletion_mask(self.model, self.table, self.table), expected)

    def test_cells_that_are_the_baseline_are_kept(self):
        rows = self.table.assign(job="b", age=45)[:20]
        mask = deletion_mask(self.model, rows, self.usual, alpha=0.0)
        assert not mask[:, [0, 2]].any()
        assert mask.any()

    def test_what_is_missing_on_one_side_is_replaced_as_a_whole(self):
        missing = {"income": None, "job": None, "grade": None}
        for baseline in (self.usual, {**self.usual, **missing}):
            for model in (self.model, prepared(LogisticRegression()).fit(self.table, self.labels)):
                mask = deletion_mask(model, self.table, baseline, alpha=0.02)
                both = (
                    self.table.income.isna()
                    if baseline["income"] is None
                    else self.table.income.notna() & False
                )
                whole = ~both & (self.table.income.isna() | (baseline["income"] is None))
                assert np.isin(mask[whole, 1], (0, 1)).all()
                assert mask[whole, 1].any()
                assert not mask[both, 1].any()

    def test_codes_of_levels_are_replaced_as_a_whole_where_they_are_named(self):
        rng = np.random.RandomState(0)
        table = pd.DataFrame({"code": rng.randint(4, size=100), "height": rng.standard_normal(100)})
        labels = (table.height + 2 * (table.code == 3) > 1).astype(int)
        encode = OneHotEncoder(handle_unknown="ignore")
        model = make_pipeline(encode, LogisticRegression()).fit(table, labels)
        for columns in (["code"], [0]):
            mask = deletion_mask(
                model, table, {"code": 1, "height": 0.0}, categorical=columns, alpha=0.01
            )
            assert np.isin(mask[:, 0], (0, 1)).all()

    def test_arguments_stay_as_they_are(self):
        before, row = self.table.copy(), dict(self.usual)
        deletion_mask(self.model, self.table, row)
        pd.testing.assert_frame_equal(self.table, before)
        assert row == self.usual


class TestBadInput:
    table, labels = mixed_table()
    usual = TestBaseline.usual
    mixed = prepared(LogisticRegression()).fit(table, labels)
    model = LogisticRegression().fit(X, y)

    @pytest.mark.parametrize(
        ("baseline", "message"),
        [
            (np.zeros(3), "baseline has 3 columns, but X has 8"),
            (np.zeros((5, 9)), "baseline has 9 columns, but X has 8"),
            (0.0, "baseline must be one row, or a table of several; got 0.0"),
            (
                np.full(8, np.nan),
                "LogisticRegression does not take the baseline as a row: Input X contains NaN",
            ),
            ([*"abcdefgh"], "baseline has 'a' in the column 0, which X has numbers in"),
            (pd.DataFrame(columns=range(8), dtype=float), "baseline has no rows"),
        ],
    )
    def test_a_bad_baseline_is_named(self, baseline, message):
        with pytest.raises(ValueError, match=message):
            deletion_mask(self.model, X, baseline)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"work": "a"}, "baseline has 6 columns, but X has 5"),
            ({"flag": None}, "baseline is None in the column 'flag' of flags"),
            ({"age": "old"}, "baseline has 'old' in the column 'age', which X has numbers in"),
        ],
    )
    def test_a_bad_row_of_a_table_is_named(self, change, message):
        with pytest.raises(ValueError, match=message):
            deletion_mask(self.mixed, self.table, {**self.usual, **change})

    def test_other_columns_are_named(self):
        other = {"work" if name == "job" else name: cell for name, cell in self.usual.items()}
        with pytest.raises(ValueError, match="it has 'work', which X has not, and lacks 'job'"):
            deletion_mask(self.mixed, self.table, other)

    def test_a_level_that_the_encoder_has_not_seen(self):
        model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(
            self.table[["flag", "grade"]], self.labels
        )
        with pytest.raises(
            ValueError, match="does not take the baseline as a row: Found unknown categories"
        ):
            deletion_mask(model, self.table[["flag", "grade"]], [True, "best"])

    def test_bad_parameters_and_rows_are_named(self):
        for options, message in (
            ({"alpha": -0.1}, "alpha must be a finite number >= 0"),
            ({"beam_width": 0}, "beam_width must be an integer >= 1"),
            (
                {"categorical": ["job"]},
                "categorical names the column 'job', but X has no column names",
            ),
            (
                {"categorical": [8]},
                "categorical has 8, which is not a position among the 8 columns",
            ),
            ({"categorical": "job"}, "categorical must be a sequence of column names or positions"),
        ):
            with pytest.raises(ValueError, match=message):
                deletion_mask(self.model, X, ZERO, **options)
        with pytest.raises(ValueError, match="X has 3 features"):
            deletion_mask(self.model, X[:, :3], np.zeros(3))
        with pytest.raises(TypeError, match="LinearRegression is not a classifier"):
            deletion_mask(LinearRegression().fit(X, y), X, ZERO)
        with pytest.raises(
            TypeError, match="FixedThresholdClassifier does not predict by its scores alone"
        ):
            deletion_mask(
                FixedThresholdClassifier(LogisticRegression(), threshold=0.9).fit(X, y), X, ZERO
            )


def test_codes_that_are_not_named_are_refused_with_the_parameter_that_names_them():
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"x": rng.standard_normal(90), "code": rng.randint(3, size=90)})
    y = (table.x + (table.code == 1) > 0.3).astype(int)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["code"]), ("passthrough", ["x"])),
        LogisticRegression(),
    )
    model.fit(table, y)
    with pytest.raises(
        ValueError,
        match=r"refuses numbers that it has not seen .* Name columns of codes in categorical",
    ):
        deletion_mask(model, table[:3], {"x": 0.0, "code": 0})
    assert set(deletion_mask(model, table, {"x": 0.0, "code": 0}, categorical=["code"])[:, 1]) <= {
        0.0,
        1.0,
    }


def test_no_rows_are_an_error():
    frame = pd.DataFrame(MULTI_X, columns=list("abcd"))
    for X in (MULTI_X, frame):
        model = LogisticRegression().fit(X, MULTI_Y)
        with pytest.raises(
            ValueError, match=r"Found array with 0 sample\(s\) .* while a minimum of 1 is required"
        ):
            deletion_mask(model, X[:0], X)


def test_saturated_probabilities_are_the_stated_ones():
    X, y = make_classification(200, 5, n_informative=4, n_redundant=0, random_state=0)
    model = SGDClassifier(loss="modified_huber", random_state=0).fit(
        X, y
    )  # whose probabilities are no logistic function
    rows = X[np.abs(model.decision_function(X)) > 30]
    mask = deletion_mask(model, rows, np.zeros(5), alpha=0.05)
    own = model.predict(rows)
    after = model.predict_proba((1 - mask) * rows)[np.arange(len(rows)), own]
    assert (0.05 * mask.sum(axis=1) + after <= 1 + 1e-9).all()
    np.testing.assert_array_equal(deletion_mask(model, rows[:1], np.zeros(5), alpha=0.05), mask[:1])


def test_integers_are_replaced_by_integers_so_that_rows_do_not_change_the_type_of_others():
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"code": rng.randint(0, 5, 120), "x": rng.standard_normal(120)})
    words = make_pipeline(
        FunctionTransformer(lambda frame: frame.astype(str)), OneHotEncoder(handle_unknown="ignore")
    )
    model = make_pipeline(
        make_column_transformer((words, ["code"]), remainder="passthrough"),
        LogisticRegression(C=100),
    ).fit(table, table.code % 2 + table.x > 0.5)
    usual = {"code": 1, "x": 0.0}
    together = deletion_mask(model, table[:3], usual)
    assert (together > 0).tolist() == [[False, True], [True, False], [False, True]]
    alone = np.vstack([deletion_mask(model, table[i : i + 1], usual) for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_names_of_the_baseline_count_for_arrays_too():
    frame = pd.DataFrame(MULTI_X, columns=list("abcd"))
    model = LogisticRegression().fit(frame, MULTI_Y)
    baseline = {"d": 1.2, "c": 0.8, "b": 0.0, "a": -0.8}
    expected = deletion_mask(model, frame[::9], baseline)
    np.testing.assert_array_equal(deletion_mask(model, MULTI_X[::9], baseline), expected)


def test_a_list_of_rows_is_a_baseline_and_flags_are_flags():
    table, y = mixed_table()
    model = prepared(LogisticRegression()).fit(table, y)
    row = [50, 2e4, "b", "low", True]
    np.testing.assert_array_equal(
        deletion_mask(model, table[:4], [row]), deletion_mask(model, table[:4], row)
    )
    for flag in ("no", 0.5):
        with pytest.raises(
            ValueError,
            match=f"baseline is {flag!r} in the column 'flag' of flags. Pass True or False",
        ):
            deletion_mask(model, table[:4], [*row[:4], flag])
