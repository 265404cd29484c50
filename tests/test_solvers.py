"""Solvers learn, report convergence truthfully, and leave no trace of divergence."""

import warnings

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    IMSATClusterer,
    LadderClassifier,
    VATClassifier,
    WassersteinSampler,
)
from sklearn_irg._engine import objective as objective_module
from sklearn_irg._engine.activations import Identity, Softplus
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from sklearn_irg._engine.networks import Network, stays_finite
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.terms import L2
from sklearn_irg.constraints import FrobeniusCap, SpectralNormalization
from sklearn_irg.losses import Flooding, NegativeLogLikelihood
from sklearn_irg.penalties import (
    AdversarialLoss,
    InputGradient,
    InputNoise,
    VirtualAdversarial,
    WeightDecay,
)
from sklearn_irg.solvers import (
    LBFGS,
    SGD,
    Adam,
    EpochSolver,
    NewtonCholesky,
    Schedule,
    Solution,
    Solver,
    check_solver,
)
from sklearn_irg.solvers._batch_lbfgs import minimize_batch
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y, TABLES, make_objective


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "solver", ["adam", "sgd", "lbfgs", SGD(nesterovs_momentum=False), Adam(beta_1=0.8), LBFGS()]
)
def test_every_solver_learns(table, solver):
    model = GradRegMLPClassifier((20,), solver=solver, learning_rate_init=0.01, random_state=0)
    assert model.fit(*TABLES[table]).score(*TABLES[table]) > 0.94


class TestConvergence:
    def test_not_converging_warns(self):
        with pytest.warns(
            ConvergenceWarning,
            match="stopped after 2 iterations without converging. Raise max_iter=2",
        ):
            GradRegMLPClassifier(max_iter=2).fit(MULTI_X, MULTI_Y)

    @pytest.mark.parametrize("value", [-3.4e38, 1e30])
    def test_a_line_search_that_cannot_start_is_no_convergence(self, value):
        X = MULTI_X.copy()
        X[3, 0] = value
        with pytest.warns(
            ConvergenceWarning,
            match="no smaller value was found although the gradient has an entry of",
        ):
            GradRegLogisticRegression(alpha=0.1).fit(X, MULTI_Y)

    def test_what_is_said_to_have_converged_has_a_small_gradient(self):
        network = Network((4, 3), Identity(), Categorical())
        for alpha in (0.01, 0.1, 1.0):
            model = GradRegLogisticRegression(
                InputGradient(), alpha, l2=0, tol=1e-7, max_iter=5000
            ).fit(MULTI_X, MULTI_Y)
            objective = make_objective(network, MULTI_X, np.eye(3)[MULTI_Y], InputGradient(), alpha)
            theta = network.pack([model.coef_.T], [model.intercept_], np.float64)
            assert np.abs(objective.value_and_grad(theta, objective.full_batch())[1]).max() < 1e-6

    def test_zero_iterations_are_possible(self):
        X = np.zeros((10, 2))
        model = GradRegMLPClassifier((3,), solver="lbfgs", l2=0, tol=10.0, random_state=0).fit(
            X, np.arange(10) % 2
        )
        assert model.n_iter_ == 0
        assert model.best_loss_ == model.loss_ > 0


