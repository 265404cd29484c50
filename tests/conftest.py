import os

# scikit-learn skips its array-API checks silently without this; it is read when scipy is first
# imported
os.environ["SCIPY_ARRAY_API"] = "1"

# workers that share the cores should not each ask for all of them; read when numpy and scikit-learn
# are first imported
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["figure.max_open_warning"] = (
    0  # how many are open in a worker depends on which tests it was given
)
