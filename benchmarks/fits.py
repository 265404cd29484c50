"""Whole fits and searches against scikit-learn's and skorch's.

With the same weight decay and the same rule to stop by; without penalty ours and scikit-learn's
compute the same.
"""

from functools import partial

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

import sklearn_irg
from benchmarks.race import Contest
from benchmarks.workers import run_python

ALPHA = 0.01
ALPHAS = (0.001, 0.01, 0.1, 1.0)
NINE = np.logspace(-3, 1, 9)


# -- tables ----------------------------------------------------------------------------------------


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def digits():
    X, y = load_digits(return_X_y=True)
    return scale(X), y


def generated(n, d, n_classes=2):
    """Table of scikit-learn's generator, scaled."""
    X, y = make_classification(n, d, n_informative=min(d, 20), n_classes=n_classes, random_state=0)
    return scale(X), y


def sparse(n=100_000, d=10_000, n_classes=2):
    """A CSR table with ten entries a row, and classes that depend on them."""
    rng = np.random.RandomState(0)  # scipy's own generator takes eight gigabytes for this table
    columns, starts = rng.randint(d, size=10 * n), np.arange(0, 10 * n + 1, 10)
    X = csr_array((rng.uniform(size=10 * n), columns, starts), shape=(n, d))
    weights = rng.standard_normal(d)
    return X, (X @ weights > 0).astype(int)


# -- the contests ----------------------------------------------------------------------------------


def networks(quick=False):
    """Five epochs of an MLP, with the penalty and without, against scikit-learn's without."""
    options = {"max_iter": 5, "random_state": 0}
    tables = {
        "breast cancer, 100 units": (breast_cancer, (100,)),
        "digits, 100 units": (digits, (100,)),
        "20000 × 50, 100 units": (partial(generated, 20_000, 50), (100,)),
        "6000 × 784, 256-256 units, 10 classes": (partial(generated, 6000, 784, 10), (256, 256)),
    }
    for name, (table, units) in list(tables.items())[: 2 if quick else None]:
        theirs = {"scikit-learn": partial(fit, table, MLPClassifier(units, **options))}
        network = partial(ours, table, "GradRegMLPClassifier", hidden_layer_sizes=units, **options)
        penalized = partial(network, penalty="input_gradient", alpha=ALPHA)
        target = 1.1 if units == (256, 256) else 1.0
        yield Contest(
            f"{name}, penalized", penalized, theirs, {"scikit-learn": target}, baseline=penalized
        )
        plain = partial(network, alpha=0)
        yield Contest(f"{name}, alpha = 0", plain, theirs, {"scikit-learn": 0.7}, baseline=plain)


def linear_models(quick=False):
    """Logistic regression, and the time of an import."""
    theirs = LogisticRegression(max_iter=1000)
    yield from _small_logistic(theirs)
    n = 40_000 if quick else 400_000
    tables = {
        f"logistic, {n} × 50, penalized": (partial(generated, n, 50), 0.6, 16),
        "logistic, 1e6 × 50, penalized": (partial(generated, 1_000_000, 50), 0.8, None),
        "logistic, CSR 1e5 × 1e4, penalized": (sparse, 0.8, None),
    }
    for name, (table, target, most_memory) in list(tables.items())[: 1 if quick else None]:
        penalized = _logistic(table, alpha=ALPHA)
        yield Contest(
            name,
            penalized,
            {"scikit-learn": partial(fit, table, theirs)},
            {"scikit-learn": target},
            baseline=penalized,
            most_memory=most_memory,
        )
    first = partial(imports, "from sklearn_irg import GradRegMLPClassifier")
    yield Contest(
        "import of a first estimator",
        first,
        {"scikit-learn": partial(imports, "import sklearn.neural_network, autograd.numpy")},
        {"scikit-learn": 1.15},
        baseline=first,
    )


def _logistic(table, **parameters):
    return partial(ours, table, "GradRegLogisticRegression", max_iter=1000, **parameters)


