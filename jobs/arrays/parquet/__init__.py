"""Parquet files: numeric columns read by row group, and packed from finished arrays."""
