"""Reading of the steps before the last.

It is compared with their output, and certificates behind them with predict.
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg._fitted.steps import Steps, read_steps
from sklearn_irg._fitted.tables import as_table
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.diagnostics import attack_distance, certified_radius, distance_interval
from sklearn_irg.model_selection import most_robust
from tests.problems import certified_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:the steps before the last are not affine"),
    pytest.mark.filterwarnings("ignore:Skipping features without any observed values"),
    pytest.mark.filterwarnings("ignore:the scale of e is zero"),
    pytest.mark.filterwarnings(
        "ignore:Currently, when `keep_empty_feature=False`"
    ),  # scikit-learn 1.7
]


def numbers(n_samples=300, seed=0, offset=0.0):
    rng = np.random.RandomState(seed)
    X = offset + rng.standard_normal((n_samples, 2))
    return X, ((X - offset) @ [2.0, 0.3] > 1).astype(int)


def bins(n_bins=3, **parameters):
    return KBinsDiscretizer(n_bins, quantile_method="averaged_inverted_cdf", **parameters)


def flips_by_dense_moves(model, X, y, threat, n_moves=300):
    """Rows that some allowed move of the numbers, to a corner or at random, misclassifies."""
    rng, flips = np.random.RandomState(1), model.predict(X) != y
    values = np.asarray(X, dtype=float)
    for k in range(n_moves):
        step = rng.uniform(-1, 1, values.shape) if k % 2 else rng.choice([-1.0, 0, 1], values.shape)
        moved = np.clip(
            values + threat.epsilon * step * threat.scales_, threat.lows_, threat.highs_
        )
        moved = (
            pd.DataFrame(moved, columns=X.columns)
            if hasattr(X, "columns")
            else moved.astype(X.dtype)
        )
        flips |= model.predict(moved) != y
    return flips


FRAME = pd.DataFrame(numbers()[0], columns=["a", "b"])
READ = {
    "nested": make_pipeline(
        ColumnTransformer(
            [
                ("slice", StandardScaler(), slice(0, 1)),
                ("mask", make_pipeline(SimpleImputer(), MinMaxScaler()), [False, True]),
                ("callable", PCA(1), lambda X: ["a", "b"]),
            ],
            remainder="passthrough",
            transformer_weights={"slice": 5.0, "callable": 0.1},
        ),
        StandardScaler(),
        PCA(2, whiten=True),
    ),
    "negative": ColumnTransformer([("last", StandardScaler(), [-1])], remainder=MinMaxScaler()),
    "union": FeatureUnion(
        [("one", StandardScaler()), ("two", TruncatedSVD(1))], transformer_weights={"two": 3.0}
    ),
}


@pytest.mark.parametrize("name", READ)
def test_slopes_are_those_of_the_steps(name):
    X, y = FRAME, numbers()[1]
    steps = Steps(make_pipeline(READ[name], LogisticRegression()).fit(X, y))
    reading = read_steps(steps, as_table(X))
    assert reading.is_affine
    move = np.array([0.3, -0.7])
    np.testing.assert_allclose(
        steps(X + move) - steps(X), np.tile(move @ reading.slopes, (len(X), 1)), atol=1e-12
    )


def test_kinks_are_where_the_steps_jump():
    X, y = FRAME, numbers()[1]
    steps = make_pipeline(
        StandardScaler(), FeatureUnion([("bins", bins()), ("two", Binarizer(threshold=0.5))])
    )
    chain = Steps(make_pipeline(steps, LogisticRegression()).fit(X, y))
    reading = read_steps(chain, as_table(X))
    grid = np.linspace(-2, 2, 4001)
    outputs = chain(pd.DataFrame({"a": grid, "b": 0.0}))
    jumps = grid[1:][(np.diff(outputs, axis=0) != 0).any(axis=1)]
    np.testing.assert_allclose(jumps, reading.jumps[0], atol=1.1e-3)


class Threshold(LogisticRegression):
    """Labels by a threshold of its own, which its weights do not tell."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.8).astype(int)]


def constant_imputer_of_an_empty_column():
    X, y = numbers()
    frame = pd.DataFrame({"e": np.nan, "a": X[:, 0], "b": X[:, 1]})
    columns = ColumnTransformer([("b", Binarizer(threshold=0.1), [0])], remainder="passthrough")
    return (
        make_pipeline(SimpleImputer(strategy="constant"), columns, LogisticRegression(C=50)).fit(
            frame, y
        ),
        frame,
        y,
    )


