"""What users rely on: scikit-learn's answers where it has them, its conventions everywhere."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_circles,
    make_moons,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier
from sklearn_irg._engine.likelihoods import bernoulli, categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._objective import Objective
from sklearn_irg.penalties import InputGradient, VirtualAdversarial, WeightDecay
from sklearn_irg.solvers import LBFGS, SGD, Adam

TABLES = {
    name: (scale(X), y)
    for name, (X, y) in {
        "binary": load_breast_cancer(return_X_y=True),
        "multiclass": load_iris(return_X_y=True),
    }.items()
}


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


class TestLogisticRegression:
    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_weight_decay_is_scikit_learns_logistic_regression(self, table, fit_intercept, weighted):
        X, y = table
        weight = np.random.RandomState(0).rand(len(y)) if weighted else np.ones(len(y))
        alpha = 0.01
        options = {"fit_intercept": fit_intercept, "tol": 1e-8, "max_iter": 1000}
        theirs = LogisticRegression(C=1 / (2 * weight.sum() * alpha), **options).fit(X, y, weight)
        ours = GradRegLogisticRegression("weight_decay", alpha, **options).fit(X, y, weight)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-3)
        assert ours.coef_.shape == theirs.coef_.shape
        assert ours.intercept_.shape == theirs.intercept_.shape

    def test_class_weight_means_what_it_means_in_scikit_learn(self, table):
        X, y = table
        keep = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y > 0)]
        X, y = X[keep], y[keep]
        for class_weight in ["balanced", {0: 5.0}]:
            total = LogisticRegression(class_weight=class_weight, max_iter=1000, tol=1e-8)
            ours = GradRegLogisticRegression("weight_decay", 0.01, class_weight=class_weight, tol=1e-8, max_iter=1000)
            weights = len(y) if class_weight == "balanced" else len(y) + 4 * (y == 0).sum()
            total.set_params(C=1 / (2 * weights * 0.01)).fit(X, y)
            np.testing.assert_allclose(ours.fit(X, y).predict_proba(X), total.predict_proba(X), atol=1e-5)

    @pytest.mark.parametrize("penalty", [InputGradient(), WeightDecay(), InputGradient() + WeightDecay()], ids=repr)
    def test_the_gradient_vanishes_at_the_optimum(self, table, penalty):
        X, y = table
        model = GradRegLogisticRegression(penalty, 0.1, tol=1e-7, max_iter=5000).fit(X, y)
        targets = np.eye(3)[y] if len(model.classes_) > 2 else y[:, None].astype(float)
        network = Network(
            (X.shape[1], targets.shape[1]), "identity", categorical if len(model.classes_) > 2 else bernoulli
        )
        objective = Objective(network, X, targets, penalty, 0.1)
        theta = network.pack([model.coef_.T], [model.intercept_], np.float64)
        assert np.abs(objective.value_and_grad(theta, objective.everything())[1]).max() < 1e-6

    def test_a_larger_alpha_gives_smaller_input_gradients(self, table):
        X, y = table

        def norm(alpha):
            model = GradRegLogisticRegression(alpha=alpha, max_iter=1000).fit(X, y)
            P = model.predict_proba(X)
            W = model.coef_ if len(model.coef_) > 1 else np.vstack([0 * model.coef_, model.coef_])
            return (((P - np.eye(len(P[0]))[y]) @ W) ** 2).sum(axis=1).mean()

        norms = [norm(alpha) for alpha in (0.001, 0.1, 10)]
        assert norms == sorted(norms, reverse=True)

    def test_features_by_name_are_features_by_position(self):
        frame = load_iris(as_frame=True)
        by_name = InputGradient(features=["petal width (cm)"])
        models = [
            GradRegLogisticRegression(p, 1.0).fit(frame.data, frame.target)
            for p in (by_name, InputGradient(features=[3]))
        ]
        np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
        everywhere = GradRegLogisticRegression(InputGradient(), 1.0).fit(frame.data, frame.target)
        assert np.abs(models[0].coef_[:, :3]).max() > np.abs(everywhere.coef_[:, :3]).max()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestMultiLayerPerceptrons:
    @pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
    def test_forward_pass_is_scikit_learns_with_copied_weights(self, table, activation):
        X, y = table
        theirs = MLPClassifier((7, 5), activation, max_iter=3, random_state=0).fit(X, y)
        ours = GradRegMLPClassifier((7, 5), activation, max_iter=1).fit(X, y)
        ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-12)

    def test_starts_where_scikit_learn_starts(self):
        X, y = TABLES["multiclass"]
        ours = GradRegMLPClassifier((7,), max_iter=1, learning_rate_init=1e-12, random_state=3).fit(X, y)
        theirs = MLPClassifier((7,), max_iter=1, learning_rate_init=1e-12, random_state=3).fit(X, y)
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-8)

    def test_regressor_forward_pass_is_scikit_learns(self):
        X, y = load_diabetes(return_X_y=True)
        Y = scale(np.column_stack([y, X[:, 0]]))
        theirs = MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0).fit(X, Y)
        ours = GradRegMLPRegressor((7,), max_iter=1).fit(X, Y)
        ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-12)

    @pytest.mark.parametrize(
        "solver", ["adam", "sgd", "lbfgs", SGD(nesterovs_momentum=False), Adam(beta_1=0.8), LBFGS()]
    )
    def test_every_solver_learns(self, table, solver):
        X, y = table
        model = GradRegMLPClassifier((20,), solver=solver, learning_rate_init=0.01, random_state=0)
        assert model.fit(X, y).score(X, y) > 0.94

    def test_multilabel_predicts_indicators(self):
        X, Y = make_multilabel_classification(random_state=0)
        model = GradRegMLPClassifier(learning_rate_init=0.01, random_state=0).fit(scale(X), Y)
        assert model.predict(scale(X)).shape == Y.shape
        assert (model.predict(scale(X)) == Y).mean() > 0.9
        assert model.decision_function(X).shape == model.predict_proba(X).shape == Y.shape

    def test_early_stopping_keeps_the_best_epoch(self, table):
        X, y = table
        model = GradRegMLPClassifier(early_stopping=True, learning_rate_init=0.01, max_iter=300, random_state=0).fit(
            X, y
        )
        assert len(model.validation_scores_) == model.n_iter_ < 300
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None

    def test_fitted_attributes_are_scikit_learns(self, table):
        X, y = table
        ours = GradRegMLPClassifier((7, 5), max_iter=3, random_state=0).fit(X, y)
        theirs = MLPClassifier((7, 5), max_iter=3, random_state=0).fit(X, y)
        for name in ["n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_"]:
            assert getattr(ours, name) == getattr(theirs, name), name
        assert [W.shape for W in ours.coefs_] == [W.shape for W in theirs.coefs_]
        assert ours.best_loss_ == min(ours.loss_curve_)
        assert ours.loss_ == ours.loss_curve_[-1]

    def test_partial_fit_continues_where_it_was(self, table):
        X, y = table
        model = GradRegMLPClassifier((9,), batch_size=len(X), shuffle=False, random_state=0)
        stepwise = clone(model)
        for _ in range(5):
            stepwise.partial_fit(X, y, classes=np.unique(y))
        whole = model.set_params(max_iter=5).fit(X, y)
        np.testing.assert_allclose(stepwise.coefs_[0], whole.coefs_[0], rtol=1e-12)
        assert stepwise.t_ == whole.t_

    def test_warm_start_continues_from_the_weights(self, table):
        X, y = table
        model = GradRegMLPClassifier(warm_start=True, max_iter=20, random_state=0).fit(X, y)
        first = model.loss_
        assert model.fit(X, y).loss_ < first
        assert len(model.loss_curve_) == 40

    def test_single_precision_stays_single(self, table):
        X, y = table
        model = GradRegMLPClassifier(max_iter=3, alpha=np.float64(0.1)).fit(X.astype(np.float32), y)
        assert {W.dtype for W in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}
        assert model.predict_proba(X.astype(np.float32)).dtype == np.float32


class TestVAT:
    def make(self, **options):
        return VATClassifier(learning_rate_init=0.01, random_state=0, **options)

    def test_unlabelled_rows_complete_what_few_labels_cannot_say(self):
        X, y = make_moons(300, noise=0.1, random_state=0)
        some = np.where(np.arange(300) < 10, y, -1)
        alone = GradRegMLPClassifier(penalty=None, learning_rate_init=0.01, random_state=0, tol=0.01).fit(
            X[:10], y[:10]
        )
        semi = self.make(epsilon=0.3, alpha=3.0, max_iter=1000, n_iter_no_change=50).fit(X, some)
        assert alone.score(X, y) < 0.9
        assert semi.score(X, y) > 0.95
        np.testing.assert_array_equal(semi.classes_, [0, 1])
        np.testing.assert_array_equal(semi.transduction_[:10], y[:10])
        np.testing.assert_array_equal(semi.transduction_[10:], semi.predict(X)[10:])

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_markers_may_be_strings_and_none_means_all_labelled(self):
        X, y = make_circles(60, random_state=0)
        words = np.array(["in", "out"])[y]
        words[:5] = "?"
        assert list(self.make(unlabeled_label="?", max_iter=2).fit(X, words).classes_) == ["in", "out"]
        assert list(self.make(unlabeled_label=None, max_iter=2).fit(X, 2 * y - 1).classes_) == [-1, 1]

    def test_no_labelled_row_is_an_error(self):
        with pytest.raises(ValueError, match=r"no labelled row: all are unlabeled_label=-1"):
            self.make().fit(np.eye(4), [-1, -1, -1, -1])

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_is_the_penalty_on_a_perceptron_when_all_rows_are_labelled(self):
        X, y = make_circles(60, random_state=0)
        options = {"max_iter": 5, "random_state": 0}
        penalty = VirtualAdversarial(epsilon=0.3)
        a = VATClassifier(epsilon=0.3, alpha=2.0, **options).fit(X, y)
        b = GradRegMLPClassifier(penalty=penalty, alpha=2.0, **options).fit(X, y)
        np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestConventions:
    ESTIMATORS = [
        GradRegLogisticRegression(max_iter=20),
        GradRegMLPClassifier((5,), max_iter=5, random_state=0),
        VATClassifier((5,), max_iter=5, random_state=0),
    ]

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
    def test_pickles_hold_no_object_of_ours_but_the_estimator(self, table, estimator):
        X, y = table
        model = clone(estimator).fit(X, y)
        text = pickle.dumps(model, protocol=0)
        modules = {line for line in text.split(b"\n") if b"sklearn_irg" in line}
        assert all(b"_estimators" in line for line in modules)
        np.testing.assert_array_equal(pickle.loads(text).predict(X), model.predict(X))

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
    def test_grid_search_is_the_same_serially_in_threads_and_in_processes(self, table, estimator):
        from joblib import parallel_config

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

    def test_kinds_of_penalty_are_one_grid_key_and_their_options_another(self):
        X, y = TABLES["multiclass"]
        kinds = [
            None,
            "input_gradient",
            InputGradient(norm="l1"),
            "spectral_norm",
            0.1 * WeightDecay() + InputGradient(),
        ]
        search = GridSearchCV(GradRegLogisticRegression(), {"penalty": kinds}, cv=3).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        options = GridSearchCV(GradRegLogisticRegression(InputGradient()), {"penalty__norm": ["l1", "l2"]}, cv=3)
        assert options.fit(X, y).best_params_["penalty__norm"] in ("l1", "l2")

    def test_sample_weight_is_routed_through_a_pipeline(self, table):
        X, y = table
        weight = np.random.RandomState(0).rand(len(y))
        with config_context(enable_metadata_routing=True):
            model = (
                GradRegLogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            )
            pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
            pipe.fit(X, y, sample_weight=weight)
            direct = GradRegLogisticRegression().fit(scale(X), y, weight)
            np.testing.assert_allclose(pipe[-1].coef_, direct.coef_, rtol=1e-6)
            scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
            cross_val_score(pipe, X, y, params={"sample_weight": weight}, scoring=scorer)

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
    def test_callbacks_see_every_iteration_through_pipelines_and_searches(self, estimator):
        callback = pytest.importorskip("sklearn.callback")
        X, y = TABLES["binary"]
        monitor = callback.ScoringMonitor(scoring="accuracy")
        model = clone(estimator).set_callbacks(monitor)
        fitted = make_pipeline(StandardScaler(), model).fit(X, y)[-1]
        logs = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
        assert len(logs) == np.max(fitted.n_iter_)
        np.testing.assert_allclose(logs[-1]["accuracy"], fitted.score(StandardScaler().fit_transform(X), y))
        search = GridSearchCV(clone(estimator), {"alpha": [0.1, 1.0]}, cv=2)
        search.set_callbacks(callback.ProgressBar()).fit(X, y)
        pickle.loads(pickle.dumps(search))

    def test_neither_arguments_nor_parameters_nor_the_global_generator_change(self, table):
        X, y = (a.copy() for a in table)
        penalty = InputGradient() + 0.1 * VirtualAdversarial()
        model, before = GradRegMLPClassifier(penalty=penalty, max_iter=2), np.random.get_state()[1].copy()
        model.set_params(random_state=0).fit(X, y)
        np.testing.assert_array_equal(np.random.get_state()[1], before)
        assert model.penalty is penalty
        assert repr(penalty) == repr(InputGradient() + 0.1 * VirtualAdversarial())

    def test_unfitted_estimators_say_so(self):
        for estimator in self.ESTIMATORS:
            with pytest.raises(NotFittedError):
                clone(estimator).predict(np.eye(3))

    def test_html_repr_links_to_the_documentation(self):
        assert "sklearn_irg.GradRegMLPClassifier.html" in GradRegMLPClassifier()._repr_html_()


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"penalty": "l2"}, r"penalty must be None, one of .*'input_gradient'.*got 'l2'"),
            ({"penalty": InputGradient("l3")}, r"norm of InputGradient must be 'l2' or 'l1'; got 'l3'"),
            ({"penalty": InputGradient(features=["a"])}, r"features names the column 'a', but X has no column names"),
            ({"penalty": InputGradient(features=[9])}, r"features has 9, which is no position among the 4 columns"),
            ({"penalty": InputGradient(features=[])}, r"features is empty"),
            ({"penalty": InputGradient(features="petal")}, r"features must be a sequence"),
            ({"penalty": -1 * WeightDecay()}, r"weight of a penalty must be a finite number >= 0.*got -1"),
            (
                {"penalty": "virtual_adversarial", "solver": "lbfgs"},
                r"LBFGS needs a deterministic.*VirtualAdversarial draws",
            ),
            ({"penalty": VirtualAdversarial(epsilon=0)}, r"epsilon == 0, must be > 0"),
            ({"alpha": -1}, r"alpha == -1, must be >= 0"),
            ({"alpha": np.nan}, r"alpha must be finite; got nan"),
            ({"solver": "newton"}, r"solver must be one of 'adam', 'lbfgs', 'sgd', or a Solver"),
            ({"solver": Adam(beta_1=2)}, r"beta_1 == 2, must be < 1"),
            ({"activation": "sine"}, r"activation must be one of 'identity', .*; got 'sine'"),
            ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be positive integers; got \(5, 0\)"),
            ({"solver": "lbfgs", "early_stopping": True}, r"LBFGS has no epochs to stop early at"),
            (
                {"learning_rate_init": 1e300, "solver": "sgd"},
                r"training diverged.*in epoch .*learning_rate_init=1e\+300",
            ),
        ],
        ids=str,
    )
    @pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
    def test_bad_parameters_are_named_with_what_to_do(self, parameters, message):
        X, y = TABLES["multiclass"]
        with pytest.raises(ValueError, match=message):
            GradRegMLPClassifier(**parameters).fit(X, y)

    def test_sparse_rows_have_no_virtual_adversarial_penalty(self):
        from scipy.sparse import csr_array

        X, y = TABLES["multiclass"]
        with pytest.raises(ValueError, match="needs a dense X"):
            GradRegMLPClassifier(penalty="virtual_adversarial").fit(csr_array(X), y)

    def test_partial_fit_needs_a_stochastic_solver_and_no_early_stopping(self):
        X, y = TABLES["multiclass"]
        assert not hasattr(GradRegMLPClassifier(solver="lbfgs"), "partial_fit")
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
            GradRegMLPClassifier(early_stopping=True).partial_fit(X, y)

    def test_partial_fit_with_a_class_it_does_not_know(self):
        X, y = TABLES["multiclass"]
        model = GradRegMLPClassifier().partial_fit(X[:100], y[:100])
        with pytest.raises(
            ValueError, match=r"y has classes \[0, 1, 2\], but this estimator was first fitted with \[0, 1\]"
        ):
            model.partial_fit(X, y)

    def test_not_converging_warns(self, table):
        with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations without converging. Raise max_iter=2"):
            GradRegMLPClassifier(max_iter=2).fit(*table)
