"""Outputs by row are the same for a row alone, among others, and among others in another order."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, PowerTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_examples,
    confidence_ascent,
    deepfool,
    fast_gradient,
    projected_gradient,
    virtual_adversarial_direction,
)
from sklearn_irg.diagnostics import (
    attack_distance,
    certified_radius,
    deletion_mask,
    distance_interval,
    input_gradients,
    integrated_gradients,
    local_smoothness,
    signed_distance,
)
from tests.problems import certified_rows, mixed_table, prepared

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:the steps before the last are not affine"),
]


def table_in_four_units(n_samples=160):
    rng = np.random.RandomState(0)
    columns = [10 + 3 * rng.standard_normal(n_samples), 1000 * rng.lognormal(0, 1, n_samples)]
    X = np.column_stack(
        [*columns, 1e-3 * rng.standard_normal(n_samples), rng.randint(0, 9, n_samples)]
    )
    score = (X[:, 0] - 10) / 3 + X[:, 1] / 3000 + 1e3 * X[:, 2] * (X[:, 3] > 4)
    return X, (score + 0.5 * rng.standard_normal(n_samples) > 0.7).astype(int)


X, y = table_in_four_units()
BINS = KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf", encode="onehot-dense")
SMOOTH = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "network": make_pipeline(
        StandardScaler(),
        GradRegMLPClassifier((6,), tol=0.01, learning_rate_init=0.01, random_state=0),
    ),
    "kernel": make_pipeline(StandardScaler(), SVC()),
    "kernel in raw units": SVC(),
    "Bayes": GaussianNB(),
    "powers": make_pipeline(PowerTransformer(), LogisticRegression()),
    "one-vs-rest": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
    "bagging": make_pipeline(
        StandardScaler(), BaggingClassifier(LogisticRegression(), 3, random_state=0)
    ),
}
STEPPED = {
    "neighbors": make_pipeline(StandardScaler(), KNeighborsClassifier()),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "forest": RandomForestClassifier(8, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=8, random_state=0),
    "stack": StackingClassifier(
        [("tree", DecisionTreeClassifier(max_depth=2)), ("linear", GaussianNB())], cv=2
    ),
    "bins": make_pipeline(BINS, LogisticRegression()),
    "clip": make_pipeline(MinMaxScaler(clip=True), LogisticRegression()),
    "threshold": FixedThresholdClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()), threshold=0.7
    ),
}
for model in [*SMOOTH.values(), *STEPPED.values()]:
    model.fit(X, y)
THREAT = ThreatModel(0.5).fit(X)
BOX = ThreatModel(0.5, norm="linf").fit(X)

BY_GRADIENTS = {
    "fast gradient": lambda m, X, y: fast_gradient(m, X, y, 0.5),
    "fast gradients to a class": lambda m, X, y: fast_gradient(
        m, X, y, 0.5, targets=1 - y, n_steps=3
    ),
    "projected gradient": lambda m, X, y: projected_gradient(m, X, y, 0.5, n_steps=4),
    "from a random start": lambda m, X, y: projected_gradient(
        m, X, y, 0.5, norm="linf", n_steps=4, random_state=0
    ),
    "DeepFool": lambda m, X, y: deepfool(m, X, max_iter=10),
    "confidence ascent": lambda m, X, y: confidence_ascent(
        m, X, np.ones(len(X), dtype=int), max_iter=5, return_reached=True
    )[0],
    "virtual adversarial direction": lambda m, X, y: virtual_adversarial_direction(
        m, X, random_state=0
    ),
    "local smoothness": lambda m, X, y: local_smoothness(m, X, 0.5, random_state=0),
    "gradients of the loss": input_gradients,
    "gradients of a score": lambda m, X, y: input_gradients(m, X, y, of="score"),
    "integrated gradients": lambda m, X, y: integrated_gradients(
        m, X, y, baseline=np.array([10.0, 1500, 0, 4])
    ),
    "signed distance": signed_distance,
}
BY_ANY_ATTACK = {
    "examples": lambda m, X, y: adversarial_examples(m, X, y, THREAT),
    "examples in a box": lambda m, X, y: adversarial_examples(m, X, y, BOX),
    "examples at a radius": lambda m, X, y: adversarial_examples(m, X, y, 0.5),
    "attack distance": lambda m, X, y: attack_distance(m, X, threat=THREAT),
    "attack distance without a threat": lambda m, X, y: attack_distance(m, X),
}
MASKS = {
    "deletion": lambda m, X, y: deletion_mask(m, X, np.array([10.0, 1500, 0, 4])),
    "greedy deletion of short lists": lambda m, X, y: deletion_mask(
        m, X, [8.0, 700, 1e-3, 6], alpha=0.3, beam_width=1
    ),
}
CERTAIN = {
    "certified": lambda m, X, y: certified_rows(m, X, y, THREAT, [0.1, 0.4]).T,
    "certified radius": lambda m, X, y: certified_radius(m, X, y, threat=BOX),
    "interval": lambda m, X, y: np.column_stack(distance_interval(m, X, y, threat=BOX)),
}


def assert_rows_are_their_own(function, model, X, y, n_alone=3):
    """The same, up to rounding, and the same where something is refused."""
    n = len(X)
    order = np.random.RandomState(1).permutation(n)
    together = np.asarray(function(model, X, y), dtype=float).reshape(n, -1)
    size = np.abs(np.where(np.isfinite(together), together, 0)).max(axis=0) + 1e-300
    permuted = np.asarray(function(model, X[order], y[order]), dtype=float).reshape(n, -1)
    np.testing.assert_allclose(permuted / size, together[order] / size, rtol=1e-6, atol=1e-6)
    for i in range(n_alone):
        alone = np.asarray(function(model, X[[i]], y[[i]]), dtype=float).reshape(1, -1)
        np.testing.assert_allclose(alone / size, together[[i]] / size, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", BY_GRADIENTS)
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name, function):
    assert_rows_are_their_own(BY_GRADIENTS[function], SMOOTH[name], X[:12], y[:12])


@pytest.mark.parametrize("function", BY_ANY_ATTACK)
@pytest.mark.parametrize("name", [*SMOOTH, *STEPPED])
def test_attacks(name, function):
    assert_rows_are_their_own(
        BY_ANY_ATTACK[function], (SMOOTH | STEPPED)[name], X[:6], y[:6], n_alone=2
    )


@pytest.mark.parametrize("function", MASKS)
@pytest.mark.parametrize("name", [name for name in (*SMOOTH, *STEPPED) if name != "threshold"])
def test_masks(name, function):
    assert_rows_are_their_own(MASKS[function], (SMOOTH | STEPPED)[name], X[:12], y[:12])


@pytest.mark.parametrize("function", CERTAIN)
@pytest.mark.parametrize("name", ["linear", "network", "tree", "bins", "clip"])
def test_certificates(name, function):
    assert_rows_are_their_own(CERTAIN[function], (SMOOTH | STEPPED)[name], X[:12], y[:12])


@pytest.mark.parametrize(
    "last", [LogisticRegression(), GaussianNB(), RandomForestClassifier(5, random_state=0)]
)
def test_mixed_tables_with_swaps(last):
    table, labels = mixed_table()
    columns = ["age", "job", "grade", "flag"]
    table = table[columns]
    model = prepared(last, numbers=["age"], categories=["job", "grade", "flag"])
    model.steps.insert(1, ("dense", StandardScaler(with_mean=False)))
    if isinstance(last, GaussianNB):
        model.steps[0][1].set_params(sparse_threshold=0)
    model.fit(table, labels)
    threat = ThreatModel(0.4, n_swaps=1).fit(table)
    found = adversarial_examples(model, table[:10], labels[:10], threat)
    backwards = adversarial_examples(model, table[:10][::-1], labels[:10][::-1], threat)[::-1]
    pd.testing.assert_frame_equal(found, backwards)
    for i in range(3):
        alone = adversarial_examples(model, table[i : i + 1], labels[i : i + 1], threat)
        pd.testing.assert_frame_equal(alone, found[i : i + 1])
