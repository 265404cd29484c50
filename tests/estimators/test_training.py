"""Training as a function of values: nothing is written before all is known, and all at once then."""

import contextlib
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    IMSATClusterer,
    LadderClassifier,
    VATClassifier,
    WassersteinCritic,
    WassersteinSampler,
)
from sklearn_irg._perturbations.linear_minimization import linear_minimization
from sklearn_irg._training.data import check_data
from sklearn_irg._training.starts import Fresh
from sklearn_irg._training.train import train

X, Y = make_classification(90, 4, random_state=0)
FEW = {"max_iter": 3, "random_state": 0}
SAVED = Path(__file__).parent / "saved_by_0_1.pkl"
SOME = np.where(np.arange(len(Y)) % 3, -1, Y)
ESTIMATORS = [
    (GradRegLogisticRegression(max_iter=3), Y),
    (GradRegMLPClassifier((4,), unlabeled_label=-1, penalty="virtual_adversarial", **FEW), SOME),
    (GradRegMLPRegressor((4,), **FEW), Y),
    (VATClassifier((4,), **FEW), SOME),
    (LadderClassifier((4,), **FEW), SOME),
    (IMSATClusterer(2, (4,), **FEW), None),
    (IMSATClusterer(2, (4,), n_init=2, **FEW), None),
    (WassersteinCritic((4,), cv=2, **FEW), Y),
    (WassersteinSampler((4,), n_steps=3, random_state=0), None),
]


def state(estimator):
    return {name: pickle.dumps(value) for name, value in vars(estimator).items()}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "y"), ESTIMATORS, ids=lambda x: repr(x)[:40])
class TestEveryEstimator:
    def test_training_writes_nothing_to_it(self, estimator, y):
        before = state(estimator)
        data = check_data(estimator, X, y)
        fitted = train(estimator._task(), data, estimator._settings(), Fresh())
        assert np.isfinite(fitted.solution.loss)
        assert state(estimator) == before

    def test_what_follows_from_a_fit_is_of_that_fit_though_a_warning_is_an_error(
        self, estimator, y
    ):
        model = pickle.loads(pickle.dumps(estimator)).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with contextlib.suppress(ConvergenceWarning):
                model.fit(X[:40], None if y is None else y[:40])
        for name in ("labels_", "transduction_"):
            assert len(getattr(model, name, X[:40])) == 40
        if isinstance(model, WassersteinCritic):
            assert np.isfinite(model.distance_)


class TestFailedFits:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_a_fold_that_fails_leaves_a_critic_as_it_was(self):
        model = WassersteinCritic((4,), cv=3, **FEW).fit(X, Y)
        before = state(model)
        with pytest.raises(ValueError, match="cv=3 needs as many rows of each sample"):
            model.fit(X, np.arange(len(X)) < 2)
        assert state(model) == before


class TestSavedBefore:
    def test_models_and_searches_of_0_1_predict_as_they_did_and_can_be_fitted_again(self):
        saved = pickle.loads(SAVED.read_bytes())
        rows, y = load_iris(return_X_y=True)
        for model, expected in zip(
            (saved["network"], saved["search"]), saved["probabilities"], strict=True
        ):
            np.testing.assert_allclose(model.predict_proba(rows[::10]), expected, rtol=1e-9)
        search = saved["search"]
        assert search.coef_ is search.estimator_.coef_
        assert search.set_params(max_iter=1000).fit(rows[:, :3], y).n_features_in_ == 3


class TestSearches:
    def test_say_what_they_cannot_do_and_what_they_have_learned(self):
        search = GradRegLogisticRegressionCV(alphas=[0.1, 1.0], max_iter=1000)
        assert not hasattr(search, "coef_")
        with pytest.raises(AttributeError, match=r"needs all rows at once\. Use partial_fit of"):
            search.partial_fit(X, Y)
        with pytest.raises(AttributeError, match="'GradRegLogisticRegressionCV' object has no"):
            _ = search.fit(X, Y).nothing_
        assert "coef_" in dir(search)


@pytest.mark.parametrize("ratio", [1e-100, 1e-158, 1e-200])
def test_negligible_slopes_do_not_leave_the_ball(ratio):
    gradients, ones = -np.array([[1.0, ratio, ratio]]), np.ones((1, 3))
    high = np.array([[0.5, 1.0, 1.0]])
    delta, _ = linear_minimization(gradients, -ones, high, np.zeros(3), 1.0, "l2")
    assert np.linalg.norm(delta) <= 1 + 1e-12
