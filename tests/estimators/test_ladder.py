"""Ladder networks: the published costs, noise where it belongs, and a plain network in the end."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_irg import LadderClassifier
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.step import Step
from sklearn_irg._estimators._ladder.loss import LadderLoss, TrainedWeightDecay
from sklearn_irg._estimators._ladder.network import (
    FoldedNormalization,
    LadderNetwork,
    RowNormalization,
    decode,
    encode,
)
from sklearn_irg.penalties import LayerwiseVirtualAdversarial, VirtualAdversarial, WeightDecay
from tests import oracles
from tests.problems import MULTI_X, MULTI_Y, objective_of, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
KINDS = ["gaussian", "adversarial", "adversarial_layerwise"]
X, Y = load_digits(return_X_y=True)
X, Y = X[:500] / 16, Y[:500]
SOME = np.where(np.arange(500) < 60, Y, -1)


COSTS = [2.0, 0.5, 0.3, 0.2]


def ladder(
    noise="gaussian",
    noise_std=0.3,
    activation="tanh",
    likelihood="softmax",
    epsilon=0.5,
    costs=COSTS,
    penalty=None,
    of_classes=False,
):
    """Objective over a small ladder, θ and a random generator.

    With ``of_classes``, labeled rows have class weights.
    """
    plain, X, Y, _, rng = problem(likelihood, activation)
    network = LadderNetwork(plain.layer_sizes, plain.activation, plain.likelihood)
    theta = network.initialize(rng, np.float64)
    theta += 0.1 * rng.randn(theta.size)  # combinators that bend
    groups = {"labeled": np.arange(12), "unlabeled": np.arange(12, 20)}
    loss = LadderLoss(noise, noise_std, costs, [epsilon] * 3, 1e-2)
    weight = rng.rand(20)
    factors = np.where(np.arange(20) < 12, 1 + 3 * Y.argmax(axis=1), 1)
    weights = {"sample_weight": weight * factors, "row_weight": weight}
    rows = Rows(X, Y, groups=groups, **(weights if of_classes else {"sample_weight": weight}))
    terms = [(1.0, loss), *([] if penalty is None else penalty.terms())]
    parametrization = FoldedNormalization() if penalty is None else RowNormalization()
    return Objective(network, rows, terms, parametrization=parametrization), theta, rng


def standardize(Z, w):
    mean = w @ Z
    deviation = np.sqrt(w @ (Z - mean) ** 2 + 1e-5)
    return (Z - mean) / deviation, mean, deviation


def softmax(Z):
    E = np.exp(Z - Z.real.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def row_weights(rows):
    raw = rows.sample_weight if rows.row_weight is None else rows.row_weight
    return raw / raw.sum()


def published(objective, theta, noise):
    """Objective of Rasmus et al. in plain NumPy, for given noise; also for complex numbers."""
    network, rows = objective.network, objective.rows
    w = row_weights(rows)
    layers = network.unpack(theta)

    def encoder(noise):
        h, out = rows.X + noise[0], [(rows.X + noise[0], 0, 1)]
        for l, (V, b) in enumerate(layers):
            z, mean, deviation = standardize(h @ V, w)
            z = z + noise[l + 1]
            out.append((z, mean, deviation))
            a = np.sqrt((V * V).sum(axis=0)) * z + b
            h = np.tanh(a) if l < len(layers) - 1 else a
        return out, h

    clean, _ = encoder([0 * n for n in noise])
    noisy, outputs = encoder(noise)
    P = softmax(outputs)
    total = rows.weights_of("labeled") @ -(rows.targets * np.log(P)).sum(axis=1)
    above = P
    for l in reversed(range(len(clean))):
        a = np.asarray(network.combinator(theta, l))
        u = standardize(above, w)[0]
        mean, share = (
            a[i] / (1 + np.exp(-(a[i + 1] * u + a[i + 2]))) + a[i + 3] * u + a[i + 4]
            for i in (0, 5)
        )
        restored = (noisy[l][0] - mean) * share + mean
        z, mu, deviation = clean[l]
        total += objective.terms[0][1].denoising_costs[l] * (
            w @ (((z - (restored - mu) / deviation) ** 2).mean(axis=1))
        )
        above = restored @ np.asarray(network.decoder_weight(theta, l)) if l else None
    return total


@pytest.mark.parametrize("of_classes", [False, True])
@pytest.mark.parametrize(
    "costs", [COSTS, [0, 0, 0.3, 0.2], [0, 0, 0, 0.2], [0, 0.5, 0, 0], [0, 0, 0, 0]]
)
def test_the_objective_is_the_published_one(costs, of_classes):
    objective, theta, _ = ladder(costs=costs, of_classes=of_classes)
    batch = objective.full_batch()
    value = objective.value(theta, batch, np.random.RandomState(5))
    np.testing.assert_allclose(
        value, published(objective, theta, drawn_noise(objective)), rtol=1e-10
    )


def drawn_noise(objective):
    """What the loss draws with the seed 5."""
    rng = np.random.default_rng(np.random.RandomState(5).randint(2**31))
    return [0.3 * rng.standard_normal((20, size)) for size in objective.network.layer_sizes]


def folded(objective, theta):
    """Weights and biases of the network that is normalized over the rows, in plain NumPy."""
    network, h, w, layers = objective.network, objective.rows.X, row_weights(objective.rows), []
    for V, b in network.unpack(theta):
        _, mean, deviation = standardize(h @ V, w)
        scale = np.sqrt((V * V).sum(axis=0)) / deviation
        layers.append((V * scale, b - mean * scale))
        h = np.tanh(h @ layers[-1][0] + layers[-1][1])
    return layers


def smoothness(objective, theta, moved, targets):
    """Virtual adversarial cost of Miyato et al. for given rows and predictions."""
    h, layers = moved, folded(objective, theta)
    for l, (W, b) in enumerate(layers):
        h = h @ W + b
        h = np.tanh(h) if l < len(layers) - 1 else h
    kl = (targets * (np.log(targets) - np.log(softmax(h)))).sum(axis=1)
    return objective.rows.weights_of("all") @ kl


@pytest.mark.parametrize("of_classes", [False, True])
@pytest.mark.parametrize("noise", ["gaussian", "adversarial"])
def test_a_penalty_is_one_of_the_normalised_network_beside_the_published_objective(
    noise, of_classes
):
    penalty = 0.7 * VirtualAdversarial(0.4)
    objective, theta, rng = ladder(noise, epsilon=1e-300, penalty=penalty, of_classes=of_classes)
    batch, random_state = objective.full_batch(), np.random.RandomState(5)
    value, gradient = objective.value_and_grad(theta, batch, random_state)
    random_state = np.random.RandomState(5)
    random_state.randint(2**31)  # the loss comes first
    effective = objective.parametrization.for_batch(batch).transform(objective.network, theta)
    step = Step(objective, effective, batch, random_state, theta)
    moved = step.X + 0.4 * step.virtual_adversarial_directions()

    def whole(theta):
        added = smoothness(objective, theta, moved, step.frozen_mean)
        return published(objective, theta, drawn_noise(objective)) + 0.7 * added

    np.testing.assert_allclose(value, whole(theta), rtol=1e-10)
    direction = rng.randn(theta.size)
    expected = whole(theta + 1e-30j * direction).imag / 1e-30  # exact
    np.testing.assert_allclose(gradient @ direction, expected, rtol=1e-9)


@pytest.mark.parametrize("penalty", [None, VirtualAdversarial(0.4)], ids=str)
def test_what_is_kept_is_normalised_over_rows_without_weights_of_classes(penalty):
    objective, theta, _ = ladder(penalty=penalty, of_classes=True)
    kept = objective.network.unpack(objective.effective(theta))
    for found, expected in zip(kept, folded(objective, theta), strict=True):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-9)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
@pytest.mark.parametrize("likelihood", ["softmax", "logistic"])
def test_gradient_matches_finite_differences(activation, likelihood):
    objective, theta, rng = ladder(activation=activation, likelihood=likelihood)
    batch = objective.full_batch()

    def value(theta):
        return objective.value(theta, batch, np.random.RandomState(0))

    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(value, theta, direction)
    gradient = objective.value_and_grad(theta, batch, np.random.RandomState(0))[1]
    np.testing.assert_allclose(gradient @ direction, expected, rtol=5e-6, atol=1e-7)


def test_a_perfect_decoder_costs_nothing():
    objective, theta, _ = ladder(noise_std=0.0)
    network, batch = objective.network, objective.full_batch()
    theta = network.initialize(
        np.random.RandomState(0), np.float64
    )  # combinators that pass on what they get
    weights = batch.weights["all"]
    layers, outputs = encode(network, theta, batch.X, weights)
    top = oracles.means(outputs, "softmax")
    errors = decode(network, theta, layers, layers, top, weights)
    np.testing.assert_allclose(errors[0], 0, atol=1e-12)
    assert len(errors) == 4


@pytest.mark.parametrize(("kind", "n_places"), [("adversarial", 1), ("adversarial_layerwise", 3)])
def test_the_adversarial_part_has_its_radius_and_changes_the_prediction_more_than_chance(
    kind, n_places
):
    objective, theta, _ = ladder(kind, noise_std=0.0)
    loss, batch = objective.terms[0][1], objective.full_batch()
    step = Step(objective, theta, batch, np.random.RandomState(0))
    noise = loss._noise(step)
    norms = [np.linalg.norm(array, axis=1) for array in noise]
    np.testing.assert_allclose(norms[:n_places], 0.5, rtol=1e-9)
    assert not np.any(np.concatenate(norms[n_places:]))
    network, weights = objective.network, batch.weights["all"]
    clean, bad, random = (
        oracles.means(encode(network, theta, batch.X, weights, added)[1], "softmax")
        for added in (None, noise, turned(noise))
    )
    change = [(clean * np.log(clean / other)).sum(axis=1).mean() for other in (bad, random)]
    assert change[0] > 1.5 * change[1]


def turned(noise):
    """Noise of the same size in random directions."""
    rng = np.random.RandomState(1)
    random = [rng.standard_normal(array.shape) for array in noise]
    return [
        np.linalg.norm(array, axis=1, keepdims=True) * r / np.linalg.norm(r, axis=1, keepdims=True)
        for array, r in zip(noise, random, strict=True)
    ]


@pytest.mark.parametrize("noise", KINDS)
def test_learns_from_few_labels_and_is_a_plain_network_in_the_end(noise):
    model = LadderClassifier(noise=noise, max_iter=30, learning_rate_init=0.01, random_state=0).fit(
        X, SOME
    )
    assert np.mean(model.transduction_ == Y) > 0.75
    np.testing.assert_array_equal(model.transduction_[:60], Y[:60])
    assert [W.shape for W in model.coefs_] == [(64, 100), (100, 10)]
    np.testing.assert_allclose(
        model.to_sklearn().predict_proba(X), model.predict_proba(X), rtol=1e-9
    )


@pytest.mark.parametrize(
    "penalty",
    [
        VirtualAdversarial(0.5),
        LayerwiseVirtualAdversarial((0.5, 0.3)),
        "input_gradient",
        1e-3 * WeightDecay(),
    ],
    ids=str,
)
def test_learns_with_a_penalty_beside_the_ladder(penalty):
    options = {
        "max_iter": 20,
        "learning_rate_init": 0.01,
        "class_weight": "balanced",
        "random_state": 0,
    }
    model = LadderClassifier(penalty=penalty, alpha=0.5, **options).fit(X, SOME)
    plain = LadderClassifier(**options).fit(X, SOME)
    assert np.mean(model.transduction_ == Y) > 0.75
    assert abs(model.coefs_[0] - plain.coefs_[0]).max() > 1e-3
    none = LadderClassifier(penalty=penalty, alpha=0, **options).fit(X, SOME)
    np.testing.assert_array_equal(none.coefs_[0], plain.coefs_[0])


def test_a_penalty_on_weights_is_one_on_those_of_the_normalised_network_and_the_weight_decay_on_those_trained():
    objective, theta, _ = ladder(penalty=WeightDecay())
    batch, network = objective.full_batch(), objective.network
    values = [
        objective.value(theta, batch, terms=[(1.0, term)])
        for term in (WeightDecay(), TrainedWeightDecay())
    ]
    np.testing.assert_allclose(
        values[0], sum((W**2).sum() for W, _ in folded(objective, theta)), rtol=1e-9
    )
    trained = sum((V**2).sum() for V, _ in network.unpack(theta))
    np.testing.assert_allclose(values[1], trained / (2 * batch.total_weight), rtol=1e-12)


def test_what_a_fit_penalises_is_the_network_that_is_kept():
    options = {
        "noise_std": 0.0,
        "batch_size": 500,
        "unlabeled_batch_size": 500,
        "learning_rate_init": 1e-12,
    }
    plain, penalized = (
        LadderClassifier(penalty=penalty, alpha=0.5, max_iter=1, random_state=0, **options).fit(
            X, SOME
        )
        for penalty in (None, "weight_decay")
    )
    squares = sum((W**2).sum() for W in penalized.coefs_)
    np.testing.assert_allclose(penalized.loss_ - plain.loss_, 0.5 * squares, rtol=1e-6)


def test_weights_of_classes_are_those_of_the_labeled_rows_in_the_loss_alone():
    of_classes, theta, _ = ladder(of_classes=True)
    plain = ladder()[0]
    batches = [objective.full_batch() for objective in (of_classes, plain)]
    steps = [Step(plain, theta, batch, np.random.RandomState(5)) for batch in batches]
    (weighted, *costs), (unweighted, *plain_costs) = (
        plain.terms[0][1].contributions(step) for step in steps
    )
    assert not np.allclose(weighted[0], unweighted[0])
    np.testing.assert_array_equal(weighted[0], of_classes.rows.weights_of("labeled"))
    for found, expected in zip([weighted[1:], *costs], [unweighted[1:], *plain_costs], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_class_that_weighs_more_is_predicted_more_often():
    options = {"max_iter": 20, "learning_rate_init": 0.01, "random_state": 0}
    plain, weighted = (
        LadderClassifier(class_weight=class_weight, **options).fit(X, SOME)
        for class_weight in (None, {digit: 50 if digit == 3 else 1 for digit in range(10)})
    )
    assert np.sum(weighted.predict(X) == 3) > np.sum(plain.predict(X) == 3)


def test_labeled_rows_of_a_class_of_weight_zero_are_left_out():
    moved = np.where((SOME == 3)[:, None], 9.0, X)
    weights = {digit: digit != 3 for digit in range(10)}
    fits = [
        LadderClassifier(class_weight=weights, max_iter=5, random_state=0).fit(rows, SOME)
        for rows in (X, moved)
    ]
    np.testing.assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])


def test_two_classes_and_early_stopping():
    rows = Y < 2
    model = LadderClassifier(max_iter=15, early_stopping=True, random_state=0).fit(X[rows], Y[rows])
    assert model.coefs_[-1].shape[1] == 1
    assert model.best_validation_score_ > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": [1.0, -1]}, "epsilon must be a finite number >= 0; got -1"),
        (
            {"noise": "adversarial_layerwise", "epsilon": [1, 1, 1]},
            "epsilon has 3 entries, but the layers to perturb are the input and 1 hidden one. "
            "Leave",
        ),
        (
            {"epsilon": "large"},
            "epsilon must be a number, or a sequence of numbers from the input up; got 'large'",
        ),
        ({"penalty": "vat"}, "penalty must be None, one of .*; got 'vat'"),
        (
            {"penalty": "parameter_gradient"},
            "under BatchNormalization are not those of the network",
        ),
        ({"alpha": -1}, "alpha must be a finite number >= 0; got -1"),
        (
            {"class_weight": "even"},
            "class_weight must be a dict of class to number, \"balanced\" or None; got 'even'",
        ),
        (
            {"noise": "salt"},
            "noise must be one of 'gaussian', 'adversarial', 'adversarial_layerwise'; got 'salt'",
        ),
        ({"noise_std": -1}, "noise_std must be a finite number >= 0; got -1"),
        ({"denoising_costs": 3}, "denoising_costs must be a sequence of numbers; got 3"),
        ({"denoising_costs": [1, -2]}, "denoising_costs must be a finite number >= 0; got -2"),
        (
            {"solver": "lbfgs"},
            "LBFGS needs a deterministic objective, but LadderLoss draws random numbers",
        ),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LadderClassifier(**options).fit(X, SOME)


def test_weight_decay_acts_on_the_weights_that_are_trained():
    values = []
    for l2 in (0.0, 2.0):
        objective = objective_of(LadderClassifier((5,), l2=l2, random_state=0), MULTI_X, MULTI_Y)
        theta = objective.network.initialize(np.random.RandomState(1), np.float64)
        values.append(objective.value(theta, objective.full_batch(), np.random.RandomState(0)))
    squares = sum((W**2).sum() for W, _ in objective.network.unpack(theta))
    np.testing.assert_allclose(values[1] - values[0], 2.0 / (2 * len(MULTI_X)) * squares, rtol=1e-9)


def test_radii_are_checked_where_they_are_used():
    options = {"max_iter": 1, "random_state": 0}
    LadderClassifier((5,), epsilon=(1.0, 0.1, 0.1), **options).fit(MULTI_X, MULTI_Y)  # not used
    LadderClassifier((5,), noise="adversarial_layerwise", epsilon=(0.0, 0.1), **options).fit(
        MULTI_X, MULTI_Y
    )
    for noise, layers in (
        ("adversarial", "the input alone"),
        ("adversarial_layerwise", "the input and 1 hidden one"),
    ):
        with pytest.raises(
            ValueError, match=f"epsilon has 3 entries, but the layers to perturb are {layers}"
        ):
            LadderClassifier((5,), noise=noise, epsilon=(1.0, 0.1, 0.1), **options).fit(
                MULTI_X, MULTI_Y
            )


def test_penalties_that_cannot_be_are_named_in_words_of_the_user():
    for penalty, message in (
        ("certified_loss", "CertifiedLoss bounds the cross-entropy, .* Use the default loss"),
        ("parameter_gradient", "under BatchNormalization"),
    ):
        with pytest.raises(ValueError, match=message):
            LadderClassifier((5,), penalty=penalty).fit(MULTI_X, MULTI_Y)
