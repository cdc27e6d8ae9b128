"""Reductions of axes to one number each: sums, moments, extremes, norms, truth."""
