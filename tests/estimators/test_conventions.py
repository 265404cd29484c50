"""What scikit-learn's users rely on: searches, pipelines, routing, callbacks, pickles."""

import pickle
import threading

import numpy as np
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_irg
from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    IMSATClusterer,
    VATClassifier,
    WassersteinCritic,
)
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.diagnostics import local_smoothness
from sklearn_irg.losses import Flooding
from sklearn_irg.penalties import InputGradient, ParameterGradient, VirtualAdversarial, WeightDecay
from tests.problems import MULTI_X, MULTI_Y, TABLES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ESTIMATORS = [
    GradRegLogisticRegression(max_iter=20),
    GradRegMLPClassifier((5,), max_iter=5, random_state=0),
    VATClassifier((5,), max_iter=5, random_state=0),
]


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
class TestEveryEstimator:
    def test_pickles_hold_no_object_of_ours_but_the_estimator(self, table, estimator):
        X, y = table
        model = clone(estimator).fit(X, y)
        text = pickle.dumps(model, protocol=0)
        modules = {line for line in text.split(b"\n") if b"sklearn_irg" in line}
        assert all(b"_estimators" in line for line in modules)
        np.testing.assert_array_equal(pickle.loads(text).predict(X), model.predict(X))

    def test_grid_search_is_the_same_serially_in_threads_and_in_processes(self, table, estimator):
        X, y = table

        def scores(backend, n_jobs):
            with parallel_config(backend=backend):
                grid = {"alpha": np.logspace(-3, 0, 4)}
                search = GridSearchCV(clone(estimator), grid, cv=3, n_jobs=n_jobs).fit(X, y)
            return search.cv_results_["mean_test_score"], search.best_estimator_.predict_proba(X)

        serial = scores("loky", 1)
        for other in (scores("threading", 8), scores("loky", 2)):
            np.testing.assert_array_equal(other[0], serial[0])
            np.testing.assert_allclose(other[1], serial[1], rtol=1e-7)

    def test_callbacks_see_every_iteration_through_pipelines_and_searches(self, table, estimator):
        callback = pytest.importorskip("sklearn.callback")
        X, y = table
        monitor = callback.ScoringMonitor(scoring="accuracy")
        fitted = make_pipeline(StandardScaler(), clone(estimator).set_callbacks(monitor)).fit(X, y)[
            -1
        ]
        logs = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
        assert len(logs) == np.max(fitted.n_iter_)
        np.testing.assert_allclose(
            logs[-1]["accuracy"], fitted.score(StandardScaler().fit_transform(X), y)
        )
        search = GridSearchCV(clone(estimator), {"alpha": [0.1, 1.0]}, cv=2)
        search.set_callbacks(callback.ProgressBar()).fit(X, y)
        assert pickle.loads(pickle.dumps(search)).best_params_ == search.best_params_

    def test_unfitted_it_says_so(self, table, estimator):
        with pytest.raises(NotFittedError):
            clone(estimator).predict(table[0])
        assert not hasattr(clone(estimator), "likelihood_")

    def test_its_html_repr_links_to_nothing_that_does_not_exist(self, table, estimator):
        assert "href=" not in clone(estimator)._repr_html_()


class TestCallbacks:
    def test_one_that_stops_a_fit_is_no_failure_to_converge(self):
        callback = pytest.importorskip("sklearn.callback")

        class Stop(callback.ScoringMonitor):
            def on_fit_task_end(self, *args, **options):
                super().on_fit_task_end(*args, **options)
                return True

        model = (
            GradRegMLPClassifier((5,)).set_callbacks(Stop(scoring="accuracy")).fit(MULTI_X, MULTI_Y)
        )
        assert model.n_iter_ == 1
        linear = (
            GradRegLogisticRegression()
            .set_callbacks(Stop(scoring="accuracy"))
            .fit(MULTI_X, MULTI_Y)
        )
        assert linear.n_iter_ == 1

    def test_diagnostics_can_be_watched_and_end_with_those_of_the_fitted_model(self):
        callback = pytest.importorskip("sklearn.callback")
        seen, options = [], {"epsilon": 0.3, "random_state": 0}

        def watch(model, X, y):
            seen.append(local_smoothness(model, X, **options))
            return {"change": seen[-1].mean()}

        model = GradRegMLPClassifier((5,), max_iter=4, random_state=0)
        model.set_callbacks(callback.ScoringMonitor(scoring=watch)).fit(MULTI_X, MULTI_Y)
        assert len(seen) >= 4
        np.testing.assert_allclose(seen[3], local_smoothness(model, MULTI_X, **options), rtol=1e-9)
        shorter = clone(model).set_params(max_iter=2).fit(MULTI_X, MULTI_Y)
        np.testing.assert_allclose(
            seen[1], local_smoothness(shorter, MULTI_X, **options), rtol=1e-9
        )

    @pytest.mark.parametrize(
        "model",
        [IMSATClusterer(2, n_init=2, max_iter=2), WassersteinCritic(max_iter=2, cv=2)],
        ids=repr,
    )
    def test_they_end_where_a_fit_is_several(self, model):
        callback = pytest.importorskip("sklearn.callback")
        model = clone(model).set_callbacks(callback.ProgressBar()).fit(MULTI_X, MULTI_Y > 0)
        assert not [
            thread for thread in threading.enumerate() if "Progress" in type(thread).__name__
        ]


