"""The Wasserstein distance of two samples, on rows that a critic has not seen."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi, wasserstein_distance
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_irg import WassersteinCritic
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.step import Step
from sklearn_irg.constraints import SpectralNormalization, WeightClipping
from sklearn_irg.diagnostics import input_gradients
from sklearn_irg.losses import MeanDifference
from sklearn_irg.penalties import InputGradient, LipschitzGradient
from tests.problems import problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRADIENT_PENALTY = LipschitzGradient(two_sided=True, at="interpolates")


def shifted(n, d, shift, seed=0):
    """Two samples of standard normal rows at a distance, and which is which."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2 * n, d))
    X[n:] -= shift / np.sqrt(d)
    return X, np.repeat([0, 1], n)


@pytest.mark.parametrize(
    "options",
    [{}, {"constraint": SpectralNormalization()}, {"penalty": GRADIENT_PENALTY}],
    ids=["default", "constraint", "penalty"],
)
def test_is_scipys_distance_in_one_dimension(options):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=800), 1.5 * rng.normal(size=800) + 1
    critic = WassersteinCritic(cv=2, random_state=0, **options).fit(
        np.r_[a, b][:, None], np.repeat(["a", "b"], 800)
    )
    assert critic.distance_ == pytest.approx(wasserstein_distance(a, b), rel=0.08)
    assert critic.contributions_ == pytest.approx(critic.distance_, rel=0.05)


def test_is_that_of_shifted_gaussians_in_ten_dimensions():
    X, y = shifted(1500, 10, 1.5)
    critic = WassersteinCritic((30,), cv=2, max_iter=50, random_state=0).fit(X, y)
    assert critic.distance_ == pytest.approx(1.5, abs=0.3)
    np.testing.assert_allclose(critic.contributions_, 0.15, atol=0.08)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda rng: rng.normal(size=600), lambda rng: 2 * rng.normal(size=600)),
        (
            lambda rng: 0.5 * rng.normal(size=600),
            lambda rng: 0.5 * rng.normal(size=600) + rng.choice([-2, 2], 600),
        ),
        (lambda rng: rng.exponential(size=600), lambda rng: rng.normal(size=600) + 1),
    ],
    ids=["spread", "clusters", "shape"],
)
def test_is_scipys_distance_of_samples_that_differ_in_more_than_place(first, second):
    rng = np.random.default_rng(2)
    a, b = first(rng), second(rng)
    critic = WassersteinCritic(cv=2, random_state=0).fit(
        np.append(a, b)[:, None], np.repeat([0, 1], 600)
    )
    assert critic.distance_ == pytest.approx(wasserstein_distance(a, b), rel=0.15)


def test_is_that_of_gaussians_of_different_spread_in_ten_dimensions():
    X, y = shifted(800, 10, 0)
    X[y == 1] *= 1.5
    critic = WassersteinCritic(cv=2, max_iter=100, random_state=0).fit(X, y)
    assert critic.distance_ == pytest.approx(
        0.5 * chi(10).mean(), rel=0.15
    )  # all rows move along rays


def test_is_near_zero_where_the_samples_are_alike_though_the_critic_tells_its_own_rows_apart():
    X, y = shifted(300, 10, 0)
    critic = WassersteinCritic(cv=3, max_iter=60, random_state=0).fit(X, y)
    scores = critic.score_samples(X)
    assert (
        abs(critic.distance_) < 0.2
    )  # the standard deviation of a difference of two means of 300 rows is 0.08
    assert scores[y == 0].mean() - scores[y == 1].mean() > 0.3


def test_scales_and_moves_with_the_rows():
    X, y = shifted(60, 3, 2.0)
    options = {"cv": 2, "max_iter": 20, "random_state": 0}
    one, other = (
        WassersteinCritic(**options).fit(X, y),
        WassersteinCritic(**options).fit(1000 * X + 5e4, y),
    )
    np.testing.assert_allclose(other.distance_, 1000 * one.distance_, rtol=1e-6)
    np.testing.assert_allclose(
        other.contributions_, 1000 * one.contributions_, rtol=1e-6, atol=1e-6
    )
    ours, theirs = (np.ptp(c.score_samples(Z)) for c, Z in ((one, X), (other, 1000 * X + 5e4)))
    np.testing.assert_allclose(theirs, 1000 * ours, rtol=1e-6)


def test_says_which_columns_moved():
    X, y = shifted(400, 4, 0)
    X[y == 1, 2] += 1.5
    critic = WassersteinCritic(cv=2, random_state=0).fit(pd.DataFrame(X, columns=list("abcd")), y)
    assert critic.feature_names_in_[critic.contributions_.argmax()] == "c"
    assert critic.contributions_[2] > 0.9 * critic.contributions_.sum()
    gradients = input_gradients(critic, pd.DataFrame(X, columns=list("abcd")), of="score")
    assert abs(gradients).mean(axis=0).argmax() == 2
    assert np.linalg.norm(gradients, axis=1).max() <= 1.25  # a penalty is no bound