def a_frame_in_another_order():
    columns = ColumnTransformer(
        [("bin", Binarizer(threshold=0.3), ["a"]), ("num", StandardScaler(), ["b"])]
    )
    y = (2 * (FRAME.a > 0.3) + 0.3 * FRAME.b > 1).to_numpy(int)
    return make_pipeline(columns, LogisticRegression(C=100)).fit(FRAME, y), FRAME[["b", "a"]], y


def a_step_function_beside_its_number():
    X = numbers()[0][:, :1]
    y = (X[:, 0] > 0.5).astype(int)
    both = FeatureUnion([("id", "passthrough"), ("bin", Binarizer(threshold=0.0))])
    return (
        make_pipeline(both, PCA(1), Binarizer(threshold=0.3), LogisticRegression(C=100)).fit(X, y),
        X,
        y,
    )


def bins_in_single_precision():
    X = 1e6 + np.random.RandomState(0).uniform(-1, 1, (300, 2))
    y = (X[:, 0] > 1e6 + 0.3).astype(int)
    single = bins(4, encode="ordinal", dtype=np.float32)
    columns = ColumnTransformer([("b", single, [0]), ("s", StandardScaler(), [1])])
    return make_pipeline(columns, LogisticRegression(C=100)).fit(X, y), X, y


def weighted_columns():
    X, y = numbers()
    columns = [
        ("b", make_pipeline(StandardScaler(), Binarizer()), [0]),
        ("s", StandardScaler(), [1]),
    ]
    columns = ColumnTransformer(columns, transformer_weights={"b": 5, "s": 0.1})
    return make_pipeline(columns, LogisticRegression()).fit(X, y), X, y


def a_nested_pipeline():
    X = np.random.RandomState(0).randint(0, 9, (300, 2)).astype(float)
    y = (np.where(X[:, 0] == 0, 6, X[:, 0]) + 0.3 * X[:, 1] > 5).astype(int)
    inner = make_pipeline(SimpleImputer(missing_values=0, strategy="median"), LogisticRegression())
    return Pipeline([("outer", make_pipeline("passthrough", inner))]).fit(X, y), X, y


def labels_of_a_threshold():
    X, y = numbers()
    return Threshold().fit(X, y), X, y


class ThresholdSearch(GridSearchCV):
    """A search that predicts by a rule of its own."""

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.9).astype(int)


def labels_of_a_search():
    X, y = numbers()
    return ThresholdSearch(LogisticRegression(), {"C": [1]}).fit(X, y), X, y


def labels_of_a_search_over_bins():
    X, y = numbers()
    search = ThresholdSearch(
        make_pipeline(bins(4), LogisticRegression()), {"logisticregression__C": [0.3]}
    )
    return search.fit(X, y), X, y


def a_clip_of_noise():
    X = 7 + 3 * np.random.RandomState(4).standard_normal((150, 1))
    union = FeatureUnion([("a", "passthrough"), ("s", StandardScaler()), ("m", MinMaxScaler())])
    noise = PCA(2, whiten=True, svd_solver="full")
    model = make_pipeline(
        union, noise, MinMaxScaler(clip=True), LogisticRegression(C=1e6, max_iter=2000)
    )
    y = (X[:, 0] > 7).astype(int)
    return model.fit(X, y), X, y


CASES = [
    labels_of_a_search,
    labels_of_a_search_over_bins,
    a_clip_of_noise,
    constant_imputer_of_an_empty_column,
    a_frame_in_another_order,
    a_step_function_beside_its_number,
    bins_in_single_precision,
    weighted_columns,
    a_nested_pipeline,
    labels_of_a_threshold,
]


@pytest.mark.parametrize("epsilon", [0.05, 0.4])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_is_certified_that_a_move_flips(case, epsilon):
    model, X, y = case()
    y = model.predict(X)
    threat = ThreatModel(epsilon, norm="linf", integers=None).fit(X)
    flips = flips_by_dense_moves(model, X, y, threat)
    assert adversarial_accuracy(model, X[:60], y[:60], threat) <= np.mean(~flips[:60]) + 0.05
    try:
        certified = certified_rows(model, X, y, threat, [epsilon])[0]
    except TypeError:
        return
    assert not (certified & flips).any()


