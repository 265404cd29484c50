"""Extensions with public names only; `docs/extending.md` shows these classes literally."""

import ast
import inspect
import pickle
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_diabetes, load_iris, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

import sklearn_irg
from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg.activations import Activation
from sklearn_irg.constraints import Projection, SpectralNormalization, WeightClipping
from sklearn_irg.diagnostics import (
    certified_radius,
    feature_sensitivity,
    input_gradients,
    lipschitz_bounds,
)
from sklearn_irg.likelihoods import Likelihood
from sklearn_irg.losses import BatchLoss, Flooding, LabelSmoothing, Loss
from sklearn_irg.penalties import InputGradient, LipschitzGradient, SamplePenalty, WeightPenalty
from sklearn_irg.solvers import EpochSolver

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
X = scale(X)


class Uncertainty(SamplePenalty):
    """Entropy of the prediction at each row; no label is read, so unlabeled rows count too."""

    group = "all"

    def __init__(self, floor=1e-9):
        self.floor = floor

    def values(self, step):
        P = step.probabilities
        return -anp.sum(P * anp.log(P + self.floor), axis=1)


class Chosen(ClassifierMixin, BaseEstimator):
    predicts_by = "estimator_"

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y):
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        return self.estimator_.predict(X)


class LastLayer(WeightPenalty):
    """Squared weights of the last layer only."""

    def value(self, network, theta):
        W = network.weights(theta)[-1]
        return anp.sum(W * W)


class SteepReLU(Activation):
    """max(3z, z / 3)"""

    largest_slope = 3.0

    def apply(self, Z):
        np.maximum(3 * Z, Z / 3, out=Z)

    def slope(self, A, out):
        out[...] = np.where(A > 0, 3, 1 / 3)
        return out

    def slope_derivative(self, A):
        return None


class Counts(Likelihood):
    """Poisson counts whose mean is the exponential of the output."""

    out_activation = "exp"

    def mean(self, outputs):
        return np.exp(outputs)

    def loss_and_residual(self, outputs, targets):
        residuals = np.exp(outputs) - targets
        return (np.exp(outputs) - targets * outputs).sum(axis=1), residuals

    def hessian_product(self, outputs, targets, residuals, vectors):
        return np.exp(outputs) * vectors


class RMSProp(EpochSolver):
    """Steps divided by a running root mean square of the gradient, whose norm is clipped."""

    def __init__(self, decay=0.9, clip_norm=5):
        self.decay = decay
        self.clip_norm = clip_norm

    def check_parameters(self):
        if not (0 <= self.decay < 1 and self.clip_norm > 0):
            raise ValueError(f"decay must be in [0, 1) and clip_norm positive; got {self!r}.")

    def start(self, theta):
        return {"square": np.zeros_like(theta)}

    def move(self, theta, gradient, state, learning_rate):
        gradient = gradient * min(1, self.clip_norm / (np.linalg.norm(gradient) + 1e-12))
        state["square"] *= self.decay
        state["square"] += (1 - self.decay) * gradient**2
        theta -= learning_rate * gradient / (np.sqrt(state["square"]) + 1e-8)


class NegativeMutualInformation(BatchLoss):
    """H(Y|X) - H(Y) of the cluster assignments p(y|x); y says only how many clusters there are."""

    group = "all"

    def value(self, step):
        P, weights = step.probabilities, step.weights / step.weights.sum()
        marginal = anp.dot(weights, P)
        of_rows = anp.sum(P * anp.log(P + 1e-9), axis=1)
        return anp.sum(marginal * anp.log(marginal)) - anp.dot(weights, of_rows)


class MeanDifference(Loss):
    """Mean output on the first sample minus that on the second; classes of y name them."""

    samples = ("first", "second")

    def contributions(self, step):
        f = step.outputs[:, 0]
        return [(step.weights_of("first"), f), (-step.weights_of("second"), f)]


class NonNegative(Projection):
    """Weights that are not negative, so that outputs grow with every input."""

    def project(self, network, theta):
        for W, _ in network.unpack(theta):
            np.maximum(W, 0, out=W)


ADDED = [
    Uncertainty,
    LastLayer,
    SteepReLU,
    Counts,
    RMSProp,
    NegativeMutualInformation,
    MeanDifference,
    NonNegative,
    Chosen,
]
LONGEST = {Uncertainty: 15, LastLayer: 8, NegativeMutualInformation: 15}


