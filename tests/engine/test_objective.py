"""Objective as a sum of terms, each counted once, and its gradient compared with torch."""

import numpy as np
import pytest

from sklearn_irg._engine import objective as module
from sklearn_irg._engine.terms import L2, BatchTerm, SampleTerm, WeightTerm
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.losses import Flooding, LabelSmoothing
from sklearn_irg.penalties import (
    AdversarialLoss,
    InputGradient,
    Jacobian,
    ParameterGradient,
    VirtualAdversarial,
    WeightDecay,
)
from tests import oracles
from tests.problems import evaluate, make_objective, penalty_value, problem, row_losses

PENALTIES = [
    InputGradient(),
    InputGradient("l1"),
    WeightDecay(),
    VirtualAdversarial(epsilon=0.3),
    InputGradient() + 0.3 * WeightDecay() + 2 * InputGradient("l1", features=[1]),
]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_blocks_of_rows_add_up_to_the_whole(penalty, monkeypatch):
    network, X, Y, theta, rng = problem(n_samples=200)
    objective = make_objective(network, X, Y, penalty, 0.5, sample_weight=rng.rand(200))
    whole = evaluate(objective, theta)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 1)
    parts = evaluate(objective, theta)
    assert len(list(objective._blocks(objective.full_batch(), objective.terms))) > 1
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-9, atol=1e-14)


