"""Diagnostics against closed forms, finite differences and the laws that tie them together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_iris, make_moons
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    IMSATClusterer,
    VATClassifier,
)
from sklearn_irg._fitted.attributes import as_model
from sklearn_irg.attacks import ThreatModel, deepfool
from sklearn_irg.diagnostics import (
    attack_distance,
    certified_radius,
    feature_sensitivity,
    find_another_explanation,
    flip_rates,
    gradient_inequality,
    input_gradients,
    integrated_gradients,
    largest_gradient_mask,
    linear_geometry,
    lipschitz_bounds,
    local_smoothness,
    mirror_points,
    projected_points,
    scaled_loss,
    signed_distance,
    temperature,
    tilting_plane,
)
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2, X3, y3 = BINARY_X[:, :6], BINARY_Y, MULTI_X, MULTI_Y

LINEAR = [
    LogisticRegression(),
    SGDClassifier(random_state=0),
    LinearSVC(),
    SVC(kernel="linear"),
    RidgeClassifier(),
    LinearDiscriminantAnalysis(),
    Perceptron(),
    NearestCentroid(),
    GradRegLogisticRegression(alpha=0.01),
    make_pipeline(StandardScaler(), PCA(3), LogisticRegression()),
]
NETWORKS = [
    GradRegMLPClassifier((8, 6), "tanh", max_iter=100, learning_rate_init=0.01, random_state=0),
    GradRegMLPClassifier((8,), "logistic", max_iter=100, learning_rate_init=0.01, random_state=0),
    VATClassifier((8,), max_iter=50, random_state=0),
    MLPClassifier((8, 6), "tanh", max_iter=200, random_state=0),
    make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=200, random_state=0)),
]
TABLES = [(X2, y2), (X3, y3)]


def log_loss(model):
    """Loss of each row, from predicted probabilities."""
    return lambda X, y: (
        -np.log(model.predict_proba(X)[np.arange(len(X)), np.searchsorted(model.classes_, y)])
    )


@pytest.mark.parametrize("estimator", LINEAR, ids=lambda e: repr(e)[:40])
class TestLinearModels:
    def test_every_distance_between_two_classes_is_the_exact_one(self, estimator):
        self.check_distances(estimator.fit(X2, y2), X2)

    def check_distances(self, model, X):
        certified, signed, attacked = (
            certified_radius(model, X),
            signed_distance(model, X),
            attack_distance(model, X),
        )
        np.testing.assert_allclose(np.abs(signed), certified, rtol=1e-8)
        np.testing.assert_allclose(attacked, certified, rtol=1e-4, atol=1e-6)

    def test_every_distance_among_three_classes_is_the_exact_one_unless_pairs_vote(self, estimator):
        model = estimator.fit(X3, y3)
        if isinstance(estimator, SVC):
            with pytest.raises(TypeError, match="nothing is certain about SVC here"):
                certified_radius(model, X3)
        else:
            self.check_distances(model, X3)

    def test_projections_lie_on_the_boundary_and_mirror_images_opposite(self, estimator):
        model = estimator.fit(X2, y2)
        distance = signed_distance(model, X2)
        np.testing.assert_allclose(
            signed_distance(model, projected_points(model, X2)), 0, atol=1e-9
        )
        np.testing.assert_allclose(
            signed_distance(model, mirror_points(model, X2)), -distance, rtol=1e-6, atol=1e-9
        )

    def test_geometry_agrees_with_its_formulas(self, estimator):
        model = estimator.fit(X2, y2)
        geometry, y = linear_geometry(model, X2, y2), 2 * y2 - 1
        distance = y * signed_distance(model, X2)
        np.testing.assert_allclose(geometry.adversarial_distance, distance.mean())
        np.testing.assert_allclose(geometry.error_distance, np.maximum(-distance, 0).mean())
        np.testing.assert_allclose(geometry.error_rate, 1 - model.score(X2, y2))
        gap = X2[y2 == 1].mean(axis=0) - X2[y2 == 0].mean(axis=0)
        w = X2 - projected_points(model, X2)
        w *= np.sign(signed_distance(model, X2))[:, None]
        w = w[np.abs(signed_distance(model, X2)).argmax()]
        cosine = w @ gap / np.linalg.norm(w) / np.linalg.norm(gap)
        np.testing.assert_allclose(np.cos(geometry.tilting_angle), cosine, atol=1e-7)
        np.testing.assert_allclose(geometry.centroid_distance, np.linalg.norm(gap))
        middle = (X2[y2 == 1].mean(axis=0) + X2[y2 == 0].mean(axis=0)) / 2
        np.testing.assert_allclose(
            geometry.offset, signed_distance(model, middle[None])[0], atol=1e-8
        )

    def test_sample_weights_are_repeated_rows(self, estimator):
        model, counts = estimator.fit(X2, y2), np.random.RandomState(0).randint(0, 4, len(y2))
        weighted = linear_geometry(model, X2, y2, sample_weight=counts)
        repeated = linear_geometry(model, np.repeat(X2, counts, axis=0), np.repeat(y2, counts))
        np.testing.assert_allclose(weighted.to_frame(), repeated.to_frame())


class TestGeometry:
    def test_a_pair_of_a_multiclass_model_is_the_difference_of_its_scores(self):
        model = LogisticRegression().fit(X3, y3)
        geometry = linear_geometry(model, X3, y3, classes=(0, 2))
        np.testing.assert_allclose(
            geometry.weight_norm, np.linalg.norm(model.coef_[2] - model.coef_[0])
        )
        swapped = linear_geometry(model, X3, y3, classes=(2, 0))
        np.testing.assert_allclose(swapped.adversarial_distance, geometry.adversarial_distance)
        np.testing.assert_allclose(swapped.tilting_angle, geometry.tilting_angle)

    def test_the_nearest_centroid_classifier_is_not_tilted(self):
        geometry = linear_geometry(NearestCentroid().fit(X2, y2), X2, y2)
        np.testing.assert_allclose([geometry.tilting_angle, geometry.offset], 0, atol=1e-7)

    def test_the_plane_shows_exact_distances(self):
        model = LogisticRegression().fit(X2, y2)
        plane = tilting_plane(model, X2, y2)
        np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2), atol=1e-12)
        distance = plane.coordinates @ plane.boundary[:2] + plane.boundary[2]
        np.testing.assert_allclose(distance, signed_distance(model, X2), atol=1e-9)
        angle = linear_geometry(model, X2, y2).tilting_angle
        np.testing.assert_allclose(
            np.arctan2(plane.boundary[1], plane.boundary[0]), angle, atol=1e-12
        )

    def test_the_plane_of_an_untilted_model_has_a_basis_too(self):
        plane = tilting_plane(NearestCentroid().fit(X2, y2), X2, y2)
        np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2), atol=1e-9)

    def test_scaled_losses(self):
        margin = np.array([-2.0, 0.0, 0.1, 3.0])
        np.testing.assert_array_equal(scaled_loss(margin, 5.0), [1, 1, 0, 0])
        np.testing.assert_allclose(scaled_loss(margin, 5.0, "hinge"), [11, 1, 0.5, 0])
        np.testing.assert_allclose(
            scaled_loss(margin, 5.0, "softplus"), np.log1p(np.exp(-5 * margin))
        )


BINARY, MULTI = (X2[:80], y2[:80]), (X3, y3)
LINEAR_BAG = BaggingClassifier(LogisticRegression(), 3, max_samples=30, random_state=0)
STATED = [  # whose probabilities are no softmax of their decision_function, or that have none
    OneVsRestClassifier(LogisticRegression()),
    SGDClassifier(loss="log_loss", alpha=0.05, random_state=0),
    CalibratedClassifierCV(SGDClassifier(random_state=0), cv=2),
    LINEAR_BAG,
    VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
    StackingClassifier(
        [("a", LogisticRegression()), ("b", QuadraticDiscriminantAnalysis(reg_param=0.1))]
    ),
    NearestCentroid(),
    make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    make_pipeline(
        StandardScaler(), PolynomialFeatures(2), OneVsRestClassifier(LogisticRegression(C=0.01))
    ),
    GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [0.1]}),
]


class Platt(ClassifierMixin, BaseEstimator):
    """Labels by the sign of a score, and probabilities that are one half elsewhere.

    ``SVC(probability=True)`` has such probabilities.
    """

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_, self.n_features_in_ = self.inner_.classes_, X.shape[1]
        return self

    def decision_function(self, X):
        return self.inner_.decision_function(X)

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        p = expit(2 * self.decision_function(X) - 1.5)
        return np.column_stack([1 - p, p])


@pytest.mark.parametrize("estimator", [*STATED, Platt()], ids=lambda e: repr(e)[:50])
class TestStatedProbabilities:
    """What is called a loss or a probability is that of ``predict_proba``."""

    @pytest.mark.parametrize(("X", "y"), [BINARY, MULTI], ids=["binary", "multiclass"])
    def test_gradients_of_the_loss_are_those_of_the_stated_log_probabilities(self, estimator, X, y):
        if isinstance(estimator, Platt):
            X, y = BINARY
        model = clone(estimator).fit(X, y)
        for labels, argument in ((y, y), (model.predict(X), None)):
            expected = oracles.input_gradients(
                lambda X, labels=labels: log_loss(model)(X, labels), X
            )
            np.testing.assert_allclose(
                input_gradients(model, X, argument), expected, atol=1e-5 * np.abs(expected).max()
            )
        summed = oracles.input_gradients(lambda X: np.log(model.predict_proba(X)).sum(axis=1), X)
        found = input_gradients(model, X, of="log_proba")
        np.testing.assert_allclose(found, summed, atol=1e-5 * np.abs(summed).max())

    def test_a_row_alone_has_the_gradient_that_it_has_among_others(self, estimator):
        X, y = BINARY
        model = clone(estimator).fit(X, y)
        together = input_gradients(model, X, y)
        np.testing.assert_allclose(
            input_gradients(model, X[7:8], y[7:8])[0],
            together[7],
            atol=1e-4 * np.abs(together).max(),
        )

    def test_the_median_confidence_at_the_temperature_is_the_one_asked_for(self, estimator):
        X, y = BINARY
        model = clone(estimator).fit(X, y)
        log_odds = np.diff(np.log(model.predict_proba(X)), axis=1)[:, 0] / temperature(
            model, X, confidence=0.9
        )
        np.testing.assert_allclose(np.median(expit(np.abs(log_odds))), 0.9, rtol=1e-6)

    def test_local_smoothness_is_a_divergence_of_them(self, estimator):
        X, y = BINARY
        model = clone(estimator).fit(X, y)
        found = local_smoothness(model, X[:10], 0.3, n_power_iterations=30, random_state=0)
        P, rng = model.predict_proba(X[:10]), np.random.RandomState(0)
        for _ in range(20):
            r = rng.standard_normal(X[:10].shape)
            Q = model.predict_proba(X[:10] + 0.3 * r / np.linalg.norm(r, axis=1, keepdims=True))
            assert ((P * np.log(P / Q)).sum(axis=1) <= found * 1.02 + 1e-9).all()


class TestScoresAsStated:
    @pytest.mark.parametrize(
        "estimator",
        [m for m in STATED if hasattr(m, "decision_function")],
        ids=lambda e: repr(e)[:50],
    )
    @pytest.mark.parametrize(("X", "y"), [BINARY, MULTI], ids=["binary", "multiclass"])
    def test_attributions_add_up_to_differences_of_the_decision_function(self, estimator, X, y):
        model = clone(estimator).fit(X, y)
        Z = model.decision_function(np.vstack([X, X.mean(axis=0)]))
        scores = Z if Z.ndim == 1 else Z[np.arange(len(Z)), np.append(y, 0)]
        base = Z[-1] if Z.ndim == 1 else Z[-1, y]
        np.testing.assert_allclose(
            integrated_gradients(model, X, y).sum(axis=1), scores[:-1] - base, atol=1e-5
        )

    def test_attributions_of_scores_that_jump_are_refused(self):
        with pytest.raises(
            TypeError, match=r"SVC adds up votes of pairs of classes.*OneVsRestClassifier around it"
        ):
            integrated_gradients(SVC().fit(X3, y3), X3)

    def test_attributions_that_do_not_add_up_are_refused(self):
        model = MLPClassifier((100,), max_iter=2000, alpha=0, random_state=0).fit(X3, y3)
        model.coefs_[0] *= 30  # as good as a jump
        model.intercepts_[0] *= 30
        with pytest.raises(
            ValueError, match=r"do not add up to the difference of scores.*A larger n_steps helps"
        ):
            integrated_gradients(model, X3, n_steps=3)
        assert integrated_gradients(model, X3, n_steps=1000).shape == X3.shape

    def test_the_inequality_of_a_loss_that_is_not_of_the_scores_is_refused(self):
        model = SGDClassifier(loss="log_loss", random_state=0).fit(X3, y3)
        with pytest.raises(TypeError, match="of='score'"):
            gradient_inequality(model, X3, of="loss")
        assert (gradient_inequality(model, X3).left > 0).all()


class TestLabelsThatDoNotFollowTheDecisionFunction:
    X = np.random.RandomState(0).standard_normal((60, 2)) * [1, 2]
    y = (X[:, 0] + 0.8 * np.random.RandomState(1).standard_normal(60) > 0.3).astype(int)
    model = BaggingClassifier(LogisticRegression(C=100), 5, max_samples=9, random_state=2).fit(X, y)

    def nearest(self, X):
        """Distance to the nearest of many points on rays that are predicted otherwise."""
        angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        radii = np.geomspace(1e-4, 20, 600)
        rays = radii[:, None, None] * np.column_stack([np.cos(angles), np.sin(angles)])
        own = self.model.predict(X)
        distances = []
        for row, label in zip(X, own, strict=True):
            flips = (
                (self.model.predict((row + rays).reshape(-1, 2)) != label)
                .reshape(len(radii), -1)
                .any(axis=1)
            )
            distances.append(radii[flips.argmax()] if flips.any() else np.inf)
        return np.array(distances)

    def test_distances_are_to_where_the_label_changes(self):
        signs = self.model.decision_function(self.X) > 0
        assert (signs != self.model.predict(self.X)).any()
        X = self.X[:25]
        expected = self.nearest(X)
        found = attack_distance(self.model, X)
        assert (found >= expected * (1 - 0.03)).all()
        assert np.median(found / expected) < 1.1

    def test_of_one_row_too(self):
        for row in self.X[:3, None]:
            moved = deepfool(self.model, row, max_iter=100)
            assert self.model.predict(moved) != self.model.predict(row)
            np.testing.assert_allclose(
                attack_distance(self.model, row),
                attack_distance(self.model, self.X)[(row == self.X).all(axis=1)],
                rtol=1e-3,
            )


@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [(e, *table) for e in [*NETWORKS, GaussianProcessClassifier()] for table in (BINARY, MULTI)]
    + [(CalibratedClassifierCV(LogisticRegression()), *table) for table in (BINARY, MULTI)],
    ids=lambda e: repr(e)[:40],
)
def test_gradients_of_the_loss_match_finite_differences_of_predicted_probabilities(estimator, X, y):
    model = estimator.fit(X, y)
    expected = oracles.input_gradients(lambda X: log_loss(model)(X, y), X)
    scale_of = np.abs(expected).max()
    np.testing.assert_allclose(input_gradients(model, X, y), expected, atol=1e-5 * scale_of)


@pytest.mark.parametrize("estimator", NETWORKS, ids=lambda e: repr(e)[:40])
@pytest.mark.parametrize(("X", "y"), TABLES, ids=["binary", "multiclass"])
class TestNetworks:
    def test_certified_radius_and_attack_distance_enclose_what_random_search_finds(
        self, estimator, X, y
    ):
        model, rng = estimator.fit(X, y), np.random.RandomState(0)
        certified, attacked = certified_radius(model, X), attack_distance(model, X)
        assert (certified <= attacked * (1 + 1e-6)).all()
        predicted = model.predict(X)
        for _ in range(50):
            u = rng.standard_normal(X.shape)
            u /= np.linalg.norm(u, axis=1, keepdims=True)
            inside = X + 0.999 * certified[:, None] * u
            np.testing.assert_array_equal(model.predict(inside), predicted)

    def test_the_attack_distance_is_reached(self, estimator, X, y):
        model = estimator.fit(X, y)
        moved = deepfool(model, X)
        crossed = model.predict(moved) != model.predict(X)
        assert crossed.mean() > 0.95
        reached = np.linalg.norm(moved - X, axis=1)
        assert (attack_distance(model, X)[crossed] <= reached[crossed] + 1e-9).all()

    def test_integrated_gradients_are_complete(self, estimator, X, y):
        model = estimator.fit(X, y)
        smooth = "tanh" in repr(model)
        attributions = integrated_gradients(model, X, y, n_steps=200)
        Z = as_model(model).scores(np.vstack([X, X.mean(axis=0)]))
        scores = Z[:, 0] if Z.shape[1] == 1 else Z[np.arange(len(Z)), np.append(y, 0)]
        base = Z[-1, 0] if Z.shape[1] == 1 else Z[-1, y]
        np.testing.assert_allclose(
            attributions.sum(axis=1), scores[:-1] - base, atol=1e-6 if smooth else 0.05
        )

    def test_lipschitz_bounds_are_ordered_and_hold(self, estimator, X, y):
        model = estimator.fit(X, y)
        bounds = lipschitz_bounds(model, X)
        assert 0 < bounds.empirical <= bounds.spectral <= bounds.frobenius
        scores = as_model(model).scores
        change = np.linalg.norm(scores(X[1:]) - scores(X[:-1]), axis=1)
        assert (change <= bounds.spectral * np.linalg.norm(X[1:] - X[:-1], axis=1) + 1e-9).all()


@given(
    st.integers(0, 10**6),
    st.sampled_from(["relu", "tanh", "logistic", "softplus"]),
    st.lists(st.integers(1, 9), max_size=3),
)
@settings(derandomize=True, deadline=None, max_examples=30)
def test_input_gradients_are_bounded_by_parameter_gradients(seed, activation, hidden):
    rng = np.random.RandomState(seed)
    X, y = rng.standard_normal((20, 5)), rng.randint(3, size=20)
    y[:3] = [0, 1, 2]
    model = GradRegMLPClassifier(
        tuple(hidden) or (1,), activation, max_iter=1, random_state=seed
    ).fit(X, y)
    sides = gradient_inequality(model, X, output=1)
    assert (sides.left <= sides.right * (1 + 1e-9) + 1e-12).all()
    assert sides.to_frame().shape == (20, 2)


@pytest.mark.parametrize("labels", [None, y3])
def test_the_inequality_holds_for_the_loss_too(labels):
    for model in NETWORKS:
        sides = gradient_inequality(model.fit(X3, y3), X3, y=labels, of="loss")
        assert (sides.left <= sides.right * (1 + 1e-9) + 1e-12).all()
        G = input_gradients(model, X3, labels)
        assert (((G**2).sum(axis=1) > 0) == (sides.left > 0)).all()


class TestTemperature:
    @pytest.mark.parametrize("table", [(X2, y2), (X3, y3)], ids=["two classes", "three"])
    def test_the_median_confidence_at_it_is_the_one_asked_for(self, table):
        X, y = table
        model = LogisticRegression().fit(X, y)
        Z = model.decision_function(X) / temperature(model, X, confidence=0.9)
        P = (
            oracles.means(Z, "softmax")
            if Z.ndim == 2
            else oracles.means(abs(Z)[:, None], "logistic")
        )
        np.testing.assert_allclose(np.median(P.max(axis=1)), 0.9, rtol=1e-6)

    def test_scales_with_the_scores(self):
        model = LogisticRegression().fit(X3, y3)
        before = temperature(model, X3)
        model.coef_, model.intercept_ = 3 * model.coef_, 3 * model.intercept_
        np.testing.assert_allclose(temperature(model, X3), 3 * before, rtol=1e-9)

    @pytest.mark.parametrize("scale", [1e-20, 1e20])
    def test_no_scores_are_too_small_or_too_large(self, scale):
        model = LogisticRegression().fit(X3, y3)
        before = temperature(model, X3)
        model.coef_, model.intercept_ = scale * model.coef_, scale * model.intercept_
        np.testing.assert_allclose(temperature(model, X3), scale * before, rtol=1e-9)

    def test_an_indifferent_model_has_none(self):
        model = LogisticRegression().fit(X3, y3)
        model.coef_, model.intercept_ = 0 * model.coef_, 0 * model.intercept_
        with pytest.raises(ValueError, match="is indifferent to most rows of X"):
            temperature(model, X3)


class TestLocalSmoothness:
    def test_tends_to_half_epsilon_squared_times_the_largest_fisher_eigenvalue(self):
        model, epsilon = LogisticRegression().fit(X3, y3), 1e-3
        values = local_smoothness(model, X3, epsilon, n_power_iterations=200, random_state=0)
        for value, p in zip(values, model.predict_proba(X3), strict=True):
            F = model.coef_.T @ (np.diag(p) - np.outer(p, p)) @ model.coef_
            np.testing.assert_allclose(value, epsilon**2 / 2 * np.linalg.eigvalsh(F)[-1], rtol=0.02)

    def test_is_not_below_what_random_points_show_and_grows_with_the_radius(self):
        model = LogisticRegression().fit(X2, y2)
        values = local_smoothness(model, X2, 0.5, random_state=0)
        rng = np.random.RandomState(0)
        for _ in range(20):
            r = rng.standard_normal(X2.shape)
            moved = X2 + 0.5 * r / np.linalg.norm(r, axis=1, keepdims=True)
            P, Q = model.predict_proba(X2), model.predict_proba(moved)
            assert ((P * np.log(P / Q)).sum(axis=1) <= values + 1e-9).all()
        assert (local_smoothness(model, X2, 1.0, random_state=0) >= values).all()

    def test_knows_any_classifier(self):
        assert local_smoothness(SVC().fit(X2, y2), X2[:5], 0.5, random_state=0).shape == (5,)
        assert local_smoothness(GaussianNB().fit(X3, y3), X3[:5], 0.5, random_state=0).max() > 0
        clusters = IMSATClusterer(3, tol=0.1, random_state=0).fit(X3)
        assert local_smoothness(clusters, X3[:5], 0.5, random_state=0).max() > 0

    def test_of_trees_is_what_random_directions_show(self):
        forest = RandomForestClassifier(10, random_state=0).fit(X3, y3)
        assert local_smoothness(forest, X3, 1.0, random_state=0).max() > 0.1


def test_parameter_gradients_in_the_inequality_match_finite_differences():
    model = NETWORKS[0].fit(X3, y3)
    right = gradient_inequality(model, X3[:3], output=2).right
    total = np.zeros(3)
    for arrays in (model.coefs_, model.intercepts_):
        for array in arrays:
            for index in np.ndindex(array.shape):
                keep = array[index]
                values = []
                for h in (1e-6, -1e-6):
                    array[index] = keep + h
                    values.append(model.decision_function(X3[:3])[:, 2])
                array[index] = keep
                total += ((values[0] - values[1]) / 2e-6) ** 2
    np.testing.assert_allclose(right, total, rtol=1e-5)


class TestPipelines:
    AFFINE = [
        StandardScaler(),
        MinMaxScaler(),
        MaxAbsScaler(),
        RobustScaler(),
        PCA(3),
        PCA(whiten=True),
        "passthrough",
    ]

    @pytest.mark.parametrize("step", AFFINE, ids=repr)
    @pytest.mark.parametrize(
        "last", [LogisticRegression(), NETWORKS[0], SVC()], ids=lambda e: type(e).__name__
    )
    def test_gradients_are_in_units_of_the_pipelines_input(self, step, last):
        X = X3 * [1, 10, 0.1, 3] + 5
        pipe = make_pipeline(step, last).fit(X, y3)
        if hasattr(pipe, "predict_proba"):
            expected = oracles.input_gradients(lambda X: log_loss(pipe)(X, y3), X)
            np.testing.assert_allclose(
                input_gradients(pipe, X, y3), expected, atol=1e-4 * np.abs(expected).max()
            )
        if not isinstance(last, SVC):  # whose votes of pairs have no slope
            assert np.isfinite(signed_distance(pipe, X)).all()

    def test_a_column_transformer_of_a_frame_is_seen_through(self):
        frame = load_iris(as_frame=True)
        columns = ColumnTransformer(
            [
                ("a", StandardScaler(), list(frame.data.columns[:2])),
                ("b", "passthrough", list(frame.data.columns[2:])),
            ]
        )
        pipe = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(
            frame.data, frame.target
        )
        assert input_gradients(pipe, frame.data, frame.target).shape == (150, 4)

    @pytest.mark.parametrize("step", [PolynomialFeatures(2), PowerTransformer()], ids=repr)
    def test_other_steps_have_gradients_by_differences_and_no_certificate(self, step):
        pipe = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(X3, y3)
        expected = oracles.input_gradients(lambda X: log_loss(pipe)(X, y3), X3)
        typical = np.median(
            np.abs(input_gradients(pipe, X3, y3) - expected)
        )  # rows at a kink have two slopes
        assert typical < 1e-5 * np.abs(expected).max()
        with pytest.raises(
            TypeError, match=r"not affine.*pass pipe\[-1\] with pipe\[:-1\].transform\(X\)"
        ):
            certified_radius(pipe, X3)
        assert signed_distance(pipe[-1], pipe[:-1].transform(X3)).shape == (150,)


class TestSensitivity:
    def test_names_come_from_the_frame_and_means_from_the_gradients(self):
        frame = load_iris(as_frame=True)
        model = GradRegLogisticRegression().fit(frame.data, frame.target)
        sensitivity = feature_sensitivity(model, frame.data, frame.target)
        G = np.abs(input_gradients(model, frame.data, frame.target))
        np.testing.assert_allclose(
            sensitivity.to_frame().loc[frame.data.columns, "mean"], G.mean(axis=0)
        )
        np.testing.assert_allclose(sensitivity.std, G.std(axis=0))

    def test_log_proba_is_the_gradient_of_summed_log_probabilities(self):
        for X, y in TABLES:
            model = LogisticRegression().fit(X, y)
            expected = oracles.input_gradients(
                lambda X, m=model: m.predict_log_proba(X).sum(axis=1), X
            )
            np.testing.assert_allclose(
                input_gradients(model, X, of="log_proba"), expected, atol=1e-4
            )

    def test_other_explanations_use_other_features(self):
        rng = np.random.RandomState(0)
        x = rng.standard_normal(400)
        X, y = np.column_stack([x, x, rng.standard_normal(400)]), (x > 0).astype(int)
        model = GradRegLogisticRegression("right_reasons", alpha=10.0, max_iter=1000)
        first, second = find_another_explanation(
            model.set_params(penalty="right_reasons"), X * [2, 1, 1], y
        )
        assert first.score(X * [2, 1, 1], y) > 0.97
        assert second.score(X * [2, 1, 1], y) > 0.97
        masks = [
            largest_gradient_mask(m, X * [2, 1, 1]).mean(axis=0).round() for m in (first, second)
        ]
        np.testing.assert_array_equal(masks[0][:2], [1, 0])
        np.testing.assert_array_equal(masks[1][:2], [0, 1])


class TestFlipRates:
    rng = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "age": rng.standard_normal(150) * 10 + 40,
            "sex": rng.choice(["f", "m"], 150),
            "job": rng.choice(list("abcd"), 150),
            "code": 1.0,
        }
    )
    bought = (
        ((table.age - 40) / 10 + (table.sex == "f") * 2 + rng.standard_normal(150) > 1)
        .astype(int)
        .to_numpy()
    )
    prepare = make_column_transformer(
        (StandardScaler(), ["age", "code"]), (OneHotEncoder(), ["sex", "job"])
    )
    linear = make_pipeline(prepare, LogisticRegression()).fit(table, bought)
    forest = make_pipeline(prepare, RandomForestClassifier(5, random_state=0)).fit(table, bought)
    threat = ThreatModel(
        0.4,
        n_swaps=2,
        scale={"code": 0.0},
        fixed=["code"],
        allowed_swaps={"job": {"a": ["b"], "b": ["a", "c"]}},
    )
    threat = threat.fit(table)

    def flips(self, model, column, levels, labels):
        """Rows that are right and, at some allowed level, wrong, by trying all."""
        right = model.predict(self.table) == labels
        fallen = np.zeros(len(right), dtype=bool)
        for level in set().union(*levels.values()):
            allowed = np.array([level in levels.get(own, ()) for own in self.table[column]])
            fallen |= allowed & (model.predict(self.table.assign(**{column: level})) != labels)
        return (right & fallen).mean()

    @pytest.mark.parametrize("model", [linear, forest], ids=["linear", "forest"])
    @pytest.mark.parametrize("given", [True, False], ids=["given", "predicted"])
    def test_of_categories_are_what_trying_all_levels_finds(self, model, given):
        labels = self.bought if given else model.predict(self.table)
        found = (
            flip_rates(model, self.table, labels if given else None, self.threat)
            .to_frame()
            .flip_rate
        )
        sex = {"f": ["m"], "m": ["f"]}
        np.testing.assert_allclose(found["sex"], self.flips(model, "sex", sex, labels))
        np.testing.assert_allclose(
            found["job"], self.flips(model, "job", {"a": ["b"], "b": ["a", "c"]}, labels)
        )
        assert found["sex"] > 0.1

    def test_of_numbers_are_the_rows_that_one_column_can_carry_across(self):
        found = flip_rates(self.linear, self.table, threat=self.threat).to_frame().flip_rate
        slope = self.linear[-1].coef_[0, 0] / self.prepare_scale()
        low, high = (
            np.clip(self.table.age + s * 0.4 * self.table.age.std(ddof=0), *self.ends())
            for s in (-1, 1)
        )
        scores = self.linear.decision_function(self.table)
        reached = [scores + slope * (end - self.table.age) for end in (low, high)]
        np.testing.assert_allclose(
            found["age"],
            np.mean([(r > 0) != (scores > 0) for r in reached], axis=0).astype(bool).mean(),
        )

    def prepare_scale(self):
        return self.linear[0].named_transformers_["standardscaler"].scale_[0]

    def ends(self):
        return self.table.age.min(), self.table.age.max()

    def test_columns_that_may_not_change_are_left_out(self):
        found = flip_rates(self.linear, self.table, threat=self.threat)
        assert found.names.tolist() == ["age", "sex", "job"]
        assert found.positions.tolist() == [0, 1, 2]
        without = ThreatModel(0.4, fixed=["code"]).fit(self.table)
        assert flip_rates(self.linear, self.table, threat=without).names.tolist() == ["age"]
        assert flip_rates(self.linear, self.table).names.tolist() == ["sex", "job"]

    def test_what_is_not_a_classifier_and_several_radii_are_refused(self):
        with pytest.raises(TypeError, match="is not a classifier"):
            flip_rates(
                make_pipeline(self.prepare, LinearRegression()).fit(self.table, self.bought),
                self.table,
            )
        with pytest.raises(ValueError, match="epsilon must be a single radius"):
            flip_rates(
                self.linear,
                self.table,
                threat=ThreatModel([0.1, 0.2], fixed=["code"]).fit(self.table),
            )

    def test_sensitivity_shows_them_in_place_of_gradients_of_zero(self):
        sensitivity = feature_sensitivity(self.linear, self.table, self.bought, units="std")
        frame = sensitivity.to_frame()
        assert frame.index.tolist()[0] == "age"
        assert frame.loc[["sex", "job"], ["mean", "std"]].isna().all(axis=None)
        assert np.isnan(frame.flip_rate["age"])
        expected = flip_rates(self.linear, self.table).to_frame().flip_rate
        np.testing.assert_array_equal(frame.flip_rate[["sex", "job"]], expected[["sex", "job"]])

    def test_sensitivity_of_a_regressor_has_no_number_for_a_category(self):
        model = make_pipeline(self.prepare, LinearRegression()).fit(self.table, self.bought)
        frame = feature_sensitivity(model, self.table, self.bought).to_frame()
        assert frame.loc[["sex", "job"]].isna().all(axis=None)
        assert frame["mean"]["age"] > 0


class TestBadInput:
    model = LogisticRegression().fit(X2, y2)

    @pytest.mark.parametrize(
        "function",
        [signed_distance, certified_radius, attack_distance, input_gradients, lipschitz_bounds],
    )
    def test_bad_rows_are_refused(self, function):
        with pytest.raises(
            ValueError, match="X has 3 features, but LogisticRegression was fitted with 6"
        ):
            function(self.model, X2[:, :3])
        with pytest.raises(ValueError, match="Input X contains NaN"):
            function(self.model, np.where(X2 > 3, np.nan, X2))
        with pytest.raises(NotFittedError):
            function(LogisticRegression(), X2)

    def test_what_cannot_be_handled_says_what_would_be_needed(self):
        with pytest.raises(TypeError, match="SVC is not linear"):
            linear_geometry(SVC().fit(X2, y2), X2, y2)
        with pytest.raises(
            TypeError, match=r"nothing is certain about SVC here. Exact methods and certificates"
        ):
            certified_radius(SVC().fit(X2, y2), X2)
        with pytest.raises(TypeError, match="LinearRegression is not a classifier"):
            signed_distance(LinearRegression().fit(X2, y2), X2)
        with pytest.raises(TypeError, match=r"SVC has 10 scores for 5 classes"):
            signed_distance(
                SVC(decision_function_shape="ovo").fit(
                    np.vstack([X3, X3 + 9]), np.append(y3, y3 // 2 + 3)
                ),
                X3,
            )

    def test_bad_labels_and_classes_are_named(self):
        with pytest.raises(ValueError, match=r"y has the label 7, which is not among \[0, 1\]"):
            signed_distance(self.model, X2, np.full(len(X2), 7))
        with pytest.raises(ValueError, match="y has 3 entries, but X has 569 rows"):
            signed_distance(self.model, X2, [0, 1, 0])
        with pytest.raises(ValueError, match=r"classes=\(a, b\) must pick a pair"):
            linear_geometry(LogisticRegression().fit(X3, y3), X3, y3)
        with pytest.raises(ValueError, match="y must have rows of both classes"):
            linear_geometry(self.model, X2, np.zeros(len(X2), dtype=int))

    def test_weights_of_zero_are_an_error(self):
        flat = LogisticRegression().fit(X2, y2)
        flat.coef_ = np.zeros_like(flat.coef_)
        with pytest.raises(ValueError, match="the weights of LogisticRegression are zero"):
            linear_geometry(flat, X2, y2)

    def test_arguments_and_the_global_generator_stay_as_they_are(self):
        X, before = X2.copy(), np.random.get_state()[1].copy()
        for function in (
            signed_distance,
            attack_distance,
            certified_radius,
            integrated_gradients,
            lipschitz_bounds,
        ):
            function(self.model, X)
        np.testing.assert_array_equal(X, X2)
        np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_regressors_and_neighbors():
    X, y = make_moons(50, random_state=0)
    regressor = MLPRegressor(max_iter=5, random_state=0).fit(X, y)
    expected = oracles.input_gradients(lambda X: (regressor.predict(X) - y) ** 2 / 2, X)
    np.testing.assert_allclose(input_gradients(regressor, X, y), expected, atol=1e-6)
    with pytest.raises(
        TypeError, match=r"KNeighborsClassifier is piecewise constant.*Use adversarial_accuracy"
    ):
        signed_distance(KNeighborsClassifier(1).fit(X, y), X)
