"""Upstream: the polite client, one module per dialect, and which source serves which rover."""
