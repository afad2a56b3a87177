"""What starts runs: sensors, schedules and the run launcher. When dbt runs is in ``assets.conditions``."""
