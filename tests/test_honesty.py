"""Certificates are true.

They are compared with every row that a threat allows, behind thirty kinds of preprocessing.
"""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg._threats.evaluation import find_attacks
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.diagnostics import certified_radius, distance_interval
from tests.problems import certified_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:the steps before the last are not affine"),
]
COUNTS, AMOUNTS, KINDS = np.arange(9), np.arange(31), ["a", "b", "c"]
EVERY_ROW = pd.DataFrame(list(product(COUNTS, AMOUNTS, KINDS)), columns=["count", "amount", "kind"])
ORDER = {"l2": 2, "linf": np.inf, "l1": 1}


def make_table(n_samples=300, seed=0):
    """Two columns of integers, one of them often zero, and a category.

    They are few enough for all rows to be listed.
    """
    rng = np.random.RandomState(seed)
    count = rng.choice(COUNTS, n_samples, p=[0.3, *[0.7 / 8] * 8])
    table = pd.DataFrame(
        {
            "count": count,
            "amount": rng.randint(0, 31, n_samples),
            "kind": rng.choice(KINDS, n_samples),
        }
    )
    score = (
        0.4 * table["count"] + 0.15 * table.amount + (table.kind == "a") + 3 * (table["count"] == 0)
    )
    return table, (score + rng.standard_normal(n_samples) > score.median()).to_numpy(dtype=int)


def of_numbers(*steps):
    return make_column_transformer(
        (make_pipeline(*steps), ["count", "amount"]), (OneHotEncoder(), ["kind"])
    )


def scaled(*others):
    return make_column_transformer((StandardScaler(), ["count", "amount"]), *others)


def bins(n_bins=3, **parameters):
    return KBinsDiscretizer(n_bins, quantile_method="averaged_inverted_cdf", **parameters)


def is_zero(X):
    return np.column_stack([X, np.asarray(X) == 0])


def log_of(X):
    return np.log1p(np.asarray(X, dtype=float))


def doubled(X):
    return 2.0 * np.asarray(X) + 1


def capped(X):
    return np.minimum(np.asarray(X, dtype=float), 6)


def by_kind(X):
    return np.column_stack([X["count"] * (X.kind == "a"), X.amount])


AFFINE = {
    "scaler": of_numbers(StandardScaler()),
    "range": of_numbers(MinMaxScaler()),
    "largest": of_numbers(MaxAbsScaler()),
    "quartiles": of_numbers(RobustScaler()),
    "imputer": of_numbers(SimpleImputer(add_indicator=True), StandardScaler()),
    "another marker": of_numbers(SimpleImputer(missing_values=-1), StandardScaler()),
    "components": of_numbers(StandardScaler(), PCA(2, whiten=True)),
    "singular vectors": of_numbers(TruncatedSVD(1)),
    "selection": of_numbers(VarianceThreshold(), SelectKBest(k=1)),
    "bounded clip": of_numbers(MinMaxScaler((-1, 1), clip=True)),
    "degree one": of_numbers(PolynomialFeatures(1)),
    "ordinal categories": scaled((OrdinalEncoder(), ["kind"])),
    "categories by target": scaled((TargetEncoder(), ["kind"])),
    "a function": of_numbers(FunctionTransformer(doubled)),
    "union": of_numbers(make_union(StandardScaler(), MissingIndicator(features="all"))),
}
OTHERS = {
    "sentinel zero": of_numbers(
        SimpleImputer(missing_values=0, strategy="median"), StandardScaler()
    ),
    "sentinel with indicator": of_numbers(
        SimpleImputer(missing_values=0, strategy="median", add_indicator=True)
    ),
    "indicator of zero": of_numbers(
        make_union(StandardScaler(), MissingIndicator(missing_values=0, features="all"))
    ),
    "zero beside count": of_numbers(FunctionTransformer(is_zero)),
    "bins": of_numbers(bins()),
    "bins behind a scaler": of_numbers(
        StandardScaler(), bins(4, encode="ordinal", strategy="uniform")
    ),
    "bins of components": of_numbers(StandardScaler(), PCA(1), bins()),
    "thresholds": of_numbers(Binarizer(threshold=4)),
    "thresholds beside numbers": of_numbers(make_union(StandardScaler(), Binarizer(threshold=10))),
    "narrow clip": of_numbers(make_pipeline(StandardScaler(), FunctionTransformer(capped))),
    "logarithm": of_numbers(FunctionTransformer(log_of), StandardScaler()),
    "squares": of_numbers(StandardScaler(), PolynomialFeatures(2)),
    "splines": of_numbers(SplineTransformer(4)),
    "powers": of_numbers(PowerTransformer()),
    "ranks": of_numbers(QuantileTransformer(n_quantiles=20)),
    "unit norm": of_numbers(Normalizer()),
    "neighbors": of_numbers(KNNImputer(missing_values=0)),
    "kernel": of_numbers(StandardScaler(), Nystroem(n_components=10, random_state=0)),
    "numbers by target": make_column_transformer(
        (TargetEncoder(), ["count", "kind"]), ("passthrough", ["amount"])
    ),
    "numbers as categories": make_column_transformer(
        (OneHotEncoder(), ["count", "kind"]), (StandardScaler(), ["amount"])
    ),
    "products": FunctionTransformer(by_kind),
}
LAST = {
    "linear": LogisticRegression(),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "network": GradRegMLPClassifier(
        (6,), max_iter=60, tol=0.01, learning_rate_init=0.02, random_state=0
    ),
}
TABLE, LABELS = make_table()
X, y = TABLE[:40], LABELS[:40]


