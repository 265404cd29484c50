"""What was once wrong: each test is a defect found by using the library."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_multilabel_classification
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_validate
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler, scale
from sklearn.svm import SVC

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier
from sklearn_irg.attacks import (
    adversarial_accuracy,
    deepfool,
    fast_gradient,
    make_adversarial_scorer,
    projected_gradient,
    virtual_adversarial_direction,
)
from sklearn_irg.constraints import FrobeniusCap, SpectralNormalization
from sklearn_irg.diagnostics import (
    certified_radius,
    feature_sensitivity,
    input_gradients,
    linear_geometry,
    signed_distance,
)
from sklearn_irg.losses import Flooding
from sklearn_irg.model_selection import balanced_alpha
from sklearn_irg.penalties import AdversarialLoss, InputGradient, InputNoise, ParameterGradient, Sum, WeightDecay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2 = load_breast_cancer(return_X_y=True)
X2 = scale(X2)[:, :6]
X3, y3 = load_iris(return_X_y=True)
X3 = scale(X3)


class TestPartialFit:
    def test_a_seed_does_not_mean_the_same_noise_in_every_call(self):
        model = GradRegMLPClassifier((5,), penalty=InputNoise(1.0), alpha=1.0, random_state=0, learning_rate_init=1e-9)
        for _ in range(3):
            model.partial_fit(X3, y3)
        assert len(set(model.loss_curve_)) == 3

    def test_calls_add_up_to_a_fit_with_dropout_shuffling_and_normalization(self):
        model = GradRegMLPClassifier(
            (8,), dropout=0.3, constraint=SpectralNormalization(5.0), max_iter=6, batch_size=40, random_state=0
        )
        stepwise = clone(model)
        for _ in range(6):
            stepwise.partial_fit(X3, y3)
        np.testing.assert_allclose(stepwise.coefs_[0], model.fit(X3, y3).coefs_[0], rtol=1e-10)

    def test_a_fit_leaves_nothing_of_earlier_calls(self):
        model = GradRegMLPClassifier((5,), constraint=SpectralNormalization(), max_iter=3, random_state=0)
        model.partial_fit(X3, y3).fit(X3, y3)
        model.partial_fit(X3.astype(np.float32), y3)
        assert model.coefs_[0].dtype == np.float32
        fresh = clone(model).fit(X3, y3).partial_fit(X3.astype(np.float32), y3)
        np.testing.assert_array_equal(model.coefs_[0], fresh.coefs_[0])

    def test_another_solver_starts_afresh(self):
        for before, after in [("adam", "sgd"), ("lbfgs", "adam")]:
            model = GradRegMLPClassifier((5,), max_iter=5, solver=before).fit(X3, y3)
            model.set_params(solver=after).partial_fit(X3, y3)

    def test_kinds_of_targets_and_classes_must_stay(self):
        model, Y = GradRegMLPClassifier((5,)).partial_fit(X3, y3), np.eye(3, dtype=int)[y3]
        with pytest.raises(ValueError, match="y is an indicator of labels, but the first fit saw one class per row"):
            model.partial_fit(X3, Y)
        with pytest.raises(ValueError, match=r"classes=\[0, 1, 2, 3\] differ from those of the first call"):
            model.partial_fit(X3, y3, classes=[0, 1, 2, 3])


class TestFits:
    def test_the_reported_loss_of_a_normalized_l1_fit_is_its_objective(self):
        penalty, constraint = InputGradient("l1"), SpectralNormalization(3.0)
        model = GradRegLogisticRegression(penalty, 1.0, constraint=constraint, max_iter=500, random_state=0).fit(X2, y2)
        z = X2 @ model.coef_[0] + model.intercept_[0]
        residual = np.abs(1 / (1 + np.exp(-z)) - y2)
        expected = (np.logaddexp(0, z) - y2 * z).mean() + residual.mean() * np.abs(model.coef_).sum()
        np.testing.assert_allclose(model.loss_, expected, rtol=1e-9)

    def test_lbfgs_refuses_a_perturbation_held_constant(self):
        with pytest.raises(ValueError, match="deterministic objective, but AdversarialLoss holds its perturbation"):
            GradRegLogisticRegression(AdversarialLoss(0.1)).fit(X2, y2)

    def test_flooding_floods_the_mean_of_a_batch_whatever_its_weights_sum_to(self):
        from sklearn_irg._objective import Batch, Objective
        from tests.test_objective import problem

        network, X, Y, theta, _ = problem()
        objective = Objective(network, X, Y, ParameterGradient(), 1.0, loss=Flooding(0.1))
        weights = np.full(len(X), 1 / len(X))
        whole = objective.value_and_grad(theta, Batch(slice(None), weights, weights))
        share = objective.value_and_grad(theta, Batch(slice(None), 0.1 * weights, weights))
        flooded = Objective(network, X, Y, None, 0.0, loss=Flooding(0.1))
        loss = flooded.value_and_grad(theta, Batch(slice(None), weights, weights))[0]
        np.testing.assert_allclose(share[0], whole[0] - 0.9 * loss, rtol=1e-9)

    def test_memory_of_a_linear_model_does_not_grow_with_its_rows(self):
        from sklearn_irg._engine.likelihoods import bernoulli
        from sklearn_irg._engine.networks import Network
        from sklearn_irg._objective import Objective

        wide = Objective(
            Network((500, 1), "identity", bernoulli), np.zeros((10, 500)), np.zeros((10, 1)), AdversarialLoss(), 1.0
        )
        assert max(block.stop - block.start for block in wide._blocks(10**6)) * 500 * 8 < 2**22

    def test_callbacks_do_not_see_the_marker_of_unlabelled_rows(self):
        callback = pytest.importorskip("sklearn.callback")
        monitor, some = callback.ScoringMonitor(scoring="accuracy"), np.where(np.arange(len(y2)) % 4, -1, y2)
        model = VATClassifier((5,), max_iter=20, random_state=0, learning_rate_init=0.01).set_callbacks(monitor)
        model.fit(X2, some)
        assert monitor.get_logs().data[-1]["accuracy"] > 0.9

    def test_a_callback_that_stops_a_fit_is_no_failure_to_converge(self):
        callback = pytest.importorskip("sklearn.callback")

        class Stop(callback.ScoringMonitor):
            def on_fit_task_end(self, estimator, context, **data):
                return True

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = GradRegMLPClassifier((5,)).set_callbacks(Stop(scoring="accuracy")).fit(X3, y3)
        assert model.n_iter_ == 1

    def test_booleans_choose_columns(self):
        chosen = InputGradient(features=[False, False, True, True])
        models = [GradRegLogisticRegression(p).fit(X3, y3) for p in (chosen, InputGradient(features=[2, 3]))]
        np.testing.assert_array_equal(models[0].coef_, models[1].coef_)

    @pytest.mark.parametrize(
        ("estimator", "y", "message"),
        [
            (GradRegMLPClassifier(class_weight={0: -1, 1: 1, 2: 1}), y3, "class_weight must be non-negative"),
            (GradRegMLPRegressor(), sparse.csr_array(np.eye(150, 2)), "y must be dense"),
            (GradRegMLPClassifier(100.0), y3, "hidden_layer_sizes must be positive integers; got 100.0"),
            (GradRegMLPClassifier(validation_fraction=1.5), y3, "validation_fraction == 1.5, must be < 1"),
            (GradRegMLPClassifier(penalty=AdversarialLoss(clip=1.0)), y3, r"clip must be \(low, high\)"),
            (GradRegMLPClassifier(penalty=AdversarialLoss(np.nan)), y3, "epsilon must be finite|epsilon == nan"),
            (GradRegMLPClassifier(constraint=SpectralNormalization(np.inf)), y3, "bound must be finite; got inf"),
            (GradRegMLPClassifier(penalty=Sum("jacobian", WeightDecay())), y3, "a Sum takes penalty objects"),
        ],
        ids=lambda x: x[:30] if isinstance(x, str) else "",
    )
    def test_errors_name_the_argument(self, estimator, y, message):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X3, y)

    def test_sums_of_lists_and_sparse_masks(self):
        assert repr(sum([InputGradient(), WeightDecay()])) == repr(InputGradient() + WeightDecay())
        with pytest.raises(ValueError, match="mask must be dense"):
            GradRegMLPClassifier(penalty="right_reasons").fit(X3, y3, mask=sparse.csr_array(X3 > 0))


class TestBalancedAlpha:
    def test_is_the_same_with_dropout_names_and_tiny_penalties(self):
        frame = pd.DataFrame(X3, columns=list("abcd"))
        model = GradRegMLPClassifier(penalty=InputGradient(features=["a"]), random_state=0)
        alpha = balanced_alpha(model, frame, y3)
        np.testing.assert_allclose(balanced_alpha(clone(model).set_params(dropout=0.5), frame, y3), alpha)
        tiny = clone(model).set_params(penalty=1e-7 * model.penalty)
        np.testing.assert_allclose(balanced_alpha(tiny, frame.astype(np.float32), y3), 1e7 * alpha, rtol=1e-4)

    def test_starts_inside_a_constraint(self):
        model = GradRegMLPClassifier(penalty="weight_decay", constraint=FrobeniusCap(0.1), random_state=0)
        assert balanced_alpha(model, X3, y3) > 50
        with pytest.raises(TypeError, match="For a pipeline, pass its last step"):
            balanced_alpha(make_pipeline(StandardScaler(), model), X3, y3)


class TestModelsThatPredictOtherwise:
    def test_votes_thresholds_and_steps_that_only_look_affine_are_refused(self):
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.uniform(2e4, 2e5, 300), rng.standard_normal(300)])
        y = (X[:, 0] > 8e4).astype(int)
        refused = [
            (SVC(kernel="linear", decision_function_shape="ovo").fit(X3, y3), X3),
            (FixedThresholdClassifier(LogisticRegression(), threshold=0.95).fit(X2, y2), X2),
            (make_pipeline(Binarizer(threshold=8e4), LogisticRegression()).fit(X, y), X),
        ]
        for model, rows in refused:
            with pytest.raises(TypeError, match=r"Scores per class are needed|does not predict by its scores alone"):
                signed_distance(model, rows)

    def test_multilabel_models_have_no_one_boundary(self):
        X, Y = make_multilabel_classification(random_state=0, n_classes=4)
        model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, Y)
        with pytest.raises(TypeError, match="is multilabel"):
            certified_radius(model, X)
        assert input_gradients(model, X, Y).shape == X.shape

    def test_names_of_columns_must_match(self):
        data = load_iris(as_frame=True)
        model = LogisticRegression(max_iter=1000).fit(data.data, data.target)
        with pytest.raises(ValueError, match="feature names"):
            signed_distance(model, data.data.iloc[:, ::-1])

    def test_a_column_of_labels_is_a_row_of_labels(self):
        model = LogisticRegression().fit(X2, y2 + 1)
        column = (y2 + 1)[:, None]
        np.testing.assert_array_equal(input_gradients(model, X2, column), input_gradients(model, X2, y2 + 1))
        assert adversarial_accuracy(model, X2, column, 0.1) == adversarial_accuracy(model, X2, y2 + 1, 0.1)

    def test_regressors_with_a_link_go_by_differences_and_need_targets(self):
        y = np.exp(X2[:, 0])
        model = PoissonRegressor().fit(X2, y)
        expected = (model.predict(X2) - y) * model.predict(X2)
        np.testing.assert_allclose(input_gradients(model, X2, y), expected[:, None] * model.coef_, rtol=1e-4, atol=1e-7)
        with pytest.raises(ValueError, match="the loss of a regressor needs y"):
            feature_sensitivity(MLPRegressor(max_iter=2).fit(X2, y), X2)
        with pytest.raises(ValueError, match="log_proba' needs a classifier"):
            input_gradients(model, X2, of="log_proba")

    def test_differences_do_not_depend_on_units_or_on_other_rows(self):
        model = SVC().fit(X2, y2)
        expected = signed_distance(model, X2)
        small = make_pipeline(StandardScaler(), SVC()).fit(X2 * 1e-6, y2)
        np.testing.assert_allclose(signed_distance(small, X2 * 1e-6) * 1e6, expected, rtol=1e-3)
        far = X2.copy()
        far[-1] = 1e6
        np.testing.assert_allclose(signed_distance(model, far)[:-1], expected[:-1], rtol=1e-4)

    def test_searches_and_identity_networks_are_what_they_hold(self):
        search = GridSearchCV(GradRegLogisticRegression(max_iter=500), {"alpha": [0.1, 1.0]}).fit(X2, y2)
        np.testing.assert_array_equal(certified_radius(search, X2), certified_radius(search.best_estimator_, X2))
        assert linear_geometry(search, X2, y2).weight_norm > 0
        flat = MLPClassifier((8,), "identity", max_iter=50, random_state=0).fit(X2, y2)
        np.testing.assert_allclose(certified_radius(flat, X2), np.abs(signed_distance(flat, X2)), rtol=1e-6)


class TestAttacks:
    def test_deepfool_keeps_to_its_bounds_while_it_searches(self):
        X, y = load_digits(return_X_y=True)
        X, y = X[:100] / 16, y[:100]
        model = MLPClassifier((32,), max_iter=300, random_state=0).fit(X, y)
        moved = deepfool(model, X, clip=(0, 1))
        assert moved.min() >= 0
        assert moved.max() <= 1
        assert (model.predict(moved) != model.predict(X)).mean() > 0.95

    def test_bounds_bind_only_what_may_move(self):
        rng = np.random.RandomState(0)
        X = np.column_stack([rng.uniform(20, 70, 400), rng.uniform(0, 1, (400, 3))])
        y = (X[:, 1] + X[:, 2] + 0.01 * X[:, 0] > 1.5).astype(int)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        moved = projected_gradient(model, X, y, 0.3, features=[1, 2, 3], clip=(0, 1))
        assert np.linalg.norm(moved - X, axis=1).mean() > 0.25

    def test_being_sure_beyond_rounding_is_no_robustness(self):
        model = MLPClassifier((16,), max_iter=800, random_state=0).fit(X3, y3)
        before = adversarial_accuracy(model, X3, y3, 0.5)
        model.coefs_[-1] *= 1e3
        model.intercepts_[-1] *= 1e3
        np.testing.assert_allclose(adversarial_accuracy(model, X3, y3, 0.5), before, atol=0.05)

    def test_deepfool_does_not_depend_on_the_scale_of_scores(self):
        model = NearestCentroid().fit(X3, y3)
        small = NearestCentroid().fit(X3 * 1e-4, y3)
        np.testing.assert_allclose(deepfool(small, X3 * 1e-4) * 1e4, deepfool(model, X3), atol=1e-6)

    def test_directions_keep_to_features(self):
        d = virtual_adversarial_direction(LogisticRegression().fit(X3, y3), X3, features=[1, 2], random_state=0)
        assert not d[:, [0, 3]].any()
        np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1)

    def test_the_scorer_can_ask_for_sample_weights(self):
        weight = np.random.RandomState(0).rand(len(y2))
        with sklearn.config_context(enable_metadata_routing=True):
            scorer = make_adversarial_scorer(0.1).set_score_request(sample_weight=True)
            model = LogisticRegression().set_fit_request(sample_weight=True)
            scores = cross_validate(model, X2, y2, scoring=scorer, params={"sample_weight": weight})
        assert np.isfinite(scores["test_score"]).all()

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda m: fast_gradient(m, X2, y2, 1, clip=(np.nan, 1)), "clip must be .* Use inf for no bound"),
            (lambda m: fast_gradient(m, X2, y2, 1, clip=0.5), "clip must be"),
            (lambda m: fast_gradient(m, X2, y2, 1, features="age"), "features must be a sequence"),
            (lambda m: fast_gradient(m, X2, y2, 1, features=[True] * 6), "features has True"),
            (lambda m: projected_gradient(m, X2, y2, 1, step_size=-1), "step_size == -1"),
            (lambda m: adversarial_accuracy(m, X2, y2, 1, sample_weight=-np.ones(len(y2))), "sample_weight must be"),
            (
                lambda m: linear_geometry(m, X2, y2, sample_weight=y2),
                "sample_weight must be positive for a row of each",
            ),
            (lambda m: linear_geometry(m, X2, y2, classes=0), "classes must be a pair; got 0"),
        ],
    )
    def test_errors_name_the_argument(self, call, message):
        with pytest.raises(ValueError, match=message):
            call(LogisticRegression().fit(X2, y2))

    def test_twins_leave_the_global_generator_alone(self):
        model, before = (
            GradRegMLPClassifier((4,), max_iter=2, random_state=0).fit(X3, y3),
            np.random.get_state()[1].copy(),
        )
        model.to_sklearn()
        np.testing.assert_array_equal(np.random.get_state()[1], before)
