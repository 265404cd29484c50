"""Functions that the experiments share: MNIST, and a line of results for each model."""

import numpy as np


def mnist(path=None):
    """Images (n, 784) in 0 … 255 and digits, for training and test.

    They come from an ``mnist.npz``, or are fetched from OpenML.
    """
    if path is not None:
        with np.load(path) as file:
            X, y, X_test, y_test = (
                file[name] for name in ("x_train", "y_train", "x_test", "y_test")
            )
    else:
        from sklearn.datasets import fetch_openml

        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        y = y.astype(int)
        X, y, X_test, y_test = X[:60000], y[:60000], X[60000:], y[60000:]
    return (
        X.reshape(len(X), -1).astype(np.float32),
        y,
        X_test.reshape(len(X_test), -1).astype(np.float32),
        y_test,
    )


def report(name, **columns):
    """Print mean ± standard deviation over seeds of each column."""
    cells = (
        f"{key} {np.mean(values):.4f} ± {np.std(values):.4f}" for key, values in columns.items()
    )
    print(f"{name:>28}: " + "   ".join(cells), flush=True)