def _small_logistic(theirs):
    peers = {"scikit-learn": partial(fit, breast_cancer, theirs)}
    penalized = _logistic(breast_cancer, alpha=ALPHA)
    plain = _logistic(breast_cancer, alpha=0)
    for name, way, target in (("penalized", penalized, 1.0), ("alpha = 0", plain, 1.2)):
        yield Contest(
            f"logistic, 569 × 30, {name}", way, peers, {"scikit-learn": target}, baseline=way
        )
    yield Contest(
        "logistic, 569 × 30, penalized, newton-cholesky",
        _logistic(breast_cancer, alpha=ALPHA, solver="newton-cholesky"),
        peers | {"lbfgs": penalized},
        baseline=penalized,  # which has no such solver
    )


def searches(quick=False):
    """Searches over the strength of the penalty.

    Against torch behind skorch, against a grid search of scikit-learn's logistic regression, and
    against as many fits of its MLP.
    """
    epochs = 5 if quick else 20
    grid = partial(our_search, epochs)
    yield Contest(
        f"search over 4 strengths, digits, 100 units, {epochs} epochs",
        grid,
        {"skorch": partial(skorch_search, epochs)},
        baseline=grid,
    )
    logistic = partial(ours, breast_cancer, "GradRegLogisticRegressionCV", alphas=NINE, cv=5)
    over_C = GridSearchCV(LogisticRegression(max_iter=1000), {"C": NINE}, cv=5)
    yield Contest(
        "logistic CV, 9 strengths × 5 folds, 569 × 30",
        logistic,
        {"scikit-learn": partial(fit, breast_cancer, over_C)},
        {"scikit-learn": 0.6},
        baseline=logistic,
    )
    yield _network_search(5 if quick else 50)


def _network_search(epochs):
    """Nine strengths in five folds, for a number of epochs."""
    table = partial(generated, 2000, 30)
    options = {
        "hidden_layer_sizes": (50,),
        "max_iter": epochs,
        "tol": 0,
        "n_iter_no_change": epochs,
        "random_state": 0,
    }
    search = partial(ours, table, "GradRegMLPClassifierCV", alphas=NINE, cv=5, **options)
    return Contest(
        f"MLP CV, 9 strengths × 5 folds, 2000 × 30, 50 units, {epochs} epochs",
        search,
        {"45 sklearn fits": partial(fits_in_folds, table, MLPClassifier(**options))},
        {"45 sklearn fits": 0.6},
        baseline=search,
    )


# -- the ways --------------------------------------------------------------------------------------


def ours(table, name, **parameters):
    """Fit an estimator of this package, by its name."""
    return fit(table, getattr(sklearn_irg, name)(**parameters))


def fit(table, model):
    """Fit a model to a table."""
    X, y = table()

    def run():
        model.fit(X, y)

    return run


def fits_in_folds(table, model):
    """Fit a model with nine strengths of weight decay, each in five folds."""
    X, y = table()

    def run():
        for train, _ in StratifiedKFold(5).split(X, y):
            for alpha in NINE:
                clone(model).set_params(alpha=alpha).fit(X[train], y[train])

    return run


def imports(statement):
    """Run a statement in a new interpreter."""

    def run():
        run_python("-c", statement)

    return run


def our_search(epochs):
    """By this package."""
    model = sklearn_irg.GradRegMLPClassifier(
        (100,), penalty="input_gradient", max_iter=epochs, tol=0, random_state=0
    )
    return fit(digits, GridSearchCV(model, {"alpha": ALPHAS}, cv=3))


def skorch_search(epochs):
    """By torch behind skorch."""
    import torch
    from skorch import NeuralNetClassifier

    class Penalized(NeuralNetClassifier):
        def __init__(self, *args, alpha=0.0, **kwargs):
            self.alpha = alpha
            super().__init__(*args, **kwargs)

        def get_loss(self, y_pred, y_true, X=None, training=False):
            loss = super().get_loss(y_pred, y_true, X=X, training=training)
            if not training:
                return loss
            (g,) = torch.autograd.grad(loss * len(X), X, create_graph=True)
            return loss + self.alpha * g.square().sum(dim=1).mean()

        def train_step_single(self, batch, **fit_params):
            X, y = batch
            return super().train_step_single((X.requires_grad_(), y), **fit_params)

    class Perceptron(torch.nn.Sequential):
        def __init__(self):
            super().__init__(torch.nn.Linear(64, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))

    model = Penalized(
        Perceptron,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=200,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    X, y = digits()
    X, y = X.astype(np.float32), y.astype(np.int64)

    def run():
        GridSearchCV(model, {"alpha": ALPHAS}, cv=3).fit(X, y)

    return run
