"""The settings under the job file: what `dask.config` holds in its section ``arraymill``.

Dask reads them from files (``~/.config/dask/arraymill.yaml``) and from variables
(``DASK_ARRAYMILL__COMPUTE__PRECISION=fast``), and programs set them (``with dask.config.set(...)``). What Dask holds
counts, wherever it has it from. It takes longer to import than a small job takes to run: that is done only where there
is something for it to find.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .dask_files import SECTION, Written, check_file, dask_files, dask_folders, leaves, mentions_settings, settings_in
from .errors import SpecError
from .spec.document import Document, Location, merge, spec_error
from .spec.job_spec import Settings
from .spec.load import check_document

__all__ = ["dask_document", "put_beneath"]

_ORIGIN = f"dask.config, section {SECTION}"
_PREFIX = "DASK_ARRAYMILL"
_INHERITED = "DASK_INTERNAL_INHERIT_CONFIG"
"""Settings that a process of Dask hands down to its children."""

_DEVICE, _KIND, _GPUS = ("compute", "device"), ("cluster", "kind"), ("cluster", "gpus")
_ANY = object()
_APART = (
    ((_DEVICE, "cpu"), (_KIND, "cuda")),
    ((_DEVICE, "cpu"), (_GPUS, _ANY)),
    ((_DEVICE, "cuda"), (_KIND, "local")),
    ((_KIND, "local"), (_GPUS, _ANY)),
)
"""What `Settings` refuses together."""


def put_beneath(document: Document) -> Document:
    """Return a document with the settings of `dask.config` where it says nothing itself.

    Where a job runs is said by several fields: a setting that cannot stand beside what the document says is left out.

    Raises
    ------
    SpecError
        As `dask_document`.
    """
    layer = dask_document()
    if layer is None:
        return document
    merged = merge(_without_contradictions(layer, document.tree), document)
    return replace(merged, origin=document.origin)


def dask_document() -> Document | None:
    """Return the settings of `dask.config`, checked, with the places where they stand; None if there are none.

    Raises
    ------
    SpecError
        If one is wrong, naming its file and line or its variable; if Dask cannot read its files.
    """
    _refuse_misspelt_variables()
    is_new = "dask.config" not in sys.modules
    if is_new and not _is_anything_there():
        return None
    config = _import_config()
    section = config.get(SECTION, None)
    if section is None and not is_new:
        return None
    written = _written(config)
    if section is None:
        return None
    if not isinstance(section, Mapping):
        problem = f"{_place(section, written.get(()))}: {SECTION} is {section!r}, not a mapping"
        raise spec_error(_ORIGIN, [problem], next_step="arraymill config --help shows an example")
    # a section whose lines are all comments
    said = {at: value for at, value in leaves(section) if len(at) > 1 or value is not None}
    document = Document(_tree(said), _ORIGIN, {at: _place(value, written.get(at)) for at, value in said.items()})
    check_document(document, Settings)
    return document


def _refuse_misspelt_variables() -> None:
    for name in os.environ:
        match = re.fullmatch(f"{_PREFIX}_+([A-Z0-9]+?)(?:_+(.*))?", name.upper())
        if match is None:
            continue
        meant = "__".join(filter(None, (_PREFIX, *match.groups())))
        is_section = match[1].lower() in Settings.model_fields
        if name.upper() != meant if is_section else not _is_ours(name):
            raise SpecError(
                f"{name} names no setting, and has no effect",
                cause="two underscores stand before a section and before a field",
                next=f"call it {meant}",
            )


def _is_ours(variable: str) -> bool:
    name = variable.upper()
    return name == _PREFIX or name.startswith(f"{_PREFIX}__")


def _is_anything_there() -> bool:
    if _INHERITED in os.environ or any(map(_is_ours, os.environ)):
        return True
    return any(map(mentions_settings, dask_files(dask_folders())))


def _import_config() -> Any:
    from arraymill.cluster.session.imports import uninterrupted  # with it come the clusters, which --help does not need

    if "dask.config" not in sys.modules:
        # an import that fails, or is cut short, leaves half of Dask behind: this process could not make it again
        for file in dask_files(dask_folders()):
            check_file(file)
    try:
        with uninterrupted():
            from dask import config
    except ValueError as error:
        raise SpecError("Dask cannot read its configuration", cause=str(error)) from error
    return config


def _written(config: Any) -> Written:
    """Return what files and variables say, and where; of two that say the same, where Dask has it from."""
    found: Written = {}
    for file in dask_files(config.paths):
        found |= settings_in(file)
    for name, text in os.environ.items():
        if _is_ours(name):
            tree: Any = config.interpret_value(text)
            for part in reversed(name[len(_PREFIX) :].lower().split("__")[1:]):
                tree = {part: tree}
            found |= {at: (value, name) for at, value in leaves(tree)}
    return found


def _place(value: Any, written: tuple[Any, str] | None) -> str:
    """Return where a value stands; what is written nowhere, or otherwise, a program has set."""
    return written[1] if written is not None and repr(written[0]) == repr(value) else "dask.config"


def _tree(settings: Mapping[Location, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for (section, *field), value in settings.items():
        if field:
            tree.setdefault(str(section), {})[str(field[0])] = value
        else:
            tree[str(section)] = value
    return tree


def _without_contradictions(layer: Document, tree: Mapping[str, Any]) -> Document:
    kept = dict(leaves(layer.tree))
    for pair in _APART:
        for said, other in (pair, pair[::-1]):
            if _says(dict(leaves(tree)), said) and _says(kept, other):
                del kept[other[0]]
    return Document(_tree(kept), layer.origin, {at: layer.places[at] for at in kept})


def _says(settings: Mapping[Location, Any], setting: tuple[Location, Any]) -> bool:
    location, value = setting
    found = settings.get(location)
    return found is not None if value is _ANY else found == value
