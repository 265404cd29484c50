"""Rows: groups, weights that sum to one over each, and minibatches that draw from all."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import shuffle

from sklearn_irg._engine.rows import Columns, Rows

rng = np.random.RandomState(0)
X, Y = rng.standard_normal((23, 4)), rng.standard_normal((23, 2))
GROUPS = {"first": np.arange(5), "second": np.arange(5, 23)}


def test_weights_sum_to_one_over_each_group_and_over_all():
    weights = rng.rand(23)
    batch = Rows(X, Y, sample_weight=weights, groups=GROUPS).full_batch()
    for name, positions in GROUPS.items():
        np.testing.assert_allclose(
            batch.weights[name][positions], weights[positions] / weights[positions].sum()
        )
        assert batch.weights[name].sum() == pytest.approx(1)
    np.testing.assert_allclose(batch.weights["all"], weights / weights.sum())


def test_the_groups_are_the_labeled_rows_or_all_if_there_are_no_targets():
    assert Rows(X, Y).group_names == ["all", "labeled"]
    assert Rows(X).group_names == ["all"]
    assert Rows(X, Y, groups={"labeled": np.arange(23), "unlabeled": np.arange(0)}).group_names == [
        "all",
        "labeled",
    ]


def test_every_row_is_seen_once_in_an_epoch_and_smaller_groups_start_over():
    rows = Rows(X, Y, groups=GROUPS)
    seen = np.concatenate([batch.rows for batch in rows.minibatches(4, True, rng)])
    assert sorted(seen[seen >= 5]) == list(range(5, 23))
    assert (np.bincount(seen)[:5] >= 2).all()
    for batch in rows.minibatches(4, True, rng):
        assert batch.weights["first"].any()
        assert batch.weights["second"].any()
        np.testing.assert_array_equal(batch.X, X[batch.rows])
        np.testing.assert_array_equal(batch.targets, Y[batch.rows])


def test_what_terms_see_cannot_be_written_to():
    rows = Rows(X, Y, groups=GROUPS, mask=X > 0)
    for batch in [
        rows.full_batch(),
        *rows.minibatches(5, False, rng),
        *rows.full_batch().blocks(3),
    ]:
        for array in (batch.X, batch.targets, batch.mask, *batch.weights.values()):
            assert not array.flags.writeable
    assert X.flags.writeable
    assert Y.flags.writeable


def test_a_piece_stands_for_its_whole_group():
    rows, total = Rows(X, Y, groups=GROUPS), 0
    for batch in rows.minibatches(5, False, rng):
        assert batch.weights["first"].sum() == pytest.approx(1)
        assert batch.weights["second"].sum() == pytest.approx(1)
        total += 1
    assert total == 4


def test_groups_may_have_batch_sizes_of_their_own():
    rows = Rows(X, Y, groups=GROUPS)
    sizes = [
        [np.count_nonzero(batch.weights[name]) for name in GROUPS]
        for batch in rows.minibatches({None: 2, "second": 9}, False, rng)
    ]
    assert sizes == [[2, 9], [2, 9], [1, 9]]


def test_blocks_know_the_positions_of_their_rows():
    rows = Rows(X, Y, groups=GROUPS)
    for batch in [rows.full_batch(), *rows.minibatches(5, True, rng)]:
        for block in batch.blocks(4):
            np.testing.assert_array_equal(block.X, X[block.rows])


def test_each_epoch_shuffles_the_order_of_the_last_one_again_as_scikit_learn_does():
    rows, ours, theirs, order = (
        Rows(X, Y),
        np.random.RandomState(3),
        np.random.RandomState(3),
        np.arange(23),
    )
    for _ in range(3):
        order = shuffle(order, random_state=theirs)
        np.testing.assert_array_equal(
            np.concatenate([batch.rows for batch in rows.minibatches(7, True, ours)]), order
        )


def test_blocks_keep_the_total_weight_of_their_batch():
    batch = Rows(X, Y, mask=X > 0).full_batch()
    blocks = batch.blocks(10)
    assert [block.n_samples for block in blocks] == [10, 10, 3]
    assert {block.total_weight for block in blocks} == {23.0}
    np.testing.assert_array_equal(np.concatenate([block.mask for block in blocks]), X > 0)


def test_taken_rows_keep_their_groups_and_the_order_asked_for():
    taken = Rows(X, Y, groups=GROUPS, sample_weight=np.arange(1.0, 24), mask=X > 0).take(
        np.array([7, 2, 9])
    )
    np.testing.assert_array_equal(taken.X, X[[7, 2, 9]])
    np.testing.assert_array_equal(taken.mask, X[[7, 2, 9]] > 0)
    np.testing.assert_array_equal(taken.sample_weight, [8, 3, 10])
    assert {name: list(positions) for name, positions in taken.groups.items()} == {
        "first": [1],
        "second": [0, 2],
    }


def test_precision_changes_as_a_whole():
    rows = Rows(X.astype(np.float32), Y.astype(np.float32), feature_names=list("abcd")).astype(
        np.float64
    )
    batch = rows.full_batch()
    assert {batch.X.dtype, batch.targets.dtype, batch.weights["all"].dtype} == {
        np.dtype(np.float64)
    }
    assert rows.columns == Columns(4, ("a", "b", "c", "d"), np.dtype(np.float64))


class TestColumns:
    columns = Columns(3, ("age", "size", "price"), np.dtype(np.float32))

    def test_names_positions_and_booleans_choose_columns(self):
        for features in (["size", -1], [1, 2], [False, True, True], np.array([1, 2])):
            mask = self.columns.mask_of(features)
            np.testing.assert_array_equal(mask, [0, 1, 1])
            assert mask.dtype == np.float32
        assert self.columns.mask_of(None) is None

    def test_nothing_to_penalise_is_an_error(self):
        for features in ([], [False] * 3):
            with pytest.raises(
                ValueError, match="features is empty, so nothing would be penalized"
            ):
                self.columns.mask_of(features)

    def test_what_moves_inputs_needs_dense_ones(self):
        with pytest.raises(
            ValueError, match="InputNoise moves every entry of X, so it needs a dense X"
        ):
            Rows(sparse.csr_array(X)).columns.require_dense("InputNoise")
