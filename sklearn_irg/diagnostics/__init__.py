"""Diagnostics: how far, in which direction and why the predictions of a fitted model change."""

from sklearn_irg.diagnostics._certified_radius import certified_radius, distance_interval
from sklearn_irg.diagnostics._deletion_mask import deletion_mask
from sklearn_irg.diagnostics._distances import attack_distance, signed_distance
from sklearn_irg.diagnostics._flip_rates import FlipRates, flip_rates
from sklearn_irg.diagnostics._geometry import LinearGeometry, linear_geometry
from sklearn_irg.diagnostics._gradients import (
    FeatureSensitivity,
    feature_sensitivity,
    find_another_explanation,
    input_gradients,
    integrated_gradients,
    largest_gradient_mask,
)
from sklearn_irg.diagnostics._lipschitz import (
    GradientInequality,
    LipschitzBounds,
    gradient_inequality,
    lipschitz_bounds,
)
from sklearn_irg.diagnostics._mirror_images import mirror_points, projected_points
from sklearn_irg.diagnostics._plane import TiltingPlane, tilting_plane
from sklearn_irg.diagnostics._scaled_loss import scaled_loss
from sklearn_irg.diagnostics._smoothness import local_smoothness
from sklearn_irg.diagnostics._temperature import temperature

__all__ = [
    "FeatureSensitivity",
    "FlipRates",
    "GradientInequality",
    "LinearGeometry",
    "LipschitzBounds",
    "TiltingPlane",
    "attack_distance",
    "certified_radius",
    "deletion_mask",
    "distance_interval",
    "feature_sensitivity",
    "find_another_explanation",
    "flip_rates",
    "gradient_inequality",
    "input_gradients",
    "integrated_gradients",
    "largest_gradient_mask",
    "linear_geometry",
    "lipschitz_bounds",
    "local_smoothness",
    "mirror_points",
    "projected_points",
    "scaled_loss",
    "signed_distance",
    "temperature",
    "tilting_plane",
]
