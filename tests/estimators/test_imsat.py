"""Clustering by information maximization: published objective and scikit-learn's API."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.base import clone, is_clusterer
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg import IMSATClusterer
from sklearn_irg.losses import InformationMaximization
from sklearn_irg.penalties import ConditionalEntropy, LocalRadius, RandomPerturbation
from tests import oracles
from tests.problems import evaluate, make_objective, outputs_of, problem

X, Y = make_blobs(120, centers=3, cluster_std=0.5, random_state=0)
OPTIONS = {"learning_rate_init": 0.01, "random_state": 0}


@pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
def test_the_loss_is_the_published_one(likelihood):
    network, A, Y, theta, rng = problem(likelihood)
    weight = rng.rand(len(A))
    P = oracles.means(outputs_of(network, theta)(A), network.likelihood.out_activation)
    P = np.hstack([1 - P, P]) if likelihood == "logistic" else P
    expected = np.average(entropy(P, axis=1), weights=weight) - 2.5 * entropy(weight @ P)
    objective = make_objective(
        network, A, Y, loss=InformationMaximization(mu=2.5), sample_weight=weight
    )
    np.testing.assert_allclose(evaluate(objective, theta)[0], expected, rtol=1e-10)
    direction = rng.randn(theta.size)
    slope = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(
        evaluate(objective, theta)[1] @ direction, slope, rtol=5e-6, atol=1e-8
    )


def test_finds_clusters_and_predicts_new_rows_alike():
    model = make_pipeline(StandardScaler(), IMSATClusterer(3, **OPTIONS)).fit(X)
    assert is_clusterer(model)
    labels = model[-1].labels_
    assert adjusted_rand_score(Y, labels) > 0.95
    np.testing.assert_array_equal(model.predict(X), labels)
    np.testing.assert_array_equal(model.fit_predict(X), labels)
    np.testing.assert_array_equal(model.predict_proba(X).argmax(axis=1), labels)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("n_clusters", [1, 2])
def test_one_or_two_clusters_are_one_output(n_clusters):
    model = IMSATClusterer(n_clusters, **OPTIONS).fit(X)
    assert model.coefs_[-1].shape[1] == 1
    assert model.predict_proba(X).shape == (120, n_clusters)
    assert set(model.labels_) == set(range(n_clusters))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_alpha_is_the_strength_of_consistency_and_penalties_come_beside_it():
    options = {
        "max_iter": 1,
        "learning_rate_init": 1e-12,
        "shuffle": False,
        "batch_size": 120,
        "random_state": 0,
        "l2": 0,
    }

    def loss(**others):
        return IMSATClusterer(3, **options, **others).fit(X).loss_

    information, whole = loss(alpha=0.0), loss(alpha=1.0)
    np.testing.assert_allclose(loss(alpha=3.0), information + 3 * (whole - information), rtol=1e-6)
    with_entropy = loss(alpha=1.0, penalty=ConditionalEntropy())
    assert whole < with_entropy < whole + np.log(3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_y_is_read_and_weights_of_zero_are_absent_rows():
    weights = np.arange(120) % 2
    options = {"epsilon": 0.3, "max_iter": 3, "shuffle": False, **OPTIONS}
    a = IMSATClusterer(3, **options).fit(X, Y, sample_weight=weights)
    b = IMSATClusterer(3, **options).fit(X[weights > 0])
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    assert a.labels_.shape == (120,)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_of_several_starts_the_one_of_the_smallest_objective_is_kept():
    rng, options = np.random.RandomState(0), {"epsilon": 0.3, "max_iter": 5}
    seeds = [rng.randint(2**31) for _ in range(3)]
    single = [IMSATClusterer(3, random_state=seed, **options).fit(X) for seed in seeds]
    best = IMSATClusterer(3, n_init=3, random_state=0, **options).fit(X)
    assert best.loss_ == min(model.loss_ for model in single)
    assert best.get_params()["random_state"] == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_transform_may_say_what_belongs_together():
    penalty = RandomPerturbation(0, transform=lambda X, random_state: -X)
    model = IMSATClusterer(2, penalty=penalty, **OPTIONS).fit(X - X.mean(axis=0))
    P = model.predict_proba(X - X.mean(axis=0)), model.predict_proba(X.mean(axis=0) - X)
    assert abs(P[0] - P[1]).mean() < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 0}, "n_clusters must be an integer >= 1; got 0"),
        ({"n_clusters": 121}, "n_clusters=121 must not be more than the number of rows, 120"),
        ({"n_init": 0}, "n_init must be an integer >= 1; got 0"),
        ({"mu": -1}, "mu must be a finite number >= 0; got -1"),
        ({"epsilon": 0}, "epsilon must be a finite number > 0; got 0"),
        (
            {"epsilon": LocalRadius(-1)},
            "fraction of LocalRadius must be a finite number > 0; got -1",
        ),
        ({"penalty": "input_gradient"}, "InputGradient counts the rows of group 'labeled'"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        IMSATClusterer(**options).fit(X)


def test_missing_values_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        clone(IMSATClusterer(3)).fit(np.where(X > 5, np.nan, X))


@pytest.mark.filterwarnings("ignore:.*without converging")
def test_one_cluster_in_place_of_several_is_said():
    with pytest.warns(
        ConvergenceWarning,
        match="found one cluster in place of 3. Standardize X, or try another random_state",
    ):
        IMSATClusterer(3, max_iter=2, random_state=0).fit(np.ones((20, 2)))
