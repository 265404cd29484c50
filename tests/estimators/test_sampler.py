"""A generator against a critic: new rows like those of a table."""

import gc
import pickle
import weakref
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from sklearn_irg import WassersteinSampler
from sklearn_irg._engine.activations import Tanh
from sklearn_irg._engine.likelihoods import Gaussian
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.rows import Rows
from sklearn_irg._estimators._sampler.game import AlternatingAdam, Game
from sklearn_irg.constraints import FrobeniusCap, SpectralNormalization, WeightClipping
from sklearn_irg.losses import MeanDifference
from sklearn_irg.penalties import InputGradient, LipschitzGradient, WeightDecay
from sklearn_irg.solvers import Schedule
from tests import oracles

MODES = np.array([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8])
TWO_SIDED = LipschitzGradient(two_sided=True, at="interpolates")
ONE_SIDED = LipschitzGradient(bound=0.3, at="interpolates")
AT_THE_ROWS = LipschitzGradient(bound=0.2)
WAYS = [
    (TWO_SIDED, None),
    (ONE_SIDED, None),
    (AT_THE_ROWS, None),
    (2.0 * ONE_SIDED + 0.5 * AT_THE_ROWS, None),
    (None, SpectralNormalization(0.5)),
    (TWO_SIDED, SpectralNormalization(2.0)),
    (None, WeightClipping(0.1)),
]


def game(penalty, constraint, kind=Game):
    """A game with a critic of three inputs, and a start."""
    rng = np.random.RandomState(0)
    critic, generator = (Network(sizes, Tanh(), Gaussian()) for sizes in ((3, 5, 1), (2, 4, 3)))
    rows = Rows(rng.randn(20, 3), sample_weight=rng.rand(20))
    terms = [(1.0, MeanDifference())]
    if penalty is not None:
        terms += [(0.7 * weight, term) for weight, term in penalty.terms()]
    objective = kind(critic, rows, terms, generator=generator, parametrization=constraint)
    theta = np.concatenate([player.initialize(rng, np.float64) for player in (critic, generator)])
    objective.project(theta)
    return objective, theta


# -- the same in NumPy, for complex parameters too, so that steps along i give derivatives without r


def layers(theta, sizes):
    for n_in, n_out in pairwise(sizes):
        W, b, theta = np.split(theta, [n_in * n_out, n_in * n_out + n_out])
        yield W.reshape(n_in, n_out), b


def largest_singular_value(W):
    v = np.ones(W.shape[1]) + 0j
    for _ in range(400):
        v = W.T @ (W @ v)
        v = v / np.sqrt(v @ v)
    return np.sqrt((W @ v) @ (W @ v))


def critic_of(theta, constraint):
    (W, b), (V, c) = layers(theta[:26], (3, 5, 1))
    if isinstance(constraint, SpectralNormalization):
        W, V = (np.sqrt(constraint.bound) * A / largest_singular_value(A) for A in (W, V))
    return W, b, V, c


def generated(theta, latent):
    return oracles.outputs(latent, list(layers(theta[26:], (2, 4, 3))), "tanh")


def scores(critic, X):
    W, b, V, c = critic
    return (np.tanh(X @ W + b) @ V + c)[:, 0]


def slopes(critic, X):
    W, b, V, _ = critic
    G = ((1 - np.tanh(X @ W + b) ** 2) * V[:, 0]) @ W.T
    return np.sqrt((G**2).sum(axis=1))


def critic_value(theta, objective, penalty, constraint, seed):
    rng, X, w = np.random.RandomState(seed), objective.rows.X, objective.rows.weights_of("all")
    made = generated(theta.real, rng.standard_normal((20, 2)))  # which for the critic are constants
    critic = critic_of(theta, constraint)
    value = scores(critic, made).mean() - w @ scores(critic, X)
    both = np.vstack([X, made])
    weights = np.append(w, np.full(20, 1 / 20)) / 2
    for weight, term in [] if penalty is None else penalty.terms():
        where = both
        if term.at == "interpolates":
            share = rng.random_sample((40, 1))
            rng.permutation(40)
            partners = np.append(
                20 + rng.choice(20, 20, p=np.full(20, 1 / 20)), rng.choice(20, 20, p=w)
            )
            where = share * both + (1 - share) * both[partners]
        excess = slopes(critic, where) - term.bound
        value += (
            0.7 * weight * weights @ np.where(term.two_sided | (excess.real > 0), excess, 0) ** 2
        )
    return value


