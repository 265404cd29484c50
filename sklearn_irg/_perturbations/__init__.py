"""Sets of perturbations as arrays: boxes, integer grids, levels and balls, without a model.

They know no table either.
"""
