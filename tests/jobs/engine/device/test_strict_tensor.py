"""Tensors that behave as a GPU's: each kind of mistake that a CPU forgives is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from device_engine import F4, product_stage, run_stage
from strict_cuda import strict_gpu
from strict_tensor import StrictTensor, hidden_waits, on_device, upload

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine.device import open_engine
from arraymill.jobs.stages.shapes import MapStage

FLOATS = torch.tensor([[1.0, -2.0, 3.0], [4.0, float("nan"), 6.0]])
HALVES = FLOATS.half()
INTEGERS = torch.tensor([[3, 1, 2], [6, 5, 4]])
UNSIGNED = torch.tensor([[3, 1, 2], [6, 5, 4]], dtype=torch.uint16)


def made(work: Callable[[Any], Any], host: torch.Tensor) -> tuple[Any, list[str]]:
    """Return what `work` makes of a tensor on the device, and what let the host wait."""
    hidden_waits.places.clear()
    with on_device():
        result = work(upload(host))
    return result, [operation for _, operation in hidden_waits.places]


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x + torch.ones(3),
        lambda x: x * torch.arange(3),
        lambda x: torch.maximum(x, torch.zeros_like(x, device="cpu")),
        lambda x: torch.where(x > 0, x, torch.zeros(2, 3)),
        lambda x: torch.cat([x, torch.ones(1, 3)]),
        lambda x: torch.mm(x, torch.ones(3, 2)),
        lambda x: torch.mm(x, x.T, out=torch.empty(2, 2)),
        lambda x: torch.cat([x.reshape(-1), torch.tensor(1.0).reshape(1)]),
        lambda x: torch.searchsorted(torch.arange(4.0), x),
        lambda x: torch.gather(x, 1, torch.zeros(2, 1, dtype=torch.int64)),
        lambda x: torch.arange(9.0)[x.long()],
        lambda x: x.index_put((torch.tensor([0]),), torch.ones(1, 3)),
    ],
)
def test_tensors_of_the_host_are_not_mixed_in(work: Any) -> None:
    work(FLOATS.abs().nan_to_num())
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        made(work, FLOATS)


@pytest.mark.parametrize(
    "work", [lambda x: x + torch.tensor(1.0), lambda x: x * 2, lambda x: torch.where(x > 0, x, torch.tensor(0.0))]
)
def test_numbers_of_the_host_are_let_in(work: Any) -> None:
    found, waits = made(work, FLOATS)
    assert found.device == torch.device("cuda:0")
    assert torch.equal(found.cpu().nan_to_num(), work(FLOATS).nan_to_num())
    assert waits == []


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x.numpy(),
        np.asarray,
        lambda x: np.add(x, 1),
        lambda x: torch.from_numpy(np.ones(3, "f4")) + x,
        lambda x: torch.as_tensor(np.ones(3, "f4")) * x,
    ],
)
def test_numpy_does_not_see_the_device(work: Any) -> None:
    with pytest.raises((TypeError, RuntimeError), match="cuda:0"):
        made(work, FLOATS)


@pytest.mark.parametrize(
    ("work", "operation"),
    [
        (lambda x: x.sum().item(), "_local_scalar_dense"),
        (lambda x: float(x[0, 0]), "_local_scalar_dense"),
        (lambda x: bool((x > 0).any()), "_local_scalar_dense"),
        (lambda x: int(x[0, 0]), "_local_scalar_dense"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: x.cpu(), "to"),
        (lambda x: x.to("cpu"), "to"),
        (lambda x: x.nonzero(), "nonzero"),
        (lambda x: x[x > 0], "index"),
        (lambda x: x[torch.tensor([1, 0])], "index"),
        (lambda x: x[[1, 0]], "index"),
        (lambda x: torch.unique(x), "_unique2"),
        (lambda x: x.masked_select(x > 0), "masked_select"),
        (lambda x: torch.bincount(x[0].nan_to_num().abs().long()), "bincount"),
        (lambda x: torch.tensor([1.0, 2.0], device="cuda"), "tensor"),
        (lambda x: torch.asarray(np.ones(3), device=x.device), "asarray"),
        (lambda x: torch.ones(3).to(x.device), "to"),
        (lambda x: torch.ones(3).to(x), "to"),
        (lambda x: torch.ones(3).cuda(), "to"),
        (lambda x: x.copy_(torch.ones(2, 3)), "copy"),
        (lambda x: torch.ones(2, 3).copy_(x), "copy"),
    ],
)
def test_a_host_that_waits_is_seen(work: Any, operation: str) -> None:
    assert operation in made(work, FLOATS)[1]


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x.sum(dim=0).sqrt().to(torch.float64),
        lambda x: torch.zeros(3, device=x.device) + torch.arange(3, device="cuda") + x,
        lambda x: torch.ones(2, 3).copy_(x, non_blocking=True),
        lambda x: x.copy_(torch.ones(2, 3), non_blocking=True),
        lambda x: x[:, 1:][x[:, :1].long().clamp(0, 1)],
        lambda x: x.view(torch.int32).view(3, 2),
    ],
)
def test_work_that_runs_behind_is_not_waited_for(work: Any) -> None:
    assert made(work, FLOATS.nan_to_num())[1] == []


@pytest.mark.parametrize(
    ("work", "host", "message"),
    [
        (lambda x: torch.mm(x, x.T), INTEGERS, "\"addmm_cuda\" not implemented for 'Long'"),
        (lambda x: x.int() @ x.int().T, INTEGERS, "\"addmm_cuda\" not implemented for 'Int'"),
        (lambda x: torch.matmul(x[None], x.T[None]), INTEGERS, "\"baddbmm_cuda\" not implemented for 'Long'"),
        (lambda x: torch.mv(x, x[0]), INTEGERS, "\"addmv_impl_cuda\" not implemented for 'Long'"),
        (lambda x: torch.dot(x[0], x[1]), INTEGERS, "\"dot\" not implemented for 'Long'"),
        (lambda x: x.fill_(1).T @ x, FLOATS > 0, "\"addmm_cuda\" not implemented for 'Bool'"),
        (lambda x: torch.sort(x), UNSIGNED, "\"sort\" not implemented for 'UInt16'"),
        (lambda x: x.amax(), UNSIGNED, "\"amax\" not implemented for 'UInt16'"),
        (lambda x: torch.histogram(x.nan_to_num(), 3), FLOATS, "Could not run 'aten::histogram'"),
        (lambda x: torch.cumsum(x, 0), FLOATS, "cumsum does not have a deterministic implementation"),
        (lambda x: torch.histc(x.nan_to_num()), FLOATS, "histc does not have a deterministic implementation"),
        (lambda x: torch.bincount(x[0], x[1].double()), INTEGERS, "bincount does not have a deterministic"),
        (lambda x: x[0].index_add(0, x[1].long().clamp(0, 2), x[0]), FLOATS, "index_add does not have"),
    ],
)
def test_what_cuda_has_no_kernel_for_is_refused(work: Any, host: torch.Tensor, message: str) -> None:
    with pytest.raises((NotImplementedError, RuntimeError), match=message.replace("(", r"\(")):
        made(work, host)


def test_what_cuda_has_is_computed() -> None:
    assert made(lambda x: (x == 3).sum() + x.to(torch.int64).sum(), UNSIGNED)[0].tolist() == 22
    assert made(lambda x: torch.cumsum(x, 1), INTEGERS)[0].tolist() == [[3, 4, 6], [6, 11, 15]]


@pytest.mark.skipif(tuple(map(int, torch.__version__.split(".")[:2])) < (2, 8), reason="torch 2.7 has no such product")
def test_products_of_halves_give_float32() -> None:
    wide: Any = made(lambda x: torch.mm(x, x.T, out_dtype=torch.float32), HALVES[:1])[0]  # type: ignore[call-overload]
    assert (wide.dtype, wide.tolist()) == (torch.float32, [[14.0]])


def test_equals_come_in_no_order_but_a_stable_one() -> None:
    equal = torch.zeros(4)
    assert made(lambda x: torch.sort(x).indices, equal)[0].tolist() == [3, 2, 1, 0]
    assert made(torch.argsort, equal)[0].tolist() == [3, 2, 1, 0]
    assert made(lambda x: torch.topk(x, 2).indices, equal)[0].tolist() == [3, 2]
    assert made(lambda x: torch.argsort(x, stable=True), equal)[0].tolist() == [0, 1, 2, 3]


def test_floats_that_no_integer_is_are_cast_as_a_gpu_does() -> None:
    edges = torch.tensor([float("nan"), 1e30, -1e30, -3.5])
    top, low = 2**31 - 1, -(2**31)
    assert made(lambda x: x.to(torch.int32), edges)[0].tolist() == [0, top, low, -3]
    assert made(lambda x: x.double().to(torch.int32), edges)[0].tolist() == [low, top, low, -3]
    assert made(lambda x: x.to(torch.int64), edges)[0].tolist() == [-(2**63), 2**63 - 1, -(2**63), -3]
    assert made(lambda x: x.to(torch.uint16), edges)[0].tolist() == [0, 65535, 0, 0]
    assert made(lambda x: x[0].int().copy_(x[1]), torch.stack([edges * 0, edges]))[0].tolist() == [0, top, low, -3]


def test_memory_that_nobody_wrote_is_poison() -> None:
    found = made(lambda x: torch.empty(3, device="cuda"), FLOATS)[0]
    assert isinstance(found, StrictTensor)
    assert found.held.isnan().all()
    assert made(torch.empty_like, FLOATS)[0].held.isnan().all()


def test_a_model_moves_to_the_device() -> None:
    with on_device(), torch.inference_mode():
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.LayerNorm(4)).eval()
        expected = model(FLOATS[:1])
        found = model.to("cuda:0")(upload(FLOATS[:1]))
        torch.testing.assert_close(found.cpu(), expected)
        with pytest.raises(RuntimeError, match="same device"):
            model(FLOATS)


class Kernel:
    """A kernel of one function."""

    def __init__(self, work: Callable[[Any, Any], Any]) -> None:
        self.work = work

    def apply(self, xp: Any, blocks: Any, region: Any) -> Any:
        return self.work(xp, blocks[0])


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda xp, x: x + xp.arange(6), "same device"),
        (lambda xp, x: x - xp.asarray(np.arange(6.0, dtype="f4")), "same device"),
        (lambda xp, x: xp.asarray(np.asarray(x)), "can't convert cuda:0"),
        (lambda xp, x: xp.astype(xp.astype(x, xp.int64) @ xp.ones_like(x, dtype=xp.int64).T, xp.float32), "addmm_cuda"),
    ],
)
def test_a_kernel_that_the_fake_device_forgives_is_caught_in_the_engine(work: Any, message: str) -> None:
    stage = MapStage(Kernel(work), Grid((12, 6), (12, 6)), (6, 6), ((12, 6),))  # type: ignore[arg-type]
    x, out = np.ones((12, 6), F4), np.zeros((12, 6), F4)
    with strict_gpu(), pytest.raises((RuntimeError, TypeError), match=message):
        run_stage(open_engine("torch-cuda"), stage, (MemorySource("x", x),), MemoryTarget(out))


@pytest.mark.parametrize("mode", ["ieee", "fp64acc", "tf32", "3xtf32", "fp16", "bf16"])
@pytest.mark.parametrize("resident", ["none", "a", "b"])
def test_products_of_every_mode(mode: str, resident: str) -> None:
    stored = np.dtype("f2" if mode == "fp16" else "f4")
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, (12, 12)).astype(stored) for _ in range(2))
    out = np.full((12, 12), np.nan, stored)
    stage = product_stage(12, 12, 12, tile=(5, 7), slab=5, mode=mode, resident=resident, result=stored,
                          order="columns" if resident == "b" else "rows", a_transposed=True)  # fmt: skip
    with strict_gpu() as waits:
        run_stage(open_engine("torch-cuda"), stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    np.testing.assert_array_equal(out, a.T @ b)
    assert waits.places == []
