"""Value and gradient of one penalized step in this package, nested autograd, torch and jax.

All compute the same gradient, which is checked first. A lower bound, the floor, is the step's
matrix products alone, in arrays that exist already, through the Gram matrix of the first layer
where that is cheaper.
"""

import time
from functools import partial

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, grad

from benchmarks.race import Contest
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.losses import NegativeLogLikelihood
from sklearn_irg.penalties import (
    AdversarialLoss,
    InputGradient,
    Jacobian,
    LipschitzGradient,
    RightReasons,
    VirtualAdversarial,
)

ALPHA = 0.1
SHAPES = [  # layer sizes, rows
    ((20, 100, 2), 200),
    ((50, 100, 100, 2), 200),
    ((784, 256, 256, 10), 200),
    ((30, 100, 2), 5000),
    ((784, 100, 10), 10000),
]
SMALL = ((50, 100, 100, 3), 200)
TEN_OUTPUTS = ((784, 256, 128, 10), 200)


def problem(shape, dtype, activation="relu"):
    """Network, inputs, encoded targets and parameters, the same in each process."""
    (d, *hidden, k), n = shape
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    y = rng.randint(k, size=n)
    k_out, likelihood = (1, Bernoulli()) if k == 2 else (k, Categorical())
    Y = (y[:, None] if k == 2 else np.eye(k)[y]).astype(dtype)
    network = Network((d, *hidden, k_out), ACTIVATIONS[activation], likelihood)
    return network, X, Y, network.initialize(rng, dtype)


def entries(shape, dtype):
    """Zeros and ones for each entry of X, as annotations are."""
    (d, *_), n = shape
    return np.random.RandomState(1).uniform(size=(n, d)).astype(dtype) < 0.3


def objective_of(network, X, Y, penalty, mask=None, **options):
    """The objective of one step."""
    terms = [(1.0, NegativeLogLikelihood()), (ALPHA, penalty)]
    return Objective(network, Rows(X, Y, mask=mask), terms, **options)


# -- the contests ----------------------------------------------------------------------------------


def named(shape, dtype, *more):
    """Name of a contest."""
    sizes, n = shape
    return ", ".join([f"{'-'.join(map(str, sizes))} × {n}", np.dtype(dtype).name, *more])


def penalized_steps(quick=False):
    """The squared input gradient, at five shapes, in two precisions, with two activations."""
    for shape in SHAPES[:3] if quick else SHAPES:
        for dtype in (np.float32, np.float64):
            for activation in ("relu",) if quick else ("relu", "tanh"):
                of = (shape, dtype, activation)
                is_large = shape[0] == (784, 256, 256, 10) or shape[1] > 200
                yield Contest(
                    named(shape, dtype, activation),
                    partial(ours, of, "input_gradient"),
                    {
                        "nested": partial(nested, of),
                        "torch": partial(torch_eager, of, "input_gradient"),
                        "jax.jit": partial(jax_jit, of),
                        "floor": partial(floor, of),
                    },
                    {
                        "torch": 1 / 1.1,
                        "jax.jit": 1.25 if shape[0] == (20, 100, 2) else 1.0,
                        "floor": 1 / (0.85 if is_large else 0.7),
                    },
                    baseline=partial(before, of, "input_gradient"),
                    tolerance=1e-4 if dtype == np.float32 else 1e-9,
                )


def other_penalties(quick=False):
    """Penalties that torch users would write by hand."""
    for shape in [((30, 50, 50, 3), 200)] if quick else [((30, 50, 50, 3), 200), TEN_OUTPUTS]:
        for name in HAND_WRITTEN:
            of = (shape, np.float64)
            yield Contest(
                named(shape, np.float64, name),
                partial(ours, of, name),
                {"torch": partial(torch_eager, of, name)},
                {"torch": 1.0},
                baseline=partial(before, of, name),
                tolerance=None if name == "virtual_adversarial" else 1e-9,
            )


def relative_to_input_gradient(quick=False):
    """Penalties that need many steps elsewhere, against a step with the squared input gradient."""
    del quick
    for dtype in (np.float32, np.float64):
        once = "SpectralNormalization, 1 iteration"
        yield _beside((SMALL, dtype), 1.5, once, constraint=once)
        exact = "SpectralNormalization"
        yield _beside((TEN_OUTPUTS, dtype), 1.5, exact, constraint=exact)
        yield _beside((TEN_OUTPUTS, dtype), 3.0, "LipschitzGradient", penalty="lipschitz_gradient")


def _beside(of, target, name, penalty="input_gradient", constraint=None):
    return Contest(
        named(*of, name),
        partial(ours, of, penalty, constraint),
        {"InputGradient": partial(ours, of, "input_gradient")},
        {"InputGradient": target},
        baseline=partial(before, of, penalty, constraint),
    )


