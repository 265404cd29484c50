"""Ways to do the same work, timed in turns: A, B, A, B, …, each in a process of its own."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Contest", "Ratio", "race"]

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
        Smallest ratios of a peer's time to ours that were asked for.
    tolerance : float, default=None
        Largest difference of results from ours, of arrays whose largest entry is about one; None
        for no comparison.
    relative : float, default=0.1
        In addition, largest difference over the size of an entry.
    most_rounds : int, default=None
        Number of rounds for work that takes minutes.
    """

    work: str
    ours: Callable
    peers: dict
    targets: dict = field(default_factory=dict)
    tolerance: float | None = None
    relative: float = 0.1
    most_rounds: int | None = None


@dataclass(frozen=True)
class Ratio:
    """Median, smallest and largest ratio of a peer's time to ours over rounds.

    NaN for a peer that is missing.
    """

    work: str
    peer: str
    milliseconds: float
    median: float
    low: float
    high: float
    target: float | None


def race(contest, n_rounds):
    """Time a contest; a list of `Ratio`, one for each peer.

    Ratios are medians of those within a round, so that a drifting machine does not bias them.
    """
    ways = {"ours": contest.ours, **contest.peers}
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, way in ways.items():
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(way, there), daemon=True)
        process.start()
        pipes[name] = here
        processes.append(process)
    results = {name: pipe.recv() for name, pipe in pipes.items()}
    present = [name for name in ways if not isinstance(results[name], ModuleNotFoundError)]
    if contest.tolerance is not None:
        for name in present:
            if results[name] is None:
                continue
            np.testing.assert_allclose(
                results[name],
                results["ours"],
                rtol=contest.relative,
                atol=contest.tolerance,
                err_msg=f"{contest.work}, {name}",
            )

    def turn(name, n_times):
        time.sleep(_REST)
        pipes[name].send(n_times)
        return pipes[name].recv()

    n_rounds = min(n_rounds, contest.most_rounds or n_rounds)
    n_times = {name: max(1, int(_TURN / turn(name, 1))) for name in present}
    times = np.array([[turn(name, n_times[name]) for name in present] for _ in range(n_rounds)])
    for name in present:
        pipes[name].send(None)
    for process in processes:
        process.join()
    found = []
    for name in contest.peers:
        ratios = (
            times[:, present.index(name)] / times[:, 0] if name in present else np.array([np.nan])
        )
        found.append(
            Ratio(
                contest.work,
                name,
                float(1e3 * np.median(times[:, 0])),
                float(np.median(ratios)),
                float(ratios.min()),
                float(ratios.max()),
                contest.targets.get(name),
            )
        )
    return found


def _work(way, connection):
    try:
        run = way()
    except ModuleNotFoundError as missing:
        connection.send(missing)
        return
    connection.send(run())
    while (n_times := connection.recv()) is not None:
        start = time.perf_counter()
        for _ in range(n_times):
            run()
        connection.send((time.perf_counter() - start) / n_times)