@pytest.mark.parametrize("added", ADDED)
class TestEveryAddition:
    def test_is_short(self, added):
        assert len(inspect.getsource(added).splitlines()) <= LONGEST.get(added, 25)

    def test_survives_clone_and_pickle(self, added):
        for copy in (clone(added()), pickle.loads(pickle.dumps(added()))):
            assert repr(copy) == repr(added())

    def test_stands_in_the_documentation_literally(self, added):
        assert inspect.getsource(added) in DOCS.read_text(encoding="utf-8")


DOCS = Path(__file__).parent.parent / "docs" / "extending.md"


def test_only_public_names_are_imported_here():
    for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sklearn_irg"):
            assert not any(part.startswith("_") for part in node.module.split("."))
            assert not any(alias.name.startswith("_") for alias in node.names)


def stubs():
    """The base classes as the documentation shows them."""
    blocks = DOCS.read_text(encoding="utf-8").split("```python\n")[1:]
    for block in blocks:
        for node in ast.parse(block.split("```")[0]).body:
            if isinstance(node, ast.ClassDef) and node.name not in {
                added.__name__ for added in ADDED
            }:
                yield pytest.param(node, id=node.name)


@pytest.mark.parametrize("stub", list(stubs()))
def test_base_classes_are_documented_as_they_are(stub):
    names = ["penalties", "losses", "activations", "likelihoods", "solvers", "constraints"]
    modules = [getattr(sklearn_irg, name) for name in names]
    real = next(getattr(module, stub.name) for module in modules if hasattr(module, stub.name))
    for node in stub.body:
        if isinstance(node, ast.FunctionDef):
            documented = f"({ast.unparse(node.args)})"
            assert str(inspect.signature(getattr(real, node.name))) == documented, node.name
        elif isinstance(node, ast.Assign):
            assert inspect.getattr_static(real, node.targets[0].id) == ast.literal_eval(node.value)
        else:  # what has no default
            assert inspect.getattr_static(real, node.target.id).__isabstractmethod__


def test_the_imports_shown_are_those_that_the_examples_need():
    block = DOCS.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names = {alias.asname or alias.name for node in ast.parse(block).body for alias in node.names}
    bases = {base.__name__ for added in ADDED for base in added.__bases__}
    assert names == {"anp", "np", "clone"} | bases


def directional_derivatives(function, theta, n_directions=5):
    rng = np.random.RandomState(0)
    for _ in range(n_directions):
        u = rng.standard_normal(theta.shape)
        u /= np.linalg.norm(u)
        yield (function(theta + 1e-5 * u) - function(theta - 1e-5 * u)) / 2e-5


