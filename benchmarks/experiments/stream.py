"""Memory, time and accuracy of ``partial_fit`` on Parquet files compared with a fit in memory.

    python benchmarks/experiments/stream.py [--rows 5000000] [--directory DIR]

Rows are those of a noisy quadratic rule of 50 columns; files hold 100000 each. Memory is the peak
of a separate process.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

N_COLUMNS, PER_FILE = 50, 100_000


def rows(seed, n=PER_FILE):
    """Rows and classes, the same for a seed."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, N_COLUMNS)).astype(np.float32)
    score = X[:, :10].sum(axis=1) + X[:, 0] * X[:, 1] - X[:, 2] * X[:, 3] + rng.standard_normal(n)
    return X, (score > 0).astype(int)


def model():
    from sklearn_irg import GradRegMLPClassifier

    return GradRegMLPClassifier((50,), alpha=0.01, max_iter=1, random_state=0)


def write(directory, n_files):
    """The table as Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for i in range(n_files):
        X, y = rows(i)
        columns = {f"x{j}": X[:, j] for j in range(N_COLUMNS)} | {"y": y}
        pq.write_table(pa.table(columns), directory / f"{i:04d}.parquet")


def stream(directory):
    """One pass, file by file, with a bar."""
    import pyarrow.parquet as pq
    from rich.progress import track

    network = model()
    for file in track(sorted(directory.glob("*.parquet")), description="partial_fit"):
        table = pq.read_table(file)
        X = np.column_stack([table[f"x{j}"].to_numpy() for j in range(N_COLUMNS)])
        network.partial_fit(X, table["y"].to_numpy(), classes=[0, 1])
    return network


def in_memory(directory):
    """One pass over all rows at once."""
    import warnings

    import pyarrow.parquet as pq

    warnings.simplefilter("ignore")
    files = sorted(directory.glob("*.parquet"))
    X = np.empty((len(files) * PER_FILE, N_COLUMNS), dtype=np.float32)
    y = np.empty(len(X), dtype=int)
    for i, file in enumerate(files):
        table, part = pq.read_table(file), slice(i * PER_FILE, (i + 1) * PER_FILE)
        for j in range(N_COLUMNS):
            X[part, j] = table[f"x{j}"].to_numpy()
        y[part] = table["y"].to_numpy()
    return model().fit(X, y)


def measured(way, directory, connection):
    """Seconds, peak of memory and accuracy on new rows of one way."""
    start = time.perf_counter()
    network = way(directory)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    connection.send((seconds, gigabytes, network.score(*rows(10**6))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--directory", help="for the files (default: a temporary one)")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = Path(directory)
        n_files = arguments.rows // PER_FILE
        for n in sorted({max(1, n_files // 10), n_files}):
            write(directory, n)
            for way in (stream, in_memory) if n == n_files else (stream,):
                here, there = context.Pipe()
                process = context.Process(target=measured, args=(way, directory, there))
                process.start()
                seconds, gigabytes, accuracy = here.recv()
                process.join()
                name = way.__name__.replace("_", " ")
                print(
                    f"{n * PER_FILE} rows, {name}: {seconds:.0f} s, {gigabytes:.2f} GB, accuracy "
                    f"{accuracy:.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
