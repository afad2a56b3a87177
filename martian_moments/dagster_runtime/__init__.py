"""What executes runs: launchers, workers, leases and storages. Every import of a Dagster internal lives here."""
