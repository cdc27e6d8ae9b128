"""Read handwritten digits by their nearest neighbours among principal components.

python digits.py
"""

import numpy as np
from sklearn.datasets import load_digits

from arraymill.jobs import run


def main() -> None:
    digits, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    known, asked = order[:1300], order[1300:]

    # 64 pixels to 30 components, fitted to the known digits alone
    fit = run("pca", digits[known], n_components=30)
    centred = run("map", digits[asked], fit.mean, expr="x - y")
    scores = run("matmul", centred, fit.components, transpose_b=True)

    # the five nearest known digits vote
    nearest = run("knn", fit.scores, scores, k=5)
    votes = labels[known][nearest.indices]
    read = np.array([np.bincount(row, minlength=10).argmax() for row in votes])

    accuracy = np.mean(read == labels[asked])
    print(f"{fit.explained_variance_ratio.sum():.1%} of the variance in 30 components")
    print(f"{accuracy:.1%} of {len(asked)} digits read correctly")
    assert accuracy > 0.95


# workers, where a job is large enough for some, import this file
if __name__ == "__main__":
    main()
