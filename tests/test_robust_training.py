"""Classifiers of any kind, trained against what may happen to their rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_irg import GradRegLogisticRegression, RobustTrainingClassifier
from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._robust_training.growing_rows import GrowingRows
from sklearn_irg._threats.arguments import checked_budget
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import find_attacks
from sklearn_irg._threats.further_points import further_points
from sklearn_irg._threats.table_perturbations import TablePerturbations
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    certified_accuracy,
    evaluate_robustness,
)
from tests.test_additive_trees import table_of

SMALL = {"max_iter": 8, "max_depth": 2, "random_state": 0}


# weights are repetitions of rows only where none are chosen at random
@parametrize_with_checks(
    [
        *(
            RobustTrainingClassifier(LogisticRegression(), 0.1, n_rounds=n, validation_fraction=0)
            for n in (0, 1)
        ),
        RobustTrainingClassifier(
            GradRegLogisticRegression("adversarial_loss", alpha=1.0, max_iter=5000, tol=1e-6),
            0.1,
            n_rounds=0,
        ),
    ],
    expected_failed_checks=lambda estimator: (
        {"check_sample_weight_equivalence_on_dense_data": "half of the rows move"}
        if estimator.n_rounds
        else {}
    ),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def mixed_table(n_rows=300, seed=0):
    rng = np.random.RandomState(seed)
    age, job = rng.randint(20, 70, n_rows), rng.choice(list("abcd"), n_rows)
    table = pd.DataFrame(
        {"age": age, "job": pd.Categorical(job), "income": rng.standard_normal(n_rows)}
    )
    score = 0.05 * (age - 45) + (job == "a") + table["income"] + 0.3 * rng.standard_normal(n_rows)
    return table, np.where(score > 0.3, "yes", "no")


def pipeline(last):
    prepare = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(), ["job"])
    )
    return make_pipeline(prepare, last)


class TestHardening:
    def test_boosting_withstands_more_of_what_it_was_trained_against(self):
        X, y = mixed_table(900)
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        plain = pipeline(HistGradientBoostingClassifier(max_iter=50, max_depth=2, random_state=0))
        hardened = RobustTrainingClassifier(
            plain, threat, n_rounds=4, tolerance=0.1, random_state=0
        )
        models = [model.fit(X[:500], y[:500]) for model in (plain, hardened)]
        scores = [certified_accuracy(model, X[500:], y[500:], threat) for model in models]
        assert scores[1] > scores[0] + 0.05

    def test_the_first_round_is_the_estimator_itself(self):
        X, y = mixed_table()
        options = {"n_rounds": 0, "validation_fraction": 0}
        model = pipeline(HistGradientBoostingClassifier(**SMALL))
        trained = RobustTrainingClassifier(model, ThreatModel(0.3).fit(X), **options).fit(X, y)
        np.testing.assert_array_equal(trained.predict_proba(X), model.fit(X, y).predict_proba(X))
        assert trained.best_round_ == 0

    def test_the_chosen_round_is_the_most_robust_of_the_good_ones(self):
        X, y = mixed_table()
        model = pipeline(HistGradientBoostingClassifier(**SMALL))
        options = {"n_rounds": 4, "validation_fraction": 0.4, "random_state": 0, "tolerance": 0.05}
        trained = RobustTrainingClassifier(
            model, ThreatModel(0.3, n_swaps=1).fit(X), **options
        ).fit(X, y)
        scores, attacked = trained.history_["score"], trained.history_["attacked_score"]
        good = scores >= scores.max() - 0.05
        assert len(scores) == 5
        assert attacked[trained.best_round_] == attacked[good].max()
        assert good[trained.best_round_]

    def test_half_of_the_rows_move_in_a_round_and_fewer_that_are_misclassified_as_they_are(self):
        X, y = mixed_table()
        model = pipeline(DecisionTreeClassifier(max_depth=1))
        options = {"n_rounds": 1, "validation_fraction": 0}
        trained = RobustTrainingClassifier(model, ThreatModel(0.3, n_swaps=1), **options)
        is_right = model.fit(X, y).predict(X) == y
        added = [
            np.diff(trained.set_params(random_state=seed).fit(X, y).history_["n_rows"])[0]
            for seed in range(20)
        ]
        assert max(added) < 150
        assert len(set(added)) > 1
        assert abs(np.mean(added) - np.where(is_right, 0.5, 0.25).sum()) < 3

    def test_rows_stop_growing_where_nothing_can_change(self):
        X, y = mixed_table()
        model = pipeline(HistGradientBoostingClassifier(**SMALL))
        trained = RobustTrainingClassifier(model, ThreatModel(0.0).fit(X), n_rounds=5).fit(X, y)
        assert len(trained.history_["n_rows"]) == 1

    @pytest.mark.parametrize(
        "last",
        [LogisticRegression(), DecisionTreeClassifier(max_depth=4, random_state=0)],
        ids=repr,
    )
    def test_any_classifier_can_be_trained(self, last):
        X, y = mixed_table()
        trained = RobustTrainingClassifier(
            pipeline(last), ThreatModel(0.3, n_swaps=1).fit(X), n_rounds=2
        ).fit(X, y)
        assert set(trained.predict(X)) == {"no", "yes"}
        assert 0 <= trained.robust_score_ <= 1

    def test_three_classes(self):
        X, y = table_of(n_classes=3)
        model = HistGradientBoostingClassifier(**SMALL)
        trained = RobustTrainingClassifier(
            model, ThreatModel(0.2).fit(X), n_rounds=2, random_state=0
        ).fit(X, y)
        assert trained.predict_proba(X).shape == (250, 3)


class TestRows:
    def test_equal_copies_are_one_of_a_larger_weight(self):
        tables = TablePerturbations.of(ThreatModel(1.0).fit(X := np.arange(6.0).reshape(3, 2)), X)
        rows = GrowingRows(tables, np.array([1.0, 2.0, 4.0]), merges=True)
        delta = np.array([[0, 0], [0.5, 0], [0.5, 0]])
        for _ in range(2):
            rows.add(np.arange(3), delta, tables.arrays.codes)
        np.testing.assert_array_equal(rows.source, [0, 1, 2, 1, 2])
        np.testing.assert_array_equal(rows.weights, [3, 2, 4, 4, 8])

    def test_some_rows_get_a_copy(self):
        tables = TablePerturbations.of(ThreatModel(1.0).fit(X := np.arange(6.0).reshape(3, 2)), X)
        rows = GrowingRows(tables, np.array([1.0, 2.0, 4.0]), merges=False)
        rows.add(
            np.array([1, 0]), np.tile(1 / tables.arrays.scales, (2, 1)), tables.arrays.codes[:2]
        )
        np.testing.assert_array_equal(rows.source, [0, 1, 2, 1, 0])
        np.testing.assert_array_equal(rows.weights, [1, 2, 4, 2, 1])
        np.testing.assert_allclose(rows.X[3:], X[[1, 0]] + 1)

    def test_the_oldest_copies_go_first(self):
        tables = TablePerturbations.of(ThreatModel(1.0).fit(X := np.arange(6.0).reshape(3, 2)), X)
        rows = GrowingRows(tables, np.ones(3), merges=True, max_rows=5)
        for size in (0.1, 0.2):
            rows.add(np.arange(3), np.full((3, 2), size), tables.arrays.codes)
        np.testing.assert_allclose(rows.delta[3:], 0.2)
        np.testing.assert_array_equal(rows.source, [0, 1, 2, 1, 2])

    def test_they_keep_types_and_stay_within_the_threat(self):
        X, y = mixed_table()
        seen = []

        class Spy(HistGradientBoostingClassifier):
            def fit(self, X, y, sample_weight=None):
                seen.append(X)
                return super().fit(X, y, sample_weight)

        threat = ThreatModel(0.3, n_swaps=1, fixed=["income"]).fit(X)
        model = Spy(categorical_features="from_dtype", **SMALL)
        RobustTrainingClassifier(model, threat, n_rounds=2, validation_fraction=0).fit(X, y)
        first, *_, last = seen
        assert (last.dtypes == X.dtypes).all()
        assert len(last) > len(first)
        assert set(last["income"]) == set(X["income"])  # fixed, and of the rows that there are
        origin = pd.Series(range(len(X)), index=X["income"])[last["income"]]
        assert threat.allows(
            X.iloc[origin].reset_index(drop=True), last.reset_index(drop=True)
        ).all()


class TestFurtherPoints:
    @pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
    def test_they_are_inside_the_threat_and_still_misclassified(self, norm):
        X, y = mixed_table()
        threat = ThreatModel(0.5, norm=norm, n_swaps=1).fit(X)
        model = pipeline(HistGradientBoostingClassifier(**SMALL)).fit(X, y)
        attacks = find_attacks(
            AttackProblem(model, X, y, threat), [0.25, 0.5], budget=checked_budget(1000)
        )
        delta = further_points(attacks, 0.5, np.random.RandomState(0))
        before, after = (delta_norms(points, norm) for points in (attacks.delta, delta))
        found = attacks.misclassified[1]
        assert (after >= before).all()
        assert (after > before).mean() > 0.1
        assert (delta[~found] == attacks.delta[~found]).all()
        moved = attacks.problem.result(delta, attacks.codes)
        assert threat.allows(X, moved).all()
        assert (model.predict(moved) != y)[found].all()

    def test_they_stay_where_the_next_threshold_is_close(self):
        X = np.r_[np.zeros(20), np.ones(20), np.full(20, 2.0)][:, None]
        y = np.repeat([0, 1, 0], 20)  # beyond 1.5, rows of class 0 are right again
        model = DecisionTreeClassifier(random_state=0).fit(X, y)
        threat = ThreatModel(2.0 / X.std()).fit(X)
        attacks = find_attacks(
            AttackProblem(model, X[:20], y[:20], threat),
            [2.0 / X.std()],
            budget=checked_budget(1000),
        )
        delta = further_points(attacks, threat.epsilon, np.random.RandomState(0)) * X.std()
        assert delta.max() > 0.51
        assert (np.abs(delta - 1) <= 0.5).all()


class TestWeights:
    def test_they_reach_the_last_step(self):
        X, y = mixed_table()
        weights, threat = np.where(y == "yes", 5.0, 1.0), ThreatModel(0.3).fit(X)
        options = {"n_rounds": 0, "validation_fraction": 0}
        trained = RobustTrainingClassifier(pipeline(LogisticRegression()), threat, **options).fit(
            X, y, weights
        )
        expected = pipeline(LogisticRegression()).fit(
            X, y, logisticregression__sample_weight=weights
        )
        np.testing.assert_allclose(trained.predict_proba(X), expected.predict_proba(X))

    def test_with_metadata_routing(self):
        X, y = mixed_table()
        weights, threat = np.where(y == "yes", 5.0, 1.0), ThreatModel(0.3).fit(X)
        model, options = pipeline(LogisticRegression()), {"n_rounds": 1, "random_state": 0}
        plain = RobustTrainingClassifier(model, threat, **options).fit(X, y, weights)
        with config_context(enable_metadata_routing=True):
            routed = RobustTrainingClassifier(model, threat, **options).fit(X, y, weights)
        np.testing.assert_allclose(routed.predict_proba(X), plain.predict_proba(X))

    def test_a_last_step_without_them_is_trained_and_refuses_them(self):
        X, y = mixed_table()
        model = RobustTrainingClassifier(
            pipeline(KNeighborsClassifier()), ThreatModel(0.3).fit(X), n_rounds=1
        )
        n_rows = model.fit(X, y).history_["n_rows"]
        assert n_rows[0] < n_rows[1] <= 1.5 * n_rows[0]
        with pytest.raises(ValueError, match="sample_weight needs a last step whose fit takes it"):
            model.fit(X, y, np.ones(len(y)))


class TestWithOthers:
    def test_evaluation_sees_the_trees_inside(self):
        X, y = mixed_table()
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        trained = RobustTrainingClassifier(
            pipeline(HistGradientBoostingClassifier(**SMALL)), threat, n_rounds=1, random_state=0
        ).fit(X, y)
        evaluation = evaluate_robustness(trained, X[:20], y[:20], threat)
        assert evaluation.is_exact.all()
        inside = evaluate_robustness(trained.estimator_, X[:20], y[:20], threat)
        pd.testing.assert_frame_equal(evaluation.to_frame(), inside.to_frame())

    def test_the_template_inside_bagging_is_not_taken_for_it(self):
        X, y = table_of()
        model = BaggingClassifier(LogisticRegression(), n_estimators=3, random_state=0).fit(X, y)
        assert evaluate_robustness(model, X[:5], y[:5], 0.1).attacked_by[0, 0] != "linear"

    def test_a_class_that_predicts_by_a_rule_of_its_own_is_not_seen_through(self):
        class Contrary(RobustTrainingClassifier):
            def predict(self, X):
                labels = super().predict(X)
                return np.where(labels == self.classes_[0], self.classes_[1], self.classes_[0])

        X, y = table_of()
        model = Contrary(LogisticRegression(), ThreatModel(0.1).fit(X), n_rounds=0).fit(X, y)
        assert adversarial_accuracy(model, X, y, 0.0) == model.score(X, y) < 0.5

    def test_radii_of_a_fitted_threat_can_be_searched(self):
        X, y = mixed_table()
        threat = ThreatModel(0.3, n_swaps=1).fit(X)
        model = RobustTrainingClassifier(
            pipeline(LogisticRegression()), threat, n_rounds=1, random_state=0
        )
        search = GridSearchCV(model, {"threat__epsilon": [0.1, 0.5]}, cv=2).fit(X, y)
        best = search.best_estimator_.threat_
        assert best.epsilon == search.best_params_["threat__epsilon"]
        np.testing.assert_array_equal(best.scales_, threat.scales_)

    def test_a_threat_that_is_not_fitted_learns_from_the_rows(self):
        X, y = mixed_table()
        trained = RobustTrainingClassifier(
            pipeline(LogisticRegression()), ThreatModel(0.3), n_rounds=1
        ).fit(X, y)
        np.testing.assert_array_equal(trained.threat_.scales_, ThreatModel(0.3).fit(X).scales_)
        assert not hasattr(trained.threat, "scales_")


class TestBadInput:
    @pytest.mark.parametrize(
        ("threat", "message"),
        [
            (ThreatModel([0.1, 0.2]), "single radius"),
            (ThreatModel(0.1, fixed=["age", "income"]), "nothing may change"),
            (ThreatModel(0.1).fit(mixed_table()[0][["age"]]), "feature"),
        ],
        ids=str,
    )
    def test_threats_that_cannot_be_trained_against(self, threat, message):
        X, y = mixed_table()
        with pytest.raises(ValueError, match=message):
            RobustTrainingClassifier(pipeline(LogisticRegression()), threat).fit(X, y)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"n_rounds": -1}, "n_rounds must be an integer"),
            ({"method": "penalties"}, "method must be"),
            (
                {"method": "penalty"},
                "needs a last step with a penalty that trains against a threat; LogisticRegression "
                "has none",
            ),
            ({"validation_fraction": 1.0}, "validation_fraction must be"),
            ({"scoring": "f1"}, "scoring must be"),
            ({"max_rows": 10}, "max_rows must not be below the number of training rows, 270"),
        ],
        ids=str,
    )
    def test_parameters(self, parameters, message):
        X, y = mixed_table()
        with pytest.raises(ValueError, match=message):
            RobustTrainingClassifier(
                pipeline(LogisticRegression()), ThreatModel(0.1).fit(X), **parameters
            ).fit(X, y)

    def test_a_regressor_is_refused(self):
        X, y = mixed_table()
        with pytest.raises(TypeError, match="estimator must be a classifier; got Ridge"):
            RobustTrainingClassifier(Ridge(), 0.1).fit(X, y)
