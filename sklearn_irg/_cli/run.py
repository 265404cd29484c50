"""The command ``sweep``, from a file to a folder."""

import sys
import time
import warnings
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from threadpoolctl import threadpool_limits

from sklearn_irg._cli import figures
from sklearn_irg._cli.analysis import find
from sklearn_irg._cli.candidates import pipeline_of, untrained
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.formatting import as_csv, as_text, decision_sentence, remarks
from sklearn_irg._cli.reading import TableError, read
from sklearn_irg._cli.report import report
from sklearn_irg._cli.scores import Decision, decide
from sklearn_irg._cli.sweep import ALPHAS, Sweep
from sklearn_irg._cli.workers import on_cluster
from sklearn_irg._cli.writing import check_writable, quoted, say, short, write
from sklearn_irg.penalties import check_penalty

__all__ = ["run_sweep"]

FILES = ("sweep.csv", "sweep.png", "report.html")
MODEL = "model.skops"


def run_sweep(arguments, argv):
    """Run the command; return the exit status: 0, 2 for user errors, 130 if interrupted."""
    # boosting on several threads takes many times as long as on one where another program uses a
    # core
    with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
        warnings.simplefilter("ignore")  # those that matter are printed as remarks
        return _run_sweep(arguments, argv)


def _run_sweep(arguments, argv):
    status, sweep = 0, None
    try:
        sweep, name, note = _begin(arguments)
        with on_cluster(arguments.dask, arguments.jobs) as sweep.n_jobs:
            sweep.run()
    except KeyboardInterrupt:
        status = 130
        n_done = "nothing" if sweep is None else f"{sweep.n_done} of {sweep.n_planned} fits"
        say(f"interrupted: {n_done} done", sys.stderr)
    except Exception as error:  # in the table or the options, or in a fit: finished models stay
        if sweep is None and not isinstance(error, (ValueError, TypeError)):
            raise
        status = _failed(error)
    if sweep is None or not sweep.rows:
        return status
    decision = decide(sweep.rows, sweep.scoring) if sweep.is_finished else Decision(None, None)
    _print_results(sweep, decision)
    contents = _contents(sweep, decision, arguments, quoted(["sklearn-irg", *argv]), name, note)
    written = []
    try:
        for file, content in contents:
            say(f"wrote {write(arguments.output, file, content)}")
            written.append(file)
    except TableError as error:
        return _failed(error)
    except KeyboardInterrupt:
        say("interrupted: the files named above are whole, the others were not written", sys.stderr)
        return 130
    finally:
        for file in (*FILES, MODEL):
            if file not in written and (Path(arguments.output) / file).exists():
                say(f"{Path(arguments.output) / file} is of an earlier run", sys.stderr)
    return status


def _begin(arguments):
    """Read the table and plan the sweep, so that errors are found before the first fit."""
    if arguments.table is None:
        frame, name, note = load_breast_cancer(as_frame=True).frame, "breast_cancer", ""
        frame["target"] = load_breast_cancer().target_names[frame["target"]]
    else:
        name = Path(arguments.table).name
        frame, note = read(arguments.table, arguments.header)
    for penalty in arguments.penalty or ():
        _check_penalty(penalty)
    table = prepare(
        frame,
        arguments.target,
        arguments.drop,
        arguments.keep,
        fixed=arguments.fixed,
        n_folds=arguments.cv,
    )
    check_writable(arguments.output, [*FILES, *([MODEL] if arguments.save_model else [])])
    sweep = Sweep(
        table,
        arguments.estimator,
        arguments.penalty,
        ALPHAS if arguments.alphas is None else arguments.alphas,
        epsilon=arguments.epsilon,
        norm=arguments.norm,
        n_swaps=arguments.swaps,
        fixed=arguments.fixed,
        scoring=arguments.scoring,
        cv=arguments.cv,
        n_rounds=arguments.rounds,
        seed=arguments.seed,
        n_jobs=arguments.jobs,
        on_fit=_Progress(),
    )
    _print_table(name, note, table)
    if arguments.swaps and not sweep.threat.n_swaps:
        say("--swaps changes nothing: no category of this table may change", sys.stderr)
    return sweep, name, note


def _check_penalty(name):
    try:
        check_penalty(name)
    except ValueError:
        raise TableError(
            f"--penalty: there is none named {name!r}; see sklearn-irg sweep --help"
        ) from None


def _print_table(name, note, table):
    """Print a summary of the table, and notes on columns that the user may not expect."""
    kinds = [(len(table.names(kind)), kind) for kind in ("number", "category", "date", "dropped")]
    counts = ", ".join(f"{n} {kind}" for n, kind in kinds if n)
    say(f"{name}: {len(table.y)} rows{f', {note}' if note else ''}; columns: {counts}", sys.stderr)
    say(f"target {short(table.target.name)}: {table.target.note}", sys.stderr)
    for column in table.columns:
        if column.remark:
            say(f"  {short(column.name)}: {column.kind}, {column.note}", sys.stderr)


def _print_results(sweep, decision):
    for line in [*as_text(sweep, decision).split("\n"), "", decision_sentence(sweep, decision)]:
        say(line)
    for remark in remarks(sweep, decision):
        say(remark)


def _contents(sweep, decision, arguments, command, name, note):
    """Names and bytes of files, quickest first, each made after the one before is written."""
    yield "sweep.csv", as_csv(sweep, decision).encode()
    yield "sweep.png", figures.cost_png(sweep, decision, name)
    if not sweep.is_finished:
        return
    findings = None
    if decision.chosen is not None:
        findings = find(sweep, decision.chosen, lambda what: say(f"report: {what}", sys.stderr))
    yield (
        "report.html",
        report(sweep, decision, findings, name=name, command=command, note=note).encode(
            errors="backslashreplace"
        ),
    )
    if arguments.save_model and decision.chosen is None:
        say(f"no {MODEL}: nothing was chosen", sys.stderr)
    elif arguments.save_model:
        yield MODEL, _model(sweep, decision.chosen)


def _model(sweep, chosen):
    """Bytes of the chosen pipeline, fitted on all rows as it was in the sweep."""
    from skops.io import dumps

    return dumps(
        pipeline_of(untrained(chosen.candidate, sweep.table).fit(sweep.table.X, sweep.table.y))
    )


class _Progress:
    """Progress of a sweep: a line for each finished model, and one for finished fits.

    The latter has the remaining time at the present pace.
    """

    def __init__(self):
        self.start, self.n_rows = time.perf_counter(), 0

    def __call__(self, sweep):
        for row in sweep.rows[self.n_rows :]:
            attacked = " ".join(
                filter(None, ["attacked", sweep.attacked_measure, f"{row.mean('attacked'):.3f}"])
            )
            say(
                f"{row.candidate.name}: {sweep.measure} {row.mean('score'):.3f}, {attacked}",
                sys.stderr,
            )
        self.n_rows = len(sweep.rows)
        left = (time.perf_counter() - self.start) / sweep.n_done * (sweep.n_planned - sweep.n_done)
        say(f"{sweep.n_done}/{sweep.n_planned} fits, about {_duration(left)} left", sys.stderr)


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _failed(error):
    say(f"error: {' '.join(str(error).split())}", sys.stderr)
    return 2
