"""What moves documents from one place to the next, without Dagster: NASA to the lake, the lake to bronze."""
