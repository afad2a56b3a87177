"""The event log: uploads announced, sols asked for, loads reported. SQLite embedded, Kafka deployed."""
