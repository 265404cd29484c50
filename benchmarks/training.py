"""Fits of MLPs for a number of epochs, beside loops that one would write in torch and in jax.

All do as many steps of Adam on minibatches of as many rows, with the same weight decay.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from sklearn.neural_network import MLPClassifier

import sklearn_irg
from benchmarks.fits import ALPHA
from benchmarks.race import Contest
from benchmarks.steps import jax_objective, named, problem

BATCH = 200
L2 = 1e-4
RATE = 0.001
BETAS = (0.9, 0.999)
EPSILON = 1e-8
# sizes, rows and epochs; targets: penalized beside scikit-learn and beside torch
MINIBATCHES = {
    (((20, 100, 3), 1000), 100): (0.9, 0.45),
    (((50, 100, 100, 3), 1000), 60): (0.9, 0.35),
    (((784, 256, 256, 10), 2000), 4): (1.2, 0.6),
}
PLAIN = 0.6
# one batch of all rows in each epoch: sizes, rows, epochs and activations; target beside jax
ONE_BATCH = {
    (((20, 100, 2), 200), 200, ("relu", "tanh")): 1.25,
    (((50, 100, 100, 2), 200), 200, ("relu", "tanh")): 0.85,
    (((784, 256, 10), 200), 50, ("relu", "tanh")): 0.8,
    (((30, 100, 2), 5000), 30, ("tanh",)): 1.0,
}


def options(n_epochs, **others):
    """Parameters of MLPs, ours and scikit-learn's, that stop by the number of epochs only."""
    stop = {"max_iter": n_epochs, "tol": 0, "n_iter_no_change": n_epochs + 1}
    return {"batch_size": BATCH, "random_state": 0, **stop, **others}


def table(shape, dtype):
    """Inputs, and classes at random."""
    _, X, Y, _ = problem(shape, dtype)
    return X, Y.argmax(axis=1) if Y.shape[1] > 1 else Y[:, 0].astype(int)


# -- the contests ----------------------------------------------------------------------------------


def beside_loops_of_torch(quick=False):
    """In minibatches, against scikit-learn's without penalty and torch's with the same one."""
    for (shape, n_epochs), (beside_sklearn, beside_torch) in MINIBATCHES.items():
        of = (shape, np.float64)
        n = 2 if quick else n_epochs
        name = f"MLP fit, {named(*of)}, {n} epochs"
        theirs = partial(sklearn_fit, of, n)
        penalized = partial(fit, of, n, alpha=ALPHA)
        yield Contest(
            f"{name}, penalized",
            penalized,
            {"scikit-learn": theirs, "torch": partial(torch_fit, of, n)},
            {"scikit-learn": beside_sklearn, "torch": beside_torch},
            baseline=penalized,
            tolerance=1e-3,
            relative=0.0,
        )
        plain = partial(fit, of, n, alpha=0)
        yield Contest(
            f"{name}, alpha = 0",
            plain,
            {"scikit-learn": partial(theirs, compares=True)},
            {"scikit-learn": PLAIN},
            baseline=plain,
            tolerance=1e-3,
            relative=0.0,
        )


def beside_loops_of_jax(quick=False):
    """All rows in each step, penalized, against a compiled step of jax in a loop."""
    for (shape, n_epochs, activations), target in ONE_BATCH.items():
        n = n_epochs // 10 if quick else n_epochs
        for dtype in (np.float32, np.float64):
            for activation in activations:
                of = (shape, dtype, activation)
                ours = partial(fit, of, n, alpha=ALPHA, batch_size=shape[1], shuffle=False)
                yield Contest(
                    f"MLP fit, {named(*of)}, {n} steps",
                    ours,
                    {"jax.jit": partial(jax_fit, of, n)},
                    {"jax.jit": target},
                    baseline=ours,
                    tolerance=1e-3,
                    relative=0.0,
                )


# -- the ways --------------------------------------------------------------------------------------


def fit(of, n_epochs, **parameters):
    """Of this package, through the public estimator."""
    shape, dtype, *activation = of
    model = sklearn_irg.GradRegMLPClassifier(
        shape[0][1:-1], *activation, penalty="input_gradient", **options(n_epochs, **parameters)
    )
    X, y = table(shape, dtype)
    return lambda: model.fit(X, y).loss_


def sklearn_fit(of, n_epochs, compares=False):
    """Of scikit-learn, without penalty; its loss is to be compared, or not."""
    shape, dtype = of
    model = MLPClassifier(shape[0][1:-1], **options(n_epochs))
    X, y = table(shape, dtype)

    def run():
        model.fit(X, y)
        return model.loss_ if compares else None

    return run


def torch_fit(of, n_epochs):
    """Of torch, with double backpropagation."""
    import torch

    (sizes, n), _ = of
    X, y = map(torch.tensor, table(*of))
    loss_of = torch.nn.CrossEntropyLoss(reduction="sum")

    def perceptron():
        layers = []
        for below, above in pairwise(sizes):
            layers += [torch.nn.Linear(below, above, dtype=X.dtype), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def run():
        torch.manual_seed(0)
        network = perceptron()
        adam = torch.optim.Adam(network.parameters(), RATE, BETAS, EPSILON, L2 / BATCH)
        for _ in range(n_epochs):
            total = 0.0
            for rows in torch.randperm(n).split(BATCH):
                x = X[rows].requires_grad_()
                loss = loss_of(network(x), y[rows])
                (g,) = torch.autograd.grad(loss, x, create_graph=True)
                objective = (loss + ALPHA * g.square().sum()) / len(rows)
                adam.zero_grad()
                objective.backward()
                adam.step()
                total += objective.item() * len(rows)

    return run


def jax_fit(of, n_epochs):
    """Of jax, one compiled step of Adam after another."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    network, X, Y, _ = problem(*of)
    gradient = jax.value_and_grad(jax_objective(network, ALPHA, L2))
    X, Y = jax.device_put((X, Y))
    start = network.unpack(network.initialize(np.random.RandomState(0), X.dtype))

    @jax.jit
    def step(layers, means, squares, size, X, Y):
        value, gradients = gradient(layers, X, Y)
        means = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, means, gradients)
        squares = jax.tree.map(
            lambda s, g: BETAS[1] * s + (1 - BETAS[1]) * g**2, squares, gradients
        )
        layers = jax.tree.map(
            lambda p, m, s: p - size * m / (jnp.sqrt(s) + EPSILON), layers, means, squares
        )
        return value, layers, means, squares

    def run():
        layers = jax.device_put([tuple(pair) for pair in start])
        means = squares = jax.tree.map(jnp.zeros_like, layers)
        for t in range(1, n_epochs + 1):
            size = RATE * np.sqrt(1 - BETAS[1] ** t) / (1 - BETAS[0] ** t)
            value, layers, means, squares = step(layers, means, squares, X.dtype.type(size), X, Y)
            loss = float(value)
        return loss

    return run