class TestSamplePenalty:
    def objective(self, coef, intercept):
        Z = X @ coef.T + intercept
        P = np.exp(Z - Z.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        loss = -np.log(P[np.arange(150), Y]).mean()
        return loss - 0.7 * (P * np.log(P + 1e-9)).sum(axis=1).mean() + (coef**2).sum() / 300

    def test_its_gradient_is_whole_because_probabilities_are_differentiable(self):
        model = GradRegLogisticRegression(Uncertainty(), 0.7, tol=1e-8, max_iter=5000).fit(X, Y)
        np.testing.assert_allclose(
            model.loss_, self.objective(model.coef_, model.intercept_), rtol=1e-12
        )
        slopes = directional_derivatives(lambda W: self.objective(W, model.intercept_), model.coef_)
        np.testing.assert_allclose(list(slopes), 0, atol=1e-6)

    def test_joins_sums_and_grids(self):
        grid = {
            "penalty": [Uncertainty(), InputGradient() + 0.1 * Uncertainty(1e-6)],
            "alpha": [0.01, 0.1],
        }
        search = GridSearchCV(GradRegLogisticRegression(), grid, cv=3).fit(X, Y)
        assert search.best_score_ > 0.9
        assert (
            GradRegLogisticRegression(Uncertainty()).set_params(penalty__floor=0.1).penalty.floor
            == 0.1
        )

    def test_reaches_two_classes_labels_and_networks(self):
        binary = GradRegMLPClassifier((5,), penalty=Uncertainty(), random_state=0).fit(X, Y > 0)
        labels = GradRegMLPClassifier((5,), penalty=Uncertainty(), random_state=0).fit(
            X, np.eye(3, dtype=int)[Y]
        )
        assert binary.score(X, Y > 0) > 0.9
        assert labels.predict(X).shape == (150, 3)

    def test_what_is_a_constant_says_so(self):
        class Frozen(SamplePenalty):
            """Its value changes with the parameters, its gradient is zero."""

            def values(self, step):
                assert step.probabilities.shape == step.frozen_probabilities.shape == (150, 2)
                return step.losses * 0.0 + anp.sum(step.frozen_probabilities**2, axis=1)

        options = {"alpha": 0.7, "solver": "adam", "max_iter": 5}
        frozen, none = (
            GradRegLogisticRegression(p, random_state=0, **options).fit(X, Y > 0)
            for p in (Frozen(), None)
        )
        np.testing.assert_array_equal(frozen.coef_, none.coef_)
        assert frozen.loss_ > none.loss_ + 0.1


class TestWeightPenalty:
    def test_shrinks_its_layer_only(self):
        options = {"alpha": 0.1, "l2": 0, "random_state": 0, "max_iter": 500}
        free, penalized = (
            GradRegMLPClassifier((8,), penalty=p, **options).fit(X, Y) for p in (None, LastLayer())
        )
        sizes = [[np.linalg.norm(W) for W in model.coefs_] for model in (free, penalized)]
        assert sizes[1][1] < 0.7 * sizes[0][1]
        assert sizes[1][0] > 0.9 * sizes[0][0]


class TestActivation:
    model = GradRegMLPClassifier((16, 8), SteepReLU(), penalty=None, max_iter=300, random_state=0)

    def test_no_certified_row_changes_its_prediction(self):
        model, rng = clone(self.model).fit(X, Y), np.random.RandomState(0)
        radii, predicted = certified_radius(model, X), model.predict(X)
        for _ in range(50):
            u = rng.standard_normal(X.shape)
            inside = X + 0.999 * radii[:, None] * u / np.linalg.norm(u, axis=1, keepdims=True)
            np.testing.assert_array_equal(model.predict(inside), predicted)

    def test_bounds_know_its_slope_and_gradients_its_shape(self):
        model = clone(self.model).fit(X, Y)
        bounds = lipschitz_bounds(model, X)
        norms = np.prod([np.linalg.norm(W, 2) for W in model.coefs_])
        np.testing.assert_allclose(bounds.spectral, 3**2 * norms)
        assert bounds.empirical <= bounds.spectral
        gradients = input_gradients(model, X, of="score")
        step = 1e-6 * np.eye(4)[2]
        own = lambda X_moved: model.decision_function(X_moved)[np.arange(150), model.predict(X)]  # noqa: E731
        np.testing.assert_allclose(
            gradients[:, 2], (own(X + step) - own(X - step)) / 2e-6, rtol=1e-4
        )

    def test_trains_with_a_penalty_on_gradients_and_has_no_twin(self):
        model = clone(self.model).set_params(penalty="input_gradient", alpha=0.1).fit(X, Y)
        assert model.score(X, Y) > 0.9
        with pytest.raises(ValueError, match=r"scikit-learn has no activation SteepReLU\(\)"):
            model.to_sklearn()


class TestLikelihood:
    table, numbers = load_diabetes(return_X_y=True)
    table, numbers = scale(table), np.round(numbers / 50)

    def fit(self, **options):
        return GradRegMLPRegressor(loss=Counts(), max_iter=30, random_state=0, **options).fit(
            self.table, self.numbers
        )

    def test_fits_as_scikit_learns_does(self):
        theirs = MLPRegressor(loss="poisson", max_iter=30, random_state=0).fit(
            self.table, self.numbers
        )
        ours = self.fit(alpha=0)
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.predict(self.table), theirs.predict(self.table), rtol=1e-10)

    def test_is_what_diagnostics_differentiate(self):
        model, step = self.fit(alpha=0.01), 1e-6 * np.eye(10)[2]
        deviance = lambda T: model.predict(T) - self.numbers * np.log(model.predict(T))  # noqa: E731
        expected = (deviance(self.table + step) - deviance(self.table - step)) / 2e-6
        np.testing.assert_allclose(
            input_gradients(model, self.table, self.numbers)[:, 2], expected, atol=1e-5
        )
        rates = (model.predict(self.table + step) - model.predict(self.table - step)) / 2e-6
        np.testing.assert_allclose(
            feature_sensitivity(model, self.table, of="score").mean[2],
            np.abs(rates).mean(),
            rtol=1e-5,
        )

    def test_is_refused_where_classes_are_needed_and_has_no_twin(self):
        for options, message in [
            ({"loss": LabelSmoothing(0.1, loss=Counts())}, r"it has no meaning for Counts\(\)"),
            ({"loss": Counts(), "penalty": "right_reasons"}, r"which Counts\(\) does not have"),
        ]:
            with pytest.raises(ValueError, match=message):
                GradRegMLPRegressor(**options).fit(self.table, self.numbers)
        with pytest.raises(ValueError, match=r"MLPRegressor has no loss like Counts\(\)"):
            self.fit().to_sklearn()

    def test_may_be_flooded(self):
        model = GradRegMLPRegressor(loss=Flooding(0.5, loss=Counts()), max_iter=5, random_state=0)
        assert model.fit(self.table, self.numbers).out_activation_ == "exp"


