"""Files of the package that one fit of an MLP enters, by subpackage.

These are the files that a reader of a fit has to open.

python benchmarks/files_of_a_fit.py
"""

import sys
import warnings
from pathlib import Path

import numpy as np

import sklearn_irg
from sklearn_irg import GradRegMLPClassifier

PACKAGE = Path(sklearn_irg.__file__).resolve().parent
TRAINING = (
    "_estimators",
    "_training",
)  # rooms that say how an estimator is trained; the second may not exist
FIRST = (*TRAINING, "_engine")


def main():
    X, y = three_classes()
    fit(X, y)  # so that everything is imported
    files = entered(lambda: fit(X, y))
    by_room = rooms(files)
    for room, names in by_room.items():
        print(f"{room}: {len(names)}", *names, sep="\n  ")
    n_training = sum(len(by_room.get(room, ())) for room in TRAINING)
    print(f"\n{n_training} files of {' and '.join(TRAINING)}, {len(files)} of the package")


def three_classes(n_samples=60, n_features=4):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_samples, n_features))
    return X, np.digitize(X[:, 0], [-0.5, 0.5])


def fit(X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence
        GradRegMLPClassifier().fit(X, y)


def entered(call):
    """Files of the package of which a call runs a function, relative to it."""
    names = set()
    sys.setprofile(
        lambda frame, event, _: names.add(frame.f_code.co_filename) if event == "call" else None
    )
    try:
        call()
    finally:
        sys.setprofile(None)
    paths = (Path(name).resolve() for name in names)
    return sorted(path.relative_to(PACKAGE) for path in paths if path.is_relative_to(PACKAGE))


def rooms(files):
    """Names of files by room, those of training first."""
    found = {}
    for file in files:
        found.setdefault(file.parts[0] if len(file.parts) > 1 else "top", []).append(str(file))
    return {
        room: found[room]
        for room in sorted(found, key=lambda room: (room not in FIRST, room != "_estimators", room))
    }


if __name__ == "__main__":
    main()
