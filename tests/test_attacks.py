"""Attacks stay where they must, do harm, and are exact where a closed form says so."""

import pickle
from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._fitted.models import FunctionModel
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    confidence_ascent,
    deepfool,
    fast_gradient,
    make_adversarial_scorer,
    projected_gradient,
    transfer_matrix,
    virtual_adversarial_direction,
)
from sklearn_irg.diagnostics import attack_distance, temperature
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y, TABLES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2, X3, y3 = BINARY_X[:, :6], BINARY_Y, MULTI_X, MULTI_Y
MODELS = [
    LogisticRegression(),
    MLPClassifier((8,), max_iter=100, random_state=0),
    GradRegMLPClassifier((8,), max_iter=100, random_state=0),
    SVC(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
ATTACKS = {
    "fast gradient, l2": (partial(fast_gradient, threat=0.4), 2),
    "fast gradient, linf": (partial(fast_gradient, threat=0.4, norm="linf"), np.inf),
    "fast gradient, l1": (partial(fast_gradient, threat=0.4, norm="l1"), 1),
    "several fast gradients, l2": (partial(fast_gradient, threat=0.4, n_steps=5), 2),
    "several fast gradients, linf": (
        partial(fast_gradient, threat=0.4, n_steps=5, norm="linf"),
        np.inf,
    ),
    "several fast gradients, l1": (
        partial(fast_gradient, threat=0.4, n_steps=5, step_size=0.3, norm="l1"),
        1,
    ),
    "projected gradient, l2": (partial(projected_gradient, threat=0.4, n_steps=5), 2),
    "projected gradient, linf": (
        partial(projected_gradient, threat=0.4, n_steps=5, norm="linf", random_state=0),
        np.inf,
    ),
}


@pytest.mark.parametrize("estimator", MODELS, ids=lambda e: repr(e)[:30])
@pytest.mark.parametrize(("X", "y"), [(X2[:100], y2[:100]), (X3, y3)], ids=["binary", "multiclass"])
class TestEveryAttack:
    @pytest.mark.parametrize("name", ATTACKS)
    def test_stays_in_its_ball_and_raises_the_loss(self, estimator, X, y, name):
        model, (attack, order) = estimator.fit(X, y), ATTACKS[name]
        moved = attack(model, X, y)
        assert moved.shape == X.shape
        assert np.linalg.norm(moved - X, ord=order, axis=1).max() <= 0.4 + 1e-9
        if hasattr(model, "predict_proba"):
            of = lambda X: -np.log(model.predict_proba(X)[np.arange(len(X)), y]).mean()  # noqa: E731
            assert of(moved) > of(X)

    @pytest.mark.parametrize("name", [*ATTACKS, "deepfool"])
    def test_keeps_to_its_bounds_and_columns(self, estimator, X, y, name):
        model = estimator.fit(X, y)
        attack = (
            (lambda m, X, y, **k: deepfool(m, X, **k)) if name == "deepfool" else ATTACKS[name][0]
        )
        moved = attack(model, X, y, features=[1, -1], clip=(-1, 1))
        fixed = [j for j in range(X.shape[1]) if j not in (1, X.shape[1] - 1)]
        np.testing.assert_array_equal(moved[:, fixed], X[:, fixed])
        assert np.abs(moved[:, [1, -1]]).max() <= 1


class TestClosedForms:
    @pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1), ("l1", np.inf)])
    def test_adversarial_accuracy_of_a_linear_model_is_what_its_best_attack_reaches(
        self, norm, dual
    ):
        model = LogisticRegression().fit(X2, y2)
        exact = adversarial_accuracy(model, X2, y2, 0.3, norm=norm)
        margin = (2 * y2 - 1) * model.decision_function(X2)
        assert exact == (margin > 0.3 * np.linalg.norm(model.coef_[0], dual)).mean()
        reached = adversarial_accuracy(
            model, X2, y2, 0.3, norm=norm, method=partial(fast_gradient, norm=norm)
        )
        np.testing.assert_allclose(reached, exact)

    @pytest.mark.parametrize("model", MODELS, ids=lambda e: repr(e)[:30])
    def test_radius_zero_is_the_accuracy_and_larger_ones_are_lower(self, model):
        model.fit(X3, y3)
        values = [adversarial_accuracy(model, X3, y3, epsilon) for epsilon in (0, 0.2, 0.6)]
        assert values[0] == model.score(X3, y3)
        assert values == sorted(values, reverse=True)

    def test_no_attack_beats_the_closed_form_of_many_classes(self):
        model = LogisticRegression().fit(X3, y3)
        exact = adversarial_accuracy(model, X3, y3, 0.3)
        assert adversarial_accuracy(model, X3, y3, 0.3, method=projected_gradient) >= exact

    def test_virtual_adversarial_direction_is_the_leading_eigenvector_of_the_fisher_information(
        self,
    ):
        model = LogisticRegression().fit(X3, y3)
        d = virtual_adversarial_direction(model, X3[:5], n_power_iterations=200, random_state=0)
        for row, p in zip(d, model.predict_proba(X3[:5]), strict=True):
            F = model.coef_.T @ (np.diag(p) - np.outer(p, p)) @ model.coef_
            np.testing.assert_allclose(abs(row @ np.linalg.eigh(F)[1][:, -1]), 1, atol=1e-3)


