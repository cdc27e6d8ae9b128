"""``arraymill result``: where the outputs of a job are, and what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..api.stored.loaded import StoredOutput

__all__ = ["result"]


def _result(job: str, as_json: bool) -> None:
    from ..api.stored.loaded import stored_outputs  # it brings the arrays, which no --help page needs
    from ..store import find_job
    from .endings import check_done
    from .plan_view import header_text
    from .result_view import result_text

    folder = find_job(job)
    check_done(folder)
    outputs = stored_outputs(folder)
    values = [_small_value(output) for output in outputs]
    if as_json:
        documents = [_record(output, value) for output, value in zip(outputs, values, strict=True)]
        others = {"others": documents[1:]} if len(documents) > 1 else {}
        click.echo(json.dumps({"schema": 1, "id": folder.id, **documents[0], **others}, indent=2))
        return
    for output, value in zip(outputs, values, strict=True):
        name = f"{output.name}: " if output.name else ""
        echo_note(name + header_text(output.header))
        click.echo(output.path if value is None else result_text(value))


def _small_value(output: StoredOutput) -> NDArray[Any] | None:
    """Return what is kept with the job, if it is small, after a check that the output is there.

    Raises
    ------
    InputError
        If it is not.
    """
    import numpy as np

    from ..arrays import open_source, output_file
    from ..blocks import whole_region
    from ..errors import InputError
    from .result_view import LARGEST_PRINTED

    if not output_file(output.path).exists():
        raise InputError(
            f"{output.path}: is not there any more", cause="it was moved or removed", next="run the job again"
        )
    if not output.is_kept or output.header.size > LARGEST_PRINTED:
        return None
    value = np.empty(output.header.shape, output.header.dtype, order=output.header.order)
    with open_source(output.path).open() as reader:
        reader.read(whole_region(output.header.shape), value)
    return value


def _record(output: StoredOutput, value: NDArray[Any] | None) -> dict[str, Any]:
    from .result_view import as_json_value

    header = output.header
    named = {"name": output.name} if output.name else {}
    return {
        **named,
        "path": output.path,
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
    short_help="Print where a job's outputs are, or the small results themselves",
    help="Print where a job's outputs are, or the small results themselves.\n\n"
    "Shape, dtype and size go to stderr. A job that is not DONE has no result: the exit code says how it stands.",
    examples=("arraymill result k3f9qzab", "python -c \"import numpy as np; np.load('$(arraymill result k3f)')\""),
)
