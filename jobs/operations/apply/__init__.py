"""`apply`: functions and trained models of the user on the rows of an array."""
