"""Command line: ``sklearn-irg``, or ``python -m sklearn_irg``."""

import argparse
import sys

from sklearn_irg import __version__

_PENALTIES = (
    "input_gradient, spectral_norm, adversarial_loss, certified_loss, jacobian, weight_decay"
)


def _number(low, text, *, is_low_allowed=False, kind=float, what="a positive number"):
    try:
        value = kind(text)
    except ValueError:
        value = float("nan")
    if not (low < value < float("inf") or (is_low_allowed and value == low)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _positive(text):
    return _number(0, text)


def _alphas(text):
    return [
        _number(0, part, is_low_allowed=True, what="a number that is not negative")
        for part in text.split(",")
    ]


def _folds(text):
    return _number(
        2, text, is_low_allowed=True, kind=int, what="an integer number of folds, 2 or more"
    )


def _count(text):
    return _number(0, text, is_low_allowed=True, kind=int, what="an integer >= 0")


class _UsageError(Exception):
    """Error in the options, as a message."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise _UsageError(f"{message}; see {self.prog} --help")


def _parser():
    parser = _Parser(prog="sklearn-irg", description="Robust and smooth classifiers for tables.")
    parser.add_argument("--version", action="version", version=f"sklearn-irg {__version__}")
    commands = parser.add_subparsers(metavar="command", dest="command")
    command = commands.add_parser(
        "sweep",
        help="compare penalties on a table, decide, and write a report",
        description="Cross-validate penalties over a grid of strengths on a table, and compare "
        "them with a majority-class baseline, the unpenalized model, and gradient boosting, plain "
        "and hardened against the threat. Select the most robust penalized model within one "
        "standard error of the best, and write sweep.csv, sweep.png and report.html.",
    )
    add = command.add_argument
    add(
        "table",
        nargs="?",
        metavar="TABLE",
        help="CSV or Parquet file (default: scikit-learn's breast-cancer table)",
    )
    add(
        "--header",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether the first line of a CSV file holds the column names (default: auto, which "
        "raises an error for a first line that looks like a row)",
    )
    add("--target", metavar="COL", help="column of classes (default: the last)")
    add(
        "--drop", metavar="COL", action="append", default=[], help="column to leave out; repeatable"
    )
    add(
        "--keep",
        metavar="COL",
        action="append",
        default=[],
        help="column to keep that looks like an id; repeatable",
    )
    add(
        "--estimator",
        choices=("logistic", "mlp"),
        default="logistic",
        help="logistic regression or MLP (default: logistic)",
    )
    add(
        "--penalty",
        metavar="NAME",
        action="append",
        help=f"such as {_PENALTIES}; adversarial_loss and certified_loss train against the threat; "
        "repeatable (default: input_gradient and adversarial_loss)",
    )
    add(
        "--alphas",
        type=_alphas,
        metavar="A,B,...",
        help="strengths (default: nine from 0.001 to 10)",
    )
    add("--cv", type=_folds, default=5, metavar="N", help="folds (default: 5)")
    add(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="processes, -1 for one per core (default: 1)",
    )
    add(
        "--dask",
        metavar="ADDRESS",
        help="run the fits on the workers of this dask scheduler, such as tcp://10.0.0.1:8786; "
        "local starts one here",
    )
    add(
        "--scoring",
        choices=("accuracy", "balanced_accuracy", "log_loss", "roc_auc"),
        default="accuracy",
        help="score by which models are compared (default: accuracy)",
    )
    add(
        "--epsilon",
        type=_positive,
        default=0.5,
        metavar="E",
        help="radius of the change of the numbers, in standard deviations (default: 0.5)",
    )
    add(
        "--norm",
        choices=("l2", "linf", "l1"),
        default="l2",
        help="norm of that change (default: l2)",
    )
    add(
        "--swaps",
        type=_count,
        default=0,
        metavar="N",
        help="number of categories of a row that may change (default: 0)",
    )
    add(
        "--fixed",
        metavar="COL",
        action="append",
        default=[],
        help="column that does not change; repeatable",
    )
    add(
        "--rounds",
        type=_count,
        metavar="N",
        help="rounds in which boosting is hardened, 0 for none (default: 4 for up to 2000 rows of "
        "two classes, fewer of more; none beyond)",
    )
    add(
        "--seed",
        type=_count,
        default=0,
        metavar="N",
        help="seed of folds, fits and attacks (default: 0)",
    )
    add("--output", default=".", metavar="DIR", help="folder for the results (default: .)")
    add(
        "--save-model",
        action="store_true",
        help="also fit the chosen model on all rows and write model.skops",
    )
    return parser


def main(argv=None):
    """Run a command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except _UsageError as error:
        from sklearn_irg._text import visible

        print(f"error: {visible(error)}", file=sys.stderr)
        return 2
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        from sklearn_irg._cli.run import run_sweep

        return run_sweep(arguments, argv)
    except ModuleNotFoundError as error:
        print(
            f'error: the command line needs {error.name}, as in pip install "sklearn_irg[cli]"',
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:  # before or between what `run_sweep` looks after
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
