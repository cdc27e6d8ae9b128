"""Functions and models as users write them, in files that nothing can import by name."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

FUNCTIONS = """
import numpy as np


def double(x):
    return x * 2


def scaled(x, factor=2):
    x *= factor
    return x


def centred(x):
    return x - x.mean(axis=0)


def two(x):
    return x.sum(axis=1), x > 0


def named(x):
    return {"total": x.sum(axis=1).astype("f4"), "turned": x * 1j, "none": x[:, :0]}


def refuse_17(x):
    if (x == 17).any():
        raise ValueError("seventeen")
    return x


def whole(x):
    return x.sum()


def one_less(x):
    return x[1:]


def brain(x):
    return x.bfloat16()


VALUE = 3
"""

MODELS = """
import torch


class Net(torch.nn.Module):
    def __init__(self, hidden=3):
        super().__init__()
        self.layer, self.drop = torch.nn.Linear(4, hidden), torch.nn.Dropout(0.5)

    def forward(self, x):
        assert torch.is_inference_mode_enabled()
        return self.drop(self.layer(x))


class Plain:
    def __call__(self, x):
        return x + 1
"""


def write_functions(folder: Path) -> Path:
    """Write functions to a file and return its path."""
    path = folder / "mine.py"
    path.write_text(FUNCTIONS)
    return path


def small_model() -> torch.nn.Module:
    """Return a model of 4 numbers a row to 3, the same each time."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval()


def save_script(path: Path) -> Path:
    """Save the small model as TorchScript, which torch advises against."""
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(small_model()).save(str(path))
    return path


def save_program(path: Path, *, n_rows: int | None = None) -> Path:
    """Export the small model, for any number of rows or for one."""
    shapes = None if n_rows else ({0: torch.export.Dim("rows")},)
    with warnings.catch_warnings(action="ignore"):
        program = torch.export.export(small_model(), (torch.zeros(n_rows or 8, 4),), dynamic_shapes=shapes)
        torch.export.save(program, path)
    return path
