"""One fit over several workers: seconds per iteration against workers and rows.

    python benchmarks/experiments/cluster.py [--workers 1 2] [--memory 1GB]

Workers are processes of this machine with one thread each. With ``--memory`` the last table has
more rows than one worker may hold.
"""

import argparse
import resource
import time
import warnings

import numpy as np

N_COLUMNS, PER_PIECE = 50, 50_000


def piece(seed):
    """Rows and classes, made on a worker."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((PER_PIECE, N_COLUMNS))
    return X, (X[:, :10].sum(axis=1) + rng.standard_normal(PER_PIECE) > 0).astype(int)


def pieces(n):
    """The same as dask arrays."""
    import dask
    import dask.array as da

    made = [dask.delayed(piece)(seed) for seed in range(n)]
    X = [da.from_delayed(one[0], (PER_PIECE, N_COLUMNS), np.float64) for one in made]
    y = [da.from_delayed(one[1], (PER_PIECE,), np.int64) for one in made]
    return da.concatenate(X), da.concatenate(y)


def models():
    """A logistic regression to convergence, and a few iterations of an MLP."""
    from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier

    return {
        "logistic": GradRegLogisticRegression(alpha=0.01, max_iter=100),
        "MLP, 50 units": GradRegMLPClassifier(
            (50,), alpha=0.01, solver="lbfgs", max_iter=15, random_state=0
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pieces", type=int, nargs="+", default=[4, 20])
    parser.add_argument("--memory", default="auto", help="that a worker may use")
    arguments = parser.parse_args()
    from distributed import Client, LocalCluster

    warnings.simplefilter("ignore")
    print(
        f"{'workers':>7} {'rows':>9} {'model':22} {'seconds':>8} {'iterations':>10} "
        f"{'s/iteration':>12} {'client GB':>10}"
    )
    for n_workers in arguments.workers:
        options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
        with (
            LocalCluster(n_workers=n_workers, memory_limit=arguments.memory, **options) as cluster,
            Client(cluster),
        ):
            for n in arguments.pieces:
                X, y = pieces(n)
                for name, model in models().items():
                    start = time.perf_counter()
                    model.fit(X, y)
                    seconds = time.perf_counter() - start
                    n_iter = int(np.max(model.n_iter_))
                    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
                    print(
                        f"{n_workers:7} {n * PER_PIECE:9} {name:22} {seconds:8.1f} {n_iter:10} "
                        f"{seconds / n_iter:12.3f} {gigabytes:10.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