def opposing_value(theta, constraint, seed):
    made = generated(theta, np.random.RandomState(seed).standard_normal((15, 2)))
    return -scores(critic_of(theta.real, constraint), made).mean()


def value_and_gradient(function, theta):
    steps = 1e-30j * np.eye(theta.size)
    return function(theta + 0j).real, np.array(
        [function(theta + step).imag for step in steps]
    ) / 1e-30


@pytest.mark.parametrize(("penalty", "constraint"), WAYS, ids=repr)
class TestEveryWay:
    def test_the_critic_descends_its_own_objective(self, penalty, constraint):
        objective, theta = game(penalty, constraint)
        expected, slope = value_and_gradient(
            lambda t: critic_value(t, objective, penalty, constraint, 1), theta
        )
        everything = objective.full_batch()
        value, gradient = objective.value_and_grad(theta, everything, np.random.RandomState(1))
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-12)
        assert not gradient[26:].any()
        np.testing.assert_allclose(
            objective.value(theta, everything, np.random.RandomState(1)), expected, rtol=1e-9
        )

    def test_the_generator_ascends_the_critic(self, penalty, constraint):
        objective, theta = game(penalty, constraint)
        expected, slope = value_and_gradient(lambda t: opposing_value(t, constraint, 1), theta)
        value, gradient = objective.opposing_value_and_grad(theta, 15, np.random.RandomState(1))
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-12)
        assert not gradient[:26].any()

    @pytest.mark.parametrize("n_critic", [1, 3])
    def test_they_take_turns(self, penalty, constraint, n_critic):
        objective, theta = game(penalty, constraint)
        schedule = Schedule(
            2, 0.0, np.random.RandomState(1), batch_size=4, learning_rate_init=0.01, shuffle=False
        )
        found = (
            AlternatingAdam(n_critic, speed=0.5, beta_1=0.5)
            .minimize(objective, theta, schedule)
            .theta
        )
        np.testing.assert_allclose(
            found, published(objective, theta, n_critic), rtol=1e-9, atol=1e-12
        )


def published(objective, theta, n_critic):
    """Algorithm 1 of Gulrajani et al. (2017), on ten batches of four rows."""
    theta, rng = theta.copy(), np.random.RandomState(1)
    critic, generator = ({"rate": rate, "m": 0.0, "v": 0.0, "t": 0} for rate in (0.01, 0.005))
    for n_steps in range(1, 11):
        start = 4 * ((n_steps - 1) % 5)
        batch = next(objective.rows.take(np.arange(start, start + 4)).minibatches(4, False, None))
        theta[:26] += adam_step(critic, objective.value_and_grad(theta, batch, rng)[1][:26])
        objective.parametrization.project(objective.network, theta[:26])
        if n_steps % n_critic == 0:
            theta[26:] += adam_step(
                generator, objective.opposing_value_and_grad(theta, 4, rng)[1][26:]
            )
    return theta


def adam_step(player, gradient):
    player["t"] += 1
    player["m"] = 0.5 * player["m"] + 0.5 * gradient
    player["v"] = 0.999 * player["v"] + 0.001 * gradient**2
    m, v = player["m"] / (1 - 0.5 ** player["t"]), player["v"] / (1 - 0.999 ** player["t"])
    return -player["rate"] * m / (np.sqrt(v) + 1e-8 / np.sqrt(1 - 0.999 ** player["t"]))


class Watched(WassersteinSampler):
    """Keeps the weights of the critic too."""

    def _game(self, *args):
        self.game_ = super()._game(*args)
        return self.game_

    def _adopt(self, fitted, *args):
        super()._adopt(fitted, *args)
        self.critic_ = [
            W for W, _ in self.game_.network.unpack(self.game_.effective(fitted.solution.theta))
        ]