def residual(Z, y):
    """Residuals of the softmax over scores, with exponents enough for differences of thousands."""
    E = np.exp((Z - Z.max(axis=1, keepdims=True)).astype(np.longdouble))
    P = E / E.sum(axis=1, keepdims=True)
    others = np.arange(Z.shape[1]) != y[:, None]
    R = np.where(others, P, -(P * others).sum(axis=1, keepdims=True))
    return (R / np.abs(R).max(axis=1, keepdims=True)).astype(np.float64)


class TestPublishedFormulas:
    X, y = load_digits(return_X_y=True)
    X = X / 16
    digits = LogisticRegression(C=100, max_iter=5000).fit(X[:1200], y[:1200])
    X, y = X[1200:1500], y[1200:1500]

    @pytest.mark.parametrize("sharper", [1, 100])
    def test_fast_gradient_steps_along_the_gradient_of_the_loss_however_confident_the_model_is(
        self, sharper
    ):
        model = clone(self.digits).set_params(max_iter=1)
        model.__dict__.update(self.digits.__dict__)
        model.coef_, model.intercept_ = (
            sharper * self.digits.coef_,
            sharper * self.digits.intercept_,
        )
        G = residual(model.decision_function(self.X), self.y) @ model.coef_
        clear = np.abs(G) > 1e-9 * np.abs(G).max(axis=1, keepdims=True)
        moved = fast_gradient(model, self.X, self.y, 0.1, norm="linf")
        np.testing.assert_allclose(moved[clear], (self.X + 0.1 * np.sign(G))[clear], atol=1e-12)
        unit = G / np.linalg.norm(G, axis=1, keepdims=True)
        np.testing.assert_allclose(
            fast_gradient(model, self.X, self.y, 0.3), self.X + 0.3 * unit, atol=1e-9
        )

    def test_fast_gradient_of_two_classes_is_there_where_the_loss_is_zero_in_rounding(self):
        model = LogisticRegression().fit(X2, y2)
        model.coef_, model.intercept_ = 1e4 * model.coef_, 1e4 * model.intercept_
        step = np.sign(model.coef_) * np.where(y2 == 1, -1, 1)[:, None]
        np.testing.assert_allclose(
            fast_gradient(model, X2, y2, 0.1, norm="linf"), X2 + 0.1 * step, atol=1e-12
        )

    def test_projected_gradient_follows_the_gradient_of_the_loss(self):
        moved, epsilon, points = (
            self.X,
            0.1,
            [self.X, fast_gradient(self.digits, self.X, self.y, 0.1, norm="linf")],
        )
        for _ in range(3):
            G = residual(self.digits.decision_function(moved), self.y) @ self.digits.coef_
            moved = self.X + np.clip(
                moved + 2.5 * epsilon / 3 * np.sign(G) - self.X, -epsilon, epsilon
            )
            points.append(moved)
        found = projected_gradient(self.digits, self.X, self.y, epsilon, norm="linf", n_steps=3)
        apart = np.min([np.abs(found - point).max(axis=1) for point in points], axis=0)
        assert (apart < 1e-9).mean() > 0.98  # signs of entries near zero may differ by rounding

    def test_a_virtual_adversarial_direction_goes_by_the_probabilities_that_are_stated(self):
        model = OneVsRestClassifier(LogisticRegression()).fit(X3, y3)
        d = virtual_adversarial_direction(model, X3[:5], n_power_iterations=200, random_state=0)
        J = np.stack(
            [
                oracles.input_gradients(lambda X, k=k: model.predict_proba(X)[:, k], X3[:5])
                for k in range(3)
            ]
        )
        for i, p in enumerate(model.predict_proba(X3[:5])):
            F = J[:, i].T @ (J[:, i] / p[:, None])
            np.testing.assert_allclose(abs(d[i] @ np.linalg.eigh(F)[1][:, -1]), 1, atol=1e-3)


