"""Rows without labels: never a class, counted where no label is read."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning

from sklearn_irg import GradRegMLPClassifier, VATClassifier
from sklearn_irg._engine.objective import Objective, RampUp
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.terms import L2
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import (
    ClassBalance,
    ConditionalEntropy,
    InputGradient,
    VirtualAdversarial,
)
from sklearn_irg.solvers import Adam
from tests.problems import problem

X, Y = make_circles(60, random_state=0)
SOME = np.where(np.arange(60) % 3 == 0, Y, -1)


def make(**options):
    return VATClassifier(learning_rate_init=0.01, random_state=0, **options)


def test_unlabeled_rows_complete_what_few_labels_cannot_say():
    X, y = make_moons(300, noise=0.1, random_state=0)
    some = np.where(np.arange(300) < 10, y, -1)
    alone = GradRegMLPClassifier(
        penalty=None, learning_rate_init=0.01, random_state=0, tol=0.01
    ).fit(X[:10], y[:10])
    semi = make(epsilon=0.3, alpha=3.0, max_iter=1000, n_iter_no_change=50).fit(X, some)
    assert alone.score(X, y) < 0.9
    assert semi.score(X, y) > 0.95
    np.testing.assert_array_equal(semi.classes_, [0, 1])
    np.testing.assert_array_equal(semi.transduction_[:10], y[:10])
    np.testing.assert_array_equal(semi.transduction_[10:], semi.predict(X)[10:])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestAnUnlabeledRowIsNeverAClass:
    @pytest.mark.parametrize("marker", [-1, "-1", -1.0, np.int8(-1)], ids=repr)
    @pytest.mark.parametrize(
        "as_given",
        [
            lambda y: y,
            lambda y: y.astype(np.int8),
            lambda y: y.astype(float),
            lambda y: y.astype(str),
            lambda y: y.astype(object),
            lambda y: y.astype(str).astype(object),
            pd.Series,
            lambda y: pd.Series(y.astype(str), dtype="string"),
            lambda y: pd.Series(y.astype(str), dtype="category"),
            lambda y: pd.Series(y, dtype="category"),
            lambda y: pd.Series(y, dtype="Int64"),
            lambda y: pd.Series(y, dtype=object),
            lambda y: y.tolist(),
        ],
        ids=[
            "int",
            "int8",
            "float",
            "str",
            "object",
            "object str",
            "series",
            "string",
            "category str",
            "category",
        ]
        + ["Int64", "series object", "list"],
    )
    def test_whatever_the_types_of_labels_and_marker(self, as_given, marker):
        model = make(unlabeled_label=marker, max_iter=2).fit(X, as_given(SOME))
        expected = make(max_iter=2).fit(X, SOME)
        assert [str(label).removesuffix(".0") for label in model.classes_] == ["0", "1"]
        np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
        assert set(model.transduction_) <= set(model.classes_)

    def test_words_and_a_number_as_marker_may_stand_in_one_column(self):
        words = np.array(
            [-1 if label < 0 else ["in", "out"][label] for label in SOME], dtype=object
        )
        assert list(make(max_iter=2).fit(X, words).classes_) == ["in", "out"]

    def test_a_word_may_be_the_marker(self):
        words = np.array(["?" if label < 0 else ["in", "out"][label] for label in SOME])
        assert list(make(unlabeled_label="?", max_iter=2).fit(X, words).classes_) == ["in", "out"]

    def test_a_word_that_reads_like_the_marker_is_a_class(self):
        words = np.array(["7" if label < 0 else ["07", "08"][label] for label in SOME])
        assert list(make(unlabeled_label="7", max_iter=2).fit(X, words).classes_) == ["07", "08"]
        assert list(make(unlabeled_label=7, max_iter=2).fit(X, words).classes_) == ["07", "08"]

    def test_none_means_all_are_labeled(self):
        assert list(make(unlabeled_label=None, max_iter=2).fit(X, 2 * Y - 1).classes_) == [-1, 1]


def test_labels_of_minus_one_and_one_get_a_hint():
    message = "has only one class: 1. The label -1 marks rows without one; use unlabeled_label=None if it is a class."
    with pytest.raises(ValueError, match=message):
        make().fit(X, 2 * Y - 1)


def test_no_labeled_row_is_an_error():
    with pytest.raises(ValueError, match=r"no labeled row: all are unlabeled_label=-1"):
        make().fit(X, np.full(60, -1))


def test_missing_labels_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        make().fit(X, np.where(SOME < 0, np.nan, SOME))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestEveryMLPClassifierTakesUnlabeledRows:
    OPTIONS = {"max_iter": 5, "random_state": 0, "alpha": 2.0}

    def test_vat_is_its_penalty_on_another_one(self):
        a = VATClassifier(epsilon=0.3, penalty="conditional_entropy", **self.OPTIONS).fit(X, SOME)
        penalty = VirtualAdversarial(epsilon=0.3) + ConditionalEntropy()
        b = GradRegMLPClassifier(penalty=penalty, unlabeled_label=-1, **self.OPTIONS).fit(X, SOME)
        np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
        np.testing.assert_array_equal(a.transduction_, b.transduction_)

    def test_entropy_and_balance_come_with_unlabeled_rows(self):
        penalty = 0.3 * ConditionalEntropy() + ClassBalance()
        for y, same in ((SOME, penalty), (Y, None)):
            a = VATClassifier(epsilon=0.3, **self.OPTIONS).fit(X, y)
            b = VATClassifier(epsilon=0.3, penalty=same, **self.OPTIONS).fit(X, y)
            np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])

    def test_terms_that_read_labels_count_labeled_rows_only(self):
        options = {"penalty": "input_gradient", "solver": "lbfgs", **self.OPTIONS}
        with pytest.warns(
            UserWarning, match="the 40 unlabeled rows have no effect: no term of GradRegMLP"
        ) as seen:
            some = GradRegMLPClassifier(unlabeled_label=-1, **options).fit(X, SOME)
        assert seen[0].filename == __file__
        alone = GradRegMLPClassifier(**options).fit(X[SOME >= 0], SOME[SOME >= 0])
        np.testing.assert_allclose(
            some.coefs_[0], alone.coefs_[0], rtol=1e-4, atol=1e-6
        )  # rounding, over five iterations

    @pytest.mark.parametrize("penalty", ["jacobian", "lipschitz_gradient", "conditional_entropy"])
    def test_terms_that_read_none_count_all_rows(self, penalty):
        options = {"penalty": penalty, "solver": "lbfgs", **self.OPTIONS}
        some = GradRegMLPClassifier(unlabeled_label=-1, **options).fit(X, SOME)
        alone = GradRegMLPClassifier(**options).fit(X[SOME >= 0], SOME[SOME >= 0])
        assert abs(some.coefs_[0] - alone.coefs_[0]).max() > 1e-3

    def test_class_weights_do_not_change_what_share_of_the_unlabeled_rows_is_expected_in_each_class(
        self,
    ):
        table, y = make_moons(2000, noise=0.1, random_state=0)
        keep = np.append(np.flatnonzero(y == 0)[:360], np.flatnonzero(y == 1)[:40])
        table, y = table[keep], y[keep]
        some = np.where((np.arange(400) % 360) < np.where(y, 4, 36), y, -1)
        options = {"epsilon": 0.2, "learning_rate_init": 0.01, "max_iter": 150, "random_state": 0}
        model = VATClassifier(class_weight="balanced", **options).fit(table, some)
        assert model.predict(table[some < 0]).mean() == pytest.approx(0.1, abs=0.03)

    def test_partial_fit_takes_them_too(self):
        model = GradRegMLPClassifier(
            penalty="virtual_adversarial", unlabeled_label=-1, random_state=0
        )
        assert list(model.partial_fit(X, SOME, classes=[0, 1]).classes_) == [0, 1]

    def test_indicators_of_labels_have_none(self):
        Y = np.eye(3, dtype=int)[np.arange(60) % 3]
        model = GradRegMLPClassifier(unlabeled_label=-1, penalty=None, **self.OPTIONS).fit(
            X, sparse.csr_array(Y)
        )
        np.testing.assert_array_equal(model.transduction_, Y)

    @pytest.mark.parametrize(("size", "n_batches"), [(None, 4), (5, 8), (40, 2), (100, 2)])
    def test_unlabeled_batch_size(self, size, n_batches, monkeypatch):
        seen = []
        step = Adam.move
        monkeypatch.setattr(Adam, "move", lambda *args: seen.append(1) or step(*args))
        options = {"max_iter": 1, "batch_size": 10, "unlabeled_batch_size": size, "random_state": 0}
        VATClassifier(**options).fit(X, SOME)  # 20 labeled rows, 40 unlabeled ones
        assert len(seen) == n_batches


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestMarkers:
    @pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
    def test_rows_may_be_sparse(self, kind):
        options = {"penalty": "jacobian", "unlabeled_label": -1, "max_iter": 3, "random_state": 0}
        model = GradRegMLPClassifier(**options).fit(kind(X), SOME)
        np.testing.assert_allclose(
            model.coefs_[0], GradRegMLPClassifier(**options).fit(X, SOME).coefs_[0]
        )

    def test_no_score_counts_them(self):
        model = make(max_iter=300).fit(X, SOME)
        assert model.score(X, SOME) == model.score(X[SOME >= 0], SOME[SOME >= 0]) > 0.9
        words = np.where(SOME < 0, -1, np.array(["a", "bb"], dtype=object)[SOME])
        assert make(max_iter=300).fit(X, words).score(X, words, np.ones(60)) > 0.9

    def test_they_are_no_class_of_partial_fit(self):
        model = GradRegMLPClassifier(penalty="jacobian", unlabeled_label=-1).partial_fit(
            X, SOME, classes=np.unique(SOME)
        )
        np.testing.assert_array_equal(model.classes_, [0, 1])

    def test_labels_found_in_an_earlier_fit_do_not_outlive_it(self):
        model = GradRegMLPClassifier(penalty="jacobian", unlabeled_label=-1, max_iter=3).fit(
            X, SOME
        )
        assert hasattr(model, "transduction_")
        assert not hasattr(model.partial_fit(X, SOME), "transduction_")
        model.fit(X, SOME)
        assert not hasattr(model.set_params(unlabeled_label=None).fit(X, Y), "transduction_")

    def test_missing_labels_are_named(self):
        y = np.array(["a", "b", None] * 20, dtype=object)
        with pytest.raises(ValueError, match=r"y has missing labels\. Write '\?' there"):
            make(unlabeled_label="?").fit(X, y)
        with pytest.raises(ValueError, match=r"y has missing labels\. Leave these rows out"):
            GradRegMLPClassifier().fit(X, y)

    def test_no_boolean_is_one(self):
        with pytest.raises(ValueError, match="unlabeled_label must not be a boolean; got False"):
            make(unlabeled_label=False).fit(X, SOME)

    def test_no_validation_score_of_the_ramp_up_is_the_best(self):
        options = {
            "early_stopping": True,
            "validation_fraction": 0.3,
            "n_ramp_up_epochs": 10,
            "max_iter": 20,
            "tol": 0,
        }
        model = make(**options, alpha=3.0, batch_size=4).fit(X, Y)
        assert model.best_validation_score_ == max(model.validation_scores_[10:])


class TestCollapse:
    # two clusters, and a radius that reaches across
    X, y = make_blobs(200, centers=[[-1, 0], [1, 0]], cluster_std=0.3, random_state=0)

    def test_all_unlabeled_rows_in_one_class_is_said_with_what_to_try(self):
        y = np.where(np.arange(200) < 8, self.y, -1)
        message = r"predicts class [01] for 19[0-2] of 192 unlabeled rows, .*ClassBalance.*n_ramp_up_epochs.*batch_norm"
        with pytest.warns(ConvergenceWarning, match=message):
            make(penalty=None, epsilon=20.0, alpha=100.0, max_iter=100).fit(self.X, y)

    def test_names_a_class_among_mixed_objects(self):
        y = np.array([["a", "b"][k] for k in self.y], dtype=object)
        y[8:] = -1
        with pytest.warns(ConvergenceWarning, match="predicts class '[ab]' for 19"):
            make(penalty=None, epsilon=20.0, alpha=100.0, max_iter=100).fit(self.X, y)

    def test_what_chance_explains_is_not(self):
        rows = self.y == 1
        X, y = np.r_[self.X[:50], self.X[rows][:5]], np.r_[self.y[:50], np.full(5, -1)]
        make(max_iter=500, tol=1e-3).fit(X, y)  # a warning would be an error


class TestRampUp:
    def test_the_strength_of_penalties_grows_over_epochs_and_nothing_else_does(self):
        network, X, Y, *_ = problem()
        terms = [(1.0, check_loss(None)), (0.3, L2()), (RampUp(2.0, 4), InputGradient())]
        objective = Objective(network, Rows(X, Y), terms)
        strengths = [
            [strength for strength, _ in objective.at_epoch(epoch).terms] for epoch in range(6)
        ]
        expected = [2 * np.exp(-5 * (1 - t) ** 2) for t in (0, 0.25, 0.5, 0.75, 1, 1)]
        np.testing.assert_allclose(strengths, [[1, 0.3, s] for s in expected], rtol=1e-12)
        assert objective.at_epoch(4) is objective

    def test_no_epoch_of_it_counts_as_one_without_improvement(self):
        options = {
            "penalty": "weight_decay",
            "alpha": 1.0,
            "n_iter_no_change": 2,
            "tol": 1e-2,
            "random_state": 0,
        }
        assert GradRegMLPClassifier(n_ramp_up_epochs=30, **options).fit(X, Y).n_iter_ > 30

    def test_needs_epochs(self):
        with pytest.raises(ValueError, match="LBFGS has no epochs over which anything could grow"):
            GradRegMLPClassifier(n_ramp_up_epochs=3, solver="lbfgs").fit(X, Y)
        with pytest.raises(ValueError, match="partial_fit does not support n_ramp_up_epochs"):
            GradRegMLPClassifier(n_ramp_up_epochs=3).partial_fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_vat_is_the_penalty_on_a_mlp_when_all_rows_are_labeled():
    options = {"max_iter": 5, "random_state": 0, "alpha": 2.0}
    a = VATClassifier(epsilon=0.3, **options).fit(X, Y)
    b = GradRegMLPClassifier(penalty=VirtualAdversarial(epsilon=0.3), **options).fit(X, Y)
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_holds_labeled_rows_out_and_keeps_the_others():
    model = make(early_stopping=True, max_iter=5, validation_fraction=0.3).fit(X, SOME)
    assert model.t_ == 5 * (60 - round(0.3 * 20))


def test_callbacks_do_not_see_the_marker():
    callback = pytest.importorskip("sklearn.callback")
    X, y = make_moons(200, noise=0.1, random_state=0)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    make(max_iter=500, tol=1e-3).set_callbacks(monitor).fit(X, np.where(np.arange(200) % 4, -1, y))
    assert monitor.get_logs().data[-1]["accuracy"] > 0.9
