"""What executes runs: launchers, workers, leases and storages. Every import of a Dagster internal lives here."""

from typing import Final

CHECKED_WITH: Final = "1.13.27"
"""The release of Dagster with which all was checked that it does not export; the modules here say what they use of it."""