class Boosted(ClassifierMixin, BaseEstimator):
    """Model with steps at integers, where rows lie, that counts its calls.

    It has a booster, by which it is recognized.
    """

    def fit(self, X, y):
        self.classes_, self.n_features_in_, self.calls_ = np.unique(y), X.shape[1], []
        return self

    def get_booster(self):
        """What XGBoost's estimators have."""

    def predict_proba(self, X):
        self.calls_.append(len(X))
        p = 0.05 + 0.9 * (np.asarray(X) >= [2, 4, 7]).mean(axis=1)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


class TestBoostedTrees:
    X = np.random.RandomState(0).randint(0, 10, (20, 3)).astype(float)
    model = Boosted().fit(X, X[:, 0] > 4)
    y = model.predict(X)

    @pytest.mark.parametrize(
        "wrap", [lambda m: m, lambda m: FrozenEstimator(m)], ids=["alone", "wrapped"]
    )
    def test_attacks_search_and_never_take_differences(self, wrap, monkeypatch):
        def refuse(*_):
            raise AssertionError("central differences of a step function")

        monkeypatch.setattr(FunctionModel, "score_gradients", refuse)
        self.model.calls_.clear()
        model = wrap(self.model)
        threat = ThreatModel(2.0, norm="linf", scale=None, integers=None, bounds=None).fit(self.X)
        extremes = [
            self.model.predict(self.X + shift) == self.y for shift in (-2, 2)
        ]  # probabilities are monotone
        robust = np.logical_and(*extremes)
        assert adversarial_accuracy(model, self.X, self.y, threat) == robust.mean()
        assert (attack_distance(model, self.X, norm="linf")[~robust] < 2.0 + 1e-6).all()
        assert len(self.model.calls_) < 1500
        assert sum(self.model.calls_) < 20 * 20_000

    @pytest.mark.parametrize(
        "attack", [fast_gradient, projected_gradient], ids=["one step", "many"]
    )
    def test_attacks_along_gradients_are_refused(self, attack):
        with pytest.raises(
            TypeError, match=r"Boosted contains decision trees.*Use adversarial_accuracy"
        ):
            attack(self.model, self.X, self.y, 1.0)


