"""Training as a function of values, without estimators.

A task (the kind of y), rows, settings and a start go in, and the fitted weights come out.
"""
