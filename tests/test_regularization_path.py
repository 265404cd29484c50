"""Paths over strengths, and estimators that choose theirs."""

import importlib
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import sem
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris, make_classification, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, mutual_info_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    scale,
)

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPClassifierCV,
    RobustTrainingClassifier,
    VATClassifier,
)
from sklearn_irg._threats.same_table import difference_from_table
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    make_adversarial_scorer,
)
from sklearn_irg.diagnostics import input_gradients, linear_geometry
from sklearn_irg.model_selection import (
    most_robust,
    refit_most_robust,
    refit_one_standard_error,
    regularization_path,
)
from sklearn_irg.model_selection._folds import Folds
from sklearn_irg.model_selection._selection import choose
from sklearn_irg.penalties import InputGradient

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)[::2]
Y = Y[::2]
ALPHAS = [0.01, 1.0, 0.1]
MODEL = GradRegLogisticRegression(max_iter=1000)
THREAT = ThreatModel(0.5, scale=None).fit(X)


def mixed_table():
    """Two columns of numbers, one of them in thousands, and a category."""
    rng = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "age": rng.randint(20, 70, 90),
            "income": rng.normal(3e4, 1e4, 90),
            "home": list("abc") * 30,
        }
    )
    risk = (
        (table.age - 45) / 14
        + (3e4 - table.income) / 1e4
        + (table.home == "a")
        + 0.3 * rng.standard_normal(90)
    )
    return table, np.where(risk > risk.median(), "default", "repaid")


# options of a threat, steps before the estimator, and the error's words about the rows
BEHIND_OTHER_STEPS = [
    ({}, OneHotEncoder(sparse_output=False), "X has .* columns, and the table 4"),
    ({}, StandardScaler(), "X has no column names, and the table has age, income, home, debt"),
    (
        {},
        make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough").set_output(
            transform="pandas"
        ),
        "the columns of X are standardscaler__age, .* and those of the table age, ",
    ),
    (
        {},
        StandardScaler().set_output(transform="pandas"),
        "the column 'age' has .*, which is outside its bounds",
    ),
    (
        {},
        MinMaxScaler((20, 21)).set_output(transform="pandas"),
        "the column 'income' has .* outside its bounds",
    ),
    (
        {"bounds": {"income": (0, None), "home": (-9, 9), "debt": (0, 1e6)}},
        MinMaxScaler((25, 60)).set_output(transform="pandas"),
        "the column 'home' has .*, which is outside its bounds",
    ),
    (
        {"bounds": None},
        MinMaxScaler((25, 60)).set_output(transform="pandas"),
        "the column 'age' has .*, and integers in the table",
    ),
    (
        {"bounds": None, "integers": None},
        StandardScaler().set_output(transform="pandas"),
        "the column 'income' has a standard deviation of 1, and of .* in the table",
    ),
    (
        {"bounds": None, "integers": None, "scale": "iqr"},
        MinMaxScaler().set_output(transform="pandas"),
        "the column 'income' has an interquartile range of 0.*, and of .* in the table",
    ),
    (
        {"bounds": None, "integers": None, "categorical": ["home"]},
        StandardScaler().set_output(transform="pandas"),
        "the column 'home' has .*, which is not a level of the table",
    ),
]


def as_frame_of(library, table):
    if library == "polars":
        return importlib.import_module("polars").DataFrame(table.to_dict("list"))
    return importlib.import_module("pyarrow").table(table.to_dict("list"))


def prepare():
    return make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(), ["home"])
    )


