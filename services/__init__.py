"""MinIO, Kafka, PostgreSQL and Redis on loopback, for tests and for a deployed platform on one machine."""