class TestKinks:
    @pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0])
    def test_tied_singular_values_do_not_stop_short_of_the_optimum(self, alpha):
        X, y = make_classification(600, 20, n_informative=10, n_classes=6, random_state=0)
        model = GradRegLogisticRegression("spectral_norm", alpha, l2=0, max_iter=1000).fit(
            scale(X), y
        )
        singular = np.linalg.svd(model.coef_, compute_uv=False)
        assert singular[1] > 0.99 * singular[0]
        np.testing.assert_allclose(
            model.loss_, oracles.spectral_norm_optimum(scale(X), y, alpha), rtol=1e-5
        )

    def test_where_nothing_ties_the_optimum_is_exact(self):
        model = GradRegLogisticRegression("spectral_norm", 0.01, l2=0, tol=1e-6, max_iter=1000).fit(
            MULTI_X, MULTI_Y
        )
        np.testing.assert_allclose(
            model.loss_, oracles.spectral_norm_optimum(MULTI_X, MULTI_Y, 0.01), rtol=1e-7
        )

    def test_the_reported_loss_is_that_of_the_objective_with_its_kinks(self):
        model = GradRegLogisticRegression("spectral_norm", 0.1, l2=0, max_iter=1000).fit(
            MULTI_X, MULTI_Y
        )
        loss = -np.log(model.predict_proba(MULTI_X)[np.arange(150), MULTI_Y]).mean()
        np.testing.assert_allclose(
            model.loss_, loss + 0.1 * np.linalg.norm(model.coef_, 2) ** 2, rtol=1e-12
        )

    def test_absolute_values_end_at_a_subgradient_that_is_small(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            model = GradRegLogisticRegression(InputGradient("l1"), 0.1, max_iter=2000).fit(
                MULTI_X, MULTI_Y
            )
        assert model.n_iter_ < 2000


class TestWhatASolverDeclares:
    class Delegating(Solver):
        """Written before there was anything to declare."""

        def minimize(self, objective, theta, schedule, state=None):
            return LBFGS().minimize(objective, theta, schedule, state)

    class Declaring(Delegating):
        has_epochs = False
        needs_determinism = True
        takes_bounds = True
        takes_projections = False

    @pytest.mark.parametrize("solver", [Delegating(), Declaring()], ids=repr)
    @pytest.mark.parametrize("table", TABLES)
    def test_who_delegates_to_lbfgs_gets_as_many_exact_zeros(self, solver, table):
        model = GradRegLogisticRegression(InputGradient("l1"), 0.3, max_iter=2000)
        expected = model.fit(*TABLES[table]).coef_
        np.testing.assert_array_equal(
            model.set_params(solver=solver).fit(*TABLES[table]).coef_, expected
        )
        assert table == "multiclass" or (expected == 0).sum() >= 10

    def test_partial_fit_needs_epochs(self):
        assert hasattr(GradRegMLPClassifier(solver=self.Delegating()), "partial_fit")
        for solver in ("lbfgs", self.Declaring()):
            assert not hasattr(GradRegMLPClassifier(solver=solver), "partial_fit")
        with pytest.raises(ValueError, match="Declaring has no epochs to stop early at"):
            GradRegMLPClassifier(solver=self.Declaring(), early_stopping=True).fit(MULTI_X, MULTI_Y)

    @pytest.mark.parametrize("name", ["LBFGS", "Declaring", "Delegating"])
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"penalty": VirtualAdversarial()},
                "needs a deterministic objective, but VirtualAdversarial draws random numbers",
            ),
            (
                {"penalty": InputNoise()},
                "needs a deterministic objective, but InputNoise draws random numbers",
            ),
            (
                {"penalty": AdversarialLoss()},
                "needs a deterministic objective, but AdversarialLoss holds its perturbation",
            ),
            ({"dropout": 0.5}, "needs a deterministic objective, but dropout draws random numbers"),
            ({"constraint": FrobeniusCap()}, "cannot project onto a constraint between its steps"),
        ],
        ids=str,
    )
    def test_the_error_says_who_is_incompatible_with_what(self, name, options, message):
        solver = LBFGS() if name == "LBFGS" else getattr(self, name)()
        who = "Declaring" if name == "Declaring" else "LBFGS"
        with pytest.raises(ValueError, match=f"{who} {message}"):
            GradRegMLPClassifier(solver=solver, **options).fit(MULTI_X, MULTI_Y)

    def test_another_precision_or_class_of_the_same_name_does_no_harm(self):
        class Adam(EpochSolver):
            def start(self, theta):
                return {"v": np.zeros_like(theta)}

            def move(self, theta, gradient, state, learning_rate):
                state["v"] += gradient
                theta -= learning_rate * gradient

        class Precise(Solver):
            def minimize(self, objective, theta, schedule, state=None):
                return Solution(theta.astype(np.float64), 1, 0.0, True)

        model = GradRegMLPClassifier((5,), random_state=0).partial_fit(MULTI_X, MULTI_Y)
        model.set_params(solver=Adam()).partial_fit(MULTI_X, MULTI_Y)
        model.set_params(solver="adam").partial_fit(MULTI_X, MULTI_Y)
        single = GradRegMLPClassifier((5,), solver=Precise()).fit(
            MULTI_X.astype(np.float32), MULTI_Y
        )
        assert single.coefs_[0].dtype == np.float32

    def test_a_move_that_returns_what_it_should_change_is_refused(self):
        class Returning(EpochSolver):
            def start(self, theta):
                return {}

            def move(self, theta, gradient, state, learning_rate):
                return theta - learning_rate * gradient

        with pytest.raises(
            TypeError, match=r"Returning.move must change theta and state in place and return None"
        ):
            GradRegMLPClassifier(solver=Returning()).fit(MULTI_X, MULTI_Y)

    def test_bounds_may_be_taken_without_lbfgs(self):
        class ProjectedGradient(Solver):
            takes_bounds = True

            def minimize(self, objective, theta, schedule, state=None):
                bounded = objective.bounded()
                phi, low = (
                    bounded.from_network(theta),
                    np.array([-np.inf if low is None else low for low, _ in bounded.bounds]),
                )
                for _ in range(300):
                    value, gradient = bounded.value_and_grad(phi, bounded.full_batch())
                    phi = np.maximum(phi - 0.1 * gradient, low)
                return Solution(bounded.to_network(phi), 300, value, True)

        model = GradRegLogisticRegression(InputGradient("l1"), 0.5, solver=ProjectedGradient()).fit(
            BINARY_X, BINARY_Y
        )
        assert (model.coef_ == 0).sum() >= 5

    @pytest.mark.parametrize(
        ("spoil", "found"),
        [
            (lambda theta: theta * np.nan, r"\(12,\) with 12 that are not finite"),
            (lambda theta: theta[:-1], r"\(11,\) with 0"),
            (lambda theta: np.append(theta, 0), r"\(13,\) with 0"),
        ],
        ids=["not finite", "short", "long"],
    )
    def test_a_solution_that_cannot_be_is_refused(self, spoil, found):
        class Spoiling(Solver):
            def minimize(self, objective, theta, schedule, state=None):
                return Solution(spoil(theta), 1, 0.0, True)

        with pytest.raises(
            ValueError,
            match=f"Spoiling must find 12 finite parameters; got an array of shape {found}",
        ):
            GradRegLogisticRegression(solver=Spoiling()).fit(MULTI_X[:, :3], MULTI_Y)

    def test_what_is_no_solution_is_named(self):
        forgetful = type(
            "Forgetful",
            (Solver,),
            {"minimize": lambda self, objective, theta, schedule, state=None: None},
        )
        with pytest.raises(TypeError, match=r"Forgetful.minimize must return a Solution; got None"):
            GradRegLogisticRegression(solver=forgetful()).fit(MULTI_X, MULTI_Y)

    def test_a_refused_call_leaves_nested_state_as_it_was(self):
        class Counting(EpochSolver):
            def start(self, theta):
                return {"counts": [0]}

            def move(self, theta, gradient, state, learning_rate):
                state["counts"][0] += 1
                theta -= learning_rate * gradient

        model = GradRegMLPClassifier((5,), solver=Counting(), batch_size=50, random_state=0)
        model.partial_fit(MULTI_X, MULTI_Y)
        before = model._solver_state["moments"]["counts"][0]
        with pytest.raises(ValueError, match="training diverged"):
            model.partial_fit(1e200 * MULTI_X, MULTI_Y)
        assert model._solver_state["moments"]["counts"][0] == before

    def test_incomplete_solvers_cannot_be_made(self):
        for kind in (Solver, EpochSolver):
            with pytest.raises(TypeError, match="abstract"):
                type("Incomplete", (kind,), {})()


