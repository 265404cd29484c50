"""Profiles of missed targets, and the gain of row blocks on two threads.

    python benchmarks/experiments/where_time_goes.py

Row blocks on two Python threads with BLAS held to one; products of nine models with one-hot rows;
parts of an evaluation of a logistic regression on 1e6 × 50; and profiles of steps. On a machine
that does nothing else.
"""

import cProfile
import pstats
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.sparse import random as random_sparse
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import steps
from sklearn_irg._engine.autodiff import Workspace
from sklearn_irg._engine.likelihoods import Bernoulli
from sklearn_irg._engine.quantities import Evaluation
from sklearn_irg.penalties import InputGradient


def milliseconds(run, n=15):
    """Median time of a call."""
    run()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def profile(name, run, n=100):
    """The functions in which a step spends its time."""
    print(f"\n{name}: {milliseconds(run, n):.2f} ms")
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(n):
        run()
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(8)


def large_logistic():
    """Parts of one evaluation on a million rows."""
    of = (((50, 2), 1_000_000), np.float64)
    _, X, Y, theta = steps.problem(*of)
    w, r = theta[:50, None].copy(), np.random.RandomState(0).standard_normal((len(X), 1))
    Z, likelihood = X @ w, Bernoulli()
    blocks = [slice(start, start + 8192) for start in range(0, len(X), 8192)]
    print(
        f"logistic, 1e6 × 50: evaluation {milliseconds(steps.ours(of, 'input_gradient'), 7):.0f} ms"
    )
    print(f"  products with X {milliseconds(lambda: X @ w) + milliseconds(lambda: X.T @ r):.0f} ms")
    losses = milliseconds(
        lambda: [likelihood.loss_and_residual(Z[block], Y[block]) for block in blocks]
    )
    print(f"  losses and residuals {losses:.0f} ms")


def one_hot():
    """Products of nine models with rows of 14 entries in 108 columns."""
    rng = np.random.RandomState(0)
    X = random_sparse(26_000, 108, density=14 / 108, format="csr", random_state=0)
    D, W, R = X.toarray(), rng.standard_normal((108, 9)), rng.standard_normal((26_000, 9))
    sparse = milliseconds(lambda: X @ W) + milliseconds(lambda: X.T @ R)
    dense = milliseconds(lambda: W.T @ D.T) + milliseconds(lambda: R.T @ D)
    print(f"products of nine models, 26000 × 108: sparse {sparse:.1f} ms, dense {dense:.1f} ms")


def two_threads(shape, dtype, activation, n_blocks=4):
    """A step as it is, and in row blocks on this thread and another."""
    network, X, Y, theta = steps.problem(shape, dtype, activation)
    objective = steps.objective_of(network, X, Y, InputGradient())
    batch, own = objective.full_batch(), threading.local()
    blocks = batch.blocks(-(-len(X) // n_blocks))

    def evaluate(block):
        own.workspace = getattr(own, "workspace", None) or Workspace()
        own.workspace.reset()
        summands = objective._summands(block, objective.terms, theta)
        evaluation = Evaluation(network, theta, block, own.workspace.allocate)
        value = sum(
            quantity.fused(evaluation, strength * factors)
            for strength, factors, quantity in summands
        )
        evaluation.finish()
        return value, evaluation.gradient

    with ThreadPoolExecutor(1) as pool:

        def in_blocks():
            todo, found = deque(enumerate(blocks)), [None] * n_blocks

            def work():
                while todo:
                    try:
                        i, block = todo.popleft()
                    except IndexError:
                        return
                    found[i] = evaluate(block)

            other = pool.submit(work)
            work()
            other.result()
            return sum(gradient for _, gradient in found)

        now = milliseconds(lambda: objective.value_and_grad(theta, batch))
        with threadpool_limits(1, user_api="blas"):
            threads = milliseconds(in_blocks)
    sizes, n = shape
    name = f"{'-'.join(map(str, sizes))} × {n}, {np.dtype(dtype).name}, {activation}"
    print(f"{name}: {now:.1f} ms, on two threads {threads:.1f} ms", flush=True)


def main():
    for shape in (
        ((30, 100, 2), 5000),
        ((30, 100, 2), 20_000),
        ((784, 256, 256, 10), 1000),
        ((784, 100, 10), 10_000),
    ):
        for dtype in (np.float32, np.float64):
            for activation in ("relu", "tanh"):
                two_threads(shape, dtype, activation)
    one_hot()
    large_logistic()
    ten = (steps.TEN_OUTPUTS, np.float64)
    profile(
        "SpectralNormalization",
        steps.ours(ten, "input_gradient", "SpectralNormalization"),
    )
    profile("the same without", steps.ours(ten, "input_gradient"))
    for activation in ("relu", "tanh"):
        of = (((784, 256, 256, 10), 200), np.float64, activation)
        profile(f"784-256-256-10, {activation}", steps.ours(of, "input_gradient"))
    print(f"its products: {milliseconds(steps.floor(of), 100):.2f} ms")


if __name__ == "__main__":
    main()
