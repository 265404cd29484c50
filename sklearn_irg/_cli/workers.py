"""Workers for the fits of a sweep: local processes, or those of a dask cluster."""

from contextlib import ExitStack, contextmanager

from sklearn_irg._cli.reading import TableError

__all__ = ["on_cluster"]


@contextmanager
def on_cluster(address, n_jobs):
    """Let joblib use a dask cluster, and yield the number of jobs at a time.

    The address is that of a scheduler, or "local" for a new cluster with a process for each job;
    ``None`` changes nothing.
    """
    if address is None:
        yield n_jobs
        return
    try:
        from dask.distributed import Client, LocalCluster
        from joblib import parallel_config
    except ImportError:
        raise TableError(
            '--dask needs dask, as in pip install "sklearn_irg[distributed]"'
        ) from None
    with ExitStack() as stack:
        if address == "local":
            options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
            n_workers = n_jobs if n_jobs > 1 else None  # one for each core
            address = stack.enter_context(LocalCluster(n_workers=n_workers, **options))
        try:
            stack.enter_context(Client(address, timeout="5s"))
        except (OSError, ValueError) as error:
            raise TableError(f"--dask: there is no scheduler at {address}: {error}") from None
        stack.enter_context(parallel_config(backend="dask"))
        yield -1
