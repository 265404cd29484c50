"""Lists of what scikit-learn, NumPy and Python document, and where, for links from a build without a network.

    python docs/inventories/make.py

Names are those of the installed versions; addresses follow the schemes of both sites.
"""

import zlib
from importlib import import_module
from pathlib import Path

import numpy as np
import sklearn
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.utils.discovery import all_displays, all_estimators, all_functions

HERE = Path(__file__).parent
OF_SKLEARN = [
    "metadata_routing std:label -1 metadata_routing.html#metadata-routing Metadata routing",
    "r2_score std:label -1 modules/model_evaluation.html#r2-score R² score",
    "meta-estimator std:term 1 glossary.html#term-$ -",
]
OF_PYTHON = [
    *(
        f"{name} py:class 1 library/stdtypes.html#$ -"
        for name in ("bool", "dict", "list", "set", "str", "tuple")
    ),
    *(f"{name} py:class 1 library/functions.html#$ -" for name in ("complex", "float", "int")),
    *(f"{name} py:data 1 library/constants.html#$ -" for name in ("False", "None", "True")),
    "callable py:function 1 library/functions.html#$ -",
    "bltin-boolean-values std:label -1 library/stdtypes.html#boolean-type-bool Boolean type",
    "generator std:term 1 glossary.html#term-$ -",
    "iterable std:term 1 glossary.html#term-$ -",
    "mapping std:term 1 glossary.html#term-$ -",
    "sequence std:term 1 glossary.html#term-$ -",
]
CLASSES_OF_NUMPY = {
    "numpy.ndarray": "reference/generated/numpy.ndarray.html",
    "numpy.random.RandomState": "reference/random/legacy.html",
    "numpy.random.Generator": "reference/random/generator.html",
    "numpy.typing.ArrayLike": "reference/typing.html",
}
PUBLIC_MODULES = (
    "base",
    "pipeline",
    "model_selection",
    "utils",
    "inspection",
    "calibration",
    "frozen",
    "compose",
)


def write(name, version, lines):
    """An inventory of Sphinx, version 2."""
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: {version}\n# zlib compressed below\n"
    (HERE / f"{name}.inv").write_bytes(
        head.encode() + zlib.compress("".join(sorted(lines)).encode(), 9)
    )


def names_of_sklearn():
    """Public names with a page: estimators, functions, displays, and what public modules export."""
    for found, kind in (
        (all_estimators(), "class"),
        (all_displays(), "class"),
        (all_functions(), "function"),
    ):
        for name, thing in found:
            module = ".".join(
                part for part in thing.__module__.split(".") if not part.startswith("_")
            )
            yield f"{module}.{name}", kind
    for module in map(import_module, (f"sklearn.{name}" for name in PUBLIC_MODULES)):
        for name in getattr(module, "__all__", dir(module)):
            thing = getattr(module, name, None)
            if callable(thing) and getattr(thing, "__module__", "").startswith(module.__name__):
                yield (
                    f"{module.__name__}.{name}",
                    "class" if isinstance(thing, type) else "function",
                )


def main():
    lines = {f"{n} py:{kind} 1 modules/generated/{n}.html#$ -\n" for n, kind in names_of_sklearn()}
    write("sklearn", sklearn.__version__, lines | {f"{line}\n" for line in OF_SKLEARN})
    write("python", "3", {f"{line}\n" for line in OF_PYTHON})
    lines = {f"{n} py:class 1 {where}#$ -\n" for n, where in CLASSES_OF_NUMPY.items()}
    for name in np.__all__:
        if callable(getattr(np, name)) and not isinstance(getattr(np, name), type):
            lines.add(f"numpy.{name} py:function 1 reference/generated/numpy.{name}.html#$ -\n")
    write("numpy", np.__version__, lines)


if __name__ == "__main__":
    main()