def test_the_value_is_that_of_value_and_grad_and_a_sum_over_terms():
    network, X, Y, theta, rng = problem()
    objective = make_objective(
        network, X, Y, InputGradient() + WeightDecay(), 0.5, sample_weight=rng.rand(len(X))
    )
    batch = objective.full_batch()
    np.testing.assert_allclose(
        objective.value(theta, batch), objective.value_and_grad(theta, batch)[0], rtol=1e-14
    )
    parts = [objective.value(theta, batch, terms=[pair]) for pair in objective.terms]
    np.testing.assert_allclose(sum(parts), objective.value(theta, batch), rtol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_labeled", [20, 6])
def test_weight_decay_of_scikit_learn_divides_by_the_weight_of_the_labeled_rows_of_a_batch(
    weighted, n_labeled
):
    network, X, Y, theta, rng = problem()
    weight = rng.rand(20) + 0.1 if weighted else np.ones(20)
    labeled = np.arange(20) < n_labeled
    objective = make_objective(
        network, X, Y, sample_weight=weight if weighted else None, labeled=labeled
    )
    squares = sum((W**2).sum() for W, _ in network.unpack(theta))
    for batch in [objective.full_batch(), *objective.minibatches(3, True, rng)]:
        expected = squares / (2 * weight[batch.rows][labeled[batch.rows]].sum())
        np.testing.assert_allclose(
            objective.value(theta, batch, terms=[(1.0, L2())]), expected, rtol=1e-12
        )


def test_memory_of_a_linear_model_does_not_grow_with_its_rows():
    network, *_ = problem("logistic", hidden=())
    X = np.zeros((10**5, 5))
    wide = make_objective(network, X, np.zeros((len(X), 1)), AdversarialLoss())
    blocks = [block for block, _ in wide._blocks(wide.full_batch(), wide.terms)]
    assert max(block.X.nbytes for block in blocks) < 2**22


@pytest.mark.parametrize("labeled_rows", [20, 6], ids=["all labeled", "some labeled"])
def test_minibatches_average_to_the_whole(labeled_rows):
    network, X, Y, theta, rng = problem()
    labeled = np.arange(20) < labeled_rows
    objective = make_objective(
        network, X, Y, Jacobian(), 0.5, sample_weight=rng.rand(20), labeled=labeled
    )
    full = evaluate(objective, theta)[1]
    n_epochs = 1 if labeled.all() else 2000
    gradients = [
        objective.value_and_grad(theta, batch)[1]
        for _ in range(n_epochs)
        for batch in objective.minibatches(2, True, rng)
    ]
    # the groups are drawn in proportion exactly if there is one; otherwise a mean over 14 000
    # batches is within 2 % or so
    np.testing.assert_allclose(
        np.mean(gradients, axis=0), full, rtol=1e-9, atol=1e-14 if labeled.all() else 0.03
    )


def test_dropout_reaches_every_term_and_needs_hidden_layers():
    network, X, Y, theta, rng = problem()
    objective = make_objective(network, X, Y, InputGradient() + Jacobian(), 0.7, dropout=0.4)
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(
        evaluate(objective, theta)[1] @ direction, expected, rtol=1e-5, atol=1e-6
    )
    assert objective.obstacles_to_line_search == ["dropout draws random numbers"]
    linear = problem(hidden=())
    assert make_objective(*linear[:3], dropout=0.4).obstacles_to_line_search == []


def test_a_parametrisation_is_differentiated_through():
    network, X, Y, theta, rng = problem()
    objective = make_objective(
        network, X, Y, InputGradient(), 0.5, constraint=SpectralNormalization(3.0)
    )

    def by_hand(t):
        inside = network.pack(
            [3.0 ** (1 / 3) * W / np.linalg.norm(W, 2) for W, _ in network.unpack(t)],
            [b for _, b in network.unpack(t)],
            np.float64,
        )
        losses = row_losses(network, inside, Y)
        return (losses(X) + 0.5 * (oracles.input_gradients(losses, X) ** 2).sum(axis=1)).mean()

    value, gradient = evaluate(objective, theta)
    np.testing.assert_allclose(value, by_hand(theta), rtol=1e-7)
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(gradient @ direction, expected, rtol=1e-6)


def test_flooding_floods_the_mean_of_a_batch_whatever_its_weights_sum_to():
    network, X, Y, theta, _ = problem()
    objective = make_objective(network, X, Y, ParameterGradient(), loss=Flooding(0.1))
    whole = objective.full_batch()
    light = whole._replace(
        weights={group: 0.1 * weights for group, weights in whole.weights.items()}
    )
    np.testing.assert_allclose(
        objective.value(theta, light), 0.1 * objective.value(theta, whole), rtol=1e-9
    )


def test_agrees_with_torch_double_backprop():
    torch = pytest.importorskip("torch", reason="torch is in the dev group only")
    network, X, Y, theta, _ = problem("softmax", "softplus")
    layers = [
        [torch.tensor(a, requires_grad=True) for a in layer] for layer in network.unpack(theta)
    ]
    X_t, Y_t = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    A = X_t
    for l, (W, b) in enumerate(layers):
        A = A @ W + b
        A = torch.nn.functional.softplus(A) if l < len(layers) - 1 else A
    loss = -(Y_t * torch.log_softmax(A, dim=1)).sum()
    (G,) = torch.autograd.grad(loss, X_t, create_graph=True)
    total = (loss + 0.3 * (G**2).sum() + 0.2 * G.abs().sum()) / len(X)
    expected = torch.cat(
        [g.ravel() for g in torch.autograd.grad(total, [a for layer in layers for a in layer])]
    )
    value, gradient = evaluate(
        make_objective(network, X, Y, 3 * InputGradient() + 2 * InputGradient("l1"), 0.1), theta
    )
    np.testing.assert_allclose(value, total.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-9, atol=1e-12)


class TestWhatCannotBeSummed:
    def test_a_term_of_a_group_that_is_not_there_is_refused_by_name(self):
        class OfTheFirst(SampleTerm):
            group = "first"

            def values(self, step):
                return step.losses

        network, X, Y, _, _ = problem()
        with pytest.raises(
            ValueError, match="OfTheFirst counts the rows of group 'first', but the groups here are"
        ):
            module.Objective(network, make_objective(network, X, Y).rows, [(1.0, OfTheFirst())])

    def test_a_number_per_block_is_refused_where_the_batch_is_what_is_meant(self):
        class Squared(SampleTerm):
            def values(self, step):
                return step.losses

            def contributions(self, step):
                return [(1.0, step.losses.sum() ** 2)]

        network, X, Y, theta, _ = problem()
        objective = module.Objective(
            network, make_objective(network, X, Y).rows, [(1.0, Squared())]
        )
        with pytest.raises(
            ValueError,
            match="Squared is a number, not a sum over rows, so it must declare needs_whole",
        ):
            evaluate(objective, theta)

    def test_values_of_another_shape_are_refused(self):
        class OfOutputs(SampleTerm):
            def values(self, step):
                return step.outputs

        network, X, Y, theta, _ = problem()
        objective = module.Objective(
            network, make_objective(network, X, Y).rows, [(1.0, OfOutputs())]
        )
        with pytest.raises(
            ValueError, match=r"OfOutputs must give values of shape \(20,\); got \(20, 4\)"
        ):
            evaluate(objective, theta)

    def test_random_numbers_without_a_declaration_are_refused(self):
        class Noisy(SampleTerm):
            def values(self, step):
                return step.losses * step.random_state.random_sample()

        network, X, Y, theta, _ = problem()
        objective = module.Objective(network, make_objective(network, X, Y).rows, [(1.0, Noisy())])
        with pytest.raises(
            ValueError, match="a term that needs them must declare is_stochastic = True"
        ):
            objective.value_and_grad(theta, objective.full_batch())

    def test_a_mask_that_no_term_reads_is_refused(self):
        network, X, Y, _, _ = problem()
        with pytest.raises(
            ValueError,
            match=r"no term of the objective \(NegativeLogLikelihood, WeightDecay\) uses it",
        ):
            make_objective(network, X, Y, WeightDecay(), mask=X > 0)

    @pytest.mark.parametrize(
        ("kind", "method"),
        [(SampleTerm, "values"), (BatchTerm, "value"), (WeightTerm, "value")],
        ids=lambda x: str(x),
    )
    def test_a_term_that_lacks_its_method_cannot_be_made(self, kind, method):
        incomplete = type("Incomplete", (kind,), {})
        with pytest.raises(TypeError, match=f"abstract method '?{method}'?"):
            incomplete()


def test_strengths_of_zero_are_checked_but_not_evaluated():
    network, X, Y, theta, _ = problem()
    assert len(make_objective(network, X, Y, WeightDecay(), 0.0).terms) == 1
    with pytest.raises(ValueError, match="features is empty"):
        make_objective(network, X, Y, InputGradient(features=[]), 0.0)
    assert penalty_value(WeightDecay(), network, X, Y, theta, loss=LabelSmoothing(0.1)) > 0
