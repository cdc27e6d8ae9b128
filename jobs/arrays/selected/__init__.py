"""Parts of arrays by NumPy's basic slicing, as sources of their own."""
