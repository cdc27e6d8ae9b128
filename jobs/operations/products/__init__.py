"""Products of matrices and what is lowered to them: matmul, tensordot, einsum, gram, cov."""
