"""Does it help on tables? Every penalty at two strengths, compared with no penalty on the same rows.

    python -m benchmarks.does_it_help run RESULTS.csv [--data DIRECTORY] [--seeds 5] [--jobs 1]
    [--tables TABLE ...] python -m benchmarks.does_it_help show RESULTS.csv

Penalties and strengths were fixed before the first run, two each, and all are shown. Half of the
rows are for fitting. ``run`` appends a line for each table, seed and model, and leaves out those
that are there; ``show`` prints the tables of the docs.

Tables are scikit-learn's, and with a directory of CSV files adult (3000 rows), ionosphere, pima and
sonar. Under attack, numbers move by 0.3 standard deviations ("l2") within the table's range,
integers by integers, and one category changes; 100 held-out rows. Noise is normal with half a
standard deviation in each number, "missing" empties a fifth of the cells; both in held-out rows
only, three draws. "ece" is the expected calibration error over ten bins of equal width, "seconds"
those of the processor in one fit. Penalties that need annotations (`RightReasons`) or unlabeled
rows (`ConditionalEntropy`, `ClassBalance`) have no place here.
"""

import argparse
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.penalties import (
    AdversarialLoss,
    CertifiedLoss,
    HiddenNoise,
    InputDropout,
    InputGradient,
    InputNoise,
    Jacobian,
    LabelNoise,
    LipschitzGradient,
    LocalRadius,
    ParameterGradient,
    RandomPerturbation,
    SpectralNorm,
    VirtualAdversarial,
    WeightDecay,
    WeightNoise,
)

BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
TARGETS = {"adult": "income", "ionosphere": "target", "pima": "diabetes", "sonar": "target"}
HALVES = {"iris": 75, "wine": 89, "breast cancer": 284, "digits": 898} | {
    "adult": 1500, "ionosphere": 175, "pima": 384, "sonar": 104,
}  # fmt: skip
RADIUS = 0.3
FOR_BOTH = {
    "input gradient": (InputGradient(), (0.1, 1.0)),
    "input gradient, l1": (InputGradient("l1"), (0.1, 1.0)),
    "jacobian": (Jacobian(), (0.01, 0.1)),
    "certified": (CertifiedLoss(RADIUS, "l2"), (0.3, 1.0)),
    "spectral norm": (SpectralNorm(), (0.01, 0.1)),
    "weight decay": (WeightDecay(), (0.001, 0.01)),
}
FOR_NETWORKS = {
    "adversarial": (AdversarialLoss(RADIUS), (0.3, 1.0)),
    "lipschitz gradient": (LipschitzGradient(), (0.1, 1.0)),
    "virtual adversarial": (VirtualAdversarial(RADIUS), (1.0, 10.0)),
    "virtual adversarial, local": (VirtualAdversarial(LocalRadius()), (1.0, 3.0)),
    "random perturbation": (RandomPerturbation(1.0), (1.0, 10.0)),
    "parameter gradient": (ParameterGradient(), (0.1, 1.0)),
    "input noise": (InputNoise(RADIUS), (0.3, 1.0)),
    "input dropout": (InputDropout(0.2), (0.3, 1.0)),
    "hidden noise": (HiddenNoise(0.5), (0.3, 1.0)),
    "weight noise": (WeightNoise(0.1), (0.3, 1.0)),
    "label noise": (LabelNoise(0.1), (0.3, 1.0)),
}
LOGISTIC = GradRegLogisticRegression(None, max_iter=1000)
PERCEPTRON = GradRegMLPClassifier((50,), penalty=None, max_iter=200, random_state=0)
N_ROWS = 100  # under attack
MEASURES = ["clean", "attacked", "certified", "log_loss", "ece", "noise", "missing", "seconds"]


def _models():
    """Estimators by kind, penalty and strength; without penalty they are scikit-learn's."""
    models = {("logistic", "none", 0.0): LOGISTIC, ("MLP", "none", 0.0): PERCEPTRON}
    for kind, estimator, penalties in (
        ("logistic", LOGISTIC, FOR_BOTH),
        ("MLP", PERCEPTRON, FOR_BOTH | FOR_NETWORKS),
    ):
        for name, (penalty, strengths) in penalties.items():
            for alpha in strengths:
                models[kind, name, alpha] = clone(estimator).set_params(
                    penalty=penalty, alpha=alpha
                )
    models["majority class", "none", 0.0] = DummyClassifier()
    models["tree", "none", 0.0] = DecisionTreeClassifier(max_leaf_nodes=20, random_state=0)
    models["forest", "none", 0.0] = RandomForestClassifier(random_state=0)
    models["boosting", "none", 0.0] = HistGradientBoostingClassifier(random_state=0)
    return models


