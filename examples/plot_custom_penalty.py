"""
Can I write a penalty of my own?
================================

In fifteen lines. A penalty of rows is a class with ``values(step)``, a number for each row;
the step has outputs, probabilities and input gradients, all differentiable. This one asks a
model to give an image and its mirror image the same answer.
"""

import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn_irg import GradRegMLPClassifier
from sklearn_irg.penalties import InputGradient, SamplePenalty


class SameWhenMirrored(SamplePenalty):
    """Squared difference between outputs for an image and its mirror image, over all classes."""

    def __init__(self, width):
        self.width = width

    def values(self, step):
        mirrored = step.X.reshape(len(step.X), -1, self.width)[:, :, ::-1].reshape(
            step.X.shape
        )
        return anp.sum((step.outputs - step.forward_at(mirrored)[-1]) ** 2, axis=1)


# %%
# It composes with the others, stands in a grid, and is differentiated with everything else.

X, y = load_digits(return_X_y=True)
symmetric = np.isin(y, (0, 1, 8))
X_train, X_test, y_train, y_test = train_test_split(
    X[symmetric] / 16, y[symmetric], train_size=30, random_state=0
)
mirrored = X_test.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
model = GradRegMLPClassifier(learning_rate_init=0.01, max_iter=300, random_state=0)
grid = {
    "penalty": [None, SameWhenMirrored(8), SameWhenMirrored(8) + InputGradient()],
    "alpha": [0.1, 1.0],
}
search = GridSearchCV(model, grid, cv=3).fit(X_train, y_train)
for penalty, alpha, score in zip(
    search.cv_results_["param_penalty"],
    search.cv_results_["param_alpha"],
    search.cv_results_["mean_test_score"],
    strict=True,
):
    print(f"{penalty!s:>70}, alpha {alpha}: {score:.3f}")

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
strengths = [0, 0.01, 0.1, 1]
model.set_params(penalty=SameWhenMirrored(8))
fits = [
    model.set_params(alpha=alpha).fit(X_train, y_train)
    and [model.score(X_test, y_test), model.score(mirrored, y_test)]
    for alpha in strengths
]
ax.plot(range(4), fits, "o-", label=["test images", "their mirror images"])
ax.set_xticks(range(4), strengths)
ax.set(xlabel="alpha", ylabel="accuracy", title="thirty images of 0, 1 and 8 to learn from")
ax.legend()
plt.show()

# %%
# **What was seen.** On mirror images accuracy rises from 0.82 to 0.97. A short class is a
# penalty like any other: it can be added, scaled, cloned and searched over. More kinds are
# on the page :doc:`/extending`.
