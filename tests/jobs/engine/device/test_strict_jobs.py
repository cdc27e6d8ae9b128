"""Every operation by the path of a GPU, on tensors that refuse what CUDA refuses: the answers of plain tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays, run_chain_plan, run_plan
from operation_cases import case_of
from operation_contract import CODES, REDUCTIONS, draw_values
from strict_cuda import strict_gpu
from strict_tensor import HiddenWaits

from arraymill.jobs.engine.device import Settings
from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.elementwise.functions import FUNCTIONS

SETTINGS = Settings(slot_bytes=1 << 13, n_in=4, n_out=2, n_readers=2, n_writers=2)
HOST_WAITS = {
    "operations/counting/bincount.py": "the extent of a piece says what is counted; torch looks at it too",
    "operations/counting/binning.py": "elements outside the bins are left out: how many are left, the host must know",
    "operations/counting/histogram_kernels.py": "the edges of bins are few numbers that come from the host",
    "operations/counting/key_counts.py": "elements behind a prefix are looked for",
    "operations/counting/quantile_columns.py": "order statistics are interpolated by NumPy",
    "operations/counting/quantile_passes.py": "NaN are looked for only where there is one",
    "operations/counting/topk.py": "the rows of a piece are few numbers that come from the host",
    "operations/distances/distances.py": "near pairs are looked for",
    "operations/distances/nearest.py": "candidates are looked for",
    "operations/elementwise/standardize.py": "whether a column is constant matters only where its spread is small",
    "operations/elementwise/torch_functions.py": "integers to negative powers are refused, as NumPy does",
    "operations/factorizations/tall_product.py": "an input that changed between two passes is an error",
    "operations/products/cross_products.py": "float32 may have overflowed",
    "operations/reductions/moments.py": "float32 may have overflowed",
    "operations/reductions/sums.py": "float32 may have overflowed",
}
"""Where a kernel lets the host wait for the device, once or a few times per piece, and why."""
PIECE_BY_PIECE = {"tensors.py", "engine/product.py"}
"""The way in and out of blocks that are not for the engine (`suits`)."""


@pytest.fixture
def waits() -> Iterator[HiddenWaits]:
    """Put tensors that say they are on a GPU in the place of the GPU's."""
    with strict_gpu(SETTINGS) as found:
        yield found


def outputs(plan: Any, arrays: Any, backend: Any) -> dict[str, Any]:
    if hasattr(plan, "steps"):
        return run_chain_plan(plan, arrays, backend=backend)
    return {"": run_plan(plan, arrays, backend=backend)}


def check(name: str, arrays: Any, params: dict[str, Any], **limits: Any) -> None:
    """Compare with what the same kernels give, without an engine, on plain tensors."""
    try:
        plan = plan_arrays(name, arrays, params, backend="torch-cuda", **limits)
    except InputUnsupportedError:
        # what CUDA is not given has tests where it is refused
        return
    found, expected = (outputs(plan, arrays, backend) for backend in ("torch-cuda", "torch-cpu"))
    assert found.keys() == expected.keys()
    for output, array in expected.items():
        assert (found[output].dtype, found[output].shape) == (array.dtype, array.shape)
        if array.dtype.kind not in "fc":
            np.testing.assert_array_equal(found[output], array, f"{name} {params} {limits}")
            continue
        # last bits of products and transforms on a CPU may depend on where their operands lie in memory
        mine, theirs = (each.astype("c16" if array.dtype.kind == "c" else "f8") for each in (found[output], array))
        scale = float(np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs)))
        rtol = 1e3 * float(np.finfo(array.dtype).eps)
        np.testing.assert_allclose(mine, theirs, rtol, rtol * scale, err_msg=f"{name} {params} {limits}")


def check_waits(waits: HiddenWaits) -> None:
    """Check that the host waited nowhere but where a kernel means it to."""
    known = HOST_WAITS.keys() | PIECE_BY_PIECE
    assert {(where, operation) for where, operation in waits.places if where.split(":")[0] not in known} == set()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "apply"])
def test_every_operation(name: str, waits: HiddenWaits) -> None:
    arrays, params = case_of(name)
    # several blocks; a product in small tiles takes long
    for block_bytes in (None, 300_000 if name in ("matmul", "tensordot", "einsum") else 30_000):
        check(name, arrays, params, block_bytes=block_bytes)
    check_waits(waits)


