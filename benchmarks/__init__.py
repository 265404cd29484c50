"""Benchmarks of speed and quality; every number of the docs comes from one of these scripts."""

import os
import sys
from importlib import import_module

SOURCE = "BENCHMARKS_SOURCE"  # environment variable: directory of the package that is measured

if os.environ.get(SOURCE):
    sys.path.insert(0, os.environ[SOURCE])
    import_module("sklearn_irg")  # before any script does
