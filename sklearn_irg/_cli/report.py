"""Report on one HTML page, for readers who did not run the sweep."""

import platform
from importlib.metadata import version
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sklearn_irg._cli import figures
from sklearn_irg._cli.analysis import CANDIDATES
from sklearn_irg._cli.formatting import STAR, decision_sentence, headings, remarks, table_rows
from sklearn_irg._cli.scores import SCORINGS
from sklearn_irg._cli.writing import short, visible

__all__ = ["report"]

_PACKAGES = (
    "sklearn_irg",
    "scikit-learn",
    "numpy",
    "scipy",
    "autograd",
    "pandas",
    "skrub",
    "matplotlib",
)


def report(sweep, decision, findings, *, name, command, note=""):
    """Page of the report as a string; without findings, where nothing was chosen.

    Parameters
    ----------
    sweep : Sweep
        Finished sweep.
    decision : Decision
        Decision of this sweep.
    findings : Findings or None
        About the chosen model.
    name : str
        Name of the table.
    command : str
        Command that runs the sweep again.
    note : str
        Guesses with which the file was read.

    Returns
    -------
    page : str
        HTML without references to other files.
    """
    drawn = [figures.cost(sweep, decision, name) if sweep.by_penalty() else None]
    if findings is not None:
        drawn += [
            figures.curves(findings, sweep),
            figures.sensitivity(findings),
            figures.swaps(findings),
            figures.calibration(findings),
        ]
    X, y = sweep.table.X, sweep.table.y
    template = files("sklearn_irg._cli").joinpath("report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_printable)
    environment.filters["short"] = short
    return environment.from_string(template).render(
        title=f"{short(name)}: how robust, at what cost",
        subtitle=f"{len(y)} rows, {X.shape[1]} columns in use, target "
        f"{short(sweep.table.target.name)}: "
        f"{sweep.table.target.note}." + (f" Read with {note}." if note else ""),
        decision=decision_sentence(sweep, decision),
        remarks=remarks(sweep, decision),
        measures=headings(sweep),
        models=table_rows(sweep, decision),
        about_measures=_about_measures(sweep),
        figures=drawn,
        nearest=None if findings is None else findings.nearest,
        norm=sweep.threat.norm,
        n_candidates=CANDIDATES,
        columns=sweep.table.columns,
        command=command,
        versions=f"Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
        + f"; seed {sweep.seed}.",
    )


def _printable(value):
    """Value as the page shows it; markup stays as it is."""
    return value if isinstance(value, Markup) else visible(value)


def _about_measures(sweep):
    n, accuracy = sweep.threat.n_swaps, SCORINGS[sweep.scoring].accuracy
    swaps = (
        ""
        if not n
        else ", and one category may change"
        if n == 1
        else f", and {n} categories may change"
    )
    still = [name for name in sweep.threat.fixed if name not in sweep.table.names("date")]
    fixed = f" {', '.join(still)} never move{'s' * (len(still) == 1)}." if still else ""
    return (
        f"Means over {sweep.cv} folds ± standard errors. Attacked: {accuracy} when the numbers of "
        f"a row may move by {sweep.threat.epsilon:g} standard deviations in all "
        f"({sweep.threat.norm}), within the range of the table, integers by integers{swaps}; "
        f"exact, or an upper bound from an attack.{fixed} Certified: a lower bound that no attack "
        "can go below, where one is known. Seconds are those of one fit."
        + (
            f" {STAR}."
            if any(row.candidate.is_trained_against_threat for row in sweep.rows)
            else ""
        )
    )
