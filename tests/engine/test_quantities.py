"""Quantities that are fused give what the trace gives."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.terms import L2
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.losses import Flooding, LabelSmoothing, NegativeLogLikelihood, PenaltyLoss
from sklearn_irg.penalties import InputGradient, InputNoise, WeightDecay

LOSS, FIRST, SECOND = (
    (1.0, NegativeLogLikelihood()),
    (0.3, InputGradient()),
    (0.2, InputGradient(features=[0, 2])),
)
WEIGHTED = (0.1, InputGradient(weights=[0.5, 2, 1, 0, 3, 1]))
DECAYS = [(0.1, L2()), (0.05, WeightDecay())]
N = 70


def objective(
    terms,
    sizes=(6, 5, 4, 3),
    activation="tanh",
    likelihood=None,
    dtype=np.float64,
    sparse=False,
    masked=False,
    **options,
):
    rng = np.random.RandomState(0)
    X, k = rng.standard_normal((N, 6)).astype(dtype), sizes[-1]
    likelihood = Categorical() if likelihood is None else likelihood
    Y = (
        np.eye(k)[rng.randint(k, size=N)]
        if likelihood.is_categorical
        else rng.randint(2, size=(N, k)).astype(float)
    )
    mask = rng.uniform(size=X.shape) < 0.5 if masked else None
    weights = rng.uniform(0.5, 2, N).astype(dtype)
    rows = Rows(csr_matrix(X) if sparse else X, Y.astype(dtype), sample_weight=weights, mask=mask)
    network = Network(sizes, ACTIVATIONS[activation], likelihood)
    return Objective(network, rows, terms, **options), network.initialize(rng, np.dtype(dtype))


def both_ways(terms, monkeypatch, **options):
    made, theta = objective(terms, **options)
    batch = made.full_batch()
    assert made._summands(batch, made.terms, theta) is not None
    direct = made.value_and_grad(theta, batch, np.random.RandomState(0))
    monkeypatch.setattr(Objective, "_summands", lambda *_: None)
    return direct, made.value_and_grad(theta, batch, np.random.RandomState(0))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("sizes", [(6, 3), (6, 5, 3), (6, 5, 4, 3), (6, 40, 3)])
@pytest.mark.parametrize(
    "terms",
    [
        [LOSS],
        [FIRST],
        DECAYS,
        [LOSS, FIRST],
        [LOSS, *DECAYS],
        [LOSS, LOSS, FIRST, SECOND, WEIGHTED, *DECAYS],
    ],
)
def test_values_and_gradients_are_those_of_the_trace(terms, sizes, sparse, monkeypatch):
    (value, gradient), (traced, expected) = both_ways(
        terms, monkeypatch, sizes=sizes, sparse=sparse
    )
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), Poisson()])
@pytest.mark.parametrize("activation", ["relu", "logistic", "identity"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_for_other_likelihoods_activations_and_precisions(
    activation, likelihood, dtype, tolerance, monkeypatch
):
    options = {"activation": activation, "likelihood": likelihood, "dtype": dtype, "dropout": 0.3}
    (value, gradient), (traced, expected) = both_ways(
        [LOSS, FIRST, *DECAYS], monkeypatch, **options
    )
    assert value == pytest.approx(traced, rel=tolerance)
    assert gradient.dtype == expected.dtype == dtype
    np.testing.assert_allclose(gradient, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("terms", [[FIRST], [LOSS, FIRST, SECOND, WEIGHTED, *DECAYS]])
@pytest.mark.parametrize("sizes", [(6, 3), (6, 5, 3), (6, 40, 3)])
def test_with_annotations(terms, sizes, monkeypatch):
    (value, gradient), (traced, expected) = both_ways(terms, monkeypatch, sizes=sizes, masked=True)
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("sizes", [(6, 3), (6, 5, 4, 3)])
def test_under_a_constraint(sizes, monkeypatch):
    options = {"sizes": sizes, "parametrization": SpectralNormalization(0.5)}
    (value, gradient), (traced, expected) = both_ways(
        [LOSS, FIRST, *DECAYS], monkeypatch, **options
    )
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    "loss", [LabelSmoothing(0.1), LabelSmoothing(0.1, loss=LabelSmoothing(0.2))], ids=repr
)
def test_losses_that_change_targets_only_need_no_trace(loss, monkeypatch):
    (value, gradient), (traced, expected) = both_ways([(1.0, loss), FIRST], monkeypatch)
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


WRAPPERS = [
    Flooding(0.1),
    Flooding(0.1, loss=LabelSmoothing(0.1)),
    LabelSmoothing(0.1, loss=Flooding(0.1)),
]


@pytest.mark.parametrize("loss", [*WRAPPERS, PenaltyLoss(InputNoise(0.1))], ids=repr)
def test_losses_that_change_values_are_traced(loss):
    made, theta = objective([(1.0, loss)])
    assert made._summands(made.full_batch(), made.terms, theta) is None


def test_in_blocks_of_rows(monkeypatch):
    monkeypatch.setattr(Objective, "_block_size", lambda *_: 32)
    (value, gradient), (traced, expected) = both_ways([LOSS, FIRST, *DECAYS], monkeypatch)
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


class HalfLoss(NegativeLogLikelihood):
    def values(self, step):
        return 0.5 * step.losses


class HalfGradient(InputGradient):
    def values(self, step):
        return 0.5 * super().values(step)


class HalfDecay(WeightDecay):
    def value(self, network, theta):
        return 0.5 * super().value(network, theta)


@pytest.mark.parametrize(
    "term",
    [
        HalfLoss(),
        HalfGradient(),
        HalfDecay(),
        InputGradient("l1"),
        InputGradient(power=1),
        InputGradient(power=2, norm="l1"),
        WeightDecay(bound=0.1),
    ],
)
def test_what_is_anything_else_is_traced(term):
    made, theta = objective([LOSS, (0.5, term)])
    assert made._summands(made.full_batch(), made.terms, theta) is None


@pytest.mark.parametrize(
    ("whole", "half"),
    [(LOSS[1], HalfLoss()), (FIRST[1], HalfGradient()), (DECAYS[1][1], HalfDecay())],
)
def test_half_a_term_by_the_trace_is_half_of_it_without(whole, half):
    (one, theta), (other, _) = objective([(0.5, whole)]), objective([(1.0, half)])
    value, gradient = one.value_and_grad(theta, one.full_batch())
    traced, expected = other.value_and_grad(theta, other.full_batch())
    assert value == pytest.approx(traced, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)
