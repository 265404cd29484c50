"""Additive trees as tables of bits that tell which leaves a box of cells reaches.

The thresholds of a column cut its numbers into cells; a box is an interval of cells in each column.
The leaves of a tree are the bits of a word (or of several), in decreasing order of value, so that
the lowest bit among those that a box reaches is its best leaf. A box reaches a leaf where their
intervals overlap in every column, so that the word of a box is a bitwise "and" of rows of two
tables: leaves whose cells end at a cell or later, and leaves whose cells begin at it or earlier. A
missing value is one more cell, the last of its column, which no interval shares with numbers.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

__all__ = ["LeafTables", "Leaves"]

_BITS = 64  # of a word, a uint64
_NONE = np.uint64(0)


@dataclass(frozen=True)
class Leaves:
    """Leaves of additive trees as boxes of cells.

    Attributes
    ----------
    tree : ndarray of int of shape (n_leaves,)
        Tree of each leaf, from 0, in increasing order.
    value : ndarray of shape (n_leaves,)
        Value that it adds to the score.
    low, high : ndarray of int of shape (n_leaves, n_columns)
        First and last cell of each column; the first is behind the last where no number reaches the
        leaf.
    takes_missing : ndarray of bool of shape (n_leaves, n_columns)
        Whether a row with a missing value there reaches it.
    n_cells : ndarray of int of shape (n_columns,)
        Number of cells of each column, without that of missing values.
    """

    tree: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    takes_missing: np.ndarray
    n_cells: np.ndarray


class LeafTables:
    """Words of leaves by cell.

    Words have the shape (n_trees, n_words): a tree with more than 64 leaves takes several, and all
    as many as the largest.

    Attributes
    ----------
    start : ndarray of int of shape (n_columns + 1,)
        Position of the first cell of each column among all cells.
    missing : ndarray of int of shape (n_columns,)
        The cell of missing values of each column.
    beyond, until : ndarray of uint64 of shape (n_all_cells, n_trees, n_words)
        Leaves whose last cell is this one or a later one, and those whose first cell is this one or
        an earlier one. At the cell of missing values, the leaves that accept them.
    everything : ndarray of uint64 of shape (n_trees, n_words)
        All leaves.
    """

    def __init__(self, leaves):
        self.leaves = leaves
        n_trees = int(leaves.tree.max()) + 1
        order = np.lexsort((-leaves.value, leaves.tree))
        rank = np.empty(len(order), dtype=int)
        first = np.searchsorted(leaves.tree[order], np.arange(n_trees))
        rank[order] = np.arange(len(order)) - first[leaves.tree[order]]
        self.n_words = int(rank.max()) // _BITS + 1
        self.word, self.bit = rank // _BITS, rank % _BITS
        self.shape = n_trees, self.n_words
        values = np.full((*self.shape, _BITS + 1), -np.inf)  # the last entry: no leaf
        values[leaves.tree, self.word, self.bit] = leaves.value
        position = np.full(values.shape, -1)  # of a leaf among all
        position[leaves.tree, self.word, self.bit] = np.arange(len(order))
        self._flat_values, self._flat_position = values.ravel(), position.ravel()
        words = np.arange(n_trees * self.n_words).reshape(self.shape) * (_BITS + 1)
        self._place = words[:, 0], words  # of trees and of words in the flat arrays
        self.missing = leaves.n_cells
        self.start = np.concatenate([[0], np.cumsum(leaves.n_cells + 1)])
        self.beyond, self.until = self._tables(leaves)
        self.everything = self.words_of(np.ones(len(order), dtype=bool))

    def words_of(self, chosen):
        """Words of some leaves, given as booleans (..., n_leaves)."""
        bits = np.zeros((*chosen.shape[:-1], *self.shape, _BITS), dtype=bool)
        bits[..., self.leaves.tree, self.word, self.bit] = chosen
        return (
            np.packbits(bits, axis=-1, bitorder="little")
            .view("<u8")[..., 0]
            .astype(np.uint64, copy=False)
        )

    def reached_by(self, column, cell):
        """Leaves that one cell of a column reaches."""
        return self.beyond[self.start[column] + cell] & self.until[self.start[column] + cell]

    @cached_property
    def by_column(self):
        """By column, the trees that use it, and words of their leaves that each cell reaches."""
        leaves, parts = self.leaves, []
        asks = (leaves.low > 0) | (leaves.high < leaves.n_cells - 1) | ~leaves.takes_missing
        for j, (start, stop) in enumerate(pairwise(self.start)):
            trees = np.unique(leaves.tree[asks[:, j]])
            parts.append((trees, self.beyond[start:stop, trees] & self.until[start:stop, trees]))
        return parts

    def contains(self, words):
        """Whether words (n_trees, n_words) hold each leaf, as booleans (n_leaves,)."""
        bits = np.right_shift(words[self.leaves.tree, self.word], self.bit.astype(np.uint64))
        return (bits & np.uint64(1)).astype(bool)

    def _tables(self, leaves):
        """Cumulative words, cell by cell of each column."""
        beyond = np.zeros((self.start[-1], *self.shape), dtype=np.uint64)
        until = beyond.copy()
        bits = np.left_shift(np.uint64(1), self.bit.astype(np.uint64))
        for j, (start, stop) in enumerate(zip(self.start[:-1], self.start[1:] - 1, strict=True)):
            some = np.flatnonzero(leaves.low[:, j] <= leaves.high[:, j])
            place = leaves.tree[some], self.word[some]
            np.bitwise_or.at(beyond, (start + leaves.high[some, j], *place), bits[some])
            np.bitwise_or.at(until, (start + leaves.low[some, j], *place), bits[some])
            beyond[start:stop] = np.bitwise_or.accumulate(beyond[start:stop][::-1], axis=0)[::-1]
            until[start:stop] = np.bitwise_or.accumulate(until[start:stop], axis=0)
            beyond[stop] = until[stop] = self.words_of(leaves.takes_missing[:, j])
        return beyond, until

    def words(self, low, high):
        """Leaves that boxes reach, shape (n_boxes, n_trees, n_words).

        ``low`` and ``high`` have the first and the last cell, shape (n_boxes, n_columns).
        """
        words = np.broadcast_to(self.everything, (len(low), *self.shape)).copy()
        for j, start in enumerate(self.start[:-1]):
            words &= self.beyond[start + low[:, j]]
            words &= self.until[start + high[:, j]]
        return words

    def best(self, words):
        """Value, lead over the second best, and position of the best leaf of each tree in reach.

        All have the shape (n_boxes, n_trees). Without a leaf in reach the value is minus infinity.
        """
        lowest = _lowest(words)
        values = self._values_at(lowest)
        chosen = (words != _NONE).argmax(axis=2)[..., None]  # words are in decreasing order, too
        value, bit = (
            np.take_along_axis(array, chosen, axis=2)[..., 0] for array in (values, lowest)
        )
        rest = np.take_along_axis(words, chosen, axis=2)
        rest = rest & (rest - (rest != _NONE))
        second = self._flat_values[
            self._place[0] + chosen[..., 0] * (_BITS + 1) + _lowest(rest[..., 0])
        ]
        if self.n_words > 1:
            np.put_along_axis(values, chosen, -np.inf, axis=2)
            second = np.maximum(second, values.max(axis=2))
        with np.errstate(invalid="ignore"):
            lead = np.where(second > -np.inf, value - second, np.inf)
        return value, lead, self._flat_position[self._place[0] + chosen[..., 0] * (_BITS + 1) + bit]

    def bound(self, words):
        """Sum of the best values, an upper bound on the score in each box."""
        return self.best_values(words).sum(axis=1)

    def best_values(self, words, trees=slice(None)):
        """Value of the best leaf in reach of each tree, or of some, shape (n_boxes, n_trees)."""
        return self._values_at(_lowest(words), trees).max(axis=2)

    def _values_at(self, bits, trees=slice(None)):
        return self._flat_values[self._place[1][trees] + bits]


def _lowest(words):
    """Position of the lowest bit; 64 where there is none."""
    return np.bitwise_count((words & (~words + np.uint64(1))) - np.uint64(1)).astype(np.intp)
