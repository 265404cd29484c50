#!/usr/bin/env bash
# autograd 1.9.1: a gradient of a gradient misses a part, with no error, where another thread ends a gradient of its own meanwhile.
#
# Behaviour: traces are numbered by one counter for all threads, and the higher number marks the inner one. If another thread's
# gradient is under way when the outer trace begins, and ends before the inner one begins, both get the same number. The function
# is a loss plus the squared gradient of the loss by its inputs; the part of the gradient that comes from the square is lost, and
# with it all that was nested. Two events put the threads into this order; without them it is a matter of chance.
# Output seen on 2026-12-01, with Python 3.11, numpy 2.4.6, scipy 1.17.1:
#     alone: [0.75  0.475]
#     in another thread, with nothing beside it: [0.75  0.475]
#     while a gradient of another thread ends: [0.5 0.4]
#     gradient of the loss alone: [0.5 0.4]
#     warnings: 0
# Why a good guess differs: both threads differentiate functions of their own, no array is shared, and a single gradient in each
# thread is right. The number of traces is the only thing in common, and it is not visible in the interface. A thread pool
# around a fit with a gradient penalty trains another objective now and then.
# Source: documentation of autograd, tutorial, on gradients of gradients.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet autograd==1.9.1 numpy==2.4.6 scipy==1.17.1 \
    || { echo "skipped: autograd cannot be installed"; exit 0; }
"$folder/env/bin/python" - <<'PYTHON'
import threading
import warnings

import autograd.numpy as anp
import numpy as np
from autograd import grad

row = np.array([0.5, 0.4])


def loss(x, w):
    return anp.sum(x * w)


def penalised(w):
    return loss(row, w) + anp.sum(grad(loss)(row, w) ** 2)


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    return thread, found


def overlapping(w):
    began, may_end = threading.Event(), threading.Event()

    def square(v):
        began.set()
        may_end.wait(30)
        return anp.sum(v**2)

    def after_the_other(v):
        may_end.set()
        other.join(30)
        return penalised(v)

    other, _ = in_thread(lambda: grad(square)(w))
    began.wait(30)
    thread, found = in_thread(lambda: grad(after_the_other)(w))
    thread.join(30)
    return found[0]


weights = np.array([0.125, 0.0375])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    alone = grad(penalised)(weights)
    thread, found = in_thread(lambda: grad(penalised)(weights))
    thread.join()
    in_turn = found[0]
    beside = overlapping(weights)
    of_loss = grad(lambda w: loss(row, w))(weights)
print(f"alone: {alone}")
print(f"in another thread, with nothing beside it: {in_turn}")
print(f"while a gradient of another thread ends: {beside}")
print(f"gradient of the loss alone: {of_loss}")
print(f"warnings: {len(caught)}")
right = np.array_equal(alone, in_turn) and np.allclose(alone, of_loss + 2 * weights)
raise SystemExit(not (right and np.array_equal(beside, of_loss) and not caught))
PYTHON