@cache
def fitted(steps, last):
    return make_pipeline(clone({**AFFINE, **OTHERS}[steps]), clone(LAST[last])).fit(TABLE, LABELS)


@cache
def predicted(steps, last):
    return fitted(steps, last).predict(EVERY_ROW)


def moves(threat):
    """By row of X and row of all: how far it is, infinite where it is not allowed at any radius."""
    numbers = ["count", "amount"]
    units = (EVERY_ROW[numbers].to_numpy()[None] - X[numbers].to_numpy()[:, None]) / threat.scales_[
        :2
    ]
    far = np.linalg.norm(units, ord=ORDER[threat.norm], axis=2)
    swaps = EVERY_ROW.kind.to_numpy(dtype=object)[None] != X.kind.to_numpy(dtype=object)[:, None]
    within = (EVERY_ROW[numbers].to_numpy() <= threat.highs_[:2]).all(axis=1)
    return np.where((swaps <= threat.n_swaps) & within, far, np.inf)


def distances_by_brute_force(steps, last, threat):
    """To the nearest of all rows of another class than the label."""
    wrong = predicted(steps, last)[None] != y[:, None]
    return np.where(wrong, moves(threat), np.inf).min(axis=1)


def certified(model, threat, radii):
    try:
        return certified_rows(model, X, y, threat, radii)
    except TypeError:
        return np.zeros((len(radii), len(X)), dtype=bool)


@pytest.fixture
def attacks(monkeypatch):
    """What `adversarial_accuracy` finds in each row, which it averages."""
    found = []

    def remembered(*args):
        found.append(find_attacks(*args))
        return found[-1]

    monkeypatch.setattr("sklearn_irg.attacks._adversarial_accuracy.find_attacks", remembered)
    return found


@pytest.mark.parametrize(
    ("last", "norm", "n_swaps"),
    [("linear", "linf", 0), ("linear", "linf", 1), ("linear", "l1", 1), ("linear", "l2", 0)]
    + [("tree", "linf", 1), ("tree", "l2", 0), ("network", "linf", 1), ("network", "l2", 0)],
)
@pytest.mark.parametrize("steps", [*AFFINE, *OTHERS])
def test_no_more_is_certified_than_is_true(steps, last, norm, n_swaps, attacks):
    radii = [0.0, 0.3, 0.8]
    threat = ThreatModel(radii, norm=norm, n_swaps=n_swaps).fit(TABLE)
    model, distances = fitted(steps, last), distances_by_brute_force(steps, last, threat)
    truth = distances[None] > np.array(radii)[:, None] + 1e-12
    accuracies = adversarial_accuracy(model, X, y, threat)
    (found,) = attacks
    claimed = certified(model, threat, radii)
    assert (claimed <= truth).all()
    assert (~found.misclassified >= truth).all()
    if steps in AFFINE and last == "linear" and norm == "linf":
        np.testing.assert_array_equal(claimed, truth)
        np.testing.assert_array_equal(~found.misclassified, truth)
    assert accuracies.tolist() == (~found.misclassified).mean(axis=1).tolist()


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("steps", [*AFFINE, *OTHERS])
def test_no_radius_reaches_beyond_a_row_of_another_class(steps, last):
    threat = ThreatModel(norm="linf").fit(TABLE)
    model, distances = fitted(steps, last), distances_by_brute_force(steps, last, threat)[:20]
    lower, upper = distance_interval(model, X[:20], y[:20], threat=threat)
    assert (lower <= distances * (1 + 1e-8)).all()
    assert (upper >= distances * (1 - 1e-8)).all()
    try:
        radii = certified_radius(model, X[:20], y[:20], threat=threat)
    except TypeError:
        return
    assert (radii <= distances * (1 + 1e-8)).all()


@pytest.mark.parametrize(
    "steps",
    ["sentinel zero", "zero beside count", "bins", "thresholds", "narrow clip", "a function"],
)
def test_rows_that_stay_clear_of_kinks_are_certified(steps):
    threat = ThreatModel(0.25, norm="linf").fit(TABLE)
    assert certified_accuracy(fitted(steps, "linear"), X, y, threat) > 0.3


@pytest.mark.parametrize("steps", ["logarithm", "zero beside count", "a function"])
def test_nothing_is_certain_of_unknown_steps_on_columns_without_bounds(steps):
    model = fitted(steps, "linear")
    with pytest.raises(
        TypeError, match=r"nothing is certain about the pipeline .* columns without bounds"
    ):
        certified_accuracy(model, X, y, ThreatModel(0.3, bounds=None).fit(TABLE))
    with pytest.raises(TypeError, match="nothing is certain"):
        certified_radius(model, X, y, threat=ThreatModel(bounds=None).fit(TABLE))
