"""The two ends of classifier.sh: train a small network on digits and export it; count what was read correctly."""

import sys

import numpy as np
import torch
import zarr
from sklearn.datasets import load_digits
from torch import nn


def train() -> None:
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    x, y = torch.from_numpy(images[:1300]), torch.from_numpy(labels[:1300])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    # any number of rows at once
    program = torch.export.export(model.eval(), (x[:2],), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(program, "classifier.pt2")
    zarr.create_array("digits.zarr", data=images, chunks=(500, 64))
    np.save("labels.npy", labels)


def check() -> None:
    right = np.load("read.npy") == np.load("labels.npy")
    print(f"{right[1300:].mean():.1%} of the {right[1300:].size} digits that it was not trained on are read correctly")
    assert right[1300:].mean() > 0.9


if __name__ == "__main__":
    {"train": train, "check": check}[sys.argv[1]]()
