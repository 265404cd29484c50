"""Bitwise comparison of fits in this checkout and another, before and after restructuring.

python benchmarks/same_fits.py OTHER_CHECKOUT, and with --only PATTERN

Each checkout fits all configurations of `fit_cases.py` in a separate process, with one thread.
Compared are fitted attributes, predictions, warnings and whom they blame, errors, what is printed,
and the state of NumPy's random numbers afterwards.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import fields, is_dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator

HERE = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PREDICTIONS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
)
N_SAMPLED = 5
_ADDRESS = re.compile(r"0x[0-9a-f]+")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="top of the other checkout")
    parser.add_argument(
        "--only", default="", metavar="PATTERN", help="regular expression that names contain"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="fit in `other` alone, and write what is found"
    )
    options = parser.parse_args()
    if options.write:
        _write(options.write, options.other.resolve(), options.only)
        return 0
    here, there = (
        _found_in(checkout, options.only) for checkout in (HERE, options.other.resolve())
    )
    return _compare(here, there)


# -- one side --------------------------------------------------------------------------------------


def _found_in(checkout, only):
    """Results of the fits of a checkout: arrays by attribute, by configuration."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
    start = time.perf_counter()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "found.npz"
        command = [sys.executable, __file__, str(checkout), "--only", only, "--write", str(file)]
        subprocess.run(command, check=True, env=environment, cwd=folder)
        found = {}
        with np.load(file) as arrays:
            for key in arrays.files:
                name, attribute = key.split("|")
                found.setdefault(name, {})[attribute] = arrays[key]
    print(
        f"{len(found)} configurations in {time.perf_counter() - start:.0f} s: {checkout}",
        flush=True,
    )
    return found


def _write(file, checkout, only):
    from fit_cases import cases  # of the directory of this script, whatever the checkout

    import sklearn_irg

    if Path(sklearn_irg.__file__).resolve().parents[1] != checkout:
        raise ImportError(f"sklearn_irg should be that of {checkout}; got {sklearn_irg.__file__}.")
    selected = {name: case for name, case in cases().items() if re.search(only, name)}
    arrays = {
        f"{name}|{key}": value
        for name, case in selected.items()
        for key, value in outcome(case).items()
    }
    np.savez(file, **arrays)


def outcome(case):
    """All that can be seen of a configuration, as arrays without objects."""
    np.random.seed(0)
    printed = StringIO()
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(printed):
        warnings.simplefilter("always")
        try:
            found = described(case())
        except Exception as error:
            found = {"error": _text(f"{type(error).__name__}: {error}")}
    found["warnings"] = _text(
        [f"{w.category.__name__} in {_place(w.filename)}: {w.message}" for w in caught]
    )
    found["printed"] = _text(printed.getvalue())
    found["global random numbers"] = _state(np.random.mtrand._rand)
    return found


def _place(filename):
    """Whom a warning blames: the package, wherever in it, or a file outside."""
    path = Path(filename)
    return "sklearn_irg" if "sklearn_irg" in path.parts else path.name


def described(thing, name=""):
    """Arrays by name for a fitted estimator, a result, or a structure of them."""
    if isinstance(thing, BaseEstimator):
        return _merged(_fitted_attributes(thing), name) | {
            f"{name} class": _text(type(thing).__name__)
        }
    if type(thing).__name__ == "Fitted":
        return described(thing.model, name) | _merged(_predictions(thing.model, thing.X), name)
    if is_dataclass(thing):
        return _merged({field.name: getattr(thing, field.name) for field in fields(thing)}, name)
    if isinstance(thing, dict):
        return _merged(thing, name)
    if isinstance(thing, (list, tuple)) and not all(np.isscalar(element) for element in thing):
        return _merged(dict(enumerate(thing)), name) | {f"{name} length": np.array(len(thing))}
    if hasattr(thing, "iloc"):
        parts = {
            "columns": _text(list(thing.columns)),
            "dtypes": _text([str(dtype) for dtype in thing.dtypes]),
        }
        return _merged({**parts, "values": thing.to_numpy()}, name)
    if issparse(thing):
        return {f"{name}, {type(thing).__name__}": thing.toarray()}
    return {name: thing if _is_plain_array(thing) else _text(thing)}


def _merged(things, name):
    found = {}
    for key, value in things.items():
        found |= described(value, f"{name}.{key}" if name else str(key))
    return found


def _is_plain_array(thing):
    return isinstance(thing, np.ndarray) and thing.dtype.hasobject is False


def _text(thing):
    """A representation, from which floats can be read back exactly, as an array."""
    return np.array(_ADDRESS.sub("0x…", thing if isinstance(thing, str) else repr(_listed(thing))))


def _listed(thing):
    return thing.tolist() if isinstance(thing, np.ndarray) else thing


def _fitted_attributes(model):
    """Public fitted attributes, the likelihood, and the state of a generator that was passed."""
    found = {
        name: value
        for name, value in vars(model).items()
        if name.endswith("_") and not name.startswith("_")
    }
    if hasattr(model, "likelihood_"):
        found["likelihood_"] = repr(model.likelihood_)
    generator = vars(model).get("random_state")
    return found | (
        {"generator": _state(generator)} if isinstance(generator, np.random.RandomState) else {}
    )


def _state(generator):
    _, words, position, has_gauss, gauss = generator.get_state()
    return np.array([*words, position, has_gauss, gauss])


def _predictions(model, X):
    found = {}
    for name in PREDICTIONS:
        if hasattr(model, name):
            found[f"{name}()"] = getattr(model, name)(X)
    if hasattr(model, "sample"):
        found["sample()"] = model.sample(N_SAMPLED)
        found["sample(random_state)"] = model.sample(N_SAMPLED, random_state=1)
    return found


# -- the comparison --------------------------------------------------------------------------------


def _compare(here, there):
    """Print what differs; 1 if anything does, else 0."""
    names = list(dict.fromkeys([*here, *there]))
    n_same = 0
    for name in names:
        lines = _differences(here.get(name, {}), there.get(name, {}))
        n_same += not lines
        if lines:
            print(f"\n{name}", *lines, sep="\n  ")
    print(f"\n{n_same} of {len(names)} configurations are the same, bit for bit")
    return int(n_same < len(names) or not names)


def _differences(here, there):
    """A line for each attribute that differs, and then for those that are on one side only."""
    lines = [
        f"{key}: {text}"
        for key in here
        if key in there and (text := _difference(here[key], there[key]))
    ]
    for side, found, other in (("here", here, there), ("there", there, here)):
        only = [key for key in found if key not in other]
        lines += [f"only {side}: {key}{_shown(found[key])}" for key in only]
    return lines


def _difference(here, there):
    """Difference of two arrays in words, or nothing; memory order counts, as sums depend on it."""
    if here.dtype.kind == there.dtype.kind == "U" and here.ndim == there.ndim == 0:
        return "" if here == there else f"\n    here:  {here}\n    there: {there}"
    for what in (lambda a: a.dtype, lambda a: a.shape, lambda a: "F" if a.flags.fnc else "C"):
        if what(here) != what(there):
            return f"{what(here)} here, {what(there)} there"
    if here.tobytes() == there.tobytes():
        return ""
    if here.dtype.kind not in "fiu":
        return "other values"
    largest = np.nanmax(np.abs(here.astype(float) - there.astype(float)))
    return f"differs by up to {largest:.2g}, values up to {np.nanmax(np.abs(here)):.2g}"


def _shown(value):
    return f" = {value}" if value.ndim == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
