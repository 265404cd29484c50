"""Trees behind steps that are monotone or jump in one column each.

Results are exact, compared with predict on all rows in reach.
"""

from itertools import cycle, product

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg._fitted import step_readers
from sklearn_irg._fitted.trees import read_trees
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.diagnostics import attack_distance, certified_radius, distance_interval
from tests.test_additive_trees import OTHERS, make
from tests.test_scorecards import (
    NORMS,
    bins,
    check,
    counts,
    distances_by_trial,
    options_of,
    scorecard,
)


def function(of, **options):
    return FunctionTransformer(of, feature_names_out="one-to-one", **options)


STEPS = {
    "powers": PowerTransformer(),
    "box-cox": make_pipeline(MinMaxScaler((1, 9)), PowerTransformer("box-cox", standardize=False)),
    "quantiles": QuantileTransformer(n_quantiles=9),
    "normal quantiles": QuantileTransformer(n_quantiles=9, output_distribution="normal"),
    "logarithm": make_pipeline(function(np.log1p), StandardScaler()),
    "square root": make_pipeline(SimpleImputer(), function(np.sqrt)),
    "saturated": make_pipeline(StandardScaler(), function(np.tanh)),
    "ordinal bins": bins(encode="ordinal"),
    "bins": bins(encode="onehot-dense"),
    "scaled bins": make_pipeline(StandardScaler(), bins(), StandardScaler(with_mean=False)),
    "threshold": FeatureUnion([("x", "passthrough"), ("above", Binarizer(threshold=3))]),
    "falling": FeatureUnion(
        [("l", function(np.log1p)), ("b", bins(3))], transformer_weights={"l": -2.0}
    ),
    "clipped": MinMaxScaler((-1, 1), clip=True),
    "marker": SimpleImputer(missing_values=0, strategy="median", add_indicator=True),
    "codes": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3),
    "twice": FeatureUnion(
        [("x", "passthrough"), ("scaled", StandardScaler()), ("powers", PowerTransformer())]
    ),
}


def boosting(**options):
    return HistGradientBoostingClassifier(
        **{"max_iter": 6, "max_depth": 3, "min_samples_leaf": 2, **options}
    )


@pytest.mark.parametrize(
    ("name", "norm"), [*zip(STEPS, cycle(NORMS)), ("bins", "l2"), ("powers", "l1")]
)
def test_all_integers(name, norm):
    X, y = counts()
    model = scorecard(STEPS[name], boosting()).fit(X, y)
    options = options_of(norm, int(name in ("bins", "powers")), bounds=dict.fromkeys("ab", (0, 7)))
    distances = distances_by_trial(model, X, y, ThreatModel(**options).fit(X))
    check(model, X, y, distances, options, method="additive_trees")


CASES = {
    "linf up": {"norm": "linf", "directions": {"a": "up"}},
    "l2 down and swaps": {"norm": "l2", "directions": {"b": "down"}, "n_swaps": 1},
    "l2 with a still column": {"norm": "l2", "fixed": ["b"], "n_swaps": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32])
def test_types_directions_and_three_classes(dtype, case):
    X, y = counts(n_classes=3)
    X = X.astype({"a": dtype, "b": dtype})
    model = scorecard(FeatureUnion([("p", PowerTransformer()), ("b", bins(3))]), boosting()).fit(
        X, y
    )
    options = options_of(**CASES[case])
    every = pd.DataFrame(list(product(range(8), range(8), "pqr")), columns=["a", "b", "k"])
    every = every.astype({"a": dtype, "b": dtype})
    distances = distances_by_trial(model, X, y, ThreatModel(**options).fit(X), every)
    check(model, X, y, distances, options, method="additive_trees")


IMPUTED = FeatureUnion([("b", make_pipeline(SimpleImputer(), bins(3))), ("m", MissingIndicator())])


@pytest.mark.parametrize("step", [PowerTransformer(), IMPUTED], ids=["as they are", "imputed"])
@pytest.mark.parametrize("norm", NORMS)
def test_missing_cells_stay(norm, step):
    X, y = counts(120)
    X.loc[::5, "a"] = np.nan
    X.loc[::7, "b"] = np.nan
    model = scorecard(step, boosting()).fit(X, y)
    every = pd.DataFrame(
        list(product(*[[*np.arange(8.0), np.nan]] * 2, "pqr")), columns=["a", "b", "k"]
    )
    options = options_of(norm, 1)
    distances = distances_by_trial(model, X, y, ThreatModel(**options).fit(X), every)
    check(model, X, y, distances, options, method="additive_trees")


# -- numbers that are no integers ------------------------------------------------------------------


def continuous(dtype=np.float64, n_samples=60):
    X = np.random.RandomState(0).standard_normal((n_samples, 2)).astype(dtype)
    return X, (np.abs(X[:, 0]) + 0.6 * np.sin(3 * X[:, 1]) > 0.8).astype(int)


