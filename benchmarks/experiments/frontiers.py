"""Training against the threat compared with other penalties, as frontiers over strengths.

    python benchmarks/experiments/frontiers.py run RESULTS.csv --data DIRECTORY [--splits 5]
        [--tables TABLE ...] [--kinds KIND ...]
    python benchmarks/experiments/frontiers.py show RESULTS.csv

Frontiers are of clean and attacked accuracy. Models, strengths and tables were fixed before the
first run, and all are shown. ``run`` appends a line for each table, split and model, and leaves out
those that are there.

Numbers move by 0.3 standard deviations together ("l2") within the range of the training rows,
integers by integers, and where there are categories one of them changes. Accuracy is balanced:
classes count the same, in fits as well, and a constant model has 0.5. Log loss and calibration are
of classes that count the same, too, and everything of the same held-out rows. "attacked" is exact
for linear models, and an upper bound where "certified" is lower.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, RobustTrainingClassifier
from sklearn_irg.attacks import ThreatModel, evaluate_robustness
from sklearn_irg.penalties import (
    AdversarialLoss,
    CertifiedLoss,
    InputGradient,
    VirtualAdversarial,
    WeightDecay,
)

RADIUS = 0.3
TABLES = "census, income", "census, married", "generated", "pima", "breast cancer"
KINDS = "logistic", "network", "boosting"
SIZES = {
    "pima": (384, 384),
    "breast cancer": (284, 285),
    "generated": (1000, 1000),
}  # rows to fit on, and under attack
_SIZES = 4000, 1000
COSTS = 1, 2, 3, 4, 5  # points of clean accuracy
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
NEARLY_CONSTANT = 0.55
MEASURES = ["clean", "attacked", "certified", "log_loss", "ece", "largest_share", "seconds"]
KEYS = ["table", "split", "kind", "model", "alpha"]
AGAINST, CERTIFIED_AGAINST = "against the threat", "against the threat, certified"


def load(name, directory):
    """Columns and classes 0 and 1 of a table."""
    if name == "breast cancer":
        return load_breast_cancer(return_X_y=True, as_frame=True)
    if name == "generated":
        return _generated()
    if name == "pima":
        table = pd.read_csv(Path(directory) / "pima.csv")
        return table, table.pop("diabetes")
    table = pd.read_csv(Path(directory) / "adult.csv")
    if name == "census, income":
        return table, table.pop("income").str.contains(">").astype(int)
    table = table.drop(columns="relationship")  # which gives the answer
    return table, (table.pop("marital_status") == "Married-civ-spouse").astype(int)


def _generated(n=2000):
    """Table like those of credits: 13 categories, 4 integers and 3 other numbers.

    Each column is related to the class independently of the others.
    """
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.3).astype(int)
    columns = {}
    for j, n_levels in enumerate((4, 5, 10, 5, 5, 4, 3, 4, 3, 3, 4, 2, 2)):
        common = rng.normal(size=n_levels)
        scores = common + np.outer([0, 1], (0.8 if j < 4 else 0.3) * rng.normal(size=n_levels))
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        levels = np.argmax(np.log(shares[y]) + rng.gumbel(size=(n, n_levels)), axis=1)
        columns[f"category{j}"] = np.char.add("level", levels.astype(str)).astype(object)
    for j in range(7):
        values = rng.normal(size=n) + 0.25 * rng.normal() * y
        columns[f"number{j}"] = np.round(10 * np.exp(0.5 * values)).astype(int) if j < 4 else values
    return pd.DataFrame(columns), pd.Series(y)


def prepared(last):
    return make_pipeline(
        make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ),
        last,
    )


def models(n_rows, split):
    """Rivals, and models to be trained against the threat, by kind, name and strength."""
    n_epochs = 60 if n_rows >= 4000 else 200
    logistic = {"class_weight": "balanced", "max_iter": 3000}
    network = {"class_weight": "balanced", "max_iter": n_epochs, "random_state": split}
    baselines = {
        "weight decay": (WeightDecay(), (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
        "input gradient": (InputGradient(), (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
        "certified at 0.3": (CertifiedLoss(0.3, "l2"), (0.3, 1.0, 3.0, 10.0)),
        "certified at 1": (CertifiedLoss(1.0, "l2"), (0.3, 1.0, 3.0, 10.0)),
    }
    of_networks = {
        "virtual adversarial": (VirtualAdversarial(), (3.0, 10.0, 30.0)),
        "adversarial at 0.3": (AdversarialLoss(0.3), (0.3, 1.0, 3.0, 10.0)),
        "adversarial at 1": (AdversarialLoss(1.0), (0.3, 1.0, 3.0, 10.0)),
    }
    ours = {
        AGAINST: (AdversarialLoss(), STRENGTHS),
        f"{AGAINST}, weight decay": (AdversarialLoss() + 0.003 * WeightDecay(), STRENGTHS),
    }
    certified = {
        CERTIFIED_AGAINST: (CertifiedLoss(n_ramp_up_epochs=n_epochs // 3), (0.3, 1.0, 3.0))
    }
    none = {"none": (None, (0.0,))}
    found = {}
    for name, (penalty, strengths) in (none | baselines | ours).items():
        for alpha in strengths:
            last = GradRegLogisticRegression(penalty, alpha=alpha, **logistic)
            found["logistic", name, alpha] = prepared(last)
    for name, (penalty, strengths) in (none | baselines | of_networks | ours | certified).items():
        for alpha in strengths:
            last = GradRegMLPClassifier((50,), penalty=penalty, alpha=alpha, **network)
            found["network", name, alpha] = prepared(last)
    trees = HistGradientBoostingClassifier(max_depth=2, class_weight="balanced", random_state=split)
    found["boosting", "none", 0.0] = found["boosting", f"{AGAINST}, in rounds", 0.0] = prepared(
        trees
    )
    return found


def fitted(model, name, X, y, threat, split):
    """A pipeline, fitted as it is or against the threat."""
    if not name.startswith(AGAINST):
        return model.fit(X, y)
    return RobustTrainingClassifier(model, threat, tolerance=0.06, random_state=split).fit(X, y)


def measures(model, X, y, threat):
    """All measures on held-out rows; classes count the same."""
    evaluation = evaluate_robustness(model, X, y, threat)
    predicted, probabilities = model.predict(X), model.predict_proba(X)
    weights = np.where(y == 1, 0.5 / np.mean(y == 1), 0.5 / np.mean(y == 0))
    certified = np.nan
    if evaluation.is_certifiable:
        certified = _balanced(evaluation.certified[0], y)
    return {
        "clean": balanced_accuracy_score(y, predicted),
        "attacked": _balanced(~evaluation.misclassified[0], y),
        "certified": certified,
        "log_loss": log_loss(y, probabilities, sample_weight=weights, labels=[0, 1]),
        "ece": _calibration_error(probabilities, predicted == y, weights),
        "largest_share": max(np.mean(predicted == 1), np.mean(predicted == 0)),
    }


def _balanced(right, y):
    return np.mean([right[y == label].mean() for label in (0, 1)])


def _calibration_error(probabilities, correct, weights, n_bins=10):
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights * (correct - confidence))
    return np.abs(gaps).sum() / weights.sum()


def run(path, directory, names, n_splits, kinds):
    done = set()
    if path.exists():
        done = set(_read(path)[KEYS].itertuples(index=False, name=None))
    tables = {name: load(name, directory) for name in names}
    for split in range(n_splits):
        for name, (X, y) in tables.items():
            n_rows, n_attacked = SIZES.get(name, _SIZES)
            sizes = {"train_size": n_rows, "test_size": n_attacked, "random_state": split}
            train, test, y_train, y_test = train_test_split(X, y.to_numpy(), stratify=y, **sizes)
            threat = ThreatModel(RADIUS, n_swaps=int(_has_categories(X))).fit(train)
            for key, model in models(n_rows, split).items():
                if (name, split, *key) in done or key[0] not in kinds:
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    start = time.process_time()
                    model = fitted(model, key[1], train, y_train, threat, split)
                    seconds = time.process_time() - start
                    values = measures(model, test, y_test, threat) | {"seconds": seconds}
                line = dict(zip(KEYS, (name, split, *key))) | values
                pd.DataFrame([line]).round(4).to_csv(
                    path, mode="a", header=not path.exists(), index=False
                )


def _has_categories(X):
    return X.select_dtypes(exclude="number").shape[1] > 0


def show(path):
    """Print the tables of the docs: frontiers, certificates, models at one cost, and all models."""
    results = _read(path)
    print(_gains(results), end="\n\n")
    print(_certificates(results), end="\n\n")
    print(_at_cost(results, 3), end="\n\n")
    print(_all_models(results, ("clean", "attacked", "certified")), end="\n\n")
    print(_all_models(results, ("log_loss", "ece")), end="\n\n")
    means = _means(results)
    constant = means[means["clean"] < NEARLY_CONSTANT]
    print(
        "nearly constant: "
        + "; ".join(f"{t}: {kind}, {name}, {alpha:g}" for t, kind, name, alpha in constant.index)
    )
    seconds = (
        means.groupby(["kind", "model"], sort=False)["seconds"].agg(["median", "max"]).round(1)
    )
    print(f"seconds of a fit:\n{seconds.to_string()}")


def _read(path):
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _means(results):
    return results.groupby(["table", "kind", "model", "alpha"], sort=False)[MEASURES].mean()


def _is_ours(models):
    return models.index.get_level_values("model").str.startswith(AGAINST)


def frontier(points):
    """Pareto-optimal points in clean and attacked accuracy, by ascending clean accuracy."""
    points = points.sort_values(["clean", "attacked"], ascending=False)
    return points[points["attacked"] > points["attacked"].cummax().shift(fill_value=-np.inf)][::-1]


def interpolated(points, levels):
    """Attacked accuracy at levels of clean accuracy, on lines between neighbors on the frontier."""
    front = frontier(points)
    return np.interp(levels, front["clean"], front["attacked"], right=np.nan)


def best(points, levels, measure="attacked"):
    """Highest value of a measure among points with at least these levels of clean accuracy."""
    return np.array([points.loc[points["clean"] >= level, measure].max() for level in levels])


def compared(results, of_ours=best):
    """Attacked accuracy of other models, interpolated, and of ours, at costs of clean accuracy.

    Results are of one table and kind.
    """
    means = _means(results)
    baselines, ours = means[~_is_ours(means)], means[_is_ours(means)]
    levels = baselines["clean"].max() - np.array(COSTS) / 100
    return interpolated(baselines, levels), of_ours(ours, levels)


def _deviation(results, statistic):
    """Standard error over splits by the jackknife."""
    splits = results["split"].unique()
    if len(splits) < 2:
        return np.nan
    left_out = np.array([statistic(results[results["split"] != split]) for split in splits])
    return np.sqrt((len(splits) - 1) * np.mean((left_out - left_out.mean()) ** 2))


def _complete(results):
    """Lines of the splits in which all models were fitted."""
    n_models = results.groupby("split")["clean"].transform("size")
    return results[n_models == n_models.max()]


def _by_table(results, kinds=("logistic", "network")):
    for (table, kind), lines in results.groupby(["table", "kind"], sort=False):
        if kind in kinds:
            yield table, kind, _complete(lines)


def _gains(results):
    costs = [f"{cost} point{'s' if cost > 1 else ''}" for cost in COSTS]
    parts = {"1 to 4": slice(0, 4), "3 to 5": slice(2, 5)}
    head = [
        *costs,
        *(f"gain, {part}{also}" for also in ("", ", both interpolated") for part in parts),
    ]
    rows = [
        "| attacked, at a clean cost up to | splits | " + " | ".join(head) + " |",
        "| --- " * (len(head) + 2) + "|",
    ]
    for table, kind, lines in _by_table(results):
        cells = [f"{_percent(a)} → {_percent(b)}" for a, b in zip(*compared(lines))]
        cells += [
            _gain(lines, part, of_ours)
            for of_ours in (best, interpolated)
            for part in parts.values()
        ]
        rows.append(f"| {table}: {kind} | {lines['split'].nunique()} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _gain(results, part, of_ours):
    """Mean gain over some of the costs, in points, with its standard error."""

    def gain(lines):
        baselines, ours = compared(lines, of_ours)
        return 100 * np.mean((ours - baselines)[part])

    value, deviation = gain(results), _deviation(results, gain)
    return (
        "–"
        if np.isnan(value)
        else f"{value:+.1f}" + ("" if np.isnan(deviation) else f" ± {deviation:.1f}")
    )


def _percent(value):
    return "–" if np.isnan(value) else f"{100 * value:.1f}"


def _certificates(results):
    head = [*(f"{cost} point{'s' if cost > 1 else ''}" for cost in COSTS), "any"]
    rows = [
        "| certified, at a clean cost up to | " + " | ".join(head) + " |",
        "| --- " * (len(head) + 1) + "|",
    ]
    for table in results["table"].unique():
        of_kinds = [lines for name, _, lines in _by_table(results) if name == table]
        splits = set.intersection(*(set(lines["split"]) for lines in of_kinds))
        means = pd.concat([_means(lines[lines["split"].isin(splits)]) for lines in of_kinds])
        means = means[means["clean"] >= NEARLY_CONSTANT]
        levels = [*(means["clean"].max() - np.array(COSTS) / 100), 0.0]
        name, kind = means.index.get_level_values("model"), means.index.get_level_values("kind")
        is_certified = name == CERTIFIED_AGAINST
        for label, chosen in {
            "logistic, others": (kind == "logistic") & ~_is_ours(means),
            "logistic, against the threat": (kind == "logistic") & _is_ours(means),
            "network, others": (kind == "network") & ~_is_ours(means),
            "network, adversarial against the threat": (kind == "network")
            & _is_ours(means)
            & ~is_certified,
            "network, certified against the threat": (kind == "network") & is_certified,
        }.items():
            if chosen.any():
                values = best(means[chosen], levels, "certified")
                rows.append(f"| {table}: {label} | " + " | ".join(map(_percent, values)) + " |")
    return "\n".join(rows)


def _at_cost(results, cost):
    """The models behind a column of the first table, without interpolation, and no penalty."""
    head = ["clean", "attacked", "certified", "log loss", "calibration error"]
    rows = [
        f"| at most {cost} points | " + " | ".join(head) + " |",
        "| --- " * (len(head) + 1) + "|",
    ]
    for table, kind, lines in _by_table(results):
        means = _means(lines).loc[table, kind]
        others = means[~means.index.get_level_values("model").str.startswith(AGAINST)]
        level = others["clean"].max() - cost / 100
        ours = means.drop(others.index)
        chosen = [others[:1], *(_largest(part[part["clean"] >= level]) for part in (others, ours))]
        for (name, alpha), values in pd.concat(chosen).iterrows():
            label = f"{table}: {kind}, {name}" + (f", {alpha:g}" if alpha else "")
            rows.append(f"| {label} | " + " | ".join(_cells(values)) + " |")
    return "\n".join(rows)


def _largest(points):
    return points.nlargest(1, "attacked")


def _cells(values):
    return [
        *(_percent(values[name]) for name in ("clean", "attacked", "certified")),
        f"{values['log_loss']:.3f}",
        _percent(values["ece"]),
    ]


def _all_models(results, measures):
    """Means over splits of all models, tables side by side."""
    tables = list(results["table"].unique())
    means = pd.concat([_means(lines) for *_, lines in _by_table(results, KINDS)])
    order = means.droplevel("table").index.unique()
    names = list(order.get_level_values("model").unique())
    rows = [
        f"| {' / '.join(measures).replace('_', ' ').replace('ece', 'calibration error')} | "
        + " | ".join(tables)
        + " |"
    ]
    rows.append("| --- " * (len(tables) + 1) + "|")
    for kind in KINDS:
        of_kind = [key for key in order if key[0] == kind]
        for key in sorted(
            of_kind, key=lambda key: (key[1].startswith(AGAINST), names.index(key[1]), key[2])
        ):
            cells = []
            for table in tables:
                values = means.loc[(table, *key)] if (table, *key) in means.index else None
                cells.append(
                    "–"
                    if values is None
                    else " / ".join(_number(values, name) for name in measures)
                )
            label = f"{key[0]}, {key[1]}" + (f", {key[2]:g}" if key[2] else "")
            rows.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _number(values, name):
    return f"{values[name]:.3f}" if name == "log_loss" else _percent(values[name])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("results", type=Path)
    parser.add_argument("--data")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    arguments = parser.parse_args()
    if arguments.what == "show":
        return show(arguments.results)
    run(arguments.results, arguments.data, arguments.tables, arguments.splits, arguments.kinds)


if __name__ == "__main__":
    main()
