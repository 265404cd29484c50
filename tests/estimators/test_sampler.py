"""A generator against a critic: new rows like those of a table."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_irg import WassersteinSampler
from sklearn_irg._engine.activations import Tanh
from sklearn_irg._engine.generator import CriticAndGenerator, Opponents
from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg.losses._generator import GeneratorLoss
from tests import oracles

MODES = np.array([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8])


def game(speed=0.5):
    rng = np.random.RandomState(0)
    network = CriticAndGenerator((3, 5, 1), Tanh(), Gaussian(), generator_sizes=(2, 4, 3))
    rows = Rows(rng.randn(20, 3), sample_weight=rng.rand(20))
    objective = Objective(network, rows, [(1.0, GeneratorLoss(2, 0.7))], parametrisation=Opponents(speed))
    return objective, network.initialize(rng, np.float64), rng


def test_the_critic_descends_what_the_generator_ascends_more_slowly():
    objective, theta, _ = game(speed=0.5)
    n_critic, batch = objective.network.n_critic_parameters, objective.everything()

    def value(theta):
        return objective.value(theta, batch, np.random.RandomState(1))

    gradient = objective.value_and_grad(theta, batch, np.random.RandomState(1))[1]
    slopes = np.array([oracles.directional_derivative(value, theta, e) for e in np.eye(theta.size)])
    np.testing.assert_allclose(gradient[:n_critic], slopes[:n_critic], rtol=1e-5, atol=1e-8)
    # rows between are constants for the generator, which sees the difference only
    difference = Objective(
        objective.network, objective.rows, [(1.0, GeneratorLoss(2, 1e-300))], parametrisation=Opponents(0.5)
    )
    plain = [
        oracles.directional_derivative(
            lambda t: difference.value(t, batch, np.random.RandomState(1)), theta, np.eye(theta.size)[i]
        )
        for i in range(n_critic, theta.size)
    ]
    np.testing.assert_allclose(gradient[n_critic:], -np.array(plain), rtol=1e-5, atol=1e-8)


def test_the_value_is_the_published_one():
    objective, theta, _ = game(speed=1.0)
    network, rows = objective.network, objective.rows
    rng = np.random.RandomState(1)
    latent, share = rng.standard_normal((20, 2)), rng.random_sample((20, 1))
    made = oracles.outputs(latent, network.generator(theta), "tanh")
    critic = network.unpack(theta)
    weights = rows.weights_of("all")

    def f(X):
        return oracles.outputs(X, critic, "tanh")[:, 0]

    G = oracles.input_gradients(f, share * rows.X + (1 - share) * made)
    expected = f(made).mean() - weights @ f(rows.X) + 0.7 * ((np.linalg.norm(G, axis=1) - 1) ** 2).mean()
    value = objective.value(theta, objective.everything(), np.random.RandomState(1))
    np.testing.assert_allclose(value, expected, rtol=1e-7)


def test_covers_eight_gaussians_on_a_ring():
    rng = np.random.RandomState(0)
    X = MODES[rng.randint(8, size=1500)] + 0.05 * rng.standard_normal((1500, 2))
    made = WassersteinSampler((48, 48), n_steps=4000, random_state=0).fit(X).sample(1500)
    distances = np.linalg.norm(made[:, None] - MODES, axis=2)
    close = distances.min(axis=1) < 3 * 0.05
    assert close.mean() >= 0.8
    assert np.count_nonzero(np.bincount(distances.argmin(axis=1)[close], minlength=8) > 15) >= 7


def test_rows_have_the_units_of_the_table():
    X = load_iris().data * [1, 1e3, 1e-3, 1] + [0, 1e5, 0, -7]
    made = WassersteinSampler((32,), n_steps=600, random_state=0).fit(X).sample(2000)
    assert (abs(made.mean(axis=0) - X.mean(axis=0)) < 0.4 * X.std(axis=0)).all()
    assert (abs(np.log(made.std(axis=0) / X.std(axis=0))) < np.log(2)).all()


def test_the_same_seed_makes_the_same_rows():
    model = WassersteinSampler((8,), n_steps=20, random_state=0).fit(load_iris().data)
    np.testing.assert_array_equal(model.sample(5), model.sample(5))
    assert (model.sample(5) != model.sample(5, random_state=1)).any()
    assert model.n_iter_ == 20
    assert not hasattr(model, "to_sklearn")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_latent": 0}, "n_latent must be an integer >= 1; got 0"),
        ({"n_steps": 0}, "n_steps must be an integer >= 1; got 0"),
        ({"alpha": 0}, "alpha must be a finite number > 0; got 0"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        WassersteinSampler(**options).fit(load_iris().data)


def test_a_number_of_rows_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1; got 0"):
        WassersteinSampler((4,), n_steps=2).fit(load_iris().data).sample(0)
