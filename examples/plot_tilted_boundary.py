"""
Why does a boundary that classifies well come close to every row?
=================================================================

Two classes that differ in their first coordinate only. A boundary at an angle to it
classifies as well, but mirror images, and with them adversarial examples, lie at a distance
that shrinks to nothing as the angle grows to a right one (Tanay and Griffin 2018). In
practice a noisy row and a fit without regularization tilt a boundary.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.diagnostics import linear_geometry, mirror_points

rng = np.random.RandomState(0)
n = 60
X = np.column_stack([np.repeat([-1.0, 1.0], n), rng.uniform(-0.15, 0.15, 2 * n)])
y = np.repeat([0, 1], n)


def tilted(angle):
    """A linear classifier whose weights stand at an angle to the first axis."""
    model = LogisticRegression().fit(X, y)
    model.coef_, model.intercept_ = np.array([[np.cos(angle), np.sin(angle)]]), np.zeros(1)
    return model


def draw(ax, model):
    ax.scatter(*X[y == 0].T, s=6, color="#0072B2")
    ax.scatter(*X[y == 1].T, s=6, color="#D55E00", marker="s")
    (a, b), c = model.coef_[0], model.intercept_[0]
    foot = -c * np.array([a, b]) / (a * a + b * b)
    ax.axline(foot, foot + [-b, a], color="k")
    ax.set(xlim=(-2, 2), ylim=(-1.5, 1.5), aspect="equal")


# %%
# One point and its mirror image while the boundary turns: same predictions, shrinking
# distance.

figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.2), layout="constrained", sharex=True, sharey=True
)
x = np.array([[1.0, 0.0]])
for ax, degrees in zip(axes, (0, 45, 80), strict=True):
    model = tilted(np.radians(degrees))
    mirror = mirror_points(model, x)
    draw(ax, model)
    ax.annotate("", mirror[0], x[0], arrowprops={"arrowstyle": "->", "color": "0.3"})
    ax.scatter(*x.T, color="#D55E00", edgecolor="k", s=60, zorder=3)
    ax.scatter(*mirror.T, color="white", edgecolor="k", s=60, zorder=3)
    ax.set_title(
        f"{degrees}°: mean distance {linear_geometry(model, X, y).adversarial_distance:.2f}"
    )
plt.show()

# %%
# One noisy row, and three fits, without the weight decay that estimators have by default.

X_noisy, y_noisy = np.vstack([X, [[0.6, -0.9]]]), np.append(y, 0)
models = {
    "no penalty": GradRegLogisticRegression(None, l2=0, max_iter=10000),
    "weight decay": GradRegLogisticRegression("weight_decay", alpha=0.05, l2=0),
    "input gradient": GradRegLogisticRegression(alpha=1.0, l2=0, max_iter=1000),
}
figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.2), layout="constrained", sharex=True, sharey=True
)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    draw(ax, model.fit(X_noisy, y_noisy))
    geometry = linear_geometry(model, X, y)
    ax.scatter(*X_noisy[-1], color="#0072B2", edgecolor="k", s=60, zorder=3)
    angle = np.degrees(geometry.tilting_angle)
    ax.set_title(f"{name}: {angle:.0f}°, distance {geometry.adversarial_distance:.2f}")
plt.show()

# %%
# **What was seen.** Without regularization the boundary turns to accommodate one row, and
# weight decay turns it back. The input gradient does not: these rows are separable, so a
# steep enough model is confident in each, and where a model is confident its loss is flat. The
# penalty acts where classes overlap, which is why `l2` is used in addition by default.
