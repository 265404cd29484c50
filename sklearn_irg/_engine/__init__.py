"""What penalties, losses and estimators are made of: derivatives, networks, rows, and the objective."""
