"""Attacks stay where they must, do harm, and are exact where a closed form says so."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import (
    adversarial_accuracy,
    confidence_ascent,
    deepfool,
    fast_gradient,
    make_adversarial_scorer,
    projected_gradient,
    transfer_matrix,
    virtual_adversarial_direction,
)
from tests import oracles

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2 = load_breast_cancer(return_X_y=True)
X2 = scale(X2)[:, :6]
X3, y3 = load_iris(return_X_y=True)
X3 = scale(X3)
MODELS = [
    LogisticRegression(),
    MLPClassifier((8,), max_iter=100, random_state=0),
    GradRegMLPClassifier((8,), max_iter=100, random_state=0),
    SVC(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
ATTACKS = {
    "fast gradient, l2": (partial(fast_gradient, epsilon=0.4), 2),
    "fast gradient, linf": (partial(fast_gradient, epsilon=0.4, norm="linf"), np.inf),
    "fast gradient, l1": (partial(fast_gradient, epsilon=0.4, norm="l1"), 1),
    "projected gradient, l2": (partial(projected_gradient, epsilon=0.4, n_steps=5), 2),
    "projected gradient, linf": (
        partial(projected_gradient, epsilon=0.4, n_steps=5, norm="linf", random_state=0),
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
        attack = (lambda m, X, y, **k: deepfool(m, X, **k)) if name == "deepfool" else ATTACKS[name][0]
        moved = attack(model, X, y, features=[1, -1], clip=(-1, 1))
        fixed = [j for j in range(X.shape[1]) if j not in (1, X.shape[1] - 1)]
        np.testing.assert_array_equal(moved[:, fixed], X[:, fixed])
        assert np.abs(moved[:, [1, -1]]).max() <= 1


class TestClosedForms:
    @pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1), ("l1", np.inf)])
    def test_adversarial_accuracy_of_a_linear_model_is_what_its_best_attack_reaches(self, norm, dual):
        model = LogisticRegression().fit(X2, y2)
        exact = adversarial_accuracy(model, X2, y2, 0.3, norm=norm)
        margin = (2 * y2 - 1) * model.decision_function(X2)
        assert exact == (margin > 0.3 * np.linalg.norm(model.coef_[0], dual)).mean()
        reached = adversarial_accuracy(model, X2, y2, 0.3, norm=norm, attack=partial(fast_gradient, norm=norm))
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
        assert adversarial_accuracy(model, X3, y3, 0.3, attack=projected_gradient) >= exact

    def test_virtual_adversarial_direction_is_the_leading_eigenvector_of_the_fisher_information(self):
        model = LogisticRegression().fit(X3, y3)
        d = virtual_adversarial_direction(model, X3[:5], n_power_iterations=200, random_state=0)
        for row, p in zip(d, model.predict_proba(X3[:5]), strict=True):
            F = model.coef_.T @ (np.diag(p) - np.outer(p, p)) @ model.coef_
            np.testing.assert_allclose(abs(row @ np.linalg.eigh(F)[1][:, -1]), 1, atol=1e-3)


class TestConfidenceAscent:
    def test_ends_at_the_confidence_asked_for(self):
        model = LogisticRegression().fit(X3, y3)
        targets = (y3 + 1) % 3
        moved = confidence_ascent(model, X3, targets, confidence=0.9, step_size=0.01, max_iter=3000)
        Z = model.decision_function(X3)
        grid = np.exp(np.linspace(-5, 5, 20001))
        medians = [np.median(oracles.means(Z / t, "softmax").max(axis=1)) for t in grid[::200]]
        temperature = np.interp(-0.9, -np.array(medians), grid[::200])
        P = oracles.means(model.decision_function(moved) / temperature, "softmax")[np.arange(len(X3)), targets]
        np.testing.assert_allclose(P[P > 0.5], 0.9, atol=0.02)
        assert (model.predict(moved) == targets).all()

    def test_flatter_models_need_larger_perturbations(self):
        sizes = []
        for alpha in (0.001, 1.0):
            model = GradRegLogisticRegression("weight_decay", alpha, max_iter=1000).fit(X2, y2)
            moved = confidence_ascent(model, X2, 1 - y2, step_size=0.02)
            sizes.append(np.linalg.norm(moved - X2, axis=1).mean())
        assert sizes[0] < sizes[1]


class TestScoring:
    def test_the_scorer_works_in_a_grid_search_and_pickles(self):
        scorer = pickle.loads(pickle.dumps(make_adversarial_scorer(0.5, norm="linf")))
        assert repr(scorer) == "make_adversarial_scorer(epsilon=0.5, norm='linf', attack=None)"
        grid = {"alpha": [0.001, 1.0]}
        search = GridSearchCV(GradRegLogisticRegression(max_iter=1000), grid, scoring=scorer, cv=3).fit(X2, y2)
        assert search.best_params_["alpha"] == 1.0

    def test_the_transfer_matrix_has_white_box_attacks_on_its_diagonal(self):
        models = {"a": LogisticRegression().fit(X3, y3), "b": MODELS[2].fit(X3, y3)}
        attack = partial(fast_gradient, epsilon=0.5)
        matrix = transfer_matrix(models, X3, y3, attack)
        for i, model in enumerate(models.values()):
            assert matrix[i, i] == model.score(attack(model, X3, y3), y3)


def test_names_of_columns_may_choose_what_moves():
    frame = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(frame.data, frame.target)
    moved = fast_gradient(model, frame.data, frame.target, 0.3, features=["petal width (cm)"])
    assert (moved[:, :3] == frame.data.to_numpy()[:, :3]).all()
    assert (moved[:, 3] != frame.data.to_numpy()[:, 3]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": -1}, "epsilon == -1, must be >= 0"),
        ({"epsilon": np.inf}, "epsilon must be finite"),
        ({"epsilon": 1, "clip": (1, 0)}, r"clip must have low <= high; got \(1, 0\)"),
        ({"epsilon": 1, "norm": "l3"}, "norm must be one of 'l2', 'linf', 'l1'; got 'l3'"),
        ({"epsilon": 1, "features": ["age"]}, "features has 'age', which is no column of X"),
        ({"epsilon": 1, "y": np.full(len(X2), 5)}, r"y has the label 5, which is not among \[0, 1\]"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(options, message):
    model = LogisticRegression().fit(X2, y2)
    with pytest.raises(ValueError, match=message):
        fast_gradient(model, X2, **{"y": y2, **options})


def test_arguments_and_the_global_generator_stay_as_they_are():
    model, X, before = MODELS[2].fit(X3, y3), X3.copy(), np.random.get_state()[1].copy()
    for attack, _ in ATTACKS.values():
        attack(model, X, y3, clip=(-1, 1))
    confidence_ascent(model, X, y3, max_iter=3)
    virtual_adversarial_direction(model, X, random_state=0)
    np.testing.assert_array_equal(X, X3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
