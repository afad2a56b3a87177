"""STAC API 1.0 on the published tables: landing page, collections, items and search."""
