"""Expressions of NumPy's elementwise functions, on NumPy and on torch."""
