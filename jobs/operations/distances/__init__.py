"""Distances between rows, and the nearest of them."""
