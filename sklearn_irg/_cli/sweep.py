"""Cost and gain of each penalty at each strength on one table, compared with baselines."""

import signal
import threading
from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import resample
from sklearn.utils.parallel import Parallel, delayed

from sklearn_irg._cli.candidates import baselines, penalized, trains_against_threat, untrained
from sklearn_irg._cli.scores import SCORINGS, Row, decide, fit_fold
from sklearn_irg.attacks import ThreatModel

__all__ = ["ALPHAS", "ATTACKED_ROWS", "HARDENED_ROWS", "PENALTIES", "Sweep"]

# half a decade apart, over the range that paths have by default; extended where the choice is at
# an end
ALPHAS = tuple(np.logspace(-3, 1, 9))
PENALTIES = ("input_gradient", "adversarial_loss")
# of each fold: accuracies of 2500 rows in five folds have standard errors of one point at most
ATTACKED_ROWS = 500
# of a table of two classes; hardening attacks each training row, towards each other class. A
# choice: time grows with both, and takes half of a sweep already
HARDENED_ROWS = 2000
_N_ROUNDS = 4  # of hardening, which take half the time of a sweep
# of alpha, where grids are extended: beyond them one of loss and penalty hardly counts beside the
# other
_LIMITS = (1e-6, 1e6)
# of a grid, each by two strengths: three decades, from the default grid to the lower limit
_EXTENSIONS = 3


