"""A parameter or argument out of range is refused by name; in range, its type does not matter."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.losses import Flooding
from sklearn_irg.penalties import InputGradient
from sklearn_irg.solvers import LBFGS, Adam
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y

OF_ALL = [
    ({"penalty": "l2"}, r"penalty must be None, one of .*'input_gradient'.*got 'l2'"),
    ({"penalty": InputGradient}, r"penalty must be None, one of .*'input_gradient'"),
    (
        {"penalty": InputGradient(features=[9])},
        r"features has 9, which is not a position among the 4 columns",
    ),
    ({"penalty": InputGradient(features=[])}, r"features is empty"),
    ({"penalty": InputGradient(features="petal")}, r"features must be a sequence"),
    (
        {"penalty": InputGradient(features=[True, 1, 2, 3])},
        r"features as booleans must be 4, one per column",
    ),
    ({"alpha": -1}, r"alpha must be a finite number >= 0; got -1"),
    ({"alpha": np.nan}, r"alpha must be a finite number >= 0; got nan"),
    ({"alpha": "strong"}, r"alpha must be a finite number >= 0; got 'strong'"),
    ({"alpha": None}, r"alpha must be a finite number >= 0; got None"),
    ({"l2": -1e-9}, r"l2 must be a finite number >= 0; got -1e-09"),
    ({"l2": np.inf}, r"l2 must be a finite number >= 0; got inf"),
    ({"tol": np.nan}, r"tol must be a finite number >= 0; got nan"),
    ({"tol": np.inf}, r"tol must be a finite number >= 0; got inf"),
    ({"warm_start": "no"}, r"warm_start must be True or False; got 'no'"),
    ({"verbose": -1}, r"verbose must be an integer >= 0; got -1"),
    ({"solver": "newton"}, r"solver must be one of 'adam', 'lbfgs', 'newton-cholesky', 'sgd', or"),
    ({"solver": Adam(beta_1=2)}, r"beta_1 must be a finite number >= 0 and < 1; got 2"),
    ({"loss": "smooth"}, r"loss must be None, one of"),
    ({"constraint": 1.0}, r"constraint must be None or a Constraint"),
]
OF_PERCEPTRONS = [
    ({"max_iter": 0}, r"max_iter must be an integer >= 1; got 0"),
    ({"max_iter": 1e3}, r"max_iter must be an integer >= 1; got 1000.0"),
    ({"activation": "sine"}, r"activation must be one of 'identity', .*; got 'sine'"),
    ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be positive integers; got \(5, 0\)"),
    ({"hidden_layer_sizes": 100.0}, r"hidden_layer_sizes must be positive integers; got 100.0"),
    ({"hidden_layer_sizes": "5"}, r"hidden_layer_sizes must be positive integers; got '5'"),
    ({"learning_rate_init": 0}, r"learning_rate_init must be a finite number > 0; got 0"),
    ({"learning_rate_init": np.nan}, r"learning_rate_init must be a finite number > 0; got nan"),
    ({"n_iter_no_change": 0}, r"n_iter_no_change must be an integer >= 1; got 0"),
    ({"n_iter_no_change": np.nan}, r"n_iter_no_change must be an integer >= 1; got nan"),
    (
        {"validation_fraction": 1.5},
        r"validation_fraction must be a finite number > 0 and < 1; got 1.5",
    ),
    ({"dropout": 1.0}, r"dropout must be a finite number >= 0 and < 1; got 1.0"),
    ({"dropout": np.nan}, r"dropout must be a finite number >= 0 and < 1; got nan"),
    ({"shuffle": "yes"}, r"shuffle must be True or False; got 'yes'"),
    ({"early_stopping": "false"}, r"early_stopping must be True or False; got 'false'"),
    ({"batch_size": 0}, r"batch_size must be an integer >= 1; got 0"),
    ({"batch_size": "all"}, r"batch_size must be an integer >= 1; got 'all'"),
]
OF_LINEAR_MODELS = [
    ({"fit_intercept": "no"}, r"fit_intercept must be True or False; got 'no'"),
    ({"max_iter": -1}, r"max_iter must be an integer >= 0; got -1"),
    ({"max_iter": 1e3}, r"max_iter must be an integer >= 0; got 1000.0"),
]

OF_CLASSIFIERS = [
    ({"unlabeled_batch_size": 0}, r"unlabeled_batch_size must be an integer >= 1; got 0"),
    ({"n_ramp_up_epochs": -1}, r"n_ramp_up_epochs must be an integer >= 0; got -1"),
    ({"unlabeled_label": [1, 2]}, r"unlabeled_label must be one label, or None; got \[1, 2\]"),
    (
        {"unlabeled_label": -1, "unlabeled_batch_size": 2.5},
        r"unlabeled_batch_size must be an integer >= 1; got 2.5",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), OF_CLASSIFIERS, ids=str)
@pytest.mark.parametrize("Estimator", [GradRegMLPClassifier, VATClassifier])
def test_a_mlp_classifier_names_what_is_out_of_range(Estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        Estimator(**parameters).fit(MULTI_X, MULTI_Y)


@pytest.mark.parametrize(("parameters", "message"), OF_ALL + OF_PERCEPTRONS, ids=str)
@pytest.mark.parametrize("Estimator", [GradRegMLPClassifier, GradRegMLPRegressor])
def test_a_mlp_names_what_is_out_of_range(Estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        Estimator(**parameters).fit(MULTI_X, MULTI_Y)


@pytest.mark.parametrize(("parameters", "message"), OF_ALL + OF_LINEAR_MODELS, ids=str)
def test_a_linear_model_names_what_is_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        GradRegLogisticRegression(**parameters).fit(MULTI_X, MULTI_Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epsilon": np.nan}, "epsilon must be a finite number > 0; got nan"),
        ({"xi": 0}, "xi must be a finite number > 0; got 0"),
        ({"n_power_iterations": 0}, "n_power_iterations must be an integer >= 1; got 0"),
    ],
    ids=str,
)
def test_vat_names_what_is_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        VATClassifier(**parameters).fit(MULTI_X, MULTI_Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_label_marks_unlabeled_rows():
    with pytest.raises(ValueError, match=r"unlabeled_label must be one label, or None; got \[-1\]"):
        VATClassifier(unlabeled_label=[-1]).fit(MULTI_X, MULTI_Y)
    assert (
        VATClassifier((5,), unlabeled_label=10**400, max_iter=1).fit(MULTI_X, MULTI_Y).n_outputs_
        == 3
    )


@pytest.mark.parametrize("penalty", [InputGradient(), "input_gradient"], ids=repr)
def test_a_penalty_in_the_place_of_sizes_gets_a_hint(penalty):
    with pytest.raises(
        ValueError, match=r"hidden_layer_sizes must be .*; got .* Pass a penalty by name"
    ):
        GradRegMLPClassifier(penalty).fit(MULTI_X, MULTI_Y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_iter_no_change": np.arange(3)},
        {"batch_size": np.arange(3)},
        {"hidden_layer_sizes": np.array(5)},
        {"hidden_layer_sizes": {}},
        {"hidden_layer_sizes": iter([5])},
        {"solver": LBFGS(history_size=10**9)},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_what_is_not_a_number_is_named(parameters):
    name = next(iter(parameters)).replace("solver", "history_size")
    with pytest.raises(ValueError, match=f"{name} must be"):
        GradRegMLPClassifier(**parameters).fit(MULTI_X, MULTI_Y)


def test_a_wrong_type_is_a_type_error_too():
    with pytest.raises(TypeError, match="max_iter must be an integer"):
        GradRegLogisticRegression(max_iter="many").fit(MULTI_X, MULTI_Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "small"),
    [
        (
            GradRegMLPClassifier((200,), max_iter=3, batch_size=200, random_state=0),
            {"hidden_layer_sizes": np.uint8(200)},
        ),
        (
            GradRegMLPClassifier((200, 200), max_iter=3, random_state=0),
            {"hidden_layer_sizes": (np.uint8(200), np.int16(200))},
        ),
        (
            GradRegMLPClassifier((5,), max_iter=3, batch_size=200, random_state=0),
            {"batch_size": np.uint8(200)},
        ),
        (
            GradRegMLPClassifier((5,), max_iter=50, random_state=0),
            {"max_iter": np.uint8(50), "n_iter_no_change": np.int8(10)},
        ),
        (
            GradRegLogisticRegression(max_iter=200, alpha=0.5),
            {"max_iter": np.int16(200), "alpha": np.float16(0.5)},
        ),
        (
            VATClassifier((5,), max_iter=3, n_power_iterations=2, random_state=0),
            {"n_power_iterations": np.uint8(2)},
        ),
        (
            GradRegMLPClassifier((5,), max_iter=3, random_state=0),
            {"shuffle": np.True_, "warm_start": np.False_},
        ),
    ],
    ids=lambda x: str(x)[:60],
)
def test_numbers_of_any_size_are_numbers(estimator, small):
    X, y = np.tile(BINARY_X, (2, 1)), np.tile(BINARY_Y, 2)
    expected = clone(estimator).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(
        clone(estimator).set_params(**small).fit(X, y).predict_proba(X), expected
    )


@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        (-1, "sample_weight must be a finite number > 0; got -1"),
        (0.0, "sample_weight must be a finite number > 0; got 0.0"),
        (np.nan, "sample_weight must be a finite number > 0; got nan"),
        (np.zeros(150), "sample_weight is zero for every row"),
        (np.full(150, -1.0), "sample_weight must be non-negative; got -1.0"),
        (
            np.full(150, 1e308),
            "sample_weight must have a sum that neither overflows nor underflows; got inf",
        ),
        (np.ones(3), r"sample_weight must have shape \(150,\), one per row of X; got \(3,\)"),
        (
            np.ones((150, 1)),
            r"sample_weight must have shape \(150,\), one per row of X; got \(150, 1\)",
        ),
        (np.full(150, np.nan), "sample_weight contains NaN"),
    ],
    ids=["-1", "0", "nan", "zeros", "negative", "overflow", "short", "column", "nans"],
)
@pytest.mark.parametrize("Estimator", [GradRegLogisticRegression, GradRegMLPRegressor])
def test_weights_out_of_range_are_refused(Estimator, sample_weight, message):
    with pytest.raises(ValueError, match=message):
        Estimator().fit(MULTI_X, MULTI_Y, sample_weight=sample_weight)


@pytest.mark.parametrize(
    "class_weight", [{0: -1, 1: 1, 2: 1}, {0: np.nan}, {0: np.inf}, {0: 0, 1: 0, 2: 0}], ids=str
)
def test_class_weights_out_of_range_are_refused(class_weight):
    with pytest.raises(
        ValueError, match="class_weight must be non-negative numbers, and positive for a class of y"
    ):
        GradRegLogisticRegression(class_weight=class_weight).fit(MULTI_X, MULTI_Y)


def test_class_weights_are_numbers_whose_products_have_a_sum():
    with pytest.raises(
        ValueError, match=r"class_weight must be a dict of class to number, .*; got \{0: 'a'\}"
    ):
        GradRegLogisticRegression(class_weight={0: "a"}).fit(MULTI_X, MULTI_Y)
    for weight, size in [(1e300, "inf"), (1e-300, r"0\.0")]:
        model = GradRegLogisticRegression(class_weight=dict.fromkeys(range(3), weight))
        with pytest.raises(
            ValueError, match=f"must have a sum that neither overflows nor underflows; got {size}"
        ):
            model.fit(MULTI_X, MULTI_Y, sample_weight=np.full(150, weight))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("loss", [None, Flooding(0.1)], ids=str)
@pytest.mark.parametrize("penalty", ["input_gradient", "parameter_gradient"])
def test_a_class_of_weight_zero_is_absent_but_known(loss, penalty):
    model = GradRegMLPClassifier(
        (5,), penalty=penalty, loss=loss, batch_size=10, max_iter=3, random_state=0
    )
    by_class = clone(model).set_params(class_weight={0: 0.0}).fit(MULTI_X, MULTI_Y)
    first, n = MULTI_Y > 0, MULTI_X[MULTI_Y > 0]
    by_rows = model.partial_fit(n, MULTI_Y[first], classes=[0, 1, 2])
    assert by_class.classes_.tolist() == by_rows.classes_.tolist()
    np.testing.assert_allclose(by_class.loss_curve_[0], by_rows.loss_curve_[0], rtol=1e-12)


class TestData:
    def test_sparse_targets_of_a_regressor_are_refused(self):
        with pytest.raises(ValueError, match="y must be dense; got a sparse one"):
            GradRegMLPRegressor().fit(MULTI_X, sparse.csr_array(np.eye(150, 2)))

    def test_class_weights_have_no_meaning_for_labels(self):
        X, Y = make_multilabel_classification(random_state=0)
        with pytest.raises(ValueError, match="class_weight has no meaning for multilabel targets"):
            GradRegMLPClassifier(class_weight="balanced").fit(X, Y)

    def test_a_warm_start_with_other_classes_is_refused(self):
        model = GradRegLogisticRegression(warm_start=True).fit(MULTI_X, MULTI_Y)
        for rows in (MULTI_Y < 2, MULTI_Y > 0):
            with pytest.raises(
                ValueError, match="warm_start=True keeps the classes of the last fit"
            ):
                model.fit(MULTI_X[rows], MULTI_Y[rows])
        with pytest.raises(ValueError, match="warm_start=True keeps the classes of the last fit"):
            model.fit(MULTI_X, MULTI_Y + 1)

    def test_early_stopping_names_the_users_classes(self):
        y = np.array(["many"] * 149 + ["rare"])
        with pytest.raises(ValueError, match="of 150 rows: the class 'rare' has one row only"):
            GradRegMLPClassifier(early_stopping=True).fit(MULTI_X, y)

    def test_a_hold_out_too_small_says_what_to_raise(self):
        with pytest.raises(
            ValueError, match=r"the validation set is too small\. Raise validation_fraction"
        ):
            GradRegMLPRegressor(early_stopping=True, validation_fraction=0.01).fit(
                MULTI_X[:50], MULTI_Y[:50]
            )

    def test_sparse_rows_have_no_virtual_adversarial_penalty(self):
        with pytest.raises(
            ValueError, match="VirtualAdversarial moves every entry of X, so it needs a dense X"
        ):
            GradRegMLPClassifier(penalty="virtual_adversarial").fit(
                sparse.csr_array(MULTI_X), MULTI_Y
            )
