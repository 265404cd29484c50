"""Search for models that cannot be read.

Against random shifts, and across thresholds behind steps that mix columns.
"""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.searches.mixed_thresholds import cross_mixed_thresholds
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, adversarial_examples

X, y = make_classification(400, 10, n_informative=6, random_state=0)
TRAIN, TEST, LABELS = X[:350], X[350:], y[350:]
EPSILON = {"linf": 0.3, "l2": 0.6, "l1": 1.0}
ORDER = {"l2": 2, "linf": np.inf, "l1": 1}
NEIGHBORS = KNeighborsClassifier(5).fit(TRAIN, y[:350])
MIXED = make_pipeline(
    StandardScaler(), PCA(6), HistGradientBoostingClassifier(max_iter=30, random_state=0)
).fit(TRAIN, y[:350])


def shifted(threat, n_shifts):
    """The rows at random points at the end of the ball, in all or some columns, one after another."""
    rng = np.random.RandomState(1)
    for _ in range(n_shifts):
        direction = rng.standard_normal(TEST.shape) * (
            rng.random_sample(TEST.shape) < rng.choice([0.3, 1.0])
        )
        direction = np.sign(direction) if threat.norm == "linf" else direction
        sizes = np.linalg.norm(direction, ord=ORDER[threat.norm], axis=1, keepdims=True)
        delta = direction * threat.epsilon / np.where(sizes > 0, sizes, 1)
        yield np.clip(TEST + delta * threat.scales_, threat.lows_, threat.highs_)


def accuracy_under_shifts(model, threat, n_shifts=1000):
    """Accuracy at the worst of these points and where the rows are."""
    points = np.concatenate([TEST, *shifted(threat, n_shifts)])
    wrong = model.predict(points).reshape(n_shifts + 1, -1) != LABELS
    return np.mean(~wrong.any(axis=0))


@pytest.mark.parametrize("norm", EPSILON)
@pytest.mark.parametrize("model", [NEIGHBORS, MIXED], ids=["neighbors", "behind components"])
def test_it_is_at_most_a_row_above_a_thousand_shifts(model, norm):
    threat = ThreatModel(EPSILON[norm], norm=norm).fit(TRAIN)
    found = [
        adversarial_accuracy(model, TEST, LABELS, threat.set_params(random_state=seed))
        for seed in range(3)
    ]  # what is drawn is worth two rows either way
    assert np.mean(found) <= accuracy_under_shifts(model, threat) + 1.01 / len(TEST)


@pytest.mark.parametrize("norm", EPSILON)
class TestMixedThresholds:
    def test_points_are_in_the_set_and_worse(self, norm):
        threat = ThreatModel(EPSILON[norm], norm=norm).fit(TRAIN)
        problem = AttackProblem(MIXED, TEST, LABELS, threat)
        best = BestFound(problem)
        before = best.loss.copy()
        cross_mixed_thresholds(best, problem.perturbations.box_and_ball(threat.epsilon))
        moved = problem.result(best.delta, best.codes)
        assert threat.allows(TEST, moved).all()
        assert (best.loss >= before).all()
        assert (best.wrong & (MIXED.predict(TEST) == LABELS)).sum() >= 3

    def test_what_the_search_finds_is_misclassified_and_allowed(self, norm):
        threat = ThreatModel(EPSILON[norm], norm=norm).fit(TRAIN)
        moved = adversarial_examples(MIXED, TEST, LABELS, threat)
        assert threat.allows(TEST, moved).all()
        assert np.mean(MIXED.predict(moved) == LABELS) == adversarial_accuracy(
            MIXED, TEST, LABELS, threat
        )
