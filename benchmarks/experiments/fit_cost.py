"""Processor time of penalized MLPs over that of one without penalty, for the same epochs.

python benchmarks/experiments/fit_cost.py
"""

import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import scale

from sklearn_irg import GradRegMLPClassifier, VATClassifier
from sklearn_irg.penalties import InputGradient, RightReasons

OPTIONS = {
    "hidden_layer_sizes": (50,),
    "max_iter": 30,
    "tol": 0,
    "n_iter_no_change": 100,
    "random_state": 0,
}


def seconds(model, X, y):
    found = []
    for _ in range(5):
        start = time.process_time()
        model.fit(X, y)
        found.append(time.process_time() - start)
    return np.median(found)


def main():
    warnings.simplefilter("ignore")
    for name, load in ("breast cancer", load_breast_cancer), ("digits", load_digits):
        X, y = load(return_X_y=True)
        X = np.nan_to_num(scale(X))
        plain = seconds(GradRegMLPClassifier(penalty=None, **OPTIONS), X, y)
        for model in (
            GradRegMLPClassifier(penalty=InputGradient(), **OPTIONS),
            GradRegMLPClassifier(penalty=RightReasons(features=[0, 1]), **OPTIONS),
            VATClassifier(unlabeled_label=None, **OPTIONS),
        ):
            label = type(model).__name__ if isinstance(model, VATClassifier) else model.penalty
            print(f"{name}, {label}: {seconds(model, X, y) / plain:.1f}")


if __name__ == "__main__":
    main()
