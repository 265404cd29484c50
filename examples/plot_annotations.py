"""
What is it worth to know which columns cannot matter?
=====================================================

Two informative columns stand among thirty of noise. With `RightReasons(features=...)` on
the noise, an MLP learns from twenty rows what it otherwise needs a thousand for
(Ross, Hughes and Doshi-Velez 2017). An annotation may also be one of single entries,
``fit(..., mask=A)``, which leaving columns out cannot express.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import ShuffleSplit, learning_curve
from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.penalties import RightReasons

X, y = make_moons(3000, noise=0.2, random_state=0)
X = np.hstack([X, np.random.RandomState(0).normal(size=(len(X), 30))])

# %%
# Accuracy on 2000 rows over the number of rows learned from; mean and standard deviation of
# ten draws.

options = {"learning_rate_init": 0.01, "tol": 1e-3, "max_iter": 300, "random_state": 0}
models = {
    "plain": GradRegMLPClassifier(penalty=None, **options),
    "annotated": GradRegMLPClassifier(
        penalty=RightReasons(features=range(2, 32)), alpha=10, **options
    ),
    "without the columns of noise": GradRegMLPClassifier(penalty=None, **options),
}
figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
for name, model in models.items():
    sizes, _, scores = learning_curve(
        model,
        X[:, :2] if name.startswith("without") else X,
        y,
        train_sizes=[20, 50, 100, 200, 500, 1000],
        cv=ShuffleSplit(10, train_size=1000, test_size=2000, random_state=0),
    )
    print(
        f"{name:>28}: "
        + "  ".join(
            f"{n} rows {m:.3f}" for n, m in zip(sizes, scores.mean(axis=1), strict=True)
        )
    )
    ax.errorbar(
        sizes, scores.mean(axis=1), scores.std(axis=1), marker="o", capsize=3, label=name
    )
ax.set(
    xscale="log",
    xlabel="rows to learn from",
    ylabel="accuracy",
    title="What an annotation is worth",
)
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# **What was seen.** The annotation is worth fifty times as many rows. Where a column can be
# left out altogether, that is better still; an annotation of single entries, which
# `RightReasons` takes as a mask, cannot be replaced in this way.
