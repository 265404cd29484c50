"""Linear models behind steps that act column by column and have kinks.

Results are exact, compared with predict on all rows in reach.
"""

from itertools import cycle, product

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, evaluate_robustness
from sklearn_irg.diagnostics import distance_interval

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def bins(n_bins=4, encode="onehot"):
    return KBinsDiscretizer(n_bins, encode=encode, quantile_method="averaged_inverted_cdf")


def spline(degree=1, **parameters):
    return SplineTransformer(n_knots=4, degree=degree, **parameters)


STEPS = {
    "bins": bins(),
    "ordinal bins": bins(encode="ordinal"),
    "scaled bins": make_pipeline(StandardScaler(), bins()),
    "weights of evidence": make_pipeline(bins(encode="ordinal"), TargetEncoder()),
    "bins as categories": make_pipeline(bins(encode="ordinal"), OneHotEncoder(drop="first")),
    "components of bins": make_pipeline(bins(), PCA(3, random_state=0)),
    "spline": spline(),
    "continued spline": spline(extrapolation="continue", include_bias=False),
    "linear spline": make_pipeline(
        StandardScaler(), spline(extrapolation="linear"), StandardScaler()
    ),
    "steps of a spline": spline(0),
    "clipped": MinMaxScaler((-1, 1), clip=True),
    "clipped twice": FeatureUnion(
        [
            ("a", MinMaxScaler(clip=True)),
            ("b", make_pipeline(StandardScaler(), MinMaxScaler((0, 9), clip=True))),
        ]
    ),
    "threshold": FeatureUnion([("x", "passthrough"), ("above", Binarizer(threshold=3))]),
    "marker": SimpleImputer(missing_values=0, strategy="median", add_indicator=True),
    "codes": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3),
    "targets of codes": TargetEncoder(),
    "all": FeatureUnion(
        [
            ("bins", bins(3)),
            ("spline", spline()),
            ("clip", MinMaxScaler(clip=True)),
            ("x", StandardScaler()),
        ]
    ),
}


def counts(n_samples=40, n_classes=2, seed=0):
    """Integers from 0 to 7 in two columns, and a column of levels."""
    rng = np.random.RandomState(seed)
    X = pd.DataFrame(rng.randint(0, 8, (n_samples, 2)).astype(float), columns=["a", "b"])
    X["k"] = rng.choice(list("pqr"), n_samples)
    scores = np.abs(X.a - 3) + 0.7 * X.b + 1.5 * (X.k == "q") + 0.5 * rng.standard_normal(n_samples)
    return X, np.digitize(scores, np.quantile(scores, np.arange(1, n_classes) / n_classes))


def scorecard(step, last=None):
    last = LogisticRegression(C=30) if last is None else last
    columns = ColumnTransformer(
        [("n", step, ["a", "b"]), ("k", OneHotEncoder(), ["k"])], sparse_threshold=0
    )
    return make_pipeline(columns, last)


EVERY = pd.DataFrame(list(product(np.arange(8.0), np.arange(8.0), "pqr")), columns=["a", "b", "k"])
NORMS = {"linf": np.inf, "l2": 2, "l1": 1}


def distances_by_trial(model, X, y, threat, every=EVERY):
    """Distances of rows to the nearest misclassified row of the grid that the threat allows."""
    wrong = model.predict(every)[None] != y[:, None]
    start, end = (table[["a", "b"]].to_numpy(float) for table in (X, every))
    moves = np.nan_to_num(end[None] - start[:, None])
    fine = (np.isnan(end)[None] == np.isnan(start)[:, None]) & (
        np.sign(moves) * threat.directions_[:2] >= 0
    )
    fine &= (threat.scales_[:2] > 0) | (moves == 0)
    n_swaps = (X.k.to_numpy()[:, None] != every.k.to_numpy()[None]).astype(int)
    sizes = np.linalg.norm(
        moves / np.where(threat.scales_[:2] > 0, threat.scales_[:2], 1),
        ord=NORMS[threat.norm],
        axis=2,
    )
    return np.where(wrong & fine.all(axis=2) & (n_swaps <= threat.n_swaps), sizes, np.inf).min(
        axis=1
    )