def test_the_first_sample_is_the_first_class_and_has_the_larger_scores():
    X, y = shifted(100, 2, 3.0)
    words = np.array(["new", "reference"])[y]
    options = {"cv": 2, "max_iter": 30, "random_state": 0}
    critic = WassersteinCritic(**options).fit(X, words)
    assert list(critic.classes_) == ["new", "reference"]
    scores = critic.score_samples(X)
    assert scores[words == "new"].mean() > scores[words == "reference"].mean()
    swapped = WassersteinCritic(**options).fit(X, 1 - y)
    assert swapped.distance_ == pytest.approx(critic.distance_, rel=0.1)


def test_rows_of_weight_zero_are_absent():
    X, y = shifted(80, 2, 1.0)
    weights = np.tile([1.0, 0.0], 80)
    options = {"cv": 2, "max_iter": 10, "random_state": 0}
    a = WassersteinCritic(**options).fit(X, y, weights)
    b = WassersteinCritic(**options).fit(X[::2], y[::2])
    np.testing.assert_allclose(a.distance_, b.distance_, rtol=1e-9)


def test_folds_may_be_given_or_left_out():
    X, y = shifted(40, 2, 1.0)
    critic = WassersteinCritic(
        cv=KFold(2, shuffle=True, random_state=0), max_iter=5, random_state=0
    ).fit(X, y)
    assert np.isfinite(critic.distance_)
    assert np.isfinite(critic.set_params(cv=StratifiedKFold(2).split(X, y)).fit(X, y).distance_)
    assert not hasattr(
        critic.set_params(cv=None).fit(X, y), "distance_"
    )  # nor that of the last fit


@pytest.mark.parametrize("scale", [1e-170, 1e150])
def test_no_unit_is_too_large_or_too_small(scale):
    X, y = shifted(40, 2, 1.0)
    a, b = (
        WassersteinCritic(max_iter=5, cv=2, random_state=0).fit(c * X, y).distance_
        for c in (1.0, scale)
    )
    np.testing.assert_allclose(b, scale * a, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (
            np.arange(80) % 3,
            {},
            "y must have two values, one for each of the samples that WassersteinCritic compares; "
            "got 3: 0, 1, 2",
        ),
        (np.ones(80), {}, "y must have two values, .*; got one class: 1.0"),
        (
            np.arange(80) < 3,
            {},
            "cv=5 needs as many rows of each sample, but y has 3 of one. Lower cv, or use cv=None",
        ),
        (
            np.arange(80) < 40,
            {"cv": KFold(2)},
            "cv must give folds that train and test on rows of both samples",
        ),
        (np.arange(80) % 2, {"cv": 1}, "cv must be an integer >= 2; got 1"),
        (
            np.arange(80) % 2,
            {"penalty": InputGradient()},
            "InputGradient counts the rows of group 'labeled'",
        ),
        (
            np.arange(80) % 2,
            {"constraint": "spectral"},
            "constraint must be None or a Constraint .*; got 'spectral'",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(y, options, message):
    with pytest.raises(ValueError, match=message):
        WassersteinCritic(**options).fit(shifted(40, 2, 1.0)[0], y)


@pytest.mark.parametrize(
    ("constraint", "slope"),
    [(SpectralNormalization(), 1), (SpectralNormalization(0.5), 0.5), (WeightClipping(0.1), 2)],
)
def test_constraints_bound_the_slope(constraint, slope):
    X, y = shifted(50, 2, 1.0)
    critic = WassersteinCritic(constraint=constraint, cv=2, max_iter=10, random_state=0).fit(X, y)
    assert np.linalg.norm(input_gradients(critic, X, of="score"), axis=1).max() <= slope + 1e-6


def test_interpolates_are_between_a_row_of_each_sample():
    network, X, *_, rng = problem("identity")
    network = Network((5, 7, 1), network.activation, network.likelihood)
    rows = Rows(X, groups={"first": np.arange(12), "second": np.arange(12, 20)})
    objective = Objective(network, rows, [(1.0, MeanDifference()), (1.0, GRADIENT_PENALTY)])
    for batch in (objective.full_batch(), *objective.minibatches(5, True, rng)):
        step = Step(objective, network.initialize(rng, np.float64), batch, rng)
        first = step.weights_of("first") > 0
        np.testing.assert_array_equal(first[step.random_partners()], ~first)
