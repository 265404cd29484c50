"""Fitted estimators as scikit-learn's own, and through skops."""

import pickle
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, projected_gradient
from sklearn_irg.diagnostics import (
    certified_radius,
    input_gradients,
    linear_geometry,
    signed_distance,
)
from sklearn_irg.penalties import InputGradient, WeightDecay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
BINARY, MULTI = load_breast_cancer(return_X_y=True), load_iris(return_X_y=True)
WORDS = (MULTI[0], np.array(["a", "b", "c"])[MULTI[1]])
LABELS = make_multilabel_classification(random_state=0)
DIABETES = load_diabetes(return_X_y=True)
TWO = (DIABETES[0], np.column_stack([DIABETES[1], DIABETES[0][:, 2]]))
CASES = [
    (GradRegLogisticRegression(), BINARY),
    (GradRegLogisticRegression(InputGradient() + 0.1 * WeightDecay()), WORDS),
    (GradRegMLPClassifier((7, 5), "tanh", max_iter=5), BINARY),
    (GradRegMLPClassifier((7,), max_iter=5), WORDS),
    (GradRegMLPClassifier((7,), "logistic", max_iter=5), LABELS),
    (VATClassifier((7,), max_iter=5), MULTI),
    (GradRegMLPRegressor((7,), max_iter=5), DIABETES),
    (GradRegMLPRegressor((7,), "identity", max_iter=5), TWO),
]


@pytest.mark.parametrize(
    ("estimator", "table"), CASES, ids=lambda x: repr(x)[:50] if not isinstance(x, tuple) else ""
)
class TestEveryEstimator:
    def test_its_scikit_learn_twin_predicts_the_same(self, estimator, table):
        X, y = scale(table[0]), table[1]
        model = estimator.fit(X, y)
        twin = model.to_sklearn()
        assert type(twin).__module__.startswith("sklearn.")
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        if hasattr(model, "predict_proba"):
            np.testing.assert_allclose(twin.predict_proba(X), model.predict_proba(X), atol=1e-14)
            np.testing.assert_array_equal(twin.classes_, model.classes_)
        ours, theirs = (m.coefs_[0] if hasattr(m, "coefs_") else m.coef_ for m in (model, twin))
        assert not np.shares_memory(ours, theirs)

    def test_skops_round_trip_is_exact(self, estimator, table):
        skops = pytest.importorskip("skops.io")
        X, y = scale(table[0]), table[1]
        model = estimator.set_params(random_state=0).fit(X, y)
        data = skops.dumps(model)
        copy = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))
        assert repr(copy) == repr(model)


def test_softplus_has_no_twin():
    with pytest.raises(ValueError, match="scikit-learn has no activation 'softplus'"):
        GradRegMLPClassifier((3,), "softplus", max_iter=1).fit(*MULTI).to_sklearn()


