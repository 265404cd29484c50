"""Sets of perturbations as arrays: boxes, grids of integers, levels of categories, balls; they know no model and no table."""