class TestSearches:
    def test_kinds_of_penalty_are_one_grid_key(self):
        kinds = [
            None,
            "input_gradient",
            InputGradient("l1"),
            "spectral_norm",
            0.1 * WeightDecay() + InputGradient(),
        ]
        search = GridSearchCV(GradRegLogisticRegression(), {"penalty": kinds}, cv=3).fit(
            MULTI_X, MULTI_Y
        )
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_options_of_a_penalty_are_another(self):
        options = GridSearchCV(
            GradRegLogisticRegression(InputGradient()), {"penalty__norm": ["l1", "l2"]}, cv=3
        )
        assert options.fit(MULTI_X, MULTI_Y).best_params_["penalty__norm"] in ("l1", "l2")

    def test_every_option_may_stand_in_a_grid(self):
        grid = {
            "penalty": [InputGradient(), ParameterGradient()],
            "loss": [None, Flooding(0.1)],
            "constraint": [None, SpectralNormalization(5.0)],
        }
        search = GridSearchCV(
            GradRegMLPClassifier((5,), max_iter=5, random_state=0), grid, cv=3
        ).fit(MULTI_X, MULTI_Y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_sample_weight_is_routed_through_a_pipeline(table):
    X, y = table
    weight = np.random.RandomState(0).rand(len(y))
    with config_context(enable_metadata_routing=True):
        model = (
            GradRegLogisticRegression()
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipe.fit(X, y, sample_weight=weight)
        direct = GradRegLogisticRegression().fit(X, y, weight)
        np.testing.assert_allclose(pipe[-1].coef_, direct.coef_, rtol=1e-6)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        scores = cross_val_score(pipe, X, y, params={"sample_weight": weight}, scoring=scorer)
    assert scores.mean() > 0.85


def test_neither_arguments_nor_parameters_nor_the_global_generator_change(table):
    X, y = (a.copy() for a in table)
    penalty = InputGradient() + 0.1 * VirtualAdversarial()
    model, before = (
        GradRegMLPClassifier(penalty=penalty, max_iter=2),
        np.random.get_state()[1].copy(),
    )
    model.set_params(random_state=0).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.testing.assert_array_equal(X, table[0])
    assert model.penalty is penalty
    assert repr(penalty) == repr(InputGradient() + 0.1 * VirtualAdversarial())


@pytest.mark.parametrize(
    "name", ["attacks", "diagnostics", "displays", "likelihoods", "model_selection", "penalties"]
)
def test_public_modules_are_reachable_from_the_package(name):
    assert getattr(sklearn_irg, name).__name__ == f"sklearn_irg.{name}"
    assert name in dir(sklearn_irg)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'sklearn_irg' has no attribute 'penalty'"):
        _ = sklearn_irg.penalty


@pytest.mark.parametrize(
    "estimator", [GradRegLogisticRegression(), GradRegMLPClassifier((5,), random_state=0)]
)
def test_successive_halving_over_iterations(estimator):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    options = {"resource": "max_iter", "min_resources": 5, "max_resources": 20, "cv": 2}
    search = HalvingGridSearchCV(estimator, {"alpha": [0.001, 0.01, 0.1, 1]}, **options).fit(
        MULTI_X, MULTI_Y
    )
    assert search.n_resources_ == [5, 15]
    assert search.n_candidates_ == [4, 2]
    assert np.max(search.best_estimator_.n_iter_) <= 15