class Sweep:
    """Cross-validation of penalties over strengths, and of baselines.

    All use the same folds and the same threat.


    Parameters
    ----------
    table : PreparedTable
        Rows, classes and kinds of columns.
    estimator : {"logistic", "mlp"}
        Estimator that is penalized.
    penalties : sequence of str, default=None
        Names of penalties; ``None`` means ``PENALTIES``, without those that train against the
        threat where nothing may change under it.
    alphas : sequence of float
        Strengths. A grid is extended where the choice is at its end.
    epsilon, norm, n_swaps, fixed
        The threat, as in `ThreatModel`; dates never move.
    scoring : {"accuracy", "balanced_accuracy", "log_loss", "roc_auc"}
        Scoring by which the best model is found.
    cv : int
        Number of stratified folds.
    n_rounds : int, default=None
        Rounds in which boosting is hardened, if any; ``None`` means four, and none for tables with
        which that takes long.
    seed : int
        Seed of folds, fits and attacks.
    n_jobs : int
        Number of processes, as in joblib.
    on_fit : callable, default=None
        Called with the sweep after each fit.

    Attributes
    ----------
    rows : list of Row
        Finished candidates; complete up to here if the sweep is interrupted.
    extended : list of Candidate
        Strengths beyond the ends of the grid.
    may_change : bool
        Whether the threat lets anything change.
    n_done, n_planned : int
        Numbers of fits.
    is_finished : bool
        Whether all fits are done.
    """

    def __init__(
        self,
        table,
        estimator="logistic",
        penalties=None,
        alphas=ALPHAS,
        *,
        epsilon=0.5,
        norm="l2",
        n_swaps=0,
        fixed=(),
        scoring="accuracy",
        cv=5,
        n_rounds=None,
        seed=0,
        n_jobs=1,
        on_fit=None,
    ):
        self.table = table
        self.estimator = estimator
        self.alphas = sorted({float(alpha) for alpha in alphas} - {0.0})
        self.scoring, self.cv, self.seed, self.n_jobs, self.on_fit = (
            scoring,
            cv,
            seed,
            n_jobs,
            on_fit,
        )
        fixed = [name for name in table.X.columns if name in fixed or name in table.names("date")]
        flags = [
            column.name for column in table.columns if column.is_flag and column.kind == "number"
        ]
        n_swaps = min(n_swaps, len({*table.names("category"), *flags} - set(fixed)))
        self.threat = ThreatModel(
            epsilon,
            norm=norm,
            n_swaps=n_swaps,
            fixed=fixed,
            categorical=dict.fromkeys(flags, True),
            random_state=seed,
        ).fit(table.X)
        self.may_change = bool(n_swaps or (self.threat.scales_ > 0).any())
        self.penalties = self._checked_penalties(penalties)
        self.n_rounds = self._checked_rounds(n_rounds)
        self.training = {
            "threat": self.threat,
            "scoring": SCORINGS[scoring].under_attack,
            "max_nodes": 1,  # near rows harden, exact distances are not needed
            "random_state": seed,
        }
        folds = StratifiedKFold(cv, shuffle=True, random_state=seed).split(table.X, table.y)
        self.folds = [(train, test, self._attacked(test)) for train, test in folds]
        self.rows, self.extended = [], []
        self.n_done = self.n_planned = 0
        self.is_finished = False

    def _checked_penalties(self, penalties):
        """Penalties to fit: those that train against the threat need one that changes something.

        Raises an error if such penalties were given and nothing may change.
        """
        names = tuple(dict.fromkeys(PENALTIES if penalties is None else penalties))
        if self.may_change:
            return names
        others = tuple(name for name in names if not trains_against_threat(name))
        if penalties is not None and others != names:
            trained = ", ".join(name for name in names if name not in others)
            raise ValueError(
                f"{trained}: nothing may change under the threat to train against; move columns or "
                "allow swaps"
            )
        return others

    def _checked_rounds(self, n_rounds):
        if not self.may_change:
            return 0
        if n_rounds is not None:
            return n_rounds
        return 0 if self.is_long_to_harden else _N_ROUNDS

    def _attacked(self, test):
        """Rows of a fold to attack, in random order."""
        y, rng = self.table.y[test], np.random.RandomState(self.seed)
        if len(test) <= ATTACKED_ROWS:
            return rng.permutation(test)
        return resample(test, replace=False, n_samples=ATTACKED_ROWS, stratify=y, random_state=rng)

    def run(self):
        """Fit everything, then extend the grid while the chosen strength is at its end."""
        grid = [
            self._penalized(penalty, alpha) for penalty in self.penalties for alpha in self.alphas
        ]
        self._fit(
            [*baselines(self.estimator, self.table, self.seed, self.training, self.n_rounds), *grid]
        )
        for _ in range(_EXTENSIONS):
            chosen = decide(self.rows, self.scoring).chosen
            further = (
                []
                if chosen is None or not self.is_at_end(chosen)
                else self._further(chosen.candidate)
            )
            if not further:
                break
            further = [self._penalized(chosen.candidate.penalty, alpha) for alpha in further]
            self.extended += further
            self._fit(further)
        self.is_finished = True
        return self.rows

    @property
    def is_long_to_harden(self):
        """Whether hardening takes too long to be done by default.

        Each row is attacked towards each other class.
        """
        return len(self.table.y) * (len(np.unique(self.table.y)) - 1) > HARDENED_ROWS

    @property
    def measure(self):
        """Name of the scoring."""
        return SCORINGS[self.scoring].name

    @property
    def attacked_measure(self):
        """Name of the accuracy under attack; empty where it is that of the scoring."""
        accuracy = SCORINGS[self.scoring].accuracy
        return "" if accuracy == self.measure else accuracy

    @property
    def estimator_in_words(self):
        """Name of the estimator."""
        return {"logistic": "logistic regression", "mlp": "MLP"}[self.estimator]

    @property
    def threat_in_words(self):
        """Threat in words."""
        n = self.threat.n_swaps
        swaps = f", {n} swap{'s' * (n > 1)}" if n else ""
        return f"{self.threat.norm}{swaps}, radius {self.threat.epsilon:g}"

    def by_penalty(self):
        """Finished rows by penalty, from weak to strong."""
        return {
            penalty: rows
            for penalty in self.penalties
            if (rows := [r for r in self.sorted_rows() if r.candidate.penalty == penalty])
        }

    def baselines(self):
        """Finished rows without a penalty."""
        return [row for row in self.sorted_rows() if not row.candidate.penalty]

    def sorted_rows(self):
        """Finished rows: baselines as they were planned, then penalties from weak to strong."""
        order = ["", *self.penalties]
        return sorted(
            self.rows,
            key=lambda row: (
                order.index(row.candidate.penalty),
                row.candidate.rank,
                row.candidate.alpha,
            ),
        )

    def is_at_end(self, row):
        """Whether a row has the weakest or the strongest penalty that was tried."""
        tried = [
            other.candidate.alpha for other in self.by_penalty().get(row.candidate.penalty, ())
        ]
        return bool(tried) and row.candidate.alpha in (tried[0], tried[-1])

    def _penalized(self, penalty, alpha):
        return penalized(self.estimator, penalty, alpha, self.table, self.training, self.seed)

    def _further(self, candidate):
        """Two more strengths beyond the end at which a candidate is, or none."""
        tried = [row.candidate.alpha for row in self.by_penalty()[candidate.penalty]]
        ratio = tried[-1] / tried[-2] if len(tried) > 1 else np.sqrt(10)
        ratio = ratio if candidate.alpha == tried[-1] else 1 / ratio
        further = [candidate.alpha * ratio, candidate.alpha * ratio**2]
        return [alpha for alpha in further if _LIMITS[0] <= alpha <= _LIMITS[1]]

    def _fit(self, candidates):
        """Fit candidates in each fold, those of a penalty together.

        Fits finish in any order; a row is added when all its folds are finished.
        """
        groups = _by_path(candidates)
        self.n_planned += len(candidates) * self.cv
        found = [[None] * self.cv for _ in groups]
        with _interrupts_ignored():
            finished = Parallel(self.n_jobs, return_as="generator_unordered")(self._jobs(groups))
        for (g, k), folds in finished:
            found[g][k] = folds
            self.n_done += len(folds)
            if None not in found[g]:
                self.rows += [
                    Row(c, list(folds))
                    for c, folds in zip(groups[g], zip(*found[g], strict=True), strict=True)
                ]
            if self.on_fit is not None:
                self.on_fit(self)

    def _jobs(self, groups):
        for g, group in enumerate(groups):
            alphas = [candidate.alpha for candidate in group] if group[0].penalty else None
            model = untrained(group[0], self.table)
            for k, rows in enumerate(self.folds):
                yield delayed(fit_fold)(
                    (g, k),
                    model,
                    alphas,
                    self.table.X,
                    self.table.y,
                    rows,
                    self.threat,
                    self.scoring,
                )


def _by_path(candidates):
    """Groups of candidates: strengths of a penalty in increasing order, and each baseline."""
    groups = {candidate.penalty or candidate.name: [] for candidate in candidates}
    for candidate in sorted(candidates, key=lambda candidate: candidate.alpha):
        groups[candidate.penalty or candidate.name].append(candidate)
    return list(groups.values())


@contextmanager
def _interrupts_ignored():
    """Ignore Ctrl-C in processes that are started here, which inherit this.

    A terminal sends it to all of them; only their parent handles it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
