"""Growth of the cost of one evaluation of value and gradient with the size of the problem.

    python -m benchmarks.cost [--output docs/images/cost.png]

Rows, columns, units, classes and strengths grow. Times are medians of seven; memory is the peak
that NumPy asks for in the first evaluation, without X, y and the parameters. Exponents are those of
a line through the upper half of the points.
"""

import argparse
import time
import tracemalloc

import numpy as np

from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg.losses import NegativeLogLikelihood
from sklearn_irg.penalties import InputGradient

BASE = {"rows": 5000, "columns": 50, "units": 100, "classes": 2, "strengths": 1}
RANGES = {
    "rows": [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    "columns": [10, 30, 100, 300, 1000, 3000, 10_000],
    "units": [10, 30, 100, 300, 1000],
    "classes": [2, 4, 8, 16, 32, 64, 128],
    "strengths": [1, 3, 9, 27, 81],
}
MODELS = ("logistic", "MLP")
COLORS = {"logistic": "#0072B2", "MLP": "#D55E00"}


def evaluation(model, rows, columns, units, classes, strengths):
    """A function that evaluates value and gradient once."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((rows, columns))
    y = rng.randint(classes, size=rows)
    targets = y[:, None].astype(float) if classes == 2 else np.eye(classes)[y]
    hidden = (units,) if model == "MLP" else ()
    n_outputs, likelihood = (1, Bernoulli()) if classes == 2 else (classes, Categorical())
    network = Network((columns, *hidden, n_outputs), ACTIVATIONS["relu"], likelihood)
    terms = [(1.0, NegativeLogLikelihood()), (0.1, InputGradient())]
    theta = network.initialize(rng, X.dtype)
    objective = Objective(network, Rows(X, targets), terms)
    if model == "logistic" and strengths > 1:
        alphas = np.vstack([np.ones(strengths), np.geomspace(10, 0.001, strengths)])
        stack, thetas, which = (
            objective.stack(alphas),
            np.tile(theta, (strengths, 1)),
            np.arange(strengths),
        )
        return lambda: stack.values_and_gradients(thetas, which)
    batch = objective.full_batch()
    return lambda: [objective.value_and_grad(theta, batch) for _ in range(strengths)]


def cost(model, **sizes):
    """Seconds and bytes of one evaluation."""
    run = evaluation(model, **{**BASE, **sizes})
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), peak


def exponent(x, y):
    """Slope of the upper half of the points, both logarithms."""
    half = len(x) // 2
    return float(np.polyfit(np.log(x[half:]), np.log(y[half:]), 1)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="cost.png")
    output = parser.parse_args().output
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 6), layout="constrained")
    axes = figure.subplots(2, len(RANGES), sharex="col", sharey="row")
    for (what, values), (top, bottom) in zip(RANGES.items(), axes.T, strict=True):
        for model in MODELS:
            if what == "units" and model == "logistic":
                continue
            found = np.array([cost(model, **{what: value}) for value in values])
            for ax, numbers, unit, scale in (
                (top, found[:, 0], "ms", 1e3),
                (bottom, found[:, 1], "MB", 1e-6),
            ):
                slope = exponent(values, numbers)
                ax.loglog(
                    values,
                    numbers * scale,
                    "o-",
                    color=COLORS[model],
                    label=f"{model}, exponent {slope:.2f}",
                )
                points = " ".join(f"{number * scale:.3g}" for number in numbers)
                print(f"{what:10} {model:10} {unit}: {points}; exponent {slope:.2f}", flush=True)
        bottom.set_xlabel(what)
        for ax in (top, bottom):
            ax.legend(fontsize="small", loc="upper left")
            ax.grid(alpha=0.3)
    axes[0, 0].set_ylabel("time of one evaluation, ms")
    axes[1, 0].set_ylabel("memory in addition to X, y and parameters, MB")
    axes[0, 0].set_ylim(top=5e4)  # room for legends
    axes[1, 0].set_ylim(top=1e3)
    at = ", ".join(f"{value} {name}" for name, value in BASE.items() if value > 1)
    figure.suptitle(
        f"Cost of value and gradient with the squared input gradient; unless varied {at}"
    )
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()
