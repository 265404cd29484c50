"""Fast gradient steps to a class, and several of them, are those of the papers."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    confidence_ascent,
    fast_gradient,
    projected_gradient,
    transfer_matrix,
)
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X2, y2, X, y = BINARY_X[:100, :6], BINARY_Y[:100], MULTI_X, MULTI_Y
T, INSIDE = (y + 1) % 3, np.clip(X, -1.5, 1.5)
LINEAR = LogisticRegression().fit(X, y)
CURVED = {
    "network": GradRegMLPClassifier((8,), activation="tanh", max_iter=100, random_state=0),
    "of scikit-learn": MLPClassifier((8,), "tanh", max_iter=200, random_state=0),
    "one-vs-rest": OneVsRestClassifier(LogisticRegression()),
    "pipeline": make_pipeline(
        StandardScaler(), MLPClassifier((8,), "tanh", max_iter=200, random_state=0)
    ),
}
ORDERS = {"l2": 2, "linf": np.inf, "l1": 1}


def unit(G, norm):
    """Rows of unit norm that G falls along fastest, written out."""
    if norm == "l2":
        return G / np.sqrt((G**2).sum(axis=1, keepdims=True))
    return (
        np.sign(G)
        if norm == "linf"
        else np.sign(G) * (np.abs(G) == np.abs(G).max(axis=1, keepdims=True))
    )


def residual(rows, labels):
    """p - e of the linear softmax."""
    return softmax(rows @ LINEAR.coef_.T + LINEAR.intercept_, axis=1) - np.eye(3)[labels]


class TestPublishedFormulas:
    @pytest.mark.parametrize("norm", ORDERS)
    def test_a_targeted_step_of_a_linear_softmax(self, norm):
        expected = X - 0.3 * unit(residual(X, T) @ LINEAR.coef_, norm)
        np.testing.assert_allclose(
            fast_gradient(LINEAR, X, y, 0.3, norm=norm, targets=T), expected, atol=1e-12
        )

    @pytest.mark.parametrize("targeted", [False, True])
    def test_the_basic_and_the_least_likely_class_method_of_kurakin(self, targeted):
        labels, sign = (LINEAR.predict_proba(INSIDE).argmin(axis=1), -1) if targeted else (y, 1)
        moved, epsilon, alpha = INSIDE, 0.5, 0.1
        for _ in range(9):
            moved = moved + sign * alpha * np.sign(residual(moved, labels) @ LINEAR.coef_)
            moved = np.minimum(
                1.5,
                np.minimum(INSIDE + epsilon, np.maximum(-1.5, np.maximum(INSIDE - epsilon, moved))),
            )
        options = {"norm": "linf", "n_steps": 9, "step_size": alpha, "clip": (-1.5, 1.5)}
        given = {"y": None, "targets": labels} if targeted else {"y": labels}
        np.testing.assert_allclose(
            fast_gradient(LINEAR, INSIDE, threat=epsilon, **given, **options), moved, atol=1e-9
        )

    def test_several_steps_in_the_euclidean_ball(self):
        moved = X
        for _ in range(4):
            step = moved - 1.25 * 2 / 4 * unit(residual(moved, T) @ LINEAR.coef_, "l2") - X
            moved = X + step * np.minimum(1, 2 / np.linalg.norm(step, axis=1, keepdims=True))
        np.testing.assert_allclose(
            fast_gradient(LINEAR, X, y, 2, targets=T, n_steps=4), moved, atol=1e-9
        )

    def test_the_iterations_of_ross_and_doshi_velez_repeat_one_step(self):
        moved, options = INSIDE, {"norm": "linf", "targets": T, "clip": (-1.5, 1.5)}
        for _ in range(5):
            moved = fast_gradient(LINEAR, moved, None, 0.1, **options)
        found = fast_gradient(LINEAR, INSIDE, y, 0.5, n_steps=5, step_size=0.1, **options)
        np.testing.assert_allclose(found, moved, atol=1e-12)

    @pytest.mark.parametrize("name", CURVED)
    @pytest.mark.parametrize("norm", ["l2", "linf"])
    def test_a_step_is_down_the_loss_of_the_stated_probability_of_the_target(self, name, norm):
        model = CURVED[name].fit(X, y)
        G = oracles.input_gradients(
            lambda X: -np.log(model.predict_proba(X)[np.arange(len(X)), T]), X
        )
        moved = fast_gradient(model, X, y, 0.1, norm=norm, targets=T)
        clear = np.abs(G) > 1e-4 * np.abs(G).max(axis=1, keepdims=True)
        np.testing.assert_allclose(moved[clear], (X - 0.1 * unit(G, norm))[clear], atol=1e-6)

    @pytest.mark.parametrize("norm", ORDERS)
    @pytest.mark.parametrize(
        "targets", [None, 1 - y2], ids=["away from the label", "to the target"]
    )
    def test_of_a_linear_model_of_two_classes_many_steps_reach_as_far_as_one(self, norm, targets):
        model = LogisticRegression().fit(X2, y2)
        one, many = (
            fast_gradient(model, X2, y2, 0.7, norm=norm, targets=targets, n_steps=n)
            for n in (1, 10)
        )
        np.testing.assert_allclose(many, one, atol=1e-12)


class TestTargets:
    @pytest.mark.parametrize("norm", ORDERS)
    @pytest.mark.parametrize("n_steps", [1, 4])
    @pytest.mark.parametrize(
        "model",
        [LogisticRegression(), SVC(), MLPClassifier((8,), random_state=0), CURVED["network"]],
        ids=repr,
    )
    def test_of_two_classes_the_other_one_is_what_rows_go_to_anyway(self, model, n_steps, norm):
        attack = partial(fast_gradient, model.fit(X2, y2), X2, y2, 0.5, norm=norm, n_steps=n_steps)
        np.testing.assert_array_equal(attack(targets=1 - y2), attack())

    def test_one_for_all_is_one_for_each(self):
        some = y != 2
        attack = partial(fast_gradient, LINEAR, X[some], y[some], 0.5, n_steps=3)
        np.testing.assert_array_equal(attack(targets=2), attack(targets=np.full(some.sum(), 2)))

    @pytest.mark.parametrize(
        "names", [["maple", "oak", "yew"], [3, 10, 7], [-1.0, 0.0, 2.0]], ids=str
    )
    @pytest.mark.parametrize("container", [np.asarray, list, pd.Series])
    def test_they_are_labels_as_fit_has_seen_them(self, names, container):
        names = np.array(names)
        order = np.argsort(names)
        labels, targets = names[order][y], names[order][T]
        model = LogisticRegression().fit(X, labels)
        expected = fast_gradient(LINEAR, X, y, 0.5, targets=T)
        np.testing.assert_allclose(
            fast_gradient(model, X, labels, 0.5, targets=container(targets)), expected
        )
        some = targets == targets[0]
        one = fast_gradient(model, X[some], labels[some], 0.5, targets=container(targets)[0])
        np.testing.assert_allclose(one, expected[some])

    def test_booleans_are_classes_too(self):
        model = LogisticRegression().fit(X2, y2 == 1)
        found = fast_gradient(model, X2[y2 == 0], y2[y2 == 0] == 1, 0.5, targets=True)
        np.testing.assert_array_equal(found, fast_gradient(model, X2, y2 == 1, 0.5)[y2 == 0])

    def test_without_labels_rows_of_the_target_class_move_too(self):
        np.testing.assert_array_equal(
            fast_gradient(LINEAR, X, None, 0.5, targets=T),
            fast_gradient(LINEAR, X, y, 0.5, targets=T),
        )
        before, after = (
            LINEAR.predict_proba(X),
            LINEAR.predict_proba(fast_gradient(LINEAR, X, None, 0.5, targets=1)),
        )
        assert (after[:, 1] > before[:, 1]).all()

    @pytest.mark.parametrize("norm", ["l2", "linf"])
    @pytest.mark.parametrize("name", CURVED)
    def test_small_steps_get_closer_than_a_large_one(self, name, norm):
        model, losses = CURVED[name].fit(X, y), []
        for n_steps in (1, 20):
            moved = fast_gradient(model, X, y, 2, norm=norm, targets=T, n_steps=n_steps)
            losses.append(log_loss(T, model.predict_proba(moved)))
        assert losses[1] < losses[0]

    @pytest.mark.parametrize("n_steps", [2, 7])
    def test_the_best_of_all_points_is_never_less_harmful_than_the_last(self, n_steps):
        model = MLPClassifier((16,), max_iter=300, random_state=0).fit(X2, y2)
        options = {"n_steps": n_steps, "step_size": 0.5}
        last, best = (
            attack(model, X2, y2, 1, **options) for attack in (fast_gradient, projected_gradient)
        )
        against = [np.abs(model.predict_proba(moved)[:, 1] - y2) for moved in (last, best)]
        assert (against[1] >= against[0] - 1e-12).all()
        assert (against[1] > against[0] + 1e-6).any()


class TestTransfer:
    models = {
        "weak": LINEAR,
        "strong": LogisticRegression(C=0.01).fit(X, y),
        "Bayes": GaussianNB().fit(X, y),
    }
    attack = partial(fast_gradient, threat=1.5, n_steps=5)

    def test_with_targets_it_counts_the_rows_that_are_taken_for_them(self):
        shares = transfer_matrix(self.models, X, y, self.attack, targets=T)
        for i, source in enumerate(self.models.values()):
            moved = self.attack(source, X, y, targets=T)
            for j, model in enumerate(self.models.values()):
                assert shares[i, j] == np.mean(model.predict(moved) == T)
        assert (
            shares > transfer_matrix(self.models, X, y, partial(self.attack, threat=0), targets=T)
        ).all()

    def test_a_row_taken_for_its_target_is_not_taken_for_its_label(self):
        accuracy = transfer_matrix(self.models, X, y, partial(self.attack, targets=T))
        assert (transfer_matrix(self.models, X, y, self.attack, targets=T) + accuracy <= 1).all()

    def test_one_target_for_all_and_an_attack_of_ones_own(self):
        some = y != 1
        ascent = lambda model, X, y, targets: confidence_ascent(model, X, targets, step_size=0.05)  # noqa: E731
        assert transfer_matrix([LINEAR], X[some], y[some], ascent, targets=1) == [[1.0]]


ONE = partial(fast_gradient, LINEAR, X, y, 1)
SOME_EQUAL = np.where(np.arange(len(y)) < 12, y, T)


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (
            ValueError,
            lambda: ONE(targets=5),
            r"targets has the label 5, which is not among \[0, 1, 2\]",
        ),
        (
            ValueError,
            lambda: ONE(targets="1"),
            r"targets has the label '1', which is not among \[0, 1, 2\]",
        ),
        (ValueError, lambda: ONE(targets=np.nan), "targets has the label nan, which is not among"),
        (
            ValueError,
            lambda: ONE(targets=[None] * len(y)),
            "targets has the label None, which is not among",
        ),
        (
            ValueError,
            lambda: ONE(targets=pd.Series([pd.NA] * len(y))),
            "targets has entries .* such as pandas.NA",
        ),
        (ValueError, lambda: ONE(targets=T[:5]), "targets has 5 entries, but X has 150 rows"),
        (
            ValueError,
            lambda: ONE(targets=np.eye(3)[T]),
            r"one for each row of X; got an array of shape \(150, 3\)",
        ),
        (
            ValueError,
            lambda: ONE(targets=SOME_EQUAL),
            r"equal it in 12 of 150 rows: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …\. Choose other classes, .* or pass y=None",
        ),
        (
            ValueError,
            lambda: fast_gradient(LINEAR, X, y[:9], 1, targets=T),
            "y has 9 entries, but X has 150 rows",
        ),
        (
            ValueError,
            lambda: fast_gradient(LINEAR, X, None, 1),
            "y must have an entry for each of the 150 rows",
        ),
        (
            ValueError,
            lambda: fast_gradient(LINEAR, X, pd.Series([pd.NA] * 150), 1),
            "y has entries .* pandas.NA",
        ),
        (ValueError, lambda: ONE(n_steps=0), "n_steps must be an integer >= 1; got 0"),
        (ValueError, lambda: ONE(n_steps=2.0), "n_steps must be an integer >= 1; got 2.0"),
        (ValueError, lambda: ONE(step_size=-1), "step_size must be a finite number >= 0; got -1"),
        (
            TypeError,
            lambda: fast_gradient(Ridge().fit(X, y), X, y, 1, targets=1),
            "targets are classes, but Ridge is not a classifier. Leave targets=None",
        ),
        (
            TypeError,
            lambda: fast_gradient(
                MLPClassifier((4,)).fit(X, np.eye(3)[y]), X, np.eye(3)[y], 1, targets=1
            ),
            "targets are classes, but MLPClassifier is multilabel. Take one label at a time, or "
            "leave targets=None",
        ),
        (
            ValueError,
            lambda: transfer_matrix([LINEAR], X, y, fast_gradient, targets=9),
            "targets has the label 9, which is not among",
        ),
        (
            ValueError,
            lambda: transfer_matrix([LINEAR], X, y, fast_gradient, targets=1),
            "equal it in 50 of 150 rows: 50",
        ),
    ],
)
def test_a_bad_argument_is_named(error, call, message):
    with pytest.raises(error, match=message):
        call()


def test_goes_to_a_class_whose_probability_is_zero():
    X, y = load_digits(return_X_y=True)
    X = X[:, X.std(axis=0) > 1]
    model = GaussianNB().fit(X, y)
    rows, targets = X[:60], (model.predict(X[:60]) + 1) % 10
    vanishing = model.predict_proba(rows)[np.arange(60), targets] == 0
    moved = fast_gradient(model, rows, None, 1e-4, targets=targets)
    change = (model.predict_log_proba(moved) - model.predict_log_proba(rows))[
        np.arange(60), targets
    ]
    assert vanishing.sum() > 5
    assert (change[vanishing] > 0).all()


def test_a_column_of_targets_is_a_vector():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    targets = (y + 1) % 3
    expected = fast_gradient(model, X, y, 0.3, targets=targets)
    np.testing.assert_array_equal(
        fast_gradient(model, X, y, 0.3, targets=targets[:, None]), expected
    )


class TestThreatModels:
    """The papers' steps inside what a threat model allows."""

    table = pd.DataFrame(
        {
            "age": np.random.RandomState(0).randint(20, 60, 80),
            "income": np.random.RandomState(1).lognormal(3, 0.4, 80),
        }
    )
    labels = (table["income"] + table["age"] > 62).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, labels)
    threat = ThreatModel(0.7, directions={"age": "up"}).fit(table)

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    @pytest.mark.parametrize("attack", [fast_gradient, projected_gradient])
    def test_points_are_allowed_and_harm(self, attack, norm):
        threat = clone(self.threat).set_params(norm=norm)
        moved = attack(self.model, self.table, self.labels, threat)
        assert threat.allows(self.table, self._as_frame(moved)).all()
        before, after = (self._loss(rows) for rows in (self.table, self._as_frame(moved)))
        assert (after >= before - 1e-12).all()
        assert after.mean() > before.mean() + 0.1

    def test_no_attack_is_stronger_than_the_exact_one(self):
        exact = adversarial_accuracy(self.model, self.table, self.labels, self.threat)
        for attack in (fast_gradient, projected_gradient):
            moved = self._as_frame(attack(self.model, self.table, self.labels, self.threat))
            assert self.model.score(moved, self.labels) >= exact

    def test_swaps_are_refused_with_the_way_round(self):
        table = self.table.assign(home=["owns", "rents"] * 40)
        prepare = make_column_transformer((OneHotEncoder(), ["home"]), remainder=StandardScaler())
        model = make_pipeline(prepare, LogisticRegression()).fit(table, self.labels)
        with pytest.raises(
            TypeError, match=r"gradients, which categories do not have. Use adversarial_examples"
        ):
            fast_gradient(model, table, self.labels, ThreatModel(0.3, n_swaps=1).fit(table))
        moved = fast_gradient(model, table, self.labels, ThreatModel(0.3).fit(table))
        assert moved["home"].equals(table["home"])

    def test_what_a_threat_model_has_itself_is_not_taken_beside_it(self):
        for arguments in ({"norm": "l2"}, {"clip": (0, 1)}, {"features": ["age"]}):
            with pytest.raises(ValueError, match="cannot be combined with a ThreatModel"):
                fast_gradient(self.model, self.table, self.labels, self.threat, **arguments)

    def _as_frame(self, moved):
        return pd.DataFrame(np.asarray(moved), columns=self.table.columns).astype(self.table.dtypes)

    def _loss(self, rows):
        return -self.model.predict_log_proba(rows)[np.arange(len(rows)), self.labels]
