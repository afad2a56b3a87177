"""The lake: every raw answer as one object, in files or in any S3."""