class TestPath:
    def test_is_from_strong_to_weak(self):
        path = regularization_path(MODEL, X, Y, ALPHAS)
        assert path.alphas.tolist() == [1.0, 0.1, 0.01]
        assert [model.alpha for model in path.estimators] == [1.0, 0.1, 0.01]
        assert path.scores is None

    def test_scores_are_those_of_a_grid_search(self):
        path = regularization_path(MODEL, X, Y, ALPHAS, cv=4)
        search = GridSearchCV(MODEL, {"alpha": path.alphas.tolist()}, cv=4).fit(X, Y)
        expected = [search.cv_results_[f"split{k}_test_score"] for k in range(4)]
        np.testing.assert_allclose(path.scores, expected, atol=1e-12)

    def test_pipelines_prepare_each_fold_by_itself(self):
        raw = load_breast_cancer().data[::2]
        pipeline = make_pipeline(StandardScaler(), MODEL)
        path = regularization_path(pipeline, raw, Y, ALPHAS, cv=KFold(3))
        search = GridSearchCV(
            pipeline, {"gradreglogisticregression__alpha": path.alphas.tolist()}, cv=KFold(3)
        )
        search.fit(raw, Y)
        np.testing.assert_allclose(
            path.scores.mean(axis=0), search.cv_results_["mean_test_score"], atol=1e-12
        )
        assert path.estimators[0].predict(raw).shape == Y.shape

    def test_several_scores_go_by_name(self):
        path = regularization_path(MODEL, X, Y, ALPHAS, cv=3, scoring=["accuracy", "neg_log_loss"])
        assert {name: scores.shape for name, scores in path.scores.items()} == {
            "accuracy": (3, 3),
            "neg_log_loss": (3, 3),
        }
        assert "mean_neg_log_loss" in path.to_frame().columns

    def test_losses_and_coefficients_are_those_of_the_models(self):
        path = regularization_path(MODEL, X, Y, ALPHAS)
        np.testing.assert_array_equal(path.losses, [model.loss_ for model in path.estimators])
        np.testing.assert_array_equal(path.coefs[2], path.estimators[2].coef_)
        assert path.coefs.shape == (3, 1, X.shape[1])

    def test_diagnostics_are_those_of_the_models(self):
        path = regularization_path(MODEL, X, Y, ALPHAS)
        found = path.diagnostics(X, Y)
        geometries = [linear_geometry(model, X, Y) for model in path.estimators]
        np.testing.assert_allclose(found["tilting_angle"], [g.tilting_angle for g in geometries])
        norms = np.linalg.norm(input_gradients(path.estimators[1], X, Y), axis=1)
        assert found["gradient_norm"][1] == pytest.approx(norms.mean())

    def test_a_model_without_weights_has_no_angle(self):
        path = regularization_path(
            GradRegLogisticRegression(InputGradient("l1"), max_iter=1000), X, Y, [0.01, 100.0]
        )
        np.testing.assert_array_equal(
            np.isnan(path.diagnostics(X, Y)["tilting_angle"]), [True, False]
        )

    def test_behind_an_encoder_there_is_no_angle(self):
        table, y = mixed_table()
        path = regularization_path(make_pipeline(prepare(), MODEL), table, y, ALPHAS)
        assert set(path.diagnostics(table, y)) == {"gradient_norm"}

    @pytest.mark.parametrize("n_folds", [1, 2, 5])
    def test_standard_errors_are_those_of_means_over_folds(self, n_folds):
        folds = list(StratifiedKFold(5).split(X, Y))[:n_folds]
        path = regularization_path(MODEL, X, Y, ALPHAS, cv=folds)
        expected = sem(path.scores, axis=0) if n_folds > 1 else np.full(3, np.nan)
        np.testing.assert_allclose(path.to_frame()["standard_error_score"], expected)

    def test_models_of_three_classes_have_no_angle(self):
        rows = load_iris(return_X_y=True)
        assert set(regularization_path(MODEL, *rows, [1.0]).diagnostics(*rows)) == {"gradient_norm"}

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_networks_have_no_coefficients(self):
        path = regularization_path(GradRegMLPClassifier((3,), max_iter=2), X, Y, ALPHAS)
        assert not hasattr(path, "coefs")
        with pytest.raises(AttributeError, match=r"path.estimators\[i\].coefs_"):
            path.coefs  # noqa: B018

    def test_folds_run_in_parallel(self):
        alone, together = (
            regularization_path(MODEL, X, Y, ALPHAS, cv=3, n_jobs=n).scores for n in (1, 2)
        )
        np.testing.assert_array_equal(alone, together)

    def test_workers_have_scikit_learns_configuration(self):
        table, y = mixed_table()
        by_name = make_column_transformer(
            (StandardScaler(), ["age", "income"]), verbose_feature_names_out=False
        )
        model = make_pipeline(
            by_name, GradRegLogisticRegression(InputGradient(features=["age"]))
        )  # needs names
        with config_context(transform_output="pandas"):
            alone, together = (
                regularization_path(model, table, y, ALPHAS, cv=3, n_jobs=n).scores for n in (1, 2)
            )
        np.testing.assert_array_equal(alone, together)

    @pytest.mark.parametrize("library", ["polars", "pyarrow"])
    def test_frames_of_any_library_stay_frames(self, library):
        pytest.importorskip(library)
        table, y = mixed_table()
        kinds = set()
        look = FunctionTransformer(
            lambda rows: kinds.add(type(rows).__module__.split(".")[0]) or rows
        )
        pipeline = make_pipeline(look, prepare(), MODEL)
        expected = regularization_path(pipeline, table, y, ALPHAS, cv=3).scores
        kinds.clear()
        frame = as_frame_of(library, table)
        np.testing.assert_allclose(
            regularization_path(pipeline, frame, y, ALPHAS, cv=3).scores, expected
        )
        assert kinds == {library}
        numbers = as_frame_of(library, table[["age", "income"]])
        search = GradRegLogisticRegressionCV(alphas=ALPHAS, max_iter=1000).fit(numbers, y)
        assert search.feature_names_in_.tolist() == ["age", "income"]

    @pytest.mark.parametrize(
        "kind", [list, lambda rows: np.isin(np.arange(len(Y)), rows)], ids=["lists", "masks"]
    )
    def test_folds_may_be_lists_or_masks(self, kind):
        folds = list(KFold(2).split(X))
        given = [(kind(train), kind(test)) for train, test in folds]
        expected = regularization_path(MODEL, X, Y, ALPHAS, cv=folds).scores
        np.testing.assert_array_equal(
            regularization_path(MODEL, X, Y, ALPHAS, cv=given).scores, expected
        )

    def test_unlabeled_rows_are_not_scored(self):
        rows, y = make_moons(200, noise=0.1, random_state=0)
        y[40:] = -1
        estimator = VATClassifier(
            (4,), max_iter=300, learning_rate_init=0.02, tol=0.01, random_state=0
        )
        path = regularization_path(estimator, rows, y, [0.01, 0.1], cv=2)
        assert (path.scores > 0.6).all()

    def test_unlabeled_rows_are_not_scored_in_folds_of_others(self):
        y = np.where(np.arange(len(Y)) % 3 == 0, Y, -1)
        estimator = GradRegMLPClassifier(
            (4,), unlabeled_label=-1, solver="lbfgs", max_iter=20, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = regularization_path(estimator, X, y, [0.1], cv=KFold(3), scoring="accuracy")
        assert path.scores.min() > 0.5  # unlabeled rows would count as errors

    def test_scorers_without_weights_get_none(self):
        def scorer(estimator, X, y):
            return estimator.score(X, y)

        weighted = regularization_path(
            MODEL, X, Y, ALPHAS, cv=2, scoring=scorer, sample_weight=np.ones(len(Y))
        )
        np.testing.assert_array_equal(
            weighted.scores, regularization_path(MODEL, X, Y, ALPHAS, cv=2).scores
        )

    @pytest.mark.parametrize(
        "scoring",
        [
            "mutual_info_score",
            make_scorer(mutual_info_score),
            ["mutual_info_score", "accuracy"],
            {
                "unweighted": lambda model, X, y: mutual_info_score(y, model.predict(X)),
                "weighted": "accuracy",
            },
        ],
        ids=["name", "scorer", "list", "dict"],
    )
    def test_metrics_that_take_weights_get_them_and_others_do_not(self, scoring):
        weights = np.random.RandomState(0).rand(len(Y))
        (train, test), _ = folds = list(KFold(2).split(X))
        path = regularization_path(
            MODEL, X, Y, [0.1], cv=folds, scoring=scoring, sample_weight=weights
        )
        scores = path.scores if isinstance(path.scores, dict) else {"alone": path.scores}
        fitted = (
            clone(MODEL).set_params(alpha=0.1).fit(X[train], Y[train], sample_weight=weights[train])
        )
        unweighted, *others = (float(values[0, 0]) for values in scores.values())
        assert unweighted == mutual_info_score(Y[test], fitted.predict(X[test]))
        for accuracy in others:
            assert accuracy == pytest.approx(
                fitted.score(X[test], Y[test], sample_weight=weights[test])
            )

    def test_an_error_inside_a_scorer_is_not_hidden_by_weights(self):
        def scorer(estimator, X, y, sample_weight=None):
            raise TypeError("mine")

        with pytest.raises(TypeError, match="mine"):
            regularization_path(
                MODEL, X, Y, ALPHAS, cv=2, scoring=scorer, sample_weight=np.ones(len(Y))
            )

    def test_a_class_that_a_training_fold_lacks_is_wrong_there_as_in_a_grid_search(self):
        rows, y = load_iris(return_X_y=True)
        folds = [(np.arange(100), np.arange(50, 150)), (np.arange(50, 150), np.arange(100))]
        path = regularization_path(MODEL, rows, y, ALPHAS, cv=folds)
        search = GridSearchCV(MODEL, {"alpha": path.alphas.tolist()}, cv=folds).fit(rows, y)
        np.testing.assert_allclose(path.scores.mean(axis=0), search.cv_results_["mean_test_score"])
        assert path.scores.max() == 0.5

    def test_a_scorer_that_takes_no_unknown_class_is_told_of_it(self):
        rows, y = load_iris(return_X_y=True)
        with pytest.raises(
            ValueError,
            match=r"training rows of a fold of cv lack classes .*: 0\. .*stratified folds",
        ):
            regularization_path(MODEL, rows, y, ALPHAS, cv=KFold(3), scoring="neg_log_loss")

    @pytest.mark.parametrize(
        "weights", [None, np.where(Y == 0, 0.0, 1.0)], ids=["sorted", "weights"]
    )
    def test_a_fold_of_one_class_is_an_error_that_names_it(self, weights):
        order = np.argsort(Y)
        folds = (
            [(order[:40], order[40:])]
            if weights is None
            else [(np.arange(100), np.arange(100, len(Y)))]
        )
        weights = None if weights is None else np.where(np.arange(len(Y)) < 100, weights, 1.0)
        with pytest.raises(
            ValueError,
            match=r"fold 0 of cv has no two classes in its training rows: [01]\. Use stratified",
        ):
            regularization_path(MODEL, X, Y, ALPHAS, cv=folds, sample_weight=weights)

    def test_folds_there_are(self):
        with pytest.raises(ValueError, match="cv gives no folds"):
            regularization_path(MODEL, X, Y, ALPHAS, cv=[])

    def test_a_mask_goes_with_its_rows(self):
        mask = np.zeros(X.shape, dtype=bool)
        mask[:, 0] = True
        some = regularization_path(
            GradRegLogisticRegression(max_iter=1000), X, Y, [10.0], mask=mask, cv=2
        )
        column = regularization_path(MODEL, X, Y, [10.0], cv=2)
        assert abs(some.coefs[0, 0, 0]) < 0.1 * abs(some.coefs[0, 0]).max()
        assert some.scores.mean() > column.scores.mean()

    def test_leaves_the_estimator_alone(self):
        estimator = clone(MODEL)
        regularization_path(estimator, X, Y, ALPHAS)
        assert not hasattr(estimator, "coef_")
        assert estimator.alpha == 0.03

    @pytest.mark.parametrize(
        "alphas", [[-1.0], [np.nan], [], [[1.0]], ["1"], [True], "many", 0, 1.5, None], ids=repr
    )
    def test_strengths_are_numbers(self, alphas):
        with pytest.raises((ValueError, TypeError), match="alphas must be"):
            regularization_path(MODEL, X, Y, alphas)

    def test_other_estimators_are_refused_by_name(self):
        with pytest.raises(
            TypeError, match=r"got LogisticRegression\. For others use .*validation_curve"
        ):
            regularization_path(make_pipeline(LogisticRegression()), X, Y, ALPHAS)

    def test_scores_need_folds(self):
        with pytest.raises(ValueError, match="Pass cv"):
            regularization_path(MODEL, X, Y, ALPHAS, scoring="accuracy")


class TestPathAgainstAThreat:
    """Of 0.03, which is the default too, no strength is warned of: it has been chosen."""

    ALPHAS = [0.03, 1.0]

    def trained(self, table, last=None):
        last = (
            GradRegLogisticRegression("adversarial_loss", max_iter=2000) if last is None else last
        )
        return RobustTrainingClassifier(
            make_pipeline(prepare(), last), ThreatModel(0.3, n_swaps=1).fit(table)
        )

    def test_scores_are_those_of_a_grid_search(self):
        table, y = mixed_table()
        model = self.trained(table)
        path = regularization_path(model, table, y, self.ALPHAS, cv=3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grid = {"estimator__gradreglogisticregression__alpha": path.alphas.tolist()}
            search = GridSearchCV(model, grid, cv=3).fit(table, y)
        np.testing.assert_allclose(
            path.scores.mean(axis=0), search.cv_results_["mean_test_score"], atol=1e-12
        )

    def test_models_stay_inside_and_their_losses_and_coefficients_are_those_of_the_last_steps(self):
        table, y = mixed_table()
        path = regularization_path(self.trained(table), table, y, self.ALPHAS)
        last = [model.estimator_[-1] for model in path.estimators]
        assert [model.alpha for model in last] == path.alphas.tolist() == [1.0, 0.03]
        np.testing.assert_array_equal(path.losses, [model.loss_ for model in last])
        np.testing.assert_array_equal(path.coefs, [model.coef_ for model in last])
        assert path.diagnostics(table, y)["gradient_norm"].shape == (2,)

    def test_stronger_training_withstands_more_attacks(self):
        table, y = mixed_table()
        weak, strong = regularization_path(self.trained(table), table, y, [1e-3, 10.0]).estimators[
            ::-1
        ]
        assert weak.robust_score_ < strong.robust_score_

    def test_the_last_step_of_a_pipeline_is_trained_against_what_comes_out_of_the_others(self):
        last = RobustTrainingClassifier(
            GradRegLogisticRegression("adversarial_loss", max_iter=2000), THREAT
        )
        inside = regularization_path(make_pipeline(FunctionTransformer(), last), X, Y, self.ALPHAS)
        np.testing.assert_array_equal(
            inside.coefs, regularization_path(last, X, Y, self.ALPHAS).coefs
        )

    def test_weights_go_to_the_last_step(self):
        table, y = mixed_table()
        kept = np.arange(len(y)) < 60
        weighted = regularization_path(
            self.trained(table), table, y, [1.0], sample_weight=kept.astype(float)
        )
        some = self.trained(table).set_params(estimator__gradreglogisticregression__alpha=1.0)
        some.fit(table, y, sample_weight=kept)
        np.testing.assert_array_equal(weighted.coefs[0], some.estimator_[-1].coef_)

    def test_a_path_of_what_has_no_strength_is_refused_by_name(self):
        table, y = mixed_table()
        with pytest.raises(
            TypeError, match=r"also inside a RobustTrainingClassifier; got LogisticRegression\."
        ):
            regularization_path(self.trained(table, LogisticRegression()), table, y, self.ALPHAS)

    @pytest.mark.parametrize(
        "options", [{"mask": np.ones((90, 3), dtype=bool)}, {"warm_start": True}], ids=repr
    )
    def test_masks_and_warm_starts_are_refused(self, options):
        table, y = mixed_table()
        with pytest.raises(
            ValueError, match=f"{next(iter(options))} is not taken by RobustTrainingClassifier"
        ):
            regularization_path(self.trained(table), table, y, self.ALPHAS, **options)


class TestSelection:
    SCORES = np.array([[0.5, 0.80, 0.90, 0.92], [0.5, 0.84, 0.94, 0.90]])
    ATTACKED = np.array([[0.5, 0.80, 0.60, 0.60], [0.5, 0.80, 0.60, 0.60]])
    N_PREDICTED = np.array([[1, 2, 2, 2], [1, 2, 2, 2]])

    def chosen(self, selection, **changes):
        folds = {
            "scores": self.SCORES,
            "attacked": self.ATTACKED,
            "n_predicted_classes": self.N_PREDICTED,
        }
        return choose(selection, np.arange(4), Folds(**(folds | changes)))

    def test_best_is_the_largest_mean(self):
        assert self.chosen("best") == 2

    def test_one_standard_error_takes_the_strongest_that_is_close(self):
        assert self.chosen("one_standard_error") == 2
        assert self.chosen("one_standard_error", scores=self.SCORES + [[0, 0.1, 0, 0]]) == 1

    def test_most_robust_is_close_and_stands_attacks(self):
        assert self.chosen("most_robust") == 2  # of equals under attack the more accurate
        assert self.chosen("most_robust", attacked=self.ATTACKED + [[0, 0, 0, 0.1]]) == 3

    def test_a_model_of_one_class_is_never_robust(self):
        scores = np.full((2, 4), 0.5)
        assert self.chosen("one_standard_error", scores=scores) == 1
        assert self.chosen("most_robust", scores=scores, attacked=scores) == 1

    def test_only_models_of_one_class_are_an_error(self):
        with pytest.raises(ValueError, match="Use smaller alphas"):
            self.chosen("most_robust", n_predicted_classes=np.ones((2, 4)))

    @pytest.mark.parametrize("selection", ["best", "one_standard_error", "most_robust"])
    def test_a_score_that_is_no_number_is_not_chosen(self, selection):
        scores = self.SCORES.copy()
        scores[0, 2] = np.nan
        assert self.chosen(selection, scores=scores) == 3

    @pytest.mark.parametrize("selection", ["best", "one_standard_error", "most_robust"])
    def test_scores_of_which_none_is_a_number_are_an_error(self, selection):
        with pytest.raises(ValueError, match=r"no strength .* has a finite score"):
            self.chosen(selection, scores=np.full((2, 4), np.nan))

    def test_the_public_rule_names_bad_input(self):
        for bad in (self.SCORES[:1], self.SCORES[:, 1:], self.SCORES * np.nan):
            with pytest.raises(ValueError, match="must be finite and have the same shape"):
                most_robust(bad, self.ATTACKED)

    def test_one_fold_has_no_standard_error(self):
        with pytest.raises(ValueError, match="two or more folds"):
            self.chosen("one_standard_error", scores=self.SCORES[:1])


class TestSearch:
    def test_chooses_what_a_grid_search_chooses(self):
        model = GradRegLogisticRegressionCV(
            alphas=ALPHAS, max_iter=1000, scoring="neg_log_loss"
        ).fit(X, Y)
        search = GridSearchCV(MODEL, {"alpha": ALPHAS}, scoring="neg_log_loss").fit(X, Y)
        assert model.alpha_ == model.estimator_.alpha == search.best_params_["alpha"]
        assert model.scores_.mean(axis=0).max() == pytest.approx(search.best_score_, rel=1e-3)
        np.testing.assert_allclose(
            model.predict_proba(X), search.best_estimator_.predict_proba(X), atol=0.01
        )

    def test_attributes_have_scikit_learns_shapes(self):
        model = GradRegLogisticRegressionCV(alphas=4, cv=3, max_iter=1000).fit(X, Y)
        assert model.scores_.shape == (3, 4)
        np.testing.assert_allclose(model.alphas_, np.logspace(1, -3, 4))
        assert not hasattr(model, "attacked_scores_")

    def test_the_most_robust_is_chosen_by_accuracy_under_attack(self):
        options = {"alphas": ALPHAS, "max_iter": 1000, "threat": THREAT}
        model = GradRegLogisticRegressionCV(selection="most_robust", **options).fit(X, Y)
        best = GradRegLogisticRegressionCV(**options).fit(X, Y)
        np.testing.assert_array_equal(model.attacked_scores_, best.attacked_scores_)
        by_strength = dict(zip(model.alphas_, model.attacked_scores_.mean(axis=0), strict=True))
        assert by_strength[model.alpha_] > by_strength[best.alpha_]

    def test_rows_of_a_class_that_a_fold_lacks_fall_without_an_attack(self):
        rows, y = load_iris(return_X_y=True)
        threat = ThreatModel(0.1).fit(rows)
        folds = [(np.arange(100), np.arange(50, 150)), (np.arange(50, 150), np.arange(100))]
        weights = np.where(y == 2, 3.0, 1.0)
        model = GradRegLogisticRegressionCV(alphas=[0.1], cv=folds, max_iter=1000, threat=threat)
        model.fit(rows, y, sample_weight=weights)
        for (train, test), (attacked,) in zip(folds, model.attacked_scores_, strict=True):
            plain = (
                clone(MODEL)
                .set_params(alpha=0.1)
                .fit(rows[train], y[train], sample_weight=weights[train])
            )
            moved = adversarial_examples(
                plain, rows[50:100], y[50:100], threat
            )  # the class of all training rows
            right = (plain.predict(moved) == 1) @ weights[50:100]
            assert attacked == pytest.approx(right / weights[test].sum())

    def test_networks_trained_by_epochs_are_those_of_a_grid_search(self):
        options = {
            "hidden_layer_sizes": (5,),
            "learning_rate_init": 0.02,
            "tol": 0.01,
            "random_state": 0,
        }
        model = GradRegMLPClassifierCV(alphas=ALPHAS, cv=2, **options).fit(X, Y)
        search = GridSearchCV(GradRegMLPClassifier(**options), {"alpha": model.alphas_}, cv=2).fit(
            X, Y
        )
        np.testing.assert_allclose(
            model.scores_.mean(axis=0), search.cv_results_["mean_test_score"]
        )
        np.testing.assert_array_equal(model.coefs_[0], search.best_estimator_.coefs_[0])

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_networks_minimised_to_a_tolerance_go_along_the_path(self):
        options = {"hidden_layer_sizes": (3,), "solver": "lbfgs", "max_iter": 50, "random_state": 0}
        model = GradRegMLPClassifierCV(alphas=ALPHAS, cv=2, **options).fit(X, Y)
        path = regularization_path(GradRegMLPClassifier(**options), X, Y, ALPHAS, cv=2)
        np.testing.assert_array_equal(model.scores_, path.scores)
        chosen = path.estimators[path.alphas.tolist().index(model.alpha_)]
        np.testing.assert_array_equal(model.coefs_[0], chosen.coefs_[0])

    def test_classes_may_be_objects(self):
        y = np.array(["good", "bad"], dtype=object)[Y]
        model = GradRegLogisticRegressionCV(
            alphas=ALPHAS, max_iter=1000, selection="one_standard_error"
        ).fit(X, y)
        assert model.predict(X).dtype == object

    def test_has_no_incremental_fit(self):
        assert not hasattr(GradRegMLPClassifierCV(), "partial_fit")

    def test_another_fit_forgets_the_last(self):
        model = GradRegLogisticRegressionCV(alphas=ALPHAS, max_iter=1000, threat=THREAT).fit(X, Y)
        model.set_params(threat=None).fit(X, Y)
        assert not hasattr(model, "attacked_scores_")

    def test_a_failed_fit_changes_nothing(self):
        model = GradRegLogisticRegressionCV(alphas=ALPHAS, max_iter=1000).fit(X, Y)
        before = dict(vars(model))
        model.alphas = before["alphas"] = [-1]
        with pytest.raises(ValueError, match="alphas must be"):
            model.fit(X, Y)
        assert vars(model) == before

    def test_becomes_scikit_learns(self):
        model = GradRegLogisticRegressionCV(alphas=ALPHAS, max_iter=1000).fit(X, Y)
        np.testing.assert_allclose(model.to_sklearn().predict_proba(X), model.predict_proba(X))

    def test_sample_weights_are_repetitions(self):
        rows, y = make_classification(60, random_state=0)
        weights = np.arange(60) % 2 + 1
        repeated = np.repeat(np.arange(60), weights)
        folds = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
        wider = [tuple(np.flatnonzero(np.isin(repeated, part)) for part in fold) for fold in folds]
        weighted = GradRegLogisticRegressionCV(alphas=ALPHAS, cv=folds, tol=1e-6, max_iter=1000)
        weighted.fit(rows, y, sample_weight=weights)
        longer = clone(weighted).set_params(cv=wider).fit(rows[repeated], y[repeated])
        np.testing.assert_allclose(weighted.scores_, longer.scores_)
        np.testing.assert_allclose(weighted.coef_, longer.coef_, atol=1e-4)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"selection": "worst"}, "selection must be one of"),
            ({"selection": "most_robust"}, r"pass a threat model, such as .*\.fit\(X\)"),
            ({"threat": 0.5}, r"must be a ThreatModel, such as ThreatModel\(0.5\).fit\(X\)"),
            ({"threat": ThreatModel([0.1, 0.2])}, "one radius"),
            ({"scoring": ["accuracy", "neg_log_loss"]}, "must be one score"),
            ({"alphas": [0.1, -1]}, "alphas must be"),
            ({"cv": 1}, "cv|n_splits|folds"),
        ],
        ids=repr,
    )
    def test_bad_parameters_are_named(self, options, message):
        with pytest.raises(ValueError, match=message):
            GradRegLogisticRegressionCV(max_iter=1000).set_params(**options).fit(X, Y)

    def test_callbacks_are_refused_with_the_way_round(self):
        with pytest.raises(NotImplementedError, match="Follow a fit of GradRegLogisticRegression"):
            GradRegLogisticRegressionCV().set_callbacks(None)

    @pytest.mark.parametrize("selection", ["best", "most_robust"])
    def test_an_unfitted_threat_leads_to_a_search_over_the_whole_pipeline(self, selection):
        model = GradRegLogisticRegressionCV(
            alphas=ALPHAS, selection=selection, threat=ThreatModel(0.5)
        )
        with pytest.raises(
            NotFittedError, match=r"whole table: ThreatModel\(…\)\.fit\(X\).*refit_most_robust"
        ):
            model.fit(X, Y)

    def test_the_threat_of_a_table_is_refused_behind_an_encoder(self):
        table, y = mixed_table()
        for encoder in (OneHotEncoder(), OneHotEncoder(sparse_output=False)):
            steps = make_column_transformer(
                (StandardScaler(), ["age", "income"]), (encoder, ["home"]), sparse_threshold=1.0
            )
            model = GradRegLogisticRegressionCV(
                selection="most_robust", threat=ThreatModel(0.3).fit(table)
            )
            with pytest.raises(
                ValueError,
                match=r"rows of the table .*: X (is sparse|has 5 columns).*GridSearchCV\(pipel",
            ):
                make_pipeline(steps, model).fit(table, y)

    def test_the_threat_of_an_array_is_refused_behind_a_scaler(self):
        raw = load_breast_cancer().data[::2]
        model = GradRegLogisticRegressionCV(alphas=ALPHAS, threat=ThreatModel(0.5).fit(raw))
        with pytest.raises(
            ValueError,
            match=r"cannot be rows of the table .*: the column 0 has .* outside its bounds",
        ):
            make_pipeline(StandardScaler(), model).fit(raw, Y)

    @pytest.mark.parametrize(
        ("options", "steps", "message"), BEHIND_OTHER_STEPS, ids=lambda value: str(value)[:40]
    )
    def test_rows_that_cannot_be_rows_of_the_table_are_refused(self, options, steps, message):
        table, y = mixed_table()
        numbers = table.assign(home=table.home.map({"a": 0, "b": 1, "c": 2}), debt=table.income / 7)
        threat = ThreatModel(0.3, **options).fit(numbers)
        model = GradRegMLPClassifierCV((2,), alphas=[0.1], cv=2, threat=threat)
        with pytest.raises(
            ValueError, match=f"cannot be rows of the table .*: {message}.*GridSearchCV"
        ):
            model.fit(steps.fit_transform(numbers), y)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"scale": "iqr"},
            {"scale": None},
            {"scale": {"age": 500.0}},
            {"bounds": None},
            {"bounds": {"income": (None, 1e6)}, "integers": None},
            {"categorical": ["home"], "n_swaps": 1},
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("rows", [slice(None), slice(0, 60), slice(50, None, 2)], ids=repr)
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_some_rows_of_the_table_are_rows_of_it(self, options, rows, dtype):
        table, _ = mixed_table()
        numbers = table.assign(home=table.home.map({"a": 0, "b": 1, "c": 2}))
        threat = ThreatModel(0.3, **options).fit(numbers)
        some = numbers[rows]
        assert difference_from_table(threat, some.astype({"income": dtype})) is None

    def test_missing_and_infinite_cells_and_rare_values_may_be_in_rows_of_the_table(self):
        rng = np.random.RandomState(0)
        table = np.column_stack([rng.standard_normal(200), np.where(np.arange(200) < 2, 7.5, 0.0)])
        table[3:20:4, 0] = np.nan
        threat = ThreatModel(0.3).fit(table)
        assert difference_from_table(threat, table[2:]) is None

    def test_each_fold_is_attacked_under_the_threat_of_the_table(self):
        folds = list(StratifiedKFold(3).split(X, Y))
        threat = ThreatModel(0.4, norm="linf").fit(X)
        model = GradRegLogisticRegressionCV(
            alphas=[0.1], cv=folds, max_iter=1000, threat=threat
        ).fit(X, Y)
        for (train, test), (attacked,) in zip(folds, model.attacked_scores_, strict=True):
            fitted = clone(MODEL).set_params(alpha=0.1).fit(X[train], Y[train])
            assert attacked == adversarial_accuracy(fitted, X[test], Y[test], threat)


