"""Behavior when things go wrong: nothing half done, bounded memory, and clear errors."""

import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.losses import Flooding, LabelSmoothing, NegativeLogLikelihood
from sklearn_irg.penalties import (
    SamplePenalty,
)
from tests.problems import MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Failing(SamplePenalty):
    """Goes well for some evaluations, then raises."""

    def __init__(self, error, after=3):
        self.error = error
        self.after = after

    def values(self, step):
        self.count_ = getattr(self, "count_", 0) + 1
        if self.count_ > self.after:
            raise self.error("out of luck")
        return step.losses


class FailingLoss(NegativeLogLikelihood):
    """The same as a loss."""

    def __init__(self, error, after=3):
        self.error = error
        self.after = after

    likelihood = None

    def values(self, step):
        return Failing.values(self, step)


ESTIMATORS = [
    GradRegLogisticRegression(warm_start=True),
    GradRegMLPClassifier((5,), max_iter=5, random_state=0),
    GradRegMLPClassifier((5,), max_iter=5, early_stopping=True, random_state=0),
    GradRegMLPRegressor((5,), max_iter=5, random_state=0),
    VATClassifier((5,), max_iter=5, random_state=0),
]


def snapshot(estimator):
    return {name: repr(value) for name, value in vars(estimator).items()}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
class TestAFailedFitChangesNothing:
    FAILURES = {
        "parameter": ({"alpha": -1}, MULTI_X, MULTI_Y + 5, None, "alpha must be"),
        "loss": (
            {"loss": Flooding(0.1, loss="smooth")},
            MULTI_X[:, :3],
            MULTI_Y + 5,
            None,
            "loss must be",
        ),
        "constraint": ({"constraint": 3}, MULTI_X[:, :3], MULTI_Y + 5, None, "constraint must be"),
        "data": ({}, np.where(MULTI_X > 2, np.nan, MULTI_X), MULTI_Y, None, "NaN"),
        "weights": ({}, MULTI_X, MULTI_Y + 5, -np.ones(150), "sample_weight must be"),
        "solver": ({"solver": "adm"}, MULTI_X[:, :3], MULTI_Y + 5, None, "solver must be"),
    }

    @pytest.mark.parametrize("failure", FAILURES)
    def test_whatever_fails(self, estimator, failure):
        model = clone(estimator).fit(MULTI_X, MULTI_Y)
        parameters, X, y, weights, message = self.FAILURES[failure]
        model.set_params(**parameters)
        before, predicted = snapshot(model), model.predict(MULTI_X)
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, sample_weight=weights)
        assert snapshot(model) == before
        np.testing.assert_array_equal(model.predict(MULTI_X), predicted)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
    def test_wherever_it_is_interrupted(self, estimator, error):
        if isinstance(estimator, VATClassifier):
            failing = {"loss": LabelSmoothing(0.1, loss=FailingLoss(error))}
        else:
            failing = {"penalty": Failing(error), "alpha": 1.0}
        model = clone(estimator).fit(MULTI_X, MULTI_Y).set_params(**failing)
        before = snapshot(model)
        with pytest.raises(error, match="out of luck"):
            model.fit(MULTI_X[:, ::-1], MULTI_Y)
        assert snapshot(model).keys() == before.keys()
        assert {k: v for k, v in snapshot(model).items() if k not in failing} == {
            k: v for k, v in before.items() if k not in failing
        }

    def test_an_unfitted_estimator_stays_unfitted(self, estimator):
        model = clone(estimator)
        before = snapshot(model)
        with pytest.raises(ValueError, match="NaN"):
            model.fit(np.where(MULTI_X > 2, np.nan, MULTI_X), MULTI_Y)
        assert snapshot(model) == before


def test_a_failed_partial_fit_changes_nothing_and_the_next_goes_on():
    model = GradRegMLPClassifier((5,), random_state=0).partial_fit(MULTI_X, MULTI_Y)
    other = clone(model).partial_fit(MULTI_X, MULTI_Y)
    for X, y in [(MULTI_X[:, :2], MULTI_Y), (MULTI_X, MULTI_Y + 1)]:
        with pytest.raises(ValueError, match=r"features|classes"):
            model.partial_fit(X, y)
    np.testing.assert_array_equal(
        model.partial_fit(MULTI_X, MULTI_Y).coefs_[0], other.partial_fit(MULTI_X, MULTI_Y).coefs_[0]
    )


def test_callbacks_are_torn_down_when_a_fit_is_interrupted():
    callback = pytest.importorskip("sklearn.callback")
    model = GradRegMLPClassifier((5,), max_iter=3, random_state=0).fit(MULTI_X, MULTI_Y)
    model.set_callbacks(callback.ScoringMonitor(scoring="accuracy")).set_params(
        penalty=Failing(KeyboardInterrupt, 1)
    )
    names = set(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(MULTI_X, MULTI_Y)
    assert set(vars(model)) == names


class TestMemory:
    X = np.zeros((40_000, 5), dtype=np.float32)

    @pytest.mark.parametrize(
        "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    )
    def test_predictions_need_little_beyond_their_result(self, method):
        model = GradRegMLPClassifier((500, 500), max_iter=1, random_state=0).fit(
            self.X[:9] + np.eye(9, 5), np.arange(9) % 3
        )
        tracemalloc.start()
        result = getattr(model, method)(self.X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - result.nbytes < 2**26  # all activations would take 160 MB

    def test_scoring_a_hold_out_needs_little(self):
        model = GradRegMLPClassifier(
            (500, 500), penalty=None, max_iter=1, early_stopping=True, validation_fraction=0.99
        )
        X, y = (
            self.X + np.random.RandomState(0).standard_normal(self.X.shape).astype(np.float32),
            np.arange(40_000) % 2,
        )
        tracemalloc.start()
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**26
