"""Tests of the edges of torch_functions.py; test_torch_program.py holds every function to NumPy."""

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch

from arraymill.jobs.operations.elementwise.functions import CASTS, FUNCTIONS
from arraymill.jobs.operations.elementwise.torch_functions import COMPLEX_ON_TORCH, apply_on_torch, torch_dtype


def test_torch_has_every_dtype_of_the_table():
    assert all(isinstance(torch_dtype(xp, dtype), torch.dtype) for dtype in CASTS.values())


def test_complex_functions_are_functions():
    assert set(FUNCTIONS) >= COMPLEX_ON_TORCH


@pytest.mark.parametrize("by", [-1, 8, 100])
def test_shifts_beyond_the_width_leave_the_sign(by):
    a, b = torch.tensor([-5, 5], dtype=torch.int8), torch.tensor([by, by], dtype=torch.int8)
    assert apply_on_torch(xp, "right_shift", [a, b], np.dtype("i1")).tolist() == [-1, 0]
    assert apply_on_torch(xp, "left_shift", [a, b], np.dtype("i1")).tolist() == [0, 0]


def test_the_lowest_integer_by_minus_one_wraps():
    lowest, minus_one = torch.tensor([-128], dtype=torch.int8), torch.tensor([-1], dtype=torch.int8)
    assert apply_on_torch(xp, "floor_divide", [lowest, minus_one], np.dtype("i1")).tolist() == [-128]


def test_zero_remainders_have_the_sign_of_the_divisor():
    rest = apply_on_torch(xp, "remainder", [torch.tensor([4.0, -4.0]), torch.tensor([-2.0, 2.0])], np.dtype("f4"))
    assert torch.signbit(rest).tolist() == [True, False]


def test_sign_of_nan_is_nan():
    assert apply_on_torch(xp, "sign", [torch.tensor([torch.nan])], np.dtype("f4")).isnan().all()
