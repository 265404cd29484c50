"""
A new angle on L2 regularization: what does weight decay do to a boundary?
==========================================================================

Tanay and Griffin (2018) turned the strength of weight decay from strong to weak and
followed the boundary between two digits: it tilts away from the line between the centroids,
and adversarial distances shrink. Stored results, made by ``python -m benchmarks.stored
tanay_griffin`` from MNIST; how closely the article's own table is reproduced is among the
results.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

table = pd.read_csv(Path("stored") / "tanay_griffin.csv")

# %%
# Digits 3 and 5: the article's linear support vector machines, and our logistic regressions
# with weight decay and with the input gradient.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharex=True)
for (name, path), marker, color in zip(
    table.groupby("model", sort=False),
    "os^",
    ("#0072B2", "#D55E00", "#009E73"),
    strict=True,
):
    axes[0].plot(path["angle"], path["distance"], marker=marker, color=color, label=name)
    axes[1].plot(path["angle"], path["test_error"], marker=marker, color=color)
axes[0].set(xlabel="tilting angle (degrees)", ylabel="adversarial distance (pixel units)")
axes[1].set(xlabel="tilting angle (degrees)", ylabel="test error")
axes[0].legend()
plt.show()

# %%
# **What was seen.** All three follow one curve, from a small angle and a large distance to
# a large angle and a small distance, with the smallest test error at 65 to 68 degrees,
# where the distance is about two fifths of the largest. On these digits the input gradient
# follows it as well, down to strengths at which no training error is left; on 0 and 1 it
# jumps (see the results).