def ends(model, j, dtype):
    """Numbers of a column after which some split of the trees changes its answer."""
    trees = read_trees(model[-1]).trees
    cuts = [trees.thresholds(f) for f in range(trees.n_features)]

    def cells(numbers):
        X = np.zeros((len(numbers), 2), dtype=dtype)
        X[:, j] = numbers
        return np.stack(
            [np.searchsorted(c, z) for c, z in zip(cuts, model[:-1].transform(X).T)], axis=1
        )

    low = np.linspace(-6, 6, 4001).astype(dtype)
    low, high = low[:-1], low[1:]
    while len(low) and (np.nextafter(low, high) < high).any():
        differs = (cells(low) != cells(high)).any(axis=1)
        low, high = low[differs], high[differs]
        middle = ((low.astype(float) + high) / 2).astype(dtype)
        low, high = np.append(low, middle), np.append(middle, high)
    differs = (cells(low) != cells(high)).any(axis=1)
    return np.concatenate([low[differs], high[differs]])


def nearest(model, X, y, threat):
    """Distances to the nearest misclassified rows.

    Among all pairs of the row's numbers and ends of pieces.
    """
    columns, distances = [ends(model, j, X.dtype) for j in range(2)], []
    for row, label in zip(X, y):
        tried = np.array(
            list(product(*(np.append(c, x) for c, x in zip(columns, row)))), dtype=X.dtype
        )
        sizes = np.linalg.norm(
            (tried - row.astype(float)) / threat.scales_, ord=NORMS[threat.norm], axis=1
        )
        distances.append(sizes[model.predict(tried) != label].min(initial=np.inf))
    return np.array(distances)


CONTINUOUS = {
    "powers": PowerTransformer(),
    "exponential": make_pipeline(function(np.exp), StandardScaler()),
    "quantiles": QuantileTransformer(n_quantiles=20),
    "normal quantiles": QuantileTransformer(n_quantiles=20, output_distribution="normal"),
    "bins": bins(5, "onehot-dense"),
    "ordinal bins": bins(5, "ordinal"),
    "several": FeatureUnion(
        [("x", StandardScaler()), ("b", bins(3, "onehot-dense")), ("p", PowerTransformer())]
    ),
}


@pytest.mark.parametrize(
    ("name", "norm"), [*zip(CONTINUOUS, cycle(NORMS)), ("powers", "l2"), ("bins", "l1")]
)
def test_distances_are_those_of_the_nearest_piece(name, norm):
    X, y = continuous()
    model = make_pipeline(CONTINUOUS[name], boosting()).fit(X, y)
    threat = ThreatModel([0.05, 0.2, 0.5], norm=norm, integers=None, bounds=None).fit(X)
    distances = nearest(model, X, y, threat)
    lower, upper = distance_interval(model, X, y, threat=threat)
    np.testing.assert_allclose(lower, distances, rtol=1e-7, atol=1e-11)
    np.testing.assert_allclose(upper, distances, rtol=1e-7, atol=1e-11)
    assert (lower <= distances).all()
    found = evaluate_robustness(model, X, y, threat, method="exact")
    np.testing.assert_array_equal(
        found.misclassified, distances <= np.reshape(threat.epsilon, (-1, 1))
    )
    np.testing.assert_array_equal(found.certified, ~found.misclassified)
    assert threat.allows(X, found.X_adversarial).all()
    np.testing.assert_array_equal(
        model.predict(found.X_adversarial) != y, found.misclassified.any(axis=0)
    )


@pytest.mark.parametrize(("name", "norm"), [("several", "linf"), ("powers", "l2"), ("bins", "l1")])
def test_large_ensembles_are_searched_row_by_row(name, norm, monkeypatch):
    X, y = continuous()
    model = make_pipeline(CONTINUOUS[name], boosting()).fit(X, y)
    threat = ThreatModel([0.05, 0.2, 0.5], norm=norm, integers=None, bounds=None).fit(X)
    at_once = evaluate_robustness(model, X, y, threat, method="exact")
    monkeypatch.setattr("sklearn_irg._threats.trees.search._MOST_BYTES_AT_ONCE", 0)
    one_by_one = evaluate_robustness(model, X, y, threat, method="exact")
    np.testing.assert_array_equal(one_by_one.certified, at_once.certified)
    np.testing.assert_array_equal(one_by_one.misclassified, at_once.misclassified)


@pytest.mark.parametrize("name", ["powers", "normal quantiles", "bins"])
def test_single_precision(name):
    X, y = continuous(np.float32)
    model = make_pipeline(CONTINUOUS[name], boosting()).fit(X, y)
    threat = ThreatModel(0.3, norm="linf", integers=None, bounds=None).fit(X)
    distances = nearest(model, X, y, threat)
    lower, upper = distance_interval(model, X, y, threat=threat)
    assert (lower <= distances * (1 + 1e-7)).all()
    assert np.median(distances - lower) < 1e-5
    np.testing.assert_allclose(upper, distances, rtol=1e-6, atol=1e-6)
    found = evaluate_robustness(model, X, y, threat, method="exact")
    np.testing.assert_array_equal(found.certified, ~found.misclassified)
    np.testing.assert_array_equal(found.misclassified[0], distances <= 0.3)


