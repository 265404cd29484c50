"""What is known row by row: the same as the two accuracies, with the methods that say so."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.displays import RobustnessCurveDisplay

X, Y = load_breast_cancer(return_X_y=True)
X = X[:, :6]
ROWS, LABELS = X[400:440], Y[400:440]
RADII = [0.0, 0.1, 0.4]
UNKNOWN = make_pipeline(FunctionTransformer(np.log1p), LogisticRegression(max_iter=2000))
MODELS = {  # and the methods that attack and certify
    "linear": (make_pipeline(StandardScaler(), LogisticRegression()), "linear", "linear"),
    "scorecard": (
        make_pipeline(
            KBinsDiscretizer(5, quantile_method="averaged_inverted_cdf"), LogisticRegression()
        ),
    )
    + 2 * ("scorecard",),
    "tree": (DecisionTreeClassifier(max_depth=4, random_state=0), "tree", "tree"),
    "boosting": (
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        "additive_trees",
        "additive_trees",
    ),
    "network": (
        make_pipeline(
            StandardScaler(), MLPClassifier((8,), alpha=1, max_iter=2000, random_state=0)
        ),
        "gradient",
        "linear_bounds",
    ),
    "neighbors": (KNeighborsClassifier(), "search", ""),
    "an unknown step": (UNKNOWN, "search", ""),
}


@pytest.mark.filterwarnings("ignore:the steps before the last are not affine")
@pytest.mark.parametrize("name", MODELS)
class TestEveryModel:
    def test_accuracies_are_the_means(self, name):
        model, evaluation, threat = self._evaluated(name)
        np.testing.assert_array_equal(
            evaluation.adversarial_accuracy, adversarial_accuracy(model, ROWS, LABELS, threat)
        )
        if evaluation.is_certifiable:
            np.testing.assert_array_equal(
                evaluation.certified_accuracy, certified_accuracy(model, ROWS, LABELS, threat)
            )
        else:
            with pytest.raises(TypeError, match="nothing is certain"):
                certified_accuracy(model, ROWS, LABELS, threat)

    def test_no_row_is_both_and_methods_are_named(self, name):
        _, attacked_by, certified_by = MODELS[name]
        _, evaluation, _ = self._evaluated(name)
        assert not (evaluation.misclassified & evaluation.certified).any()
        assert set(evaluation.attacked_by[-1]) == {attacked_by}
        assert set(evaluation.certified_by[evaluation.certified]) <= {certified_by}
        assert (evaluation.certified_by[~evaluation.certified] == "").all()
        assert evaluation.is_certifiable == bool(certified_by)

    def test_witnesses_are_allowed_and_misclassified(self, name):
        model, evaluation, threat = self._evaluated(name)
        assert threat.allows(ROWS, evaluation.X_adversarial).all()
        wrong = model.predict(evaluation.X_adversarial) != LABELS
        np.testing.assert_array_equal(wrong, evaluation.misclassified[-1])

    def test_a_curve_has_a_lower_line_where_something_is_certain(self, name):
        model, evaluation, threat = self._evaluated(name)
        display = RobustnessCurveDisplay.from_estimator(model, ROWS, LABELS, threat=threat)
        assert bool(display.certified) == evaluation.is_certifiable

    def _evaluated(self, name):
        model = MODELS[name][0].fit(X[:400], Y[:400])
        bounds = None if name == "an unknown step" else "data"
        threat = ThreatModel(RADII, norm="linf", bounds=bounds).fit(X)
        return model, evaluate_robustness(model, ROWS, LABELS, threat), threat


def test_a_table_has_a_row_for_each_radius_and_sample():
    model = LogisticRegression(max_iter=5000).fit(X[:400], Y[:400])
    frame = evaluate_robustness(model, ROWS, LABELS, [0.0, 1.0]).to_frame()
    assert frame.index.names == ["radius", "sample"]
    assert len(frame) == 2 * len(ROWS)
    assert frame.loc[0.0, "misclassified"].mean() == pytest.approx(1 - model.score(ROWS, LABELS))


def test_a_budget_leaves_rows_open_that_a_larger_one_settles():
    rows, labels = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(rows, labels)
    threat = ThreatModel(0.7, norm="l1").fit(rows)
    few, many = (
        evaluate_robustness(model, rows[::3], labels[::3], threat, max_nodes=n) for n in (1, 10_000)
    )
    assert many.is_exact.all()
    assert not few.is_exact.all()
    assert (few.certified <= many.certified).all()
    assert (few.misclassified <= many.misclassified).all()


@pytest.mark.parametrize("max_nodes", [0, -1, 1.5])
def test_a_budget_is_an_integer_of_one_or_more(max_nodes):
    model = LogisticRegression(max_iter=5000).fit(X, Y)
    with pytest.raises(ValueError, match="max_nodes must be an integer >= 1"):
        evaluate_robustness(model, ROWS, LABELS, 0.1, max_nodes=max_nodes)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("tree", "method='tree' does not apply here: LogisticRegression is not a decision tree"),
        (
            "additive_trees",
            "method='additive_trees' does not apply here: LogisticRegression is not made of trees",
        ),
    ],
)
def test_a_method_that_does_not_apply_says_why(method, message):
    model = LogisticRegression(max_iter=5000).fit(X, Y)
    with pytest.raises(TypeError, match=message):
        evaluate_robustness(model, ROWS, LABELS, 0.1, method=method)


def test_a_method_may_be_named():
    model = LogisticRegression(max_iter=5000).fit(X, Y)
    exact = evaluate_robustness(model, ROWS, LABELS, 5.0)
    searched = evaluate_robustness(model, ROWS, LABELS, 5.0, method="search")
    assert set(searched.attacked_by[0]) == {"search"}
    assert set(searched.certified_by[searched.certified]) <= {"linear"}
    assert (searched.misclassified <= exact.misclassified).all()


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_raw_booster_is_refused_with_the_name_of_its_wrapper(library):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "xgboost":
        booster, wrapper = (
            module.XGBClassifier(n_estimators=2).fit(X, Y).get_booster(),
            "XGBClassifier",
        )
    else:
        booster, wrapper = (
            module.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y).booster_,
            "LGBMClassifier",
        )
    with pytest.raises(TypeError, match=f"Pass a fitted {library}.{wrapper}"):
        evaluate_robustness(booster, ROWS, LABELS, 0.1)
