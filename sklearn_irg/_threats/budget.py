"""Budget of a search for one row."""

from dataclasses import dataclass

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """Budget of a search for one row.

    Attributes
    ----------
    max_nodes : int
        Boxes of a branch and bound, for each way to swap levels and each other class.
    time_limit : float
        Seconds for a mixed-integer program.
    max_linearizations : int
        Linearizations of the boundary by DeepFool.
    """

    # enough for all rows of docs/results.md, "Exact answers for boosted trees"
    max_nodes: int = 10_000
    # a choice of patience: "Certificates of small networks" took one to two seconds a row
    time_limit: float = 10.0
    max_linearizations: int = 50  # as in the code of the authors of DeepFool
