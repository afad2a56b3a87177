"""What the platform knows of rovers, documents, coverage and time, and its errors: pure, without I/O and without Dagster."""
