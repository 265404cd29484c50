"""Rerun what is quick, and compare with what README and docs say.

    python -m benchmarks.check [--list] [word ...]

Each claim names a page, a pattern that finds numbers on it, a command, a pattern that finds them in
what the command prints, and how far they may differ: by libraries, since seeds are fixed. With
words, only the claims whose commands contain one of them. Exit status 1 if a number differs.
"""

import argparse
import doctest
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
NUMBER = r"(\d+(?:\.\d+)?)"


@dataclass(frozen=True)
class Claim:
    """Numbers of a page, compared with the output of a command.

    ``says`` and ``prints`` have a ``#`` where the page and the output have a number.
    """

    page: str
    says: str
    command: str
    prints: str
    tolerance: float | tuple

    def said(self):
        """The numbers on the page."""
        return _numbers(self.says, (ROOT / self.page).read_text(encoding="utf-8"), self.page)

    def found(self, output):
        """The numbers in what the command printed."""
        return _numbers(self.prints, output, self.command)


RINGS = "examples/plot_vat_rings.py"
ANNOTATIONS = "examples/plot_annotations.py"
CALIBRATION = "examples/plot_calibration.py"
IRIS_CANCER = "benchmarks/experiments/iris_cancer.py"
WITH_DECAY = f"{IRIS_CANCER} --l2 1e-4"
SCALED = f"{IRIS_CANCER} --scale"
L1_PATH = "benchmarks/l1_path.py"
RESULTS = "docs/results.md"
CLAIMS = [
    Claim("README.md", "has an accuracy of # on clean data and # under attack", "README.md",
          "boosting: #, attacked #", 0.02),
    Claim("README.md", "Hardened, it has #\nand #;", "README.md", "hardened: #, attacked #", 0.03),
    Claim("README.md", "trained against the threat has # and #", "README.md",
          "logistic: #, attacked #", 0.01),
    Claim(RESULTS, "A plain 2-100 network # ± #;", RINGS, "  plain: test accuracy # ± #", 0.01),
    Claim(RESULTS, "with a larger step # ± #;", RINGS, "trained longer: test accuracy # ± #", 0.01),
    Claim(RESULTS, "virtual adversarial training # ± #.", RINGS, "VAT: test accuracy # ± #", 0.01),
    Claim(RESULTS, "plain # ±\n#, with `RightReasons(features=…)` on "
                   "them", IRIS_CANCER, " plain: iris zeroed # ± #", 0.02),
    Claim(RESULTS, "on them # ± # (the article", IRIS_CANCER, "features= on iris: iris zeroed # ± "
                                                              "#", 0.02),
    Claim(RESULTS, "the two\nare # ± # and", WITH_DECAY, " plain: iris zeroed # ± #", 0.02),
    Claim(RESULTS, "and # ± #. With standardized", WITH_DECAY, "features= on iris: iris zeroed # ± "
                                                               "#", 0.02),
    Claim(RESULTS, "`l2=0` gives # ±\n# and", SCALED, " plain: iris zeroed # ± #", 0.02),
    Claim(RESULTS, "and # ± #.\n\n`experiments/decoy_mnist.py`", SCALED, "features= on iris: iris "
                                                                         "zeroed # ± #", 0.02),
    Claim(RESULTS, "| plain | # | # | # | # | # | # |", ANNOTATIONS,
          "plain: 20 rows #  50 rows #  100 rows #  200 rows #  500 rows #  1000 rows #", 0.02),
    Claim(RESULTS, "| annotated | # | # | # | # | # | # |", ANNOTATIONS,
          "annotated: 20 rows #  50 rows #  100 rows #  200 rows #  500 rows #  1000 rows #", 0.02),
    *(Claim(RESULTS, f"| {alpha} | # | # | # "
                     "|", CALIBRATION, rf"alpha +{alpha}: accuracy #, Brier score #, temperature #",
            (0.01, 0.005, 0.05)) for alpha in ("0", "0.1", "0.3", "1")),
    Claim("docs/guide/penalties.md", "| features left of 30 | # | # | # | # | # | # "
                                     "|", L1_PATH, r" {3,}(\d+) {4,}", 1),
    Claim("docs/guide/penalties.md", "| 5-fold accuracy | # | # | # | # | # | # "
                                     "|", L1_PATH, r" {4,}(0\.\d+)\n", 0.005),
]  # fmt: skip


def _numbers(pattern, text, where):
    """Numbers of a text where a pattern has ``#``.

    A pattern without it is a regular expression for every number.
    """
    if "#" not in pattern:
        return [float(number) for number in re.findall(pattern, text)]
    expression = (
        pattern if pattern.startswith("alpha +") else re.escape(pattern).replace(r"\#", "#")
    )
    match = re.search(expression.replace("#", NUMBER), text)
    if match is None:
        raise SystemExit(f"{where}: there is no {pattern!r} any more")
    return [float(number) for number in match.groups()]


def run(command):
    """Output of a script, or of the examples of a page."""
    if command.endswith(".md"):
        return _run_examples(ROOT / command)
    script, *options = command.split()
    environment = os.environ | {
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    script = ROOT / script
    done = subprocess.run(
        [sys.executable, script, *options],
        cwd=script.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr}")
    return done.stdout


def _run_examples(page):
    names, output = {}, StringIO()
    with redirect_stdout(output):
        for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
            exec(compile(example.source, str(page), "exec"), names)
    return output.getvalue()


def check(claims):
    """Print a line for each claim; returns whether all hold."""
    holds = True
    for command in dict.fromkeys(claim.command for claim in claims):
        start = time.perf_counter()
        output = run(command)
        print(f"{command}, {time.perf_counter() - start:.0f} s")
        for claim in (claim for claim in claims if claim.command == command):
            said, found = claim.said(), claim.found(output)
            tolerances = np.broadcast_to(claim.tolerance, len(said))
            agree = len(said) == len(found) and bool(
                np.all(np.abs(np.subtract(said, found)) <= tolerances)
            )
            holds &= agree
            verdict = "as printed" if agree else f"NOT as printed, which is {found}"
            print(f"  {claim.page} says {said}, within {claim.tolerance}: {verdict}", flush=True)
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="word")
    parser.add_argument("--list", action="store_true", help="print the claims, run nothing")
    arguments = parser.parse_args()
    claims = [
        c
        for c in CLAIMS
        if not arguments.words or any(word in c.command for word in arguments.words)
    ]
    if not claims:
        parser.error(f"no claim is about {' or '.join(arguments.words)}; see --list")
    if arguments.list:
        print(*(f"{c.page}: {c.said()} by {c.command}" for c in claims), sep="\n")
        return 0
    return 0 if check(claims) else 1


if __name__ == "__main__":
    raise SystemExit(main())
