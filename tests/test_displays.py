"""What displays draw, read back from the artists; never pixels."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import sem
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_moons
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy
from sklearn_irg.diagnostics import (
    certified_radius,
    feature_sensitivity,
    flip_rates,
    input_gradients,
    linear_geometry,
    mirror_points,
    signed_distance,
)
from sklearn_irg.displays import (
    AdversarialExamplesDisplay,
    FeatureSensitivityDisplay,
    InputGradientDisplay,
    MarginHistogramDisplay,
    RegularizationPathDisplay,
    RobustnessCurveDisplay,
    TiltingPlaneDisplay,
)
from sklearn_irg.model_selection import regularization_path
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
    drawn = np.vstack(
        [c.get_offsets() for c in display.ax_.collections if len(c.get_offsets()) > 1]
    )
    assert len(drawn) == len(X)
    (line,) = [line for line in display.ax_.lines if line.get_label() == "boundary"]
    (point,), slope = [line.get_xy1()], np.subtract(line.get_xy2(), line.get_xy1())
    a, b, c = display.plane.boundary
    np.testing.assert_allclose([a * point[0] + b * point[1] + c, slope @ [a, b]], 0, atol=1e-9)
    assert (
        f"{np.degrees(linear_geometry(LINEAR, X, y).tilting_angle):.1f}°" in display.ax_.get_title()
    )
    assert display.ax_.get_aspect() == 1


def test_tilting_plane_shows_mirror_images():
    rows = [3, 100]
    display = TiltingPlaneDisplay.from_estimator(LINEAR, X, y, mirror_images=rows)
    plane = display.plane
    expected = (mirror_points(LINEAR, X[rows]) - plane.origin) @ plane.basis.T
    ends = np.array(
        [line.get_xydata() for line in display.ax_.lines if line.get_linestyle() == ":"]
    )
    np.testing.assert_allclose(ends[:, 0], plane.coordinates[rows], atol=1e-9)
    np.testing.assert_allclose(ends[:, 1], expected, atol=1e-9)
    of_centroids = TiltingPlaneDisplay.from_estimator(LINEAR, X, y).ax_.lines
    assert sum(line.get_linestyle() == ":" for line in of_centroids) == 2
    without = TiltingPlaneDisplay.from_estimator(LINEAR, X, y, mirror_images=None).ax_.lines
    assert sum(line.get_linestyle() == ":" for line in without) == 0
    with pytest.raises(ValueError, match="mirror_images must be one of 'centroids'; got 'rows'"):
        TiltingPlaneDisplay(plane).plot(mirror_images="rows")
    for positions in ([1000], [1.0], 0, [-1], np.ones(len(X), dtype=bool)):
        with pytest.raises(
            ValueError, match='mirror_images must be None, "centroids", or positions from 0 to'
        ):
            TiltingPlaneDisplay(plane).plot(mirror_images=positions)


def test_margin_histogram_counts_every_row_and_scales_the_loss():
    display = MarginHistogramDisplay.from_estimator(LINEAR, X, y, loss="hinge")
    assert sum(patch.get_height() for patch in display.ax_.patches) == len(X)
    np.testing.assert_array_equal(display.distances, signed_distance(LINEAR, X, y, units="std"))
    (right,) = [ax for ax in display.figure_.axes if ax is not display.ax_]
    grid, values = right.lines[0].get_data()
    np.testing.assert_allclose(values, np.maximum(1 - np.linalg.norm(LINEAR.coef_) * grid, 0))
    assert len(MarginHistogramDisplay.from_estimator(NETWORK, X, y).figure_.axes) == 1
    with pytest.raises(
        ValueError, match="loss must be one of 'zero_one', 'hinge', 'softplus'; got 'log'"
    ):
        MarginHistogramDisplay.from_estimator(NETWORK, X, y, loss="log")


class TestUnitsOfMargins:
    raw = X * [1e-3, 1, 10, 50, 1e4] + 7
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(raw, y)

    def test_do_not_depend_on_those_of_the_columns(self):
        display = MarginHistogramDisplay.from_estimator(self.model, self.raw, y)
        w = self.model[-1].coef_[0]
        expected = (2 * y - 1) * self.model.decision_function(self.raw) / np.linalg.norm(w)
        np.testing.assert_allclose(display.distances, expected)
        np.testing.assert_allclose(display.weight_norm, np.linalg.norm(w))
        assert "(standard deviations of the columns)" in display.ax_.get_xlabel()

    def test_are_those_of_a_threat_model(self):
        threat = ThreatModel(scale={0: 2e-3, 1: 5.0}, fixed=[4]).fit(self.raw)
        display = MarginHistogramDisplay.from_estimator(self.model, self.raw, y, threat=threat)
        w = self.model[-1].coef_[0] / self.model[0].scale_ * threat.scales_
        expected = (2 * y - 1) * self.model.decision_function(self.raw) / np.linalg.norm(w)
        np.testing.assert_allclose(display.distances, expected)
        assert "(scales of the threat model)" in display.ax_.get_xlabel()
        with pytest.raises(ValueError, match="units cannot be combined with a ThreatModel"):
            MarginHistogramDisplay.from_estimator(
                self.model, self.raw, y, threat=threat, units="std"
            )

    def test_are_those_of_the_columns_where_that_is_said(self):
        display = MarginHistogramDisplay.from_estimator(self.model, self.raw, y, units="raw")
        np.testing.assert_array_equal(display.distances, signed_distance(self.model, self.raw, y))
        assert "(units of X)" in display.ax_.get_xlabel()


def test_regularization_path_of_an_estimator_draws_what_it_measured():
    strengths = [0.1, 0.001, 0.01]
    display = RegularizationPathDisplay.from_estimator(
        GradRegLogisticRegression("weight_decay", max_iter=1000),
        X[::2],
        y[::2],
        X[1::2],
        y[1::2],
        strengths=strengths,
    )
    model = GradRegLogisticRegression("weight_decay", 0.01, max_iter=1000).fit(X[::2], y[::2])
    np.testing.assert_allclose(
        display.curves["error"]["held-out"][2], 1 - model.score(X[1::2], y[1::2])
    )
    x, drawn = display.axes_[0].lines[1].get_data()
    np.testing.assert_array_equal(x, sorted(strengths))
    np.testing.assert_array_equal(drawn, display.curves["error"]["held-out"][[1, 2, 0]])
    assert list(display.curves) == [
        "error",
        "tilting angle (degrees)",
        "adversarial distance (units of X)",
    ]
    assert display.ax_.get_title() == "GradRegLogisticRegression\n285 rows"
    fallback = RegularizationPathDisplay.from_estimator(
        GradRegMLPClassifier((4,), max_iter=5, random_state=0), X, y, strengths=[0.1, 1.0]
    )
    assert list(fallback.curves) == ["error", "adversarial distance (units of X)"]


def test_regularization_path_of_a_search_draws_its_results():
    grid = {"alpha": [0.01, 0.1], "tol": [1e-3]}
    search = GridSearchCV(GradRegLogisticRegression(), grid, cv=3, return_train_score=True).fit(
        X, y
    )
    display = RegularizationPathDisplay.from_cv_results(search, parameter="alpha")
    np.testing.assert_allclose(
        display.curves["error"]["held-out"], 1 - search.cv_results_["mean_test_score"]
    )
    assert len(display.axes_[0].lines) == 2
    assert display.ax_.get_title() == "GradRegLogisticRegression\n5 columns, 3 folds"
    again = display.plot(curve_kwargs={"linewidth": 5})
    assert {line.get_linewidth() for line in again.ax_.lines} == {5}
    with pytest.raises(ValueError, match="parameter must say which of alpha, tol"):
        RegularizationPathDisplay.from_cv_results(search)


def test_robustness_curves_lie_above_their_certificates():
    epsilon = np.linspace(0, 1, 4)
    display = RobustnessCurveDisplay.from_estimators(
        {"linear": LINEAR, "network": NETWORK}, X, y, threat=epsilon
    )
    np.testing.assert_array_equal(
        display.attacked["linear"], [adversarial_accuracy(LINEAR, X, y, e) for e in epsilon]
    )
    np.testing.assert_array_equal(
        display.certified["network"],
        [(certified_radius(NETWORK, X, y) > e).mean() for e in epsilon],
    )
    assert (display.certified["network"] <= display.attacked["network"]).all()
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == [
        "linear (exact)",
        "network",
        "with markers: attacked, at most this accurate",
        "dotted: certified, at least this accurate",
    ]
    single = RobustnessCurveDisplay.from_estimator(NETWORK, X, y, threat=[0, 1], norm="linf")
    assert list(single.attacked) == ["GradRegMLPClassifier"]


def test_feature_sensitivity_draws_the_largest_last():
    frame = load_iris(as_frame=True)
    model = GradRegLogisticRegression().fit(frame.data, frame.target)
    display = FeatureSensitivityDisplay.from_estimator(
        model, frame.data, frame.target, max_features=3
    )
    widths = [patch.get_width() for patch in display.ax_.patches]
    assert widths == sorted(display.sensitivity.mean)[1:]
    assert display.ax_.get_yticklabels()[-1].get_text() == display.sensitivity.to_frame().index[0]


class TestSensitivityOfMixedTables:
    rng = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "age": rng.standard_normal(120),
            "sex": rng.choice(["f", "m"], 120),
            "job": rng.choice(list("abc"), 120),
        }
    )
    bought = (table.age + (table.sex == "f") * 2 + 0.1 * rng.standard_normal(120) > 1).astype(int)
    prepare = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(), ["sex", "job"])
    )
    model = make_pipeline(prepare, LogisticRegression()).fit(table, bought)

    def test_categories_are_drawn_by_the_rows_that_a_change_of_them_flips(self):
        display = FeatureSensitivityDisplay.from_estimator(self.model, self.table, self.bought)
        assert len(display.ax_.patches) == 1
        widths = [patch.get_width() for patch in display.flips_ax_.patches]
        rates = flip_rates(self.model, self.table).to_frame().flip_rate
        np.testing.assert_allclose(widths, [rates["job"], rates["sex"]])
        assert rates["sex"] > 0.3
        assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
            "age",
            "job",
            "sex",
        ]
        assert "flips" in display.flips_ax_.get_xlabel()

    def test_the_largest_of_both_kinds_are_drawn(self):
        sensitivity = feature_sensitivity(self.model, self.table, self.bought)
        for max_features, expected in ((1, ["age"]), (2, ["age", "sex"])):
            display = FeatureSensitivityDisplay(sensitivity).plot(max_features=max_features)
            assert [label.get_text() for label in display.ax_.get_yticklabels()] == expected

    def test_a_table_of_categories_only_has_no_bar_of_zero(self):
        model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(
            self.table[["sex", "job"]], self.bought
        )
        display = FeatureSensitivityDisplay.from_estimator(
            model, self.table[["sex", "job"]], self.bought
        )
        assert not display.ax_.patches
        assert len(display.flips_ax_.patches) == 2


def test_input_gradients_are_arrows_or_images():
    points, labels = make_moons(30, random_state=0)
    model = GradRegMLPClassifier((5,), max_iter=20, random_state=0).fit(points, labels)
    display = InputGradientDisplay.from_estimator(model, points, labels)
    quiver = display.ax_.collections[-1]
    drawn, gradients = np.column_stack([quiver.U, quiver.V]), input_gradients(model, points, labels)
    np.testing.assert_allclose(drawn / np.abs(drawn).max(), gradients / np.abs(gradients).max())
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    images = InputGradientDisplay.from_estimator(
        model, digits, y_digits, image_shape=(8, 8), n_images=3
    )
    assert images.axes_.shape == (2, 3)
    shown = images.axes_[1, 2].images[0].get_array()
    np.testing.assert_allclose(
        shown, input_gradients(model, digits[:3], y_digits[:3])[2].reshape(8, 8)
    )
    with pytest.raises(ValueError, match="arrows need two features; got 5"):
        InputGradientDisplay.from_estimator(LINEAR, X, y)


def test_adversarial_examples_show_original_perturbation_and_result():
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    display = AdversarialExamplesDisplay.from_estimator(
        model, digits, y_digits, threat=20.0, image_shape=(8, 8), n_images=3
    )
    original, perturbation, result = (display.axes_[i, 1].images[0].get_array() for i in range(3))
    np.testing.assert_allclose(original + perturbation, result, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(perturbation), 20.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda ax: TiltingPlaneDisplay.from_estimator(LINEAR, X, y, ax=ax),
        lambda ax: MarginHistogramDisplay.from_estimator(LINEAR, X, y, ax=ax),
        lambda ax: RobustnessCurveDisplay.from_estimator(LINEAR, X, y, threat=[0, 1], ax=ax),
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
    np.testing.assert_allclose(display.curves["neg_log_loss"]["held-out"], expected)


def test_a_model_without_weights_leaves_a_gap_in_its_path_and_zero_has_a_place():
    lasso = GradRegLogisticRegression(InputGradient("l1"), max_iter=1000)
    display = RegularizationPathDisplay.from_estimator(lasso, X, y, strengths=[0, 0.01, 100.0])
    np.testing.assert_array_equal(
        np.isnan(display.curves["tilting angle (degrees)"]["training"]), [False, False, True]
    )
    assert display.axes_[0].get_xscale() == "symlog"
    with pytest.raises(
        ValueError,
        match=r"ax must be one axes, which is then divided, or 3 of them \(3 × 1\); got \(2,\)",
    ):
        display.plot(ax=plt.subplots(2)[1])


def test_many_curves_and_classes_differ_from_each_other():
    display = RobustnessCurveDisplay(
        np.array([0, 1]), {str(i): np.array([1, 0]) for i in range(14)}, norm="l2"
    ).plot()
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle()) for line in display.ax_.lines
    }
    assert len(looks) == 14
    points, labels = np.random.RandomState(0).standard_normal((30, 2)), np.arange(30) % 10
    display = InputGradientDisplay(points, points, labels=labels).plot()
    assert sum(len(c.get_offsets()) for c in display.ax_.collections[:-1]) == 30


def test_arrows_stay_inside_the_axes_and_columns_of_unequal_scale_make_no_strip():
    points, labels = make_moons(30, random_state=0)
    points[:, 1] *= 1000
    model = GradRegMLPClassifier((5,), max_iter=20, random_state=0).fit(points, labels)
    display = InputGradientDisplay.from_estimator(model, points, labels)
    quiver = display.ax_.collections[-1]
    gradients = (
        display.gradients * points.std(axis=0) ** 2
    )  # per standard deviation, in units of the plane
    drawn = np.column_stack([quiver.U, quiver.V])
    np.testing.assert_allclose(drawn / np.abs(drawn).max(), gradients / np.abs(gradients).max())
    tips = points + drawn
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert left < tips[:, 0].min()
    assert right > tips[:, 0].max()
    assert bottom < tips[:, 1].min()
    assert top > tips[:, 1].max()
    assert display.ax_.get_aspect() == "auto"


def test_adversarial_examples_tell_the_truth_before_and_after():
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    display = AdversarialExamplesDisplay.from_estimator(
        model, digits, y_digits, threat=20.0, image_shape=(8, 8), n_images=3
    )
    top, bottom = display.axes_[0, 1], display.axes_[2, 1]
    assert top.get_title() == f"true: {y_digits[1]}\nbefore: {display.before[1]}"
    assert bottom.get_xlabel() == f"after: {display.after[1]}"


def test_one_axes_is_divided_where_several_are_needed():
    digits, y_digits = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(digits, y_digits)
    _, (left, right) = plt.subplots(1, 2)
    options = {"image_shape": (8, 8), "n_images": 3}
    examples = AdversarialExamplesDisplay.from_estimator(
        model, digits, y_digits, threat=20.0, ax=left, **options
    )
    gradients = InputGradientDisplay.from_estimator(model, digits, y_digits, ax=right, **options)
    assert examples.figure_ is gradients.figure_ is left.figure
    assert examples.axes_.shape == (3, 3)
    assert gradients.axes_.shape == (2, 3)


def test_a_path_holds_rows_out_and_finds_the_strength_at_the_end_of_a_pipeline():
    model = make_pipeline(StandardScaler(), GradRegLogisticRegression())
    display = RegularizationPathDisplay.from_estimator(
        model, X, y, strengths=[0.1, 1], test_size=0.25, random_state=0, table="breast cancer"
    )
    train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model.set_params(gradreglogisticregression__alpha=1).fit(train, y_train)
    assert display.curves["error"]["held-out"][1] == 1 - model.score(test, y_test)
    assert display.ax_.get_title() == "GradRegLogisticRegression\nbreast cancer, 426 rows"
    assert display.axes_[-1].get_xlabel() == "alpha"
    with pytest.raises(
        ValueError, match=r"SVC has no alpha. Name the parameter, such as parameter='svc__C'"
    ):
        RegularizationPathDisplay.from_estimator(
            make_pipeline(StandardScaler(), SVC()), X, y, strengths=[1]
        )
    with pytest.raises(ValueError, match="give either X_test and y_test, or test_size; got both"):
        RegularizationPathDisplay.from_estimator(model, X, y, X, y, strengths=[1], test_size=0.5)


def test_a_path_is_drawn_with_its_scores_and_diagnostics():
    path = regularization_path(
        GradRegLogisticRegression(), X, y, [0.1, 1], cv=3, scoring=["accuracy", "neg_log_loss"]
    )
    display = RegularizationPathDisplay.from_path(path, X, y)
    assert list(display.curves) == [
        "accuracy",
        "neg_log_loss",
        "gradient norm",
        "tilting angle (degrees)",
        "weight norm",
        "adversarial distance (units of X)",
    ]
    np.testing.assert_allclose(
        display.curves["accuracy"]["held-out"], path.scores["accuracy"].mean(axis=0)
    )
    np.testing.assert_allclose(
        display.errors["accuracy"]["held-out"], path.to_frame()["standard_error_accuracy"]
    )
    angles = path.diagnostics(X, y)["tilting_angle"]
    np.testing.assert_allclose(
        display.curves["tilting angle (degrees)"]["given rows"], np.degrees(angles)
    )
    with pytest.raises(
        ValueError, match=r"the path has no scores to draw. Make it with cv=5, or pass X and y"
    ):
        RegularizationPathDisplay.from_path(
            regularization_path(GradRegLogisticRegression(), X, y, [1])
        )


def test_a_path_of_one_fold_has_no_standard_error():
    path = regularization_path(
        GradRegLogisticRegression(), X, y, [0.1, 1], cv=[(np.arange(300), np.arange(300, 569))]
    )
    display = RegularizationPathDisplay.from_path(path)
    assert np.isnan(display.errors["score"]["held-out"]).all()
    np.testing.assert_array_equal(display.axes_[0].lines[0].get_ydata(), path.scores[0][::-1])


def test_standard_errors_of_a_search_are_those_of_the_curve_that_is_drawn():
    grid = {"alpha": [0.1, 1], "l2": [1.0, 100.0]}
    search = GridSearchCV(GradRegLogisticRegression(), grid, cv=3).fit(X, y)
    display = RegularizationPathDisplay.from_cv_results(search, parameter="alpha")
    splits = np.array(
        [search.cv_results_[f"split{k}_test_score"].reshape(2, 2).mean(axis=1) for k in range(3)]
    )
    np.testing.assert_allclose(display.errors["error"]["held-out"], sem(splits, axis=0))


def test_a_measure_without_a_finite_value_has_no_panel():
    table = load_iris(as_frame=True).data[:100].assign(kind=list("ab") * 50)
    labels = np.repeat([0, 1], 50)
    steps = make_column_transformer((OneHotEncoder(), ["kind"]), remainder=StandardScaler())
    path = regularization_path(
        make_pipeline(steps, GradRegLogisticRegression()), table, labels, [0.1, 1], cv=2
    )
    display = RegularizationPathDisplay.from_path(path, table, labels)
    assert list(display.curves) == ["score", "gradient norm"]
    assert len(display.axes_) == 2
    nothing = replace(path, scores=np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="there is nothing to draw: no value of score is finite"):
        RegularizationPathDisplay.from_path(nothing)


def test_training_and_held_out_scores_share_a_scale():
    search = GridSearchCV(
        GradRegLogisticRegression(),
        {"alpha": [0.1, 1]},
        cv=3,
        scoring="neg_log_loss",
        return_train_score=True,
    ).fit(X, y)
    display = RegularizationPathDisplay.from_cv_results(search)
    assert len(display.axes_) == 1
    assert [line.get_label() for line in display.ax_.lines] == ["training", "held-out"]


def test_models_of_a_list_are_named_by_their_classes():
    display = RobustnessCurveDisplay.from_estimators([LINEAR, NETWORK, LINEAR], X, y, threat=[0.1])
    assert list(display.attacked) == [
        "LogisticRegression 1",
        "GradRegMLPClassifier",
        "LogisticRegression 2",
    ]


def test_bands_lie_below_curves_and_long_names_wrap():
    name = "a pipeline with a scaler, an encoder and an MLP of fifty units"
    display = RobustnessCurveDisplay.from_estimators({name: NETWORK}, X, y, threat=[0.0, 1.0])
    (band,) = display.ax_.collections
    assert all(line.get_zorder() > band.get_zorder() for line in display.ax_.lines)
    assert "\n" in display.ax_.get_legend().get_texts()[0].get_text()


def test_rows_of_a_frame_stay_a_frame_for_the_attacked_model():
    frame, labels = load_digits(return_X_y=True, as_frame=True)
    by_name = make_column_transformer((StandardScaler(), list(frame.columns)))
    model = make_pipeline(by_name, LogisticRegression(max_iter=50)).fit(frame, labels)
    display = AdversarialExamplesDisplay.from_estimator(
        model, frame, labels, threat=20.0, image_shape=(8, 8), n_images=3
    )
    np.testing.assert_array_equal(display.before, model.predict(frame[:3]))


@pytest.mark.parametrize(
    ("grid", "parameter", "message"),
    [
        (
            [{"alpha": [0.1, 1]}, {"tol": [1e-3]}],
            "alpha",
            "some candidates of the search have no alpha",
        ),
        (
            {"penalty": ["input_gradient", "spectral_norm"]},
            None,
            "penalty must be a number to be drawn as a strength",
        ),
    ],
)
def test_a_search_whose_candidates_are_no_strengths_is_refused(grid, parameter, message):
    search = GridSearchCV(GradRegLogisticRegression(), grid, cv=2).fit(X, y)
    with pytest.raises(ValueError, match=message):
        RegularizationPathDisplay.from_cv_results(search, parameter=parameter)


def test_scores_of_regressors_are_not_called_accuracy():
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    assert list(RegularizationPathDisplay.from_cv_results(search).curves) == ["score"]


def test_a_path_of_trees_has_errors_and_no_distances():
    display = RegularizationPathDisplay.from_estimator(
        DecisionTreeClassifier(random_state=0), X, y, strengths=[0, 0.01], parameter="ccp_alpha"
    )
    assert list(display.curves) == ["error"]


def test_numbers_are_colored_by_value_and_a_constant_column_makes_no_strip():
    rng = np.random.RandomState(0)
    points = np.column_stack([1000 * rng.standard_normal(30), np.ones(30)])
    display = InputGradientDisplay(points, np.zeros((30, 2)), labels=rng.standard_normal(30)).plot()
    assert display.ax_.get_legend() is None
    assert display.ax_.get_aspect() == "auto"
    assert "longest arrow: 0 per" in display.ax_.get_title()


@pytest.mark.parametrize("estimators", [[], {}, LINEAR], ids=["list", "dict", "estimator"])
def test_curves_need_a_list_or_dict_of_models(estimators):
    with pytest.raises(
        ValueError, match="estimators must be a list or a dict of at least one fitted classifier"
    ):
        RobustnessCurveDisplay.from_estimators(estimators, X, y, threat=[0.1])


def test_axes_without_a_place_in_a_grid_cannot_be_divided():
    display = AdversarialExamplesDisplay(X[:2, :4], X[:2, :4], y[:2], y[:2], image_shape=(2, 2))
    with pytest.raises(
        ValueError,
        match=r"ax has no place in a grid that could be divided. Make it with plt.subplots",
    ):
        display.plot(ax=plt.figure().add_axes([0, 0, 1, 1]))


def test_radii_are_drawn_in_order():
    display = RobustnessCurveDisplay(
        np.array([1, 0, 0.5]), {"a": np.array([0.2, 0.9, 0.5])}, norm="l2"
    ).plot()
    np.testing.assert_array_equal(
        display.ax_.lines[0].get_xydata(), [[0, 0.9], [0.5, 0.5], [1, 0.2]]
    )


def test_a_successive_halving_is_refused():
    search = HalvingGridSearchCV(
        GradRegLogisticRegression(), {"alpha": [0.1, 1]}, cv=2, min_resources=100
    ).fit(X, y)
    with pytest.raises(
        ValueError, match=r"a successive halving scores candidates on different resources"
    ):
        RegularizationPathDisplay.from_cv_results(search)


ODD = ["$$", "$1 to $5_", "_a^$x_1$", "\x1b[31m<&>\x00 \ufffe", "two\nlines", "\\$"]
SHOWN = ["$$", "$1 to $5_", " _a^$x_1$", r"\x1b[31m<&>\x00 \ufffe", "two lines", "\\$"]


def odd_classes():
    """Rows of four columns with odd names, in classes with odd names, and a classifier of them."""
    rng = np.random.RandomState(0)
    rows, labels = rng.standard_normal((40, 4)), np.array(ODD[:2])[np.arange(40) % 2]
    frame = pd.DataFrame(rows, columns=ODD[:3] + ODD[4:5])
    return frame, labels, LogisticRegression().fit(frame, labels)


def texts_in_svg(display, monkeypatch):
    """What a reader of the saved figure reads."""
    monkeypatch.setitem(plt.rcParams, "svg.fonttype", "none")
    file = io.BytesIO()
    display.figure_.savefig(file, format="svg")
    root = ElementTree.fromstring(file.getvalue())
    return {
        "".join(element.itertext()).strip("\n")
        for element in root.iter("{http://www.w3.org/2000/svg}text")
    }


@pytest.mark.parametrize("draw", [InputGradientDisplay, AdversarialExamplesDisplay])
def test_labels_of_images_are_text(draw, monkeypatch):
    rows, labels = (
        np.random.RandomState(0).standard_normal((len(ODD), 4)),
        np.array(ODD, dtype=object),
    )
    if draw is InputGradientDisplay:
        display = draw(rows, rows, labels=labels, image_shape=(2, 2)).plot()
        expected = set(SHOWN)
    else:
        display = draw(
            rows, rows + 1, labels, labels[::-1], image_shape=(2, 2), labels=labels
        ).plot()
        expected = {f"{when}: {label}" for when in ("true", "before", "after") for label in SHOWN}
    assert expected <= texts_in_svg(display, monkeypatch)


@pytest.mark.parametrize(
    "draw",
    [
        lambda X, y, model: TiltingPlaneDisplay.from_estimator(model, X, y, name=ODD[1]),
        lambda X, y, model: MarginHistogramDisplay.from_estimator(model, X, y, name=ODD[1]),
        lambda X, y, model: FeatureSensitivityDisplay.from_estimator(model, X, y, name=ODD[1]),
        lambda X, y, model: RegularizationPathDisplay.from_estimator(
            model, X, y, strengths=[0.1, 1], parameter="C", name=ODD[1], table=ODD[3]
        ),
        lambda X, y, model: RobustnessCurveDisplay.from_estimators(
            dict.fromkeys(ODD, model), X, y, threat=[0.1]
        ),
        lambda X, y, model: InputGradientDisplay(
            X.to_numpy()[:, :2], X.to_numpy()[:, :2], labels=y, names=ODD[:2]
        ).plot(),
    ],
    ids=["plane", "margins", "sensitivity", "path", "curves", "arrows"],
)
def test_names_are_text_in_every_display(draw, monkeypatch):
    shown = texts_in_svg(draw(*odd_classes()), monkeypatch)
    assert any("$1 to $5_" in text for text in shown)
    assert not any("\\$" in text for text in shown - {"\\$ (exact)"})


def test_a_name_that_begins_with_an_underscore_has_its_place_in_the_legend():
    display = RobustnessCurveDisplay(
        np.array([0, 1]), {"_b": np.array([1, 0])}, norm="l2", units="$"
    ).plot()
    assert display.ax_.get_legend().get_texts()[0].get_text().strip() == "_b"
    assert display.ax_.get_xlabel() == r"radius of the perturbation (l2, \$)"


def test_a_dollar_sign_stays_escaped_where_a_long_name_is_broken(monkeypatch):
    display = RobustnessCurveDisplay(
        np.array([0, 1]), {"$" * 80: np.array([1, 0])}, norm="l2"
    ).plot()
    drawn = display.ax_.get_legend().get_texts()[0].get_text()
    assert drawn.replace("\n", "") == r"\$" * 80
    assert "$" * 36 in texts_in_svg(display, monkeypatch)
