"""The files in which Dask finds settings: where they are, and what they say of ours on which line.

`dask.config` reads them, too, and what it makes of them counts. Here they are looked through without importing Dask, to
see whether there is anything for it to find, and for the places that messages name.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from .errors import SpecError
from .spec.document import Location, spec_error
from .spec.job_spec import Settings
from .spec.yaml import read_text

__all__ = [
    "SECTION",
    "check_file",
    "dask_files",
    "dask_folders",
    "leaves",
    "mentions_settings",
    "settings_in",
    "user_file",
]

SECTION = "arraymill"
"""The part of Dask's settings that is ours."""
Written: TypeAlias = dict[Location, tuple[Any, str]]
"""Values and the places where they stand, by their locations."""

_SUFFIXES = (".json", ".yaml", ".yml")
_DEPTH = 2
"""A setting has a section and a field: what is deeper is its value."""


def dask_folders() -> list[str]:
    """Return where `dask.config` looks when it is imported: folders, or a single file; what is found later wins.

    References
    ----------
    ``_get_paths`` in ``dask/config.py``.
    """
    own = [str(Path(prefix) / "etc" / "dask") for prefix in (sys.prefix, *site.PREFIXES)]
    folders = [os.environ.get("DASK_ROOT_CONFIG", "/etc/dask"), *own, str(_user_folder())]
    if "DASK_CONFIG" in os.environ:
        folders.append(os.environ["DASK_CONFIG"])
    return [*reversed(dict.fromkeys(reversed(folders)))]


def dask_files(folders: Iterable[str]) -> Iterator[Path]:
    """Yield the files that Dask reads, in its order: what stands in later ones wins."""
    for folder in map(Path, folders):
        if not folder.is_dir():
            if folder.exists():
                yield folder
            continue
        with suppress(OSError):
            yield from sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)


def user_file() -> Path:
    """Return the file in which a user's settings belong, whether it is there or not.

    Examples
    --------
    >>> user_file().suffix
    '.yaml'
    """
    place = Path(os.environ["DASK_CONFIG"]) if os.environ.get("DASK_CONFIG") else _user_folder()
    return place if place.is_file() else place / f"{SECTION}.yaml"


def _user_folder() -> Path:
    # pathlib raises where a container's user has no home; Dask takes ~ as it stands
    return Path(os.path.expanduser("~")) / ".config" / "dask"  # noqa: PTH111


def mentions_settings(file: Path) -> bool:
    """Return whether a file may hold settings of ours; it is not parsed.

    Raises
    ------
    SpecError
        If it bears our name and cannot be read. Dask passes over such files: its settings would be lost without a word.
    """
    if file.stem == SECTION:
        read_text(file)
        return True
    with suppress(OSError):
        return file.is_file() and SECTION.encode() in file.read_bytes()
    return False


def check_file(file: Path) -> None:
    """Check that Dask can take a file for settings; one that cannot be opened it passes over.

    Raises
    ------
    SpecError
    """
    import yaml

    next_step = "correct that file: Dask, which reads the settings of all programs, starts nowhere without it"
    try:
        tree = yaml.safe_load(file.read_text())
    except OSError:
        return
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise spec_error(str(file), [f"{where}not YAML: {error.problem}"], next_step=next_step) from None
    except (yaml.YAMLError, ValueError) as error:
        raise spec_error(str(file), [f"not YAML: {str(error).splitlines()[0]}"], next_step=next_step) from None
    if tree is not None and not isinstance(tree, dict):
        raise spec_error(str(file), ["it holds no mapping"], next_step=next_step)


def settings_in(file: Path) -> Written:
    """Return what a file says of our settings; nothing if it is no longer what Dask has read.

    Raises
    ------
    SpecError
        If it bears our name and its settings do not stand under it.
    """
    import yaml  # whoever looks for places has imported Dask, and YAML with it

    if not (file.is_file() and mentions_settings(file)):
        return {}
    try:
        loader = yaml.SafeLoader(file.read_bytes())
        node = loader.get_single_node()
        tree = loader.construct_document(node) if node else None
    except (yaml.YAMLError, OSError):
        return {}
    if not isinstance(tree, dict):
        return {}
    if SECTION not in tree:
        _refuse_without_section(file, tree)
        return {}
    lines = dict(_lines(node))
    found: Written = {}
    for at, value in leaves(tree[SECTION]):
        line = lines.get((SECTION, *at))
        found[at] = (value, f"dask config: {file}" + (f", line {line}" if line else ""))
    return found


def _refuse_without_section(file: Path, tree: dict[Any, Any]) -> None:
    if file.stem == SECTION and (ours := set(tree) & set(Settings.model_fields)):
        raise SpecError(
            f"{file} has no section {SECTION}, and its settings have no effect",
            cause=f"Dask keeps the settings of all programs together; {', '.join(sorted(ours))} would be Dask's own",
            next=f"write `{SECTION}:` as the first line, and indent the others",
        )


def leaves(tree: Any, at: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Yield the settings of a tree and their locations; dashes in names are underscores, as for Dask.

    Examples
    --------
    >>> list(leaves({"fault": {"on-error": "skip"}}))
    [(('fault', 'on_error'), 'skip')]
    """
    if isinstance(tree, Mapping) and len(at) < _DEPTH:
        for key, value in tree.items():
            yield from leaves(value, (*at, _name(key)))
    else:
        yield at, tree


def _name(key: object) -> str:
    return str(key).replace("-", "_")


def _lines(node: Any, at: Location = ()) -> Iterator[tuple[Location, int]]:
    """Yield the lines of values under a node of YAML, as far down as `leaves` goes in a section."""
    if node.id == "mapping" and len(at) <= _DEPTH:
        for key, value in node.value:
            yield from _lines(value, (*at, _name(key.value)))
    else:
        yield at, node.start_mark.line + 1
