"""partial_fit goes on where it was, and a fit leaves nothing of it."""

import numpy as np
import pytest
from joblib import dump, load
from sklearn.base import clone

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import InputNoise
from tests.problems import MULTI_X, MULTI_Y, TABLES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("table", TABLES)
def test_calls_add_up_to_a_fit(table):
    X, y = TABLES[table]
    model = GradRegMLPClassifier((9,), batch_size=len(X), shuffle=False, random_state=0)
    stepwise = clone(model)
    for _ in range(5):
        stepwise.partial_fit(X, y, classes=np.unique(y))
    whole = model.set_params(max_iter=5).fit(X, y)
    np.testing.assert_allclose(stepwise.coefs_[0], whole.coefs_[0], rtol=1e-12)
    assert stepwise.t_ == whole.t_


def test_calls_add_up_to_a_fit_with_dropout_and_normalization():
    model = GradRegMLPClassifier(
        (8,),
        dropout=0.3,
        constraint=SpectralNormalization(5.0),
        max_iter=6,
        shuffle=False,
        random_state=0,
    )
    stepwise = clone(model)
    for _ in range(6):
        stepwise.partial_fit(MULTI_X, MULTI_Y)
    np.testing.assert_allclose(
        stepwise.coefs_[0], model.fit(MULTI_X, MULTI_Y).coefs_[0], rtol=1e-10
    )


def test_a_seed_does_not_mean_the_same_noise_in_every_call():
    model = GradRegMLPClassifier(
        (5,), penalty=InputNoise(1.0), alpha=1.0, random_state=0, learning_rate_init=1e-9
    )
    for _ in range(3):
        model.partial_fit(MULTI_X, MULTI_Y)
    assert len(set(model.loss_curve_)) == 3


def test_a_fit_leaves_nothing_of_earlier_calls():
    model = GradRegMLPClassifier(
        (5,), constraint=SpectralNormalization(), max_iter=3, random_state=0
    )
    model.partial_fit(MULTI_X, MULTI_Y).fit(MULTI_X, MULTI_Y)
    model.partial_fit(MULTI_X.astype(np.float32), MULTI_Y)
    assert model.coefs_[0].dtype == np.float32
    fresh = clone(model).fit(MULTI_X, MULTI_Y).partial_fit(MULTI_X.astype(np.float32), MULTI_Y)
    np.testing.assert_array_equal(model.coefs_[0], fresh.coefs_[0])


@pytest.mark.parametrize(("before", "after"), [("adam", "sgd"), ("lbfgs", "adam")])
def test_another_solver_starts_afresh(before, after):
    model = GradRegMLPClassifier((5,), max_iter=5, solver=before, random_state=0).fit(
        MULTI_X, MULTI_Y
    )
    fresh = clone(model).fit(MULTI_X, MULTI_Y)
    fresh._solver_state = {"solver": "", "moments": {}}
    for estimator in (model, fresh):
        estimator.set_params(solver=after).partial_fit(MULTI_X, MULTI_Y)
    np.testing.assert_array_equal(model.coefs_[0], fresh.coefs_[0])


@pytest.mark.parametrize("constraint", [None, SpectralNormalization(3.0)], ids=str)
def test_memory_mapped_state_is_gone_on_from(tmp_path, constraint):
    model = GradRegMLPClassifier((50,), constraint=constraint, random_state=0).partial_fit(
        MULTI_X, MULTI_Y
    )
    dump(model, tmp_path / "model.joblib")
    mapped = load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    mapped.partial_fit(MULTI_X, MULTI_Y)
    np.testing.assert_array_equal(mapped.coefs_[0], model.partial_fit(MULTI_X, MULTI_Y).coefs_[0])


def test_kinds_of_targets_and_classes_must_stay():
    model, Y = (
        GradRegMLPClassifier((5,)).partial_fit(MULTI_X, MULTI_Y),
        np.eye(3, dtype=int)[MULTI_Y],
    )
    with pytest.raises(
        ValueError, match="y is an indicator of labels, but the first fit saw one class per row"
    ):
        model.partial_fit(MULTI_X, Y)
    with pytest.raises(
        ValueError, match=r"classes=\[0, 1, 2, 3\] differ from those of the first call"
    ):
        model.partial_fit(MULTI_X, MULTI_Y, classes=[0, 1, 2, 3])


def test_a_class_it_does_not_know_is_an_error():
    model = GradRegMLPClassifier().partial_fit(MULTI_X[:100], MULTI_Y[:100])
    with pytest.raises(
        ValueError,
        match=r"y has classes \[0, 1, 2\], but this estimator was first fitted with \[0, 1\]",
    ):
        model.partial_fit(MULTI_X, MULTI_Y)


def test_there_is_no_early_stopping():
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        GradRegMLPClassifier(early_stopping=True).partial_fit(MULTI_X, MULTI_Y)
