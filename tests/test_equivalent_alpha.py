"""Objectives of papers, written out, are ours at the alpha that is said to be equivalent."""

import numpy as np
import pytest
from scipy.stats import entropy

from sklearn_irg._engine.step import Step
from sklearn_irg.losses import InformationMaximization
from sklearn_irg.model_selection import equivalent_alpha
from sklearn_irg.penalties import (
    AdversarialLoss,
    InputGradient,
    LipschitzGradient,
    RightReasons,
    SpectralNorm,
    VirtualAdversarial,
    WeightDecay,
)
from tests import oracles
from tests.problems import evaluate, make_objective, outputs_of, problem, row_losses

network, X, Y, theta, _ = problem(n_samples=20)
B = len(X)
LOSSES = row_losses(network, theta, Y)
WEIGHTS = [W for W, _ in network.unpack(theta)]
VALUE = 0.37


def ours(penalty, alpha, **options):
    return evaluate(make_objective(network, X, Y, penalty, alpha, **options), theta)[0]


def right_reasons():
    def summed_log_probabilities(X):
        return np.log(oracles.means(outputs_of(network, theta)(X), "softmax")).sum(axis=1)

    squares = oracles.input_gradients(summed_log_probabilities, X) ** 2
    return (LOSSES(X).sum() + VALUE * squares.sum()) / B, RightReasons()


def batch_mean_gradient(factor=1.0):
    gradient = oracles.input_gradients(LOSSES, X) / B  # of the mean loss
    return LOSSES(X).mean() + factor * VALUE * (gradient**2).sum(), InputGradient()


def sklearn_c():
    total = VALUE * LOSSES(X).sum() + 0.5 * sum((W**2).sum() for W in WEIGHTS)
    return total / (VALUE * B), WeightDecay()


def half(norms, penalty):
    return LOSSES(X).mean() + 0.5 * VALUE * sum(norms), penalty


def sklearn_alpha():
    return LOSSES(X).mean() + VALUE / (2 * B) * sum((W**2).sum() for W in WEIGHTS), WeightDecay()


def adversarial_share():
    G = oracles.input_gradients(LOSSES, X)
    moved = X + 0.3 * G / np.linalg.norm(G, axis=1, keepdims=True)
    return (VALUE * LOSSES(X) + (1 - VALUE) * LOSSES(moved)).mean() / VALUE, AdversarialLoss(0.3)


OBJECTIVES = {
    "right_reasons": right_reasons,
    "batch_mean_gradient": batch_mean_gradient,
    "half_batch_mean_gradient": lambda: batch_mean_gradient(0.5),
    "sklearn_C": sklearn_c,
    "sklearn_alpha": sklearn_alpha,
    "half_squared_weights": lambda: half([(W**2).sum() for W in WEIGHTS], WeightDecay()),
    "half_spectral_norm": lambda: half(
        [np.linalg.norm(W, 2) ** 2 for W in WEIGHTS], SpectralNorm()
    ),
    "adversarial_share": adversarial_share,
}


@pytest.mark.parametrize("convention", OBJECTIVES)
def test_the_papers_objective_is_ours(convention):
    objective, penalty = OBJECTIVES[convention]()
    alpha = equivalent_alpha(VALUE, convention, n_samples=B, batch_size=B)
    np.testing.assert_allclose(ours(penalty, alpha), objective, rtol=1e-6)


def test_vat_adds_lambda_times_the_mean_divergence():
    objective = make_objective(network, X, Y, VirtualAdversarial(0.5))
    step = Step(objective, theta, objective.full_batch(), np.random.RandomState(0))
    moved = X + 0.5 * step.virtual_adversarial_directions()
    P, Q = (oracles.means(outputs_of(network, theta)(rows), "softmax") for rows in (X, moved))
    expected = LOSSES(X).mean() + VALUE * entropy(P, Q, axis=1).mean()
    np.testing.assert_allclose(
        ours(VirtualAdversarial(0.5), equivalent_alpha(VALUE, "vat")), expected, rtol=1e-9
    )


def test_wgan_gp_adds_lambda_times_the_squared_excess_of_the_slope():
    linear, A, T, t, _ = problem("identity", hidden=())
    W = linear.unpack(t)[0][0]
    loss = evaluate(make_objective(linear, A, T), t)[0]
    penalty = LipschitzGradient(1.0, two_sided=True, at="interpolates")
    value = evaluate(make_objective(linear, A, T, penalty, equivalent_alpha(10, "wgan_gp")), t)[0]
    np.testing.assert_allclose(value, loss + 10 * (np.linalg.norm(W) - 1) ** 2, rtol=1e-9)


def test_imsat_is_a_multiple_of_ours():
    objective = make_objective(
        network,
        X,
        Y,
        VirtualAdversarial(0.5),
        equivalent_alpha(VALUE, "imsat"),
        loss=InformationMaximization(4.0),
    )
    step = Step(objective, theta, objective.full_batch(), np.random.RandomState(0))
    P = oracles.means(outputs_of(network, theta)(X), "softmax")
    Q = oracles.means(
        outputs_of(network, theta)(X + 0.5 * step.virtual_adversarial_directions()), "softmax"
    )
    theirs = entropy(P, Q, axis=1).mean() + VALUE * (
        entropy(P, axis=1).mean() - 4 * entropy(P.mean(axis=0))
    )
    np.testing.assert_allclose(evaluate(objective, theta)[0], theirs / VALUE, rtol=1e-9)


def test_decay_after_each_step_is_gradient_descent_on_half_the_squared_weights():
    rate, alpha = 0.01, equivalent_alpha(VALUE, "decay")
    plain, penalized = (
        evaluate(make_objective(network, X, Y, WeightDecay(), a), theta)[1] for a in (0, alpha)
    )
    decayed = theta - rate * plain
    for (W, _), (V, _) in zip(network.unpack(decayed), network.unpack(theta), strict=True):
        W -= rate * VALUE * V
    np.testing.assert_allclose(theta - rate * penalized, decayed, rtol=1e-12)


def test_units_of_the_paper_divide_by_their_square():
    assert equivalent_alpha(1000, "right_reasons", unit=255) == pytest.approx(0.0154, rel=2e-3)
    pixels = ours(
        InputGradient(), equivalent_alpha(VALUE, "batch_mean_gradient", batch_size=B, unit=255)
    )
    expected = (
        LOSSES(X).mean() + VALUE * ((oracles.input_gradients(LOSSES, X) / B / 255) ** 2).sum()
    )
    np.testing.assert_allclose(pixels, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("value", "convention", "options", "message"),
    [
        (1, "paper", {}, "convention must be one of 'right_reasons', .*; got 'paper'"),
        (-1, "vat", {}, "value must be a finite number >= 0; got -1"),
        (0, "imsat", {}, "value must be a finite number > 0; got 0"),
        (1.5, "adversarial_share", {}, "value must be a finite number > 0 and <= 1; got 1.5"),
        (1, "sklearn_C", {}, "n_samples is needed for convention='sklearn_C'; got None"),
        (1, "batch_mean_gradient", {"batch_size": 0}, "batch_size must be an integer >= 1; got 0"),
        (1, "vat", {"unit": 255}, "unit has no effect on convention='vat'; got 255"),
    ],
)
def test_what_has_no_equivalent_is_named(value, convention, options, message):
    with pytest.raises(ValueError, match=message):
        equivalent_alpha(value, convention, **options)
