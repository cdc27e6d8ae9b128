"""What every section of the job file is: a frozen model that refuses unknown fields and describes each of its own."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler

__all__ = ["PathText", "Section", "parse_path"]


def parse_path(path: Any) -> Any:
    """Return a path as text, a leading ``~`` expanded; what is neither path nor text is returned as it is.

    Raises
    ------
    ValueError
        If it is empty, holds a NUL, or bytes that are not UTF-8.

    Examples
    --------
    >>> parse_path(Path("data") / "x.npy")
    'data/x.npy'
    """
    if isinstance(path, Path):
        path = str(path)
    if not isinstance(path, str):
        return path
    if not path or "\0" in path:
        raise ValueError("a path has at least one character and no NUL")
    if any("\ud800" <= character <= "\udfff" for character in path):
        # so Python keeps bytes of a command line that its encoding does not know
        raise ValueError("the bytes of this path are not UTF-8, as job files are: rename it, or set LC_ALL=C.UTF-8")
    if not path.startswith("~"):
        return path
    # not the whole: Path would fold the slashes of an array's name behind ::
    home, slash, rest = path.partition("/")
    return str(Path(home).expanduser()) + slash + rest


PathText: TypeAlias = Annotated[str, BeforeValidator(parse_path)]


class Section(BaseModel):
    """A section of the job file."""

    # built when first used: one that is a part of another need not be built by itself
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants", defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # Not use_attribute_docstrings: every command would read and parse this file for what the schema alone shows.
        document = handler(core)
        for name, field in handler.resolve_ref_schema(document)["properties"].items():
            if (text := _attribute_text(cls, name)) is not None:
                field.setdefault("description", text)
        return document


def _attribute_text(model: type, name: str) -> str | None:
    """Return the docstring under an attribute of a class, or of one that it inherits from."""
    for cls in model.__mro__:
        if name not in inspect.get_annotations(cls):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(definition, ast.ClassDef)
        for line, following in pairwise(definition.body):
            if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == name and isinstance(following, ast.Expr):
                return inspect.cleandoc(ast.literal_eval(following.value))
    return None
