"""How far the search for adversarial rows of forests and gradient boosting is from exact.

    python benchmarks/experiments/forests.py [--rows 40] [--seconds 20] [table ...]

Standardised tables of scikit-learn, a quarter of the rows held out; accuracy of some of these under attack, and exactly, by
mixed-integer programming, at two radii: where a quarter and half of them fall. Rows whose distance was not settled in time
count as fallen in one column, as standing in the other.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.diagnostics import distance_interval

TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
MODELS = {
    "forest, 20 trees of depth 4": RandomForestClassifier(20, max_depth=4, random_state=0),
    "boosting, 30 stages": GradientBoostingClassifier(n_estimators=30, random_state=0),
    "boosting, 100 stages": GradientBoostingClassifier(random_state=0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="table")
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':45} {'radius':>7} {'exact':>15} {'attacked':>9} {'s a row':>8} {'open':>5}")
    for name in arguments.tables or TABLES:
        X, y = TABLES[name](return_X_y=True)
        train, test, y_train, y_test = train_test_split(scale(X), y, random_state=0, stratify=y)
        test, y_test = test[: arguments.rows], y_test[: arguments.rows]
        for label, model in MODELS.items():
            model.fit(train, y_train)
            for norm in ("linf", "l2"):
                start = time.perf_counter()
                lower, upper = distance_interval(
                    model, test, y_test, norm=norm, method="exact", time_limit=arguments.seconds
                )
                seconds = (time.perf_counter() - start) / len(test)
                n_open = np.sum(lower < upper * (1 - 1e-4))
                for radius in np.quantile(upper[upper > 0], [0.25, 0.5]) * 1.001:
                    attacked = adversarial_accuracy(model, test, y_test, radius, norm=norm)
                    exact = f"{np.mean(lower > radius):.3f}–{np.mean(upper > radius):.3f}"
                    print(
                        f"{name:14}{label:27} {norm:4}{radius:7.3f} {exact:>15} {attacked:9.3f} {seconds:8.2f} {n_open:5d}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