def test_the_label_flips_from_one_number_to_the_next():
    X, y = continuous()
    X = X[:, :1]
    model = make_pipeline(PowerTransformer(), boosting()).fit(X, y)
    y = model.predict(X)
    threat = ThreatModel(1.0, scale={0: 1.0}, integers=None, bounds=None).fit(X)
    distance = attack_distance(model, X, threat=threat)
    nearer, further = distance * (1 - 1e-9) - 1e-15, distance * (1 + 1e-9) + 1e-15
    for sign in (-1, 1):
        assert (model.predict(X + sign * nearer[:, None]) == y).all()
    reached = [model.predict(X + sign * further[:, None]) != y for sign in (-1, 1)]
    assert np.logical_or(*reached).all()


def test_an_affine_curve_is_as_a_scaler():
    X, y = continuous()
    scaler, power = StandardScaler().fit(X), PowerTransformer().fit(X)
    last = boosting().fit(scaler.transform(X), y)
    power.lambdas_ = np.ones(2)
    power._scaler = scaler
    threat = ThreatModel(0.3, norm="l2", integers=None).fit(X)
    scaled, curved = (
        distance_interval(make_pipeline(step, last), X, threat=threat) for step in (scaler, power)
    )
    np.testing.assert_allclose(curved, scaled, rtol=1e-7, atol=1e-11)


def test_a_domain_that_ends():
    X, y = continuous()
    X = np.exp(X)
    model = make_pipeline(PowerTransformer("box-cox"), boosting()).fit(X, y)
    threat = ThreatModel(0.3, integers=None, bounds=None).fit(X)
    lower, upper = distance_interval(model, X, y, threat=threat)
    assert np.isfinite(upper).all()
    np.testing.assert_allclose(lower, upper, rtol=1e-7, atol=1e-11)


MODELS = {
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "forest": RandomForestClassifier(5, max_depth=3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
}


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_every_library(name):
    X, y = continuous()
    last = MODELS[name] if name in MODELS else make(name)
    model = make_pipeline(PowerTransformer(), last).fit(X, y)
    threat = ThreatModel(0.3, norm="l2", integers=None).fit(X)
    certified, attacked = (
        f(model, X, y, threat=threat) for f in (certified_accuracy, adversarial_accuracy)
    )
    assert certified == attacked < 1
    assert (certified_radius(model, X, y, threat=threat)[model.predict(X) == y] > 0).all()


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [function(np.square), PowerTransformer()], ids=["no reader", "behind a sum"]
)
def test_other_functions_are_searched(step):
    X, y = continuous()
    mixed = (
        make_pipeline(function(lambda X: X @ [[1.0, 1], [0, 1]]), step)
        if type(step) is PowerTransformer
        else step
    )
    model = make_pipeline(mixed, boosting()).fit(X, y)
    threat = ThreatModel(0.3, integers=None).fit(X)
    with pytest.raises(TypeError, match="nothing is certain"):
        certified_accuracy(model, X, y, threat=threat)


def test_a_function_that_is_not_monotone_as_declared(monkeypatch):
    X, y = continuous()
    monkeypatch.setattr(step_readers, "_MONOTONE", (np.cos,))
    model = make_pipeline(function(np.cos), boosting()).fit(X, y)
    threat = ThreatModel(0.3, integers=None).fit(X)
    with pytest.raises(TypeError, match="not monotone"):
        evaluate_robustness(model, X, y, threat, method="exact")


def test_bounds_narrower_than_the_table_that_the_threat_was_fitted_on():
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(0, 10, 80).astype(float), rng.standard_normal(80)])
    y = (X.sum(axis=1) > 5).astype(int)
    model = make_pipeline(
        FunctionTransformer(np.negative), RandomForestClassifier(5, random_state=0)
    ).fit(X, y)
    threat, inside = ThreatModel(0.3, bounds={0: (0, 7)}).fit(X), X[:, 0] <= 7
    certified = certified_accuracy(model, X[inside], y[inside], threat)
    assert certified == adversarial_accuracy(model, X[inside], y[inside], threat)


@pytest.mark.parametrize("function", [np.log1p, np.sqrt])
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore:the steps before the last are not affine"
)
def test_a_curve_that_ends_before_an_imputer_is_not_monotone(function):
    X = np.random.RandomState(0).uniform(0.1, 10, (300, 1))
    steps = (
        FunctionTransformer(function),
        SimpleImputer(),
        GradientBoostingClassifier(n_estimators=1, learning_rate=9.0, max_depth=1),
    )
    model, rows = make_pipeline(*steps).fit(X, X[:, 0] > 3), np.array([[6.0], [7.0]])
    threat = ThreatModel(20, scale={0: 1.0}, bounds={0: (-5, 12)}).fit(X)
    assert model.predict(rows).all()
    assert not model.predict([[1.0]])[0]  # left of the rows; below zero it is as at the mean
    assert not evaluate_robustness(model, rows, [True, True], threat).certified.any()
