"""Ways to swap the levels of a row that bounds leave open, as rows whose levels do not change."""

from dataclasses import replace

import numpy as np

from sklearn_irg._threats.trees.level_boxes import LevelBoxes, LevelCells
from sklearn_irg._threats.trees.votes import weights_of

__all__ = ["remaining_ways"]

_AT_ONCE = 16  # boxes that are split together, to bound memory


def remaining_ways(tables, rows, i, floor, most):
    """Split boxes of a row at levels only, until each has one way to swap them.

    Parameters
    ----------
    tables : LeafTables
        The trees.
    rows : Cells
        Rows, with columns of levels.
    i : int
        Position of the row.
    floor : float
        Ways whose bound is no larger are left out.
    most : int
        Largest number of ways.

    Returns
    -------
    ways : Cells or None
        A row for each way, those with the largest bound first; None if there are more.
    levels : ndarray of int of shape (n_ways, n_level_columns)
        Cells of their levels, among all.
    n_nodes : int
        Number of boxes that were searched.
    """
    boxes = LevelBoxes(rows.levels.take([i]))
    levels = boxes.root()
    words = rows.words[[i]] & boxes.words(np.zeros(1, dtype=int), levels)
    done, n_done, n_nodes = [], 0, 1
    while len(levels):
        can_split = boxes.can_split(levels)
        done.append((levels[~can_split], words[~can_split]))
        n_done += len(done[-1][0])
        levels, words, n_parts = _parts(
            tables, boxes, levels[can_split], words[can_split], floor - rows.constant[i]
        )
        n_nodes += n_parts
        if n_done + len(levels) > most:
            return None, None, n_nodes
    levels, words = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.argsort(-tables.bound(words), kind="stable")
    return _with_words(rows, i, words[order]), levels[order], n_nodes


def _parts(tables, boxes, levels, words, floor):
    """Parts of a row's boxes whose bound is above a floor, and the number of all parts."""
    n_parts, parts = 0, [(levels[:0], words[:0])]
    for start in range(0, len(levels), _AT_ONCE):
        now = slice(start, start + _AT_ONCE)
        new_levels, new_words = _split(tables, boxes, levels[now], words[now])
        n_parts += len(new_levels)
        new_levels, new_words, within = boxes.tightened(
            np.zeros(len(new_levels), dtype=int), new_levels, new_words
        )
        kept = within & (tables.bound(new_words) > floor)
        parts.append((new_levels[kept], new_words[kept]))
    return (*(np.concatenate(part) for part in zip(*parts, strict=True)), n_parts)


def _split(tables, boxes, levels, words):
    """Boxes of a row split where the best leaves lose most on all sides."""
    row, is_tie = np.zeros(len(levels), dtype=int), np.zeros(len(levels), dtype=bool)
    _, lead, leaf = tables.best(words)
    gains = boxes.gains(row, levels, boxes.lost(weights_of(lead), leaf), is_tie)
    box, levels, allowed = boxes.split(row, levels, gains.argmax(axis=1))
    return levels, words[box] & allowed


def _with_words(rows, i, words):
    """Row repeated, each time with some of the leaves."""
    same = np.full(len(words), i)
    parts = {name: getattr(rows, name)[same] for name in ("home", "costs", "least", "constant")}
    return replace(rows, **parts, words=words, levels=LevelCells.none(len(words)))
