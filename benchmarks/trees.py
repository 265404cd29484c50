"""Time of exact answers for forests and boosting, compared with an earlier program and Veritas.

    python -m benchmarks trees veritas [--quick] [--census FILE] [--pima FILE] [--program DIR]
        [--tables START ...]
    python -m benchmarks.trees FILE ...

The second gives one summary of what several runs, each of some tables, wrote with --json.

A decision is whether a row is misclassified or certified at a radius, where about half of the rows
are misclassified. All answers are for the same rows and from one run, those of peers in turns with
ours. Times are of the CPU, since cores are shared.
"""

import contextlib
import json
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone

from benchmarks.tree_calls import calls, memory
from benchmarks.tree_cases import NORMS, Case, models, tables
from benchmarks.tree_peers import Program, Veritas
from benchmarks.tree_summary import summary

N_ROWS = 50
N_ROUNDS = 3
LIMIT = 10.0  # seconds for a row alone, as for the others
ROWS_OF_PROGRAM = 6
_LONG = 1.0  # seconds, beyond which a round is not repeated
_ROWS_OF_DISTANCE = 1  # of them, for which we find the distance, too
_MOST_OF_PROGRAM = 15.0  # seconds of a case, after which it is asked about no more rows
_HAS_PROGRAM = ("GradientBoosting 100×3", "RandomForest 100×8")
_DIFFERENCES = ("differences", "program_differences")
_COLUMNS = {
    "table": "{table}",
    "model": "{kind}",
    "norm": "{norm}",
    "radius": "{radius:.2f}",
    "stand": "{stand:.2f}",
    "open": "{open}",
    "ms a row": "{row_ms:.2f}",
    "with tables": "{new_ms:.2f}",
    "slowest alone, s": "{slowest:.2f}",
    "Veritas, ms": "{veritas_ms:.2f}",
    "program, ms": "{program_ms:.0f}",
}


def report(groups, quick=False, *, names=(), census=None, pima=None, program=None):
    """Print everything, and give it as a dict of lists."""
    warnings.simplefilter("ignore")
    chosen = tables(quick, census, pima, names)
    print(f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}", flush=True)
    found = {"cases": [], "calls": [], "memory": []}
    with contextlib.suppress(KeyboardInterrupt):  # ends it early, with what there is
        found["calls"] += calls(chosen) if "trees" in groups else []
        for case in cases(quick, NORMS if "trees" in groups else NORMS[:1], chosen):
            found["cases"].append(
                measured(case, "veritas" in groups, program if "trees" in groups else None)
            )
            print(_line(found["cases"][-1]), flush=True)
        if "trees" in groups:
            found["memory"] += memory(quick, chosen)
    print("\n" + summary(**found), flush=True)
    wrong = [text for case in found["cases"] for key in _DIFFERENCES for text in case.get(key, [])]
    print("\n".join(["", *(f"differs: {text}" for text in wrong)]))
    return found


def cases(quick, norms, chosen):
    """Every table and model in one norm after the other."""
    fitted = []
    for table in chosen:
        for kind, model in models(quick).items():
            if model is None:
                print(f"{kind}: the library is not installed")
            else:
                fitted.append((table, kind, table.fitted(clone(model))))
    for norm in norms:
        for table, kind, model in fitted:
            yield Case(table, kind, model, norm, 10 if quick else N_ROWS)


def _line(found):
    empty = {"veritas_ms": np.nan, "program_ms": np.nan}
    cells = [form.format(**empty | found) for form in _COLUMNS.values()]
    return f"| {' | '.join('' if cell == 'nan' else cell for cell in cells)} |"


