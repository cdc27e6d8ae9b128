from __future__ import annotations

import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

from arraymill.cluster.config import Precision
from arraymill.cluster.worker import precision as worker_precision
from arraymill.cluster.worker.precision import preserve_flags, read_flags, set_flags


@pytest.mark.parametrize(
    ("precision", "tf32"),
    [
        ("strict", "ieee"),
        ("standard", "ieee"),
        ("fast", "tf32"),
        # products that ask for tensor cores do so themselves (jobs/engine/device): all others stay exact
        ("fast-fp32", "ieee"),
        ("fast-bf16", "ieee"),
    ],
)
def test_a_policy_is_these_flags(precision: Precision, tf32: str) -> None:
    with preserve_flags():
        assert set_flags(precision) == {
            "cuda.matmul.fp32_precision": tf32,
            "cudnn.conv.fp32_precision": tf32,
            "cudnn.rnn.fp32_precision": tf32,
            "cuda.matmul.allow_fp16_reduced_precision_reduction": "False",
            "cuda.matmul.allow_bf16_reduced_precision_reduction": "False",
        }


@pytest.mark.parametrize("precision", ["strict", "standard", "fast"])
def test_code_that_knows_the_old_names_alone_can_read_them(precision: Precision) -> None:
    with preserve_flags():
        set_flags(precision)
        allowed = precision == "fast"
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (allowed, allowed)
        with torch.backends.cudnn.flags(enabled=False):
            pass
    assert torch.backends.cudnn.allow_tf32


def test_that_the_old_names_will_go_is_not_told_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch 2.9 warns; under pytest a warning is an error."""

    class Warns:
        def __getattr__(self, name: str) -> object:
            return warned(name, getattr(real.cudnn, name))

        def __setattr__(self, name: str, value: object) -> None:
            setattr(real.cudnn, name, warned(name, value))

    def warned(name: str, value: object) -> object:
        if name == "allow_tf32":
            warnings.warn("Please use the new API settings to control TF32 behavior", UserWarning, stacklevel=2)
        return value

    real = torch.backends
    monkeypatch.setattr(worker_precision, "_backends", lambda: SimpleNamespace(cuda=real.cuda, cudnn=Warns()))
    with preserve_flags():
        assert set_flags("standard")["cudnn.conv.fp32_precision"] == "ieee"


def test_flags_come_back_as_they_were() -> None:
    before = read_flags()
    with preserve_flags():
        set_flags("fast")
        assert read_flags() != before
    assert read_flags() == before


def test_a_flag_that_does_not_stick_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_precision, "_write", lambda flags: None)
    with pytest.raises(RuntimeError, match=r"cuda.matmul.fp32_precision is \w+, not tf32"):
        set_flags("fast")


def test_torch_is_not_imported_to_restore_nothing() -> None:
    code = """
import sys
from arraymill.cluster.worker.precision import preserve_flags
with preserve_flags():
    pass
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
