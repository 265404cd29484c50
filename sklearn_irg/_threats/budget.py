"""What a search may spend on a row."""

from dataclasses import dataclass

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """What a search may spend on a row.

    Attributes
    ----------
    max_nodes : int
        Boxes of a branch and bound, for each way to swap and each other class.
    time_limit : float
        Seconds of a mixed-integer program.
    max_linearizations : int
        Of the boundary, by DeepFool.
    """

    max_nodes: int = 10_000
    time_limit: float = 10.0
    max_linearizations: int = 50
