"""Fits to dask collections equal those to arrays, also on processes of which one may die."""

import pickle
import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.parametrizations import NoReparametrization
from sklearn_irg._engine.partitions import Partition, add_parts
from sklearn_irg._engine.rows import Rows
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.losses import Flooding, LabelSmoothing, MeanDifference, NegativeLogLikelihood
from sklearn_irg.model_selection import balanced_alpha, regularization_path
from sklearn_irg.penalties import (
    InputGradient,
    ParameterGradient,
    SpectralNorm,
    VirtualAdversarial,
    WeightDecay,
)

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
delayed = pytest.importorskip("dask").delayed

X, Y = load_iris(return_X_y=True)
X = scale(X)
ORDER = np.random.RandomState(0).permutation(len(X))
X, Y = X[ORDER], Y[ORDER]
WEIGHTS = np.random.RandomState(1).uniform(0, 2, len(X)).round()
LINEAR = GradRegLogisticRegression(tol=1e-7, max_iter=1000)
NETWORK = GradRegMLPClassifier((6,), activation="tanh", solver="lbfgs", max_iter=20, random_state=0)
ESTIMATORS = {
    "logistic": LINEAR,
    "balanced": clone(LINEAR).set_params(class_weight="balanced"),
    "weights of classes": clone(LINEAR).set_params(class_weight={0: 1.0, 1: 5.0, 2: 0.5}),
    "weight decay": clone(LINEAR).set_params(penalty="weight_decay"),
    "norms of weights": clone(LINEAR).set_params(
        penalty=SpectralNorm() + InputGradient(), tol=1e-5
    ),
    "exact zeros": clone(LINEAR).set_params(penalty=InputGradient("l1"), alpha=0.1, tol=1e-5),
    "exact zeros and decay": clone(LINEAR).set_params(
        penalty=InputGradient("l1") + WeightDecay(), tol=1e-5
    ),
    "some columns": clone(LINEAR).set_params(penalty=InputGradient(features=[1])),
    "soft targets": clone(LINEAR).set_params(loss=LabelSmoothing(0.1)),
    "network": NETWORK,
    "network under a constraint": clone(NETWORK).set_params(
        constraint=SpectralNormalization(), max_iter=10
    ),
    "network, adversarial": clone(NETWORK).set_params(penalty=InputGradient("l1"), alpha=0.01),
    "numbers": GradRegMLPRegressor(
        (6,), activation="tanh", solver="lbfgs", max_iter=20, random_state=0
    ),
}


def weights_of(model):
    return np.concatenate(
        [model.coef_.ravel()] if hasattr(model, "coef_") else [W.ravel() for W in model.coefs_]
    )


