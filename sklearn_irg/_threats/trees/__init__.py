"""Branch and bound over the cells of additive trees."""
