"""Rows without labels: never a class, counted where no label is read."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_circles, make_moons

from sklearn_irg import GradRegMLPClassifier, VATClassifier
from sklearn_irg.penalties import VirtualAdversarial

X, Y = make_circles(60, random_state=0)
SOME = np.where(np.arange(60) % 3 == 0, Y, -1)


def make(**options):
    return VATClassifier(learning_rate_init=0.01, random_state=0, **options)


def test_unlabelled_rows_complete_what_few_labels_cannot_say():
    X, y = make_moons(300, noise=0.1, random_state=0)
    some = np.where(np.arange(300) < 10, y, -1)
    alone = GradRegMLPClassifier(penalty=None, learning_rate_init=0.01, random_state=0, tol=0.01).fit(X[:10], y[:10])
    semi = make(epsilon=0.3, alpha=3.0, max_iter=1000, n_iter_no_change=50).fit(X, some)
    assert alone.score(X, y) < 0.9
    assert semi.score(X, y) > 0.95
    np.testing.assert_array_equal(semi.classes_, [0, 1])
    np.testing.assert_array_equal(semi.transduction_[:10], y[:10])
    np.testing.assert_array_equal(semi.transduction_[10:], semi.predict(X)[10:])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestAnUnlabelledRowIsNeverAClass:
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
        ids=["int", "int8", "float", "str", "object", "object str", "series", "string", "category str", "category"]
        + ["Int64", "series object", "list"],
    )
    def test_whatever_the_types_of_labels_and_marker(self, as_given, marker):
        model = make(unlabeled_label=marker, max_iter=2).fit(X, as_given(SOME))
        expected = make(max_iter=2).fit(X, SOME)
        assert [str(label).removesuffix(".0") for label in model.classes_] == ["0", "1"]
        np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
        assert set(model.transduction_) <= set(model.classes_)

    def test_words_and_a_number_as_marker_may_stand_in_one_column(self):
        words = np.array([-1 if label < 0 else ["in", "out"][label] for label in SOME], dtype=object)
        assert list(make(max_iter=2).fit(X, words).classes_) == ["in", "out"]

    def test_a_word_may_be_the_marker(self):
        words = np.array(["?" if label < 0 else ["in", "out"][label] for label in SOME])
        assert list(make(unlabeled_label="?", max_iter=2).fit(X, words).classes_) == ["in", "out"]

    def test_a_word_that_reads_like_the_marker_is_a_class(self):
        words = np.array(["7" if label < 0 else ["07", "08"][label] for label in SOME])
        assert list(make(unlabeled_label="7", max_iter=2).fit(X, words).classes_) == ["07", "08"]
        assert list(make(unlabeled_label=7, max_iter=2).fit(X, words).classes_) == ["07", "08"]

    def test_none_means_all_are_labelled(self):
        assert list(make(unlabeled_label=None, max_iter=2).fit(X, 2 * Y - 1).classes_) == [-1, 1]


def test_labels_of_minus_one_and_one_get_a_hint():
    message = "has only one class: 1. The label -1 marks rows without one; use unlabeled_label=None if it is a class."
    with pytest.raises(ValueError, match=message):
        make().fit(X, 2 * Y - 1)


def test_no_labelled_row_is_an_error():
    with pytest.raises(ValueError, match=r"no labelled row: all are unlabeled_label=-1"):
        make().fit(X, np.full(60, -1))


def test_missing_labels_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        make().fit(X, np.where(SOME < 0, np.nan, SOME))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_vat_is_the_penalty_on_a_perceptron_when_all_rows_are_labelled():
    options = {"max_iter": 5, "random_state": 0, "alpha": 2.0}
    a = VATClassifier(epsilon=0.3, **options).fit(X, Y)
    b = GradRegMLPClassifier(penalty=VirtualAdversarial(epsilon=0.3), **options).fit(X, Y)
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_holds_labelled_rows_out_and_keeps_the_others():
    model = make(early_stopping=True, max_iter=5, validation_fraction=0.3).fit(X, SOME)
    assert model.t_ == 5 * (60 - round(0.3 * 20))


def test_callbacks_do_not_see_the_marker():
    callback = pytest.importorskip("sklearn.callback")
    X, y = make_moons(200, noise=0.1, random_state=0)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    make(max_iter=500, tol=1e-3).set_callbacks(monitor).fit(X, np.where(np.arange(200) % 4, -1, y))
    assert monitor.get_logs().data[-1]["accuracy"] > 0.9
