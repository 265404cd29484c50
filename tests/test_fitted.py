"""Models read from fitted estimators predict as they do; others are rejected."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomTreesEmbedding,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, PolynomialFeatures, SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression, GradRegMLPRegressor
from sklearn_irg._fitted.residual_directions import residual_direction
from sklearn_irg._fitted.steps_inside import contains_trees
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, adversarial_examples, deepfool
from sklearn_irg.diagnostics import (
    attack_distance,
    certified_radius,
    feature_sensitivity,
    input_gradients,
    integrated_gradients,
    linear_geometry,
    lipschitz_bounds,
    signed_distance,
)
from sklearn_irg.likelihoods import Bernoulli
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, LIKELIHOODS, MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2, X3, y3 = BINARY_X[:, :6], BINARY_Y, MULTI_X, MULTI_Y
COUNTS = np.random.RandomState(0).poisson(np.exp(0.5 * X2[:, 0]))


class TestUnknownNetworks:
    @pytest.mark.parametrize(
        ("attribute", "value", "message"),
        [
            (
                "out_activation_",
                "cloglog",
                r"has out_activation_='cloglog', which is unknown.*Known are 'logistic', 'softmax'",
            ),
            (
                "activation",
                "gelu",
                r"has the activation 'gelu', which is unknown, so its layers cannot be read",
            ),
        ],
    )
    @pytest.mark.parametrize(
        "function", [input_gradients, signed_distance, certified_radius, lipschitz_bounds]
    )
    def test_are_refused_rather_than_guessed(self, function, attribute, value, message):
        model = MLPClassifier((5,), max_iter=5, random_state=0).fit(X3, y3)
        setattr(model, attribute, value)
        with pytest.raises(TypeError, match=message):
            function(model, X3)


@pytest.mark.parametrize(
    "model",
    [Kind(hidden_layer_sizes=(8,), loss="poisson") for Kind in (MLPRegressor, GradRegMLPRegressor)],
    ids=repr,
)
class TestCounts:
    def test_the_loss_is_the_deviance_and_the_score_the_prediction(self, model):
        model = model.set_params(max_iter=50, random_state=0).fit(X2, COUNTS)

        def half_deviance(X):
            return oracles.losses(np.log(model.predict(X))[:, None], COUNTS[:, None], "exp")

        expected = oracles.input_gradients(half_deviance, X2)
        np.testing.assert_allclose(input_gradients(model, X2, COUNTS), expected, atol=1e-5)
        expected = oracles.input_gradients(model.predict, X2)
        np.testing.assert_allclose(input_gradients(model, X2, of="score"), expected, atol=1e-5)

    def test_attributions_add_up_to_the_change_of_the_prediction(self, model):
        model = model.set_params(max_iter=50, random_state=0).fit(X2, COUNTS)
        attributions = integrated_gradients(model, X2, n_steps=400)
        base = model.predict(X2.mean(axis=0, keepdims=True))
        # 400 points on a path with kinks of relu leave an error of about 1 % of the largest
        # attribution
        np.testing.assert_allclose(
            attributions.sum(axis=1),
            model.predict(X2) - base,
            atol=0.01 * np.abs(attributions).max(),
        )


class Tempered(Bernoulli):
    """Log-odds are the output over a temperature."""

    sklearn_loss = None

    def __init__(self, temperature=2.0):
        self.temperature = temperature

    def mean(self, outputs):
        return super().mean(outputs / self.temperature)

    def loss_and_residual(self, outputs, targets):
        loss, residual = super().loss_and_residual(outputs / self.temperature, targets)
        return loss, residual / self.temperature

    def hessian_product(self, outputs, targets, residuals, vectors):
        mean = self.mean(outputs)
        return mean * (1 - mean) * vectors / self.temperature**2

    def mean_derivative_product(self, outputs, mean, vectors):
        return mean * (1 - mean) * vectors / self.temperature


class TestALikelihoodOfOnesOwn:
    def test_is_what_the_diagnostics_of_a_linear_model_use(self):
        model = GradRegLogisticRegression(alpha=0.1, loss=Tempered()).fit(X2, y2)
        loss = lambda X: -np.log(model.predict_proba(X)[np.arange(len(X)), y2])  # noqa: E731
        expected = oracles.input_gradients(loss, X2)
        np.testing.assert_allclose(input_gradients(model, X2, y2), expected, atol=1e-7)

    def test_an_attribute_of_that_name_and_another_meaning_is_left_alone(self):
        model = LogisticRegression().fit(X2, y2)
        expected = input_gradients(model, X2, y2)
        model.likelihood_ = "logit"
        np.testing.assert_array_equal(input_gradients(model, X2, y2), expected)

    def test_is_remembered_as_it_was_in_fit(self):
        model = GradRegLogisticRegression(loss=Tempered()).fit(X2, y2)
        before = model.predict_proba(X2)
        model.set_params(loss__temperature=20.0)
        np.testing.assert_array_equal(model.predict_proba(X2), before)
        assert model.likelihood_.temperature == 2.0


class TestDirectionsOfResiduals:
    @pytest.mark.parametrize("name", LIKELIHOODS)
    def test_are_residuals_up_to_a_positive_factor_for_each_row(self, name):
        likelihood, n_outputs = LIKELIHOODS[name]
        rng = np.random.RandomState(0)
        Z, classes = 3 * rng.standard_normal((50, n_outputs)), rng.randint(n_outputs, size=50)
        Y = (
            np.eye(n_outputs)[classes]
            if name == "softmax"
            else (rng.rand(50, n_outputs) < 0.5) * 1.0
        )
        R, D = likelihood.loss_and_residual(Z, Y)[1], residual_direction(likelihood, Z, Y)
        np.testing.assert_allclose(
            R / np.abs(R).max(axis=1, keepdims=True),
            D / np.abs(D).max(axis=1, keepdims=True),
            rtol=1e-9,
        )

    @pytest.mark.parametrize("name", ["logistic", "labels", "softmax"])
    def test_are_there_where_residuals_of_classes_are_not(self, name):
        likelihood, n_outputs = LIKELIHOODS[name]
        Z = np.linspace(9000, 1000, n_outputs)[None]
        Y = np.eye(n_outputs)[:1] if name == "softmax" else np.ones_like(Z)
        assert not likelihood.loss_and_residual(Z, Y)[1].any()
        expected = (
            [-1, 1, 0, 0] if name == "softmax" else [0, 0, -1][-n_outputs:]
        )  # of the label nearest to a change
        np.testing.assert_allclose(residual_direction(likelihood, Z, Y)[0], expected, atol=1e-12)

    @pytest.mark.parametrize("name", LIKELIHOODS)
    def test_of_soft_targets_are_residuals_themselves(self, name):
        likelihood, n_outputs = LIKELIHOODS[name]
        Z, Y = np.ones((2, n_outputs)), np.full((2, n_outputs), 1 / max(n_outputs, 2))
        np.testing.assert_array_equal(
            residual_direction(likelihood, Z, Y), likelihood.loss_and_residual(Z, Y)[1]
        )


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
            with pytest.raises(
                TypeError,
                match=r"Scores per class are needed|not predict by its scores alone|is piecewise",
            ):
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
        np.testing.assert_array_equal(
            input_gradients(model, X2, column), input_gradients(model, X2, y2 + 1)
        )
        assert adversarial_accuracy(model, X2, column, 0.1) == adversarial_accuracy(
            model, X2, y2 + 1, 0.1
        )

    def test_regressors_with_a_link_go_by_differences_and_need_targets(self):
        y = np.exp(X2[:, 0])
        model = PoissonRegressor().fit(X2, y)
        expected = (model.predict(X2) - y) * model.predict(X2)
        np.testing.assert_allclose(
            input_gradients(model, X2, y), expected[:, None] * model.coef_, rtol=1e-4, atol=1e-7
        )
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
        search = GridSearchCV(GradRegLogisticRegression(max_iter=500), {"alpha": [0.1, 1.0]}).fit(
            X2, y2
        )
        np.testing.assert_array_equal(
            certified_radius(search, X2), certified_radius(search.best_estimator_, X2)
        )
        assert linear_geometry(search, X2, y2).weight_norm > 0
        flat = MLPClassifier((8,), "identity", max_iter=50, random_state=0).fit(X2, y2)
        np.testing.assert_allclose(
            certified_radius(flat, X2), np.abs(signed_distance(flat, X2)), rtol=1e-6
        )


STEPS_X = np.random.RandomState(0).randint(0, 9, (200, 3)).astype(float)
STEPS_Y = (STEPS_X.sum(axis=1) + np.random.RandomState(1).standard_normal(200) > 12).astype(int)
TREE, LINEAR = DecisionTreeClassifier(max_depth=3), LogisticRegression()
BOOSTED = HistGradientBoostingClassifier(max_iter=5)
WITH_TREES = [
    TREE,
    RandomForestClassifier(3),
    GradientBoostingClassifier(n_estimators=3),
    BOOSTED,
    AdaBoostClassifier(n_estimators=3),
    BaggingClassifier(make_pipeline(StandardScaler(), BOOSTED), 2),
    VotingClassifier([("a", LINEAR), ("b", BOOSTED)], voting="soft"),
    StackingClassifier([("a", LINEAR), ("b", TREE)]),
    StackingClassifier([("a", LINEAR)], final_estimator=BOOSTED),
    CalibratedClassifierCV(TREE),
    CalibratedClassifierCV(FrozenEstimator(clone(BOOSTED).fit(STEPS_X, STEPS_Y))),
    OneVsRestClassifier(BOOSTED),
    RFE(TREE),
    GridSearchCV(make_pipeline(StandardScaler(), TREE), {"decisiontreeclassifier__max_depth": [2]}),
    make_pipeline(RandomTreesEmbedding(3), LINEAR),
    make_pipeline(
        make_column_transformer((RandomTreesEmbedding(3), [0]), remainder="passthrough"), LINEAR
    ),
]
WITHOUT_TREES = [
    LINEAR,
    SVC(),
    BaggingClassifier(LINEAR, 2),
    CalibratedClassifierCV(LINEAR, cv=2),
    StackingClassifier([("a", LINEAR), ("b", GaussianNB())]),
    make_pipeline(
        SelectFromModel(RandomForestClassifier(3)), LINEAR
    ),  # which chooses columns by trees
    make_pipeline(RFE(TREE), LINEAR),
    KernelDensity(),  # whose tree_ is an index
]


class Hidden(ClassifierMixin, BaseEstimator):
    """A classifier of which nothing can be told but what it predicts."""

    def __init__(self, inner):
        self.inner = inner

    def fit(self, X, y):
        self._model = clone(self.inner).fit(X, y)
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict(self, X):
        return self._model.predict(X)

    def predict_proba(self, X):
        return self._model.predict_proba(X)


class TestStepsInside:
    @pytest.mark.parametrize("estimator", WITH_TREES, ids=lambda e: repr(e)[:60])
    def test_trees_are_found_wherever_predictions_go_through_them(self, estimator):
        model = clone(estimator).fit(STEPS_X, STEPS_Y)
        assert contains_trees(model)
        for function in (
            input_gradients,
            signed_distance,
            integrated_gradients,
            feature_sensitivity,
            deepfool,
        ):
            with pytest.raises(
                TypeError,
                match=r"contains decision trees.*Use adversarial_accuracy|by its scores alone",
            ):
                function(model, STEPS_X)

    @pytest.mark.parametrize("estimator", WITHOUT_TREES, ids=lambda e: repr(e)[:60])
    def test_nothing_else_is_taken_for_trees(self, estimator):
        model = clone(estimator).fit(STEPS_X, STEPS_Y)
        assert not contains_trees(model)
        if hasattr(model, "predict"):
            assert np.isfinite(input_gradients(model, STEPS_X)).all()

    @pytest.mark.parametrize(
        ("library", "name", "options"),
        [
            ("xgboost", "XGBClassifier", {"n_estimators": 20, "n_jobs": 1}),
            ("lightgbm", "LGBMClassifier", {"n_estimators": 20, "n_jobs": 1, "verbose": -1}),
            (
                "catboost",
                "CatBoostClassifier",
                {"n_estimators": 20, "verbose": 0, "allow_writing_files": False, "thread_count": 1},
            ),
            (
                "interpret.glassbox",
                "ExplainableBoostingClassifier",
                {"max_rounds": 300, "outer_bags": 1, "n_jobs": 1},
            ),
        ],
    )
    @pytest.mark.parametrize(
        "wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)], ids=["alone", "behind"]
    )
    def test_boosting_of_other_libraries_is_attacked_by_the_search(
        self, library, name, options, wrap
    ):
        kind = getattr(pytest.importorskip(library), name)
        model = wrap(kind(**options)).fit(STEPS_X, STEPS_Y)
        with pytest.raises(TypeError, match=r"contains decision trees.*which search"):
            feature_sensitivity(model, STEPS_X)
        assert adversarial_accuracy(model, STEPS_X[:20], STEPS_Y[:20], 3.0) < model.score(
            STEPS_X[:20], STEPS_Y[:20]
        )

    def test_a_linear_booster_has_no_steps(self):
        model = (
            pytest.importorskip("xgboost")
            .XGBClassifier(booster="gblinear", n_jobs=1)
            .fit(STEPS_X, STEPS_Y)
        )
        assert not contains_trees(model)

    @pytest.mark.parametrize(
        "inner", [BOOSTED, TREE, WITH_TREES[6], KNeighborsClassifier()], ids=lambda e: repr(e)[:30]
    )
    @pytest.mark.parametrize("offset", [0.0, 0.31])  # rows on thresholds, and away from them
    @pytest.mark.parametrize("n_rows", [200, 1])
    def test_scores_that_jump_are_refused_where_nothing_is_known_of_them(
        self, inner, offset, n_rows
    ):
        model = Hidden(inner).fit(STEPS_X, STEPS_Y)
        with pytest.raises(TypeError, match=r"is piecewise constant|has scores that jump"):
            input_gradients(model, STEPS_X[:n_rows] + offset)

    @pytest.mark.parametrize(
        "inner",
        [
            LINEAR,
            make_pipeline(StandardScaler(), MLPClassifier((20,), max_iter=300, random_state=0)),
            GaussianNB(),
            GaussianProcessClassifier(),
            make_pipeline(SplineTransformer(), LogisticRegression(max_iter=1000)),
            make_pipeline(StandardScaler(), PolynomialFeatures(2), LINEAR),
        ],
        ids=lambda e: repr(e)[:30],
    )
    def test_kinks_and_steep_slopes_are_no_jumps(self, inner):
        model = Hidden(inner).fit(STEPS_X, STEPS_Y)
        assert np.isfinite(input_gradients(model, STEPS_X)).all()


class _InAColumn(ClassifierMixin, BaseEstimator):
    """Predicts a column of classes, as CatBoost does."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=1000).fit(X, y)
        self.classes_, self.n_features_in_ = self.model_.classes_, self.model_.n_features_in_
        return self

    def predict(self, X):
        return self.model_.predict(X)[:, None]

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def test_a_column_of_predictions_is_a_vector():
    X, y = load_iris(return_X_y=True)
    model = _InAColumn().fit(X, y)
    threat = ThreatModel(0.5).fit(X)
    moved = adversarial_examples(model, X[::10], y[::10], threat)
    assert adversarial_accuracy(model, X[::10], y[::10], threat) == np.mean(
        model.model_.predict(moved) == y[::10]
    )
    assert (attack_distance(model, X[::10]) > 0).any()
    expected = input_gradients(model.model_, X[::10])
    np.testing.assert_allclose(input_gradients(model, X[::10]), expected, rtol=1e-4, atol=1e-6)