def load(name, directory):
    """A table's columns and classes, at most 3000 rows of it."""
    if name in BUNDLED:
        return BUNDLED[name](return_X_y=True, as_frame=True)
    table = pd.read_csv(Path(directory) / f"{name}.csv", na_values="?")
    table = table.sample(3000, random_state=0) if len(table) > 3000 else table
    y = table.pop(TARGETS[name])
    return table, y


def prepared(model):
    return make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ),
        clone(model),
    )


def noisy(X, scale, rng):
    """Numbers with normal noise of half a standard deviation."""
    numbers = X.select_dtypes("number").astype(float)
    moved = numbers + 0.5 * scale[numbers.columns].to_numpy() * rng.standard_normal(numbers.shape)
    return X.assign(**{name: moved[name] for name in moved})


def emptied(X, rng):
    """A fifth of the cells taken away."""
    X = X.astype(dict.fromkeys(X.select_dtypes("number"), float))
    return X.mask(rng.random(X.shape) < 0.2)


def calibration_error(probabilities, correct, n_bins=10):
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs(np.sum(correct[bins == b] - confidence[bins == b])) for b in range(n_bins)]
    return np.sum(gaps) / len(correct)


def measures(model, X, y, threat, seed, n_rows=N_ROWS):
    """All measures of one model on one split."""
    train, test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, random_state=seed, stratify=y
    )
    start = time.process_time()
    pipe = prepared(model).fit(train, y_train)
    seconds = time.process_time() - start
    probabilities = pipe.predict_proba(test)
    correct = pipe.predict(test) == y_test.to_numpy()
    attacked = test[:n_rows], y_test[:n_rows]
    try:
        certified = certified_accuracy(pipe, *attacked, threat)
    except TypeError:  # forests and boosting
        certified = np.nan
    scale = train.select_dtypes("number").std()
    draws = [np.random.default_rng([seed, draw]) for draw in range(3)]
    return {
        "clean": correct.mean(),
        "attacked": adversarial_accuracy(pipe, *attacked, threat),
        "certified": certified,
        "log_loss": log_loss(y_test, probabilities, labels=pipe.classes_),
        "ece": calibration_error(probabilities, correct),
        "noise": np.mean([pipe.score(noisy(test, scale, rng), y_test) for rng in draws]),
        "missing": np.mean([pipe.score(emptied(test, rng), y_test) for rng in draws]),
        "seconds": seconds,
    }


