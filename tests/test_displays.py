"""What displays draw, read back from the artists; never pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.diagnostics import certified_radius, input_gradients, linear_geometry, mirror_points, signed_distance
from sklearn_irg.displays import (
    AdversarialExamplesDisplay,
    FeatureSensitivityDisplay,
    InputGradientDisplay,
    MarginHistogramDisplay,
    RegularizationPathDisplay,
    RobustnessCurveDisplay,
    TiltingPlaneDisplay,
)
from sklearn_irg.penalties import InputGradient

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_breast_cancer(return_X_y=True)
X = scale(X)[:, :5]
LINEAR = LogisticRegression().fit(X, y)
NETWORK = GradRegMLPClassifier((8,), max_iter=1000, tol=1e-3, random_state=0).fit(X, y)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_tilting_plane_shows_rows_centroids_and_boundary():
    display = TiltingPlaneDisplay.from_estimator(LINEAR, X, y)
    drawn = np.vstack([c.get_offsets() for c in display.ax_.collections if len(c.get_offsets()) > 1])
    assert len(drawn) == len(X)
    (line,) = [line for line in display.ax_.lines if line.get_label() == "boundary"]
    (point,), slope = [line.get_xy1()], np.subtract(line.get_xy2(), line.get_xy1())
    a, b, c = display.plane.boundary
    np.testing.assert_allclose([a * point[0] + b * point[1] + c, slope @ [a, b]], 0, atol=1e-9)
    assert f"{np.degrees(linear_geometry(LINEAR, X, y).tilting_angle):.1f}°" in display.ax_.get_title()
    assert display.ax_.get_aspect() == 1


def test_tilting_plane_shows_mirror_images():
    rows = [3, 100]
    display = TiltingPlaneDisplay.from_estimator(LINEAR, X, y, mirror_images=rows)
    plane = display.plane
    expected = (mirror_points(LINEAR, X[rows]) - plane.origin) @ plane.basis.T
    ends = np.array([line.get_xydata() for line in display.ax_.lines if line.get_linestyle() == ":"])
    np.testing.assert_allclose(ends[:, 0], plane.coordinates[rows], atol=1e-9)
    np.testing.assert_allclose(ends[:, 1], expected, atol=1e-9)
    of_centroids = TiltingPlaneDisplay.from_estimator(LINEAR, X, y).ax_.lines
    assert sum(line.get_linestyle() == ":" for line in of_centroids) == 2
    without = TiltingPlaneDisplay.from_estimator(LINEAR, X, y, mirror_images=None).ax_.lines
    assert sum(line.get_linestyle() == ":" for line in without) == 0
    with pytest.raises(ValueError, match="mirror_images must be one of 'centroids'; got 'rows'"):
        TiltingPlaneDisplay(plane).plot(mirror_images="rows")
    for positions in ([1000], [1.0], 0, [-1], np.ones(len(X), dtype=bool)):
        with pytest.raises(ValueError, match='mirror_images must be None, "centroids", or positions from 0 to'):
            TiltingPlaneDisplay(plane).plot(mirror_images=positions)


def test_margin_histogram_counts_every_row_and_scales_the_loss():
    display = MarginHistogramDisplay.from_estimator(LINEAR, X, y, loss="hinge")
    assert sum(patch.get_height() for patch in display.ax_.patches) == len(X)
    np.testing.assert_array_equal(display.distances, signed_distance(LINEAR, X, y))
    (right,) = [ax for ax in display.figure_.axes if ax is not display.ax_]
    grid, values = right.lines[0].get_data()
    np.testing.assert_allclose(values, np.maximum(1 - np.linalg.norm(LINEAR.coef_) * grid, 0))
    assert len(MarginHistogramDisplay.from_estimator(NETWORK, X, y).figure_.axes) == 1


def test_regularization_path_of_an_estimator_draws_what_it_measured():
    strengths = [0.1, 0.001, 0.01]
    display = RegularizationPathDisplay.from_estimator(
        GradRegLogisticRegression("weight_decay", max_iter=1000), X[::2], y[::2], X[1::2], y[1::2], strengths=strengths
    )
    model = GradRegLogisticRegression("weight_decay", 0.01, max_iter=1000).fit(X[::2], y[::2])
    np.testing.assert_allclose(display.curves["error, test"][2], 1 - model.score(X[1::2], y[1::2]))
    x, drawn = display.axes_[0].lines[1].get_data()
    np.testing.assert_array_equal(x, sorted(strengths))
    np.testing.assert_array_equal(drawn, display.curves["error, test"][[1, 2, 0]])
    assert "adversarial distance" in display.curves
    fallback = RegularizationPathDisplay.from_estimator(
        GradRegMLPClassifier((4,), max_iter=5, random_state=0), X, y, strengths=[0.1, 1.0]
    )
    assert sorted(fallback.curves) == ["adversarial distance", "error, training"]


def test_regularization_path_of_a_search_draws_its_results():
    grid = {"alpha": [0.01, 0.1], "tol": [1e-3]}
    search = GridSearchCV(GradRegLogisticRegression(), grid, cv=3, return_train_score=True).fit(X, y)
    display = RegularizationPathDisplay.from_cv_results(search, parameter="alpha")
    np.testing.assert_allclose(display.curves["error, held-out"], 1 - search.cv_results_["mean_test_score"])
    assert len(display.axes_[0].lines) == 2
    assert display.ax_.get_title() == "GradRegLogisticRegression"
    again = display.plot(curve_kwargs={"linewidth": 5})
    assert {line.get_linewidth() for line in again.ax_.lines} == {5}
    with pytest.raises(ValueError, match="parameter must say which of alpha, tol"):
        RegularizationPathDisplay.from_cv_results(search)


def test_robustness_curves_lie_above_their_certificates():
    epsilon = np.linspace(0, 1, 4)
    display = RobustnessCurveDisplay.from_estimators({"linear": LINEAR, "network": NETWORK}, X, y, epsilon=epsilon)
    np.testing.assert_array_equal(display.attacked["linear"], [adversarial_accuracy(LINEAR, X, y, e) for e in epsilon])
    np.testing.assert_array_equal(
        display.certified["network"], [(certified_radius(NETWORK, X, y) > e).mean() for e in epsilon]
    )
    assert (display.certified["network"] <= display.attacked["network"]).all()
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == ["linear", "network"]
    single = RobustnessCurveDisplay.from_estimator(NETWORK, X, y, epsilon=[0, 1], norm="linf")
    assert list(single.attacked) == ["GradRegMLPClassifier"]


def test_feature_sensitivity_draws_the_largest_last():
    frame = load_iris(as_frame=True)
    model = GradRegLogisticRegression().fit(frame.data, frame.target)
    display = FeatureSensitivityDisplay.from_estimator(model, frame.data, frame.target, max_features=3)
    widths = [patch.get_width() for patch in display.ax_.patches]
    assert widths == sorted(display.sensitivity.mean)[1:]
    assert display.ax_.get_yticklabels()[-1].get_text() == display.sensitivity.to_frame().index[0]


def test_input_gradients_are_arrows_or_images():
    points, labels = make_moons(30, random_state=0)
    model = GradRegMLPClassifier((5,), max_iter=20, random_state=0).fit(points, labels)
    display = InputGradientDisplay.from_estimator(model, points, labels)
    quiver = display.ax_.collections[-1]
    np.testing.assert_allclose(np.column_stack([quiver.U, quiver.V]), input_gradients(model, points, labels))
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    images = InputGradientDisplay.from_estimator(model, digits, y_digits, image_shape=(8, 8), n_images=3)
    assert images.axes_.shape == (2, 3)
    shown = images.axes_[1, 2].images[0].get_array()
    np.testing.assert_allclose(shown, input_gradients(model, digits[:3], y_digits[:3])[2].reshape(8, 8))
    with pytest.raises(ValueError, match="arrows need two features; got 5"):
        InputGradientDisplay.from_estimator(LINEAR, X, y)


def test_adversarial_examples_show_original_perturbation_and_result():
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    display = AdversarialExamplesDisplay.from_estimator(
        model, digits, y_digits, epsilon=20.0, image_shape=(8, 8), n_images=3
    )
    original, perturbation, result = (display.axes_[i, 1].images[0].get_array() for i in range(3))
    np.testing.assert_allclose(original + perturbation, result, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(perturbation), 20.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda ax: TiltingPlaneDisplay.from_estimator(LINEAR, X, y, ax=ax),
        lambda ax: MarginHistogramDisplay.from_estimator(LINEAR, X, y, ax=ax),
        lambda ax: RobustnessCurveDisplay.from_estimator(LINEAR, X, y, epsilon=[0, 1], ax=ax),
        lambda ax: FeatureSensitivityDisplay.from_estimator(LINEAR, X, y, ax=ax),
    ],
)
def test_given_axes_are_drawn_on_and_plot_returns_the_display(make):
    _, ax = plt.subplots()
    display = make(ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.plot() is display
    assert display.ax_ is not ax


def test_scores_that_are_no_accuracy_are_drawn_as_they_are_and_other_parameters_averaged():
    grid = {"alpha": [0.01, 0.1], "tol": [1e-3, 1e-4]}
    search = GridSearchCV(GradRegLogisticRegression(), grid, cv=3, scoring="neg_log_loss").fit(X, y)
    display = RegularizationPathDisplay.from_cv_results(search, parameter="alpha")
    expected = search.cv_results_["mean_test_score"].reshape(2, 2).mean(axis=1)
    np.testing.assert_allclose(display.curves["held-out neg_log_loss"], expected)


def test_a_model_without_weights_leaves_a_gap_in_its_path_and_zero_has_a_place():
    lasso = GradRegLogisticRegression(InputGradient("l1"), max_iter=1000)
    display = RegularizationPathDisplay.from_estimator(lasso, X, y, strengths=[0, 0.01, 100.0])
    np.testing.assert_array_equal(np.isnan(display.curves["tilting angle (degrees)"]), [False, False, True])
    assert display.axes_[0].get_xscale() == "symlog"
    with pytest.raises(ValueError, match="axes must be 3, one for error, training and one for adversarial distance"):
        display.plot(axes=plt.subplots()[1])


def test_many_curves_and_classes_differ_from_each_other():
    display = RobustnessCurveDisplay(np.array([0, 1]), {str(i): np.array([1, 0]) for i in range(14)}, norm="l2").plot()
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in display.ax_.lines}
    assert len(looks) == 14
    points, labels = np.random.RandomState(0).standard_normal((30, 2)), np.arange(30) % 10
    display = InputGradientDisplay(points, points, labels=labels).plot()
    assert sum(len(c.get_offsets()) for c in display.ax_.collections[:-1]) == 30
