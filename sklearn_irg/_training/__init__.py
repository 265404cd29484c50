"""Training as a function of values: a task (what y is), rows, settings and a start go in, and what was fitted comes out."""
