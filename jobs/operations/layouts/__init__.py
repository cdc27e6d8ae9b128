"""The same elements in another dtype, order, shape or format."""
