"""How fast, and how good: every number of the docs comes from a script in here."""
