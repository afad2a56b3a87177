"""What Dagster shows: assets, checks, partitions, automation conditions, sensors, schedules and alerts."""
