"""New arrays: constants, ranges, random numbers."""
