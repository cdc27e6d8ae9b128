"""What is found by counting or ordering: histograms, quantiles, the largest elements."""