def test_twins_leave_the_global_generator_alone():
    model = GradRegMLPClassifier((4,), max_iter=2, random_state=0).fit(*MULTI)
    before = np.random.get_state()[1].copy()
    model.to_sklearn()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    "kind",
    [GradRegLogisticRegression, partial(GradRegLogisticRegressionCV, alphas=[0.3, 0.1], cv=2)],
)
@pytest.mark.parametrize("table", [BINARY, WORDS], ids=["two classes", "three classes"])
class TestSparseCoefficients:
    """They are those of scikit-learn's linear models: another format, the same model."""

    def fitted(self, kind, table):
        X, y = scale(table[0]), table[1]
        options = {"penalty": InputGradient("l1"), "max_iter": 2000}
        model = (
            kind(**options) if kind is not GradRegLogisticRegression else kind(alpha=0.3, **options)
        )
        return model.fit(X, y), X, y

    def test_are_of_the_type_that_scikit_learn_gives(self, kind, table):
        model, X, y = self.fitted(kind, table)
        dense = model.coef_.copy()
        assert (dense == 0).any() == (len(model.classes_) == 2)
        assert model.sparsify() is model
        assert type(model.coef_) is type(LogisticRegression().fit(X, y).sparsify().coef_)
        assert model.sparsify().coef_.nnz == np.count_nonzero(dense)
        assert model.densify() is model
        np.testing.assert_array_equal(model.densify().coef_, dense)

    def test_predict_and_are_read_as_the_dense_ones(self, kind, table):
        model, X, y = self.fitted(kind, table)
        threat = ThreatModel(0.2, scale=None).fit(X)
        functions = [
            lambda m: m.decision_function(csr_matrix(X)),
            lambda m: m.predict_proba(X),
            lambda m: m.score(X, y),
            lambda m: m.to_sklearn().predict_proba(X),
            lambda m: pickle.loads(pickle.dumps(m)).predict_proba(X),
            lambda m: input_gradients(m, X, y),
            lambda m: certified_radius(m, X),
            lambda m: linear_geometry(m, X, y).adversarial_distance if len(m.classes_) == 2 else 0,
            lambda m: signed_distance(m, X) if len(m.classes_) == 2 else 0,
            lambda m: adversarial_accuracy(m, X, y, threat),
            lambda m: projected_gradient(m, X, y, 0.1, random_state=0),
        ]
        dense = [function(model) for function in functions]
        for function, expected in zip(functions, dense, strict=True):
            np.testing.assert_allclose(function(model.sparsify()), expected, rtol=1e-12)
        assert issparse(model.coef_)

    def test_are_dense_after_another_fit_which_may_start_from_them(self, kind, table):
        model, X, y = self.fitted(kind, table)
        assert not issparse(clone(model.sparsify()).fit(X, y).coef_)
        if "warm_start" in model.get_params():
            model.sparsify().set_params(warm_start=True).fit(X, y)
            assert model.n_iter_ < clone(model).set_params(warm_start=False).fit(X, y).n_iter_
            assert not issparse(model.coef_)

    def test_need_a_fit(self, kind, table):
        for method in ("sparsify", "densify"):
            with pytest.raises(NotFittedError, match="must be fitted before"):
                getattr(kind(), method)()


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
class TestNoIteration:
    """As in scikit-learn's linear models, it is the state that a fit starts from."""

    @pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
    @pytest.mark.parametrize("table", [BINARY, WORDS], ids=["two classes", "three classes"])
    def test_coefficients_are_zero_and_classes_equally_probable(self, solver, table):
        X, y = scale(table[0]), table[1]
        with pytest.warns(
            ConvergenceWarning, match="stopped after 0 iterations without converging"
        ):
            model = GradRegLogisticRegression(InputGradient("l1"), max_iter=0, solver=solver).fit(
                X, y
            )
        with pytest.warns(ConvergenceWarning):
            theirs = LogisticRegression(solver="newton-cg", max_iter=0).fit(X, y)
        np.testing.assert_array_equal(model.coef_, theirs.coef_)
        np.testing.assert_array_equal(model.decision_function(X), theirs.decision_function(X))
        assert model.n_iter_ == theirs.n_iter_ == 0
        assert model.loss_ == pytest.approx(np.log(len(model.classes_)))
        assert (model.loss_curve_, model.converged_) == ([], False)

    def test_a_warm_start_stays_where_it_was(self):
        X, y = scale(WORDS[0]), WORDS[1]
        model = GradRegLogisticRegression(warm_start=True).fit(X, y)
        before = model.coef_.copy()
        with pytest.warns(ConvergenceWarning):
            model.set_params(max_iter=0).fit(X, y)
        np.testing.assert_array_equal(model.coef_, before)

    def test_is_refused_by_networks_as_in_scikit_learn(self):
        with pytest.raises(ValueError, match="max_iter must be an integer >= 1; got 0"):
            GradRegMLPClassifier(max_iter=0).fit(*WORDS)
