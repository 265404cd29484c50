"""Searches, sweeps and fits on a real cluster of processes.

Searches and sweeps give the serial scores, and a fit survives a worker that dies.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.__main__ import main
from tests.cli.tables import shop, written

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
joblib = pytest.importorskip("joblib")

# of the cluster's own threads and sockets while it closes
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
N_PIECES, N_ROWS, N_COLUMNS = 8, 500, 6


def piece(seed, n_rows=N_ROWS, n_columns=N_COLUMNS):
    """Rows and classes made where they are needed."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n_rows, n_columns))
    return X, (X @ np.arange(n_columns) + rng.standard_normal(n_rows) > 0).astype(int)


def pieces(n_pieces=N_PIECES, n_rows=N_ROWS, n_columns=N_COLUMNS):
    """The same as dask arrays."""
    made = [dask.delayed(piece)(seed, n_rows, n_columns) for seed in range(n_pieces)]
    X = [da.from_delayed(one[0], (n_rows, n_columns), np.float64) for one in made]
    y = [da.from_delayed(one[1], (n_rows,), np.int64) for one in made]
    return da.concatenate(X), da.concatenate(y)


@pytest.fixture(scope="module")
def client():
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


def test_a_search_gives_the_serial_scores(client):
    X, y = (np.concatenate(arrays) for arrays in zip(piece(0), piece(1), strict=True))
    search = GridSearchCV(GradRegLogisticRegression(), {"alpha": [0.01, 0.1, 1.0]}, cv=3)
    serial = search.fit(X, y).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="dask"):
        np.testing.assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], serial)


def test_a_fit_is_that_to_arrays(client):
    X, y = (np.concatenate(arrays) for arrays in zip(*map(piece, range(N_PIECES)), strict=True))
    model = GradRegLogisticRegression(tol=1e-7, max_iter=1000)
    alone = model.fit(X, y).coef_
    np.testing.assert_allclose(model.fit(*pieces()).coef_, alone, atol=1e-8)
    network = GradRegMLPClassifier((8,), solver="lbfgs", max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match="without converging"):
        alone = network.fit(X, y).predict_proba(X)
    with pytest.warns(UserWarning, match="without converging"):
        np.testing.assert_allclose(network.fit(*pieces()).predict_proba(X), alone, atol=1e-6)


def test_a_worker_that_is_killed_costs_time_only(client):
    X, y = (np.concatenate(arrays) for arrays in zip(*map(piece, range(N_PIECES)), strict=True))
    killed = []

    model = GradRegLogisticRegression(tol=1e-7, max_iter=1000, alpha=0.01)
    expected = model.fit(X, y).coef_

    def kill():
        time.sleep(0.3)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    found = []
    while thread.is_alive() or len(found) < 2:  # fits before, during and after
        found.append(model.fit(*pieces()).coef_)
    thread.join()
    assert killed
    for coef in found:
        np.testing.assert_allclose(coef, expected, atol=1e-8)


def test_a_sweep_on_a_cluster_gives_the_serial_table(client, tmp_path, capsys):
    data = written(shop(), tmp_path / "shop.csv")
    options = ["sweep", data, "--cv", "2", "--alphas", "0.1,1"]
    assert main([*options, "--output", str(tmp_path / "serial")]) == 0
    assert "Take " in capsys.readouterr().out
    address = client.scheduler.address
    assert main([*options, "--dask", address, "--output", str(tmp_path / "dask")]) == 0
    tables = [
        [
            line.rsplit(",", 4)[0]
            for line in (tmp_path / name / "sweep.csv").read_text().splitlines()
        ]
        for name in ("serial", "dask")
    ]
    assert tables[0] == tables[1]


def test_a_missing_scheduler_is_one_line(tmp_path, capsys):
    data = written(shop(), tmp_path / "shop.csv")
    assert main(["sweep", data, "--dask", "nowhere:1", "--output", str(tmp_path)]) == 2
    assert "error: --dask: there is no scheduler at nowhere:1" in capsys.readouterr().err
