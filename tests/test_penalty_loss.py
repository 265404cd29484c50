"""A penalty in place of the loss.

Published objectives are written out again, and all attributes of a term are forwarded.
"""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.likelihoods import Poisson
from sklearn_irg.losses import (
    Flooding,
    LabelSmoothing,
    Loss,
    NegativeLogLikelihood,
    PenaltyLoss,
    check_loss,
)
from sklearn_irg.penalties import (
    AdversarialLoss,
    BatchPenalty,
    CertifiedLoss,
    ClassBalance,
    HiddenNoise,
    InputDropout,
    InputGradient,
    InputNoise,
    LabelNoise,
    SamplePenalty,
    Sum,
    TargetNoise,
    VirtualAdversarial,
    WeightDecay,
    WeightNoise,
)
from tests.problems import (
    BINARY_X,
    BINARY_Y,
    MULTI_X,
    MULTI_Y,
    evaluate,
    make_objective,
    penalty_value,
    problem,
    row_losses,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LOSSES = [
    AdversarialLoss(0.3),
    AdversarialLoss(0.3, "linf", n_steps=3),
    CertifiedLoss(0.2),
    InputNoise(0.3, n_draws=2),
    InputDropout(0.4),
    HiddenNoise(0.5),
    HiddenNoise(0.5, distribution="uniform"),
    WeightNoise(0.1),
    WeightNoise(0.1, distribution="uniform"),
    LabelNoise(0.3),
]
FLAGS = [
    "builds_inputs",
    "depends_on_epoch",
    "differentiates_parameters",
    "has_kinks",
    "is_detached",
    "is_stochastic",
    "needs_whole_batch",
    "takes_threat",
    "uses_mask",
]


def difference(left, right):
    return tuple(a - b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("penalty", LOSSES, ids=repr)
class TestEveryLossOfRows:
    def test_is_what_the_penalty_adds_to_the_loss(self, penalty):
        network, X, Y, theta, rng = problem()
        weight = rng.rand(len(X))
        alone = evaluate(
            make_objective(network, X, Y, loss=PenaltyLoss(penalty), sample_weight=weight), theta
        )
        both, plain = (
            evaluate(make_objective(network, X, Y, term, sample_weight=weight), theta)
            for term in (penalty, None)
        )
        for found, expected in zip(alone, difference(both, plain), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)

    def test_is_refused_by_no_estimator_and_depends_on_it_alone(self, penalty):
        model = GradRegMLPClassifier(
            (5,), penalty=None, loss=PenaltyLoss(penalty), max_iter=3, random_state=0
        )
        assert np.isfinite(clone(model).fit(MULTI_X, MULTI_Y).loss_)
        same = clone(model).set_params(penalty=WeightDecay(), alpha=0.0).fit(MULTI_X, MULTI_Y)
        np.testing.assert_array_equal(same.coefs_[0], model.fit(MULTI_X, MULTI_Y).coefs_[0])

    def test_can_be_flooded(self, penalty):
        network, X, Y, theta, _ = problem()
        plain = evaluate(make_objective(network, X, Y, loss=PenaltyLoss(penalty)), theta)
        for level, sign in ((plain[0] - 0.1, 1), (plain[0] + 0.1, -1)):
            flooded = evaluate(
                make_objective(network, X, Y, loss=Flooding(level, loss=PenaltyLoss(penalty))),
                theta,
            )
            np.testing.assert_allclose(flooded[0], abs(plain[0] - level) + level, rtol=1e-9)
            np.testing.assert_allclose(flooded[1], sign * plain[1], rtol=1e-9, atol=1e-12)

    def test_can_be_smoothed(self, penalty):
        network, X, Y, theta, _ = problem()
        smooth = make_objective(network, X, Y, loss=LabelSmoothing(0.2, loss=PenaltyLoss(penalty)))
        expected = evaluate(
            make_objective(network, X, 0.8 * Y + 0.05, loss=PenaltyLoss(penalty)), theta
        )
        np.testing.assert_allclose(evaluate(smooth, theta)[1], expected[1], rtol=1e-9)

    def test_labels_of_unlabeled_rows_are_never_read(self, penalty):
        network, X, Y, theta, _ = problem(n_samples=12)
        labeled = np.arange(12) < 5
        changed = np.where(labeled[:, None], Y, Y[::-1])
        values = [
            evaluate(
                make_objective(network, X, targets, loss=PenaltyLoss(penalty), labeled=labeled),
                theta,
            )[0]
            for targets in (Y, changed)
        ]
        assert values[0] == values[1]


class TestPublishedObjectives:
    @pytest.mark.parametrize(("norm", "order"), [("linf", 1), ("l2", 2)])
    @pytest.mark.parametrize("Penalty", [AdversarialLoss, CertifiedLoss])
    def test_min_max_of_a_linear_model_is_the_loss_at_its_dual_norm(self, Penalty, norm, order):
        network, X, Y, theta, _ = problem("logistic", hidden=())
        w, b, sign, n = theta[:5], theta[5], 2 * Y[:, 0] - 1, len(X)
        value, gradient = evaluate(
            make_objective(network, X, Y, loss=PenaltyLoss(Penalty(0.3, norm))), theta
        )
        margin = sign * (X @ w + b) - 0.3 * np.linalg.norm(w, order)
        np.testing.assert_allclose(value, np.log1p(np.exp(-margin)).mean(), rtol=1e-9)
        slopes = -1 / (1 + np.exp(margin)) / n
        of_norm = np.sign(w) if order == 1 else w / np.linalg.norm(w)
        expected = np.append(
            slopes * sign @ X - 0.3 * slopes.sum() * of_norm, (slopes * sign).sum()
        )
        np.testing.assert_allclose(gradient, expected, rtol=1e-9)

    def test_certified_training_alone_finds_the_robust_optimum_of_a_linear_model(self):
        loss = PenaltyLoss(CertifiedLoss(0.3, "l2"))
        model = GradRegLogisticRegression(None, loss=loss, l2=1.0, tol=1e-8).fit(BINARY_X, BINARY_Y)
        sign, n = 2 * BINARY_Y - 1, len(BINARY_X)

        def objective(theta):
            margin = sign * (BINARY_X @ theta[:-1] + theta[-1]) - 0.3 * np.linalg.norm(theta[:-1])
            return np.logaddexp(0, -margin).mean() + theta[:-1] @ theta[:-1] / (2 * n)

        best = minimize(
            objective, np.append(model.coef_[0], model.intercept_), options={"gtol": 1e-7}
        )
        np.testing.assert_allclose(model.loss_, best.fun, rtol=1e-7)
        np.testing.assert_allclose(model.coef_[0], best.x[:-1], atol=1e-4)

    @pytest.mark.parametrize(("norm", "order"), [("linf", 1), ("l1", np.inf)])
    def test_lbfgs_finds_the_optimum_where_weights_are_zero(self, norm, order):
        loss = PenaltyLoss(CertifiedLoss(0.3, norm))
        model = GradRegLogisticRegression(None, loss=loss, tol=1e-5, max_iter=3000).fit(
            BINARY_X, BINARY_Y
        )
        sign, n = 2 * BINARY_Y - 1, len(BINARY_X)

        def objective(theta):
            margin = sign * (BINARY_X @ theta[:-1] + theta[-1]) - 0.3 * np.linalg.norm(
                theta[:-1], order
            )
            return np.logaddexp(0, -margin).mean() + theta[:-1] @ theta[:-1] / (2 * n)

        theta = np.append(model.coef_[0], model.intercept_)
        np.testing.assert_allclose(model.loss_, objective(theta), rtol=1e-9)
        rng = np.random.RandomState(0)
        nearby = [
            objective(theta + h * rng.standard_normal(31))
            for h in (1e-4, 1e-3, 1e-2)
            for _ in range(200)
        ]
        zeroed = [objective(np.where(np.arange(31) == j, 0, theta)) for j in range(30)]
        assert model.converged_
        assert min(nearby + zeroed) >= model.loss_ * (1 - 1e-4)

    def test_noise_in_the_inputs_is_the_loss_of_noisy_rows(self):
        network, X, Y, theta, _ = problem()
        value = evaluate(make_objective(network, X, Y, loss=PenaltyLoss(InputNoise(0.3))), theta)[0]
        noisy = X + 0.3 * np.random.RandomState(0).standard_normal(X.shape)
        np.testing.assert_allclose(value, row_losses(network, theta, Y)(noisy).mean(), rtol=1e-9)

    def test_min_max_training_agrees_with_torch(self):
        torch = pytest.importorskip("torch", reason="torch is in the dev group only")
        network, X, Y, theta, _ = problem("softmax", "softplus")
        loss = PenaltyLoss(AdversarialLoss(0.3, "linf", n_steps=3, step_size=0.15))
        value, gradient = evaluate(make_objective(network, X, Y, loss=loss), theta)
        layers = [
            [torch.tensor(a, requires_grad=True) for a in layer] for layer in network.unpack(theta)
        ]
        parameters = [a for layer in layers for a in layer]

        def loss_at(A):
            for l, (W, b) in enumerate(layers):
                A = A @ W + b
                A = torch.nn.functional.softplus(A) if l < 2 else A
            return -(torch.tensor(Y) * torch.log_softmax(A, dim=1)).sum() / len(X)

        start = torch.tensor(X)
        moved = start.clone()
        for _ in range(3):
            moved.requires_grad_(True)
            (g,) = torch.autograd.grad(loss_at(moved), moved)
            moved = (start + (moved.detach() + 0.15 * g.sign() - start).clamp(-0.3, 0.3)).detach()
        total = loss_at(moved)
        expected = torch.cat([g.ravel() for g in torch.autograd.grad(total, parameters)])
        np.testing.assert_allclose(value, total.item(), rtol=1e-9)
        np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-9, atol=1e-12)

    def test_half_clean_and_half_adversarial_is_a_weighted_sum_beside_the_loss(self):
        network, X, Y, theta, _ = problem()
        half = 0.5 * InputNoise(1e-300) + 0.5 * AdversarialLoss(0.3)
        both = evaluate(make_objective(network, X, Y, AdversarialLoss(0.3)), theta)
        mixed = evaluate(make_objective(network, X, Y, loss=PenaltyLoss(half)), theta)
        for found, expected in zip(mixed, both, strict=True):
            np.testing.assert_allclose(found, 0.5 * expected, rtol=1e-9, atol=1e-12)

    def test_counts_under_noise(self):
        network, X, Y, theta, _ = problem("exp")
        value = evaluate(
            make_objective(network, X, Y, loss=PenaltyLoss(InputNoise(0.3), Poisson())), theta
        )[0]
        assert value == penalty_value(InputNoise(0.3), network, X, Y, theta)
        model = GradRegMLPRegressor(
            penalty=None, loss=PenaltyLoss("input_noise", Poisson()), max_iter=2
        )
        assert isinstance(model.fit(MULTI_X, MULTI_Y).likelihood_, Poisson)


class Known(SamplePenalty):
    """A loss of rows that remembers what it was asked."""

    is_loss = True

    def __init__(self, name="first"):
        self.name = name

    def values(self, step):
        return step.losses


class TestForwarding:
    def test_every_flag_is_that_of_any_term(self):
        for name in FLAGS:
            own = type("Own", (Known,), {name: True})
            other = type("Other", (Known,), {name: False})
            assert getattr(PenaltyLoss(0.5 * other() + own()), name) is True, name
            assert getattr(PenaltyLoss(0.5 * other() + other()), name) is False, name

    def test_no_flag_of_a_term_is_left_out(self):
        flags = {
            name
            for name in dir(Loss)
            if isinstance(vars(Loss).get(name, getattr(Loss, name)), bool)
            and not name.startswith("_")
        }
        assert flags == {*FLAGS, "is_loss", "limits_slope", "replaces_likelihood"}
        assert PenaltyLoss(Known()).replaces_likelihood is False

    def test_rows_without_labels_stay_out_or_in_as_the_term_says(self):
        assert PenaltyLoss(Known()).group == "labeled"
        assert PenaltyLoss(type("Own", (Known,), {"group": "all"})()).group == "all"

    @pytest.mark.parametrize(
        ("method", "arguments"),
        [("prepared", ("rows", "network")), ("smoothed", (8.0,)), ("at_epoch", (3,))],
    )
    def test_terms_become_what_they_say(self, method, arguments):
        asked = []

        def answer(self, *given):
            asked.append(given)
            return Known("second")

        loss = PenaltyLoss(2.0 * type("Own", (Known,), {method: answer})() + 3.0 * Known())
        changed = getattr(loss, method)(*arguments)
        assert asked == [arguments]
        assert [(weight, term.name) for weight, term in changed.terms()] == [
            (2.0, "second"),
            (3.0, "first"),
        ]
        assert [term.name for _, term in loss.terms()] == ["first", "first"]
        assert repr(clone(changed)) == repr(loss)

    def test_terms_in_parameters_with_bounds(self):
        pair = ("parametrization", Known("bounded"))
        bounded = type("Own", (Known,), {"bounded": lambda self, network: pair})()
        parametrization, loss = PenaltyLoss(bounded + 2.0 * Known()).bounded(None)
        assert parametrization == "parametrization"
        assert [(weight, term.name) for weight, term in loss.terms()] == [
            (1.0, "bounded"),
            (2.0, "first"),
        ]
        assert PenaltyLoss(Known()).bounded(None) is None

    def test_what_a_term_finds_impossible_is(self):
        with pytest.raises(
            ValueError, match=r"CertifiedLoss needs class margins, which Gaussian\(\) does not have"
        ):
            GradRegMLPRegressor(penalty=None, loss=PenaltyLoss(CertifiedLoss())).fit(
                MULTI_X, MULTI_Y
            )
        own = type("Own", (NegativeLogLikelihood,), {})()
        network, X, Y, _, _ = problem()
        with pytest.raises(ValueError, match="CertifiedLoss bounds the cross-entropy, but Own"):
            PenaltyLoss(CertifiedLoss()).check_other_terms([own])
        assert make_objective(network, X, Y, CertifiedLoss(), loss=PenaltyLoss(AdversarialLoss()))

    def test_a_radius_that_grows_does(self):
        network, X, Y, theta, _ = problem()
        objective = make_objective(
            network, X, Y, loss=PenaltyLoss(CertifiedLoss(0.4, n_ramp_up_epochs=3))
        )
        now = [evaluate(objective.at_epoch(epoch), theta)[0] for epoch in range(5)]
        expected = [
            penalty_value(CertifiedLoss(0.4 * k / 4), network, X, Y, theta) for k in (1, 2, 3, 4, 4)
        ]
        np.testing.assert_allclose(now, expected, rtol=1e-12)
        assert objective.at_epoch(3) is objective

    def test_terms_of_weight_zero_are_left_out(self):
        network, X, Y, theta, _ = problem()
        loss = PenaltyLoss(0 * InputNoise() + CertifiedLoss(0.2))
        assert not loss.is_stochastic
        expected = evaluate(
            make_objective(network, X, Y, loss=PenaltyLoss(CertifiedLoss(0.2))), theta
        )
        np.testing.assert_array_equal(
            evaluate(make_objective(network, X, Y, loss=loss), theta)[1], expected[1]
        )

    @pytest.mark.parametrize(
        "options",
        [{"loss": PenaltyLoss}, {"penalty": lambda penalty: penalty}],
        ids=["loss", "penalty"],
    )
    def test_a_radius_that_grows_is_refused_by_partial_fit_whose_calls_are_epochs(self, options):
        ((name, wrap),) = options.items()
        model = GradRegMLPClassifier(
            (5,), **{"penalty": None, name: wrap(CertifiedLoss(0.4, n_ramp_up_epochs=3))}
        )
        with pytest.raises(
            ValueError,
            match=r"partial_fit does not support .*n_ramp_up_epochs=3.*each call is one epoch",
        ):
            model.partial_fit(MULTI_X, MULTI_Y, classes=[0, 1, 2])

    def test_random_and_detached_losses_are_refused_by_a_line_search(self):
        for penalty, reason in (
            (InputNoise(), "draws random numbers"),
            (AdversarialLoss(), "holds its perturbation"),
        ):
            with pytest.raises(
                ValueError, match=f"PenaltyLoss of {type(penalty).__name__} {reason}"
            ):
                GradRegLogisticRegression(None, loss=PenaltyLoss(penalty)).fit(MULTI_X, MULTI_Y)

    def test_parameters_are_those_of_a_grid(self):
        model = GradRegMLPClassifier(
            (4,), penalty=None, loss=PenaltyLoss(AdversarialLoss()), max_iter=2
        )
        search = GridSearchCV(model, {"loss__penalty__epsilon": [0.1, 0.2]}, cv=2).fit(
            MULTI_X, MULTI_Y
        )
        assert search.best_estimator_.loss.penalty.epsilon in (0.1, 0.2)

    def test_unlabeled_rows_count_in_a_penalty_beside_it(self):
        y = np.where(np.arange(len(MULTI_Y)) % 5 == 0, MULTI_Y, -1)
        loss = PenaltyLoss(AdversarialLoss(0.3))
        model = VATClassifier(
            (8,), loss=loss, max_iter=200, learning_rate_init=0.01, random_state=0
        )
        assert model.fit(MULTI_X, y).score(MULTI_X, MULTI_Y) > 0.85


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (None, "penalty of PenaltyLoss must be one whose values are losses.* got None"),
        ("adversarial", "penalty must be None, one of 'adversarial_loss'"),
        (NegativeLogLikelihood(), "penalty must be None, one of"),
        (AdversarialLoss(-1), "epsilon must be a finite number > 0; got -1"),
        (
            InputGradient(),
            r"PenaltyLoss minimizes losses of rows, .*, and InputGradient\(\) is none",
        ),
        ("weight_decay", r"and WeightDecay\(\) is none"),
        (VirtualAdversarial(), r"and VirtualAdversarial\(\) is none"),
        (
            AdversarialLoss() + 0.1 * ClassBalance(),
            r"and ClassBalance\(\) is none.* Pass it as penalty of the estimator",
        ),
        (
            0 * AdversarialLoss(),
            "the weights of Scaled.* are zero, so there is no loss to minimize",
        ),
        (Sum(AdversarialLoss(), 3), "a Sum takes penalty objects"),
        (Known() + type("All", (Known,), {"group": "all"})(), "count different groups of rows"),
    ],
    ids=repr,
)
def test_what_is_no_loss_of_rows_is_named(penalty, message):
    with pytest.raises(ValueError, match=message):
        check_loss(PenaltyLoss(penalty))
    with pytest.raises(ValueError, match=message):
        GradRegMLPClassifier(penalty=None, loss=Flooding(0.1, loss=PenaltyLoss(penalty))).fit(
            MULTI_X, MULTI_Y
        )


