"""Searches for misclassified points, at a radius and at rising ones."""