class TestConfidenceAscent:
    def test_ends_at_the_confidence_asked_for(self):
        model = LogisticRegression().fit(X3, y3)
        targets = (y3 + 1) % 3
        moved = confidence_ascent(
            model, X3, targets, confidence=0.9, temperature=1.7, step_size=0.01, max_iter=3000
        )
        P = oracles.means(model.decision_function(moved) / 1.7, "softmax")[
            np.arange(len(X3)), targets
        ]
        # steps of 0.01 end up to one step beyond the confidence asked for
        np.testing.assert_allclose(P[P > 0.5], 0.9, atol=0.02)
        assert (model.predict(moved) == targets).all()

    def test_says_which_rows_did_not_reach_the_confidence(self):
        model, targets = LogisticRegression().fit(X3, y3), (y3 + 1) % 3
        options = {"confidence": 0.9, "temperature": 1.7, "step_size": 0.02, "max_iter": 80}
        moved, reached = confidence_ascent(model, X3, targets, return_reached=True, **options)
        P = oracles.means(model.decision_function(moved) / 1.7, "softmax")[
            np.arange(len(X3)), targets
        ]
        np.testing.assert_array_equal(reached, P >= 0.9)
        assert 0 < reached.sum() < len(X3)
        others = np.flatnonzero(~reached)
        message = (
            f"{len(others)} of 150 rows did not reach a probability of 0.9 within 80 steps: "
            f"{others[0]}, {others[1]}, "
        )
        with pytest.warns(ConvergenceWarning, match=message):
            np.testing.assert_array_equal(confidence_ascent(model, X3, targets, **options), moved)

    def test_a_row_that_reaches_it_with_the_last_step_has_reached_it(self):
        model, targets = LogisticRegression().fit(X3, y3), (y3 + 1) % 3
        for max_iter in range(1, 400, 40):
            moved, reached = confidence_ascent(
                model, X3, targets, step_size=0.02, max_iter=max_iter, return_reached=True
            )
            P = model.predict_proba(moved)[np.arange(len(X3)), targets]
            np.testing.assert_array_equal(reached, P >= 0.95)

    def test_the_confidence_is_that_of_the_stated_probabilities(self):
        model, targets = OneVsRestClassifier(LogisticRegression()).fit(X3, y3), (y3 + 1) % 3
        moved, reached = confidence_ascent(
            model, X3, targets, confidence=0.6, step_size=0.01, max_iter=3000, return_reached=True
        )
        P = model.predict_proba(moved)[np.arange(len(X3)), targets]
        np.testing.assert_array_equal(reached, P >= 0.6)
        assert reached.mean() > 0.5
        stayed = (moved == X3).all(axis=1)
        np.testing.assert_allclose(P[reached & ~stayed], 0.6, atol=0.03)

    def test_flatter_models_need_larger_perturbations(self):
        sizes = []
        for alpha in (0.001, 1.0):
            model = GradRegLogisticRegression("weight_decay", alpha, max_iter=1000).fit(X2, y2)
            moved = confidence_ascent(
                model, X2, 1 - y2, step_size=0.02, temperature=temperature(model, X2)
            )
            sizes.append(np.linalg.norm(moved - X2, axis=1).mean())
        assert sizes[0] < sizes[1]

    def test_a_row_moves_alone_as_it_moves_among_others(self):
        model = LogisticRegression().fit(X3, y3)
        options = {"temperature": temperature(model, X3), "step_size": 0.05}
        together = confidence_ascent(model, X3, (y3 + 1) % 3, **options)
        alone = confidence_ascent(model, X3[7:8], (y3[7:8] + 1) % 3, **options)
        np.testing.assert_allclose(alone[0], together[7], rtol=1e-9)


