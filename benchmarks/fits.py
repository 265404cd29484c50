"""Whole fits and searches against scikit-learn's and skorch's.

With the same weight decay and the same rule to stop by; without penalty ours and scikit-learn's
compute the same.
"""

import subprocess
import sys
import warnings
from functools import partial

import numpy as np
from scipy.sparse import random as random_sparse
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from benchmarks.race import Contest
from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier

ALPHA = 0.01
ALPHAS = (0.001, 0.01, 0.1, 1.0)


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
    X = random_sparse(n, d, density=10 / d, format="csr", random_state=0)
    weights = np.random.RandomState(0).standard_normal(d)
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
        penalized = GradRegMLPClassifier(units, penalty="input_gradient", alpha=ALPHA, **options)
        target = 1 / 1.1 if units == (256, 256) else 1.0
        yield Contest(
            f"{name}, penalized", partial(fit, table, penalized), theirs, {"scikit-learn": target}
        )
        plain = GradRegMLPClassifier(units, alpha=0, **options)
        yield Contest(
            f"{name}, alpha = 0", partial(fit, table, plain), theirs, {"scikit-learn": 1 / 0.7}
        )


def linear_models(quick=False):
    """Logistic regression, and the time of an import."""
    large = {
        "logistic, 1e6 × 50, penalized": partial(generated, 1_000_000, 50),
        "logistic, CSR 1e5 × 1e4, penalized": sparse,
    }
    theirs = LogisticRegression(max_iter=1000)
    penalized = GradRegLogisticRegression(alpha=ALPHA, max_iter=1000)
    plain = GradRegLogisticRegression(alpha=0, max_iter=1000)
    for name, ours in (("penalized", penalized), ("alpha = 0", plain)):
        yield Contest(
            f"logistic, 569 × 30, {name}",
            partial(fit, breast_cancer, ours),
            {"scikit-learn": partial(fit, breast_cancer, theirs)},
            {"scikit-learn": 1 / 1.2},
        )
    for name, table in {} if quick else large.items():
        yield Contest(
            name,
            partial(fit, table, penalized),
            {"scikit-learn": partial(fit, table, theirs)},
            {"scikit-learn": 1 / 0.8},
        )
    yield Contest(
        "import of a first estimator",
        partial(imports, "from sklearn_irg import GradRegMLPClassifier"),
        {"scikit-learn": partial(imports, "import sklearn.neural_network, autograd.numpy")},
        {"scikit-learn": 1 / 1.15},
    )


def searches(quick=False):
    """A search over the strength of the penalty, three folds, against torch behind skorch."""
    epochs = 5 if quick else 20
    yield Contest(
        f"search over 4 strengths, digits, 100 units, {epochs} epochs",
        partial(our_search, epochs),
        {"skorch": partial(skorch_search, epochs)},
    )


# -- the ways --------------------------------------------------------------------------------------


def fit(table, model):
    """Fit a model to a table."""
    warnings.simplefilter("ignore")
    X, y = table()

    def run():
        model.fit(X, y)

    return run


def imports(statement):
    """Run a statement in a new interpreter."""

    def run():
        subprocess.run([sys.executable, "-c", statement], check=True)

    return run


def our_search(epochs):
    """By this package."""
    model = GradRegMLPClassifier(
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
    warnings.simplefilter("ignore")
    X, y = digits()
    X, y = X.astype(np.float32), y.astype(np.int64)

    def run():
        GridSearchCV(model, {"alpha": ALPHAS}, cv=3).fit(X, y)

    return run
