"""From a fitted estimator of any library to a differentiable model."""