class TestScoring:
    def test_the_scorer_works_in_a_grid_search_and_pickles(self):
        scorer = pickle.loads(pickle.dumps(make_adversarial_scorer(0.5, norm="linf")))
        assert (
            repr(scorer)
            == "make_adversarial_scorer(0.5, scoring='accuracy', norm='linf', method='auto')"
        )
        grid = {"alpha": [0.001, 1.0]}
        search = GridSearchCV(
            GradRegLogisticRegression(max_iter=1000), grid, scoring=scorer, cv=3
        ).fit(X2, y2)
        assert search.best_params_["alpha"] == 1.0

    def test_balanced_accuracy_is_that_of_scikit_learn_where_nothing_moves(self):
        model = LogisticRegression().fit(X3[y3 > 0], y3[y3 > 0])  # a fold without the first class
        weights = np.random.RandomState(0).rand(len(y3))
        scorer = make_adversarial_scorer(0.0, scoring="balanced_accuracy")
        expected = balanced_accuracy_score(y3, model.predict(X3), sample_weight=weights)
        assert scorer(model, X3, y3, sample_weight=weights) == pytest.approx(expected)

    def test_a_constant_model_keeps_no_more_than_its_share_of_balanced_accuracy(self):
        model = DummyClassifier().fit(X2, y2)
        assert make_adversarial_scorer(0.5, scoring="balanced_accuracy")(model, X2, y2) == 0.5

    def test_the_transfer_matrix_has_white_box_attacks_on_its_diagonal(self):
        models = {"a": LogisticRegression().fit(X3, y3), "b": MODELS[2].fit(X3, y3)}
        attack = partial(fast_gradient, threat=0.5)
        matrix = transfer_matrix(models, X3, y3, attack)
        for i, model in enumerate(models.values()):
            assert matrix[i, i] == model.score(attack(model, X3, y3), y3)


def test_names_of_columns_may_choose_what_moves():
    frame = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(frame.data, frame.target)
    moved = fast_gradient(model, frame.data, frame.target, 0.3, features=["petal width (cm)"])
    assert (moved[:, :3] == frame.data.to_numpy()[:, :3]).all()
    assert (moved[:, 3] != frame.data.to_numpy()[:, 3]).any()


class TestWhatUsersMeet:
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
        # rounding may turn a step of the attack, and with it the fate of a few of the 150 rows
        np.testing.assert_allclose(adversarial_accuracy(model, X3, y3, 0.5), before, atol=0.05)

    def test_deepfool_does_not_depend_on_the_scale_of_scores(self):
        model = NearestCentroid().fit(X3, y3)
        small = NearestCentroid().fit(X3 * 1e-4, y3)
        np.testing.assert_allclose(deepfool(small, X3 * 1e-4) * 1e4, deepfool(model, X3), atol=1e-6)

    def test_directions_keep_to_features(self):
        d = virtual_adversarial_direction(
            LogisticRegression().fit(X3, y3), X3, features=[1, 2], random_state=0
        )
        assert not d[:, [0, 3]].any()
        np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1)

    def test_the_scorer_can_ask_for_sample_weights(self):
        weight = np.random.RandomState(0).rand(len(y2))
        with sklearn.config_context(enable_metadata_routing=True):
            scorer = make_adversarial_scorer(0.1).set_score_request(sample_weight=True)
            model = LogisticRegression().set_fit_request(sample_weight=True)
            scores = cross_validate(model, X2, y2, scoring=scorer, params={"sample_weight": weight})
        assert np.isfinite(scores["test_score"]).all()


