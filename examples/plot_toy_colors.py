"""
Two rules explain the labels: which one did the network learn?
==============================================================

Images of 5 × 5 pixels in four colors. In the first class all four corners are equal *and*
the three pixels at the top middle differ; in the second neither holds. Either rule is
enough. An annotation says which columns must not matter (Ross, Hughes and Doshi-Velez
2017).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.diagnostics import input_gradients

COLORS = np.array([(255, 0, 0), (0, 255, 0), (0, 128, 255), (128, 0, 255)])
CORNERS, TOP_MIDDLE = [0, 4, 20, 24], [1, 2, 3]


def images(n_samples, rng):
    """Images (n, 75) in [0, 1] and their classes."""
    y = rng.randint(2, size=n_samples)
    C = rng.randint(4, size=(n_samples, 25))
    for i, label in enumerate(y):
        if label == 0:
            C[i, CORNERS] = rng.randint(4)
            C[i, TOP_MIDDLE] = rng.permutation(4)[:3]
        else:
            while len(set(C[i, CORNERS])) == 1:
                C[i, CORNERS] = rng.randint(4, size=4)
            while len(set(C[i, TOP_MIDDLE])) == 3:
                C[i, TOP_MIDDLE] = rng.randint(4, size=3)
    return (COLORS[C] / 255).reshape(n_samples, 75), y


def columns_of(pixels):
    return np.isin(np.arange(75) // 3, pixels)


rng = np.random.RandomState(0)
(X, y), (X_test, y_test) = images(8000, rng), images(1000, rng)

# %%
# Three networks: without annotation, told that corners must not matter, told that the top
# middle must not. The maps are mean absolute gradients of the log-odds, by pixel.

masks = {
    "no annotation": [],
    "corners must not matter": CORNERS,
    "top middle must not matter": TOP_MIDDLE,
}
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
axes[0].imshow(X[y == 0][0].reshape(5, 5, 3))
axes[0].set_title("an image of the first class")
for ax, (name, masked) in zip(axes[1:], masks.items(), strict=True):
    model = GradRegMLPClassifier(
        (50, 30), penalty="right_reasons", alpha=1.0, max_iter=60, tol=1e-3, random_state=0
    )
    model.fit(X, y, mask=np.broadcast_to(columns_of(masked), X.shape))
    sensitivity = (
        np.abs(input_gradients(model, X_test, of="score"))
        .reshape(-1, 25, 3)
        .sum(axis=2)
        .mean(axis=0)
    )
    corners, top = (
        sensitivity[CORNERS].sum() / sensitivity.sum(),
        sensitivity[TOP_MIDDLE].sum() / sensitivity.sum(),
    )
    print(
        f"{name:>26}: accuracy {model.score(X_test, y_test):.3f}; of the sensitivity {corners:.0%} "
        f"corners, {top:.0%} top"
    )
    ax.imshow(sensitivity.reshape(5, 5), cmap="Blues", vmin=0)
    ax.set_title(name)
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# **What was seen.** All three networks classify nearly every image correctly, so accuracy
# cannot say which rule they use. Left alone, the network takes the corners. Told not to, it
# takes the other rule at no cost.
