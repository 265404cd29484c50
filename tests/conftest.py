import os

# scikit-learn skips its array-API checks silently without this; it is read when scipy is first imported
os.environ["SCIPY_ARRAY_API"] = "1"

import matplotlib as mpl

mpl.use("Agg")