class TestConstraint:
    OPTIONS = {
        "hidden_layer_sizes": (16,),
        "n_steps": 200,
        "learning_rate_init": 0.02,
        "random_state": 0,
    }

    @pytest.mark.parametrize("n_critic", [1, 5])
    @pytest.mark.parametrize(
        ("constraint", "size", "bound"),
        [
            (SpectralNormalization(1.0), lambda W: np.linalg.norm(W, 2), 1.0),
            (WeightClipping(0.05), lambda W: np.abs(W).max(), 0.05),
            (FrobeniusCap(0.4), np.linalg.norm, 0.4),
        ],
        ids=["spectral", "clipped", "frobenius"],
    )
    def test_holds_for_the_critic_alone(self, constraint, size, bound, n_critic):
        model = Watched(constraint=constraint, n_critic=n_critic, **self.OPTIONS).fit(
            load_iris().data
        )
        np.testing.assert_allclose(max(size(W) for W in model.critic_), bound, rtol=1e-9)
        assert min(size(W) for W in model.coefs_) > bound

    def test_stands_in_for_the_penalty(self):
        constrained = WassersteinSampler(constraint=SpectralNormalization(), **self.OPTIONS)
        X = load_iris().data
        weak, strong = (
            constrained.set_params(alpha=alpha).fit(X).sample(5) for alpha in (0.1, 10.0)
        )
        np.testing.assert_array_equal(weak, strong)
        assert (weak != constrained.set_params(penalty=TWO_SIDED).fit(X).sample(5)).all()

    def test_the_penalty_without_one_is_the_published(self):
        X = load_iris().data
        default, explicit, other = (
            WassersteinSampler(penalty=penalty, **self.OPTIONS).fit(X).sample(5)
            for penalty in (None, TWO_SIDED, ONE_SIDED)
        )
        np.testing.assert_array_equal(default, explicit)
        assert (default != other).all()

    @pytest.mark.parametrize(
        ("penalty", "same"),
        [
            (2.0 * AT_THE_ROWS, 1.5 * AT_THE_ROWS + 0.5 * AT_THE_ROWS),
            (LipschitzGradient() * 1.0, "lipschitz_gradient"),
        ],
        ids=str,
    )
    def test_penalties_add_up_and_have_names(self, penalty, same):
        X = load_iris().data
        made, expected = (
            WassersteinSampler(penalty=one, **self.OPTIONS).fit(X).sample(5)
            for one in (penalty, same)
        )
        np.testing.assert_allclose(made, expected, rtol=1e-6)


class TestStepSizes:
    @pytest.mark.parametrize(("n_critic", "expected"), [(1, 1.0), (2, 2.0), (3, 3.0), (5, 3.0)])
    def test_the_default_of_the_generator(self, n_critic, expected):
        options = {
            "hidden_layer_sizes": (8,),
            "n_steps": 20,
            "learning_rate_init": 3.0 * 2**-9,
            "random_state": 0,
        }
        models = [
            WassersteinSampler(n_critic=n_critic, generator_learning_rate_init=rate, **options)
            for rate in (None, expected * 2**-9)
        ]
        default, explicit = (model.fit(load_iris().data).sample(5) for model in models)
        np.testing.assert_allclose(default, explicit, rtol=1e-9)

    def test_steps_are_the_critics(self):
        model = WassersteinSampler((8,), n_steps=20, n_critic=5, random_state=0).fit(
            load_iris().data
        )
        assert model.n_iter_ == 20


def test_covers_eight_gaussians_on_a_ring():
    rng = np.random.RandomState(0)
    X = MODES[rng.randint(8, size=1500)] + 0.05 * rng.standard_normal((1500, 2))
    made = WassersteinSampler((48, 48), n_steps=4000, random_state=0).fit(X).sample(1500)
    distances = np.linalg.norm(made[:, None] - MODES, axis=2)
    close = distances.min(axis=1) < 3 * 0.05
    assert close.mean() >= 0.8
    assert np.count_nonzero(np.bincount(distances.argmin(axis=1)[close], minlength=8) > 15) >= 7


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"n_critic": 5, "n_steps": 3000},
        {"constraint": SpectralNormalization()},
        {"penalty": ONE_SIDED},
    ],
    ids=repr,
)
def test_rows_have_the_units_of_the_table(way):
    X = load_iris().data * [1, 1e3, 1e-3, 1] + [0, 1e5, 0, -7]
    made = WassersteinSampler((32,), random_state=0, **{"n_steps": 600, **way}).fit(X).sample(2000)
    assert (abs(made.mean(axis=0) - X.mean(axis=0)) < 0.4 * X.std(axis=0)).all()
    assert (abs(np.log(made.std(axis=0) / X.std(axis=0))) < np.log(2)).all()


