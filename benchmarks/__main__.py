"""Speed of the engine: all comparisons in turns, in one table of peers' times over ours.

    python -m benchmarks [--quick] [--json FILE] [--rounds 15] [group ...]

Ratios are medians over rounds with their smallest and largest; above one we are faster. A peer that
is not installed is reported as missing.
"""

import argparse
import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from math import isnan

from benchmarks import fits, paths, steps, sweeps, threats, trees
from benchmarks.race import race

GROUPS = {
    "steps": steps.penalized_steps,
    "penalties": steps.other_penalties,
    "relative": steps.relative_to_input_gradient,
    "fits": fits.networks,
    "linear": fits.linear_models,
    "search": fits.searches,
    "paths": paths.against_cold_fits,
    "sweeps": sweeps.against_the_first_release,
    "threats": threats.evaluations,
}
TREES = ("trees", "veritas")  # one run for both, with tables of its own
PACKAGES = ("numpy", "scipy", "scikit-learn", "autograd", "torch", "jax", "skorch")
PACKAGES += ("xgboost", "xgboost-cpu", "lightgbm", "dtai-veritas")


def machine():
    """Versions and hardware that the numbers depend on."""

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
    names = [*GROUPS, *TREES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "groups", nargs="*", metavar="group", help=f"of {', '.join(names)}; all unless named"
    )
    parser.add_argument("--quick", action="store_true", help="some sizes, five rounds")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--mnist", metavar="FILE", help="mnist.npz, for paths; scikit-learn's digits without it"
    )
    parser.add_argument(
        "--census",
        metavar="FILE",
        help="the census table as CSV, for trees, and for sweeps, which are left out without it",
    )
    parser.add_argument("--pima", metavar="FILE", help="the table of diabetes as CSV, for trees")
    parser.add_argument(
        "--tables",
        nargs="+",
        default=(),
        metavar="START",
        help="some tables of trees, by their names",
    )
    parser.add_argument(
        "--program", metavar="DIR", help="source of an earlier state (e9014e6), for trees"
    )
    parser.add_argument(
        "--release", metavar="DIR", help="source of the first release (c52ab98), for sweeps"
    )
    parser.add_argument("--json", metavar="FILE", help="also write all numbers there")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.groups) - set(names))
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; the groups are {', '.join(names)}")
    files = {
        "paths": {"mnist": arguments.mnist},
        "sweeps": {"table": arguments.census, "release": arguments.release},
    }
    n_rounds = 5 if arguments.quick else arguments.rounds
    print("; ".join(f"{name} {value}" for name, value in machine().items()))
    groups = arguments.groups or names
    found, of_trees = [], None
    contests = [group for group in groups if group in GROUPS]
    if contests:
        print(
            f"{'work':60} {'ours, ms':>9}  {'peer':14} {'peer / ours':>11}  "
            f"{'smallest to largest':20} {'target':>6}"
        )
    for group in contests:
        for contest in GROUPS[group](arguments.quick, **files.get(group, {})):
            for ratio in race(contest, n_rounds):
                found.append(asdict(ratio) | {"group": group})
                print(_line(ratio), flush=True)
    if set(groups) & set(TREES):
        peers = {"census": arguments.census, "pima": arguments.pima, "program": arguments.program}
        of_trees = trees.report(groups, arguments.quick, names=arguments.tables, **peers)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), "ratios": found, "trees": of_trees}, file, indent=1)


def _line(ratio):
    start = f"{ratio.work:60} {ratio.milliseconds:9.2f}  {ratio.peer:14}"
    if isnan(ratio.median):
        return f"{start} {'missing':>11}"
    spread = f"{ratio.low:.2f} to {ratio.high:.2f}"
    reached = (
        ""
        if ratio.target is None
        else f"{ratio.target:6.2f}{'' if ratio.median >= ratio.target else ' missed'}"
    )
    return f"{start} {ratio.median:11.2f}  {spread:20} {reached}"


if __name__ == "__main__":
    main()
