"""Threat models, attacks within them, and certificates."""
