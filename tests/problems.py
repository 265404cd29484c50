"""Small problems that many tests share: tables, networks with data, and objectives over them."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale

from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import certify
from sklearn_irg._training import train
from sklearn_irg._training.data import check_data
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from tests import oracles

BINARY_X, BINARY_Y = load_breast_cancer(return_X_y=True)
BINARY_X = scale(BINARY_X)
MULTI_X, MULTI_Y = load_iris(return_X_y=True)
MULTI_X = scale(MULTI_X)
TABLES = {"binary": (BINARY_X, BINARY_Y), "multiclass": (MULTI_X, MULTI_Y)}

LIKELIHOODS = {  # and the number of outputs
    "logistic": (Bernoulli(), 1),
    "labels": (Bernoulli(), 3),
    "softmax": (Categorical(), 4),
    "identity": (Gaussian(), 2),
    "exp": (Poisson(), 2),
}


def problem(likelihood="softmax", activation="tanh", hidden=(7, 6), n_samples=20, seed=0):
    """A network, inputs, targets, parameters, and a random generator."""
    rng = np.random.RandomState(seed)
    likelihood, n_outputs = LIKELIHOODS[likelihood]
    X = rng.randn(n_samples, 5)
    Y = {
        "logistic": lambda: (rng.rand(n_samples, n_outputs) < 0.5) * 1.0,
        "softmax": lambda: np.eye(n_outputs)[rng.randint(n_outputs, size=n_samples)],
        "identity": lambda: rng.randn(n_samples, n_outputs),
        "exp": lambda: rng.poisson(1.5, (n_samples, n_outputs)) * 1.0,
    }[likelihood.out_activation]()
    network = Network((5, *hidden, n_outputs), ACTIVATIONS[activation], likelihood)
    return network, X, Y, network.initialize(rng, np.float64), rng


def make_objective(
    network,
    X,
    Y,
    penalty=None,
    alpha=1.0,
    *,
    loss=None,
    labeled=None,
    constraint=None,
    dropout=0.0,
    **options,
):
    """Mean loss + alpha · penalty over rows; ``labeled`` are booleans, options those of `Rows`."""
    loss = check_loss(loss)
    if labeled is not None:
        options["groups"] = {
            "labeled": np.flatnonzero(labeled),
            "unlabeled": np.flatnonzero(~labeled),
        }
    rows = Rows(X, loss.transform_targets(Y, network.likelihood), **options)
    penalty = check_penalty(penalty)
    terms = [] if penalty is None else [(alpha * weight, term) for weight, term in penalty.terms()]
    return Objective(
        network, rows, [(1.0, loss), *terms], parametrization=constraint, dropout=dropout
    )


def evaluate(objective, theta, seed=0):
    """Value and gradient on all rows."""
    return objective.value_and_grad(theta, objective.full_batch(), np.random.RandomState(seed))


def penalty_value(penalty, network, X, Y, theta, **options):
    """The penalty alone."""
    objective = make_objective(network, X, Y, penalty, 1.0, **options)
    return objective.value(
        theta, objective.full_batch(), np.random.RandomState(0), objective.terms[1:]
    )


def row_losses(network, theta, Y):
    """The loss of each row as a function of X, by plain formulas."""
    layers, activation = network.unpack(theta), type(network.activation).__name__.lower()
    return lambda X: oracles.losses(
        oracles.outputs(X, layers, activation), Y, network.likelihood.out_activation
    )


def outputs_of(network, theta):
    """The outputs as a function of X, by plain formulas."""
    layers, activation = network.unpack(theta), type(network.activation).__name__.lower()
    return lambda X: oracles.outputs(X, layers, activation)


def mixed_table(n_samples=120, seed=0, classes=2):
    """Frame of mixed columns, and its labels.

    Integers, numbers and categories, both with missing cells, and booleans.
    """
    rng = np.random.RandomState(seed)
    table = pd.DataFrame(
        {
            "age": rng.randint(18, 80, n_samples),
            "income": rng.lognormal(10, 1, n_samples),
            "job": rng.choice(list("abcd"), n_samples),
            "grade": pd.Categorical(rng.choice(["low", "middle", "high"], n_samples)),
            "flag": rng.rand(n_samples) < 0.5,
        }
    )
    score = (
        (table.age - 45) / 10
        + np.log(table.income / 2e4)
        + 1.5 * (table.job == "a")
        - (table.grade == "low")
    )
    table.loc[rng.rand(n_samples) < 0.1, "income"] = np.nan
    table.loc[rng.rand(n_samples) < 0.1, "job"] = None
    ranks = np.argsort(np.argsort(score + rng.standard_normal(n_samples)))
    return table, np.array(["no", "maybe", "yes"] if classes == 3 else ["no", "yes"])[
        classes * ranks // n_samples
    ]


def prepared(estimator, numbers=("age", "income", "flag"), categories=("job", "grade")):
    """A pipeline that imputes, scales and encodes such a table."""
    columns = [
        (
            "numbers",
            make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
            list(numbers),
        ),
        ("categories", OneHotEncoder(handle_unknown="ignore"), list(categories)),
    ]
    return make_pipeline(ColumnTransformer(columns), estimator)


def certified_rows(estimator, X, y, threat, radii):
    """Rows that no point gets misclassified, for each radius."""
    return certify(AttackProblem(estimator, X, y, threat), radii)[0]


def objective_of(estimator, X, y, sample_weight=None, perturbations=None):
    """The objective of a fit."""
    settings = estimator._settings()
    data = check_data(estimator, X, y, sample_weight, perturbations=perturbations)
    rows, network = data.encoded(estimator._task().first(data.y), settings)
    return train.objective_of(network, rows, settings, train.terms_of(settings, rows))
