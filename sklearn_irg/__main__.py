"""Command line: ``python -m sklearn_irg sweep``."""

import argparse
import os
import sys
import tempfile
import warnings

from sklearn.exceptions import ConvergenceWarning

from sklearn_irg._cli.sweep import ESTIMATORS, FILES, format_table, save, sweep
from sklearn_irg._cli.table import TableError, breast_cancer, read_csv


def _positive(text):
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise TableError(f"{message}; see {self.prog} --help")


def _parser():
    parser = _Parser(prog="python -m sklearn_irg", description="Robust, smooth, honest classifiers.")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser(
        "sweep",
        help="compare strengths of the input-gradient penalty on a table",
        description="Cross-validate strengths of the input-gradient penalty on a table: what each costs in accuracy and "
        "buys in robustness. Without a file it takes scikit-learn's breast-cancer table.",
    )
    command.add_argument("csv", nargs="?", metavar="CSV", help="table with a header; text columns are one-hot encoded")
    command.add_argument("--target", metavar="COLUMN", help="column to predict (default: the last)")
    command.add_argument(
        "--drop", metavar="COLUMN", action="append", default=[], help="column to leave out; repeatable"
    )
    command.add_argument("--estimator", choices=sorted(ESTIMATORS), default="logistic", help="(default: logistic)")
    command.add_argument(
        "--epsilon",
        type=_positive,
        default=0.5,
        metavar="E",
        help="L2 radius of the attack, standardised (default: 0.5)",
    )
    command.add_argument(
        "--output", default=".", metavar="DIR", help="where to save sweep.png and sweep.csv (default: .)"
    )
    return parser


def _progress_bar():
    """scikit-learn's progress bar, or None with a word on what it needs."""
    try:
        from sklearn.callback import ProgressBar

        return ProgressBar(max_propagation_depth=0)
    except ImportError:
        print(
            'no progress bar: it needs scikit-learn >= 1.9 and rich, as in pip install "sklearn_irg[progress]"',
            file=sys.stderr,
        )
        return None


def _run_sweep(arguments):
    if arguments.csv is None and (arguments.target or arguments.drop):
        raise TableError("--target and --drop need a CSV file")
    table = breast_cancer() if arguments.csv is None else read_csv(arguments.csv, arguments.target, arguments.drop)
    smallest = min(table.y.tolist().count(label) for label in set(table.y.tolist()))
    if smallest < 5:
        raise TableError(f"the target has a class with {smallest} rows; 5-fold cross-validation needs 5 of each")
    _check_writable(arguments.output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows = sweep(table, arguments.estimator, arguments.epsilon, callback=_progress_bar())
    print(format_table(rows, arguments.epsilon))
    print("saved " + " and ".join(save(rows, arguments.epsilon, arguments.output)))


def _check_writable(directory):
    """Find out before the search, not after it."""
    for name in FILES:
        if os.path.isdir(os.path.join(directory, name)):
            raise TableError(f"cannot write to {directory}: {name} is a directory there")
    try:
        os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise TableError(f"cannot write to {directory}: {error.strerror}") from None


def main(argv=None):
    """Run a command; returns the exit status."""
    try:
        _run_sweep(_parser().parse_args(argv))
    except TableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