def test_a_likelihood_that_is_none_is_named():
    with pytest.raises(ValueError, match="likelihood must be a Likelihood such as Poisson"):
        check_loss(PenaltyLoss(AdversarialLoss(), "poisson"))


def test_a_loss_of_batches_of_ones_own():
    class Mean(BatchPenalty):
        is_loss = True

        def value(self, step):
            weights = step.weights_of("labeled")
            return (weights @ step.losses) / weights.sum()

    network, X, Y, theta, _ = problem()
    expected = evaluate(make_objective(network, X, Y), theta)
    found = evaluate(make_objective(network, X, Y, loss=PenaltyLoss(Mean())), theta)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)


class TestTargetNoise:
    @pytest.mark.parametrize("distribution", ["gaussian", "uniform"])
    def test_is_the_loss_of_noisy_targets_and_its_derivative_that_of_their_residuals(
        self, distribution
    ):
        network, X, Y, theta, _ = problem("identity")
        penalty, rng = TargetNoise(0.4, distribution=distribution), np.random.RandomState(0)
        noise = (
            rng.standard_normal(Y.shape)
            if distribution == "gaussian"
            else rng.uniform(-(3**0.5), 3**0.5, Y.shape)
        )
        found = evaluate(make_objective(network, X, Y, loss=PenaltyLoss(penalty)), theta)
        expected = evaluate(make_objective(network, X, Y + 0.4 * noise), theta)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-12)

    def test_adds_half_the_variance_of_each_output_on_average(self):
        network, X, Y, theta, _ = problem("identity")
        X, Y = np.repeat(X, 4000, axis=0), np.repeat(Y, 4000, axis=0)
        plain = evaluate(make_objective(network, X, Y), theta)[0]
        for distribution in ("gaussian", "uniform"):
            value = penalty_value(TargetNoise(0.4, distribution=distribution), network, X, Y, theta)
            np.testing.assert_allclose(value - plain, 0.4**2 / 2 * Y.shape[1], rtol=0.03)

    def test_draws_are_averaged(self):
        network, X, Y, theta, _ = problem("identity")
        rng = np.random.RandomState(0)
        expected = np.mean(
            [
                evaluate(make_objective(network, X, Y + 0.4 * rng.standard_normal(Y.shape)), theta)[
                    0
                ]
                for _ in range(3)
            ]
        )
        np.testing.assert_allclose(
            penalty_value(TargetNoise(0.4, n_draws=3), network, X, Y, theta), expected, rtol=1e-12
        )

    def test_fits_by_name(self):
        model = GradRegMLPRegressor(
            (5,), penalty="target_noise", alpha=0.5, max_iter=5, random_state=0
        )
        assert np.isfinite(model.fit(MULTI_X, MULTI_X[:, :2]).predict(MULTI_X)).all()

    @pytest.mark.parametrize(
        ("Estimator", "loss", "message"),
        [
            (
                GradRegMLPClassifier,
                None,
                r"those of Categorical\(\) are classes\. Use LabelNoise\(\)",
            ),
            (
                GradRegMLPRegressor,
                "poisson",
                r"any numbers, which those of Poisson\(\) may not\. Use InputNoise\(\)",
            ),
        ],
    )
    def test_is_refused_where_targets_are_not_any_numbers(self, Estimator, loss, message):
        with pytest.raises(ValueError, match=f"TargetNoise .* {message}"):
            Estimator(penalty=TargetNoise(), loss=loss).fit(MULTI_X, MULTI_Y)

    @pytest.mark.parametrize(
        ("penalty", "message"),
        [
            (TargetNoise(0), "std must be a finite number > 0; got 0"),
            (TargetNoise(n_draws=0), "n_draws must be an integer >= 1; got 0"),
            (
                TargetNoise(distribution="normal"),
                "distribution of TargetNoise must be one of 'gaussian', 'uniform'",
            ),
            (
                HiddenNoise(distribution="normal"),
                "distribution of HiddenNoise must be one of 'gaussian', 'uniform'",
            ),
            (
                WeightNoise(distribution=None),
                "distribution of WeightNoise must be one of 'gaussian', 'uniform'",
            ),
        ],
        ids=repr,
    )
    def test_parameters_out_of_range_are_named(self, penalty, message):
        with pytest.raises(ValueError, match=message):
            GradRegMLPRegressor(penalty=penalty).fit(MULTI_X, MULTI_Y)
