"""Benchmarks of speed and quality; every number of the docs comes from one of these scripts."""
