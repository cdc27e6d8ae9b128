"""``arraymill result``: where the output of a job is, and what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..arrays import Source
    from ..headers import ArrayHeader
    from ..store import JobFolder

__all__ = ["result"]


def _result(job: str, as_json: bool) -> None:
    from ..arrays import open_source, output_file  # a --help page needs no arrays
    from ..store import find_job, read_state
    from .endings import check_done
    from .plan_view import header_text
    from .result_view import result_text

    folder = find_job(job)
    check_done(folder)
    state = read_state(folder)
    path = Path(state.output) if state.output else folder.result
    if output_file(path).suffix == ".npy":
        source = open_source(path)
        header, value = source.header, _small_value(source) if state.output is None else None
    else:
        header, value = _packed_header(folder, path), None
    if as_json:
        click.echo(json.dumps(_record(folder, path, header, value), indent=2))
        return
    echo_note(header_text(header))
    click.echo(str(path) if value is None else result_text(value))


def _packed_header(folder: JobFolder, path: Path) -> ArrayHeader:
    """Return the header of an output that is no ``.npy``, as the job recorded it."""
    from ..api.loaded import recorded_header
    from ..arrays import output_file
    from ..errors import InputError
    from ..store import read_settled

    settled = read_settled(folder)
    if settled.plan is None or not output_file(path).exists():
        raise InputError(f"{path}: is not there any more", cause=f"job {folder.id} wrote it", next="check the path")
    return recorded_header(str(path), settled.plan)


def _small_value(source: Source) -> NDArray[Any] | None:
    import numpy as np

    from ..blocks import whole_region
    from .result_view import LARGEST_PRINTED

    header = source.header
    if header.size > LARGEST_PRINTED:
        return None
    value = np.empty(header.shape, header.dtype)
    with source.open() as reader:
        reader.read(whole_region(header.shape), value)
    return value


def _record(folder: JobFolder, path: Path, header: ArrayHeader, value: NDArray[Any] | None) -> dict[str, Any]:
    from .result_view import as_json_value

    return {
        "schema": 1,
        "id": folder.id,
        "path": str(path),
        "shape": list(header.shape),
        "dtype": header.dtype.str,
        "order": header.order,
        "nbytes": header.nbytes,
        "value": None if value is None else as_json_value(value),
    }


result = Command(
    "result",
    callback=_result,
    params=[job_argument("job"), json_option(), *verbosity_options()],
    short_help="Print where a job's output is, or the small result itself",
    help="Print where a job's output is, or the small result itself.\n\n"
    "Shape, dtype and size go to stderr. A job that is not DONE has no result: the exit code says how it stands.",
    examples=("arraymill result k3f9qzab", 'python -c "import numpy as np; np.load(\'$(arraymill result k3f)\')"'),
)
