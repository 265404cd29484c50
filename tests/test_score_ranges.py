"""Lowest and highest scores within a set: against every cell, every integer, and sampled points."""

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

from sklearn_irg._fitted.trees import read_trees
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.methods import choose
from sklearn_irg._threats.score_ranges import score_range
from sklearn_irg.attacks import ThreatModel

RNG = np.random.RandomState(0)
X = np.column_stack([RNG.poisson(3, 150), RNG.randint(0, 6, 150), RNG.poisson(1, 150)]).astype(
    float
)
Y = (X @ [0.5, -0.4, 0.3] + 0.7 * RNG.standard_normal(150) > 0.6).astype(int)
GRID = np.array(
    list(
        itertools.product(
            *(np.arange(low, high + 1) for low, high in zip(X.min(0), X.max(0), strict=True))
        )
    )
)
NORMS = ["linf", "l2", "l1"]
ORDER = {"l2": 2, "linf": np.inf, "l1": 1}


def ranges(model, rows, threat):
    return score_range(
        AttackProblem(model, rows, model.predict(rows), threat), float(threat.epsilon)
    )


def margins(model, rows):
    if hasattr(model, "decision_function"):
        return model.decision_function(rows)
    return np.diff(model.predict_proba(rows), axis=1)[:, 0]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        GradientBoostingClassifier(n_estimators=8, random_state=0),
        RandomForestClassifier(5, max_depth=3, random_state=0),
    ],
    ids=lambda m: type(m).__name__,
)
def test_integers_are_exact(model, norm):
    model.fit(X, Y)
    threat = ThreatModel(0.9, norm=norm).fit(X)
    found = ranges(model, X[:40], threat)
    distances = np.linalg.norm(
        (GRID[None] - X[:40, None]) / threat.scales_, ord=ORDER[norm], axis=2
    )
    scores = np.where(distances <= 0.9, margins(model, GRID), np.nan)
    np.testing.assert_allclose(found.lowest, np.nanmin(scores, axis=1), atol=1e-9)
    np.testing.assert_allclose(found.highest, np.nanmax(scores, axis=1), atol=1e-9)
    np.testing.assert_allclose(found.lowest_bound, found.lowest, atol=1e-9)
    np.testing.assert_allclose(found.highest_bound, found.highest, atol=1e-9)
    assert (found.lowest_bound <= np.nanmin(scores, axis=1)).all()


def test_cells_of_trees_are_exact_without_integers():
    rows = X + 0.25 * RNG.standard_normal(X.shape)
    model = GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0).fit(rows, Y)
    threat = ThreatModel(0.5, norm="l1").fit(rows)
    cuts = [read_trees(model).trees.thresholds(j) for j in range(3)]
    for row in rows[:10]:
        columns = [
            np.concatenate([[x], c[c < x], np.nextafter(c[c >= x], np.inf)])
            for x, c in zip(row, cuts, strict=True)
        ]
        points = np.array(list(itertools.product(*columns)))
        near = np.abs((points - row) / threat.scales_).sum(axis=1) <= 0.5
        near &= ((points >= threat.lows_) & (points <= threat.highs_)).all(axis=1)
        found = ranges(model, row[None], threat)
        np.testing.assert_allclose(
            found.lowest[0], model.decision_function(points[near]).min(), atol=1e-9
        )
        np.testing.assert_allclose(
            found.highest_bound[0], model.decision_function(points[near]).max(), atol=1e-9
        )


def test_networks_have_bounds_around_what_is_attained():
    model = MLPClassifier((6,), alpha=1.0, solver="lbfgs", random_state=0, max_iter=5000).fit(X, Y)
    threat = ThreatModel(0.3, norm="linf", integers=None).fit(X)
    found = ranges(model, X[:30], threat)
    before = np.log(model.predict_proba(X[:30]))
    before = before[:, 1] - before[:, 0]
    assert found.method == "linear_bounds"
    assert (found.lowest_bound <= found.lowest + 1e-9).all()
    assert (found.lowest <= before + 1e-9).all()
    assert (found.highest_bound >= found.highest - 1e-9).all()
    assert (found.highest >= before - 1e-9).all()
    assert (found.highest - found.lowest > 0.01).mean() > 0.9


def test_of_a_black_box_nothing_is_certain():
    model = KNeighborsClassifier().fit(X, Y)
    found = ranges(model, X[:5], ThreatModel(0.3).fit(X))
    assert found.method == ""
    assert np.isinf(found.lowest_bound).all()
    assert np.isinf(found.highest_bound).all()


def test_three_classes_are_refused():
    rows, labels = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="two classes are needed"):
        ranges(LogisticRegression(max_iter=500).fit(rows, labels), rows, ThreatModel(0.1).fit(rows))


def behind_bins(last):
    """Scores behind bins, and the lowest and highest of many rows in the set."""
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    rows = X + 0.3 * RNG.standard_normal(X.shape)
    model = make_pipeline(bins, last).fit(rows, Y)
    threat = ThreatModel(0.5, norm="linf").fit(rows)
    box = np.clip(
        rows[:40] + 0.5 * threat.scales_ * RNG.uniform(-1, 1, (200, 40, 3)),
        threat.lows_,
        threat.highs_,
    )
    scores = model.decision_function(box.reshape(-1, 3)).reshape(200, 40)
    return ranges(model, rows[:40], threat), scores.min(axis=0), scores.max(axis=0)


def test_nothing_is_said_of_a_linear_model_beyond_a_kink_of_the_steps():
    found, lowest, highest = behind_bins(LogisticRegression(C=10))
    assert (found.lowest_bound <= lowest + 1e-9).all()
    assert (found.highest_bound >= highest - 1e-9).all()
    assert np.isinf(found.lowest_bound).any()


def test_trees_behind_bins_are_exact():
    found, lowest, highest = behind_bins(GradientBoostingClassifier(n_estimators=8, random_state=0))
    np.testing.assert_allclose(found.lowest_bound, found.lowest)
    np.testing.assert_allclose(found.highest_bound, found.highest)
    assert (found.lowest_bound <= lowest + 1e-9).all()
    assert (found.highest_bound >= highest - 1e-9).all()


def test_what_is_known_of_a_part_is_not_taken_for_the_whole():
    model = GradientBoostingClassifier(n_estimators=8, random_state=0).fit(X, Y)
    threat = ThreatModel(0.9, norm="linf", directions={0: "up"}).fit(X)
    problem = AttackProblem(model, X, Y, threat)
    highest = np.flatnonzero(X[:, 0] == X[:, 0].max())  # whose first number cannot move
    part, _ = choose(problem.take(highest), "attack")
    whole, _ = choose(problem, "attack")
    assert 0 not in part.search.moving
    assert 0 in whole.search.moving
