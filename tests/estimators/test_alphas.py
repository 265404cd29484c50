"""Fits at several strengths are what separate fits are."""

from copy import copy
from functools import partialmethod

import numpy as np
import pytest
from numpy.random import RandomState
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg._engine.network_stack import NetworkStack
from sklearn_irg._estimators._alphas import fit_alphas
from sklearn_irg.constraints import FrobeniusCap
from sklearn_irg.penalties import InputGradient, SpectralNorm
from sklearn_irg.solvers import LBFGS, Adam, EpochSolver
from tests.problems import make_objective, problem


class PlainDescent(EpochSolver):
    def start(self, theta):
        return {}

    def move(self, theta, gradient, state, learning_rate):
        theta -= learning_rate * gradient


ALPHAS = [0.1, 10.0, 0.0, 1e-3]
X, Y = load_iris(return_X_y=True)
X = scale(X)
EXACT = GradRegLogisticRegression(tol=1e-6, max_iter=10_000)
CASES = {
    "three classes": (EXACT, X, Y),
    "two classes": (EXACT, X[50:], Y[50:]),
    "words": (EXACT, X[50:], np.array(["a", "b"])[Y[50:] - 1]),
    "sparse": (EXACT, csr_matrix(X), Y),
    "balanced": (
        GradRegLogisticRegression(tol=1e-6, max_iter=10_000, class_weight="balanced"),
        X[20:],
        Y[20:],
    ),
    "weight decay": (GradRegLogisticRegression("weight_decay", tol=1e-6, max_iter=10_000), X, Y),
    "no decay beside": (
        GradRegLogisticRegression(tol=1e-6, max_iter=10_000, l2=0.1),
        X[50:],
        Y[50:],
    ),
}


@pytest.mark.parametrize(("estimator", "X", "y"), CASES.values(), ids=CASES)
def test_logistic_regressions_are_those_of_separate_fits(estimator, X, y):
    for alpha, model in zip(ALPHAS, fit_alphas(estimator, X, y, ALPHAS), strict=True):
        alone = clone(estimator).set_params(alpha=alpha).fit(X, y)
        assert model.alpha == alpha
        assert set(vars(model)) == set(vars(alone))
        assert model.loss_ == pytest.approx(alone.loss_, rel=1e-8)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-4)
        np.testing.assert_array_equal(model.classes_, alone.classes_)


NETWORK = GradRegMLPClassifier((7,), max_iter=40, n_iter_no_change=2, tol=0.02, random_state=0)
NETWORKS = {
    "three classes": NETWORK,
    "two hidden layers": clone(NETWORK).set_params(hidden_layer_sizes=(7, 5), activation="tanh"),
    "momentum": clone(NETWORK).set_params(solver="sgd", learning_rate_init=0.1),
    "dropout": clone(NETWORK).set_params(dropout=0.3),
    "batch normalization": clone(NETWORK).set_params(batch_normalization=True),
    "some columns": clone(NETWORK).set_params(penalty=InputGradient(features=[0, 2])),
    "no shuffling": clone(NETWORK).set_params(shuffle=False, batch_size=40),
    "growing penalty": clone(NETWORK).set_params(n_ramp_up_epochs=5),
    "held-out rows": clone(NETWORK).set_params(early_stopping=True),
    "a constraint": clone(NETWORK).set_params(constraint=FrobeniusCap(2.0)),
    "numbers": GradRegMLPRegressor((7,), max_iter=9, random_state=0),
    "linear": GradRegLogisticRegression(solver="adam", max_iter=9, random_state=0),
    "no bias": GradRegLogisticRegression(
        solver="sgd", max_iter=9, fit_intercept=False, random_state=0
    ),
    "few labels": clone(NETWORK).set_params(unlabeled_label=0),
    "a solver of one's own": clone(NETWORK).set_params(solver=PlainDescent()),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:the 50 unlabeled rows")
@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 2, len(X))], ids=["", "weights"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_together", [2, 99])
@pytest.mark.parametrize("estimator", NETWORKS.values(), ids=NETWORKS)
def test_networks_are_those_of_separate_fits(
    estimator, n_together, dtype, sample_weight, monkeypatch
):
    monkeypatch.setattr(
        NetworkStack, "__init__", partialmethod(_with_n_together, n_together, NetworkStack.__init__)
    )
    found = fit_alphas(estimator, X.astype(dtype), Y, ALPHAS, sample_weight)
    for alpha, model in zip(ALPHAS, found, strict=True):
        alone = clone(estimator).set_params(alpha=alpha)
        alone.fit(X.astype(dtype), Y, sample_weight=sample_weight)
        assert model.alpha == alpha
        assert set(vars(model)) == set(vars(alone))
        np.testing.assert_array_equal(model.n_iter_, alone.n_iter_)
        assert model.converged_ == alone.converged_
        np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(
            model.predict(X.astype(dtype)), alone.predict(X.astype(dtype)), rtol=1e-10
        )


def _with_n_together(stack, n_together, make, objective, strengths, _):
    make(stack, objective, strengths, n_together)


def test_networks_are_trained_together(monkeypatch):
    asked = []
    together = Adam._minimize_together

    def counted(self, stack, thetas, schedule):
        asked.append(len(thetas))
        return together(self, stack, thetas, schedule)

    monkeypatch.setattr(EpochSolver, "_minimize_together", counted)
    fit_alphas(clone(NETWORK).set_params(tol=9), X, Y, ALPHAS)
    assert asked == [len(ALPHAS)]
    fit_alphas(clone(NETWORK).set_params(tol=9, random_state=RandomState(0)), X, Y, ALPHAS)
    assert asked == [len(ALPHAS)]  # each draws on from the last


class Growing(InputGradient):
    depends_on_epoch = True

    def at_epoch(self, epoch):
        return self if epoch > 3 else 0.1 * epoch * InputGradient()


class Refusing(Adam):
    moves_entries = True

    def check_objective(self, objective, schedule):
        raise ValueError("not this one")


class Returning(Adam):
    moves_entries = True

    def move(self, theta, gradient, state, learning_rate):
        return theta


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"solver": Refusing()}, ValueError, "not this one"),
        ({"solver": Returning()}, TypeError, "Returning.move must change theta"),
    ],
    ids=str,
)
def test_solvers_are_asked_as_in_separate_fits(options, error, message):
    with pytest.raises(error, match=message):
        fit_alphas(clone(NETWORK).set_params(**options), X, Y, ALPHAS)