def test_the_same_seed_makes_the_same_rows():
    model = WassersteinSampler((8,), n_steps=20, random_state=0).fit(load_iris().data)
    np.testing.assert_array_equal(model.sample(5), model.sample(5))
    assert (model.sample(5) != model.sample(5, random_state=1)).any()
    assert model.n_iter_ == 20
    assert not hasattr(model, "to_sklearn")


# -- tables ----------------------------------------------------------------------------------------


def columns():
    """Columns by name: floats, integers and flags."""
    rng = np.random.RandomState(0)
    return {
        "width": rng.randn(60),
        "count": rng.poisson(2.0, 60),
        "flag": rng.rand(60) < 0.4,
        "half": np.arange(60) / 2,
        "whole": rng.randint(-3, 4, 60).astype(float),
    }


def fitted(table, **options):
    return WassersteinSampler((8,), n_steps=20, random_state=0, **options).fit(table)


class TestDataFrames:
    def test_rows_of_pandas_have_its_names_in_order_and_its_types(self):
        frame = pd.DataFrame(columns()).astype({"half": np.float32, "count": np.uint8})
        made = fitted(frame, round_integers=True).sample(200)
        pd.testing.assert_series_equal(made.dtypes, frame.dtypes)
        assert made.index.equals(pd.RangeIndex(200))

    def test_types_of_pandas_own_come_back(self):
        types = {"width": "Float64", "half": "Float32", "count": "Int64", "flag": "boolean"}
        frame = pd.DataFrame(columns()).astype(types)
        pd.testing.assert_series_equal(
            fitted(frame, round_integers=True).sample(9).dtypes, frame.dtypes
        )

    def test_integers_that_are_not_rounded_become_floats(self):
        made = fitted(pd.DataFrame(columns())).sample(200)
        assert (made.dtypes == np.float64).all()
        assert (made["count"] % 1 != 0).any()

    def test_rows_of_polars_have_its_names_in_order_and_its_types(self):
        pl = pytest.importorskip("polars")
        frame = pl.DataFrame(columns()).cast({"half": pl.Float32, "count": pl.UInt8})
        assert fitted(frame, round_integers=True).sample(200).schema == frame.schema
        plain = fitted(frame).sample(200)
        assert plain.columns == frame.columns
        assert plain["count"].dtype == plain["flag"].dtype == pl.Float64

    @pytest.mark.parametrize("round_integers", [False, True])
    def test_numbers_are_those_of_the_array(self, round_integers):
        frame = pd.DataFrame(columns()).astype(float)
        of_frame, of_array = (
            fitted(X, round_integers=round_integers).sample(200) for X in (frame, frame.to_numpy())
        )
        assert isinstance(of_array, np.ndarray)
        np.testing.assert_array_equal(of_frame.to_numpy(), of_array)

    def test_no_row_of_the_table_is_kept(self):
        X = np.random.RandomState(0).randn(60, 2)
        reference = weakref.ref(X)
        model = fitted(pd.DataFrame(X, columns=["a", "b"], copy=False))
        del X
        gc.collect()
        assert reference() is None
        assert model.sample(3).columns.tolist() == ["a", "b"]


