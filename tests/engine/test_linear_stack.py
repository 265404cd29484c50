"""Linear models evaluated together give what each gives alone."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from sklearn_irg._engine import objective as objective_module
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.terms import L2
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.losses import NegativeLogLikelihood
from sklearn_irg.penalties import InputGradient, RightReasons, WeightDecay

STRENGTHS = np.array([[1.0, 1.0, 2.0], [1.0, 0.0, 3.0], [0.5, 10.0, 0.0], [0.1, 0.2, 0.3]])
CASES = {
    "two classes": {},
    "float32": {"dtype": np.float32},
    "three classes": {"likelihood": Categorical(), "n_outputs": 3},
    "two numbers": {"likelihood": Gaussian(), "n_outputs": 2},
    "some columns": {"features": [0, 2]},
    "some columns of three classes": {"likelihood": Categorical(), "n_outputs": 3, "features": [1]},
    "no intercept": {"fit_intercept": False},
    "sparse rows": {"to_X": csr_array},
    "weights": {"sample_weight": np.linspace(0.1, 2, 90)},
}


def objective_of(
    dtype=np.float64,
    likelihood=None,
    n_outputs=1,
    features=None,
    fit_intercept=True,
    to_X=np.asarray,
    sample_weight=None,
    penalty=None,
    hidden=(),
    **options,
):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((90, 4)).astype(dtype)
    y = rng.randint(n_outputs if n_outputs > 1 else 2, size=90)
    targets = np.eye(n_outputs)[y] if n_outputs > 1 else y[:, None]
    network = Network(
        (4, *hidden, n_outputs), ACTIVATIONS["tanh"], likelihood or Bernoulli(), fit_intercept
    )
    rows = Rows(to_X(X), targets.astype(dtype), sample_weight=sample_weight)
    terms = [
        NegativeLogLikelihood(),
        L2(),
        penalty or InputGradient(features=features),
        WeightDecay(),
    ]
    return Objective(network, rows, [(1.0, term) for term in terms], **options)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("n_blocks", [1, 2])
def test_values_and_gradients_are_those_of_each_alone(case, n_blocks, monkeypatch):
    if n_blocks > 1:
        monkeypatch.setattr(objective_module, "_BLOCK_BYTES", 1)
    objective = objective_of(**case)
    thetas = (
        np.random.RandomState(1)
        .standard_normal((3, objective.network.n_parameters))
        .astype(objective.rows.X.dtype)
    )
    values, gradients = objective.stack(STRENGTHS).values_and_gradients(thetas, np.arange(3))
    tolerance = 1e-5 if objective.rows.X.dtype == np.float32 else 1e-12
    for theta, strengths, value, gradient in zip(
        thetas, STRENGTHS.T, values, gradients, strict=True
    ):
        objective.terms = [
            (s, term) for s, (_, term) in zip(strengths, objective.terms, strict=True)
        ]
        expected = objective.value_and_grad(theta, objective.full_batch())
        np.testing.assert_allclose(value, expected[0], rtol=tolerance)
        np.testing.assert_allclose(gradient, expected[1], rtol=tolerance, atol=tolerance)


UNSTACKED = {
    "hidden layers": {"hidden": (3,)},
    "a term that needs a trace": {"penalty": InputGradient(norm="l1")},
    "a constraint": {"parametrization": SpectralNormalization()},
}


@pytest.mark.parametrize("case", [*CASES.values(), *UNSTACKED.values()], ids=[*CASES, *UNSTACKED])
@pytest.mark.parametrize("n_blocks", [1, 2])
def test_what_is_prepared_once_is_the_objective(case, n_blocks, monkeypatch):
    if n_blocks > 1:
        monkeypatch.setattr(objective_module, "_BLOCK_BYTES", 1)
    objective = objective_of(**case)
    dtype = objective.rows.X.dtype
    function, rng = objective.on_all_rows(), np.random.RandomState(1)
    for theta in rng.standard_normal((2, objective.network.n_parameters)).astype(dtype):
        value, gradient = function(theta)
        expected = objective.value_and_grad(theta, objective.full_batch())
        tolerance = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(value, expected[0], rtol=tolerance)
        np.testing.assert_allclose(gradient, expected[1], rtol=tolerance, atol=tolerance)


def test_terms_of_the_weights_alone_can_be_stacked():
    objective = objective_of()
    objective.terms = objective.terms[1:2] + objective.terms[3:]
    theta = np.random.RandomState(1).standard_normal(objective.network.n_parameters)
    value, gradient = objective.on_all_rows()(theta)
    expected = objective.value_and_grad(theta, objective.full_batch())
    np.testing.assert_allclose(value, expected[0])
    np.testing.assert_allclose(gradient, expected[1])


def test_some_of_the_models_can_be_asked():
    stack = objective_of().stack(STRENGTHS)
    thetas = np.random.RandomState(1).standard_normal((3, 5))
    values, gradients = stack.values_and_gradients(thetas, np.arange(3))
    some = stack.values_and_gradients(thetas[[2, 0]], np.array([2, 0]))
    np.testing.assert_allclose(some[0], values[[2, 0]])
    np.testing.assert_allclose(some[1], gradients[[2, 0]])


@pytest.mark.parametrize("options", UNSTACKED.values(), ids=UNSTACKED)
def test_what_cannot_be_stacked_is_none(options):
    assert objective_of(**options).stack(STRENGTHS) is None


def test_annotations_of_entries_are_not_stacked():
    objective = objective_of()
    mask = np.random.RandomState(0).uniform(size=(90, 4)) < 0.5
    rows = Rows(objective.rows.X, objective.rows.targets, mask=mask)
    terms = [(1.0, NegativeLogLikelihood()), (1.0, RightReasons()), (1.0, InputGradient())]
    assert Objective(objective.network, rows, terms).stack(np.ones((3, 2))) is None
    assert Objective(objective.network, rows, terms[::2]).stack(np.ones((2, 2))) is None