@pytest.mark.parametrize("offset", [0.0, 1e5, 3e6])
@pytest.mark.parametrize(
    "last",
    [
        LogisticRegression(),
        DecisionTreeClassifier(max_depth=3, random_state=0),
        MLPClassifier((5,), max_iter=50, random_state=0),
        NearestCentroid(),
        RidgeClassifier(),
    ],
    ids=lambda last: type(last).__name__,
)
@pytest.mark.parametrize("is_scaled", [True, False])
def test_radii_hold_far_from_zero(last, offset, is_scaled):
    X, y = numbers(offset=offset)
    model = make_pipeline(StandardScaler(), last) if is_scaled else last
    model.fit(X, y)
    lower, upper = distance_interval(model, X, norm="linf")
    assert (lower <= upper).all()
    for share in (0.99, 0.9999):
        for corner in product([-1, 0, 1], repeat=2):
            moved = X + share * lower[:, None] * np.array(corner)
            np.testing.assert_array_equal(model.predict(moved), model.predict(X))


def test_radii_hold_in_nanoseconds():
    rng = np.random.RandomState(0)
    X = np.column_stack([1.7e18 + 3e15 * rng.standard_normal(200), rng.standard_normal(200)])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        X, (X[:, 0] - 1.7e18) / 3e15 + X[:, 1] > 0
    )
    threat = ThreatModel(bounds=None, integers=None).fit(X)
    radii = certified_radius(model, X, threat=threat)
    direction = model[-1].coef_[0] / model[0].scale_ * threat.scales_
    side = np.sign(model.decision_function(X))[:, None]
    moved = (
        X - side * radii[:, None] * 0.9999 * direction / np.linalg.norm(direction) * threat.scales_
    )
    np.testing.assert_array_equal(model.predict(moved), model.predict(X))


def test_radii_of_half_precision_hold():
    X = (50 + 3 * numbers(500)[0]).astype(np.float16)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100)).fit(
        X, X.astype(float).sum(axis=1) > 100
    )
    radii = certified_radius(model, X, threat=ThreatModel(norm="linf").fit(X))
    scales = ThreatModel().fit(X).scales_
    for signs in product([-1, 1], repeat=2):
        moved = X.copy()
        for _ in range(12):  # one neighbor after the other
            moved = np.nextafter(
                moved, np.where(np.array(signs) > 0, np.float16(np.inf), np.float16(-np.inf))
            )
            far = (np.abs(moved.astype(float) - X) / scales).max(axis=1)
            inside = far < radii
            np.testing.assert_array_equal(model.predict(moved)[inside], model.predict(X)[inside])


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(sparse_output=False), OrdinalEncoder(), TargetEncoder()]
)
@pytest.mark.parametrize("n_swaps", [1, 2])
def test_bins_of_sums_of_categories_are_not_additive(encoder, n_swaps):
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"a": rng.choice(list("pqr"), 200), "b": rng.choice(list("uvw"), 200)})
    y = ((X.a == "p") & (X.b == "u") | (X.a == "q") & (X.b == "v")).to_numpy(int)
    model = make_pipeline(
        encoder, TruncatedSVD(1, random_state=0), bins(), LogisticRegression(C=100)
    ).fit(X, y)
    every = pd.DataFrame(list(product("pqr", "uvw")), columns=["a", "b"])
    changes = (X.to_numpy()[:, None] != every.to_numpy()[None]).sum(axis=2)
    stands = ~((changes <= n_swaps) & (model.predict(every)[None] != y[:, None])).any(axis=1)
    threat = ThreatModel(0.0, n_swaps=n_swaps).fit(X)
    assert adversarial_accuracy(model, X, y, threat) == stands.mean()
    assert certified_accuracy(model, X, y, threat) <= stands.mean()


def test_an_unknown_step_is_certified_only_as_far_as_it_was_tried():
    X = np.random.RandomState(0).uniform(0, 2, (100, 1))
    turn = FunctionTransformer(
        lambda X: np.where(np.asarray(X) > 9e5, -np.asarray(X), np.asarray(X))
    )
    model = make_pipeline(turn, LogisticRegression()).fit(X, X[:, 0] > 1)
    threat = ThreatModel(directions={0: "up"}, bounds={0: (0, 1e6)}).fit(X)
    assert np.isfinite(certified_radius(model, X, threat=threat)).all()


@pytest.mark.parametrize(
    "last", [LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)]
)
def test_swaps_never_make_a_boundary_further(last):
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"n": rng.standard_normal(80), "k": rng.choice(list("abc"), 80)})
    y = (X.n + (X.k == "a") > 0.3).to_numpy(int)
    columns = ColumnTransformer([("n", StandardScaler(), ["n"]), ("k", OneHotEncoder(), ["k"])])
    model = make_pipeline(columns, last).fit(X, y)
    without, with_swap = (
        attack_distance(model, X, threat=ThreatModel(n_swaps=k).fit(X)) for k in (0, 1)
    )
    assert (with_swap <= without * (1 + 1e-9)).all()
    assert np.isfinite(with_swap).all()


