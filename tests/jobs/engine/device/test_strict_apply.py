"""Functions and models of the user by the path of a GPU, on tensors that refuse what CUDA refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process_jobs import run_arrays, run_chain
from strict_cuda import strict_gpu
from strict_tensor import HiddenWaits
from user_models import MODELS, save_program, small_model, write_functions

from arraymill.jobs.engine.device import Settings
from arraymill.jobs.errors import JobError
from arraymill.jobs.operations.apply import program

X = np.random.default_rng(5).normal(size=(100, 4)).astype("f4")
SETTINGS = Settings(slot_bytes=1 << 10, n_in=3, n_out=2, n_readers=2, n_writers=2)


@pytest.fixture(autouse=True)
def waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HiddenWaits]:
    """Put strict tensors in the place of a GPU's, and the user's files in the folder."""
    write_functions(tmp_path)
    (tmp_path / "nets.py").write_text(MODELS)
    (tmp_path / "torches.py").write_text(
        "import torch\n"
        "def parts(x): return {'a': x.bool(), 'b': torch.complex(x, x), 'c': x[:, 0], 'd': x.bfloat16()}\n"
        "def shifted(x): return x + torch.arange(4)\n"
        "def there(x): return x + torch.arange(4, device=x.device)\n"
    )
    monkeypatch.chdir(tmp_path)
    # a model of this place must not outlive it
    monkeypatch.setattr(program, "_loaded", {})
    with strict_gpu(SETTINGS) as found:
        yield found


def apply(**params: Any) -> Any:
    return run_arrays("apply", [X], {"batch_size": 8, **params}, backend="torch-cuda", block_bytes=600)


def test_models(waits: HiddenWaits) -> None:
    with torch.inference_mode():
        expected = small_model()(torch.from_numpy(X)).numpy()
    torch.save(small_model()[0].state_dict(), "weights.pt")
    save_program(Path("model.pt2"))
    found = apply(model="model.pt2")
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    torch.save({f"layer.{name}": value for name, value in small_model()[0].state_dict().items()}, "net.pt")
    found = apply(function="nets.py:Net", weights="net.pt")
    np.testing.assert_allclose(np.maximum(found, 0), expected, rtol=1e-6, atol=1e-6)
    # once each, when the model comes to the device
    known = {"operations/apply/program.py", "operations/apply/models.py"}
    assert {where.split(":")[0] for where, _ in waits.places} <= known


def test_functions_of_tensors_and_of_arrays(waits: HiddenWaits) -> None:
    made = run_chain("apply", [X], {"function": "torches.py:parts", "array": "torch"}, backend="torch-cuda")
    np.testing.assert_array_equal(made["a"], X != 0)
    np.testing.assert_array_equal(made["b"], X + 1j * X)
    np.testing.assert_array_equal(made["d"], torch.from_numpy(X).bfloat16().float().numpy())
    np.testing.assert_array_equal(apply(function="torches.py:there", array="torch"), X + np.arange(4, dtype="f4"))
    assert waits.places == []
    np.testing.assert_allclose(apply(function="mine.py:double"), X * 2)


def test_a_function_that_forgets_the_device_is_told() -> None:
    with pytest.raises(JobError, match="Expected all tensors to be on the same device"):
        apply(function="torches.py:shifted", array="torch")