def check(model, X, y, distances, options, radii=(0.31, 0.9, 2.0), method="scorecard"):
    """Accuracies, rows and distances, at radii that are none of the distances."""
    threat = ThreatModel(list(radii), **options).fit(X)
    found = evaluate_robustness(model, X, y, threat, method="exact")
    expected = distances <= np.reshape(radii, (-1, 1))
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(found.misclassified, expected)
    np.testing.assert_array_equal(found.certified, ~expected)
    assert (found.attacked_by == method).all()
    assert threat.allows(X, found.X_adversarial).all()
    np.testing.assert_array_equal(model.predict(found.X_adversarial) != y, expected.any(axis=0))
    lower, upper = distance_interval(model, X, y, threat=threat)
    np.testing.assert_allclose(lower, distances, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(upper, distances, rtol=1e-9, atol=1e-9)


def options_of(norm="l2", n_swaps=0, **others):
    return {"norm": norm, "n_swaps": n_swaps, "integers": ["a", "b"], **others}


@pytest.mark.parametrize(("name", "norm"), zip(STEPS, cycle(NORMS)))
def test_all_integers(name, norm):
    X, y = counts()
    model = scorecard(STEPS[name]).fit(X, y)
    options = options_of(norm, int(name in ("bins", "spline", "codes", "all")))
    check(model, X, y, distances_by_trial(model, X, y, ThreatModel(**options).fit(X)), options)


OTHERS = {
    "linf up": {"norm": "linf", "directions": {"a": "up"}},
    "l2 down and swaps": {"norm": "l2", "directions": {"b": "down"}, "n_swaps": 1},
    "l1 within bounds": {"norm": "l1", "bounds": {"a": (0, 7), "b": (0, 7)}},
    "l2 with a still column": {"norm": "l2", "fixed": ["b"], "n_swaps": 1},
}
LAST = {
    "svm": LinearSVC(C=10),
    "three classes": LogisticRegression(C=30, max_iter=500),
    "gradients": GradRegLogisticRegression(alpha=0.01, random_state=0),
}


@pytest.mark.parametrize(
    ("last", "case"), [*zip(cycle(LAST), OTHERS), ("three classes", "l2 with a still column")]
)
def test_models_and_directions(last, case):
    X, y = counts(n_classes=2 + (last != "svm"))
    model = scorecard(STEPS["all"], LAST[last]).fit(X, y)
    options = options_of(**OTHERS[case])
    check(model, X, y, distances_by_trial(model, X, y, ThreatModel(**options).fit(X)), options)


@pytest.mark.parametrize("norm", NORMS)
def test_missing_cells_stay(norm):
    X, y = counts(120)
    X.loc[::5, "a"] = np.nan
    X.loc[::7, "b"] = np.nan
    model = scorecard(
        FeatureUnion([("b", make_pipeline(SimpleImputer(), bins())), ("m", MissingIndicator())])
    ).fit(X, y)
    values = [[*np.arange(8.0), np.nan]] * 2
    every = pd.DataFrame(list(product(*values, "pqr")), columns=["a", "b", "k"])
    options = options_of(norm, 1)
    check(
        model, X, y, distances_by_trial(model, X, y, ThreatModel(**options).fit(X), every), options
    )


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32])
def test_types_of_columns(dtype):
    X, y = counts()
    X = X.astype({"a": dtype, "b": dtype})
    model = scorecard(STEPS["bins"]).fit(X, y)
    options = options_of("l2", 1)
    every = EVERY.astype({"a": dtype, "b": dtype})
    check(
        model, X, y, distances_by_trial(model, X, y, ThreatModel(**options).fit(X), every), options
    )


def continuous(seed=0, n_samples=40):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n_samples, 2))
    X[:, 1] = np.round(X[:, 1], 1)
    return X, (np.abs(X[:, 0]) + 0.6 * np.sin(3 * X[:, 1]) > 0.8).astype(int)


def around(numbers):
    """Numbers, and their neighbors in double precision."""
    return np.unique(
        np.concatenate([numbers, np.nextafter(numbers, -np.inf), np.nextafter(numbers, np.inf)])
    )


def trials(model, X, n_dense):
    """All pairs of numbers at and next to kinks, at the rows' own numbers, and densely between."""
    from sklearn_irg._fitted.steps import Steps, read_steps
    from sklearn_irg._fitted.tables import as_table

    kinks = read_steps(Steps(model), as_table(X)).landmarks
    columns = [np.union1d(around(kinks[j]), np.linspace(-4, 4, n_dense)) for j in range(2)]
    return np.array(list(product(*columns)))


CONTINUOUS = {
    "bins": bins(5),
    "scaled bins": make_pipeline(StandardScaler(), bins(4, "ordinal"), OneHotEncoder()),
    "spline": spline(),
    "clipped spline": FeatureUnion(
        [("s", spline(extrapolation="linear")), ("c", MinMaxScaler(clip=True)), ("b", bins(3))]
    ),
    "threshold": FeatureUnion([("x", "passthrough"), ("above", Binarizer(threshold=0.1))]),
    "marker": FeatureUnion(
        [
            ("i", SimpleImputer(missing_values=0.5, add_indicator=True)),
            ("b", Binarizer(threshold=0.5)),
        ]
    ),
}