class TestDivergence:
    @pytest.mark.parametrize(("solver", "rate"), [("adam", 1e-3), ("sgd", 1e20)])
    def test_a_batch_whose_moments_overflow_is_refused_and_changes_nothing(self, solver, rate):
        X = MULTI_X.astype(np.float32)
        model = GradRegMLPClassifier((5,), solver=solver, random_state=0).partial_fit(X, MULTI_Y)
        before = {name: np.copy(value) for name, value in model._solver_state["moments"].items()}
        coefs = [W.copy() for W in model.coefs_]
        model.set_params(learning_rate_init=rate)
        with pytest.raises(
            ValueError,
            match="training diverged: the objective, the parameters or the solver's moments",
        ):
            model.partial_fit(X * np.float32(1e22), MULTI_Y)
        for name, value in model._solver_state["moments"].items():
            np.testing.assert_array_equal(value, before[name])
        for W, old in zip(model.coefs_, coefs, strict=True):
            np.testing.assert_array_equal(W, old)
        model.set_params(learning_rate_init=1e-3)
        assert not np.array_equal(model.partial_fit(X, MULTI_Y).coefs_[0], coefs[0])

    @pytest.mark.parametrize(
        "model",
        [
            GradRegMLPClassifier((5,), solver="sgd", max_iter=1),
            GradRegMLPClassifier((5,), solver="sgd", max_iter=1, early_stopping=True),
            GradRegMLPRegressor((5,), solver="sgd", max_iter=1),
            VATClassifier((5,), solver="sgd", max_iter=1),
            IMSATClusterer(3, hidden_layer_sizes=(5,), solver="sgd", max_iter=1),
            LadderClassifier((5,), solver="sgd", max_iter=1),
            WassersteinSampler((5,), n_steps=1),
        ],
        ids=lambda model: type(model).__name__,
    )
    @pytest.mark.parametrize("kind", [np.float64, np.float32])
    def test_finite_weights_whose_predictions_are_not_are_refused(self, model, kind):
        model = clone(model).set_params(
            random_state=0, learning_rate_init=1e280 if kind is np.float64 else 1e35
        )
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="training diverged"):
            model.fit(MULTI_X.astype(kind), MULTI_Y)
        assert not hasattr(model, "coefs_")

    def test_counts_whose_means_overflow_are_refused(self):
        model = GradRegMLPRegressor(
            (), loss="poisson", alpha=0.0, solver="adam", learning_rate_init=2000.0, max_iter=1
        )
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="training diverged"):
            model.fit(MULTI_X, MULTI_Y)

    def test_a_batch_after_which_predictions_are_not_finite_is_refused_and_changes_nothing(self):
        model = GradRegMLPClassifier((5,), solver="sgd", random_state=0).partial_fit(
            MULTI_X, MULTI_Y
        )
        before = model.predict_proba(MULTI_X)
        model.set_params(learning_rate_init=1e280)
        with pytest.raises(
            ValueError,
            match=r"training diverged: the predictions of .* of 150 rows of the fit are not finite",
        ):
            model.partial_fit(MULTI_X, MULTI_Y)
        np.testing.assert_array_equal(model.predict_proba(MULTI_X), before)

    @pytest.mark.parametrize("size", [1e100, 1e200, 1e300])
    @pytest.mark.parametrize("hidden", [(), (3,)], ids=["linear", "hidden"])
    def test_sizes_never_call_finite_what_is_not(self, size, hidden):
        for likelihood in (Bernoulli(), Gaussian(), Poisson()):
            network = Network((4, *hidden, 2), Softplus(), likelihood)
            start = network.initialize(np.random.RandomState(0), np.float64)
            for theta, X in (
                (start, size * MULTI_X),
                (size * start, MULTI_X),
                (np.sqrt(size) * start, MULTI_X),
            ):
                with np.errstate(all="ignore"):
                    finite = np.isfinite(network.outputs(theta, X, likelihood.mean)).all()
                assert finite or not stays_finite(network, theta, X)
            assert stays_finite(network, np.full(network.n_parameters, 0.1), csr_matrix(MULTI_X))

    def test_the_message_says_what_to_lower(self):
        with pytest.raises(
            ValueError, match=r"training diverged.*in epoch .*learning_rate_init=1e\+300"
        ):
            GradRegMLPClassifier(solver="sgd", learning_rate_init=1e300).fit(MULTI_X, MULTI_Y)


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        ("newton", "solver must be one of 'adam', 'lbfgs', 'newton-cholesky', 'sgd', or"),
        (LBFGS, "solver must be one of 'adam', 'lbfgs', 'newton-cholesky', 'sgd', or"),
        (Adam(beta_1=2), "beta_1 must be a finite number >= 0 and < 1; got 2"),
        (Adam(beta_1=np.nan), "beta_1 must be a finite number >= 0 and < 1; got nan"),
        (Adam(epsilon=0), "epsilon must be a finite number > 0; got 0"),
        (SGD(momentum="big"), "momentum must be a finite number >= 0 and < 1; got 'big'"),
        (SGD(nesterovs_momentum="no"), "nesterovs_momentum must be True or False; got 'no'"),
        (LBFGS(history_size=0), "history_size must be an integer >= 1 and <= 10000; got 0"),
        (LBFGS(history_size=-1), "history_size must be an integer >= 1 and <= 10000; got -1"),
        (LBFGS(max_fun=1.5), "max_fun must be an integer >= 1; got 1.5"),
    ],
    ids=str,
)
def test_what_is_no_solver_is_named(solver, message):
    with pytest.raises(ValueError, match=message):
        check_solver(solver)