class TestSolver:
    def test_learns_with_a_parameter_of_its_own(self):
        model = GradRegMLPClassifier(
            solver=RMSProp(clip_norm=5), learning_rate_init=0.01, max_iter=300, random_state=0
        )
        assert model.fit(X, Y).score(X, Y) > 0.95
        with pytest.raises(ValueError, match="clip_norm positive; got RMSProp"):
            model.set_params(solver__clip_norm=0).fit(X, Y)

    def test_goes_on_from_its_state(self):
        model = GradRegMLPClassifier(solver=RMSProp(), shuffle=False, random_state=0, max_iter=4)
        stepwise = clone(model)
        for _ in range(4):
            stepwise.partial_fit(X, Y)
        np.testing.assert_allclose(stepwise.coefs_[0], model.fit(X, Y).coefs_[0], rtol=1e-12)

    def test_stops_early_and_projects(self):
        model = GradRegMLPClassifier(
            solver=RMSProp(), early_stopping=True, max_iter=100, random_state=0
        ).fit(X, Y)
        assert len(model.validation_scores_) == model.n_iter_
        model.set_params(constraint=WeightClipping(0.1)).fit(X, Y)
        assert max(abs(W).max() for W in model.coefs_) <= 0.1


class TestConstraint:
    def test_holds_at_the_end(self):
        model = GradRegMLPClassifier(
            (9,), constraint=NonNegative(), max_iter=20, random_state=0
        ).fit(X, Y)
        assert all((W >= 0).all() for W in model.coefs_)
        assert any((W == 0).any() for W in model.coefs_)

    def test_lbfgs_refuses_it(self):
        with pytest.raises(
            ValueError, match="LBFGS cannot project onto a constraint between its steps"
        ):
            GradRegLogisticRegression(constraint=NonNegative()).fit(X, Y)


class TestLossWithoutLabels:
    points, blobs = make_blobs(300, centers=[[-3, -3], [3, 3], [-3, 3], [3, -3]], random_state=1)

    def fit(self, y):
        model = GradRegMLPClassifier(
            (20,),
            loss=NegativeMutualInformation(),
            penalty="virtual_adversarial",
            alpha=0.3,
            learning_rate_init=0.01,
            max_iter=300,
            random_state=0,
        )
        return model.fit(scale(self.points), y)

    def test_finds_clusters(self):
        clusters = self.fit(np.arange(300) % 4).predict(scale(self.points))
        assert adjusted_rand_score(self.blobs, clusters) > 0.9

    def test_y_says_only_how_many(self):
        models = [
            self.fit(y)
            for y in (np.arange(300) % 4, self.blobs, np.array(list("abcd"))[self.blobs])
        ]
        for other in models[1:]:
            np.testing.assert_array_equal(other.coefs_[0], models[0].coefs_[0])


