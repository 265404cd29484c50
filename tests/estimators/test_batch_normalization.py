"""batch_normalization=True: what is fitted is an ordinary network."""

import numpy as np
import pytest
from sklearn.preprocessing import scale

from sklearn_irg import GradRegMLPClassifier, VATClassifier
from sklearn_irg._engine.rows import Rows
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.diagnostics import input_gradients
from tests import oracles
from tests.problems import MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"batch_normalization": True, "learning_rate_init": 0.01, "random_state": 0}
BATCHES = {"batch_size": 150, "shuffle": False}


def test_learns_columns_of_any_scale():
    X = MULTI_X * [1, 1e3, 1e-2, 1e5] + 7
    assert GradRegMLPClassifier(max_iter=50, **OPTIONS).fit(X, MULTI_Y).score(X, MULTI_Y) > 0.95


def test_predictions_scikit_learns_twin_and_gradients_are_of_the_same_network():
    model = GradRegMLPClassifier(max_iter=5, **OPTIONS).fit(MULTI_X, MULTI_Y)
    P = model.predict_proba(MULTI_X)
    np.testing.assert_allclose(model.to_sklearn().predict_proba(MULTI_X), P, rtol=1e-9)

    def losses(X):
        return -np.log(model.predict_proba(X)[np.arange(len(X)), MULTI_Y])

    expected = oracles.input_gradients(losses, MULTI_X)
    np.testing.assert_allclose(
        input_gradients(model, MULTI_X, MULTI_Y), expected, rtol=1e-4, atol=1e-7
    )
    np.testing.assert_allclose(
        model.predict_proba(MULTI_X[:3]), P[:3], rtol=1e-9
    )  # no row depends on others


def test_epochs_of_partial_fit_are_those_of_fit():
    whole = GradRegMLPClassifier(max_iter=4, **OPTIONS, **BATCHES).fit(MULTI_X, MULTI_Y)
    model = GradRegMLPClassifier(**OPTIONS, **BATCHES)
    for _ in range(4):
        model.partial_fit(MULTI_X, MULTI_Y)
    for ours, theirs in zip(
        model.coefs_ + model.intercepts_, whole.coefs_ + whole.intercepts_, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_warm_start_goes_on_from_the_weights_that_were_kept():
    model = GradRegMLPClassifier(max_iter=30, warm_start=True, **OPTIONS, **BATCHES).fit(
        MULTI_X, MULTI_Y
    )
    before = model.loss_curve_[-1]
    model.set_params(max_iter=1, learning_rate_init=1e-9).fit(MULTI_X, MULTI_Y)
    assert model.loss_curve_[-1] == pytest.approx(before, rel=0.05)


def test_weights_are_repeated_rows():
    counts = np.arange(150) % 3
    options = {"max_iter": 5, "shuffle": False, "batch_size": 1000, **OPTIONS}
    weighted = GradRegMLPClassifier(**options).fit(MULTI_X, MULTI_Y, counts)
    repeated = GradRegMLPClassifier(**options).fit(
        np.repeat(MULTI_X, counts, axis=0), np.repeat(MULTI_Y, counts)
    )
    np.testing.assert_allclose(
        weighted.predict_proba(MULTI_X), repeated.predict_proba(MULTI_X), rtol=1e-6
    )


def test_unlabeled_rows_take_part_in_means_and_scales():
    some = np.where(np.arange(150) % 5, -1, MULTI_Y)
    shifted = np.where(some[:, None] < 0, MULTI_X + 1, MULTI_X)
    fits = [VATClassifier(max_iter=2, **OPTIONS).fit(X, some) for X in (MULTI_X, shifted)]
    assert abs(fits[0].intercepts_[0] - fits[1].intercepts_[0]).max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"constraint": SpectralNormalization()},
            r"so they cannot obey constraint=SpectralNormalization\(\) too",
        ),
        ({"batch_normalization": "yes"}, "batch_normalization must be True or False; got 'yes'"),
    ],
)
def test_what_it_cannot_be_combined_with_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GradRegMLPClassifier(**{**OPTIONS, **options}).fit(scale(MULTI_X), MULTI_Y)


def test_no_batch_is_of_a_few_rows_only():
    X, Y = np.random.RandomState(0).randn(402, 3), np.arange(402) % 2
    rows = Rows(X, Y[:, None].astype(float))
    sizes = [
        batch.n_samples
        for batch in rows.minibatches(200, True, np.random.RandomState(0), even=True)
    ]
    assert sizes == [134, 134, 134]
    sizes = [batch.n_samples for batch in rows.minibatches(200, True, np.random.RandomState(0))]
    assert sizes == [200, 200, 2]