def test_integers_of_any_size_are_integers():
    small = GradRegLogisticRegression(solver=LBFGS(history_size=np.uint8(3), max_fun=np.int16(200)))
    plain = GradRegLogisticRegression(solver=LBFGS(history_size=3, max_fun=200))
    np.testing.assert_array_equal(
        small.fit(BINARY_X, BINARY_Y).coef_, plain.fit(BINARY_X, BINARY_Y).coef_
    )


class TestDecayOfTheLearningRate:
    @pytest.mark.parametrize(
        ("start", "expected"),
        [(1.0, [1, 1, 1, 1]), (0.0, [1, 0.75, 0.5, 0.25]), (0.5, [1, 1, 1, 0.5])],
    )
    def test_is_linear_from_its_start_to_the_last_epoch(self, start, expected):
        rates = []

        class Recorder(Adam):
            def move(self, theta, gradient, state, learning_rate):
                rates.append(learning_rate)

        with pytest.warns(ConvergenceWarning):
            GradRegMLPClassifier(
                solver=Recorder(decay_start=start), learning_rate_init=0.5, max_iter=4
            ).fit(*TABLES["multiclass"])
        np.testing.assert_allclose(rates, 0.5 * np.array(expected))

    def test_partial_fit_keeps_the_rate(self):
        X, y = TABLES["multiclass"]
        a, b = (
            GradRegMLPClassifier(solver=Adam(decay_start=start), random_state=0).partial_fit(X, y)
            for start in (0.0, 1.0)
        )
        np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])

    @pytest.mark.parametrize("kind", [Adam, SGD])
    def test_out_of_range_is_an_error(self, kind):
        with pytest.raises(
            ValueError, match="decay_start must be a finite number >= 0 and <= 1; got 2"
        ):
            GradRegMLPClassifier(solver=kind(decay_start=2)).fit(*TABLES["multiclass"])


