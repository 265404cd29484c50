"""The command ``sklearn-irg sweep``, from a table to a report, as it is and as it was."""

import csv
import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.race import BASELINE, Contest
from benchmarks.workers import run_python

COMMAND = """
import sys
from sklearn_irg.__main__ import main
from sklearn_irg._cli import sweep
sweep._EXTENSIONS = 0
sys.exit(main())
"""  # grids are not extended and nothing is hardened, so that both states fit the same models
PENALTY = ("--penalty", "input_gradient")
WITHOUT_HARDENING = ("--rounds", "0")  # which d92f4dd does not have
QUICK = ("--cv", "2", "--alphas", "0.1,1")


def sweeps(quick=False, *, census=None):
    """On breast cancer, which the command has, and on the census table, of both estimators.

    Accuracies of the same models are compared: those of networks may differ by some rows.
    """
    yield _contest("breast cancer, logistic", (), 0.25, 0.001, quick)
    if census is not None:
        for kind, difference in (("logistic", 0.001), ("mlp", 0.01)):
            table = (census, "--target", "income", "--estimator", kind)
            yield _contest(f"{os.path.basename(census)}, {kind}", table, 0.4, difference, quick)


def _contest(name, arguments, target, difference, quick):
    arguments = (*arguments, *PENALTY, *(QUICK if quick else ()))
    return Contest(
        f"sklearn-irg sweep, {name}",
        partial(sweep, (*arguments, *WITHOUT_HARDENING)),
        {},
        {BASELINE: target},
        baseline=partial(sweep, arguments),
        tolerance=difference,
        relative=0.0,
        most_rounds=3,
    )


def sweep(arguments):
    """Run the command; gives the accuracies of all models."""

    def run():
        with TemporaryDirectory() as folder:
            run_python("-c", COMMAND, "sweep", *arguments, "--output", folder)
            with open(Path(folder) / "sweep.csv", encoding="utf-8", newline="") as file:
                return np.array([float(row["accuracy"]) for row in csv.DictReader(file)])

    return run