def test_terms_that_depend_on_the_epoch_are_not_trained_together():
    objective = make_objective(*problem()[:3], penalty=Growing())
    assert objective.minibatch_stack(np.ones((2, 3)), 10) is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_without_a_seed_all_share_one_that_is_drawn():
    estimator = clone(NETWORK).set_params(random_state=None, max_iter=2)
    np.random.seed(0)
    first = fit_alphas(estimator, X, Y, [0.0, 1e-9])
    again = fit_alphas(estimator, X, Y, [0.0, 1e-9])
    np.testing.assert_allclose(first[0].coefs_[0], first[1].coefs_[0], atol=1e-5)
    assert np.abs(first[0].coefs_[0] - again[0].coefs_[0]).max() > 0.1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_that_diverges_says_so_among_others():
    estimator = clone(NETWORK).set_params(solver="sgd", learning_rate_init=1e3)
    with pytest.raises(ValueError, match="training diverged"):
        fit_alphas(estimator, 1e3 * X, Y, ALPHAS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_that_of_the_rows(dtype):
    model = fit_alphas(GradRegLogisticRegression(), X.astype(dtype), Y, [1, 2])[0]
    assert model.coef_.dtype == model.intercept_.dtype == dtype


def test_sample_weights_count():
    weights = np.arange(len(Y)) % 3
    models = fit_alphas(EXACT, X, Y, ALPHAS, sample_weight=weights)
    alone = GradRegLogisticRegression(alpha=0.1, tol=1e-6, max_iter=10_000).fit(
        X, Y, sample_weight=weights
    )
    np.testing.assert_allclose(models[0].coef_, alone.coef_, atol=1e-4)


@pytest.mark.parametrize(
    "estimator",
    [
        GradRegLogisticRegression(SpectralNorm(), tol=1e-6, max_iter=10_000),
        GradRegLogisticRegression(InputGradient(norm="l1"), tol=1e-6, max_iter=10_000),
        GradRegLogisticRegression(solver=type("Own", (LBFGS,), {})(), tol=1e-6, max_iter=10_000),
    ],
    ids=["traced", "with kinks", "another solver"],
)
def test_other_linear_models_are_fitted_one_after_another(estimator):
    rows = load_breast_cancer(return_X_y=True)
    rows = scale(rows[0])[:, :5], rows[1]
    models = fit_alphas(estimator, *rows, [0.1, 1.0])
    for model in models:
        alone = clone(estimator).set_params(alpha=model.alpha).fit(*rows)
        assert model.loss_ == pytest.approx(alone.loss_, rel=1e-4)
        assert not model.warm_start
        assert set(vars(model)) == set(vars(alone))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_networks_may_go_on_from_the_stronger_penalty_and_report_their_own_fit():
    estimator = GradRegMLPClassifier((5,), max_iter=3, random_state=0)
    weak, strong = fit_alphas(estimator, X, Y, [0.1, 1.0], warm_start=True)
    alone = clone(estimator).set_params(alpha=1.0).fit(X, Y)
    further = copy(alone).set_params(alpha=0.1, warm_start=True).fit(X, Y)
    np.testing.assert_array_equal(strong.coefs_[0], alone.coefs_[0])
    np.testing.assert_array_equal(weak.coefs_[0], further.coefs_[0])
    assert weak.loss_curve_ == further.loss_curve_[3:]
    assert weak.t_ == strong.t_ == 3 * len(X)
    assert weak.best_loss_ == min(weak.loss_curve_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator", [GradRegMLPRegressor((5,), max_iter=2), VATClassifier((5,), max_iter=2)], ids=repr
)
def test_every_estimator_with_a_strength_has_a_path(estimator):
    assert [model.alpha for model in fit_alphas(estimator, X, Y % 2, [0.1, 1.0])] == [0.1, 1.0]


def test_models_that_run_out_of_iterations_say_so():
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations") as caught:
        models = fit_alphas(GradRegLogisticRegression(max_iter=2), X, Y, [0.01, 0.1, 1000.0])
    assert [model.n_iter_.item() for model in models[:2]] == [2, 2]
    assert [model.converged_ for model in models[:2]] == [False, False]
    assert len(caught) >= 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("max_iter", [100, 1000])
def test_columns_of_wild_scale_are_fitted_as_well_as_one_after_another(max_iter):
    rows = load_breast_cancer(return_X_y=True)
    estimator = GradRegLogisticRegression(max_iter=max_iter)
    for model in fit_alphas(estimator, *rows, [0.01, 0.1, 1.0]):
        assert (
            model.loss_ <= 1.005 * clone(estimator).set_params(alpha=model.alpha).fit(*rows).loss_
        )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_goes_on_reports_all_of_its_iterations():
    estimator = GradRegLogisticRegression(tol=1e-7)
    for model in fit_alphas(estimator, X.astype(np.float32), Y, [1.0, 0.1]):
        assert model.n_iter_ == len(model.loss_curve_)
        assert model.loss_ == pytest.approx(
            GradRegLogisticRegression(alpha=model.alpha).fit(X, Y).loss_, rel=1e-4
        )
