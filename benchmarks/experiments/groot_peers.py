"""Hardening in rounds compared with robust trees and forests of groot-trees.

    python benchmarks/experiments/groot_peers.py DIRECTORY --write-splits TABLES [--splits 3]
    GROOT_ENVIRONMENT/bin/python benchmarks/experiments/groot_peers.py DIRECTORY --fit-groot
    python benchmarks/experiments/groot_peers.py DIRECTORY [--tables NAME ...]

groot-trees 0.0.17 needs an environment of its own, with numpy 1.26 (1.26.4, numba 0.68.1 and
scikit-learn 1.9.1 work). Its trees come back as JSON, and scikit-learn forests that predict the
same are evaluated. Numbers only, in standard deviations of the rows to fit on, which are thinned to
as many of each class; each number may move by 0.3 ("linf"). Both train against several sizes of the
attack, and are judged at one. TABLES holds adult.csv, pima.csv, ionosphere.csv and sonar.csv.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, make_classification, make_moons
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.tree._tree import Tree

EPSILON = 0.3
SIZES = (
    0.25,
    0.5,
    1.0,
    1.5,
)  # of groot's attack, in units of the radius; ours takes longer and has fewer
SLACK = 0.005  # clean accuracies that differ by less are equal


def tables(directory):
    """Names, numbers, labels, and how many rows to fit on and to attack."""
    import pandas as pd

    cancer = load_breast_cancer()
    yield "breast cancer", cancer.data, cancer.target, 369, 200
    yield "moons", *make_moons(1000, noise=0.25, random_state=0), 600, 400
    yield (
        "generated",
        *make_classification(1000, n_informative=5, class_sep=1.5, random_state=0),
        600,
        400,
    )
    for name, label, n_train, n_test in (
        ("pima", "diabetes", 468, 300),
        ("ionosphere", "target", 231, 120),
        ("sonar", "target", 138, 70),
        ("adult", "income", 4000, 400),
    ):
        table = pd.read_csv(Path(directory) / f"{name}.csv")
        y = np.unique(table.pop(label), return_inverse=True)[1]
        yield name, table.select_dtypes("number").to_numpy(float), y, n_train, n_test


def balanced(y, seed):
    """Indices of as many rows of each class as the rarer one has."""
    rng = np.random.default_rng(seed)
    n_rows = np.bincount(y).min()
    return np.sort(
        np.concatenate(
            [rng.choice(np.flatnonzero(y == label), n_rows, replace=False) for label in (0, 1)]
        )
    )


def write_splits(directory, source, n_splits):
    """Write the same rows for both libraries.

    They are rounded to float32, in which scikit-learn's trees compare numbers.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, X, y, n_train, n_test in tables(source):
        for split in range(n_splits):
            sizes = {"train_size": n_train, "test_size": n_test, "random_state": split}
            X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, **sizes)
            rows = balanced(y_train, split)
            X_train, y_train = X_train[rows], y_train[rows]
            mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
            deviation[deviation == 0] = 1.0
            X_train, X_test = (
                ((part - mean) / deviation).astype(np.float32) for part in (X_train, X_test)
            )
            np.savez(
                directory / f"{name}-{split}.npz",
                X=X_train,
                y=y_train,
                X_test=X_test,
                y_test=y_test,
            )


def read_split(path):
    """Rows and labels to fit on, and to attack."""
    with np.load(path) as file:
        return file["X"].astype(float), file["y"], file["X_test"].astype(float), file["y_test"]


def groot_models(n_features):
    """Models of groot-trees for several sizes of the attack.

    Settings are its authors' (trees of depth 4, forests of any depth), and another depth of each.
    """
    from groot.model import GrootRandomForestClassifier, GrootTreeClassifier

    options = {"min_samples_split": 10, "min_samples_leaf": 5, "random_state": 0}
    for size in SIZES:
        attack = [size * EPSILON] * n_features
        for depth in (4, 8):
            yield (
                f"groot tree, depth {depth}",
                size,
                GrootTreeClassifier(depth, attack_model=attack, **options),
            )
        for depth in (None, 4):
            name = "groot forest" + (f", depth {depth}" if depth else "")
            yield (
                name,
                size,
                GrootRandomForestClassifier(100, depth, attack_model=attack, **options),
            )


