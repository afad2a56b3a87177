"""The dbt project: bronze to silver to gold. A package only so that it is installed with the platform."""