@pytest.mark.parametrize("code", CODES)
def test_reductions_of_every_dtype(code: str, waits: HiddenWaits) -> None:
    for number, name in enumerate(REDUCTIONS):
        x = draw_values((12, 10), code, number)
        if code != "?" or name != "ptp":
            check(name, [x], {"axis": (None, 0, 1)[number % 3]}, block_bytes=x.nbytes // 2)
    check_waits(waits)


def is_function_of(name: str, code: str) -> bool:
    """Tell whether NumPy has a function for a dtype."""
    function = FUNCTIONS[name]
    if not function.in_expression or (name == "reciprocal" and code[0] not in "fc"):
        return False
    try:
        with np.errstate(all="ignore"):
            function.call(*([np.ones(2, code)] * function.n_arguments[0]))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("code", CODES)
def test_functions_of_every_dtype(code: str, waits: HiddenWaits) -> None:
    x, y = np.abs(draw_values((5, 6), code, 0)), np.abs(draw_values((6,), code, 2))
    for name in FUNCTIONS:
        if is_function_of(name, code):
            operands = ("x", "y", "x")[: FUNCTIONS[name].n_arguments[0]]
            check("map", [x, y], {"expr": f"where(y == y, {name}({', '.join(operands)}), 0)"})
    operators = "* + < <= == != >=" + ("" if code == "?" else " - / // ** %")
    operators += " & | ^" if code[0] in "?iu" else ""
    for operator in operators.split():
        if code[0] != "c" or operator not in ("//", "%"):
            check("map", [x, y], {"expr": f"x {operator} y"})
    check_waits(waits)


@pytest.mark.parametrize("code", CODES)
def test_casts_from_every_dtype(code: str, waits: HiddenWaits) -> None:
    # of either sign
    x = draw_values((6, 5), code, 3)
    for other in CODES:
        check("convert", [x], {"dtype": np.dtype(other).name, "casting": "unsafe"})
        if code[0] != "c" or other[0] == "c":
            check("map", [x], {"expr": f"{np.dtype(other).name}(x)"})
    check_waits(waits)


COUNTS: list[tuple[str, dict[str, Any]]] = [
    ("percentile", {"q": (1, 50, 99.5)}),
    ("nanquantile", {"q": (0.25, 0.5), "axis": 0, "keepdims": True}),
    ("median", {"axis": 0}),
    ("histogram", {"bins": 20}),
    ("histogram", {"bins": 7, "range": (-5.5, 60), "density": True}),
    ("histogram", {"bins": (-100, -1.5, 0, 0, 30)}),
    ("topk", {"k": 5, "axis": None}),
    ("topk", {"k": 3, "axis": 0, "largest": False}),
    ("bincount", {"length": 200}),
]


@pytest.mark.parametrize(("name", "params"), COUNTS)
def test_counts_of_every_dtype(name: str, params: dict[str, Any], waits: HiddenWaits) -> None:
    rng = np.random.default_rng(5)
    for code in ("i1", "u1", "u2", "u4", "i8") if name == "bincount" else ("i1", "u2", "u4", "i8", "f2", "f4", "f8"):
        # few values, so that there are equals
        x = rng.integers(0, 9, 60 if name == "bincount" else (12, 10)).astype(code)
        if code[0] == "f" and name != "histogram":
            x[3, 3], x[5, 4] = np.nan, np.inf
        for block_bytes in (None, x.nbytes // 3):
            check(name, [x], params, block_bytes=block_bytes)
    check_waits(waits)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "diff", "cumsum", "cumprod"])
def test_along_an_axis_of_every_dtype(name: str, waits: HiddenWaits) -> None:
    for number, code in enumerate(CODES):
        if code[0] == "c" and name == "rfft":
            continue
        x = draw_values((4, 5, 6), code, 2)
        check(name, [x], {"axis": number % 3, **({"n": 7} if "fft" in name and number % 2 else {})})
    check_waits(waits)


@pytest.mark.parametrize("code", CODES)
def test_products_of_every_dtype(code: str, waits: HiddenWaits) -> None:
    # small integers, of which no precision loses a bit
    rng = np.random.default_rng(3)
    a, b = (rng.integers(0, 5, shape).astype(code) for shape in ((30, 24), (24, 20)))
    for precision in ("standard", "strict", "fast", "fast-fp32", "fast-bf16"):
        if code in ("f2", "f4", "f8") or precision == "standard":
            check("matmul", [a, b], {}, precision=precision)
    check("matmul", [np.stack([a] * 3), b], {})
    for name in ("gram", "cov", "qr"):
        check(name, [a], {}, block_bytes=a.nbytes // 2)
    check_waits(waits)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine", "cityblock"])
@pytest.mark.parametrize("columns", [2, 24])
def test_distances(metric: str, columns: int, waits: HiddenWaits) -> None:
    for code in ("f4", "f8", "i4"):
        a, b = draw_values((90, columns), code, 2), draw_values((40, columns), code, 4)
        b[:5] = a[:5]
        for block_bytes in (None, a.nbytes // 2):
            check("cdist", [a, b], {"metric": metric}, block_bytes=block_bytes)
            check("knn", [a, b], {"metric": metric, "k": 3}, block_bytes=block_bytes)
    check_waits(waits)
