"""Certificates: certified ≤ exact ≤ attacked, on every model, norm and threat."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg._threats.mixed_integer_program import solved
from sklearn_irg.activations import Activation, Identity, Logistic, ReLU, Softplus, Tanh
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.diagnostics import attack_distance, certified_radius, distance_interval
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y, mixed_table, prepared

X2, y2, X3, y3 = BINARY_X[:, :5], BINARY_Y, MULTI_X, MULTI_Y
SMALL = {"learning_rate_init": 0.02, "tol": 0.003, "random_state": 0}
NETWORKS = [
    GradRegMLPClassifier((8,), **SMALL).fit(X3, y3),
    GradRegMLPClassifier((6, 6), **SMALL).fit(X2, y2),
    MLPClassifier((6,), activation="tanh", **SMALL).fit(X3, y3),
    GradRegMLPClassifier((6, 5), activation="logistic", **SMALL).fit(X3, y3),
    GradRegMLPClassifier((6,), activation="softplus", **SMALL).fit(X2, y2),
]


def rows_of(model, n_samples=25):
    return X3[::6][:n_samples] if len(model.classes_) == 3 else X2[:n_samples]


class Leaky(Activation):
    largest_slope = 1.0

    def apply(self, Z):
        np.maximum(Z, 0.1 * Z, out=Z)

    def slope(self, A, out):
        out[...] = np.where(A > 0, 1.0, 0.1)
        return out

    def slope_derivative(self, A):
        del A


@pytest.mark.parametrize(
    "activation", [Identity(), ReLU(), Tanh(), Logistic(), Softplus()], ids=repr
)
def test_lines_bound_activations(activation):
    rng = np.random.RandomState(0)
    low = rng.standard_normal(2000) * np.exp(2 * rng.standard_normal(2000))
    high = low + np.exp(3 * rng.standard_normal(2000)) * (rng.random_sample(2000) < 0.9)
    (a, b), (c, d) = activation.linear_bounds(low, high)
    for share in np.linspace(0, 1, 101):
        z = low + share * (high - low)
        value = activation.value_and_slope(z)[0]
        tolerance = 1e-12 * (1 + np.abs(low) + np.abs(high))
        assert (a * z + b <= value + tolerance).all()
        assert (c * z + d >= value - tolerance).all()


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: repr(model)[:60])
class TestEveryNetwork:
    def test_certified_is_at_most_attacked_and_close(self, model, norm):
        X = rows_of(model)
        certified, attacked = (
            certified_radius(model, X, norm=norm),
            attack_distance(model, X, norm=norm),
        )
        assert (certified <= attacked * (1 + 1e-5)).all()
        assert np.median(certified / attacked) > 0.5

    def test_no_point_within_the_radius_is_another_class(self, model, norm):
        X = rows_of(model)
        radii = certified_radius(model, X, norm=norm)
        rng = np.random.RandomState(0)
        order = {"l2": 2, "linf": np.inf, "l1": 1}[norm]
        for _ in range(200):
            steps = rng.standard_normal(X.shape) * (rng.random_sample(X.shape) < rng.rand())
            size = np.linalg.norm(steps, ord=order, axis=1, keepdims=True)
            moved = X + 0.999 * radii[:, None] * steps / np.where(size > 0, size, 1)
            np.testing.assert_array_equal(model.predict(moved), model.predict(X))

    def test_is_consistent_with_certified_accuracy(self, model, norm):
        X = rows_of(model)
        radii = certified_radius(model, X, norm=norm)
        for epsilon in np.quantile(radii, [0.2, 0.7]) * 1.01:
            assert certified_accuracy(model, X, model.predict(X), epsilon, norm=norm) == np.mean(
                radii > epsilon
            )


class TestExactly:
    @pytest.mark.parametrize("norm", ["linf", "l1"])
    @pytest.mark.parametrize("model", NETWORKS[:2], ids=lambda model: repr(model)[:60])
    def test_relu_networks_lie_between_their_ends_which_meet(self, model, norm):
        X = rows_of(model, 8)
        lower, upper = distance_interval(model, X, norm=norm, method="exact")
        assert (lower <= upper).all()
        np.testing.assert_allclose(lower, upper, rtol=1e-4)
        assert (certified_radius(model, X, norm=norm) <= upper * (1 + 1e-5)).all()
        attacked = attack_distance(model, X, norm=norm)
        assert (attacked >= lower * (1 - 1e-5)).all()
        assert np.median(attacked / lower) < 1.001
        exact = certified_radius(model, X, norm=norm, method="exact")
        np.testing.assert_allclose(exact, lower, rtol=1e-4)

    def test_a_network_of_one_unit_by_hand(self):
        model = MLPClassifier((1,), max_iter=1, random_state=0)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])
        model.coefs_ = [np.array([[1.0], [2.0]]), np.array([[1.0]])]
        model.intercepts_ = [np.array([0.0]), np.array([-1.0])]  # class 1 where relu(x + 2y) > 1
        X = np.array([[0.0, 0.0], [-1.0, 0.0]])
        for norm, expected in (("linf", [1 / 3, 2 / 3]), ("l1", [1 / 2, 1.0])):
            lower, upper = distance_interval(model, X, norm=norm, method="exact")
            np.testing.assert_allclose(lower, expected, rtol=1e-4)
            np.testing.assert_allclose(upper, expected, rtol=1e-4)

    def test_whole_numbers_and_bounds(self):
        X, y = load_breast_cancer(return_X_y=True)
        X = np.rint(X[:, :3])
        model = make_pipeline(StandardScaler(), GradRegMLPClassifier((6,), **SMALL)).fit(X, y)
        threat = ThreatModel(norm="linf").fit(X)
        lower, upper = distance_interval(model, X[:8], threat=threat, method="exact")
        finite = np.isfinite(upper)
        assert finite.any()
        steps = upper[finite, None] * threat.scales_
        # the radius is that of the column which moves furthest: whole steps of one column
        assert (np.abs(steps - np.rint(steps)).min(axis=1) < 1e-4).all()
        assert (lower[finite] <= upper[finite]).all()

    def test_running_out_of_time_leaves_an_interval(self):
        model = MLPClassifier((40, 40), **SMALL).fit(BINARY_X, y2)
        lower, upper = distance_interval(
            model, BINARY_X[:2], norm="linf", method="exact", time_limit=0.05
        )
        certified = certified_radius(model, BINARY_X[:2], norm="linf")
        assert (lower >= certified * (1 - 1e-9)).all()
        assert (lower <= upper).all()


ENSEMBLES = [  # and numbers of classes
    (RandomForestClassifier(7, max_depth=4, random_state=0), 2),
    (RandomForestClassifier(5, max_depth=4, random_state=0), 3),
    (ExtraTreesClassifier(7, max_depth=4, random_state=0), 3),
    (GradientBoostingClassifier(n_estimators=6, random_state=0), 3),
    (GradientBoostingClassifier(n_estimators=9, init="zero", random_state=0), 2),
    (BaggingClassifier(DecisionTreeClassifier(max_depth=3), 5, random_state=0), 3),
]


def nearest_cell(model, x, norm, low=-np.inf, high=np.inf):
    """Distance from a row of two columns to another class, over all cells between thresholds."""
    members = np.ravel(model.estimators_)
    cells = []
    for j in range(2):
        ends = np.unique(np.concatenate([m.tree_.threshold[m.tree_.feature == j] for m in members]))
        ends = np.concatenate([[-1e3], ends, [1e3]])
        middle = (ends[:-1] + ends[1:]) / 2
        move = np.maximum(0, np.maximum(ends[:-1] - x[j], x[j] - ends[1:]))
        move = np.where((ends[1:] < x[j] + low) | (ends[:-1] > x[j] + high), np.inf, move)
        cells.append((middle, move))
    points = np.array([(a, b) for a in cells[0][0] for b in cells[1][0]])
    moves = np.array([(a, b) for a in cells[0][1] for b in cells[1][1]])
    falls = model.predict(points) != model.predict(x[None])[0]
    lengths = {
        "linf": moves.max(axis=1),
        "l2": np.sqrt((moves**2).sum(axis=1)),
        "l1": moves.sum(axis=1),
    }[norm]
    return lengths[falls].min()


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
class TestForests:
    @pytest.mark.parametrize(("model", "n_classes"), ENSEMBLES, ids=lambda model: repr(model)[:40])
    def test_distances_are_those_to_the_nearest_cell(self, model, n_classes, norm):
        X, y = load_iris(return_X_y=True)
        X, y = (
            X[:, 2:] + 1e-3 * np.random.RandomState(0).standard_normal((150, 2)),
            np.minimum(y, n_classes - 1),
        )
        model = clone(model).fit(X, y)
        lower, upper = distance_interval(model, X[::50], norm=norm, method="exact")
        expected = [nearest_cell(model, x, norm) for x in X[::50]]
        np.testing.assert_allclose(upper, expected, rtol=2e-6, atol=1e-7)
        assert (lower <= upper).all()
        met = lower >= upper * (1 - 1e-5)  # ties of shares leave an interval
        assert met.all() if isinstance(model, GradientBoostingClassifier) else met.mean() >= 0.6
        np.testing.assert_array_equal(
            certified_radius(model, X[::50], norm=norm, method="exact"), lower
        )

    @pytest.mark.parametrize("n_swaps", [0, 1])
    def test_a_forest_of_one_tree_is_that_tree(self, norm, n_swaps):
        table, labels = mixed_table(classes=3)
        tree = prepared(DecisionTreeClassifier(max_leaf_nodes=12, random_state=0)).fit(
            table, labels
        )
        forest = prepared(RandomForestClassifier(1, bootstrap=False, max_features=None)).fit(
            table, labels
        )
        forest[-1].estimators_[0] = tree[-1]
        tree[-1].classes_ = np.arange(3.0)  # as the members of a forest have them
        threat = ThreatModel(norm=norm, n_swaps=n_swaps, directions={"age": "up"}).fit(table)
        lower, upper = distance_interval(forest, table[:20], threat=threat, method="exact")
        own = forest.predict(table[:20])
        tree[-1].classes_ = forest.classes_
        expected = certified_radius(tree, table[:20], own, threat=threat)
        np.testing.assert_allclose(upper, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(lower, expected, rtol=1e-5, atol=1e-6)

    def test_an_attack_is_never_nearer(self, norm):
        table, labels = mixed_table()
        model = prepared(GradientBoostingClassifier(n_estimators=5)).fit(table, labels)
        threat = ThreatModel(norm=norm, n_swaps=1).fit(table)
        some = table[:4]
        lower, upper = distance_interval(model, some, threat=threat, method="exact")
        assert (lower <= upper).all()
        assert (upper <= attack_distance(model, some, threat=threat) * (1 + 1e-5)).all()
        attacked = adversarial_accuracy(model, some, model.predict(some), threat)
        assert attacked >= np.mean(upper > threat.epsilon)


def test_the_solver_finds_the_optimum():
    # minimize 2x + 3z with x + z >= 4.5 and z whole: (4.5, 0), where a presolver of HiGHS 1.14 says
    # (0, 5)
    matrix = LinearConstraint(np.array([[1.0, 1.0]]), 4.5, np.inf)
    found = solved(np.array([2.0, 3.0]), np.array([0, 1]), Bounds(0, 10), matrix, seconds=10.0)
    np.testing.assert_allclose(found.x, [4.5, 0], atol=1e-9)


def test_ensembles_whose_values_do_not_add_up_are_refused():
    X, y = load_iris(return_X_y=True)
    model = AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=2), n_estimators=3, random_state=0
    ).fit(X, y)
    with pytest.raises(
        TypeError,
        match=r"nothing is known exactly about AdaBoostClassifier here .* its trees vote with weights",
    ):
        distance_interval(model, X[:2], method="exact")


def test_forests_that_run_out_of_time_leave_an_interval():
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X2, y2)
    lower, upper = distance_interval(model, X2[:1], method="exact", time_limit=0.01)
    assert lower[0] <= upper[0] <= attack_distance(model, X2[:1])[0]


class TestTables:
    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    @pytest.mark.parametrize("n_swaps", [0, 1, 2])
    def test_certified_is_at_most_attacked(self, norm, n_swaps):
        table, labels = mixed_table(classes=3)
        model = prepared(GradRegMLPClassifier((8,), **SMALL)).fit(table, labels)
        threat = ThreatModel(
            [0, 0.02, 0.1, 0.3], norm=norm, n_swaps=n_swaps, directions={"age": "up"}
        ).fit(table)
        certified = certified_accuracy(model, table, labels, threat)
        attacked = adversarial_accuracy(model, table, labels, threat)
        assert (certified <= attacked).all()
        assert (certified > 0).all()
        assert (attacked - certified < 0.15).all()

    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_linear_models_under_a_threat(self, norm):
        table, labels = mixed_table()
        model = prepared(LogisticRegression()).fit(table, labels)
        threat = ThreatModel(norm=norm, n_swaps=1).fit(table)
        radii = certified_radius(model, table, labels, threat=threat)
        for epsilon in (0.1, 0.4):
            at = ThreatModel(epsilon, norm=norm, n_swaps=1).fit(table)
            assert certified_accuracy(model, table, labels, at) == np.mean(radii > epsilon)

    def test_what_never_changes_is_infinitely_far(self):
        model = LogisticRegression().fit(X2[:, :1], y2)
        threat = ThreatModel(bounds={0: (None, None)}, directions={0: "up"}).fit(X2[:, :1])
        radii = certified_radius(model, X2[:, :1], threat=threat)
        up_is_safe = model.predict(X2[:, :1]) == (model.coef_[0, 0] > 0)
        np.testing.assert_array_equal(np.isinf(radii), up_is_safe)


class TestBadInput:
    def test_unknown_methods_and_what_cannot_be_certain(self):
        linear = LogisticRegression().fit(X2, y2)
        with pytest.raises(ValueError, match=r"method must be one of 'auto', 'exact', .*; got 'x'"):
            certified_radius(linear, X2, method="x")
        with pytest.raises(
            TypeError, match="method='lipschitz' does not apply here: the bound is for \"l2\""
        ):
            certified_radius(NETWORKS[1], X2, method="lipschitz", norm="linf")
        with pytest.raises(
            TypeError, match=r'nothing is known exactly .*the norm is neither "linf" nor "l1"'
        ):
            certified_radius(NETWORKS[1], X2, method="exact")
        with pytest.raises(
            TypeError,
            match=r"nothing is known exactly about MLPClassifier here .*is not a ReLU network",
        ):
            certified_radius(NETWORKS[2], X3, method="exact", norm="linf")
        with pytest.raises(ValueError, match="time_limit must be a finite number > 0; got 0"):
            certified_radius(NETWORKS[1], X2, method="exact", norm="linf", time_limit=0)
        with pytest.raises(
            TypeError, match=r"nothing is certain about the pipeline .* pass pipe\[-1\]"
        ):
            certified_radius(
                make_pipeline(PolynomialFeatures(), LogisticRegression()).fit(X2, y2), X2
            )
        with pytest.raises(
            ValueError, match="units cannot be combined with a ThreatModel, which has it as scale"
        ):
            certified_radius(linear, X2, threat=ThreatModel(), units="std")

    def test_an_activation_without_lines_has_its_slope(self):
        model = GradRegMLPClassifier((6,), activation=Leaky(), **SMALL).fit(X2, y2)
        expected = certified_radius(model, X2, method="lipschitz")
        np.testing.assert_array_equal(certified_radius(model, X2), expected)
        with pytest.raises(TypeError, match=r"the activation Leaky.. declares no linear bounds"):
            certified_radius(model, X2, norm="linf")

    def test_trees_have_no_linear_bounds(self):
        tree = DecisionTreeClassifier(max_depth=3).fit(X2, y2)
        with pytest.raises(
            TypeError,
            match="method='linear_bounds' does not apply here: DecisionTreeClassifier has no "
            "weights",
        ):
            certified_radius(tree, X2, method="linear_bounds")
        np.testing.assert_array_equal(certified_radius(tree, X2), attack_distance(tree, X2))


class TestWhatNeverMoves:
    """Columns that are fixed, without bounds, and rows that are all misclassified."""

    model = LogisticRegression().fit(X2[:, :2], y2)

    def test_a_fixed_column_takes_no_part_in_distances(self):
        threat = ThreatModel(bounds=None, scale=None, fixed=[0]).fit(X2[:, :2])
        rows = X2[:20, :2]
        expected = np.abs(self.model.decision_function(rows) / self.model.coef_[0, 1])
        lower, upper = distance_interval(self.model, rows, threat=threat)
        np.testing.assert_allclose(upper, expected, rtol=1e-9)
        np.testing.assert_allclose(lower, expected, rtol=1e-9)
        np.testing.assert_allclose(
            attack_distance(self.model, rows, threat=threat), expected, rtol=1e-9
        )

    def test_nothing_is_in_reach_where_all_columns_are_fixed(self):
        threat = ThreatModel(bounds=None, scale=None, fixed=[0, 1]).fit(X2[:, :2])
        assert np.isinf(certified_radius(self.model, X2[:5, :2], threat=threat)).all()
        assert np.isinf(attack_distance(self.model, X2[:5, :2], threat=threat)).all()

    @pytest.mark.parametrize("norm", ["l2", "l1"])
    def test_rows_that_are_all_misclassified_have_distance_zero(self, norm):
        X = np.round(3 * X3)
        model = LogisticRegression(max_iter=500).fit(X, y3)
        wrong = (model.predict(X[:4]) + 1) % 3
        threat = ThreatModel(norm=norm).fit(X)
        for some in (slice(0, 1), slice(0, 4)):
            lower, upper = distance_interval(model, X[some], wrong[some], threat=threat)
            np.testing.assert_array_equal(lower, 0)
            np.testing.assert_array_equal(upper, 0)