def arrays(X, y, sample_weight=None, size=40):
    pieces = [da.from_array(a, chunks=(size, *a.shape[1:])) for a in (X, y)]
    return (*pieces, None if sample_weight is None else da.from_array(sample_weight, chunks=size))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestFits:
    @pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
    @pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weighted"])
    def test_are_those_to_arrays(self, estimator, sample_weight):
        alone = clone(estimator).fit(X, Y, sample_weight=sample_weight)
        apart = clone(estimator).fit(*arrays(X, Y, sample_weight))
        np.testing.assert_allclose(weights_of(apart), weights_of(alone), rtol=1e-5, atol=1e-7)
        assert apart.loss_ == pytest.approx(alone.loss_, rel=1e-9)
        assert set(vars(apart)) == set(vars(alone))

    def test_two_classes_by_name_from_a_frame(self):
        data = load_breast_cancer(as_frame=True)
        frame = data.data.iloc[:, :5] / data.data.iloc[:, :5].std()
        y = data.target.map({0: "malignant", 1: "benign"})
        alone = (
            clone(LINEAR).set_params(penalty=InputGradient(features=["mean area"])).fit(frame, y)
        )
        apart = clone(alone).fit(
            dd.from_pandas(frame, npartitions=3), dd.from_pandas(y, npartitions=3)
        )
        np.testing.assert_allclose(apart.coef_, alone.coef_, atol=1e-6)
        assert apart.feature_names_in_.tolist() == frame.columns.tolist()
        assert apart.classes_.tolist() == ["benign", "malignant"]

    def test_sparse_rows(self):
        pieces = [
            da.from_delayed(delayed(csr_matrix)(X[i : i + 50]), (50, 4), X.dtype)
            for i in (0, 50, 100)
        ]
        apart = clone(LINEAR).fit(da.concatenate(pieces), da.from_array(Y, chunks=50))
        np.testing.assert_allclose(
            apart.coef_, clone(LINEAR).fit(csr_matrix(X), Y).coef_, atol=1e-6
        )

    def test_single_precision(self):
        apart = clone(LINEAR).set_params(tol=1e-4).fit(*arrays(X.astype(np.float32), Y))
        assert apart.coef_.dtype == np.float32
        np.testing.assert_allclose(apart.coef_, clone(LINEAR).fit(X, Y).coef_, atol=0.01)

    def test_chunks_of_other_sizes_and_of_columns(self):
        apart = clone(LINEAR).fit(da.from_array(X, chunks=(40, 3)), da.from_array(Y, chunks=70))
        np.testing.assert_allclose(apart.coef_, clone(LINEAR).fit(X, Y).coef_, atol=1e-6)

    def test_pieces_without_rows_or_without_a_class(self):
        order = np.argsort(Y, kind="stable")
        weights = np.where(np.arange(150) < 20, 0.0, 1.0)
        apart = clone(LINEAR).fit(*arrays(X[order], Y[order], weights, size=20))
        alone = clone(LINEAR).fit(X[order][20:], Y[order][20:])
        np.testing.assert_allclose(apart.coef_, alone.coef_, atol=1e-6)

    def test_a_class_of_weight_zero_that_fills_pieces(self):
        order = np.argsort(Y, kind="stable")
        estimator = clone(LINEAR).set_params(class_weight={0: 0.0, 1: 1.0, 2: 2.0})
        apart = clone(estimator).fit(*arrays(X[order], Y[order], size=20))
        np.testing.assert_allclose(
            apart.coef_, clone(estimator).fit(X[order], Y[order]).coef_, atol=1e-6
        )

    def test_a_warm_start_goes_on(self):
        model = clone(LINEAR).set_params(warm_start=True).fit(*arrays(X, Y))
        assert model.fit(*arrays(X, Y)).n_iter_ == 0

    def test_a_path_is_that_of_arrays(self):
        apart, alone = (
            regularization_path(LINEAR, *arrays(X, Y)[:2], [0.1, 1.0]),
            regularization_path(LINEAR, X, Y, [0.1, 1.0]),
        )
        np.testing.assert_allclose(apart.coefs, alone.coefs, atol=1e-5)


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"solver": "adam"}, "with solver=\"lbfgs\" only; got 'adam'"),
            ({"loss": Flooding(0.1)}, "Flooding needs all rows at once"),
            ({"penalty": ParameterGradient()}, "ParameterGradient needs all rows at once"),
            ({"penalty": VirtualAdversarial()}, "VirtualAdversarial draws random numbers"),
        ],
        ids=["epochs", "whole batch", "gradient of a batch", "random numbers"],
    )
    def test_what_needs_more_than_sums_over_rows_is_named(self, change, message):
        with pytest.raises(ValueError, match=message):
            clone(LINEAR).set_params(**change).fit(*arrays(X, Y))

    @pytest.mark.parametrize("size", [1e307, 1e-311])
    def test_weights_whose_sum_cannot_be_divided_by_as_in_memory(self, size):
        weights = np.full(150, size)
        estimators = [clone(LINEAR), GradRegMLPRegressor((3,), solver="lbfgs", max_iter=5)]
        for estimator in estimators:
            for rows in ((X, Y, weights), arrays(X, Y, weights, size=15)):
                with pytest.raises(
                    ValueError,
                    match="sample_weight must have a sum that neither overflows nor underflows",
                ):
                    clone(estimator).fit(*rows)

    def test_batch_normalization(self):
        with pytest.raises(ValueError, match="BatchNormalization needs all rows at once"):
            clone(NETWORK).set_params(batch_normalization=True).fit(*arrays(X, Y))

    def test_unlabeled_rows(self):
        with pytest.raises(ValueError, match="a label for each row"):
            clone(NETWORK).set_params(unlabeled_label=-1).fit(*arrays(X, Y))

    def test_several_labels(self):
        with pytest.raises(ValueError, match="one class per row"):
            clone(NETWORK).fit(*arrays(X, np.eye(3, dtype=int)[Y]))

    def test_other_estimators(self):
        with pytest.raises(TypeError, match="VATClassifier needs rows in memory"):
            VATClassifier().fit(*arrays(X, Y))
        with pytest.raises(TypeError, match="GradRegLogisticRegressionCV needs rows in memory"):
            GradRegLogisticRegressionCV().fit(*arrays(X, Y))

    def test_folds_and_pipelines(self):
        with pytest.raises(TypeError, match="folds are of rows in memory"):
            regularization_path(LINEAR, *arrays(X, Y)[:2], [1.0], cv=2)
        with pytest.raises(TypeError, match="first steps of a pipeline"):
            regularization_path(make_pipeline(StandardScaler(), LINEAR), *arrays(X, Y)[:2], [1.0])

    def test_two_samples(self):
        with pytest.raises(ValueError, match="MeanDifference compares samples"):
            GradRegLogisticRegression(None, loss=MeanDifference()).fit(*arrays(X[Y < 2], Y[Y < 2]))

    def test_labels_of_two_kinds(self):
        made = [delayed(np.array)(part) for part in (Y[:75].tolist(), Y[75:].astype(str).tolist())]
        y = da.concatenate([da.from_delayed(part, (75,), Y.dtype) for part in made])
        with pytest.raises(ValueError, match="numbers and strings"):
            clone(LINEAR).fit(da.from_array(X, chunks=75), y)

    def test_masks(self):
        with pytest.raises(ValueError, match="takes no mask"):
            clone(LINEAR).fit(*arrays(X, Y), mask=X > 0)

    def test_epochs(self):
        with pytest.raises(TypeError, match="Pass its partitions in turn"):
            GradRegMLPClassifier().partial_fit(*arrays(X, Y))

    def test_balance(self):
        with pytest.raises(TypeError, match="Pass one of its partitions"):
            balanced_alpha(NETWORK, *arrays(X, Y)[:2])

    def test_targets_in_memory(self):
        with pytest.raises(TypeError, match="y must be a dask array or frame"):
            clone(LINEAR).fit(arrays(X, Y)[0], Y)

    def test_other_numbers_of_rows(self):
        with pytest.raises(ValueError, match="X has 150 rows, and y 149"):
            clone(LINEAR).fit(*arrays(X, Y[1:]))

    def test_other_partitions(self):
        import pandas as pd

        frame, y = pd.DataFrame(X), pd.Series(Y)
        with pytest.raises(ValueError, match="X has 3 partitions, and y has 2"):
            clone(LINEAR).fit(
                dd.from_pandas(frame, npartitions=3), dd.from_pandas(y, npartitions=2)
            )

    def test_missing_values_one_class_and_continuous_classes(self):
        with pytest.raises(ValueError, match="NaN"):
            clone(LINEAR).fit(*arrays(np.where(np.arange(4) == 3, np.nan, X), Y))
        with pytest.raises(ValueError, match="needs at least 2 classes"):
            clone(LINEAR).fit(*arrays(X, np.zeros(150)))
        with pytest.raises(ValueError, match="Unknown label type"):
            clone(LINEAR).fit(*arrays(X, X[:, 0]))

    def test_no_rows(self):
        with pytest.raises(ValueError, match="0 sample"):
            clone(LINEAR).fit(*arrays(X, Y, np.zeros(150)))