class TestLossOfTwoSamples:
    rng = np.random.RandomState(0)
    first, second = rng.standard_normal((150, 3)), rng.standard_normal((250, 3)) + [2.0, 0.0, 0.0]
    rows, names = np.vstack([first, second]), np.array(["first"] * 150 + ["second"] * 250)

    def test_is_the_difference_of_the_means_whatever_the_sizes_and_weights(self):
        weight = self.rng.rand(400)
        model = GradRegLogisticRegression(
            None,
            loss=MeanDifference(),
            l2=0,
            constraint=SpectralNormalization(1.0),
            random_state=0,
            tol=1e-8,
        ).fit(self.rows, self.names, sample_weight=weight)
        means = [
            np.average(self.rows[self.names == n], axis=0, weights=weight[self.names == n])
            for n in ("first", "second")
        ]
        # the linear function of slope one that separates the means most
        np.testing.assert_allclose(-model.loss_, np.linalg.norm(means[1] - means[0]), rtol=1e-6)

    def test_with_a_lipschitz_penalty_it_is_a_wasserstein_critic(self):
        line, names = self.rows[:, :1], self.names
        model = GradRegMLPClassifier(
            (32, 32),
            loss=MeanDifference(),
            penalty=LipschitzGradient(two_sided=True, at="interpolates"),
            alpha=10.0,
            learning_rate_init=0.01,
            max_iter=500,
            n_iter_no_change=100,
            random_state=1,  # from some starts it does not find the way past a slope of zero
        ).fit(line, names)
        scores = model.decision_function(line)
        distance = scores[names == "second"].mean() - scores[names == "first"].mean()
        exact = wasserstein_distance(self.first[:, 0], self.second[:, 0])
        # slope s gains s · exact and costs 10 (s - 1)²
        np.testing.assert_allclose(distance, exact * (1 + exact / 20), rtol=0.05)

    def test_names_are_matched_and_other_labels_go_by_order(self):
        options = {
            "loss": MeanDifference(),
            "l2": 0,
            "constraint": SpectralNormalization(1.0),
            "random_state": 0,
        }
        model = GradRegLogisticRegression(None, **options)
        expected = clone(model).fit(self.rows, self.names).coef_
        np.testing.assert_array_equal(
            clone(model).fit(self.rows, self.names == "second").coef_, expected
        )
        swapped = clone(model).set_params(
            loss=type("Swapped", (MeanDifference,), {"samples": ("second", "first")})()
        )
        np.testing.assert_array_equal(swapped.fit(self.rows, self.names).coef_, expected)
        with pytest.raises(
            ValueError,
            match=r"which are these names or others in this order; got \['first', 'third'\]",
        ):
            model.fit(self.rows, np.where(self.names == "first", "first", "third"))

    def test_rows_of_neither_sample_are_in_none(self):
        options = {
            "loss": MeanDifference(),
            "alpha": 0.0,
            "batch_size": 400,
            "shuffle": False,
            "random_state": 0,
        }
        neither = np.arange(400) % 3 == 0
        some = np.where(neither, "-1", self.names)
        models = [
            VATClassifier((5,), max_iter=3, l2=0, **options).fit(self.rows, some),
            VATClassifier((5,), max_iter=3, l2=0, **options).fit(
                self.rows[~neither], self.names[~neither]
            ),
        ]
        np.testing.assert_allclose(models[0].loss_, models[1].loss_, rtol=1e-10)

    @pytest.mark.parametrize("samples", [("labeled", "unlabeled"), ("first", "first")], ids=str)
    def test_names_that_mean_something_else_are_refused(self, samples):
        loss = type("Named", (MeanDifference,), {"samples": samples})()
        with pytest.raises(
            ValueError,
            match="samples of Named must be different names other than 'all' and 'unlabeled'",
        ):
            GradRegLogisticRegression(None, loss=loss).fit(self.rows, self.names)

    def test_a_sample_without_weight_is_refused(self):
        with pytest.raises(
            ValueError, match="every row of the sample 'first' has a weight of zero"
        ):
            GradRegLogisticRegression(None, loss=MeanDifference(), class_weight={"first": 0}).fit(
                self.rows, self.names
            )

    def test_other_than_two_classes_are_refused_and_so_are_numbers(self):
        with pytest.raises(
            ValueError, match="MeanDifference compares samples, so y must say for each row in which"
        ):
            GradRegMLPClassifier(loss=MeanDifference(), penalty=None).fit(
                X, np.eye(3, dtype=int)[Y]
            )
        with pytest.raises(
            ValueError,
            match=r"MeanDifference compares the samples first, second, so y must have 2 classes",
        ):
            GradRegMLPClassifier(loss=MeanDifference(), penalty=None).fit(X, Y)
        with pytest.raises(
            ValueError,
            match="MeanDifference compares samples, which y names: use it with a classifier",
        ):
            GradRegMLPRegressor(loss=MeanDifference(), penalty=None).fit(X, Y)


def test_a_classifier_that_stands_for_another_is_certified_as_that_one():
    model = Chosen(GradRegLogisticRegression(max_iter=500)).fit(X, Y)
    np.testing.assert_array_equal(certified_radius(model, X), certified_radius(model.estimator_, X))
