"""Files of models: what they are is seen without running anything of them, and nothing unsafe is loaded."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from user_models import save_program, save_script, small_model

from arraymill.jobs.errors import InputChangedError, InputError, SpecError, UnsafeFileError, UserCodeError
from arraymill.jobs.operations.apply.models import check_digest, file_digest, load_model, load_weights, model_kind


class Trap:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> object:
        return os.mkdir, ("trapped",)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_kinds_are_told_by_their_content() -> None:
    assert model_kind(str(save_program(Path("a.pt2")))) == "export"
    assert model_kind(str(save_script(Path("a.ts")))) == "torchscript"
    with pytest.raises(InputError, match=r"none.pt cannot be read"):
        model_kind("none.pt")
    with zipfile.ZipFile("b.pt2", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(InputError, match="no exported program"):
        model_kind("b.pt2")


def test_no_pickle_is_loaded(folder: Path) -> None:
    (folder / "plain.pt").write_bytes(pickle.dumps(Trap()))
    torch.save({"a": Trap()}, "zipped.pt")
    torch.save(small_model(), "module.pth")
    for name in ("plain.pt", "zipped.pt", "module.pth"):
        with pytest.raises(UnsafeFileError) as caught:
            load_model(name, file_digest(name), "cpu")
        assert caught.value.exit_code == 12
        with pytest.raises(UnsafeFileError):
            load_weights(small_model(), name, file_digest(name))
    assert not Path("trapped").exists()


def test_a_program_says_how_many_rows_it_takes() -> None:
    for n_rows in (None, 8):
        path = str(save_program(Path(f"of_{n_rows}.pt2"), n_rows=n_rows))
        assert load_model(path, file_digest(path), "cpu").n_rows == n_rows


def test_a_file_that_is_broken_is_an_error_of_the_user(folder: Path) -> None:
    content = save_script(Path("a.pt")).read_bytes()
    with zipfile.ZipFile("a.pt") as whole, zipfile.ZipFile("b.pt", "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name)[:10])
    with pytest.raises(UserCodeError, match=r"b\.pt cannot be loaded"):
        load_model("b.pt", file_digest("b.pt"), "cpu")
    (folder / "c.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="holds no weights"):
        load_weights(small_model(), "c.safetensors", file_digest("c.safetensors"))


def test_another_file_than_the_plan_saw_is_not_loaded() -> None:
    path = str(save_script(Path("a.pt")))
    digest = file_digest(path)
    check_digest(path, digest)
    Path(path).write_bytes(Path(path).read_bytes() + b" ")
    for load in (load_model, lambda path, digest, device: load_weights(small_model(), path, digest)):
        with pytest.raises(InputChangedError, match="another file than when the job was planned"):
            load(path, digest, "cpu")


def test_weights_fit_whole_or_not_at_all() -> None:
    weights = small_model().state_dict()
    save_file(weights, "all.safetensors")
    save_file({"0.weight": weights["0.weight"]}, "some.safetensors")
    other = torch.nn.Sequential(torch.nn.Linear(4, 3))
    load_weights(other, "all.safetensors", file_digest("all.safetensors"))
    assert torch.equal(other[0].weight, weights["0.weight"])
    with pytest.raises(SpecError, match="do not fit Sequential") as caught:
        load_weights(other, "some.safetensors", file_digest("some.safetensors"))
    assert 'Missing key(s) in state_dict: "0.bias"' in caught.value.cause
    torch.save([1, 2], "list.pt")
    with pytest.raises(InputError, match="holds a list"):
        load_weights(other, "list.pt", file_digest("list.pt"))
