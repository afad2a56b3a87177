"""Benchmarks: what the platform takes, each line beside its baseline in the same run (docs/benchmarks.md)."""
