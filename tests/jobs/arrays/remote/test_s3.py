"""Buckets as a server of S3 gives them: moto, in this process. Skipped where moto and s3fs are not installed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from arraymill.jobs.arrays import open_input
from arraymill.jobs.errors import InputChangedError, InputError
from arraymill.jobs.spec.input import InputSpec

s3fs = pytest.importorskip("s3fs", reason="pip install 'arraymill[remote]' 'moto[server]'")
moto_server = pytest.importorskip("moto.server", reason="pip install 'arraymill[remote]' 'moto[server]'")

# of boto and of moto
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

X = np.arange(6000.0).reshape(60, 100)
NAMES = ["x.npy", "x.h5::plain", "x.h5::packed", "v2.zarr::deep/x", "v3.zarr::deep/x", "v3.zarr", "v3.zarr/deep/x"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        system = s3fs.S3FileSystem()
        system.mkdir("arrays")
        yield system
    server.stop()


@pytest.fixture(scope="module")
def filled(bucket: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "x.npy", X)
    with h5py.File(folder / "x.h5", "w") as file:
        file["plain"] = X
        file.create_dataset("packed", data=X, chunks=(7, 9), compression="gzip")
    for version in (2, 3):
        group: Any = zarr.open_group(folder / f"v{version}.zarr", mode="w", zarr_format=version)
        group.create_array("deep/x", shape=X.shape, dtype="f8", chunks=(7, 9))[...] = X
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.pipe(f"arrays/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return bucket


def opened(name: str) -> Any:
    return open_input(InputSpec(path=f"s3://arrays/{name}"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("filled")
def test_regions_are_read(name: str) -> None:
    source, out = opened(name), np.empty((9, 50))
    with source.open() as reader:
        reader.read(((5, 14), (20, 70)), out)
    assert out.tolist() == X[5:14, 20:70].tolist()


@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_told_of() -> None:
    for name in ("none.npy", "none.zarr::x", "x.h5::none", "v3.zarr::none"):
        with pytest.raises(InputError) as caught:
            opened(name)
        assert caught.value.exit_code == 3
    with pytest.raises(InputError, match=r"cannot be read|no such file"):
        open_input(InputSpec(path="s3://no-such-bucket/x.npy"))


def test_a_change_is_told_of(filled: Any) -> None:
    filled.pipe("arrays/changing.npy", _npy_bytes(X))
    source = opened("changing.npy")
    filled.pipe("arrays/changing.npy", _npy_bytes(X + 1))
    with pytest.raises(InputChangedError, match="changed since the job was planned"), source.open():
        pass


def _npy_bytes(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
