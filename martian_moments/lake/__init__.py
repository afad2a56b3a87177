"""The lake: every raw response as one object, in files or in any S3."""
