"""Tests of jobs/operations/elementwise/functions.py."""

import numpy as np
import pytest
from expressions import DTYPES, bits, call_text, program_of, random_array

from arraymill.jobs.operations.elementwise.functions import CASTS, FUNCTIONS, write_cast

NAMES = sorted({function.name for function in FUNCTIONS.values()})


def test_casts_are_called_as_their_dtype():
    assert all(np.dtype(name) == dtype for name, dtype in CASTS.items())


def test_no_name_is_both_a_function_and_a_dtype():
    assert not set(FUNCTIONS) & set(CASTS)


def test_write_cast_wraps_integers():
    out = np.empty(2, np.int8)
    write_cast(out, np.array([127, 128]))
    assert out.tolist() == [127, -128]


@pytest.mark.parametrize("code", DTYPES)
def test_write_is_numpys_own_answer_bit_for_bit(code):
    for name in NAMES:
        function = FUNCTIONS[name]
        operands = [random_array(code, seed) for seed in range(function.n_arguments[0])]
        program = program_of(call_text(name), {n: o.dtype for n, o in zip("xyz", operands, strict=False)})
        if program is None or (name == "power" and np.dtype(code).kind == "i"):  # refused, or negative exponents
            continue
        with np.errstate(all="ignore"):
            expected = np.asarray(function.call(*operands))
            out = np.empty(expected.shape, program.dtype)
            function.write(out, *operands)
        assert (name, out.dtype, bits(out)) == (name, expected.dtype, bits(expected))