def _line(name, X, y, threat, seed, key, model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measures(model, X, y, threat, seed)
    return {"table": name, "seed": seed, **dict(zip(("model", "penalty", "alpha"), key)), **found}


def run(path, names, directory, n_seeds, n_jobs):
    done = set()
    if path.exists():
        seen = pd.read_csv(path, keep_default_na=False)
        done = set(
            seen[["table", "seed", "model", "penalty", "alpha"]].itertuples(index=False, name=None)
        )
    tables = {name: load(name, directory) for name in names}
    threats = {name: ThreatModel(RADIUS, n_swaps=1).fit(X) for name, (X, _) in tables.items()}
    jobs = (
        joblib.delayed(_line)(name, X, y, threats[name], seed, key, model)
        for seed in range(n_seeds)
        for name, (X, y) in tables.items()
        for key, model in _models().items()
        if (name, seed, *key) not in done
    )
    for line in joblib.Parallel(n_jobs, return_as="generator_unordered")(jobs):
        pd.DataFrame([line]).round(4).to_csv(path, mode="a", header=not path.exists(), index=False)


def differences(results):
    """Mean difference from no penalty over splits of a table, and half-width of its 95 % interval.

    Splits of one table share rows, so variances of means are larger than those of independent ones:
    by the correction of Nadeau and Bengio (2003), 1/n + n_test/n_train in place of 1/n. Halves are
    for fitting and for testing, but only ``N_ROWS`` of the second under attack.
    """
    results = results.set_index(["model", "penalty", "alpha", "table", "seed"])[
        MEASURES
    ].sort_index()
    plain = results.xs(("none", 0.0), level=("penalty", "alpha"))
    penalized = results[results.index.get_level_values("penalty") != "none"]
    keys = penalized.index.droplevel(("penalty", "alpha"))
    delta = penalized - plain.loc[keys].to_numpy()
    delta["seconds"] = penalized["seconds"] / plain.loc[keys, "seconds"].to_numpy()
    grouped = delta.groupby(level=["model", "penalty", "alpha", "table"])
    mean, n = grouped.mean(), grouped.size().iloc[0]
    n_train = mean.index.get_level_values("table").map(HALVES).to_numpy()
    ratio = pd.DataFrame(1.0, mean.index, MEASURES)
    for measure in ("attacked", "certified"):
        ratio[measure] = np.minimum(N_ROWS / n_train, 1.0)
    return mean, t.ppf(0.975, n - 1) * grouped.std() * np.sqrt(1 / n + ratio)


def show(path):
    results = pd.read_csv(path, keep_default_na=False, na_values=[""])
    mean, width = differences(results)
    _print_counts(mean, width)
    for model in ("logistic", "MLP"):
        print(_beside_none(model, mean.loc[model], width.loc[model]), end="\n\n")
    for measure in MEASURES[:-1]:
        print(_levels(results, measure), end="\n\n")


def _print_counts(mean, width):
    """Print counts of differences under attack beyond their intervals, and gains of cheap models.

    Cheap models cost at most a point of clean accuracy.
    """
    tables = mean.index.get_level_values("table")
    better, worse = mean["attacked"] > width["attacked"], -mean["attacked"] > width["attacked"]
    for where, rows in ("adult", tables == "adult"), ("elsewhere", tables != "adult"):
        print(
            f"attacked, {where}: {better[rows].sum()} better, {worse[rows].sum()} worse, of "
            f"{rows.sum()}"
        )
    cheap = mean[better & (tables == "adult") & (mean["clean"] > -0.01)]
    gains = (100 * cheap["attacked"]).groupby("model").agg(["size", "min", "max"]).round(1)
    print(f"adult, for at most a point of clean accuracy, in points:\n{gains}\n")


def _beside_none(model, mean, width):
    """Medians over tables, and on how many of them the interval lies above and below zero."""
    head = ["clean", "attacked", "certified", "noise", "missing"]
    rows = [
        f"| {model}, penalty and strength | "
        + " | ".join(head)
        + " | log loss | calibration error | fit |"
    ]
    rows.append("| --- " * (len(head) + 4) + "|")
    for key, values in mean.groupby(level=["penalty", "alpha"], sort=False):
        widths = width.loc[values.index]
        cells = [_cell(100 * values[name], 100 * widths[name], 1, "+.1f") for name in head]
        cells += [_cell(values["log_loss"], widths["log_loss"], -1, "+.3f")]
        cells += [_cell(100 * values["ece"], 100 * widths["ece"], -1, "+.1f")]
        rows.append(
            f"| {key[0]}, {key[1]:g} | "
            + " | ".join(cells)
            + f" | ×{values['seconds'].median():.1f} |"
        )
    return "\n".join(rows)


def _cell(values, widths, better, form):
    wins = (better * values > widths).sum()
    losses = (-better * values > widths).sum()
    return f"{values.median():{form}} ({wins}/{losses})"


def _levels(results, measure):
    """Means over the splits of each table, in per cent; log loss in nats."""
    factor, form = (1, ".3f") if measure == "log_loss" else (100, ".1f")
    means = factor * results.pivot_table(
        measure, ["model", "penalty", "alpha"], "table", sort=False, dropna=False
    )
    rows = [
        f"| {measure} | " + " | ".join(means.columns) + " |",
        "| --- " * (len(means.columns) + 1) + "|",
    ]
    for (model, penalty, alpha), values in means.dropna(how="all").iterrows():
        label = model if penalty == "none" else f"{model}, {penalty}, {alpha:g}"
        rows.append(f"| {label} | " + " | ".join(f"{v:{form}}" for v in values) + " |")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("results", type=Path)
    parser.add_argument("--tables", nargs="+", metavar="TABLE")
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.what == "show":
        return show(arguments.results)
    names = arguments.tables or [*BUNDLED, *(TARGETS if arguments.data else ())]
    run(arguments.results, names, arguments.data, arguments.seeds, arguments.jobs)


if __name__ == "__main__":
    main()
