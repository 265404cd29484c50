"""Ways to do the same work, timed in turns: A, B, A, B, …, each in a process of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.workers import Worker, environment

__all__ = ["BASELINE", "Contest", "Memory", "Ratio", "Result", "race"]

BASELINE = "d92f4dd"  # the earlier state, with which all work is compared
_TURN = 0.05  # seconds
_REST = 0.15  # for the threads of the one before to stop spinning


@dataclass(frozen=True)
class Contest:
    """Some work and who does it; everything must pickle.

    Parameters
    ----------
    work : str
        What is done.
    ours : callable
        ``ours()`` prepares it, and returns a function that does it once and returns its result, or
        None.
    peers : dict of str to callable
        The same for others; one that raises ModuleNotFoundError is missing.
    targets : dict of str to float
        Largest ratios of our time to a peer's that were asked for, on one thread.
    baseline : callable, default=None
        The same for the package of the earlier state, often ``ours`` itself; None where it cannot
        do the work.
    tolerance : float, default=None
        Largest difference of results from ours, of arrays whose largest entry is about one; None
        for no comparison.
    relative : float, default=0.1
        In addition, largest difference over the size of an entry.
    most_rounds : int, default=None
        Number of rounds for work that takes minutes, which is done once in each.
    most_memory : float, default=None
        Memory beside the data that may be used, in MiB; None if it is not measured.
    """

    work: str
    ours: Callable
    peers: dict
    targets: dict = field(default_factory=dict)
    baseline: Callable | None = None
    tolerance: float | None = None
    relative: float = 0.1
    most_rounds: int | None = None
    most_memory: float | None = None


@dataclass(frozen=True)
class Ratio:
    """Median, smallest and largest ratio of our time to a peer's over rounds.

    ``before`` is the median ratio of the earlier state's time to the peer's. Each is NaN where a
    peer or the earlier state is missing.
    """

    work: str
    n_threads: int
    peer: str
    milliseconds: float
    median: float
    low: float
    high: float
    before: float
    target: float | None

    @property
    def is_missed(self):
        """Whether there is a target, and the ratio is above it."""
        return self.target is not None and self.median > self.target


@dataclass(frozen=True)
class Memory:
    """Memory that each needs beside its data, in MiB."""

    work: str
    n_threads: int
    mebibytes: dict
    target: float

    @property
    def is_missed(self):
        """Whether ours is above the target."""
        return self.mebibytes["ours"] > self.target


@dataclass(frozen=True)
class Result:
    """What a contest gave: ratios, one for each peer; libraries of each process; memory."""

    ratios: list
    libraries: dict
    memory: Memory | None


def race(contest, n_rounds, n_threads=1, source=None):
    """Time a contest.

    Ratios are medians of those within a round, so that a drifting machine does not bias them.

    Parameters
    ----------
    contest : Contest
        The work.
    n_rounds : int
        Number of rounds.
    n_threads : int, default=1
        Number of threads of BLAS, OpenMP, torch and jax.
    source : str, default=None
        Directory with the package of the earlier state; None where that is missing.

    Returns
    -------
    result : Result
        One ratio for each peer.
    """
    names = ["ours", *([] if contest.baseline is None else [BASELINE]), *contest.peers]
    workers = _started(contest, n_threads, source)
    if contest.tolerance is not None:
        _compare(contest, {name: worker.result for name, worker in workers.items()})
    times = _times(workers, contest, n_rounds)
    memory = None
    if contest.most_memory is not None:
        peaks = {name: worker.peak() for name, worker in workers.items()}
        memory = Memory(contest.work, n_threads, peaks, contest.most_memory)
    for worker in workers.values():
        worker.stop()
    ratios = [_ratio(contest, name, times, n_threads) for name in names[1:]]
    libraries = {name: worker.libraries for name, worker in workers.items()}
    return Result(ratios, libraries, memory)


def _started(contest, n_threads, source):
    """Processes by name, ours first, that have done the work once; without those missing."""
    variables = environment(n_threads)
    workers = {"ours": Worker(contest.ours, variables)}
    if contest.baseline is not None and source is not None:
        workers[BASELINE] = Worker(contest.baseline, environment(n_threads, source))
    workers |= {name: Worker(way, variables) for name, way in contest.peers.items()}
    for worker in workers.values():
        worker.wait()
    return {name: worker for name, worker in workers.items() if not worker.is_missing}


def _compare(contest, results):
    """Raise an error if a result differs from ours."""
    for name, result in results.items():
        if result is not None:
            np.testing.assert_allclose(
                result,
                results["ours"],
                rtol=contest.relative,
                atol=contest.tolerance,
                err_msg=f"{contest.work}, {name}",
            )


def _times(workers, contest, n_rounds):
    """Seconds of each way in each round."""

    def turn(name, n_times):
        time.sleep(_REST)
        return workers[name].seconds(n_times)

    n_times = dict.fromkeys(workers, 1)
    if contest.most_rounds is None:
        n_times = {name: max(1, int(_TURN / turn(name, 1))) for name in workers}
    else:
        n_rounds = min(n_rounds, contest.most_rounds)
    rounds = [{name: turn(name, n_times[name]) for name in workers} for _ in range(n_rounds)]
    return {name: np.array([seconds[name] for seconds in rounds]) for name in workers}


def _ratio(contest, name, times, n_threads):
    missing = np.array([np.nan])
    ours = times["ours"]
    theirs = times.get(name, missing)
    ratios = ours / theirs
    before = times.get(BASELINE, missing) / theirs
    return Ratio(
        contest.work,
        n_threads,
        name,
        float(1e3 * np.median(ours)),
        float(np.median(ratios)),
        float(ratios.min()),
        float(ratios.max()),
        float(np.median(before)),
        contest.targets.get(name) if n_threads == 1 else None,
    )