class TestPiece:
    @staticmethod
    def piece(rows=X):
        rows = Rows(rows, np.eye(3)[Y])
        return Partition(Network((4, 3), ACTIVATIONS["identity"], Categorical()), rows)

    def test_says_how_much_it_holds(self):
        assert sys.getsizeof(self.piece()) >= X.nbytes + 8 * 3 * len(X)
        assert sys.getsizeof(self.piece(csr_matrix(X))) >= csr_matrix(X).data.nbytes

    def test_travels_without_the_memory_of_its_steps(self):
        piece = self.piece()
        arguments = (
            [(1.0, NegativeLogLikelihood()), (0.1, InputGradient())],
            NoReparametrization(),
            piece.totals(),
            np.ones(15),
        )
        value, gradient = piece.value_and_grad(*arguments)
        copied = pickle.loads(pickle.dumps(piece))
        assert copied._objective is None
        assert copied.value_and_grad(*arguments)[0] == value
        assert gradient.shape == (15,)

    def test_pieces_add_up(self):
        theta = np.random.RandomState(0).standard_normal(15)
        terms = [(1.0, NegativeLogLikelihood()), (0.1, InputGradient())]
        network = self.piece().network
        whole = Objective(network, Rows(X, np.eye(3)[Y], sample_weight=WEIGHTS + 0.5), terms)
        parts = [
            Partition(network, Rows(X[part], np.eye(3)[Y[part]], sample_weight=WEIGHTS[part] + 0.5))
            for part in (slice(0, 10), slice(10, 100), slice(100, None))
        ]
        totals = {name: sum(part.totals()[name] for part in parts) for name in parts[0].totals()}
        value, gradient = add_parts(
            [part.value_and_grad(terms, NoReparametrization(), totals, theta) for part in parts]
        )
        expected = whole.value_and_grad(theta, whole.full_batch())
        assert value == pytest.approx(expected[0], rel=1e-12)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)
