"""A strength to start from, and folds of tables with few labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, VATClassifier
from sklearn_irg.constraints import FrobeniusCap
from sklearn_irg.model_selection import LabeledStratifiedKFold, balanced_alpha
from sklearn_irg.penalties import InputGradient, WeightDecay
from tests.problems import MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class TestBalancedAlpha:
    def test_penalty_and_loss_are_equal_at_the_start_and_l2_belongs_to_neither(self):
        model = GradRegMLPClassifier((7,), penalty=WeightDecay(), random_state=0)
        start = (
            clone(model)
            .set_params(max_iter=1, learning_rate_init=1e-12, alpha=0.0, l2=0)
            .fit(MULTI_X, MULTI_Y)
        )
        decay = sum((W**2).sum() for W in start.coefs_)
        np.testing.assert_allclose(
            balanced_alpha(model, MULTI_X, MULTI_Y), start.loss_ / decay, rtol=1e-6
        )
        heavy = clone(model).set_params(l2=100.0)
        assert balanced_alpha(heavy, MULTI_X, MULTI_Y) == balanced_alpha(model, MULTI_X, MULTI_Y)

    def test_is_the_same_with_dropout_names_and_tiny_penalties(self):
        frame = pd.DataFrame(MULTI_X, columns=list("abcd"))
        model = GradRegMLPClassifier(penalty=InputGradient(features=["a"]), random_state=0)
        alpha = balanced_alpha(model, frame, MULTI_Y)
        np.testing.assert_allclose(
            balanced_alpha(clone(model).set_params(dropout=0.5), frame, MULTI_Y), alpha
        )
        tiny = clone(model).set_params(penalty=1e-7 * model.penalty)
        np.testing.assert_allclose(
            balanced_alpha(tiny, frame.astype(np.float32), MULTI_Y), 1e7 * alpha, rtol=1e-4
        )

    def test_starts_inside_a_constraint(self):
        model = GradRegMLPClassifier(
            penalty="weight_decay", constraint=FrobeniusCap(0.1), random_state=0
        )
        assert balanced_alpha(model, MULTI_X, MULTI_Y) > 50

    def test_takes_a_mask(self):
        model, mask = (
            GradRegMLPClassifier(penalty="right_reasons", random_state=0),
            np.zeros(MULTI_X.shape, dtype=bool),
        )
        mask[:, 0] = True
        assert balanced_alpha(model, MULTI_X, MULTI_Y, mask=mask) > balanced_alpha(
            model, MULTI_X, MULTI_Y
        )

    def test_a_penalty_that_vanishes_at_the_start_is_an_error(self):
        for model in (GradRegLogisticRegression(), GradRegMLPClassifier(penalty=None)):
            with pytest.raises(ValueError, match="so no alpha balances it"):
                balanced_alpha(model, MULTI_X, MULTI_Y)

    def test_a_pipeline_is_shown_the_way(self):
        with pytest.raises(TypeError, match="For a pipeline, pass its last step"):
            balanced_alpha(
                make_pipeline(StandardScaler(), GradRegMLPClassifier()), MULTI_X, MULTI_Y
            )


SOME = np.where(np.arange(150) % 5, -1, MULTI_Y)  # ten labeled rows of each class


class TestLabeledStratifiedKFold:
    CV = LabeledStratifiedKFold(5, shuffle=True, random_state=0)

    def test_folds_of_labeled_rows_are_stratified_and_unlabeled_rows_are_always_trained_on(self):
        tested = []
        for train, test in self.CV.split(MULTI_X, SOME):
            assert sorted([*train, *test]) == list(range(150))
            assert np.bincount(SOME[test]).tolist() == [2, 2, 2]
            tested += list(test)
        assert sorted(tested) == list(np.flatnonzero(SOME >= 0))

    def test_any_beginning_of_a_training_set_has_its_share_of_labels_and_the_classes_in_turn(self):
        for train, _ in self.CV.split(MULTI_X, SOME):
            labels = SOME[train]
            assert set(labels[:3]) == {0, 1, 2}
            n_labels, share = np.cumsum(labels[3:] >= 0), np.mean(labels[3:] >= 0)
            assert (abs(n_labels - np.arange(1, len(labels) - 2) * share) <= 1).all()
            assert all(len(set(labels[labels >= 0][i : i + 3])) == 3 for i in range(0, 24, 3))

    def test_two_labels_of_each_class_make_a_learning_curve(self):
        X, y = load_digits(return_X_y=True)
        some = np.full(len(y), -1)
        for digit in range(10):
            some[np.flatnonzero(y == digit)[:2]] = digit
        model = GradRegMLPClassifier(penalty="jacobian", unlabeled_label=-1, max_iter=2)
        curve = learning_curve(model, X, some, cv=LabeledStratifiedKFold(2), error_score="raise")
        assert np.isfinite(curve[2]).all()

    def test_with_all_labels_the_test_sets_are_scikit_learns(self):
        theirs = StratifiedKFold(5, shuffle=True, random_state=0).split(MULTI_X, MULTI_Y)
        for (_, ours), (_, test) in zip(self.CV.split(MULTI_X, MULTI_Y), theirs, strict=True):
            np.testing.assert_array_equal(ours, test)

    @pytest.mark.parametrize("marker", ["?", -1, None])
    def test_labels_may_be_words(self, marker):
        words = np.array([marker if label < 0 else "abc"[label] for label in SOME], dtype=object)
        words = np.array(["abc"[label] for label in MULTI_Y]) if marker is None else words
        cv = LabeledStratifiedKFold(2, unlabeled_label=marker)
        assert all(
            set(words[test]) == set("abc")
            for _, test in cv.split(pd.DataFrame(MULTI_X), pd.Series(words))
        )

    def test_works_wherever_scikit_learn_takes_cv(self):
        model = VATClassifier(max_iter=30, learning_rate_init=0.01, random_state=0)
        search = GridSearchCV(model, {"epsilon": [0.1, 0.3]}, cv=self.CV).fit(MULTI_X, SOME)
        assert search.best_score_ > 0.8
        assert cross_validate(model, MULTI_X, SOME, cv=self.CV)["test_score"].mean() > 0.8
        _, train_scores, test_scores = learning_curve(model, MULTI_X, SOME, cv=self.CV)
        assert np.isfinite(test_scores).all()
        assert train_scores[:, -1].min() > 0.8  # rows without a label do not count

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (None, "LabeledStratifiedKFold needs y, as a dense column; got None"),
            (np.full(150, -1), "no labeled row: all are unlabeled_label=-1"),
            (
                np.where(np.arange(150) < 3, np.arange(150) % 2, -1),
                "n_splits=5 needs a class with as many labeled rows, but the largest one in y has "
                "2",
            ),
        ],
    )
    def test_what_cannot_be_split_is_an_error(self, y, message):
        with pytest.raises(ValueError, match=message):
            next(iter(self.CV.split(MULTI_X, y)))


def test_calibration_and_thresholds_are_fitted_on_labels_that_a_frozen_model_has_not_seen():
    # the recipe of docs/few_labels.md
    X, y = load_digits(n_class=2, return_X_y=True)
    rng = np.random.RandomState(0)
    some = np.where(rng.rand(len(y)) < 0.2, y, -1)
    train, held_out = next(LabeledStratifiedKFold(3).split(X, some))
    model = make_pipeline(StandardScaler(), VATClassifier(random_state=0, max_iter=20)).fit(
        X[train], some[train]
    )
    for wrapper in (CalibratedClassifierCV, TunedThresholdClassifierCV):
        options = {"cv": "prefit", "refit": False} if wrapper is TunedThresholdClassifierCV else {}
        tuned = wrapper(FrozenEstimator(model), **options).fit(X[held_out], some[held_out])
        assert tuned.score(X, y) > 0.95
