"""Many arrays as one source, joined end to end or stacked."""
