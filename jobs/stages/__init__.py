"""What an operation is made of: stages of three shapes, their kernels, and what moves through a machine for them."""
