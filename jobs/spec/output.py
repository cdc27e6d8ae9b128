"""The output of a job: which file, and how the array is stored in it as far as its format leaves that open."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, StrictInt, model_serializer

from .section import PathText, Section

__all__ = ["OutputSpec"]


class OutputSpec(Section):
    """Where the result goes."""

    path: PathText
    """The file, relative to the current directory; its suffix says the format. It appears only when it is whole.
    file.h5::name says how the array is called in a .npz, .zarr or .h5."""
    if_exists: Literal["error", "replace"] = "error"
    """What to do if the file is there already."""
    chunks: tuple[Annotated[StrictInt, Field(ge=1)], ...] | None = None
    """.zarr and .h5: the shape of the chunks; by default whole rows of about 16 MB, and no chunks in a .h5."""
    compression: Literal["none", "gzip", "zstd", "snappy"] | None = None
    """none by default; gzip for .npz, .zarr, .h5 and .parquet, zstd for .zarr and .parquet, snappy for .parquet."""
    columns: tuple[str, ...] | None = None
    """.csv, .tsv and .parquet: the names of the columns; by default none in a .csv, and 0, 1, ... in a .parquet."""

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What a job's file and digest hold stays as it was before there were these fields.
        return {
            name: value for name, value in serialize(self).items() if name in ("path", "if_exists") or value is not None
        }
