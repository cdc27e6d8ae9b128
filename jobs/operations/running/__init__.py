"""What goes along an axis: running sums and products, differences, Fourier transforms."""
