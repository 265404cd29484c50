"""The drift test: calibrated without drift, more powerful than single columns with it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, kstest

from sklearn_irg import WassersteinCritic
from sklearn_irg.model_selection import drift_test

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SMALL = WassersteinCritic((10,), max_iter=10)


def test_p_values_are_uniform_without_drift():
    rng = np.random.default_rng(0)
    p_values = [
        drift_test(
            *rng.normal(size=(2, 40, 3)), critic=SMALL, n_permutations=99, random_state=seed
        ).p_value
        for seed in range(120)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.05
    assert np.mean(np.array(p_values) <= 0.1) < 0.17


def rotated_pair(seed):
    """A shift along one axis, rotated so that it is spread over twenty columns."""
    rng = np.random.default_rng(seed)
    reference, new = rng.normal(size=(2, 150, 20))
    return reference, new + 0.7 / np.sqrt(20) * rng.choice([-1, 1], 20)


def test_sees_a_rotated_shift_better_than_the_best_column_does():
    ours, columns = [], []
    for seed in range(12):
        reference, new = rotated_pair(seed)
        ours.append(
            drift_test(reference, new, n_permutations=199, random_state=seed).p_value < 0.05
        )
        smallest = min(ks_2samp(a, b).pvalue for a, b in zip(reference.T, new.T, strict=True))
        columns.append(smallest * reference.shape[1] < 0.05)
    assert np.mean(ours) >= 0.75
    assert np.mean(columns) <= 0.5


def test_names_the_columns_that_moved_in_standard_deviations():
    rng = np.random.default_rng(0)
    columns = ["age", "height", "income"]
    reference, new = (
        pd.DataFrame(rng.normal(size=(300, 3)) * [1, 1e-3, 1e4], columns=columns) for _ in range(2)
    )
    new["height"] += 1e-3
    result = drift_test(reference, new, random_state=0)
    assert result.p_value == pytest.approx(1 / 1001)
    assert result.distance == pytest.approx(1, abs=0.3)
    assert result.contributions[1] > 0.8 * result.contributions.sum()
    assert (result.contributions >= 0).all()
    assert str(result).splitlines()[1].split()[0] == "height"
    assert list(result.names) == columns


def test_is_the_same_for_the_same_seed_and_changes_no_critic():
    tables = np.random.default_rng(0).normal(size=(2, 30, 2))
    critic = WassersteinCritic((5,), max_iter=3)
    a, b = (drift_test(*tables, critic=critic, n_permutations=20, random_state=3) for _ in range(2))
    assert (a.distance, a.p_value) == (b.distance, b.p_value)
    assert critic.get_params()["cv"] == 5
    assert not hasattr(critic, "coefs_")


@pytest.mark.parametrize(
    ("reference", "new", "options", "message"),
    [
        (np.zeros((3, 2)), np.zeros((9, 2)), {}, "reference must have at least 4 rows, .*; got 3"),
        (np.zeros((9, 2)), np.zeros((9, 3)), {}, "reference has 2 columns, but new has 3"),
        (
            np.zeros((9, 2)),
            np.full((9, 2), "a"),
            {},
            "new must be a table of finite numbers, with categories encoded: could not",
        ),
        (np.zeros((9, 2)), np.zeros((0, 2)), {}, "new must have at least 4 rows, .*; got 0"),
        (
            np.zeros((9, 2)),
            np.full((9, 2), np.nan),
            {},
            "new must be a table of finite numbers, .*: Input new contains NaN",
        ),
        (
            np.zeros((9, 2)),
            np.zeros((9, 2)),
            {"n_permutations": 0},
            "n_permutations must be an integer >= 1; got 0",
        ),
        (
            np.zeros((9, 2)),
            np.zeros((9, 2)),
            {"test_size": 1.0},
            "test_size must be a finite number > 0 and < 1; got 1.0",
        ),
        (
            np.zeros((9, 2)),
            np.zeros((9, 2)),
            {"critic": "wide"},
            "critic must be None or a WassersteinCritic; got 'wide'",
        ),
        (
            pd.DataFrame({"a": range(9)}),
            pd.DataFrame({"b": range(9)}),
            {},
            r"reference and new must have the same columns; got \['a'\] and \['b'\]",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(reference, new, options, message):
    with pytest.raises(ValueError, match=message):
        drift_test(reference, new, **options)


@pytest.mark.parametrize(
    "seed", [0, 47]
)  # at 47 the mean of equal scores is not quite equal to them
def test_tables_without_any_variation_have_not_drifted(seed):
    assert (
        drift_test(np.zeros((9, 2)), np.zeros((9, 2)), critic=SMALL, random_state=seed).p_value == 1
    )


def test_a_column_that_hardly_varies_has_no_unit_of_rounding_errors():
    # a rare event in other units: what is constant in the learning half is no ruler
    rng = np.random.default_rng(2)
    reference, new = rng.normal(size=(2, 300, 3))
    new[:, 1] += 0.5
    rare = rng.random((2, 300)) < 1 / 300
    results = []
    for low, high in ((0.0, 1.0), (0.3, 0.4)):
        a, b = np.where(rare, high, low)
        results.append(drift_test(np.c_[reference, a], np.c_[new, b], random_state=4))
    assert max(result.p_value for result in results) < 0.05
    assert max(abs(result.distance) for result in results) < 1


@pytest.mark.parametrize("scale", [1e-170, 1e160])
def test_no_unit_is_too_large_or_too_small(scale):
    reference = np.random.default_rng(0).normal(size=(100, 3))
    results = [drift_test(reference * c, (reference + 3) * c, random_state=0) for c in (1.0, scale)]
    np.testing.assert_allclose(results[1].distance, results[0].distance, rtol=1e-6)


def test_names_come_from_whichever_table_has_them():
    table = pd.DataFrame(np.eye(9, 2), columns=["u", "v"])
    for pair in ((table, table.to_numpy()), (table.to_numpy(), table)):
        assert list(drift_test(*pair, critic=SMALL, random_state=0).names) == ["u", "v"]


def test_a_part_without_rows_is_named():
    with pytest.raises(ValueError, match="leaves no row of reference to learn from: it has 4"):
        drift_test(np.zeros((4, 2)), np.zeros((40, 2)), test_size=0.9)
