"""The assets: lake, bronze, dbt models and checks. Thin: they call the rooms."""
