"""Outputs of every format but ``.npy``: what is common to packing a finished array."""
