"""
A decoy gives the label away in training: can a mask save the model?
====================================================================

Each digit has a gray patch in a random corner. In training its shade is that of the digit,
at test it is random. A mask, one entry for each pixel of each row, says where the patches
are, and `RightReasons` makes the model ignore what it marks (Ross, Hughes and Doshi-Velez
2017).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.diagnostics import input_gradients

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)


def with_patches(X, shades, rng):
    """Images with a patch of 2 × 2 pixels in a random corner, and where it is."""
    images, patches = X.reshape(-1, 8, 8).copy(), np.zeros((len(X), 8, 8), dtype=bool)
    corners = [(slice(a, a + 2), slice(b, b + 2)) for a in (0, 6) for b in (0, 6)]
    for i, corner in enumerate(rng.randint(4, size=len(X))):
        images[i][corners[corner]] = 1 - shades[i] / 10
        patches[i][corners[corner]] = True
    return images.reshape(len(X), 64), patches.reshape(len(X), 64)


rng = np.random.RandomState(0)
decoys, mask = with_patches(X_train, y_train, rng)
misled, _ = with_patches(X_test, rng.randint(10, size=len(X_test)), rng)

# %%
# The same network three times.

options = {"learning_rate_init": 0.01, "max_iter": 300, "random_state": 0}
plain = GradRegMLPClassifier(penalty=None, **options).fit(decoys, y_train)
masked = GradRegMLPClassifier(penalty="right_reasons", alpha=1.0, **options).fit(
    decoys, y_train, mask=mask
)
clean = GradRegMLPClassifier(penalty=None, **options).fit(X_train, y_train)
print(
    f"trained with patches:          {plain.score(misled, y_test):.3f} of misleading test images "
    "right"
)
print(f"trained with patches and mask: {masked.score(misled, y_test):.3f}")
print(
    f"trained without patches:       {clean.score(X_test, y_test):.3f} of clean test images right"
)

# %%
# An image with its patch, and mean absolute gradients of the log-probabilities of both
# models, by pixel.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
axes[0].imshow(decoys[5].reshape(8, 8), cmap="gray_r")
axes[0].set_title(f"a {y_train[5]} in training")
for ax, (name, model) in zip(
    axes[1:], {"without the mask": plain, "with the mask": masked}.items(), strict=True
):
    gradients = np.abs(input_gradients(model, misled, of="log_proba")).mean(axis=0)
    ax.imshow(gradients.reshape(8, 8), cmap="Blues", vmin=0)
    ax.set_title(f"sensitivity {name}")
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# **What was seen.** The plain network is sensitive to the corners, where the patches are.
# With the mask it is not, and most of the accuracy of a model that never saw a patch is
# back.
