"""What starts runs: sensors, schedules, conditions, and the run launcher."""