class TestRefit:
    RESULTS = {
        "split0_test_accuracy": np.array([0.90, 0.80, 0.88]),
        "split1_test_accuracy": np.array([0.94, 0.84, 0.94]),
        "split0_test_attacked": np.array([0.50, 0.75, 0.60]),
        "split1_test_attacked": np.array([0.52, 0.75, 0.62]),
        "mean_test_accuracy": np.array([0.92, 0.82, 0.91]),
        "mean_test_attacked": np.array([0.51, 0.75, 0.61]),
        "param_alpha": np.ma.MaskedArray([0.1, 10, 1], mask=False, dtype=object),
        "param_penalty": np.ma.MaskedArray(["a", "b", "c"], mask=False, dtype=object),
    }
    RULES = [
        refit_most_robust("accuracy", "attacked"),
        refit_one_standard_error("accuracy", strength="param_alpha"),
    ]

    def test_most_robust_is_the_rule_on_arrays(self):
        scores, attacked = (
            [self.RESULTS[f"split{k}_test_{name}"] for k in range(2)]
            for name in ("accuracy", "attacked")
        )
        assert self.RULES[0](self.RESULTS) == most_robust(scores, attacked) == 2

    def test_one_standard_error_takes_the_largest_strength_that_is_close(self):
        assert self.RULES[1](self.RESULTS) == 2
        weak = self.RESULTS | {
            "param_alpha": np.ma.MaskedArray([1, 10, 0.1], mask=False, dtype=object)
        }
        assert self.RULES[1](weak) == 0

    def test_of_the_same_strength_the_better_score_is_taken(self):
        same = self.RESULTS | {
            "param_alpha": np.ma.MaskedArray([1, 1, 1], mask=False, dtype=object)
        }
        assert self.RULES[1](same) == 0

    @pytest.mark.parametrize("rule", RULES, ids=repr)
    def test_a_candidate_that_failed_is_not_chosen(self, rule):
        failed = self.RESULTS | {"split1_test_accuracy": np.array([0.94, 0.84, np.nan])}
        assert rule(failed) == 0
        with pytest.raises(
            ValueError, match=r"no candidate of the search has finite scores 'accuracy'"
        ):
            rule(self.RESULTS | {"split1_test_accuracy": np.full(3, np.nan)})

    @pytest.mark.parametrize("rule", RULES, ids=repr)
    def test_rules_survive_pickle_and_clone_and_say_what_they_are(self, rule):
        assert pickle.loads(pickle.dumps(rule)) == rule
        search = clone(GridSearchCV(MODEL, {"alpha": [1.0]}, refit=rule))
        assert search.refit == rule
        assert eval(repr(rule)) == rule

    @pytest.mark.parametrize(
        ("rule", "changes", "message"),
        [
            (
                refit_most_robust("accuracy", "certified"),
                {},
                "no scorer 'certified'; it has 'accuracy', 'attacked'",
            ),
            (
                refit_one_standard_error(strength="param_alpha"),
                {},
                "no scorer 'score'; it has 'accuracy', 'attacked'",
            ),
            (
                refit_one_standard_error("accuracy", strength="param_l2"),
                {},
                "no 'param_l2'; it has 'param_alpha', 'param_penalty'",
            ),
            (
                refit_one_standard_error("accuracy", strength="param_penalty"),
                {},
                "param_penalty must be a number for each",
            ),
            (
                RULES[1],
                {"param_alpha": np.ma.MaskedArray([1, 1, 1], mask=[0, 0, 1], dtype=object)},
                "param_alpha must be a number for each",
            ),
        ],
    )
    def test_what_a_search_lacks_is_named(self, rule, changes, message):
        with pytest.raises(ValueError, match=message):
            rule(self.RESULTS | changes)

    @pytest.mark.parametrize("rule", RULES, ids=repr)
    def test_one_fold_has_no_standard_error(self, rule):
        one = {
            name: values for name, values in self.RESULTS.items() if not name.startswith("split1")
        }
        with pytest.raises(ValueError, match="two or more folds"):
            rule(one)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                lambda: refit_most_robust("accuracy", ThreatModel(0.1)),
                "attacked must be a name in cv_results_",
            ),
            (lambda: refit_most_robust("accuracy", "accuracy"), "two scorers of the search"),
            (
                lambda: refit_one_standard_error(strength="alpha"),
                "such as \"param_alpha\"; got 'alpha'",
            ),
            (
                lambda: refit_one_standard_error(0.1, strength="param_alpha"),
                "score must be a name in cv_results_",
            ),
        ],
    )
    def test_names_are_checked_at_once(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()

    def test_a_search_over_a_whole_pipeline_chooses_by_attacks_on_rows_of_the_table(self):
        table, y = mixed_table()
        threat = ThreatModel(0.3, n_swaps=1).fit(table)
        pipeline = make_pipeline(prepare(), GradRegLogisticRegression(max_iter=1000))
        alpha = "gradreglogisticregression__alpha"
        search = GridSearchCV(
            pipeline,
            {alpha: [0.01, 0.1, 1.0]},
            scoring={"accuracy": "accuracy", "attacked": make_adversarial_scorer(threat)},
            refit=refit_most_robust("accuracy", "attacked"),
            cv=StratifiedKFold(3),
        ).fit(table, y)
        scores, attacked = np.empty((3, 3)), np.empty((3, 3))
        for k, (train, test) in enumerate(StratifiedKFold(3).split(table, y)):
            for i, strength in enumerate([0.01, 0.1, 1.0]):
                model = (
                    clone(pipeline).set_params(**{alpha: strength}).fit(table.iloc[train], y[train])
                )
                scores[k, i] = model.score(table.iloc[test], y[test])
                attacked[k, i] = adversarial_accuracy(model, table.iloc[test], y[test], threat)
        assert search.best_index_ == most_robust(scores, attacked)
        assert np.ptp(attacked.mean(axis=0)) > 0

    def test_one_standard_error_in_a_search_is_that_of_the_estimator_that_chooses_its_strength(
        self,
    ):
        chosen = GradRegLogisticRegressionCV(
            alphas=9, max_iter=1000, selection="one_standard_error"
        ).fit(X, Y)
        rule = refit_one_standard_error(strength="param_alpha")
        search = GridSearchCV(MODEL, {"alpha": chosen.alphas_.tolist()}, refit=rule).fit(X, Y)
        assert search.best_params_["alpha"] == chosen.alpha_