# made in each process: objects of another state of the package may have other parameters
PENALTIES = {
    "input_gradient": InputGradient(),
    "input_gradient_l1": InputGradient("l1"),
    "input_gradient_masked": InputGradient(),
    "right_reasons": RightReasons(),
    "jacobian": Jacobian(),
    "lipschitz_gradient": LipschitzGradient(),
    "adversarial_loss": AdversarialLoss(),
    "virtual_adversarial": VirtualAdversarial(),
}
HAND_WRITTEN = [name for name in PENALTIES if name != "input_gradient"]
TAKE_MASKS = ("input_gradient_masked", "right_reasons")
CONSTRAINTS = {
    None: None,
    "SpectralNormalization": SpectralNormalization(),
    "SpectralNormalization, 1 iteration": SpectralNormalization(n_iterations=1),
}


# -- the ways --------------------------------------------------------------------------------------


def ours(of, penalty, constraint=None):
    """Step of this package."""
    objective, theta = _problem_of(of, penalty, parametrization=CONSTRAINTS[constraint])
    batch, random_state = objective.full_batch(), np.random.RandomState(0)
    return lambda: objective.value_and_grad(theta, batch, random_state)[1]


def before(of, penalty, constraint=None):
    """Step of this package at d92f4dd, where two names were others."""
    objective, theta = _problem_of(of, penalty, parametrisation=CONSTRAINTS[constraint])
    batch, random_state = objective.everything(), np.random.RandomState(0)
    return lambda: objective.value_and_grad(theta, batch, random_state)[1]


def _problem_of(of, penalty, **options):
    """Objective with a penalty, by its name, and parameters."""
    network, X, Y, theta = problem(*of)
    mask = entries(*of[:2]) if penalty in TAKE_MASKS else None
    return objective_of(network, X, Y, PENALTIES[penalty], mask, **options), theta


def nested(of):
    """Step of nested autograd."""
    network, X, Y, theta = problem(*of)
    phi = {"relu": lambda z: anp.maximum(z, 0), "tanh": anp.tanh}[network.activation.sklearn_name]

    def losses(X, layers):
        for i, (W, b) in enumerate(layers):
            X = anp.dot(X, W) + b
            if i < len(layers) - 1:
                X = phi(X)
        if not network.likelihood.is_categorical:
            return anp.sum(anp.logaddexp(0, X) - Y * X, axis=1)
        top = anp.max(X, axis=1, keepdims=True)
        return (top + anp.log(anp.sum(anp.exp(X - top), axis=1, keepdims=True)))[:, 0] - anp.sum(
            X * Y, axis=1
        )

    input_gradients = elementwise_grad(losses)

    def objective(layers):
        return anp.mean(losses(X, layers)) + ALPHA * anp.mean(
            anp.sum(input_gradients(X, layers) ** 2, axis=1)
        )

    layers, gradient = network.unpack(theta), grad(objective)
    return lambda: np.concatenate([g.ravel() for pair in gradient(layers) for g in pair])


def jax_objective(network, alpha, l2=0.0):
    """The objective of a step, as a function of layers, inputs and targets of jax."""
    import jax
    import jax.numpy as jnp

    phi = {"relu": jax.nn.relu, "tanh": jnp.tanh}[network.activation.sklearn_name]

    def loss(layers, x, y):
        for W, b in layers[:-1]:
            x = phi(x @ W + b)
        z = x @ layers[-1][0] + layers[-1][1]
        if not network.likelihood.is_categorical:
            return jnp.sum(jax.nn.softplus(z) - y * z)
        return jax.nn.logsumexp(z, axis=1).sum() - jnp.sum(z * y)

    def objective(layers, X, Y):
        value, input_gradients = jax.value_and_grad(loss, argnums=1)(layers, X, Y)
        decay = l2 / 2 * sum(jnp.sum(W**2) for W, _ in layers) if l2 else 0.0
        return (value + alpha * jnp.sum(input_gradients**2) + decay) / len(X)

    return objective


def jax_jit(of):
    """Compiled step of jax."""
    import jax

    jax.config.update("jax_enable_x64", True)
    network, X, Y, theta = problem(*of)
    gradient = jax.jit(jax.value_and_grad(jax_objective(network, ALPHA)))
    layers = jax.device_put([tuple(pair) for pair in network.unpack(theta)])
    X, Y = jax.device_put((X, Y))

    def run():
        value, gradients = gradient(layers, X, Y)
        float(value)
        return np.concatenate([np.asarray(g).ravel() for pair in gradients for g in pair])

    return run


