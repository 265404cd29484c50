"""Training against a threat compared with adversarial training written by hand in torch.

    python benchmarks/experiments/adversarial_peers.py DIRECTORY [--splits 5]

Both get the same rows and network, numbers only, of the census table (4000 rows to fit on, 1000
under attack) and pima (halves). They move by 0.3 standard deviations together ("l2"), within the
range of the table and by integers. Networks of 50 units, Adam, 60 epochs of 200 rows, classes count
the same, as they do in accuracies. Loss plus the loss at the worst point: in torch one step along
the gradient in the ball of standardized columns, which knows neither bounds nor integers.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegMLPClassifier, RobustTrainingClassifier
from sklearn_irg.attacks import ThreatModel, make_adversarial_scorer
from sklearn_irg.penalties import AdversarialLoss

RADIUS, N_EPOCHS, BATCH, N_UNITS = 0.3, 60, 200, 50
DECAYS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def torch_network(X, y, seed):
    """Adversarial training by hand, as a fitted `MLPClassifier`."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rows, labels = torch.tensor(X, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    weights = torch.where(labels > 0, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    layers = torch.nn.Linear(X.shape[1], N_UNITS), torch.nn.ReLU(), torch.nn.Linear(N_UNITS, 1)
    network = torch.nn.Sequential(*layers).double()
    solver = torch.optim.Adam(network.parameters(), lr=0.001)
    log_loss = torch.nn.functional.binary_cross_entropy_with_logits
    for _ in range(N_EPOCHS):
        for some in torch.randperm(len(rows)).split(BATCH):
            moving = rows[some].clone().requires_grad_()
            log_loss(network(moving)[:, 0], labels[some], reduction="sum").backward()
            direction = moving.grad / moving.grad.norm(dim=1, keepdim=True).clamp_min(1e-30)
            both = torch.cat([rows[some], rows[some] + RADIUS * direction])
            losses = log_loss(network(both)[:, 0], labels[some].repeat(2), reduction="none")
            solver.zero_grad()
            ((losses * weights[some].repeat(2)).sum() / len(some)).backward()
            solver.step()
    twin = MLPClassifier((N_UNITS,), max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin.fit(X[:BATCH], y[:BATCH])
    twin.coefs_ = [layer.weight.detach().numpy().T.copy() for layer in (layers[0], layers[2])]
    twin.intercepts_ = [layer.bias.detach().numpy().copy() for layer in (layers[0], layers[2])]
    return twin


def models(X, y, threat, seed):
    """Names and fitted models, with the seconds of a fit."""
    options = {
        "max_iter": N_EPOCHS,
        "batch_size": BATCH,
        "class_weight": "balanced",
        "random_state": seed,
    }

    def ours(penalty, alpha=1.0):
        last = GradRegMLPClassifier((N_UNITS,), penalty=penalty, alpha=alpha, **options)
        return make_pipeline(StandardScaler(), last)

    def by_hand():
        scaler = StandardScaler().fit(X)
        pipeline = make_pipeline(scaler, MLPClassifier())
        pipeline.steps[-1] = ("mlpclassifier", torch_network(scaler.transform(X), y, seed))
        return pipeline

    fits = {
        "no penalty": lambda: ours(None).fit(X, y),
        "torch, one step": by_hand,
        "AdversarialLoss(0.3)": lambda: ours(AdversarialLoss(RADIUS)).fit(X, y),
        "against the threat": lambda: RobustTrainingClassifier(
            ours("adversarial_loss"), threat
        ).fit(X, y),
        **{
            f"weight_decay {alpha:g}": lambda alpha=alpha: ours("weight_decay", alpha).fit(X, y)
            for alpha in DECAYS
        },
    }
    for name, fit in fits.items():
        start = time.process_time()
        model = fit()
        yield name, model, time.process_time() - start


def tables(directory):
    """Numbers and labels, and how many rows to fit on and to attack."""
    census = pd.read_csv(Path(directory) / "adult.csv")
    y = census.pop("income").str.contains(">").astype(int)
    yield "census, numbers", census.select_dtypes("number").to_numpy(float), y, 4000, 1000
    pima = pd.read_csv(Path(directory) / "pima.csv")
    y = pima.pop("diabetes")
    yield "pima", pima.to_numpy(float), y, 384, 384


def main():
    """Print means over splits: clean and attacked balanced accuracy, and seconds of a fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for table, X, y, n_train, n_test in tables(arguments.directory):
        found = {}
        for split in range(arguments.splits):
            sizes = {"train_size": n_train, "test_size": n_test, "random_state": split}
            X_train, X_test, y_train, y_test = train_test_split(
                X, y.to_numpy(), stratify=y, **sizes
            )
            threat = ThreatModel(RADIUS).fit(X)
            under_attack = make_adversarial_scorer(threat, scoring="balanced_accuracy")
            for name, model, seconds in models(X_train, y_train, threat, split):
                clean = balanced_accuracy_score(y_test, model.predict(X_test))
                attacked = under_attack(model, X_test, y_test)
                found.setdefault(name, []).append([clean, attacked, seconds])
        for name, rows in found.items():
            clean, attacked, seconds = np.mean(rows, axis=0)
            print(
                f"| {table}: {name} | {100 * clean:.1f} | {100 * attacked:.1f} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
