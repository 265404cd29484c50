"""What models are trained against is what they are evaluated against."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad, minimize
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    RobustTrainingClassifier,
    VATClassifier,
)
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.step import Step
from sklearn_irg._perturbations.largest_increase import largest_increase
from sklearn_irg._perturbations.unit_reach import unit_reach
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.behind_fitted_steps import perturbations_behind
from sklearn_irg._threats.score_ranges import score_range
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    certified_accuracy,
    make_adversarial_scorer,
)
from sklearn_irg.losses import LabelSmoothing, NegativeLogLikelihood, PenaltyLoss
from sklearn_irg.model_selection import refit_most_robust
from sklearn_irg.penalties import (
    AdversarialLoss,
    CertifiedLoss,
    InputGradient,
    VirtualAdversarial,
    WeightDecay,
)
from sklearn_irg.penalties._worst_inputs import worst_inputs
from tests.problems import LIKELIHOODS, evaluate, make_objective, mixed_table, prepared

NORMS = ["l2", "linf", "l1"]


def numbers_and_codes(n_samples=40, seed=0):
    """Three numbers, one of them a count, and three categories coded as numbers; and labels."""
    rng = np.random.RandomState(seed)
    numbers = [rng.randn(n_samples), np.abs(rng.randn(n_samples)), rng.poisson(3, n_samples)]
    X = np.column_stack([*numbers, *(rng.randint(0, n, n_samples) for n in (4, 3, 2))]).astype(
        float
    )
    return X, (X[:, 0] + 0.3 * X[:, 2] + 0.5 * X[:, 3] + rng.randn(n_samples) > 1.7).astype(int)


def threat_of(X, norm="l2", n_swaps=1, **options):
    options = {
        "epsilon": 0.6,
        "norm": norm,
        "n_swaps": n_swaps,
        "categorical": [3, 4, 5],
        **options,
    }
    return ThreatModel(**options).fit(X)


def largest_by_brute_force(threat, X, directions):
    """Largest increase of a linear function for each row.

    For all ways to swap, a general solver finds the numbers.
    """
    inputs = threat.input_perturbations(X)
    weights, found = inputs.weights @ np.eye(inputs.n_inputs), []
    for i, v in enumerate(directions):
        values = [np.array(threat.levels_[j]) * v[j] for j in (3, 4, 5)]
        gains = [
            max([0.0, *(value - v[j] * X[i, j])])
            for j, value in zip((3, 4, 5), values, strict=True)
        ]
        ways = itertools.chain(
            *(itertools.combinations(gains, k) for k in range(threat.n_swaps + 1))
        )
        found.append(
            max(sum(way) for way in ways)
            + _in_ball(weights @ v, inputs.low[i], inputs.high[i], threat)
        )
    return np.array(found)


def _in_ball(g, low, high, threat):
    """Parts that are not negative, so that all norms are smooth."""
    order = {"l2": lambda z: z @ z - threat.epsilon**2, "l1": lambda z: z.sum() - threat.epsilon}
    order = order.get(threat.norm, lambda z: z.max() - threat.epsilon)
    constraint = {"type": "ineq", "fun": lambda z: -order(z)}
    bounds = [*((0, h) for h in high), *((0, -l) for l in low)]
    both = np.concatenate([g, -g])
    constraints = () if threat.norm == "linf" else [constraint]  # the box holds it
    options = {"ftol": 1e-12, "maxiter": 500}
    start = np.full(len(both), 1e-3) * [b[1] > 0 for b in bounds]
    options = {"bounds": bounds, "constraints": constraints, "options": options}
    return -minimize(lambda z: -both @ z, start, jac=lambda z: -both, **options).fun


@pytest.mark.parametrize("norm", NORMS)
class TestLargestIncrease:
    @pytest.mark.parametrize("n_swaps", [0, 1, 2, 3])
    def test_is_the_maximum_over_the_set(self, norm, n_swaps):
        X, _ = numbers_and_codes(12)
        rng = np.random.RandomState(1)
        v, signs = rng.randn(6), rng.choice([-1.0, 1.0], 12)
        threat = threat_of(X, norm, n_swaps)
        found, _ = largest_increase(threat.input_perturbations(X), v, signs)
        np.testing.assert_allclose(
            found, largest_by_brute_force(threat, X, signs[:, None] * v), atol=1e-6
        )

    @pytest.mark.parametrize("n_swaps", [0, 1, 2, 3])
    @pytest.mark.parametrize("sharpness", [None, 30.0, 3000.0])
    def test_pulls_back_its_derivative(self, norm, n_swaps, sharpness):
        X, _ = numbers_and_codes()
        rng = np.random.RandomState(2)
        v, signs, g = rng.randn(6), rng.choice([-1.0, 1.0], 40), rng.rand(40)
        inputs, h = threat_of(X, norm, n_swaps).input_perturbations(X), 1e-6 * np.eye(6)
        ends = [
            [g @ largest_increase(inputs, v + sign * step, signs, sharpness)[0] for step in h]
            for sign in (1, -1)
        ]
        expected = np.subtract(*ends) / 2e-6
        np.testing.assert_allclose(
            largest_increase(inputs, v, signs, sharpness)[1](g), expected, rtol=1e-5, atol=1e-5
        )

    @pytest.mark.parametrize("n_swaps", [1, 2])
    def test_the_smooth_one_tends_to_it(self, norm, n_swaps):
        X, _ = numbers_and_codes()
        v, signs = np.random.RandomState(3).randn(6), np.ones(40)
        inputs = threat_of(X, norm, n_swaps).input_perturbations(X)
        exact = largest_increase(inputs, v, signs)[0]
        errors = [
            np.abs(largest_increase(inputs, v, signs, k)[0] - exact).max()
            for k in (10.0, 100.0, 1e6)
        ]
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 1e-5

    @pytest.mark.parametrize("n_swaps", [0, 1, 2, 3])
    def test_that_of_several_functions_is_never_below_it(self, norm, n_swaps):
        X, _ = numbers_and_codes()
        rng = np.random.RandomState(4)
        W, G = rng.randn(6, 4), rng.rand(40, 4)
        inputs = threat_of(X, norm, n_swaps).input_perturbations(X)
        reach, pull_back = unit_reach(inputs, W)
        exact = np.column_stack([largest_increase(inputs, w, np.ones(40))[0] for w in W.T])
        assert (reach >= exact - 1e-12).all()
        np.testing.assert_allclose(-inputs.lowest(-np.tile(W.T, (40, 1, 1))), exact, atol=1e-9)
        if norm == "linf":
            np.testing.assert_allclose(reach, exact, atol=1e-12)
        error = check_grad(
            lambda w: (G * unit_reach(inputs, w.reshape(6, 4))[0]).sum(),
            lambda _: pull_back(G).ravel(),
            W.ravel(),
        )
        assert error < 1e-4


def linear_objective(penalty, X, Y, likelihood="logistic", **options):
    network = Network((X.shape[1], Y.shape[1]), ACTIVATIONS["identity"], LIKELIHOODS[likelihood][0])
    return network, make_objective(network, X, Y, penalty, **options)


class TestLinearModels:
    @pytest.mark.parametrize(
        ("norm", "options"), [("linf", {}), ("l2", {"integers": None}), ("l1", {"integers": None})]
    )
    @pytest.mark.parametrize("n_swaps", [0, 1, 2])
    def test_what_is_minimised_is_what_the_certificate_reports(self, norm, options, n_swaps):
        X, y = numbers_and_codes(200)
        threat = threat_of(X, norm, n_swaps, **options)
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=threat), alpha=1.0, max_iter=3000
        ).fit(X, y)
        ends = score_range(AttackProblem(model, X, y, threat), threat.epsilon)
        worst = np.where(y == 1, ends.lowest, -ends.highest)
        expected = np.logaddexp(0, -worst).mean()
        clean = np.logaddexp(0, -(2 * y - 1) * model.decision_function(X)).mean()
        decay = (model.coef_**2).sum() / (2 * len(X))
        assert abs(model.loss_ - (clean + expected + decay)) < 1e-10

    @pytest.mark.parametrize("norm", ["l2", "l1"])
    def test_with_integers_it_is_never_below_the_worst_loss(self, norm):
        X, y = numbers_and_codes(100)
        threat = threat_of(X, norm)
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=threat), alpha=1.0, l2=0, max_iter=2000
        ).fit(X, y)
        ends = score_range(AttackProblem(model, X, y, threat), threat.epsilon)
        worst = np.logaddexp(0, -np.where(y == 1, ends.lowest, -ends.highest)).mean()
        clean = np.logaddexp(0, -(2 * y - 1) * model.decision_function(X)).mean()
        assert worst - 1e-12 <= model.loss_ - clean < 1.1 * worst

    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "identity"])
    @pytest.mark.parametrize("n_swaps", [0, 2])
    @pytest.mark.parametrize("loss", [None, LabelSmoothing(0.2)])
    def test_gradients_are_those_of_finite_differences(self, likelihood, n_swaps, loss):
        if likelihood == "identity" and loss is not None:
            pytest.skip("numbers have no smooth labels")
        X, y = numbers_and_codes(30)
        rng = np.random.RandomState(0)
        Y = {
            "logistic": y[:, None],
            "softmax": np.eye(3)[rng.randint(3, size=30)],
            "identity": rng.randn(30, 1),
        }
        penalty = AdversarialLoss(threat=threat_of(X, "l2", n_swaps))
        network, objective = linear_objective(
            penalty, X, Y[likelihood].astype(float), likelihood, loss=loss
        )
        theta = rng.randn(network.n_parameters)
        assert not objective.obstacles_to_line_search
        for form in (objective, objective.smoothed(50.0), objective.bounded()):
            error = check_grad(
                lambda t, form=form: evaluate(form, t)[0],
                lambda t, form=form: evaluate(form, t)[1],
                theta,
            )
            assert error < 2e-5

    def test_with_three_classes_no_allowed_row_has_a_larger_loss(self):
        X, _ = numbers_and_codes(30)
        rng = np.random.RandomState(0)
        Y, threat = np.eye(3)[rng.randint(3, size=30)], threat_of(X, "linf", 1)
        network, objective = linear_objective(AdversarialLoss(threat=threat), X, Y, "softmax")
        theta = rng.randn(network.n_parameters)
        step = Step(objective, theta, objective.full_batch())
        worst = objective.terms[1][1].values(step)
        assert (worst >= step.losses).all()
        for moved in allowed_rows(threat, X, rng, 200):
            outputs = network.forward(theta, moved)[-1]
            assert (worst >= network.likelihood.loss_and_residual(outputs, Y)[0] - 1e-12).all()

    @pytest.mark.parametrize("penalty", [AdversarialLoss, CertifiedLoss])
    def test_a_radius_of_zero_is_the_loss_once_more(self, penalty):
        X, y = numbers_and_codes(100)
        term = penalty(threat=threat_of(X, epsilon=0.0, n_swaps=0))
        model = GradRegLogisticRegression(term, alpha=2.0, l2=3.0, tol=1e-8, max_iter=500).fit(X, y)
        plain = GradRegLogisticRegression(None, l2=1.0, tol=1e-8, max_iter=500).fit(X, y)
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)

    def test_sparse_rows_are_dense_ones(self):
        X, y = numbers_and_codes(100)
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=threat_of(X)), alpha=1.0, max_iter=2000
        )
        dense, sparse = clone(model).fit(X, y), clone(model).fit(csr_array(X), y)
        np.testing.assert_allclose(dense.coef_, sparse.coef_, atol=1e-6)

    def test_single_precision_stays_single(self):
        X, y = numbers_and_codes(100)
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=threat_of(X)), alpha=1.0, max_iter=50, tol=0.1
        )
        assert model.fit(X.astype(np.float32), y).coef_.dtype == np.float32

    def test_worst_case_training_alone(self):
        X, y = numbers_and_codes(100)
        loss = PenaltyLoss(AdversarialLoss(threat=threat_of(X)))
        model = GradRegLogisticRegression(None, loss=loss, max_iter=2000).fit(X, y)
        both = GradRegLogisticRegression(
            AdversarialLoss(threat=threat_of(X)), alpha=1e6, l2=1e6, max_iter=2000, tol=10
        )
        np.testing.assert_allclose(model.coef_, both.fit(X, y).coef_, atol=0.02)

    @pytest.mark.parametrize("norm", NORMS)
    @pytest.mark.parametrize("alpha", [0.3, 3.0])
    def test_the_optimum_is_that_of_a_convex_solver(self, norm, alpha):
        cp = pytest.importorskip("cvxpy", reason="cvxpy is in the dev group only")
        X, y = numbers_and_codes(150)
        threat = threat_of(X, norm, 1)
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=threat), alpha=alpha, max_iter=5000
        ).fit(X, y)
        assert model.converged_
        assert 0 <= model.loss_ / convex_optimum(cp, threat, X, y, alpha) - 1 + 1e-8 < 1e-5


def convex_optimum(cp, threat, X, y, alpha):
    """The same problem as a cone program.

    The support function of box and ball is their infimal convolution.
    """
    inputs, sign, (n, d) = threat.input_perturbations(X), 2 * y - 1, X.shape
    w, b, weights = cp.Variable(d), cp.Variable(), inputs.weights @ np.eye(inputs.n_inputs)
    parts, largest = cp.Variable((n, len(weights))), cp.Variable(n, nonneg=True)
    downhill = cp.multiply(
        -sign[:, None], np.ones((n, 1)) @ cp.reshape(weights @ w, (1, len(weights)), order="C")
    )
    order = {"l2": 2, "l1": "inf", "linf": 1}[threat.norm]
    box = cp.sum(
        cp.maximum(cp.multiply(parts, inputs.high), cp.multiply(parts, inputs.low)), axis=1
    )
    ball = threat.epsilon * cp.norm(downhill - parts, order, axis=1)
    swaps = [
        largest[i] >= -sign[i] * (level - X[i, j]) * w[j]
        for i in range(n)
        for j in (3, 4, 5)
        for level in threat.levels_[j]
    ]
    margins = cp.multiply(sign, X @ w + b)
    losses = cp.sum(cp.logistic(-margins)) + alpha * cp.sum(
        cp.logistic(box + ball + largest - margins)
    )
    problem = cp.Problem(cp.Minimize(losses / n + cp.sum_squares(w) / (2 * n)), swaps)
    return problem.solve(solver=cp.CLARABEL)


def allowed_rows(threat, X, rng, n_times):
    """Rows that may come of X, at random."""
    problem = threat.input_perturbations(X)
    for _ in range(n_times):
        share = rng.rand(*problem.low.shape) * rng.choice([0.2, 1.0])
        delta = np.where(rng.rand(*share.shape) < 0.5, problem.low, problem.high) * share
        moved = X.copy()
        moved[:, :3] += (
            problem.on_grid(problem.box_and_ball.project(delta))
            @ (problem.weights @ np.eye(problem.n_inputs))[:, :3]
        )
        for _ in range(threat.n_swaps):
            j = rng.randint(3, 6)
            moved[:, j] = rng.choice(threat.levels_[j].astype(float), len(X))
        yield np.where(threat.allows(X, moved)[:, None], moved, X)


def network_step(penalty, X, y, seed=0, hidden=(8, 5)):
    network = Network((X.shape[1], *hidden, 1), ACTIVATIONS["tanh"], LIKELIHOODS["logistic"][0])
    theta = 2 * network.initialize(np.random.RandomState(seed), np.float64)
    objective = make_objective(network, X, y[:, None].astype(float), penalty)
    batch = objective.full_batch()
    return objective, Step(objective, theta, batch, np.random.RandomState(0)), objective.terms[1][1]


def loss_at(step, X):
    return step.likelihood.evaluate(step.forward_at(X)[-1], step.targets)[0]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_swaps", [0, 1, 2])
class TestNetworks:
    @pytest.mark.parametrize("n_steps", [1, 3])
    def test_points_are_rows_that_the_threat_allows(self, norm, n_swaps, n_steps):
        X, y = numbers_and_codes(100)
        threat = threat_of(X, norm, n_swaps)
        _, step, term = network_step(AdversarialLoss(threat=threat), X, y)
        moved = worst_inputs(step, term._inputs, step.targets, n_steps=n_steps)
        assert threat.allows(X, moved).all()
        assert (moved != X).any()

    def test_points_are_worse_than_the_rows_and_than_most_others(self, norm, n_swaps):
        X, y = numbers_and_codes(100)
        threat, rng = threat_of(X, norm, n_swaps), np.random.RandomState(0)
        _, step, term = network_step(AdversarialLoss(threat=threat), X, y)
        worst = term.values(step)
        others = [loss_at(step, moved) for moved in allowed_rows(threat, X, rng, 30)]
        assert worst.mean() > step.losses.mean()
        assert (worst >= np.array(others) - 1e-9).mean() > 0.9

    def test_no_allowed_row_has_a_larger_loss_than_the_certified_one(self, norm, n_swaps):
        X, y = numbers_and_codes(60)
        threat, rng = threat_of(X, norm, n_swaps), np.random.RandomState(0)
        _, step, term = network_step(CertifiedLoss(threat=threat), X, y)
        bound = term.values(step)
        _, again, attack = network_step(AdversarialLoss(threat=threat), X, y)
        assert (bound >= attack.values(again) - 1e-12).all()
        for moved in allowed_rows(threat, X, rng, 50):
            assert (bound >= loss_at(step, moved) - 1e-12).all()

    def test_certified_gradients_are_those_of_finite_differences(self, norm, n_swaps):
        X, y = numbers_and_codes(20)
        objective, step, _ = network_step(CertifiedLoss(threat=threat_of(X, norm, n_swaps)), X, y)
        assert (
            check_grad(
                lambda t: evaluate(objective, t)[0], lambda t: evaluate(objective, t)[1], step.theta
            )
            < 1e-4
        )

    def test_divergence_grows_with_no_label(self, norm, n_swaps):
        X, y = numbers_and_codes(100)
        threat = threat_of(X, norm, n_swaps)
        _, step, term = network_step(VirtualAdversarial(threat=threat), X, y)
        moved = term._moved_by_threat(step)
        assert threat.allows(X, moved).all()
        rng = np.random.RandomState(0)
        others = [step.divergences_at(other).mean() for other in allowed_rows(threat, X, rng, 10)]
        assert term.values(step).mean() > np.mean(others)

    def test_a_pieced_batch_is_the_whole_one(self, norm, n_swaps):
        X, y = numbers_and_codes(100)
        objective, step, term = network_step(
            AdversarialLoss(threat=threat_of(X, norm, n_swaps)), X, y
        )
        pieces = [Step(objective, step.theta, piece) for piece in objective.full_batch().blocks(30)]
        np.testing.assert_allclose(
            np.concatenate([term.values(piece) for piece in pieces]), term.values(step)
        )


TERMS = {
    "attacked": lambda threat: AdversarialLoss(threat=threat),
    "certified": lambda threat: CertifiedLoss(threat=threat),
    "attacked alone": lambda threat: PenaltyLoss(AdversarialLoss(threat=threat)),
    "smooth labels": lambda threat: LabelSmoothing(
        0.2, loss=PenaltyLoss(AdversarialLoss(threat=threat))
    ),
}


def objective_of(term, X, labels, hidden, **options):
    network = Network((6, *hidden, 1), ACTIVATIONS["relu"], LIKELIHOODS["logistic"][0])
    terms = [(1.0, NegativeLogLikelihood()), (0.7, term)]
    theta = network.initialize(np.random.RandomState(0), np.float64)
    return Objective(network, Rows(X, labels[:, None].astype(float)), terms, **options), theta


def assert_fused_as_traced(objective, theta, monkeypatch):
    batch = next(iter(objective.minibatches(40, True, np.random.RandomState(0))))
    assert objective._summands(batch, objective.terms, theta) is not None
    value, gradient = objective.value_and_grad(theta, batch, np.random.RandomState(0))
    monkeypatch.setattr(Objective, "_summands", lambda *_: None)
    traced, expected = objective.value_and_grad(theta, batch, np.random.RandomState(0))
    assert value == pytest.approx(traced, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_swaps", [1, 2])
class TestUnitReach:
    def test_has_the_gradient_of_its_values_where_swaps_are_restricted(self, n_swaps):
        X, _ = numbers_and_codes(30)
        allowed = {3: {0: [1, 2]}, 4: {0: [1]}}  # all other levels stay
        inputs = threat_of(X, n_swaps=n_swaps, allowed_swaps=allowed).input_perturbations(X)
        rng = np.random.RandomState(0)
        W, g, direction = rng.randn(6, 4), rng.randn(30, 4), rng.randn(6, 4)
        ends = [(g * unit_reach(inputs, W + h * direction)[0]).sum() for h in (1e-6, -1e-6)]
        slope = (direction * unit_reach(inputs, W)[1](g)).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_swaps", [0, 1, 2])
class TestFused:
    @pytest.mark.parametrize("hidden", [(8,), (8, 5)])
    @pytest.mark.parametrize("term", TERMS)
    def test_networks_are_as_traced(self, term, hidden, n_swaps, norm, monkeypatch):
        X, y = numbers_and_codes(90)
        objective, theta = objective_of(
            TERMS[term](threat_of(X, norm, n_swaps)), X, y, hidden, dropout=0.3
        )
        assert_fused_as_traced(objective, theta, monkeypatch)

    @pytest.mark.parametrize("sharpness", [None, 100.0])
    def test_linear_models_are_as_traced(self, sharpness, n_swaps, norm, monkeypatch):
        X, y = numbers_and_codes(90)
        objective, theta = objective_of(
            AdversarialLoss(threat=threat_of(X, norm, n_swaps)), X, y, ()
        )
        objective = objective if sharpness is None else objective.bounded().smoothed(sharpness)
        assert_fused_as_traced(objective, theta, monkeypatch)

    def test_intervals_that_grow_are_as_traced(self, n_swaps, norm, monkeypatch):
        X, y = numbers_and_codes(90)
        term = CertifiedLoss(threat=threat_of(X, norm, n_swaps), n_ramp_up_epochs=3)
        objective, theta = objective_of(term, X, y, (8,))
        assert_fused_as_traced(objective.at_epoch(1), theta, monkeypatch)


@pytest.mark.parametrize("norm", ["l2", "linf"])
class TestRandomStarts:
    @pytest.mark.parametrize("n_steps", [1, 3])
    def test_points_are_allowed_and_depend_on_the_draw(self, norm, n_steps):
        X, y = numbers_and_codes(100)
        threat = threat_of(X, norm)
        _, step, term = network_step(AdversarialLoss(threat=threat, random_start=True), X, y)
        draws = [np.random.RandomState(seed) for seed in (0, 0, 1)]
        options = {"n_steps": n_steps, "step_size": 0.05}
        first, again, other = (
            worst_inputs(step, term._inputs, step.targets, random_state=rng, **options)
            for rng in draws
        )
        assert threat.allows(X, first).all()
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_in_a_ball_they_stay_in_it_and_in_bounds(self, norm):
        X, y = numbers_and_codes(100)
        penalty = AdversarialLoss(0.3, norm, clip=(0.0, 4.0), features=[0, 1], random_start=True)
        _, step, term = network_step(penalty, np.clip(X, 0, 4), y)
        moved = term._moved_in_ball(step) - step.X
        order = 2 if norm == "l2" else np.inf
        assert (np.linalg.norm(moved, ord=order, axis=1) <= 0.3 + 1e-12).all()
        assert not moved[:, 2:].any()
        assert (np.linalg.norm(moved, ord=order, axis=1) > 0.1).mean() > 0.5

    def test_need_epochs_unless_the_worst_point_is_known(self, norm):
        X, y = numbers_and_codes(60)
        penalty = AdversarialLoss(threat=threat_of(X, norm), random_start=True)
        GradRegLogisticRegression(penalty, max_iter=2000).fit(X, y)
        with pytest.raises(ValueError, match="AdversarialLoss draws random numbers"):
            GradRegMLPClassifier((4,), penalty=penalty, solver="lbfgs").fit(X, y)


class TestNetworksMore:
    def test_swaps_that_are_tried_are_at_least_as_bad_as_the_first_order_one(self):
        X, y = numbers_and_codes(200)
        threat = threat_of(X, n_swaps=1, epsilon=0.0)
        _, step, term = network_step(AdversarialLoss(threat=threat), X, y)
        inputs = term._inputs
        gains = inputs.swap_gains(step.frozen_loss_gradients_at(step.X))
        place = gains.argmax(axis=1)
        column = inputs.ways.column[place]
        first_order = (
            step.X + inputs.levels[place] - inputs.levels[inputs.places[np.arange(200), column]]
        )
        losses = loss_at(step, first_order)
        assert (term.values(step) >= losses - 1e-12).all()
        assert (term.values(step) > losses + 1e-6).any()

    def test_the_intervals_grow_with_the_epochs(self):
        X, y = numbers_and_codes(50)
        _, step, term = network_step(CertifiedLoss(threat=threat_of(X), n_ramp_up_epochs=3), X, y)
        values = [term.at_epoch(epoch).values(step).mean() for epoch in range(4)]
        assert (
            step.losses.mean()
            < values[0]
            < values[1]
            < values[2]
            < values[3]
            == term.values(step).mean()
        )

    def test_the_first_order_penalty_is_by_how_much_the_loss_grows(self):
        X, y = numbers_and_codes(50)
        for norm in NORMS:
            threat = ThreatModel(1e-5, norm=norm, bounds={}, integers=None).fit(X)
            threat.lows_[:], threat.highs_[:] = -np.inf, np.inf
            _, step, term = network_step(InputGradient(threat=threat), X, y)
            _, again, attack = network_step(AdversarialLoss(threat=threat), X, y)
            np.testing.assert_allclose(
                term.values(step), attack.values(again) - again.losses, rtol=1e-3, atol=1e-12
            )

    def test_numbers_are_predicted_too(self):
        X, _ = numbers_and_codes(100)
        threat = threat_of(X[:, :3], categorical="auto", n_swaps=0)
        model = GradRegMLPRegressor(
            (5,), penalty=AdversarialLoss(threat=threat), alpha=1.0, max_iter=15, tol=9
        )
        assert np.isfinite(model.fit(X[:, :3], X[:, 3]).predict(X[:, :3])).all()

    def test_rows_of_weight_zero_and_unlabeled_rows_keep_their_own_set(self):
        X, y = numbers_and_codes(60)
        inputs = threat_of(X).input_perturbations(X)
        rows = Rows(X, y[:, None].astype(float), perturbations=inputs)
        some = rows.take(np.array([5, 3, 40]))
        np.testing.assert_array_equal(some.perturbations.low, inputs.low[[5, 3, 40]])
        np.testing.assert_array_equal(
            some.astype(np.float32).perturbations.places, inputs.places[[5, 3, 40]]
        )


ALONE = [
    (AdversarialLoss, {"epsilon": 0.1}),
    (AdversarialLoss, {"norm": "l2"}),
    (AdversarialLoss, {"clip": (0, 1)}),
    (AdversarialLoss, {"features": [0]}),
    (CertifiedLoss, {"epsilon": 0.1}),
    (CertifiedLoss, {"features": [0]}),
    (VirtualAdversarial, {"epsilon": "local"}),
    (InputGradient, {"norm": "l1"}),
    (InputGradient, {"power": 1}),
]


class TestBadInput:
    @pytest.mark.parametrize(("penalty", "options"), ALONE)
    def test_there_is_one_radius(self, penalty, options):
        X, y = numbers_and_codes()
        (name,) = options
        with pytest.raises(
            ValueError, match=f"{name} of {penalty.__name__} cannot be combined with a threat"
        ):
            GradRegMLPClassifier(penalty=penalty(threat=threat_of(X), **options)).fit(X, y)

    @pytest.mark.parametrize(
        "penalty", [AdversarialLoss, CertifiedLoss, VirtualAdversarial, InputGradient]
    )
    @pytest.mark.parametrize("threat", [0.3, ThreatModel(0.3), "l2"])
    def test_a_threat_is_a_fitted_threat_model(self, penalty, threat):
        X, y = numbers_and_codes()
        with pytest.raises(
            ValueError,
            match=f"threat of {penalty.__name__} must be a ThreatModel that has been fitted",
        ):
            GradRegMLPClassifier(penalty=penalty(threat=threat)).fit(X, y)

    def test_a_threat_of_other_columns(self):
        X, y = numbers_and_codes()
        frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
        threat = ThreatModel(0.1).fit(frame)
        model = GradRegLogisticRegression(AdversarialLoss(threat=threat))
        with pytest.raises(
            ValueError,
            match=r"fitted on 3 columns, but the model is trained on 6.*RobustTrainingClassifier",
        ):
            model.fit(X, y)
        with pytest.raises(ValueError, match="fitted on other columns than the model"):
            model.fit(frame[["b", "a", "c"]], y)
        assert model.fit(frame, y).n_features_in_ == 3

    def test_several_radii(self):
        X, y = numbers_and_codes()
        with pytest.raises(ValueError, match="epsilon must be a single radius to train against"):
            GradRegLogisticRegression(AdversarialLoss(threat=threat_of(X, epsilon=[0.1, 0.2]))).fit(
                X, y
            )

    def test_what_is_not_taken_into_account_is_said(self):
        X, y = numbers_and_codes()
        valid = threat_of(X, valid=lambda rows: np.ones(len(rows), dtype=bool))
        with pytest.warns(
            UserWarning, match="valid of the ThreatModel is not taken into account in training"
        ):
            GradRegLogisticRegression(AdversarialLoss(threat=valid), max_iter=1000).fit(X, y)
        with pytest.warns(
            UserWarning, match="InputGradient does not take bounds, integers and swaps"
        ):
            GradRegLogisticRegression(InputGradient(threat=threat_of(X)), max_iter=1000).fit(X, y)

    def test_a_network_needs_dense_rows(self):
        X, y = numbers_and_codes()
        with pytest.raises(
            ValueError, match="AdversarialLoss moves every entry of X, so it needs a dense X"
        ):
            GradRegMLPClassifier(penalty=AdversarialLoss(threat=threat_of(X))).fit(csr_array(X), y)


def behind(last):
    return prepared(last)


LOGISTIC = GradRegLogisticRegression("adversarial_loss", alpha=1.0, max_iter=3000)
OPTIONS = {"alpha": 1.0, "learning_rate_init": 0.01, "max_iter": 60, "tol": 0.01, "random_state": 0}
MLP = GradRegMLPClassifier((10,), penalty="adversarial_loss", **OPTIONS)
CERTIFIED = GradRegMLPClassifier((10,), penalty=CertifiedLoss(n_ramp_up_epochs=10), **OPTIONS)


class TestPipelines:
    @pytest.mark.parametrize("n_swaps", [0, 1, 2])
    def test_what_is_minimised_is_what_the_evaluation_sees(self, n_swaps):
        X, y = mixed_table(200)
        threat = ThreatModel(0.4, norm="linf", n_swaps=n_swaps).fit(X)
        model = RobustTrainingClassifier(behind(LOGISTIC), threat).fit(X, y)
        last, label = model.estimator_[-1], y == model.classes_[1]
        ends = score_range(AttackProblem(model, X, y, threat), threat.epsilon)
        worst = np.logaddexp(0, -np.where(label, ends.lowest, -ends.highest)).mean()
        clean = np.logaddexp(0, -(2 * label - 1) * model.decision_function(X)).mean()
        assert abs(last.loss_ - (clean + worst + (last.coef_**2).sum() / (2 * len(X)))) < 1e-9

    def test_with_three_classes_it_is_at_least_what_the_evaluation_sees(self):
        X, y = mixed_table(200, classes=3)
        threat = ThreatModel(0.2, n_swaps=1).fit(X)
        plain = behind(LogisticRegression(max_iter=1000)).fit(X, y)
        model = RobustTrainingClassifier(behind(LOGISTIC), threat).fit(X, y)
        assert (
            certified_accuracy(model, X, y, threat) > certified_accuracy(plain, X, y, threat) + 0.05
        )
        assert model.robust_score_ > 0.4

    @pytest.mark.parametrize("last", [LOGISTIC, MLP, CERTIFIED], ids=["linear", "mlp", "certified"])
    def test_models_withstand_more_than_without_it(self, last):
        X, y = mixed_table(400)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        plain = behind(clone(last).set_params(penalty=None)).fit(X[:300], y[:300])
        model = RobustTrainingClassifier(behind(last), threat).fit(X[:300], y[:300])
        scores = [adversarial_accuracy(m, X[300:], y[300:], threat) for m in (plain, model)]
        assert scores[1] > scores[0] + 0.1

    def test_unlabeled_rows_are_trained_on_too(self):
        X, y = mixed_table(200)
        some = np.where(np.arange(200) % 2, y, "?")
        last = VATClassifier((10,), unlabeled_label="?", max_iter=15, tol=1.0, random_state=0)
        model = RobustTrainingClassifier(behind(last), ThreatModel(0.3, n_swaps=1).fit(X)).fit(
            X, some
        )
        assert model.classes_.tolist() == ["no", "yes"]
        assert set(model.predict(X)) == {"no", "yes"}

    def test_weights_go_to_the_last_step(self):
        X, y = mixed_table(120)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        model = RobustTrainingClassifier(make_pipeline(behind(None)[0], clone(LOGISTIC)), threat)
        weights = np.random.RandomState(0).randint(0, 3, 120)
        weighted = clone(model).fit(X, y, sample_weight=weights).estimator_[-1]
        rows = np.flatnonzero(weights)
        inputs = model.estimator[0].fit_transform(X)
        steps = [("prepare", model.estimator[0])]
        perturbations = perturbations_behind(steps, X, inputs, threat).take(rows)
        direct = clone(LOGISTIC).fit_against(
            inputs[rows], y[rows], perturbations, weights[rows].astype(float)
        )
        np.testing.assert_allclose(weighted.coef_, direct.coef_, atol=1e-8)

    def test_pipelines_in_pipelines_and_no_pipeline(self):
        X, y = numbers_and_codes(100)
        threat = threat_of(X)
        alone = RobustTrainingClassifier(LOGISTIC, threat).fit(X, y)
        nested = make_pipeline("passthrough", make_pipeline(StandardScaler(), clone(LOGISTIC)))
        model = RobustTrainingClassifier(nested, threat).fit(X, y)
        own = clone(LOGISTIC).set_params(penalty=AdversarialLoss(threat=threat)).fit(X, y)
        np.testing.assert_allclose(alone.estimator_.coef_, own.coef_)
        assert (
            certified_accuracy(model, X, y, threat)
            >= certified_accuracy(alone, X, y, threat) - 0.05
        )

    def test_a_search_over_strengths_and_radii(self):
        X, y = mixed_table(200)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        scoring = {
            "score": "balanced_accuracy",
            "attacked": make_adversarial_scorer(threat, scoring="balanced_accuracy"),
        }
        grid = {
            "estimator__gradreglogisticregression__alpha": [0.1, 1.0],
            "threat__epsilon": [0.1, 0.3],
        }
        search = GridSearchCV(
            RobustTrainingClassifier(behind(LOGISTIC), threat),
            grid,
            cv=2,
            scoring=scoring,
            refit=refit_most_robust("score", "attacked"),
        ).fit(X, y)
        assert search.best_estimator_.threat_.epsilon in (0.1, 0.3)
        np.testing.assert_array_equal(search.best_estimator_.threat_.scales_, threat.scales_)

    def test_levels_that_a_fold_has_not_seen(self):
        X, y = mixed_table(150)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        rows = np.flatnonzero(X["job"] != "d")
        model = RobustTrainingClassifier(behind(LOGISTIC), threat).fit(X.iloc[rows], y[rows])
        assert 0 < adversarial_accuracy(model, X, y, threat) < 1

    def test_sums_of_penalties(self):
        X, y = mixed_table(150)
        penalty = AdversarialLoss() + 0.1 * WeightDecay()
        model = RobustTrainingClassifier(
            behind(clone(LOGISTIC).set_params(penalty=penalty)), ThreatModel(0.3).fit(X)
        )
        assert not hasattr(model.fit(X, y), "history_")


def scaled(step, columns=("age", "income")):
    prepare = make_column_transformer((step, list(columns)), (OneHotEncoder(), ["job"]))
    return make_pipeline(prepare, clone(LOGISTIC))


class TestRefusals:
    @pytest.mark.parametrize(
        ("step", "message"),
        [
            (
                KBinsDiscretizer(3, strategy="uniform"),
                "not affine in all that .* rows may become, in 'age'",
            ),
            (PolynomialFeatures(), "not affine in all that .* rows may become"),
            (FunctionTransformer(np.log1p), "not affine in all that .* rows may become, in 'age'"),
        ],
        ids=["bins", "polynomial", "logarithm"],
    )
    def test_steps_that_cannot_be_seen_through(self, step, message):
        X, y = mixed_table(100)
        X = X.fillna({"income": 2e4, "job": "a"})
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        with pytest.raises(ValueError, match=rf'(?s){message}.*method="rounds"'):
            RobustTrainingClassifier(scaled(step), threat).fit(X, y)

    def test_categories_that_stay_categories(self):
        X, y = mixed_table(100)
        step = FunctionTransformer(feature_names_out="one-to-one")
        with pytest.raises(ValueError, match="the steps before the last do not end in numbers"):
            RobustTrainingClassifier(
                make_pipeline(step, clone(LOGISTIC)), ThreatModel(0.3).fit(X)
            ).fit(X, y)

    def test_a_search_inside(self):
        X, y = mixed_table(100)
        inner = behind(GridSearchCV(LOGISTIC, {"alpha": [1.0]}))
        with pytest.raises(
            ValueError, match=r"inside of a search\. Search over RobustTrainingClassifier"
        ):
            RobustTrainingClassifier(inner, ThreatModel(0.3).fit(X)).fit(X, y)

    def test_a_radius_of_its_own_beside_the_threat(self):
        X, y = mixed_table(100)
        own = clone(LOGISTIC).set_params(penalty=AdversarialLoss(0.1))
        with pytest.raises(
            ValueError,
            match="epsilon of AdversarialLoss cannot be combined with the threat of RobustTraining",
        ):
            RobustTrainingClassifier(behind(own), ThreatModel(0.3).fit(X)).fit(X, y)

    def test_other_penalties_of_ours_are_hardened_in_rounds(self):
        X, y = mixed_table(100)
        model = RobustTrainingClassifier(
            behind(GradRegLogisticRegression(max_iter=500)), ThreatModel(0.1).fit(X), n_rounds=1
        )
        with pytest.warns(
            UserWarning, match="no penalty of GradRegLogisticRegression trains against a threat"
        ):
            model.fit(X, y)
        assert len(model.history_["score"]) == 2

    def test_a_strength_that_nobody_chose(self):
        X, y = mixed_table(100)
        last = GradRegLogisticRegression("adversarial_loss", max_iter=1000)
        with pytest.warns(
            UserWarning,
            match=r"alpha=0.03, the default of GradRegLogisticRegression, is meant for input grad",
        ):
            RobustTrainingClassifier(behind(last), ThreatModel(0.3).fit(X)).fit(X, y)

    def test_boosting_takes_no_penalty(self):
        X, y = mixed_table(100)
        last = HistGradientBoostingClassifier(max_iter=3)
        with pytest.raises(ValueError, match='method="penalty" needs a last step with a penalty'):
            RobustTrainingClassifier(behind(last), ThreatModel(0.3).fit(X), method="penalty").fit(
                X, y
            )


class TestChoosingAStrength:
    @pytest.mark.parametrize("selection", ["best", "one_standard_error", "most_robust"])
    def test_a_search_as_last_step_trains_and_selects_within_the_threat(self, selection):
        X, y = mixed_table(200)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        options = {"alphas": [0.1, 1.0, 10.0], "cv": 3, "selection": selection, "max_iter": 3000}
        last = GradRegLogisticRegressionCV("adversarial_loss", **options)
        model = RobustTrainingClassifier(behind(last), threat).fit(X, y)
        search = model.estimator_[-1]
        plain = clone(LOGISTIC).set_params(alpha=search.alpha_)
        expected = RobustTrainingClassifier(behind(plain), threat).fit(X, y).estimator_[-1]
        np.testing.assert_allclose(search.coef_, expected.coef_, atol=0.01)
        assert search.attacked_scores_.shape == search.scores_.shape == (3, 3)
        assert (search.attacked_scores_ <= search.scores_ + 1e-12).all()

    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_scores_of_linear_models_are_those_of_the_certificate(self, norm):
        X, y = numbers_and_codes(150)
        threat = threat_of(X, norm, integers=None)
        model = GradRegLogisticRegression(None, max_iter=500).fit(X, y)
        score = model.withstands(X, y, threat.input_perturbations(X)).mean()
        assert (
            score
            == certified_accuracy(model, X, y, threat)
            == adversarial_accuracy(model, X, y, threat)
        )

    def test_scores_of_networks_are_found_by_an_attack(self):
        X, y = numbers_and_codes(150)
        threat = threat_of(X)
        model = GradRegMLPClassifier(
            (10,), penalty=None, max_iter=100, learning_rate_init=0.01, random_state=0, tol=0.1
        ).fit(X, y)
        score = model.withstands(X, y, threat.input_perturbations(X)).mean()
        assert (
            certified_accuracy(model, X, y, threat)
            <= adversarial_accuracy(model, X, y, threat)
            <= score
            < model.score(X, y)
        )

    def test_a_threat_of_its_own_beside_the_other(self):
        X, y = mixed_table(100)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        last = GradRegLogisticRegressionCV("adversarial_loss", threat=threat)
        with pytest.raises(
            ValueError, match="threat of GradRegLogisticRegressionCV cannot be combined with"
        ):
            RobustTrainingClassifier(behind(last), threat).fit(X, y)


class TestWhatOnceWentWrong:
    def test_a_class_without_weight_is_absent(self):
        X, _ = numbers_and_codes(90)
        y = np.arange(90) % 3
        threat = threat_of(X)
        model = RobustTrainingClassifier(clone(LOGISTIC), threat, scoring="accuracy")
        some = clone(model).fit(X, y, sample_weight=(y < 2).astype(float))
        assert some.classes_.tolist() == [0, 1]
        alone = clone(model).fit(X[y < 2], y[y < 2])
        np.testing.assert_allclose(some.estimator_.coef_, alone.estimator_.coef_, atol=1e-6)
        assert some.robust_score_ == alone.robust_score_
        model.set_params(estimator__class_weight={0: 1, 1: 1, 2: 0}).fit(X, y)
        assert 0 < model.robust_score_ < 1

    def test_the_score_is_that_of_rows_as_they_are_transformed_later(self):
        rng = np.random.RandomState(0)
        X = pd.DataFrame(
            {"a": rng.randn(400), "c": rng.choice([f"level {k}" for k in range(60)], 400)}
        )
        y = (X["a"] + X["c"].str[-1].astype(float) / 5 + rng.randn(400) > 0.9).astype(int)
        prepare = make_column_transformer((TargetEncoder(), ["c"]), (StandardScaler(), ["a"]))
        threat = ThreatModel(0.05, norm="linf").fit(X)
        model = RobustTrainingClassifier(
            make_pipeline(prepare, LOGISTIC), threat, scoring="accuracy"
        ).fit(X, y)
        assert model.robust_score_ == certified_accuracy(model, X, y, threat)

    def test_routed_weights_reach_first_steps_that_ask_for_them(self):
        X, y = numbers_and_codes(60)
        weights = np.random.RandomState(0).rand(60)
        with config_context(enable_metadata_routing=True):
            scaler = StandardScaler().set_fit_request(sample_weight=True)
            model = RobustTrainingClassifier(make_pipeline(scaler, clone(LOGISTIC)), threat_of(X))
            trained = model.set_fit_request(sample_weight=True).fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(
            trained.estimator_[0].mean_, np.average(X, axis=0, weights=weights)
        )

    def test_a_threat_of_its_own_behind_a_scaler(self):
        X, y = numbers_and_codes(60)
        model = make_pipeline(
            StandardScaler(),
            GradRegLogisticRegression(AdversarialLoss(threat=threat_of(X)), alpha=1.0),
        )
        with pytest.raises(
            ValueError, match="not trained on rows of the table that the ThreatModel was fitted on"
        ):
            model.fit(X, y)

    def test_categories_of_digits_that_become_numbers(self):
        X, y = numbers_and_codes(60)
        frame = pd.DataFrame(X[:, :4], columns=list("abcd")).astype({"d": int}).astype({"d": str})
        model = GradRegLogisticRegression(
            AdversarialLoss(threat=ThreatModel(0.1, n_swaps=1).fit(frame))
        )
        with pytest.raises(ValueError, match=r"the column .* which is not a level of the table"):
            model.fit(frame, y)

    def test_a_penalty_out_of_reach_is_named(self):
        X, y = numbers_and_codes(60)
        inner = GradRegMLPClassifier((3,), penalty="adversarial_loss", max_iter=15, tol=9.0)
        model = RobustTrainingClassifier(FixedThresholdClassifier(inner), threat_of(X), n_rounds=0)
        with pytest.warns(
            UserWarning,
            match="FixedThresholdClassifier is hardened in rounds; a penalty inside it knows "
            "nothing",
        ):
            model.fit(X, y)

    def test_attributes_are_those_of_the_last_fit(self):
        X, y = numbers_and_codes(60)
        threat = threat_of(X)
        model = RobustTrainingClassifier(clone(MLP), threat, method="rounds", n_rounds=1).fit(X, y)
        model.set_params(method="penalty").fit(X, y)
        assert not hasattr(model, "history_")
        model.set_params(threat__epsilon=0.01)
        assert model.threat_.epsilon == 0.6

    @pytest.mark.parametrize(
        "options",
        [
            {"loss": PenaltyLoss(AdversarialLoss()), "penalty": None},
            {"penalty": 40 * AdversarialLoss()},
        ],
        ids=["loss", "x 40"],
    )
    def test_a_default_strength_that_is_strong_enough(self, options):
        X, y = numbers_and_codes(60)
        model = RobustTrainingClassifier(
            GradRegLogisticRegression(max_iter=3000, **options), threat_of(X)
        )
        assert model.fit(X, y).robust_score_ > 0

    @pytest.mark.parametrize(
        ("penalty", "options", "message"),
        [
            ("adversarial_loss", {}, "alpha=0.03"),
            (1e3 * AdversarialLoss(), {"valid": lambda rows: rows[:, 0] == rows[:, 0]}, "valid of"),
            ("input_gradient", {}, "no penalty of"),
        ],
    )
    def test_warnings_point_at_the_call(self, penalty, options, message):
        X, y = numbers_and_codes(60)
        last = GradRegLogisticRegression(penalty, max_iter=5000)
        with pytest.warns(UserWarning, match=message) as seen:
            RobustTrainingClassifier(last, threat_of(X, **options), n_rounds=0).fit(X, y)
        assert {warning.filename for warning in seen} == {__file__}

    @pytest.mark.parametrize("container", ["pandas", "polars"])
    def test_steps_that_make_frames(self, container):
        pytest.importorskip(container)
        X, y = mixed_table(100)
        encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
        prepare = make_column_transformer(
            (StandardScaler(), ["age"]), (encoder, ["job"])
        ).set_output(transform=container)
        model = RobustTrainingClassifier(
            make_pipeline(prepare, clone(LOGISTIC)), ThreatModel(0.3, n_swaps=1).fit(X)
        )
        assert model.fit(X, y).robust_score_ > 0.3

    def test_a_category_that_is_missing_everywhere(self):
        X, y = mixed_table(100)
        X["job"] = pd.Series([None] * 100, dtype=object)
        X["job"] = X["job"].astype("category")
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        model = RobustTrainingClassifier(behind(LOGISTIC), threat).fit(X, y)
        assert 0 < adversarial_accuracy(model, X, y, threat) < 1
