"""Peers that certify rows of boosted trees: Veritas and an earlier mixed-integer program.

The program is that of an earlier state of the package.
"""

import os
import pickle
import subprocess
import sys
import time

import numpy as np

SECONDS = 10.0  # for each row
PROGRAM = """
import os, pickle, sys, time, warnings
warnings.simplefilter("ignore")
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # the solver prints
import sklearn_irg
from sklearn_irg.attacks import ThreatModel
from sklearn_irg.diagnostics import distance_interval
assert os.path.dirname(os.path.dirname(sklearn_irg.__file__)) == os.path.abspath(sys.argv[1])
model, X, norm, seconds = pickle.load(sys.stdin.buffer)
threat = ThreatModel(norm=norm).fit(X)
while (row := pickle.load(sys.stdin.buffer)) is not None:
    start = time.process_time()
    lower, upper = distance_interval(model, row, threat=threat, method="exact", time_limit=seconds)
    pickle.dump((float(lower[0]), float(upper[0]), time.process_time() - start), answers)
    answers.flush()
"""


class Program:
    """Distances of rows by `distance_interval` of an earlier state of the package.

    It runs in a separate process.
    """

    def __init__(self, directory, case):
        directory = os.path.abspath(directory)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": directory},
        )
        self._send((case.model, case.table.X, case.norm, SECONDS))

    def _send(self, something):
        pickle.dump(something, self.process.stdin)
        self.process.stdin.flush()

    def distance(self, row):
        """Lower and upper end, and CPU seconds."""
        self._send(row)
        return pickle.load(self.process.stdout)

    def close(self):
        self._send(None)
        self.process.wait()


class Veritas:
    """Decisions in boxes, with the trees as we read them.

    Its own readers compare float32 thresholds with doubles, and so mistake rows at a threshold. A
    split ``x <= cut`` is ``x < next double`` for it, or the next integer in columns of
    integers. It stops at the first point of another class, and drops what cannot become one.
    """

    def __init__(self, case):
        import veritas

        self.veritas, arrays, trees = veritas, case.problem.perturbations, case.search.trees
        whole = arrays.steps > 0
        ends = np.where(
            whole[trees.feature], np.floor(trees.cut) + 1, np.nextafter(trees.cut, np.inf)
        )
        self.ensembles = [_ensemble(veritas, trees, ends, sign) for sign in (1, -1)]
        self.labels = case.problem.label
        self.boxes = self._boxes(arrays, case.radius, whole)

    def _boxes(self, arrays, radius, whole):
        low = arrays.numbers + np.maximum(arrays.low, -radius) * arrays.scales
        high = arrays.numbers + np.minimum(arrays.high, radius) * arrays.scales
        low, high = (
            np.where(whole, np.ceil(low - 1e-9), low),
            np.where(whole, np.floor(high + 1e-9), high),
        )
        high = np.nextafter(high, np.inf)
        return [
            [self.veritas.Interval(*ends) for ends in zip(*row)]
            for row in zip(low.tolist(), high.tolist())
        ]

    def decide(self):
        """Whether rows are misclassified, and whether they are decided at all."""
        misclassified, decided = np.zeros((2, len(self.boxes)), dtype=bool)
        for i, box in enumerate(self.boxes):
            search = self._settings().get_search(self.ensembles[self.labels[i]], box)
            end = time.process_time() + SECONDS
            stop = self.veritas.StopReason.NONE
            while stop == self.veritas.StopReason.NONE and time.process_time() < end:
                stop = search.steps(1000)
            misclassified[i] = search.num_solutions() > 0 and search.get_solution(0).output > 0
            decided[i] = misclassified[i] or stop in (
                self.veritas.StopReason.NO_MORE_OPEN,
                self.veritas.StopReason.OPTIMAL,
            )
        return misclassified, decided

    def _settings(self):
        settings = self.veritas.Config(self.veritas.HeuristicType.MAX_OUTPUT)
        settings.ignore_state_when_worse_than = 0.0
        settings.focal_eps = (
            0.2  # as in its own search for close examples; up to ten times faster than its default
        )
        settings.stop_when_num_solutions_exceeds = 1
        return settings


def _ensemble(veritas, trees, ends, sign):
    """Our trees as theirs, of scores in which rows fall."""
    found = veritas.AddTree(1, veritas.AddTreeType.REGR)
    for root in trees.roots:
        tree = found.add_tree()
        waiting = [(tree.root(), int(root))]
        while waiting:
            theirs, node = waiting.pop()
            if trees.feature[node] < 0:
                tree.set_leaf_value(theirs, 0, sign * float(trees.values[node, 0]))
                continue
            tree.split(theirs, int(trees.feature[node]), float(ends[node]))
            waiting += [
                (tree.left(theirs), int(trees.left[node])),
                (tree.right(theirs), int(trees.right[node])),
            ]
    found.set_base_score(0, sign * float(trees.constant[0] - trees.boundary))
    return found
