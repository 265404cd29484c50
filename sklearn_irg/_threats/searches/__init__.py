"""Searches for misclassified points at one radius or at increasing radii."""
