"""Cost of a finite difference along the gradient compared with the exact penalty.

    python -m benchmarks.finite_difference [--rounds 15]

It is not cheaper, so that the package has no such penalty. The finite-difference penalty is ((ℓ(x +
h g) - ℓ(x)) / h)² with g the unit gradient held constant, as one would write it as a custom
penalty. Prints the time of one step with it over that of one with `InputGradient`, medians of
rounds.
"""

import argparse
import time
from functools import partial

import numpy as np

from benchmarks.steps import SHAPES, objective_of, problem
from sklearn_irg._engine.autodiff import stop_gradient
from sklearn_irg._engine.sensitivity import normalized_rows
from sklearn_irg.penalties import InputGradient, SamplePenalty


class FiniteDifferenceGradient(SamplePenalty):
    def __init__(self, h=0.01):
        self.h = h

    def values(self, step):
        # by the forward pass that exists already, as a constant
        forward = stop_gradient(step.forward)
        _, residual = step.likelihood.loss_and_residual(forward[-1], step.targets)
        direction = normalized_rows(
            step.network.pull_back(stop_gradient(step.theta), forward, residual)
        )
        moved = step.likelihood.evaluate(
            step.forward_at(step.X + self.h * direction)[-1], step.targets
        )[0]
        slope = (moved - step.losses) * (1 / self.h)
        return slope * slope


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{'layers × rows':>24} {'exact ms':>9} {'finite difference / exact':>26}")
    for shape in SHAPES:
        network, X, Y, theta = problem(shape, np.float64, "relu")
        steps = []
        for penalty in (InputGradient(), FiniteDifferenceGradient()):
            objective = objective_of(network, X, Y, penalty)
            steps.append(partial(objective.value_and_grad, theta, objective.full_batch()))
            steps[-1]()
        times = np.empty((arguments.rounds, 2))
        for row in times:
            for i, step in enumerate(steps):
                start = time.perf_counter()
                for _ in range(5):
                    step()
                row[i] = (time.perf_counter() - start) / 5
        ratio = np.median(times[:, 1] / times[:, 0])
        print(
            f"{'-'.join(map(str, shape[0])) + f' × {shape[1]}':>24} "
            f"{np.median(times[:, 0]) * 1e3:9.3f} {ratio:26.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