def groot_trees(model):
    """The arrays that it predicts from."""
    names = ("left_ids", "right_ids", "features", "thresholds", "values")
    compiled = [member.compiled_root_ for member in getattr(model, "estimators_", [model])]
    return [{name: getattr(tree, name).tolist() for name in names} for tree in compiled]


def fit_groot(directory):
    """Write trees, predictions and seconds next to each split.

    The first fit compiles and is not counted.
    """
    for path in sorted(directory.glob("*.npz")):
        X, y, X_test, _ = read_split(path)
        found = []
        for name, size, model in groot_models(X.shape[1]):
            if not found:
                model.fit(X, y)
            start = time.process_time()
            model.fit(X, y)
            seconds = time.process_time() - start
            predicted = model.predict(X_test).tolist()
            found.append(
                {
                    "name": name,
                    "size": size,
                    "seconds": seconds,
                    "predicted": predicted,
                    "trees": groot_trees(model),
                }
            )
        path.with_suffix(".json").write_text(json.dumps(found))


def twin(trees, n_features):
    """A scikit-learn forest that predicts the same."""
    rows = np.repeat([[0.0], [1.0]], n_features, axis=1)
    forest = RandomForestClassifier(len(trees), bootstrap=False).fit(rows, [0, 1])
    for member, arrays in zip(forest.estimators_, trees):
        member.tree_ = scikit_learn_tree(
            arrays, n_features, member.tree_.__getstate__()["nodes"].dtype
        )
    return forest


def scikit_learn_tree(arrays, n_features, dtype):
    """Both compare with <=; groot keeps thresholds and leaves, from -1 to 1, in float32."""
    nodes = np.zeros(len(arrays["values"]), dtype)
    nodes["left_child"], nodes["right_child"] = arrays["left_ids"], arrays["right_ids"]
    is_leaf = nodes["left_child"] == -1
    nodes["feature"] = np.where(is_leaf, -2, arrays["features"])
    nodes["threshold"] = np.where(is_leaf, -2.0, np.array(arrays["thresholds"], np.float32))
    nodes["n_node_samples"], nodes["weighted_n_node_samples"] = 1, 1.0
    odds = np.where(is_leaf, np.array(arrays["values"], np.float32), np.float32(0))
    shares = (odds + np.float32(1)) * np.float32(0.5)
    values = np.stack([np.float32(1) - shares, shares], axis=1).astype(float)[:, None]
    tree = Tree(n_features, np.array([2], dtype=np.intp), 1)
    tree.__setstate__(
        {"max_depth": len(nodes), "node_count": len(nodes), "nodes": nodes, "values": values}
    )
    return tree


def groot_fits(path, X, X_test):
    """Names, sizes and twins of the models that were written, with the seconds of a fit."""
    for written in json.loads(path.with_suffix(".json").read_text()):
        model = twin(written["trees"], X.shape[1])
        if not np.array_equal(model.predict(X_test), written["predicted"]):
            raise AssertionError(f"the twin of {written['name']} in {path} predicts other labels")
        yield written["name"], written["size"], model, written["seconds"]


def our_fits(X, y, seed):
    """Names, sizes and fitted models, with the seconds of a fit.

    Without rows held back, the last round is taken.
    """
    from sklearn_irg import RobustTrainingClassifier

    boosting = HistGradientBoostingClassifier(max_depth=2, early_stopping=False, random_state=seed)
    forest = RandomForestClassifier(
        100, max_depth=4, min_samples_split=10, min_samples_leaf=5, random_state=seed
    )

    def hardened(start, size, **options):
        return RobustTrainingClassifier(
            start, ball(X, size * EPSILON), random_state=seed, **options
        )

    for name, size, model in (
        ("plain boosting", 0.0, boosting),
        ("plain forest", 0.0, forest),
        ("hardened boosting", 1.0, hardened(boosting, 1.0)),
        ("hardened boosting, last round", 1.0, hardened(boosting, 1.0, validation_fraction=0)),
        ("hardened boosting, last round", 1.5, hardened(boosting, 1.5, validation_fraction=0)),
        ("hardened forest, last round", 1.0, hardened(forest, 1.0, validation_fraction=0)),
    ):
        begin = time.process_time()
        model.fit(X, y)
        yield name, size, model, time.process_time() - begin


