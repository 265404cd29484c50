"""Parts of penalties, losses and estimators: derivatives, networks, rows, and the objective."""
