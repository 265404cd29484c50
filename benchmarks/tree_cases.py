"""Tables, tree ensembles, rows and radii for which exact answers are timed."""

import importlib
import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.methods.additive_trees import prepared_search
from sklearn_irg._threats.trees.search import TreeSearch
from sklearn_irg.attacks import ThreatModel
from sklearn_irg.diagnostics import distance_interval

NORMS = ("linf", "l2", "l1")
GRID = 2.0 ** (np.arange(-28, 13) / 4)  # of radii
_QUICK_NODES = 400  # for each row while a radius is chosen: no relaxations
_ROWS_FOR_RADIUS = 20
_RADIUS_WITH_SWAPS = 0.3  # most rows fall by a swap alone
_MOST_TRAINING = 10_000


@dataclass(frozen=True)
class Table:
    """Rows and labels; words go through `OneHotEncoder`, and ``n_swaps`` of them may change."""

    name: str
    X: object
    y: np.ndarray
    n_swaps: int = 0

    @cached_property
    def parts(self):
        """Rows that models are fitted on, held-out ones, and labels of both."""
        n_train = min(_MOST_TRAINING, int(0.6 * len(self.y)))
        return train_test_split(self.X, self.y, train_size=n_train, random_state=0, stratify=self.y)

    def fitted(self, model):
        if not self.n_swaps:
            return model.fit(self.parts[0], self.parts[2])
        words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        prepare = make_column_transformer(
            (words, make_column_selector(dtype_include=object)), remainder="passthrough"
        )
        return make_pipeline(prepare, model).fit(self.parts[0], self.parts[2])

    def threat(self, radius, norm):
        return ThreatModel(radius, norm=norm, n_swaps=self.n_swaps).fit(self.X)


def tables(quick, census, pima, names=()):
    """The tables whose files are there; some by how their names start."""
    found = [Table("breast cancer", *load_breast_cancer(return_X_y=True))]
    if pima:
        frame, labels = _read(pima, "diabetes")
        found.append(Table("pima", frame.to_numpy(dtype=float), labels))
    if census:
        frame, labels = _read(census, "income")
        found.append(
            Table("census, numbers", frame.select_dtypes("number").to_numpy(dtype=float), labels)
        )
        found.append(Table("census, one swap", frame, labels, n_swaps=1))
    found.append(
        Table(
            "50 generated columns", *make_classification(3000, 50, n_informative=10, random_state=0)
        )
    )
    found = [table for table in found if not names or table.name.startswith(tuple(names))]
    return found[:2] if quick else found


def _read(path, target):
    import pandas as pd

    frame = pd.read_csv(path, skipinitialspace=True)
    labels = frame.pop(target)
    words = frame.columns[[dtype.kind not in "if" for dtype in frame.dtypes]]
    return frame.astype(dict.fromkeys(words, object)), (labels == labels.unique()[1]).to_numpy(
        dtype=int
    )


def models(quick):
    """Names of ensembles, and what makes them; None where a library is missing."""
    found = {
        "GradientBoosting 100×3": GradientBoostingClassifier(random_state=0),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=0),
    }
    if quick:
        return found
    one = {"random_state": 0, "n_jobs": 1}
    return found | {
        "XGBoost 100×6": _of_library(
            "xgboost", "XGBClassifier", n_estimators=100, max_depth=6, **one
        ),
        "XGBoost 300×4": _of_library(
            "xgboost", "XGBClassifier", n_estimators=300, max_depth=4, **one
        ),
        "LightGBM 100×31": _of_library(
            "lightgbm", "LGBMClassifier", n_estimators=100, verbose=-1, **one
        ),
        "RandomForest 100×8": RandomForestClassifier(100, max_depth=8, **one),
    }


def _of_library(library, kind, **options):
    try:
        return getattr(importlib.import_module(library), kind)(**options)
    except ImportError:
        return None


@dataclass
class Case:
    """Held-out rows that a fitted ensemble classifies correctly, and a radius.

    About half of the rows are misclassified at the radius if no level is swapped.

    Attributes
    ----------
    problem : AttackProblem
        The rows within the radius.
    search : TreeSearch
        With its tables.
    """

    table: Table
    kind: str
    model: object
    norm: str
    n_rows: int
    radius: float = field(init=False)
    problem: AttackProblem = field(init=False)
    search: TreeSearch = field(init=False)

    def __post_init__(self):
        _, rows, _, labels = self.table.parts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            right = np.flatnonzero(self.model.predict(rows) == labels)[: self.n_rows]
        self.rows, self.labels = (
            rows.iloc[right] if hasattr(rows, "iloc") else rows[right],
            labels[right],
        )
        self.problem = self._problem(GRID[-1])
        self.search, why = prepared_search(self.problem)
        assert self.search is not None, why
        self.radius = _RADIUS_WITH_SWAPS if self.table.n_swaps else self._where_half_fall()
        self.problem = self._problem(self.radius)

    @property
    def name(self):
        return f"{self.table.name} | {self.kind} | {self.norm}"

    def _problem(self, radius):
        return AttackProblem(
            self.model, self.rows, self.labels, self.table.threat(radius, self.norm)
        )

    def _where_half_fall(self):
        """Smallest radius of the grid at which misclassified rows are as many as certified ones.

        A short search decides.
        """
        low, high = 0, len(GRID) - 1
        some = np.arange(len(self.problem))[:_ROWS_FOR_RADIUS]
        while low < high:
            middle = (low + high) // 2
            misclassified, certified = self.decide(
                self.best(some), GRID[middle], max_nodes=_QUICK_NODES
            )
            low, high = (
                (low, middle) if misclassified.sum() >= certified.sum() else (middle + 1, high)
            )
        return float(GRID[low])

    def best(self, rows=None):
        """Nothing found yet for some of the rows, and nothing remembered from a search before."""
        self.search.known_integers.clear()
        return BestFound(self.problem if rows is None else self.problem.take(rows))

    def decide(self, best, radius=None, max_nodes=10_000):
        """Whether rows are misclassified, and whether they are certified."""
        certified, _ = self.search.step(best, self.radius if radius is None else radius, max_nodes)
        return best.wrong, certified

    def with_new_tables(self):
        """Build them, as for the first rows of a model."""
        search = TreeSearch(self.search.trees, self.search.moving, pieces=self.search.pieces)
        for label, other in search._pairs(self.problem.label):
            search._tables_of(label, other)

    def row(self, i):
        """One row, as it was given."""
        return self.rows.iloc[i : i + 1] if hasattr(self.rows, "iloc") else self.rows[i : i + 1]

    def distance(self, i):
        """Both ends of the distance of a row, by a whole call."""
        threat = self.table.threat(self.radius, self.norm)
        low, high = distance_interval(self.model, self.row(i), threat=threat, method="exact")
        return float(low[0]), float(high[0])