def ball(X, radius):
    """Every number moves by up to the radius, without bounds, as in groot."""
    from sklearn_irg.attacks import ThreatModel

    bounds = dict.fromkeys(range(X.shape[1]), (None, None))
    return ThreatModel(radius, norm="linf", scale=None, bounds=bounds, integers=None).fit(X)


def scores(model, X, y, threat):
    """Balanced accuracy, certified balanced accuracy, and the number of undecided rows."""
    from sklearn_irg.attacks import evaluate_robustness

    evaluation = evaluate_robustness(model, X, y, threat)
    certified = balanced_accuracy_score(y, np.where(evaluation.certified[0], y, 1 - y))
    return balanced_accuracy_score(y, model.predict(X)), certified, (~evaluation.is_exact).sum()


def compare(found, kind, baseline_kind):
    """Compare models with the most robust peer that is as good without attack.

    Models are those trained at the radius at which they are evaluated.
    """
    for (name, size), rows in found.items():
        if not name.startswith(kind) or size != 1:
            continue
        baselines = {
            key: others
            for key, others in found.items()
            if key[0].startswith(baseline_kind) and others[:, 0].mean() >= rows[:, 0].mean() - SLACK
        }
        if not baselines:
            yield name, "no baseline", np.nan, np.nan
            continue
        best = max(baselines, key=lambda key: baselines[key][:, 1].mean())
        gains = rows[:, 1] - baselines[best][:, 1]
        yield name, "{}, {:g}".format(*best), gains.mean(), gains.std(ddof=1) / len(gains) ** 0.5


def evaluate(path):
    """Names and sizes of all models of a split, with their scores and the seconds of a fit."""
    X, y, X_test, y_test = read_split(path)
    threat = ball(X, EPSILON)
    for fits in (groot_fits(path, X, X_test), our_fits(X, y, int(path.stem.rsplit("-")[-1]))):
        for name, size, model, seconds in fits:
            start = time.process_time()
            row = [*scores(model, X_test, y_test, threat), seconds]
            yield (name, size), row, time.process_time() - start


def report(table, found):
    """Means over splits as a table, then comparisons at equal clean accuracy, either way."""
    for (name, size), rows in found.items():
        clean, certified, n_open, seconds = rows.mean(axis=0)
        numbers = f"{clean:.3f} | {certified:.3f} | {n_open:.1f} | {seconds:.2f}"
        print(f"| {table} | {name}, {size:g} | {numbers} |", flush=True)
    for ours, theirs in (("hardened", "groot"), ("groot", "hardened")):
        for name, baseline, gain, error in compare(found, ours, theirs):
            print(f"{table}: {name} against {baseline}: {gain:+.3f} ± {error:.3f}", flush=True)


def main():
    """Write splits, fit groot's models to them, or fit ours and print all scores, by the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--write-splits", metavar="TABLES")
    parser.add_argument("--fit-groot", action="store_true")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--tables", nargs="*", default=[""])
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if arguments.write_splits:
        write_splits(arguments.directory, arguments.write_splits, arguments.splits)
        return
    if arguments.fit_groot:
        fit_groot(arguments.directory)
        return
    by_table = {}
    for path in sorted(arguments.directory.glob("*.npz")):
        by_table.setdefault(path.stem.rsplit("-", 1)[0], []).append(path)
    for table, paths in by_table.items():
        if not table.startswith(tuple(arguments.tables)):
            continue
        found = {}
        for path in paths:
            for key, row, seconds in evaluate(path):
                found.setdefault(key, []).append(row)
                if arguments.verbose:
                    print(path.stem, *key, np.round(row, 3), f"{seconds:.1f} s", flush=True)
        report(table, {key: np.array(rows) for key, rows in found.items()})


if __name__ == "__main__":
    main()
