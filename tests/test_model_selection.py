"""A strength to start from."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.constraints import FrobeniusCap
from sklearn_irg.model_selection import balanced_alpha
from sklearn_irg.penalties import InputGradient, WeightDecay
from tests.problems import MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class TestBalancedAlpha:
    def test_penalty_and_loss_are_equal_at_the_start_and_l2_belongs_to_neither(self):
        model = GradRegMLPClassifier((7,), penalty=WeightDecay(), random_state=0)
        start = clone(model).set_params(max_iter=1, learning_rate_init=1e-12, alpha=0.0, l2=0).fit(MULTI_X, MULTI_Y)
        decay = sum((W**2).sum() for W in start.coefs_)
        np.testing.assert_allclose(balanced_alpha(model, MULTI_X, MULTI_Y), start.loss_ / decay, rtol=1e-6)
        heavy = clone(model).set_params(l2=100.0)
        assert balanced_alpha(heavy, MULTI_X, MULTI_Y) == balanced_alpha(model, MULTI_X, MULTI_Y)

    def test_is_the_same_with_dropout_names_and_tiny_penalties(self):
        frame = pd.DataFrame(MULTI_X, columns=list("abcd"))
        model = GradRegMLPClassifier(penalty=InputGradient(features=["a"]), random_state=0)
        alpha = balanced_alpha(model, frame, MULTI_Y)
        np.testing.assert_allclose(balanced_alpha(clone(model).set_params(dropout=0.5), frame, MULTI_Y), alpha)
        tiny = clone(model).set_params(penalty=1e-7 * model.penalty)
        np.testing.assert_allclose(balanced_alpha(tiny, frame.astype(np.float32), MULTI_Y), 1e7 * alpha, rtol=1e-4)

    def test_starts_inside_a_constraint(self):
        model = GradRegMLPClassifier(penalty="weight_decay", constraint=FrobeniusCap(0.1), random_state=0)
        assert balanced_alpha(model, MULTI_X, MULTI_Y) > 50

    def test_takes_a_mask(self):
        model, mask = GradRegMLPClassifier(penalty="right_reasons", random_state=0), np.zeros(MULTI_X.shape, dtype=bool)
        mask[:, 0] = True
        assert balanced_alpha(model, MULTI_X, MULTI_Y, mask=mask) > balanced_alpha(model, MULTI_X, MULTI_Y)

    def test_a_penalty_that_vanishes_at_the_start_is_an_error(self):
        for model in (GradRegLogisticRegression(), GradRegMLPClassifier(penalty=None)):
            with pytest.raises(ValueError, match="so no alpha balances it"):
                balanced_alpha(model, MULTI_X, MULTI_Y)

    def test_a_pipeline_is_shown_the_way(self):
        with pytest.raises(TypeError, match="For a pipeline, pass its last step"):
            balanced_alpha(make_pipeline(StandardScaler(), GradRegMLPClassifier()), MULTI_X, MULTI_Y)
