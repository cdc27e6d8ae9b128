"""QR, SVD, PCA and least squares of tall matrices."""
