"""Contests of the benchmarks: whose time is divided by whose, and what processes they run in."""

import os
from dataclasses import dataclass, field
from functools import partial
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from benchmarks import race as race_module
from benchmarks.race import BASELINE, Contest, race
from benchmarks.workers import Worker, environment

SECONDS = {"ours": 3.0, "before": 6.0, "peer": 4.0}


@dataclass
class Clock:
    """Worker that says how long its way takes, instead of doing it."""

    way: str
    variables: dict
    libraries: list = field(default_factory=list)

    @property
    def is_missing(self):
        return self.way not in SECONDS

    @property
    def result(self):
        return np.array(SECONDS[self.way])

    def wait(self):
        pass

    def seconds(self, n_times):
        return SECONDS[self.way] / n_times

    def peak(self):
        return 10 * SECONDS[self.way]

    def stop(self):
        pass


@pytest.fixture
def clocks(monkeypatch):
    monkeypatch.setattr(race_module, "Worker", Clock)
    monkeypatch.setattr(race_module, "_REST", 0.0)


def contest(**options):
    peers = {"peer": "peer", "absent": "absent"}
    return Contest("work", "ours", peers, {"peer": 0.5}, baseline="before", **options)


@pytest.mark.usefixtures("clocks")
class TestContest:
    def test_ratios_are_ours_over_those_of_peers(self):
        before, peer, absent = race(contest(), 3, source="elsewhere").ratios
        assert (before.peer, before.median) == (BASELINE, 3 / 6)
        assert (peer.median, peer.low, peer.high) == (3 / 4, 3 / 4, 3 / 4)
        assert isnan(absent.median)

    def test_the_earlier_state_is_compared_with_the_same_peers(self):
        _, peer, absent = race(contest(), 3, source="elsewhere").ratios
        assert peer.before == 6 / 4
        assert isnan(absent.before)

    def test_without_its_source_the_earlier_state_is_missing(self):
        before, peer, _ = race(contest(), 3).ratios
        assert isnan(before.median)
        assert isnan(peer.before)
        assert peer.median == 3 / 4

    @pytest.mark.parametrize(("n_threads", "is_missed"), [(1, True), (2, False)])
    def test_targets_are_for_one_thread(self, n_threads, is_missed):
        _, peer, _ = race(contest(), 3, n_threads).ratios
        assert peer.is_missed is is_missed

    def test_memory_is_compared_with_its_own_target(self):
        memory = race(contest(most_memory=29.0), 3, source="elsewhere").memory
        assert memory.mebibytes == {"ours": 30.0, BASELINE: 60.0, "peer": 40.0}
        assert memory.is_missed

    def test_results_that_differ_are_an_error(self):
        with pytest.raises(AssertionError, match="work, peer"):
            race(contest(tolerance=0.5, relative=0.0), 3)


# -- processes -------------------------------------------------------------------------------------


def variable(name):
    return partial(os.environ.get, name)


def package():
    import sklearn_irg

    return lambda: sklearn_irg.__file__


def absent():
    import absent_package  # noqa: F401


def waited_for(way, variables):
    worker = Worker(way, variables)
    worker.wait()
    worker.stop()
    return worker


def test_a_worker_has_the_package_of_its_source(tmp_path):
    (tmp_path / "sklearn_irg").mkdir()
    (tmp_path / "sklearn_irg" / "__init__.py").touch()
    worker = waited_for(package, environment(1, str(tmp_path)))
    assert Path(worker.result).parents[1] == tmp_path


def test_settings_for_old_builds_of_openblas_do_not_reach_a_worker(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert waited_for(partial(variable, "OPENBLAS_CORETYPE"), environment(1)).result is None
    assert os.environ["OPENBLAS_CORETYPE"] == "Haswell"


def test_a_worker_has_as_many_threads_as_are_asked_for():
    assert waited_for(partial(variable, "OMP_NUM_THREADS"), environment(2)).result == "2"


def test_a_way_whose_package_is_absent_is_missing():
    assert waited_for(absent, environment(1)).is_missing