def seconds(work):
    """Return value of some work, and its CPU seconds."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def measured(case, veritas, program):
    """The numbers of a case."""
    found = {"table": case.table.name, "kind": case.kind, "norm": case.norm, "radius": case.radius}
    has_box = veritas and case.norm == "linf" and not case.table.n_swaps
    found |= _rounds(case, _veritas(case) if has_box else None)
    found |= _alone(case)
    if program and case.kind in _HAS_PROGRAM and not case.table.n_swaps:
        found |= _beside_program(case, program, found["row_ms"])
    return found


def _veritas(case):
    with contextlib.suppress(ModuleNotFoundError):
        return Veritas(case)
    return None


def _rounds(case, veritas):
    """Decisions of all rows at once, ours and those of Veritas in turns."""
    ours, new, theirs, (n_rows, long) = [], [], [], (len(case.problem), False)
    while len(ours) < N_ROUNDS and not long:
        best = case.best()
        (misclassified, certified), spent = seconds(lambda best=best: case.decide(best))
        ours.append(spent)
        long = spent > _LONG
        new.append(seconds(case.with_new_tables)[1] + spent)
        if veritas is not None:
            (others, decided), spent = seconds(veritas.decide)
            long |= spent > _LONG
            theirs.append(spent)
    found = {
        "n_rows": n_rows,
        "stand": float(certified.mean()),
        "open": int((~misclassified & ~certified).sum()),
    }
    found |= {"row_ms": _milliseconds(ours, n_rows), "new_ms": _milliseconds(new, n_rows)}
    if veritas is None:
        return found
    both = decided & (misclassified | certified)
    found["differences"] = [
        f"{case.name}, row {i}, Veritas" for i in np.flatnonzero((others != misclassified) & both)
    ]
    found |= {"veritas_ms": _milliseconds(theirs, n_rows), "veritas_open": int((~decided).sum())}
    return found | {"compared": int(both.sum())}


def _milliseconds(times, n_rows):
    return float(1e3 * np.median(times) / n_rows)


class _TooLongError(Exception):
    """A row has taken all the time that it was given."""


@contextlib.contextmanager
def _limit(cpu_seconds):
    """Raise an error in the code inside after so many seconds of CPU."""

    def stop(*_):
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def alone(case, i):
    """CPU seconds that one row takes with as many nodes as it needs; infinite beyond the limit."""
    best = case.best([i])
    start = time.process_time()
    try:
        with _limit(LIMIT):
            misclassified, certified = case.decide(best, max_nodes=10**9)
        return time.process_time() - start if (misclassified | certified).all() else np.inf
    except _TooLongError:
        return np.inf


def _alone(case):
    times = np.array([alone(case, i) for i in range(len(case.problem))])
    return {"alone": times.tolist(), "slowest": float(times.max())}


def _beside_program(case, directory, row_ms):
    """Distances by the program, in turns with our decision and distance of the same row."""
    program = Program(directory, case)
    theirs, ours, distances, differences, n_open, start = [], [], [], [], 0, time.perf_counter()
    for i in range(min(ROWS_OF_PROGRAM, len(case.problem))):
        if time.perf_counter() - start > _MOST_OF_PROGRAM:
            break
        low, high, spent = program.distance(case.row(i))
        theirs.append(spent)
        n_open += high - low > 1e-6 * high
        ours.append(alone(case, i))
        ends = (0.0, np.inf)
        if i < _ROWS_OF_DISTANCE:
            ends, spent = _distance(case, i)
            distances.append(spent)
        differences += _differences(case, i, (low, high), ends)
    program.close()
    found = {
        "program_ms": float(1e3 * np.median(theirs)),
        "program": theirs,
        "program_open": int(n_open),
    }
    found |= {"program_alone": ours, "program_distance": distances, "program_rows": row_ms / 1e3}
    return found | {"program_differences": differences}


def _distance(case, i):
    """Both ends of the distance of a row as far as they are found in time, and CPU seconds."""
    with contextlib.suppress(_TooLongError), _limit(LIMIT):
        return seconds(lambda: case.distance(i))
    return (0.0, np.inf), LIMIT


def _differences(case, i, theirs, ours):
    """Contradictions between our distance, that of the program, and our decision.

    Distances have to agree as far as they are known, and the decision has to be on their side.
    """
    best = case.best([i])
    misclassified, certified = case.decide(best)
    share = 1 + 1e-5
    wrong = {
        "distances": ours[0] > theirs[1] * share or theirs[0] > ours[1] * share,
        "falls, but not for the program": misclassified[0] and theirs[0] > case.radius * share,
        "certified, but not for the program": certified[0] and theirs[1] * share < case.radius,
    }
    return [
        f"{case.name}, row {i}, {what}: {theirs}, {ours}" for what, is_so in wrong.items() if is_so
    ]


if __name__ == "__main__":
    runs = [json.loads(Path(path).read_text(encoding="utf-8"))["trees"] for path in sys.argv[1:]]
    print(summary(**{key: [entry for run in runs for entry in run[key]] for key in runs[0]}))
