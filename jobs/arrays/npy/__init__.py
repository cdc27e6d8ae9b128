"""``.npy`` files: read by region where they lie, and written by many processes at once."""