class TestMinimizeTogether:
    OPTIONS = {"tol": 1e-8, "ftol": 0.0, "max_iter": 500, "max_fun": 5000, "history_size": 10}

    @staticmethod
    def quadratics(thetas, problems):
        curvatures = np.array([[1.0, 10.0], [1.0, 1e4], [3.0, 3.0]])[problems]
        return 0.5 * (curvatures * (thetas - 1) ** 2).sum(axis=1), curvatures * (thetas - 1)

    def test_each_problem_ends_at_its_minimum(self):
        ends = minimize_batch(
            self.quadratics, np.array([[3.0, -2.0], [0.0, 5.0], [1.0, 1.0]]), **self.OPTIONS
        )
        np.testing.assert_allclose([end.theta for end in ends], 1, atol=1e-7)
        assert ends[2].values == []  # it started there

    def test_finds_the_end_of_a_curved_valley(self):
        def rosenbrock(thetas, problems):
            return np.array([rosen(theta) for theta in thetas]), np.array(
                [rosen_der(theta) for theta in thetas]
            )

        (end,) = minimize_batch(rosenbrock, np.array([[-1.2, 1.0, 0.5]]), **self.OPTIONS)
        np.testing.assert_allclose(end.theta, 1, atol=1e-6)

    def test_steps_into_nowhere_are_taken_back(self):
        def logarithm(thetas, problems):
            with np.errstate(invalid="ignore", divide="ignore"):
                return (thetas - np.log(thetas)).sum(axis=1), 1 - 1 / thetas

        (end,) = minimize_batch(logarithm, np.array([[50.0, 0.01]]), **self.OPTIONS)
        np.testing.assert_allclose(end.theta, 1, atol=1e-6)

    @pytest.mark.parametrize(("option", "number"), [("max_iter", 2), ("max_fun", 3)])
    def test_budgets_are_kept(self, option, number):
        asked = []

        def counted(thetas, problems):
            asked.append(len(problems))
            return self.quadratics(thetas, problems)

        options = self.OPTIONS | {option: number}
        (end,) = minimize_batch(counted, np.array([[-30.0, 50.0]]), **options)
        assert len(end.values) <= 2
        assert option == "max_iter" or len(asked) <= 3 + 30  # a line search is finished

    def test_a_start_in_nowhere_ends_there(self):
        (end,) = minimize_batch(
            lambda t, p: (np.full(1, np.nan), t * np.nan), np.ones((1, 2)), **self.OPTIONS
        )
        assert end.values == []
        assert np.isnan(end.gradient_size)