class TestProjectedGradient:
    MODELS = {
        "relu": MLPClassifier((16,), max_iter=300, random_state=0),
        "tanh": MLPClassifier((8, 8), "tanh", max_iter=300, random_state=1),
        "svc": SVC(),
        "ours": GradRegMLPClassifier((16,), max_iter=300, random_state=0),
    }

    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.parametrize("norm", ["l2", "linf"])
    @pytest.mark.parametrize(
        "options", [{}, {"clip": (-1.5, 1.5)}, {"features": [0, 2]}, {"random_state": 0}], ids=str
    )
    def test_is_at_least_as_strong_as_one_step(self, name, norm, options):
        model = clone(self.MODELS[name]).fit(X3, y3)
        allowed = {k: v for k, v in options.items() if k != "random_state"}
        for epsilon in (0.1, 0.5, 1.0, 3.0):
            many = (
                model.predict(
                    projected_gradient(model, X3, y3, epsilon, norm=norm, n_steps=7, **options)
                )
                != y3
            )
            one = model.predict(fast_gradient(model, X3, y3, epsilon, norm=norm, **allowed)) != y3
            none = model.predict(np.clip(X3, -1.5, 1.5) if "clip" in options else X3) != y3
            assert (many >= one).all()
            assert (many >= none).all()

    def test_of_two_classes_no_row_has_a_smaller_loss_than_after_one_step(self):
        model = clone(self.MODELS["relu"]).fit(X2, y2)
        for epsilon in (0.1, 1.0, 3.0):
            many, one = (
                np.abs(model.predict_proba(attack(model, X2, y2, epsilon))[:, 1] - y2)
                for attack in (projected_gradient, fast_gradient)
            )
            assert (many >= one - 1e-12).all()

    def test_of_a_regressor_no_row_has_a_smaller_error(self):
        model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=300, random_state=0).fit(X3, y3)
        many, one = (
            (model.predict(a(model, X3, y3, 0.5)) - y3) ** 2
            for a in (projected_gradient, fast_gradient)
        )
        assert (many >= one - 1e-12).all()


class TestAdversarialAccuracyNeverRises:
    RADII = [0, 1e-6, 0.03, 0.1, 0.25, 0.4, 0.8, 1.5, 4.0, 30.0, 1e6, 1e300]

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize(
        "model", [*MODELS, MLPClassifier((30, 30), max_iter=500, random_state=2)], ids=repr
    )
    def test_with_several_radii_in_one_call(self, model, table, norm):
        X, y = TABLES[table][0][:150, :4], TABLES[table][1][:150]
        accuracies = adversarial_accuracy(clone(model).fit(X, y), X, y, self.RADII, norm=norm)
        assert (np.diff(accuracies) <= 0).all()
        assert accuracies[0] == clone(model).fit(X, y).score(X, y)

    def test_whatever_the_order_of_radii_or_the_attack(self):
        model = clone(MODELS[1]).fit(X3, y3)
        forwards = adversarial_accuracy(model, X3, y3, [0.1, 0.5, 1.0])
        np.testing.assert_array_equal(
            adversarial_accuracy(model, X3, y3, [1.0, 0.1, 0.5]), forwards[[2, 0, 1]]
        )
        wild = lambda m, X, y, epsilon: X + (epsilon < 0.3)  # noqa: E731
        assert (np.diff(adversarial_accuracy(model, X3, y3, [0, 0.1, 0.5], method=wild)) <= 0).all()

    @pytest.mark.parametrize("norm", ["l2", "linf"])
    @pytest.mark.parametrize("seed", range(3))
    def test_in_separate_calls(self, seed, norm):
        model = MLPClassifier((30, 30), max_iter=500, random_state=seed).fit(X3, y3)
        accuracies = [
            adversarial_accuracy(model, X3, y3, radius, norm=norm) for radius in self.RADII
        ]
        assert (np.diff(accuracies) <= 0).all()


@pytest.mark.parametrize("features", [[], [False] * 6], ids=str)
def test_where_nothing_may_move_nothing_moves(features):
    model = LogisticRegression().fit(X2, y2)
    for attack in (partial(fast_gradient, threat=1.0), partial(projected_gradient, threat=1.0)):
        np.testing.assert_array_equal(attack(model, X2, y2, features=features), X2)
    np.testing.assert_array_equal(deepfool(model, X2, features=features), X2)
    assert not virtual_adversarial_direction(model, X2, features=features).any()


def test_booleans_choose_what_moves():
    model = LogisticRegression().fit(X2, y2)
    chosen = fast_gradient(model, X2, y2, 0.3, features=[False, True, False, False, True, False])
    np.testing.assert_array_equal(chosen, fast_gradient(model, X2, y2, 0.3, features=[1, 4]))