class TestIntegers:
    def test_are_found_by_their_values(self):
        model = fitted(pd.DataFrame(columns()).astype(float))
        np.testing.assert_array_equal(model.integer_features_, [False, True, True, False, True])

    def test_are_rounded_within_the_range_that_was_seen(self):
        X = pd.DataFrame(columns()).astype(float).to_numpy()
        exact, rounded = (fitted(X, round_integers=option).sample(500) for option in (False, True))
        expected = np.clip(np.rint(exact), X.min(axis=0), X.max(axis=0))
        np.testing.assert_array_equal(
            rounded, np.where([False, True, True, False, True], expected, exact)
        )
        assert (np.rint(exact) != expected).any()

    def test_rows_without_weight_do_not_count(self):
        X = np.array([[0.0], [1.0], [3.0], [0.5]])
        model = WassersteinSampler((4,), n_steps=2).fit(X, sample_weight=[1, 1, 1, 0])
        assert model.integer_features_.tolist() == [True]

    def test_numbers_beyond_what_floats_resolve_are_none(self):
        assert fitted(np.arange(20.0)[:, None] * [1, 1e18]).integer_features_.tolist() == [
            True,
            False,
        ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_latent": 0}, "n_latent must be an integer >= 1; got 0"),
        ({"n_steps": 0}, "n_steps must be an integer >= 1; got 0"),
        ({"alpha": 0}, "alpha must be a finite number > 0; got 0"),
        ({"n_critic": 0}, "n_critic must be an integer >= 1; got 0"),
        ({"n_critic": 2.5}, "n_critic must be an integer >= 1; got 2.5"),
        (
            {"n_critic": 5, "n_steps": 4},
            "n_critic=5 needs as many steps, but n_steps=4: the generator would never move",
        ),
        ({"learning_rate_init": 0}, "learning_rate_init must be a finite number > 0; got 0"),
        (
            {"generator_learning_rate_init": -1},
            "generator_learning_rate_init must be a finite number > 0; got -1",
        ),
        (
            {"generator_learning_rate_init": "slow"},
            "generator_learning_rate_init must be a finite number > 0; got 'slow'",
        ),
        ({"round_integers": "yes"}, "round_integers must be True or False; got 'yes'"),
        (
            {"constraint": TWO_SIDED},
            "constraint must be None or a Constraint such as SpectralNormalization",
        ),
        ({"constraint": WeightClipping(-1)}, "bound must be a finite number > 0; got -1"),
        ({"penalty": "l2"}, "penalty must be None, one of .* got 'l2'"),
        (
            {"penalty": LipschitzGradient(at="middle")},
            "at of LipschitzGradient must be one of .* got 'middle'",
        ),
        ({"penalty": "input_gradient"}, "bound the slope of the critic: .* got 'input_gradient'"),
        ({"penalty": InputGradient()}, r"bound the slope of the critic: .* got InputGradient\(\)"),
        ({"penalty": WeightDecay()}, r"bound the slope of the critic: .* got WeightDecay\(\)"),
        ({"penalty": 0 * LipschitzGradient()}, r"bound the slope of the critic: .* got Scaled\("),
        (
            {"penalty": LipschitzGradient(features=[0])},
            r"bound the slope of the critic: .* got LipschitzGradient\(features",
        ),
        (
            {"penalty": 0 * TWO_SIDED + WeightDecay()},
            r"bound the slope of the critic: .* got Sum\(",
        ),
    ],
    ids=str,
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        WassersteinSampler(**options).fit(load_iris().data)


def test_a_number_of_rows_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1; got 0"):
        WassersteinSampler((4,), n_steps=2).fit(load_iris().data).sample(0)


@pytest.mark.parametrize(
    "options",
    [
        {"penalty": WeightDecay(bound=1.0)},
        {"penalty": TWO_SIDED + 0.1 * WeightDecay()},
        {"penalty": WeightDecay(), "constraint": SpectralNormalization()},
    ],
    ids=str,
)
def test_whatever_bounds_the_slope_is_taken(options):
    model = WassersteinSampler((8,), n_steps=30, random_state=0, **options)
    assert np.isfinite(model.fit(load_iris().data).sample(20)).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0, -1e6])
def test_constant_columns_are_made_as_they_are(value):
    X = np.column_stack([np.random.RandomState(0).standard_normal(150), np.full(150, value)])
    made = WassersteinSampler((8,), n_steps=60, random_state=0).fit(X).sample(50)
    assert (made[:, 1] == value).all()
    assert np.ptp(made[:, 0]) > 0
    one = WassersteinSampler((8,), n_steps=3, random_state=0).fit([[1.0, 2.0, 3.0]]).sample(2)
    np.testing.assert_array_equal(one, [[1.0, 2.0, 3.0]] * 2)


def test_nothing_of_the_rows_is_kept():
    names = [f"customer {i}" for i in range(60)]
    for index in (pd.MultiIndex.from_arrays([names, range(60)]), pd.CategoricalIndex(names)):
        table = pd.DataFrame(
            {"a": np.arange(60.0), "b": pd.Categorical(np.arange(60) % 7 + 4321)}, index=index
        )
        table.attrs["source"] = "a customer"
        model = WassersteinSampler((8,), n_steps=10, random_state=0).fit(table)
        state = pickle.dumps(model)
        assert b"customer" not in state
        assert list(model._columns.columns) == ["a", "b"]
        assert model._columns.dtypes["b"].kind == "O"