def test_a_rule_in_place_of_a_search_says_what_is_meant():
    with pytest.raises(TypeError, match=r"pass refit_most_robust\(score, attacked\)"):
        most_robust({"mean_test_score": [0.5]})


class Oversample(BaseEstimator):
    """A sampler as imbalanced-learn's: it changes the rows of ``fit``, and has no ``transform``."""

    def fit_resample(self, X, y):
        return np.concatenate([X, X[y == 1]]), np.concatenate([y, y[y == 1]])


class SamplingPipeline(Pipeline):
    """A pipeline as imbalanced-learn's, whose samplers do nothing in ``predict``."""

    def fit(self, X, y):
        self.X_fit_, self.y_fit_ = X, y
        for _, step in self.steps[:-1]:
            if hasattr(step, "fit_resample"):
                X, y = step.fit_resample(X, y)
            else:
                X = step.fit_transform(X, y)
        self.steps[-1][1].fit(X, y)
        return self

    def predict(self, X):
        for _, step in self.steps[:-1]:
            X = step.transform(X) if hasattr(step, "transform") else X
        return self.steps[-1][1].predict(X)

    def _validate_steps(self):
        pass


@pytest.mark.parametrize("order", [1, -1])
def test_samplers_are_passed_over(order):
    X, y = numbers()
    steps = [("sample", Oversample()), ("scale", StandardScaler())][::order]
    model = SamplingPipeline([*steps, ("last", LogisticRegression())]).fit(X, y)
    scaler, last = dict(model.steps)["scale"], model.steps[-1][1]
    weights, offset = (
        last.coef_[0] / scaler.scale_,
        last.intercept_[0] - last.coef_[0] @ (scaler.mean_ / scaler.scale_),
    )
    distances = np.abs(X @ weights + offset) / np.linalg.norm(weights)
    np.testing.assert_allclose(certified_radius(model, X), distances, rtol=1e-9)
    assert adversarial_accuracy(model, X, model.predict(X), 0.1) == np.mean(distances > 0.1)


def test_pipelines_of_imbalanced_learn():
    over_sampling = pytest.importorskip("imblearn.over_sampling")
    pipeline = pytest.importorskip("imblearn.pipeline")
    X, y = numbers()
    model = pipeline.make_pipeline(
        StandardScaler(), over_sampling.RandomOverSampler(random_state=0), LogisticRegression()
    )
    model.fit(X, y)
    plain = make_pipeline(model[0], model[-1])
    assert adversarial_accuracy(model, X, y, 0.3) == adversarial_accuracy(plain, X, y, 0.3) < 1


def to_categories(table):
    return table.astype({"kind": "category"})


def test_steps_that_give_categories_are_attacked_as_a_whole():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"count": rng.randint(0, 6, 200), "kind": rng.choice(list("abc"), 200)})
    y = (X["count"] + 3 * (X.kind == "a") > 3).to_numpy(int)
    boosting = HistGradientBoostingClassifier(
        max_iter=10, categorical_features="from_dtype", random_state=0
    )
    model = make_pipeline(FunctionTransformer(to_categories), boosting).fit(X, y)
    every = pd.DataFrame(list(product(range(6), "abc")), columns=["count", "kind"])
    threat = ThreatModel(0.7, norm="linf", n_swaps=1).fit(X)
    far = (
        np.abs(every["count"].to_numpy() - X["count"].to_numpy()[:, None])
        <= 0.7 * threat.scales_[0]
    )
    stands = ~(far & (model.predict(every)[None] != y[:, None])).any(axis=1)
    assert adversarial_accuracy(model, X, y, threat) == stands.mean()
    with pytest.raises(TypeError, match="nothing is certain"):
        certified_accuracy(model, X, y, threat)


def test_a_tabular_pipeline_of_skrub():
    skrub = pytest.importorskip("skrub")
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"count": rng.randint(0, 6, 120), "kind": rng.choice(list("abc"), 120)})
    y = (X["count"] + 3 * (X.kind == "a") > 3).to_numpy(int)
    model = skrub.tabular_pipeline(LogisticRegression()).fit(X, y)
    threat = ThreatModel(0.7, norm="linf", n_swaps=1).fit(X)
    assert adversarial_accuracy(model, X, y, threat) < model.score(X, y)
