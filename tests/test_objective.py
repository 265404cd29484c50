"""The objective against independent formulas and finite differences, for every penalty, activation and likelihood."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_irg import _objective
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import bernoulli, categorical, gaussian
from sklearn_irg._engine.networks import Network
from sklearn_irg._objective import Objective
from sklearn_irg.penalties import InputGradient, SpectralNorm, VirtualAdversarial, WeightDecay
from tests import oracles

LIKELIHOODS = {
    "logistic": (bernoulli, 1),
    "labels": (bernoulli, 3),
    "softmax": (categorical, 4),
    "identity": (gaussian, 2),
}
PENALTIES = [
    None,
    InputGradient(),
    InputGradient("l1"),
    InputGradient(features=[0, 2]),
    WeightDecay(),
    SpectralNorm(),
    VirtualAdversarial(epsilon=0.3),
    InputGradient() + 0.3 * SpectralNorm() + 2 * InputGradient("l1", features=[1]),
]


def problem(likelihood="softmax", activation="tanh", hidden=(7, 6), n_samples=20, seed=0):
    rng = np.random.RandomState(seed)
    likelihood, n_outputs = LIKELIHOODS[likelihood]
    X = rng.randn(n_samples, 5)
    Y = {
        "logistic": (rng.rand(n_samples, n_outputs) < 0.5) * 1.0,
        "softmax": np.eye(n_outputs)[rng.randint(n_outputs, size=n_samples)],
        "identity": rng.randn(n_samples, n_outputs),
    }[likelihood.name]
    network = Network((5, *hidden, n_outputs), activation, likelihood)
    return network, X, Y, network.initialize(rng, np.float64), rng


def row_losses(network, theta, Y):
    layers = network.unpack(theta)
    return lambda X: oracles.losses(oracles.outputs(X, layers, network.activation), Y, network.likelihood.name)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_gradient_matches_finite_differences(penalty, activation, likelihood):
    network, X, Y, theta, rng = problem(likelihood, activation)
    objective = Objective(network, X, Y, penalty, 0.7, sample_weight=rng.rand(len(X)))
    batch, direction = objective.everything(), rng.randn(theta.size)
    if objective.obstacles_to_line_search:
        pytest.skip("its prediction is held constant: tested on its own")
    _, gradient = objective.value_and_grad(theta, batch)
    expected = oracles.directional_derivative(lambda t: objective.value_and_grad(t, batch)[0], theta, direction)
    np.testing.assert_allclose(gradient @ direction, expected, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)], ids=len)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_input_gradient_is_the_norm_of_the_finite_difference_gradient_of_the_loss(hidden, likelihood, norm):
    network, X, Y, theta, rng = problem(likelihood, hidden=hidden)
    weight = rng.rand(len(X))
    G = oracles.input_gradients(row_losses(network, theta, Y), X)[:, [0, 2]]
    norms = (G**2).sum(axis=1) if norm == "l2" else abs(G).sum(axis=1)
    expected = np.average(row_losses(network, theta, Y)(X) + 0.7 * norms, weights=weight)
    penalty = InputGradient(norm, features=[0, -3])
    objective = Objective(network, X, Y, penalty, 0.7, sample_weight=weight)
    np.testing.assert_allclose(objective.value_and_grad(theta, objective.everything())[0], expected, rtol=1e-7)


@pytest.mark.parametrize("features", [None, [1, 3]])
def test_linear_softmax_has_the_closed_form_input_gradient(features):
    network, X, Y, theta, _ = problem("softmax", hidden=())
    (W, b), columns = network.unpack(theta)[0], slice(None) if features is None else features
    G = ((oracles.means(X @ W + b, "softmax") - Y) @ W.T)[:, columns]
    expected = row_losses(network, theta, Y)(X).mean() + (G**2).sum(axis=1).mean()
    objective = Objective(network, X, Y, InputGradient(features=features), 1.0)
    np.testing.assert_allclose(objective.value_and_grad(theta, objective.everything())[0], expected, rtol=1e-12)


def test_weight_penalties_match_numpy_norms():
    network, X, Y, theta, _ = problem()
    for penalty, norm in [(WeightDecay(), "fro"), (SpectralNorm(), 2)]:
        with_it, without = (Objective(network, X, Y, p, 1.0) for p in (penalty, None))
        difference = with_it.value_and_grad(theta, with_it.everything())[0]
        difference -= without.value_and_grad(theta, without.everything())[0]
        expected = sum(np.linalg.norm(W, norm) ** 2 for W, _ in network.unpack(theta))
        np.testing.assert_allclose(difference, expected, rtol=1e-12)


def test_virtual_adversarial_gradient_is_that_of_the_divergence_at_fixed_direction_and_prediction():
    network, X, Y, theta, rng = problem()
    penalty = VirtualAdversarial(epsilon=0.5)
    objective = Objective(network, X, Y, penalty, 1.0)
    step = _objective.Step(objective, theta, X, Y, None, None, np.random.RandomState(1))
    penalty.values(step)
    from sklearn_irg._engine.sensitivity import virtual_adversarial_direction

    r = 0.5 * virtual_adversarial_direction(network, step.forward_at, theta, X, step.outputs, np.random.RandomState(1))
    P = oracles.means(oracles.outputs(X, network.unpack(theta), "tanh"), "softmax")

    def frozen(t):
        layers = network.unpack(t)
        moved, clean = (oracles.outputs(x, layers, "tanh") for x in (X + r, X))
        divergence = oracles.losses(moved, P, "softmax") + (P * np.log(P)).sum(axis=1)
        return (oracles.losses(clean, Y, "softmax") + divergence).mean()

    value, gradient = objective.value_and_grad(theta, objective.everything(), np.random.RandomState(1))
    direction = rng.randn(theta.size)
    np.testing.assert_allclose(value, frozen(theta), rtol=1e-10)
    np.testing.assert_allclose(
        gradient @ direction, oracles.directional_derivative(frozen, theta, direction), rtol=1e-6
    )


@pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
def test_virtual_adversarial_tends_to_half_epsilon_squared_times_the_largest_fisher_eigenvalue(likelihood):
    network, X, Y, theta, _ = problem(likelihood, n_samples=6)
    layers, epsilon = network.unpack(theta), 1e-3
    step = _objective.Step(Objective(network, X, Y, None, 0), theta, X, Y, None, None, np.random.RandomState(0))
    values = VirtualAdversarial(epsilon, xi=1e-3, n_power_iterations=100).values(step)
    Z = oracles.outputs(X, layers, "tanh")
    P, n_outputs = oracles.means(Z, likelihood), Z.shape[1]
    J = np.stack(
        [oracles.input_gradients(lambda X, k=k: oracles.outputs(X, layers, "tanh")[:, k], X) for k in range(n_outputs)],
        1,
    )
    for i, value in enumerate(values):
        H = np.diag(P[i]) - np.outer(P[i], P[i]) if likelihood == "softmax" else np.diag(P[i] * (1 - P[i]))
        eigenvalue = np.linalg.eigvalsh(J[i].T @ H @ J[i])[-1]
        np.testing.assert_allclose(value, epsilon**2 / 2 * eigenvalue, rtol=0.01)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_blocks_of_rows_add_up_to_the_whole(penalty, monkeypatch):
    network, X, Y, theta, rng = problem(n_samples=200)
    objective = Objective(network, X, Y, penalty, 0.5, sample_weight=rng.rand(200))
    whole = objective.value_and_grad(theta, objective.everything(), np.random.RandomState(0))
    monkeypatch.setattr(_objective, "_BLOCK_BYTES", 1)
    parts = objective.value_and_grad(theta, objective.everything(), np.random.RandomState(0))
    assert len(objective._blocks(200)) > 1
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_sample_weights_are_repeated_rows(penalty):
    network, X, Y, theta, _ = problem()
    counts = np.arange(1, len(X) + 1)
    weighted = Objective(network, X, Y, penalty, 0.5, sample_weight=counts)
    repeated = Objective(network, np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), penalty, 0.5)
    if weighted.obstacles_to_line_search:
        pytest.skip("repeated rows draw directions of their own")
    left, right = (o.value_and_grad(theta, o.everything()) for o in (weighted, repeated))
    np.testing.assert_allclose(left[0], right[0], rtol=1e-12)
    np.testing.assert_allclose(left[1], right[1], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("hidden", [(), (7,)], ids=len)
@pytest.mark.parametrize("penalty", [None, InputGradient(), InputGradient("l1"), InputGradient(features=[1])], ids=repr)
def test_sparse_rows_are_dense_rows(penalty, hidden):
    network, X, Y, theta, _ = problem(hidden=hidden)
    X[X < 0.5] = 0
    dense, thin = Objective(network, X, Y, penalty, 1.0), Objective(network, sparse.csr_array(X), Y, penalty, 1.0)
    for batch in (dense.everything(), next(iter(dense.minibatches(7, True, np.random.RandomState(0))))):
        for a, b in zip(dense.value_and_grad(theta, batch), thin.value_and_grad(theta, batch), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_single_precision_stays_single_and_agrees_with_double(penalty):
    network, X, Y, theta, _ = problem()
    results = []
    for dtype in (np.float32, np.float64):
        objective = Objective(network, X.astype(dtype), Y.astype(dtype), penalty, np.float64(0.5))
        value, gradient = objective.value_and_grad(
            theta.astype(dtype), objective.everything(), np.random.RandomState(0)
        )
        assert gradient.dtype == dtype
        results.append((value, gradient))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=5e-3, atol=1e-5)


@pytest.mark.parametrize("labelled_rows", [20, 6], ids=["all labelled", "some labelled"])
def test_minibatches_average_to_the_whole(labelled_rows):
    network, X, Y, theta, rng = problem()
    labelled = np.arange(20) < labelled_rows
    objective = Objective(network, X, Y, WeightDecay(), 0.5, sample_weight=rng.rand(20), labelled=labelled)
    batches = list(objective.minibatches(2, True, np.random.RandomState(0)))
    full = objective.value_and_grad(theta, objective.everything())[1]
    if labelled.all():
        mean = np.mean([objective.value_and_grad(theta, batch)[1] for batch in batches], axis=0)
        np.testing.assert_allclose(mean, full, rtol=1e-9, atol=1e-14)
    seen = np.concatenate([batch.rows for batch in batches])
    assert set(seen) == set(range(20))
    assert all(
        (labelled[batch.rows].sum() > 0) and (batch.loss_weights[~labelled[batch.rows]] == 0).all() for batch in batches
    )


def test_agrees_with_torch_double_backprop():
    torch = pytest.importorskip("torch", reason="torch is in the dev group only")
    network, X, Y, theta, _ = problem("softmax", "softplus")
    layers = [[torch.tensor(a, requires_grad=True) for a in layer] for layer in network.unpack(theta)]
    X_t, Y_t = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    A = X_t
    for l, (W, b) in enumerate(layers):
        A = A @ W + b
        A = torch.nn.functional.softplus(A) if l < len(layers) - 1 else A
    loss = -(Y_t * torch.log_softmax(A, dim=1)).sum()
    (G,) = torch.autograd.grad(loss, X_t, create_graph=True)
    total = (loss + 0.3 * (G**2).sum() + 0.2 * G.abs().sum()) / len(X)
    expected = torch.cat([g.ravel() for g in torch.autograd.grad(total, [a for layer in layers for a in layer])])
    objective = Objective(network, X, Y, 3 * InputGradient() + 2 * InputGradient("l1"), 0.1)
    value, gradient = objective.value_and_grad(theta, objective.everything())
    np.testing.assert_allclose(value, total.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-9, atol=1e-12)
