"""Speed of the engine: all comparisons in turns, in one table of our times over those of peers.

    python -m benchmarks [--quick] [--rounds 15] [--threads 1 2] [--baseline DIR] [--json FILE]
                         [group ...]

Ratios are medians over rounds with their smallest and largest; below one we are faster. A peer that
is not installed is reported as missing. "before" is the ratio of an earlier state, d92f4dd, to the
same peer in the same run. Targets are for one thread.
"""

import argparse
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from pathlib import Path

from benchmarks import commands, fits, paths, steps, sweeps, threats, training, trees
from benchmarks.race import BASELINE, race

GROUPS = {
    "steps": steps.penalized_steps,
    "penalties": steps.other_penalties,
    "relative": steps.relative_to_input_gradient,
    "fits": fits.networks,
    "training": training.beside_loops_of_torch,
    "estimators": training.beside_loops_of_jax,
    "linear": fits.linear_models,
    "search": fits.searches,
    "paths": paths.against_cold_fits,
    "commands": commands.sweeps,
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
    arguments = _arguments()
    print("; ".join(f"{name} {value}" for name, value in machine().items()))
    groups = arguments.groups or [*GROUPS, *TREES]
    results = _raced([group for group in groups if group in GROUPS], arguments)
    of_trees = None
    if set(groups) & set(TREES):
        peers = {
            "census": arguments.census,
            "pima": arguments.pima,
            "program": arguments.program,
        }
        of_trees = trees.report(groups, arguments.quick, names=arguments.tables, **peers)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), **results, "trees": of_trees}, file, indent=1)


def _arguments():
    names = [*GROUPS, *TREES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "groups", nargs="*", metavar="group", help=f"of {', '.join(names)}; all unless named"
    )
    parser.add_argument("--quick", action="store_true", help="some sizes, five rounds")
    parser.add_argument("--rounds", type=int, help="15, or 5 with --quick, unless given")
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=[1, 2],
        metavar="N",
        help="numbers of threads of BLAS, OpenMP, torch and jax: each contest once with each; "
        "default 1 2",
    )
    parser.add_argument(
        "--baseline",
        type=os.path.abspath,
        metavar="DIR",
        help=f"source of an earlier state ({BASELINE}), which takes part in each contest; missing "
        "without",
    )
    parser.add_argument(
        "--mnist", metavar="FILE", help="mnist.npz, for paths; scikit-learn's digits without it"
    )
    parser.add_argument(
        "--census",
        metavar="FILE",
        help="the census table as CSV, for trees, and for commands and sweeps, which leave it out "
        "without",
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
    if arguments.baseline and not (Path(arguments.baseline) / "sklearn_irg").is_dir():
        parser.error(f"--baseline: there is no sklearn_irg in {arguments.baseline}")
    return arguments


def _raced(groups, arguments):
    """Ratios, memory and libraries of all contests of some groups, printed on the way."""
    files = {
        "paths": {"mnist": arguments.mnist},
        "commands": {"census": arguments.census},
        "sweeps": {"table": arguments.census, "release": arguments.release},
    }
    n_rounds = arguments.rounds or (5 if arguments.quick else 15)
    found = {"ratios": [], "memory": [], "libraries": []}
    print_libraries = _Libraries()
    if groups:
        print(HEADINGS)
    for group in groups:
        for contest in GROUPS[group](arguments.quick, **files.get(group, {})):
            for n_threads in arguments.threads:
                result = race(contest, n_rounds, n_threads, arguments.baseline)
                print_libraries(result.libraries, n_threads)
                place = {"group": group}
                found["ratios"] += [asdict(ratio) | place for ratio in result.ratios]
                found["libraries"].append(
                    place | {"work": contest.work, "n_threads": n_threads, "of": result.libraries}
                )
                for ratio in result.ratios:
                    print(_line(ratio), flush=True)
                if result.memory is not None:
                    found["memory"].append(asdict(result.memory) | place)
                    print(_memory_line(result.memory), flush=True)
    return found


HEADINGS = (
    f"{'work':64} {'threads':>7} {'ours, ms':>9}  {'peer':15} {'ours / peer':>11}  "
    f"{'smallest to largest':20} {'before':>7}  {'target':>6}"
)


def _line(ratio):
    start = f"{ratio.work:64} {ratio.n_threads:7} {ratio.milliseconds:9.2f}  {ratio.peer:15}"
    if isnan(ratio.median):
        return f"{start} {'missing':>11}"
    spread = f"{ratio.low:.2f} to {ratio.high:.2f}"
    before = "" if ratio.peer == BASELINE or isnan(ratio.before) else f"{ratio.before:.2f}"
    target = "" if ratio.target is None else f"≤ {ratio.target:.2f}{_verdict(ratio)}"
    return f"{start} {ratio.median:11.2f}  {spread:20} {before:>7}  {target}".rstrip()


def _memory_line(memory):
    ours, *others = (f"{name} {size:.1f}" for name, size in memory.mebibytes.items())
    return (
        f"{memory.work + ', memory beside its data, MiB':64} {memory.n_threads:7} {ours}, target "
        f"≤ {memory.target:g}{_verdict(memory)}; {', '.join(others)}"
    )


def _verdict(measured):
    return " missed" if measured.is_missed else ""


class _Libraries:
    """Prints libraries of processes, each line when it is first seen."""

    def __init__(self):
        self._seen = set()

    def __call__(self, libraries, n_threads):
        by_libraries = {}
        for name, of_process in libraries.items():
            by_libraries.setdefault("; ".join(of_process) or "none found", []).append(name)
        for of_process, names in by_libraries.items():
            new = [name for name in names if (name, n_threads, of_process) not in self._seen]
            self._seen |= {(name, n_threads, of_process) for name in new}
            if new:
                print(
                    f"-- BLAS and OpenMP of {', '.join(new)} (name, version, kernel, threads): "
                    f"{of_process}"
                )


if __name__ == "__main__":
    main()
