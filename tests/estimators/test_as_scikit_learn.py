"""At alpha = 0 the estimators are scikit-learn's; at other strengths they keep its conventions."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.penalties import InputGradient
from tests.problems import MULTI_X, MULTI_Y, TABLES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NUMBERS_X, NUMBERS_Y = load_diabetes(return_X_y=True)
NUMBERS_X, NUMBERS_Y = scale(NUMBERS_X), NUMBERS_Y / 100


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


def weights_of(model):
    return np.concatenate([array.ravel() for array in model.coefs_ + model.intercepts_])


class TestLogisticRegression:
    @pytest.mark.parametrize("class_weight", [None, "balanced", {0: 5.0}], ids=str)
    @pytest.mark.parametrize("weighted", [False, True])
    def test_the_default_without_penalty_is_scikit_learns_default(
        self, table, class_weight, weighted
    ):
        X, y = table
        weight = 3 * np.random.RandomState(0).rand(len(y)) if weighted else None
        theirs = LogisticRegression(class_weight=class_weight).fit(X, y, weight)
        ours = GradRegLogisticRegression(alpha=0, class_weight=class_weight).fit(X, y, weight)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)
        np.testing.assert_array_equal(ours.n_iter_, theirs.n_iter_)
        assert ours.coef_.shape == theirs.coef_.shape
        assert ours.intercept_.shape == theirs.intercept_.shape

    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
    def test_l2_is_one_over_C(self, table, fit_intercept, C):
        X, y = table
        options = {"fit_intercept": fit_intercept, "tol": 1e-8, "max_iter": 2000}
        theirs = LogisticRegression(C=C, **options).fit(X, y)
        ours = GradRegLogisticRegression(alpha=0, l2=1 / C, **options).fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)

    def test_a_scalar_weight_is_the_weight_of_every_row(self, table):
        X, y = table
        for weight in (2.0, np.float32(0.5), 3):
            theirs = LogisticRegression().fit(X, y, weight)
            ours = GradRegLogisticRegression(alpha=0).fit(X, y, weight)
            np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_the_weight_decay_penalty_is_l2_with_another_normalisation(self, table, weighted):
        X, y = table
        weight = np.random.RandomState(0).rand(len(y)) if weighted else np.ones(len(y))
        options = {"tol": 1e-8, "max_iter": 1000}
        theirs = LogisticRegression(C=1 / (1 + 2 * weight.sum() * 0.01), **options).fit(
            X, y, weight
        )
        ours = GradRegLogisticRegression("weight_decay", 0.01, l2=1.0, **options).fit(X, y, weight)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)

    def test_the_objective_is_coercive_on_separable_rows(self):
        X, y = MULTI_X[:100], MULTI_Y[:100]
        for alpha in (0, 1e-6, 1e-3):
            free, kept = (
                GradRegLogisticRegression(alpha=alpha, l2=l2, max_iter=5000, tol=1e-9)
                for l2 in (0, 1.0)
            )
            assert np.linalg.norm(kept.fit(X, y).coef_) < 5
            assert np.linalg.norm(free.fit(X, y).coef_) > 5

    def test_a_larger_alpha_gives_smaller_input_gradients(self, table):
        X, y = table

        def norm(alpha):
            model = GradRegLogisticRegression(alpha=alpha, max_iter=1000).fit(X, y)
            P = model.predict_proba(X)
            W = model.coef_ if len(model.coef_) > 1 else np.vstack([0 * model.coef_, model.coef_])
            return (((P - np.eye(len(P[0]))[y]) @ W) ** 2).sum(axis=1).mean()

        norms = [norm(alpha) for alpha in (0, 0.1, 10)]
        assert norms == sorted(norms, reverse=True)

    def test_features_by_name_are_features_by_position_and_by_booleans(self):
        import pandas as pd

        frame = pd.DataFrame(MULTI_X, columns=list("abcd"))
        models = [
            GradRegLogisticRegression(InputGradient(features=features), 1.0).fit(frame, MULTI_Y)
            for features in (["d"], [3], [-1], [False, False, False, True])
        ]
        for other in models[1:]:
            np.testing.assert_array_equal(models[0].coef_, other.coef_)
        everywhere = GradRegLogisticRegression(InputGradient(), 1.0).fit(frame, MULTI_Y)
        assert np.abs(models[0].coef_[:, 3]).max() < np.abs(models[0].coef_[:, :3]).max()
        assert not np.allclose(models[0].coef_, everywhere.coef_)


class TestMLPs:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"solver": "sgd", "learning_rate_init": 0.05},
            {"activation": "tanh", "hidden_layer_sizes": (20, 10), "batch_size": 32},
            {"activation": "logistic", "shuffle": False},
        ],
        ids=str,
    )
    def test_without_penalty_a_classifier_follows_scikit_learns_step_by_step(self, table, options):
        X, y = table
        theirs = MLPClassifier(random_state=0, max_iter=30, **options).fit(X, y)
        ours = GradRegMLPClassifier(alpha=0, random_state=0, max_iter=30, **options).fit(X, y)
        np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)

    def test_stops_when_scikit_learn_stops(self, table):
        X, y = table
        options = {"random_state": 0, "max_iter": 400, "learning_rate_init": 0.02, "tol": 1e-3}
        assert (
            GradRegMLPClassifier(alpha=0, **options).fit(X, y).n_iter_
            == MLPClassifier(**options).fit(X, y).n_iter_
            < 400
        )

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    def test_without_penalty_a_regressor_follows_scikit_learns(self, loss):
        options = {"random_state": 0, "max_iter": 30, "loss": loss}
        theirs = MLPRegressor(**options).fit(NUMBERS_X, NUMBERS_Y)
        ours = GradRegMLPRegressor(alpha=0, **options).fit(NUMBERS_X, NUMBERS_Y)
        np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(ours.predict(NUMBERS_X), theirs.predict(NUMBERS_X), atol=1e-10)
        assert ours.out_activation_ == theirs.out_activation_

    def test_early_stopping_of_two_classes_follows_scikit_learns(self):
        X, y = TABLES["binary"]
        options = {"random_state": 0, "max_iter": 30, "early_stopping": True}
        theirs, ours = (
            MLPClassifier(**options).fit(X, y),
            GradRegMLPClassifier(alpha=0, **options).fit(X, y),
        )
        np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)

    def test_partial_fit_of_single_batches_follows_scikit_learns(self, table):
        X, y = table
        ours, theirs = GradRegMLPClassifier(alpha=0, random_state=0), MLPClassifier(random_state=0)
        for rows in np.array_split(np.random.RandomState(0).permutation(len(y)), 5):
            ours.partial_fit(X[rows], y[rows], classes=np.unique(y))
            theirs.partial_fit(X[rows], y[rows], classes=np.unique(y))
        np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0, atol=1e-10)

    def test_vat_without_its_penalty_is_a_mlp(self, table):
        X, y = table
        options = {"random_state": 0, "max_iter": 10}
        vat, theirs = (
            VATClassifier(alpha=0, **options).fit(X, y),
            MLPClassifier(**options).fit(X, y),
        )
        np.testing.assert_allclose(weights_of(vat), weights_of(theirs), rtol=0, atol=1e-10)

    def test_multilabel_follows_scikit_learns(self):
        X, Y = make_multilabel_classification(random_state=0)
        options = {"random_state": 0, "max_iter": 20}
        theirs, ours = (
            MLPClassifier(**options).fit(scale(X), Y),
            GradRegMLPClassifier(alpha=0, **options).fit(scale(X), Y),
        )
        np.testing.assert_allclose(
            ours.predict_proba(scale(X)), theirs.predict_proba(scale(X)), atol=1e-10
        )
        np.testing.assert_array_equal(ours.predict(scale(X)), theirs.predict(scale(X)))
        assert ours.decision_function(X).shape == Y.shape

    def test_l2_counts_labeled_rows_only(self):
        X = np.vstack([MULTI_X, MULTI_X])
        y = np.append(MULTI_Y, np.full(150, -1))
        options = {
            "random_state": 0,
            "max_iter": 1,
            "learning_rate_init": 1e-12,
            "shuffle": False,
            "batch_size": 150,
        }
        losses = [VATClassifier((4,), alpha=0, l2=l2, **options).fit(X, y) for l2 in (0, 1.0)]
        squares = sum((W**2).sum() for W in losses[0].coefs_)
        np.testing.assert_allclose(losses[1].loss_ - losses[0].loss_, squares / 300, rtol=1e-6)

    def test_fitted_attributes_are_scikit_learns(self, table):
        X, y = table
        ours = GradRegMLPClassifier((7, 5), max_iter=3, random_state=0).fit(X, y)
        theirs = MLPClassifier((7, 5), max_iter=3, random_state=0).fit(X, y)
        for name in ["n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_"]:
            assert getattr(ours, name) == getattr(theirs, name), name
        assert [W.shape for W in ours.coefs_] == [W.shape for W in theirs.coefs_]
        assert ours.best_loss_ == min(ours.loss_curve_)
        assert ours.loss_ == ours.loss_curve_[-1]

    def test_early_stopping_keeps_the_best_epoch(self, table):
        X, y = table
        options = {
            "early_stopping": True,
            "learning_rate_init": 0.01,
            "max_iter": 300,
            "random_state": 0,
        }
        model = GradRegMLPClassifier(**options).fit(X, y)
        assert len(model.validation_scores_) == model.n_iter_ < 300
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None

    def test_n_iter_no_change_may_be_infinite(self):
        model = GradRegMLPClassifier(
            (3,), n_iter_no_change=np.inf, tol=10.0, max_iter=30, random_state=0
        )
        assert model.fit(MULTI_X, MULTI_Y).n_iter_ == 30

    def test_warm_start_continues_from_the_weights(self, table):
        X, y = table
        model = GradRegMLPClassifier(warm_start=True, max_iter=20, random_state=0).fit(X, y)
        first = model.loss_
        assert model.fit(X, y).loss_ < first
        assert len(model.loss_curve_) == 40

    def test_single_precision_stays_single(self, table):
        X, y = table
        model = GradRegMLPClassifier(max_iter=3, alpha=np.float64(0.1)).fit(X.astype(np.float32), y)
        assert {W.dtype for W in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}
        assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
