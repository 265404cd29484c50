"""An evaluation of the objective against a threat, compared with the same estimator with weight decay.

The rows are like those of a census: six numbers, of which five are integers, and eight categories
as 90 indicators. Networks have 50 units and see minibatches of 200 rows; logistic regressions see
all 4000 rows at once, with kinks rounded off as in most of their iterations.
"""

from functools import partial

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.race import Contest
from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._threats.behind_fitted_steps import perturbations_behind
from sklearn_irg._training.data import check_data
from sklearn_irg._training.train import objective_of, terms_of
from sklearn_irg.attacks import ThreatModel
from sklearn_irg.penalties import CertifiedLoss

N_ROWS, BATCH = 4000, 200
LEVELS = (9, 16, 7, 15, 6, 5, 2, 30)
# largest time of a step over one with weight decay, by kind of model and number of swaps
TARGETS = {
    ("logistic", "adversarial_loss", 0): 3.0,
    ("logistic", "adversarial_loss", 1): 3.0,
    ("MLP", "adversarial_loss", 0): 2.5,
    ("MLP", "adversarial_loss", 1): 3.5,
    ("MLP", "certified_loss", 1): 8.0,
}


def evaluations(quick=False):
    """Logistic regressions and networks, attacked and certified, with a swap and without."""
    del quick
    for (model, penalty, n_swaps), target in TARGETS.items():
        swaps = "one swap" if n_swaps else "numbers only"
        plain = {"weight_decay": partial(step, model, "weight_decay", n_swaps)}
        yield Contest(
            f"{model}, {penalty}, {swaps}",
            partial(step, model, penalty, n_swaps),
            plain,
            {"weight_decay": target},
        )


def step(model, penalty, n_swaps):
    """Value and gradient of the objective, once."""
    X, y = table()
    prepare = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude="number")),
    )
    inputs = prepare.fit_transform(X)
    threat = ThreatModel(0.3, n_swaps=n_swaps).fit(X)
    perturbations = perturbations_behind([("prepare", prepare)], X, inputs, threat)
    kind = (
        GradRegLogisticRegression if model == "logistic" else partial(GradRegMLPClassifier, (50,))
    )
    estimator = kind(penalty=CertifiedLoss() if penalty == "certified_loss" else penalty, alpha=1.0)
    settings = estimator._settings()
    data = check_data(estimator, inputs, y, perturbations=perturbations)
    rows, network = data.encoded(estimator._task().first(data.y), settings)
    objective = objective_of(network, rows, settings, terms_of(settings, rows))
    theta = network.initialize(np.random.RandomState(0), inputs.dtype)
    if model == "logistic":
        objective = objective.bounded().smoothed(4096.0)
        batch = objective.full_batch()
    else:
        batch = next(iter(objective.minibatches(BATCH, True, np.random.RandomState(0))))
    random_state = np.random.RandomState(0)

    def run():
        objective.value_and_grad(theta, batch, random_state)

    return run


def table():
    """Rows like those of a census, and whether the income is high."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"age": rng.randint(17, 90, N_ROWS), "weight": rng.lognormal(12, 0.5, N_ROWS)})
    X["gain"] = np.where(rng.rand(N_ROWS) < 0.1, rng.randint(100, 20_000, N_ROWS), 0)
    X["loss"] = np.where(rng.rand(N_ROWS) < 0.05, rng.randint(100, 3000, N_ROWS), 0)
    X["years"], X["hours"] = rng.randint(1, 17, N_ROWS), rng.randint(1, 99, N_ROWS)
    score = (X["age"] - 45) / 20 + (X["years"] - 9) / 3 + X["gain"] / 5000
    for k, size in enumerate(LEVELS):
        codes = rng.randint(size, size=N_ROWS)
        X[f"category {k}"] = [f"level {code}" for code in codes]
        score += 0.5 * rng.standard_normal(size)[codes]
    return X, (score + rng.standard_normal(N_ROWS) > score.quantile(0.75)).astype(int).to_numpy()