FAST, MANY = fast_gradient, projected_gradient


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: FAST(m, X2, y2, -1), "threat must be a finite number >= 0; got -1"),
        (lambda m: FAST(m, X2, y2, np.inf), "threat must be a finite number >= 0; got inf"),
        (lambda m: FAST(m, X2, y2, np.nan), "threat must be a finite number >= 0; got nan"),
        (
            lambda m: FAST(m, X2, y2, 1, clip=(1, 0)),
            r"clip must be .* with low <= high; got \(1, 0\)",
        ),
        (lambda m: FAST(m, X2, y2, 1, clip=(np.nan, 1)), "clip must be .* Use inf for no bound"),
        (lambda m: FAST(m, X2, y2, 1, clip=0.5), "clip must be"),
        (
            lambda m: adversarial_accuracy(m, X2, y2, []),
            "threat must be one radius or more; got none",
        ),
        (
            lambda m: FAST(m, X2, y2, 1, norm="l3"),
            "norm must be one of 'l2', 'linf', 'l1'; got 'l3'",
        ),
        (
            lambda m: FAST(m, X2, y2, 1, features=["age"]),
            "features names the column 'age', but X has no column names",
        ),
        (lambda m: FAST(m, X2, y2, 1, features="age"), "features must be a sequence"),
        (
            lambda m: FAST(m, X2, y2, 1, features=[6]),
            "features has 6, which is not a position among the 6 columns",
        ),
        (
            lambda m: FAST(m, X2, y2, 1, features=[True] * 5),
            "features as booleans must be 6, one per column",
        ),
        (
            lambda m: FAST(m, X2, np.full(len(X2), 5), 1),
            r"y has the label 5, which is not among \[0, 1\]",
        ),
        (
            lambda m: MANY(m, X2, y2, 1, step_size=-1),
            "step_size must be a finite number >= 0; got -1",
        ),
        (
            lambda m: MANY(m, X2, y2, 1, step_size=np.nan),
            "step_size must be a finite number >= 0; got nan",
        ),
        (lambda m: MANY(m, X2, y2, 1, n_steps=0), "n_steps must be an integer >= 1; got 0"),
        (
            lambda m: MANY(m, X2, y2, 1, norm="l3"),
            "norm must be one of 'l2', 'linf', 'l1'; got 'l3'",
        ),
        (
            lambda m: deepfool(m, X2, overshoot=np.nan),
            "overshoot must be a finite number >= 0; got nan",
        ),
        (lambda m: deepfool(m, X2, max_iter=0), "max_iter must be an integer >= 1; got 0"),
        (
            lambda m: confidence_ascent(m, X2, y2, confidence=np.nan),
            "confidence must be a finite number > 0.5 and < 1",
        ),
        (
            lambda m: confidence_ascent(m, X2, y2, confidence=0.5),
            "confidence must be a finite number > 0.5 and < 1",
        ),
        (
            lambda m: virtual_adversarial_direction(m, X2, xi=np.nan),
            "xi must be a finite number > 0; got nan",
        ),
        (
            lambda m: adversarial_accuracy(m, X2, y2, [0.1, np.nan]),
            "threat must be a finite number >= 0; got nan",
        ),
        (
            lambda m: adversarial_accuracy(m, X2, y2, 1, sample_weight=-np.ones(len(y2))),
            "sample_weight must be",
        ),
        (
            lambda m: make_adversarial_scorer(1, scoring="f1"),
            "scoring must be one of 'accuracy', 'balanced_accuracy'",
        ),
        (lambda m: make_adversarial_scorer(-1), "threat must be a finite number >= 0; got -1"),
    ],
)
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(LogisticRegression().fit(X2, y2))


def test_arguments_and_the_global_generator_stay_as_they_are():
    model, X, before = MODELS[2].fit(X3, y3), X3.copy(), np.random.get_state()[1].copy()
    for attack, _ in ATTACKS.values():
        attack(model, X, y3, clip=(-1, 1))
    confidence_ascent(model, X, y3, max_iter=3)
    virtual_adversarial_direction(model, X, random_state=0)
    np.testing.assert_array_equal(X, X3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