@pytest.mark.parametrize(
    ("name", "norm"), [*zip(CONTINUOUS, cycle(NORMS)), ("marker", "l1"), ("threshold", "l2")]
)
def test_continuous_numbers(name, norm):
    X, y = continuous()
    X[:3] = 0.5, 0.1
    model = make_pipeline(CONTINUOUS[name], LogisticRegression(C=100)).fit(X, y)
    y = np.where(np.arange(len(y)) % 9, model.predict(X), y)
    tried = trials(model, X, 161)
    wrong = model.predict(tried)[None] != y[:, None]
    threat = ThreatModel([0.1, 0.25, 0.6], norm=norm, integers=None, bounds=None).fit(X)
    sizes = np.linalg.norm((tried[None] - X[:, None]) / threat.scales_, ord=NORMS[norm], axis=2)
    upper_by_trial = np.where(wrong, sizes, np.inf).min(axis=1) * (model.predict(X) == y)
    found = evaluate_robustness(model, X, y, threat, method="exact")
    np.testing.assert_array_equal(found.certified, ~found.misclassified)
    assert not (found.certified & (upper_by_trial <= np.reshape(threat.epsilon, (-1, 1)))).any()
    assert threat.allows(X, found.X_adversarial).all()
    np.testing.assert_array_equal(
        model.predict(found.X_adversarial) != y, found.misclassified.any(axis=0)
    )
    lower, upper = distance_interval(model, X, y, threat=threat)
    np.testing.assert_allclose(lower, upper, rtol=1e-6, atol=1e-12)
    assert (lower <= upper_by_trial * (1 + 1e-9) + 1e-12).all()
    if name in (
        "bins",
        "scaled bins",
    ):  # the nearest point is next to kinks, or at the row's own numbers
        near = [np.union1d(around(np.unique(tried[:, j])), X[:, j]) for j in range(2)]
        for i in range(0, len(X), 4):
            own = np.array(list(product(*(np.append(c, X[i, j]) for j, c in enumerate(near)))))
            sizes = np.linalg.norm((own - X[i]) / threat.scales_, ord=NORMS[norm], axis=1)
            truth = sizes[model.predict(own) != y[i]].min(initial=np.inf)
            np.testing.assert_allclose(lower[i], truth, rtol=1e-9, atol=1e-12)


def test_a_kink_belongs_to_the_side_that_the_steps_say():
    X = np.repeat(np.arange(5.0), 20)[:, None]
    above = make_pipeline(Binarizer(threshold=2), LogisticRegression(C=100)).fit(X, X[:, 0] > 2)
    from_there = make_pipeline(bins(2), LogisticRegression(C=100)).fit(X, X[:, 0] >= 2)
    for model, rows in ((above, [[0.0], [2.0], [4.0]]), (from_there, [[0.0], [2.0], [4.0]])):
        y = model.predict(np.array(rows))
        options = {"norm": "linf", "integers": None, "bounds": None, "scale": None}
        threat = ThreatModel([1.0, 1.999, 2.001], **options).fit(X)
        found = evaluate_robustness(model, np.array(rows), y, threat)
        for radius, misclassified in zip(threat.epsilon, found.misclassified, strict=True):
            ends = np.array(rows) + radius * np.linspace(-1, 1, 801)
            near = np.clip(
                np.nextafter(2.0, [-np.inf, 2.0, np.inf]),
                ends.min(axis=1)[:, None],
                ends.max(axis=1)[:, None],
            )
            points = np.concatenate([ends, near], axis=1)
            truth = (model.predict(points.reshape(-1, 1)).reshape(points.shape) != y[:, None]).any(
                axis=1
            )
            np.testing.assert_array_equal(misclassified, truth)
        np.testing.assert_array_equal(found.certified, ~found.misclassified)


REFUSED = {
    "mix columns": make_pipeline(
        StandardScaler(), PCA(2), KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")
    ),
    "of 0 cannot be read": FunctionTransformer(np.tanh),
    "cannot be read": spline(3),
    "is not linear": bins(3),
    "are affine": StandardScaler(),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused(reason):
    X, y = continuous()
    last = (
        DecisionTreeClassifier(max_depth=3) if reason == "is not linear" else LogisticRegression()
    )
    model = make_pipeline(REFUSED[reason], last).fit(X, y)
    threat = ThreatModel(0.1, integers=None).fit(X)
    with pytest.raises(TypeError, match=reason):
        adversarial_accuracy(model, X, y, threat, method="scorecard")


def test_what_rounding_decides_is_not_certified():
    X = np.array(list(product([0.0, 1.0], repeat=3)))
    model = make_pipeline(Binarizer(threshold=0.5), LogisticRegression()).fit(X, X[:, 0])
    model[-1].coef_, model[-1].intercept_ = np.array([[0.1, 0.2, -0.3]]), np.zeros(1)
    threat = ThreatModel([0.3, 1.0], norm="linf", scale=None, integers=None, fixed=[0, 1]).fit(X)
    found = evaluate_robustness(model, [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]], [1.0, 1.0], threat)
    np.testing.assert_array_equal(found.certified, [[True, True], [False, False]])
