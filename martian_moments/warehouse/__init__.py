"""The warehouse: bronze loads and the published tables."""
