"""The sensors, and what they share."""
