"""Arrays behind URLs, read by region through fsspec."""
