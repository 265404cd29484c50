"""Penalties, losses and constraints where users meet them: in fits, pipelines and searches."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier
from sklearn_irg._objective import Objective
from sklearn_irg._split import objective_class
from sklearn_irg.constraints import FrobeniusCap, SpectralNormalization, WeightClipping
from sklearn_irg.losses import Flooding, LabelSmoothing
from sklearn_irg.model_selection import balanced_alpha
from sklearn_irg.penalties import InputGradient, ParameterGradient, RightReasons, WeightDecay
from tests import oracles
from tests.test_objective import problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2 = load_breast_cancer(return_X_y=True)
X2 = scale(X2)
X3, y3 = load_iris(return_X_y=True)
X3 = scale(X3)


class TestMask:
    def test_a_mask_of_whole_columns_is_features(self):
        A = np.zeros(X3.shape, dtype=bool)
        A[:, [1, 2]] = True
        for penalty in (RightReasons, InputGradient):
            by_mask = GradRegMLPClassifier((5,), penalty=penalty(), max_iter=5, random_state=0).fit(X3, y3, mask=A)
            by_name = clone(by_mask).set_params(penalty=penalty(features=[1, 2])).fit(X3, y3)
            np.testing.assert_allclose(by_mask.coefs_[0], by_name.coefs_[0], rtol=1e-6)

    def test_is_sliced_with_the_rows_in_hold_outs_minibatches_and_zero_weights(self):
        A = np.random.RandomState(0).rand(*X3.shape) < 0.5
        weight = np.arange(len(X3)) % 3
        model = GradRegMLPClassifier((5,), penalty="right_reasons", max_iter=5, random_state=0, batch_size=32)
        a = model.fit(X3, y3, sample_weight=weight, mask=A).coefs_[0]
        b = (
            clone(model)
            .fit(X3[weight > 0], y3[weight > 0], sample_weight=weight[weight > 0], mask=A[weight > 0])
            .coefs_[0]
        )
        np.testing.assert_array_equal(a, b)
        model.set_params(early_stopping=True).fit(X3, y3, mask=A)

    def test_is_routed_through_pipelines_and_searches(self):
        A = np.random.RandomState(0).rand(*X3.shape) < 0.5
        with config_context(enable_metadata_routing=True):
            model = GradRegMLPClassifier((5,), penalty="right_reasons", max_iter=5, random_state=0)
            pipe = make_pipeline(StandardScaler(), model.set_fit_request(mask=True, sample_weight=False))
            search = GridSearchCV(pipe, {"gradregmlpclassifier__alpha": [0.1, 1.0]}, cv=3).fit(X3, y3, mask=A)
        direct = clone(model).set_params(**{"alpha": search.best_params_["gradregmlpclassifier__alpha"]})
        direct.fit(StandardScaler().fit_transform(X3), y3, mask=A)
        np.testing.assert_allclose(search.best_estimator_[-1].coefs_[0], direct.coefs_[0], rtol=1e-6)

    @pytest.mark.parametrize(
        ("penalty", "mask", "message"),
        [
            ("right_reasons", np.ones((3, 4)), r"mask must have the shape of X, \(150, 4\); got \(3, 4\)"),
            ("right_reasons", np.full(X3.shape, 0.5), "mask must hold booleans, or zeros and ones"),
            ("weight_decay", np.ones(X3.shape), r"mask was passed, but the penalty \(WeightDecay\) does not use it"),
            (None, np.ones(X3.shape), r"the penalty \(None\) does not use it"),
        ],
    )
    def test_what_cannot_be_a_mask_is_an_error(self, penalty, mask, message):
        with pytest.raises(ValueError, match=message):
            GradRegMLPClassifier(penalty=penalty).fit(X3, y3, mask=mask)


class TestExactZeros:
    def test_l1_input_gradients_drop_features_from_a_linear_model(self):
        counts = [
            int((GradRegLogisticRegression(InputGradient("l1"), alpha, max_iter=5000).fit(X2, y2).coef_ != 0).sum())
            for alpha in (0.01, 0.1, 0.5)
        ]
        assert 30 > counts[0] > counts[1] > counts[2] > 0

    def test_the_zeros_are_optimal(self):
        model = GradRegLogisticRegression(InputGradient("l1"), 0.1, max_iter=5000, tol=1e-7).fit(X2, y2)
        w, b, y = model.coef_[0], model.intercept_[0], y2

        def objective(w):
            z = X2 @ w + b
            residual = oracles.means(z, "logistic") - y
            return (np.logaddexp(0, z) - y * z).mean() + 0.1 * abs(residual).mean() * abs(w).sum()

        best = objective(w)
        for j in range(len(w)):
            for h in (1e-4, -1e-4):
                moved = w.copy()
                moved[j] += h
                assert objective(moved) > best - 1e-9

    def test_columns_of_noise_drop_out_for_all_classes_at_once(self):
        X = np.column_stack([X3, np.random.RandomState(0).standard_normal((150, 3))])
        model = GradRegLogisticRegression(InputGradient("l1"), 1.0, max_iter=3000, tol=1e-7).fit(X, y3)
        assert (model.coef_[:, 4:] == 0).all()
        assert (model.coef_ != 0).any(axis=0).sum() >= 2

        def objective(W):
            Z = X @ W.T + model.intercept_
            residual = oracles.means(Z, "softmax") - np.eye(3)[y3]
            return oracles.losses(Z, np.eye(3)[y3], "softmax").mean() + np.abs(residual @ W).sum(axis=1).mean()

        best, rng = objective(model.coef_), np.random.RandomState(0)
        np.testing.assert_allclose(model.loss_, best, rtol=1e-9)
        for size in (0.1, 1.0):
            assert (
                min(objective(model.coef_ + size * rng.standard_normal(model.coef_.shape)) for _ in range(200)) > best
            )

    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "identity"])
    @pytest.mark.parametrize("rows", [False, True], ids=["columns", "entries"])
    def test_other_parameters_have_the_same_objective_and_its_gradient(self, likelihood, rows):
        network, X, Y, theta, rng = problem(likelihood, hidden=())
        penalty, mask = 0.7 * InputGradient("l1", features=[0, 2, 3]) + WeightDecay(), rng.rand(*X.shape) < 0.5
        options = {"sample_weight": rng.rand(len(X)), "mask": mask if rows else None}
        plain = Objective(network, X, Y, penalty, 0.5, **options)
        other = objective_class(network, penalty, None)(network, X, Y, penalty, 0.5, **options)
        phi, batch = other.enter(theta), plain.everything()
        assert type(other) is not Objective
        np.testing.assert_allclose(other.effective(phi), theta, atol=1e-14)
        value, gradient = other.value_and_grad(phi, batch)
        np.testing.assert_allclose(value, plain.value_and_grad(theta, batch)[0], rtol=1e-12)
        inside, direction = phi + 0.1, rng.randn(phi.size)  # away from the bounds
        expected = oracles.directional_derivative(lambda t: other.value_and_grad(t, batch)[0], inside, direction)
        np.testing.assert_allclose(other.value_and_grad(inside, batch)[1] @ direction, expected, rtol=1e-6)
        assert np.isfinite(gradient).all()

    def test_masked_out_columns_are_not_shrunk(self):
        model = GradRegLogisticRegression(InputGradient("l1", features=range(20)), 0.5, max_iter=5000).fit(X2, y2)
        assert (model.coef_[0, :20] == 0).any()
        assert (model.coef_[0, 20:] != 0).all()


class TestConstraints:
    @pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
    def test_spectral_normalization_bounds_every_change_of_the_outputs(self, activation):
        bound = 2.0
        model = GradRegMLPClassifier(
            (16, 8),
            activation,
            constraint=SpectralNormalization(bound),
            max_iter=100,
            learning_rate_init=0.03,
            random_state=0,
        )
        model.fit(X3, y3)
        assert model.score(X3, y3) > 0.8
        rng = np.random.RandomState(0)
        for step in (1e-3, 0.1, 3.0):
            other = X3 + step * rng.randn(*X3.shape)
            for _ in range(20):  # climb the ratio of the changes
                change, move = model.decision_function(other) - model.decision_function(X3), other - X3
                ratio = np.linalg.norm(change, axis=1) / np.linalg.norm(move, axis=1)
                assert ratio.max() <= bound * (1 + 1e-9)
                trial = other + 0.1 * step * rng.randn(*X3.shape)
                better = (
                    np.linalg.norm(model.decision_function(trial) - model.decision_function(X3), axis=1)
                    / np.linalg.norm(trial - X3, axis=1)
                ) > ratio
                other = np.where(better[:, None], trial, other)
        np.testing.assert_allclose([np.linalg.norm(W, 2) for W in model.coefs_], bound ** (1 / 3), rtol=1e-9)

    def test_spectral_normalization_has_the_gradient_of_its_formula(self):
        network, X, Y, theta, rng = problem()
        objective = Objective(network, X, Y, InputGradient(), 0.5, constraint=SpectralNormalization(3.0))

        def by_hand(t):
            layers = [(3.0 ** (1 / 3) * W / np.linalg.norm(W, 2), b) for W, b in network.unpack(t)]
            losses = lambda X: oracles.losses(oracles.outputs(X, layers, "tanh"), Y, "softmax")  # noqa: E731
            return (losses(X) + 0.5 * (oracles.input_gradients(losses, X) ** 2).sum(axis=1)).mean()

        value, gradient = objective.value_and_grad(theta, objective.everything())
        np.testing.assert_allclose(value, by_hand(theta), rtol=1e-7)
        direction, value_at = rng.randn(theta.size), lambda t: objective.value_and_grad(t, objective.everything())[0]
        np.testing.assert_allclose(
            gradient @ direction, oracles.directional_derivative(value_at, theta, direction), rtol=1e-6
        )

    @pytest.mark.parametrize("Estimator", [GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier])
    def test_projections_hold_at_the_end(self, Estimator):
        capped = Estimator((9,), constraint=FrobeniusCap(0.7), max_iter=20, learning_rate_init=0.05).fit(X3, y3)
        assert max(np.linalg.norm(W) for W in capped.coefs_) <= 0.7 + 1e-9
        clipped = Estimator((9,), constraint=WeightClipping(0.05), max_iter=20).fit(X3, y3)
        assert max(abs(W).max() for W in clipped.coefs_) <= 0.05

    def test_lbfgs_takes_normalization_and_refuses_projections(self):
        model = GradRegLogisticRegression(None, constraint=SpectralNormalization(3.0), random_state=0).fit(X3, y3)
        np.testing.assert_allclose(np.linalg.norm(model.coef_, 2), 3.0)
        with pytest.raises(ValueError, match="LBFGS cannot project onto a constraint"):
            GradRegLogisticRegression(constraint=FrobeniusCap()).fit(X3, y3)


class TestLosses:
    def test_flooding_keeps_the_loss_up(self):
        model = GradRegMLPClassifier(
            penalty=None, loss=Flooding(0.3), max_iter=300, learning_rate_init=0.01, random_state=0
        )
        plain = clone(model).set_params(loss=None)
        assert plain.fit(X3, y3).loss_ < 0.05
        np.testing.assert_allclose(model.fit(X3, y3).loss_, 0.3, atol=0.01)

    def test_label_smoothing_tempers_probabilities(self):
        model = GradRegMLPClassifier(penalty=None, loss=LabelSmoothing(0.3), max_iter=500, random_state=0).fit(X3, y3)
        assert model.predict_proba(X3).max() < 0.96
        with pytest.raises(ValueError, match="no meaning for a regressor"):
            GradRegMLPRegressor(loss=LabelSmoothing(0.1)).fit(X3, y3)

    def test_dropout_acts_in_training_only(self):
        model = GradRegMLPClassifier(dropout=0.5, max_iter=200, learning_rate_init=0.01, random_state=0).fit(X3, y3)
        np.testing.assert_array_equal(model.predict_proba(X3), model.predict_proba(X3))
        assert model.score(X3, y3) > 0.9
        with pytest.raises(ValueError, match="deterministic objective, but dropout draws"):
            GradRegMLPClassifier(dropout=0.5, solver="lbfgs").fit(X3, y3)


class TestBalancedAlpha:
    def test_penalty_and_loss_are_equal_at_the_start(self):
        model = GradRegMLPClassifier((7,), penalty=WeightDecay(), random_state=0)
        start = clone(model).set_params(max_iter=1, learning_rate_init=1e-12, alpha=0.0).fit(X3, y3)
        decay = sum((W**2).sum() for W in start.coefs_)
        np.testing.assert_allclose(balanced_alpha(model, X3, y3), start.loss_ / decay, rtol=1e-6)

    def test_a_penalty_that_vanishes_at_the_start_is_an_error(self):
        with pytest.raises(ValueError, match="Linear models start from zero weights"):
            balanced_alpha(GradRegLogisticRegression(), X3, y3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "smooth"}, r"loss must be None or a modification such as LabelSmoothing\(0.1\); got 'smooth'"),
        ({"loss": Flooding(-1)}, "level == -1, must be >= 0"),
        ({"loss": LabelSmoothing(2)}, "amount == 2, must be <= 1"),
        ({"constraint": 1.0}, r"constraint must be None or one such as SpectralNormalization\(\); got 1.0"),
        ({"constraint": WeightClipping(0)}, "bound == 0, must be > 0"),
        ({"dropout": 1.0}, "dropout == 1.0, must be < 1"),
    ],
    ids=str,
)
def test_bad_parameters_are_named_with_what_to_do(parameters, message):
    with pytest.raises(ValueError, match=message):
        GradRegMLPClassifier(**parameters).fit(X3, y3)


def test_every_estimator_takes_every_option_in_a_grid():
    grid = {
        "penalty": [InputGradient(), ParameterGradient()],
        "loss": [None, Flooding(0.1)],
        "constraint": [None, SpectralNormalization(5.0)],
    }
    search = GridSearchCV(GradRegMLPClassifier((5,), max_iter=5, random_state=0), grid, cv=3).fit(X3, y3)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
