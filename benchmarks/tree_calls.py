"""Time and memory of whole calls for boosted trees, including reading and verifying them."""

import multiprocessing
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from benchmarks.tree_cases import models
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy

_N_REPEATS = 3
_RADIUS = 0.3
_ROWS_OF_CENSUS = 200
_ROWS_IN_MEMORY = 1000


def calls(chosen):
    """Seconds of `adversarial_accuracy`, medians of three calls.

    For breast cancer, and for tables with swaps.
    """
    for table in chosen:
        if table.name == "breast cancer":
            yield from _calls_of_cancer()
        elif table.n_swaps:
            yield from _calls_with_swaps(table)


def _calls_of_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, test_size=119, random_state=0, stratify=y)
    model = HistGradientBoostingClassifier(random_state=0).fit(train, y_train)
    for norm in ("linf", "l2"):
        yield _call(
            "breast cancer",
            "HistGradientBoosting",
            model,
            test,
            y_test,
            ThreatModel(_RADIUS, norm=norm).fit(X),
        )


def _calls_with_swaps(table):
    _, rows, _, labels = table.parts
    for kind, model in models(True).items():
        model = table.fitted(clone(model))
        for norm in ("linf", "l2", "l1"):
            threat = table.threat(_RADIUS, norm)
            yield _call(
                table.name, kind, model, rows[:_ROWS_OF_CENSUS], labels[:_ROWS_OF_CENSUS], threat
            )


def _call(name, kind, model, rows, labels, threat):
    times = []
    for _ in range(_N_REPEATS):
        start = time.process_time(), time.perf_counter()
        accuracy = adversarial_accuracy(model, rows, labels, threat)
        times.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    cpu, wall = np.median(times, axis=0).tolist()
    found = {"table": name, "kind": kind, "norm": threat.norm, "n_rows": len(rows)}
    return found | {"accuracy": float(accuracy), "cpu": cpu, "wall": wall}


def memory(quick, chosen):
    """Peak growth of a process's memory in megabytes over a call with a thousand rows.

    And the seconds of the call.
    """
    for table in chosen:
        if len(table.parts[1]) < _ROWS_IN_MEMORY:
            continue
        for kind, model in models(quick).items():
            if model is not None:
                grown, cpu = _in_a_process(table.fitted(clone(model)), table, "linf")
                yield {
                    "table": table.name,
                    "kind": kind,
                    "norm": "linf",
                    "megabytes": grown,
                    "cpu": cpu,
                }


def _in_a_process(model, table, norm):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_grow, args=(there, model, table, norm)
    )
    process.start()
    there.close()
    found = here.recv()
    process.join()
    return found


def _grow(connection, model, table, norm):
    """Send the growth of peak memory over a call, and its seconds.

    A short call comes first, so that imports are not counted.
    """
    _, rows, _, labels = table.parts
    rows, labels = rows[:_ROWS_IN_MEMORY], labels[:_ROWS_IN_MEMORY]
    threat = table.threat(_RADIUS, norm)
    adversarial_accuracy(model, rows[:2], labels[:2], table.threat(1e-3, norm))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
    before, start = _megabytes("VmHWM"), time.process_time()
    adversarial_accuracy(model, rows, labels, threat)
    connection.send((_megabytes("VmHWM") - before, time.process_time() - start))


def _megabytes(name):
    """Memory of this process on Linux; `getrusage` also counts the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