def torch_eager(of, penalty):
    """Step of torch with double backpropagation."""
    import torch

    network, X, Y, theta = problem(*of)
    layers = [
        (torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True))
        for W, b in network.unpack(theta)
    ]
    parameters = [p for pair in layers for p in pair]
    phi = {"relu": torch.relu, "tanh": torch.tanh}[network.activation.sklearn_name]
    mask = torch.tensor(entries(*of[:2]).astype(X.dtype))
    X, Y = torch.tensor(X, requires_grad=True), torch.tensor(Y)

    def outputs(A):
        for i, (W, b) in enumerate(layers):
            A = torch.addmm(b, A, W)
            if i < len(layers) - 1:
                A = phi(A)
        return A

    def loss(Z):
        if not network.likelihood.is_categorical:
            return torch.nn.functional.binary_cross_entropy_with_logits(Z, Y, reduction="sum")
        return torch.nn.functional.cross_entropy(Z, Y, reduction="sum")

    def gradients(value, create_graph=True):
        return torch.autograd.grad(value, X, create_graph=create_graph, retain_graph=True)[0]

    def jacobian_norms(Z):
        eye = torch.eye(Z.shape[1], dtype=Z.dtype)[:, None].expand(-1, len(Z), -1)
        (J,) = torch.autograd.grad(Z, X, grad_outputs=eye, is_grads_batched=True, create_graph=True)
        return J.square().sum(dim=(0, 2))

    def virtual(Z, xi=0.01, epsilon=1.0):
        p = torch.softmax(Z.detach(), 1)
        d = torch.nn.functional.normalize(torch.randn_like(X))
        moved = (X.detach() + xi * d).requires_grad_()
        divergence = torch.nn.functional.kl_div(
            torch.log_softmax(outputs(moved), 1), p, reduction="sum"
        )
        (d,) = torch.autograd.grad(divergence, moved)
        moved = X.detach() + epsilon * torch.nn.functional.normalize(d)
        return torch.nn.functional.kl_div(torch.log_softmax(outputs(moved), 1), p, reduction="sum")

    def adversarial(value, epsilon=0.1):
        g = gradients(value, create_graph=False)
        return loss(outputs((X + epsilon * torch.nn.functional.normalize(g)).detach()))

    of_outputs = {
        "input_gradient": lambda Z, value: gradients(value).square().sum(),
        "input_gradient_l1": lambda Z, value: gradients(value).abs().sum(),
        "input_gradient_masked": lambda Z, value: (gradients(value) * mask).square().sum(),
        "right_reasons": lambda Z, value: (
            (gradients(torch.log_softmax(Z, 1).sum()) * mask).square().sum()
        ),
        "jacobian": lambda Z, value: jacobian_norms(Z).sum(),
        "lipschitz_gradient": lambda Z, value: (
            torch.relu(jacobian_norms(Z).sqrt() - 1).square().sum()
        ),
        "adversarial_loss": lambda Z, value: adversarial(value),
        "virtual_adversarial": lambda Z, value: virtual(Z),
    }[penalty]

    def run():
        Z = outputs(X)
        value = loss(Z)
        total = (value + ALPHA * of_outputs(Z, value)) / len(X)
        total.item()
        return np.concatenate([p.numpy().ravel() for p in torch.autograd.grad(total, parameters)])

    return run


def floor(of):
    """The matrix products of a step with the squared input gradient, and nothing else."""
    network, X, _, theta = problem(*of)
    rng, n, sizes = np.random.RandomState(0), len(X), network.layer_sizes
    weights = [W for W, _ in network.unpack(theta)]
    A = [X, *(rng.standard_normal((n, size)).astype(X.dtype) for size in sizes[1:])]
    to_rows, to_weights = [np.empty_like(a) for a in A], [np.empty_like(W) for W in weights]
    W, D = weights[0], A[1]
    gram, scaled = np.empty((sizes[1], sizes[1]), X.dtype), np.empty_like(D)

    def around():
        for l, V in enumerate(weights):  # forward
            np.matmul(A[l], V, out=to_rows[l + 1])
        for _ in range(2):  # the input gradient; the loss and what the penalty sends back
            for l in range(len(weights) - 1, 0, -1):
                np.matmul(A[l + 1], weights[l].T, out=to_rows[l])
        for l in range(1, len(weights)):  # the tangent pass
            np.matmul(A[l], weights[l], out=to_rows[l + 1])
            np.matmul(A[l].T, A[l + 1], out=to_weights[l])
        for l in range(len(weights)):
            np.matmul(A[l].T, A[l + 1], out=to_weights[l])

    def through_gram():
        around()
        np.matmul(W.T, W, out=gram)
        np.matmul(D, gram, out=scaled)
        np.matmul(W, np.matmul(D.T, scaled, out=gram), out=to_weights[0])

    def directly():
        around()
        product = np.matmul(D, W.T, out=to_rows[0])
        np.matmul(product.T, D, out=to_weights[0])
        np.matmul(product, W, out=scaled)

    def seconds(run):
        start = time.perf_counter()
        for _ in range(5):
            run()
        return time.perf_counter() - start

    for run in (through_gram, directly):
        run()
    best = min((through_gram, directly), key=seconds)

    def run():
        best()

    return run
