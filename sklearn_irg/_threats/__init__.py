"""What may happen to rows, and the worst of it: threat models, attacks on them, and what is certain."""