class TwiceAsSharp(Bernoulli):
    """The log loss of two classes at twice the outputs."""

    sklearn_loss = None

    def mean(self, outputs):
        return super().mean(2 * outputs)

    def loss_and_residual(self, outputs, targets):
        loss, residual = super().loss_and_residual(2 * outputs, targets)
        return loss, 2 * residual

    def hessian_product(self, outputs, targets, residuals, vectors):
        return 4 * super().hessian_product(2 * outputs, targets, residuals / 2, vectors)

    def mean_derivative_product(self, outputs, mean, vectors):
        return 2 * mean * (1 - mean) * vectors


def test_adam_moves_arrays_in_any_order():
    theta = np.asfortranarray(np.ones((3, 2)))
    solver = Adam()
    solver.move(theta, np.ones((3, 2)), solver.start(theta), 0.1)
    np.testing.assert_allclose(theta, 0.9)


class TestNewtonCholesky:
    @pytest.mark.parametrize("alpha", [0, 0.01, 1, 100])
    @pytest.mark.parametrize(
        "options",
        [{}, {"fit_intercept": False}, {"class_weight": {0: 1, 1: 5}}, {"l2": 0.1}],
        ids=str,
    )
    def test_finds_the_optimum_of_lbfgs(self, alpha, options):
        ours, theirs = (
            GradRegLogisticRegression(
                alpha=alpha, solver=solver, tol=1e-6, max_iter=9999, **options
            )
            for solver in ("newton-cholesky", "lbfgs")
        )
        ours.fit(BINARY_X, BINARY_Y)
        theirs.fit(BINARY_X, BINARY_Y)
        assert theirs.loss_ - 1e-8 < ours.loss_ < theirs.loss_ + 1e-11
        assert ours.converged_
        assert ours.n_iter_[0] < theirs.n_iter_[0]

    def test_is_scikit_learns_without_penalty(self):
        ours = GradRegLogisticRegression(alpha=0, solver="newton-cholesky", tol=1e-9)
        theirs = LogisticRegression(solver="newton-cholesky", tol=1e-9)
        ours.fit(BINARY_X, BINARY_Y)
        theirs.fit(BINARY_X, BINARY_Y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6)

    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("features", [None, [0, 3]])
    @pytest.mark.parametrize("n_blocks", [1, 2])
    @pytest.mark.parametrize("to_X", [np.asarray, csr_matrix])
    def test_hessian_is_that_of_differences(
        self, fit_intercept, features, n_blocks, to_X, monkeypatch
    ):
        if n_blocks > 1:
            monkeypatch.setattr(objective_module, "_BLOCK_BYTES", 1)
        rng = np.random.RandomState(0)
        network = Network((6, 1), Identity(), Bernoulli(), fit_intercept)
        rows = Rows(to_X(BINARY_X[:90, :6]), BINARY_Y[:90, None].astype(float))
        penalty = InputGradient(features=features) + 0.1 * WeightDecay()
        terms = [(1.0, NegativeLogLikelihood()), *((5 * w, term) for w, term in penalty.terms())]
        objective = Objective(network, rows, terms)
        theta = rng.standard_normal(network.n_parameters)
        steps = np.eye(network.n_parameters)
        function = objective.on_all_rows()
        value, gradient, hessian = objective.hessian_on_all_rows()(theta)
        expected = function(theta)
        np.testing.assert_allclose(value, expected[0])
        np.testing.assert_allclose(gradient, expected[1])
        differences = [
            (function(theta + 1e-6 * step)[1] - function(theta - 1e-6 * step)[1]) / 2e-6
            for step in steps
        ]
        np.testing.assert_allclose(hessian, differences, atol=1e-7)

    def test_starts_where_the_hessian_is_not_positive(self):
        network = Network((30, 1), Identity(), Bernoulli())
        rows = Rows(BINARY_X, BINARY_Y[:, None].astype(float))
        objective = Objective(
            network, rows, [(1.0, NegativeLogLikelihood()), (0.1, InputGradient()), (0.01, L2())]
        )
        theta = 3 * np.random.RandomState(0).standard_normal(31)
        assert np.linalg.eigvalsh(objective.hessian_on_all_rows()(theta)[2]).min() < -0.1
        ours, theirs = (
            solver.minimize(objective, theta, Schedule(max_iter=999, tol=1e-7, random_state=None))
            for solver in (NewtonCholesky(), LBFGS())
        )
        assert ours.converged
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-9)

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            (GradRegMLPClassifier((3,)), "there are hidden layers"),
            (GradRegLogisticRegression(penalty="spectral_norm", alpha=1), "SpectralNorm has none"),
            (GradRegLogisticRegression(loss=TwiceAsSharp()), "TwiceAsSharp.. has none here"),
            (GradRegLogisticRegression(loss=Flooding(0.1)), "Flooding of .* has none"),
            (GradRegLogisticRegression(constraint=FrobeniusCap(1.0)), "cannot project"),
            (
                GradRegLogisticRegression(constraint=SpectralNormalization()),
                "SpectralNormalization has none",
            ),
        ],
        ids=repr,
    )
    def test_what_has_no_second_derivatives_is_refused_by_name(self, model, reason):
        with pytest.raises(ValueError, match=f"NewtonCholesky .*{reason}"):
            model.set_params(solver="newton-cholesky").fit(BINARY_X, BINARY_Y)

    def test_three_classes_are_refused(self):
        model = GradRegLogisticRegression(solver="newton-cholesky")
        with pytest.raises(
            ValueError, match=r"Categorical\(\) has none here: it is for two classes"
        ):
            model.fit(MULTI_X, MULTI_Y)

    def test_a_mask_of_entries_is_named(self):
        model = GradRegLogisticRegression(solver="newton-cholesky")
        mask = np.random.RandomState(0).uniform(size=BINARY_X.shape) < 0.5
        with pytest.raises(ValueError, match="InputGradient with a mask of entries has none here"):
            model.fit(BINARY_X, BINARY_Y, mask=mask)

    def test_without_curvature_lbfgs_goes_on(self):
        X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
        model = GradRegLogisticRegression(
            penalty=None, l2=0, solver="newton-cholesky", warm_start=True, max_iter=1000
        )
        model.fit(X, y).fit(100 * X, 1 - y)  # so far on the wrong side that nothing is curved
        np.testing.assert_array_equal(model.predict(100 * X), 1 - y)

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_curvature_that_overflows_is_left_to_lbfgs(self):
        fits = [
            GradRegLogisticRegression(solver=solver).fit(1e200 * BINARY_X, BINARY_Y)
            for solver in ("newton-cholesky", "lbfgs")
        ]
        np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)

    def test_too_few_iterations_warn(self):
        model = GradRegLogisticRegression(solver="newton-cholesky", max_iter=2)
        with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations"):
            model.fit(BINARY_X, BINARY_Y)

    def test_rounding_errors_hand_over_to_lbfgs(self):
        model = GradRegLogisticRegression(solver="newton-cholesky", tol=0)
        with pytest.warns(ConvergenceWarning, match="no smaller value was found"):
            model.fit(BINARY_X.astype(np.float32), BINARY_Y)
        exact = GradRegLogisticRegression(tol=1e-6, max_iter=999).fit(BINARY_X, BINARY_Y)
        assert model.loss_ == pytest.approx(exact.loss_, rel=1e-4)
