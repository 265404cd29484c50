"""One penalised step (value and gradient of cross-entropy + squared input gradient), four ways, in one interleaved run.

    python benchmarks/step.py [--rounds 15] [--activation relu|tanh]

Compares this package with nested autograd, and with torch eager double backprop where torch is installed (the ``dev``
group). Each lives in a process of its own, since thread pools that spin would disturb each other, and they take turns.
All compute the same gradient, which is checked first. Times are medians over turns; ratios are medians of the ratios
within a round, so that a drifting machine does not bias them.
"""

import argparse
import importlib.util
import multiprocessing
import time

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, grad

from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg.losses import NegativeLogLikelihood
from sklearn_irg.penalties import InputGradient

SHAPES = [  # features, hidden units, classes, rows, hidden layers
    (20, 100, 2, 200, 1),
    (50, 100, 2, 200, 2),
    (784, 256, 10, 200, 2),
    (30, 100, 2, 5000, 1),
    (784, 100, 10, 10000, 1),
]
ALPHA = 0.1


def problem(shape, dtype, activation):
    d, h, k, n, depth = shape
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    y = rng.randint(k, size=n)
    k_out, likelihood = (1, Bernoulli()) if k == 2 else (k, Categorical())
    Y = (y[:, None] if k == 2 else np.eye(k)[y]).astype(dtype)
    network = Network((d, *[h] * depth, k_out), ACTIVATIONS[activation], likelihood)
    return network, X, Y, network.initialize(rng, dtype)


def objective_of(network, X, Y, penalty):
    return Objective(network, Rows(X, Y), [(1.0, NegativeLogLikelihood()), (ALPHA, penalty)])


def ours(network, X, Y, theta):
    objective = objective_of(network, X, Y, InputGradient())
    batch = objective.everything()
    return lambda: objective.value_and_grad(theta, batch)


def nested(network, X, Y, theta):
    phi = {"relu": lambda z: anp.maximum(z, 0), "tanh": anp.tanh}[network.activation.sklearn_name]

    def losses(X, layers):
        for i, (W, b) in enumerate(layers):
            X = anp.dot(X, W) + b
            if i < len(layers) - 1:
                X = phi(X)
        if not network.likelihood.is_categorical:
            return anp.sum(anp.logaddexp(0, X) - Y * X, axis=1)
        top = anp.max(X, axis=1, keepdims=True)
        return (top + anp.log(anp.sum(anp.exp(X - top), axis=1, keepdims=True)))[:, 0] - anp.sum(X * Y, axis=1)

    input_gradients = elementwise_grad(losses)

    def objective(layers):
        return anp.mean(losses(X, layers)) + ALPHA * anp.mean(anp.sum(input_gradients(X, layers) ** 2, axis=1))

    layers, gradient = network.unpack(theta), grad(objective)
    return lambda: (None, np.concatenate([g.ravel() for pair in gradient(layers) for g in pair]))


def torch_eager(network, X, Y, theta):
    import torch

    layers = [
        (torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)) for W, b in network.unpack(theta)
    ]
    parameters = [p for pair in layers for p in pair]
    phi = {"relu": torch.relu, "tanh": torch.tanh}[network.activation.sklearn_name]
    X, Y = torch.tensor(X, requires_grad=True), torch.tensor(Y)

    def run():
        A = X
        for i, (W, b) in enumerate(layers):
            A = torch.addmm(b, A, W)
            if i < len(layers) - 1:
                A = phi(A)
        if not network.likelihood.is_categorical:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(A, Y, reduction="sum")
        else:
            loss = torch.nn.functional.cross_entropy(A, Y, reduction="sum")
        (input_gradient,) = torch.autograd.grad(loss, X, create_graph=True)
        total = (loss + ALPHA * input_gradient.square().sum()) / len(X)
        return total.item(), torch.autograd.grad(total, parameters)

    return lambda: (lambda v, g: (v, np.concatenate([p.numpy().ravel() for p in g])))(*run())


WAYS = {"ours": ours, "nested": nested, "torch": torch_eager}


def worker(name, data, connection):
    step = WAYS[name](*data)
    connection.send(step()[1])
    while (n_steps := connection.recv()) is not None:
        start = time.perf_counter()
        for _ in range(n_steps):
            step()
        connection.send((time.perf_counter() - start) / n_steps)


def race(names, data, n_rounds):
    """Seconds per step of each way, shape (n_rounds, n_ways)."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in names]
    processes = [
        context.Process(target=worker, args=(name, data, there), daemon=True)
        for name, (_, there) in zip(names, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    gradients = [here.recv() for here, _ in pipes]
    tolerance = 1e-4 if data[1].dtype == np.float32 else 1e-9
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_allclose(gradient, gradients[0], rtol=1e-3, atol=tolerance, err_msg=name)

    def turn(pipe, n_steps):
        time.sleep(0.15)  # let the previous one's threads stop spinning
        pipe[0].send(n_steps)
        return pipe[0].recv()

    n_steps = [max(2, int(0.05 / turn(pipe, 3))) for pipe in pipes]  # turns of about 50 ms
    times = np.array([[turn(pipe, n) for pipe, n in zip(pipes, n_steps, strict=True)] for _ in range(n_rounds)])
    for (here, _), process in zip(pipes, processes, strict=True):
        here.send(None)
        process.join()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    arguments = parser.parse_args()
    names = [name for name in WAYS if name != "torch" or importlib.util.find_spec("torch")]
    print(
        f"{'d, h, k, n, layers':>24} {'dtype':>8} {'ours ms':>9} " + " ".join(f"{w + '/ours':>12}" for w in names[1:])
    )
    for shape in SHAPES:
        for dtype in (np.float32, np.float64):
            times = race(names, problem(shape, dtype, arguments.activation), arguments.rounds)
            ratios = np.median(times[:, 1:] / times[:, :1], axis=0)
            print(
                f"{str(shape)[1:-1]:>24} {np.dtype(dtype).name:>8} {np.median(times[:, 0]) * 1e3:9.3f} "
                + " ".join(f"{ratio:12.2f}" for ratio in ratios),
                flush=True,
            )


if __name__ == "__main__":
    main()
