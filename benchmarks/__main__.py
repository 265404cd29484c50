"""Where the engine stands: every comparison in turns, one table of peers' times over ours.

    python -m benchmarks [--quick] [--json FILE] [--rounds 15] [group ...]

Ratios are medians over rounds with their smallest and largest; above one we are faster. A peer that is not installed is
reported as missing.
"""

import argparse
import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from math import isnan

from benchmarks import fits, paths, steps, sweeps
from benchmarks.race import race

GROUPS = {
    "steps": steps.penalised_steps,
    "penalties": steps.other_penalties,
    "relative": steps.beside_input_gradient,
    "fits": fits.networks,
    "linear": fits.linear_models,
    "search": fits.searches,
    "paths": paths.against_cold_fits,
    "sweeps": sweeps.against_the_first_release,
}
PACKAGES = ("numpy", "scipy", "scikit-learn", "autograd", "torch", "jax", "skorch")


def machine():
    """What the numbers depend on."""

    def installed(package):
        try:
            return version(package)
        except PackageNotFoundError:
            return "missing"

    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: installed(package) for package in PACKAGES},
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all unless named")
    parser.add_argument("--quick", action="store_true", help="some sizes, five rounds")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--mnist", metavar="FILE", help="mnist.npz, for paths; scikit-learn's digits without it")
    parser.add_argument(
        "--census", metavar="FILE", help="the census table as CSV, for sweeps, which are left out without it"
    )
    parser.add_argument("--release", metavar="DIR", help="source of the first release (c52ab98), for sweeps")
    parser.add_argument("--json", metavar="FILE", help="also write all numbers there")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.groups) - set(GROUPS))
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; the groups are {', '.join(GROUPS)}")
    files = {
        "paths": {"mnist": arguments.mnist},
        "sweeps": {"table": arguments.census, "release": arguments.release},
    }
    n_rounds = 5 if arguments.quick else arguments.rounds
    print("; ".join(f"{name} {value}" for name, value in machine().items()))
    print(f"{'work':60} {'ours, ms':>9}  {'peer':14} {'peer / ours':>11}  {'smallest to largest':20} {'target':>6}")
    found = []
    for group in arguments.groups or GROUPS:
        for contest in GROUPS[group](arguments.quick, **files.get(group, {})):
            for ratio in race(contest, n_rounds):
                found.append(asdict(ratio) | {"group": group})
                print(_line(ratio), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), "ratios": found}, file, indent=1)


def _line(ratio):
    start = f"{ratio.work:60} {ratio.milliseconds:9.2f}  {ratio.peer:14}"
    if isnan(ratio.median):
        return f"{start} {'missing':>11}"
    spread = f"{ratio.low:.2f} to {ratio.high:.2f}"
    reached = "" if ratio.target is None else f"{ratio.target:6.2f}{'' if ratio.median >= ratio.target else ' missed'}"
    return f"{start} {ratio.median:11.2f}  {spread:20} {reached}"


if __name__ == "__main__":
    main()
