"""Processes that do some work each in one way, with a package, threads and libraries of their own."""

import multiprocessing
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_info

from benchmarks import SOURCE

__all__ = ["Worker", "environment", "run_python"]

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",  # the size of jax's pool of threads
)
# they may be set on a machine for the sake of old builds, and slow NumPy but not its peers
_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_MEBIBYTE = 2**20


def environment(n_threads, source=None):
    """Environment variables of a process, with None for those to unset.

    Parameters
    ----------
    n_threads : int
        Number of threads of BLAS, OpenMP, torch and jax.
    source : str, default=None
        Directory of the package, if it is not that of these scripts.
    """
    multi = "true" if n_threads > 1 else "false"
    return {
        **dict.fromkeys(_THREADS, str(n_threads)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={multi}",
        **dict.fromkeys(_UNSET),
        SOURCE: source,
    }


class Worker:
    """A process of its own that does work in one way.

    Parameters
    ----------
    way : callable
        Prepares the work, and returns a function that does it once; must pickle.
    variables : dict of str to str or None
        Changes of the environment, as `environment` returns them.

    Attributes
    ----------
    result : object
        Result of the first time; None before `start`.
    libraries : list of str
        BLAS and OpenMP libraries that the process has loaded, their kernels and threads.
    is_missing : bool
        Whether a package that the way needs is not installed.
    """

    def __init__(self, way, variables):
        context = multiprocessing.get_context("spawn")
        self.result = None
        self.libraries = []
        self.is_missing = False
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_work, args=(way, there), daemon=True)
        with _changed(variables):
            self._process.start()
        there.close()  # so that a process that fails ends the wait for its answer

    def wait(self):
        """Wait until the work was done once."""
        answer = self._pipe.recv()
        self.is_missing = answer is None
        if not self.is_missing:
            self.result, self.libraries = answer

    def seconds(self, n_times):
        """Mean time of doing the work, several times in a row."""
        return self._ask("seconds", n_times)

    def peak(self):
        """Memory that the work needs beside its data, in MiB."""
        return self._ask("peak", 1) / _MEBIBYTE

    def stop(self):
        """End the process."""
        if not self.is_missing:
            self._pipe.send(None)
        self._process.join()

    def _ask(self, *question):
        self._pipe.send(question)
        return self._pipe.recv()


@contextmanager
def _changed(variables):
    """Change the environment, and restore it."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables):
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


# -- in the process --------------------------------------------------------------------------------


def _work(way, connection):
    warnings.simplefilter("ignore")  # fits stop at a number of epochs
    try:
        run = way()
    except ModuleNotFoundError:
        connection.send(None)
        return
    connection.send((run(), _libraries()))
    measures = {"seconds": _seconds, "peak": _peak}
    while (question := connection.recv()) is not None:
        measure, n_times = question
        connection.send(measures[measure](run, n_times))


def _seconds(run, n_times):
    start = time.perf_counter()
    for _ in range(n_times):
        run()
    return (time.perf_counter() - start) / n_times


def _peak(run, n_times):
    tracemalloc.start()
    for _ in range(n_times):
        run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _libraries():
    """Libraries that are loaded, each once: name, version, kernel, threads."""
    found = [
        " ".join(
            str(library[key])
            for key in ("internal_api", "version", "architecture", "num_threads")
            if library.get(key) is not None
        )
        for library in threadpool_info()
    ]
    return sorted(set(found))


def run_python(*arguments):
    """Run a new interpreter, with the package that this process has; returns what it prints."""
    import sklearn_irg

    source = str(Path(sklearn_irg.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-P", *arguments],  # -P: no package of the working directory
        env={**os.environ, "PYTHONPATH": source},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
