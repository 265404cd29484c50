"""Fitted estimators as scikit-learn's own, and through skops."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier
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


@pytest.mark.parametrize(("estimator", "table"), CASES, ids=lambda x: repr(x)[:50] if not isinstance(x, tuple) else "")
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
