"""The assets: lake, bronze and the dbt models."""
