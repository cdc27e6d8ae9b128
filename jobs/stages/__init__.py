"""What an operation is made of: stages of three shapes, their kernels, and the bytes that they move."""
