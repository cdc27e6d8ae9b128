"""What the starter of the warm cluster and its server say to each other: settings there, how it went back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from .. import errors
from ..config import ClusterConfig
from ..errors import ClusterError

__all__ = ["pack_answer", "pack_settings", "unpack_answer", "unpack_settings"]

_PATHS = ("scratch", "logs")


def pack_settings(config: ClusterConfig) -> str:
    """Return a configuration as text; relative paths are made absolute, since the server works elsewhere.

    >>> unpack_settings(pack_settings(ClusterConfig("cuda", gpus=("0", "1")))).gpus
    ('0', '1')
    """
    settings = dataclasses.asdict(config)
    for name in _PATHS:
        settings[name] = settings[name] and str(settings[name].absolute())
    return json.dumps(settings)


def unpack_settings(text: str) -> ClusterConfig:
    """Return the configuration of a text."""
    settings: dict[str, Any] = json.loads(text)
    for name in _PATHS:
        settings[name] = settings[name] and Path(settings[name])
    if isinstance(settings["gpus"], list):
        settings["gpus"] = tuple(settings["gpus"])
    return ClusterConfig(**settings)


def pack_answer(error: ClusterError | None) -> str:
    """Return how a start went, as text; None is well.

    >>> pack_answer(None)
    '{"error": null}'
    """
    if error is None:
        return json.dumps({"error": None})
    lines = {"what": error.what, "cause": error.cause, "safe": error.safe, "next": error.next}
    return json.dumps({"error": type(error).__name__, **lines})


def unpack_answer(text: str) -> ClusterError | None:
    """Return the error of an answer, or None if all is well.

    >>> unpack_answer(pack_answer(errors.NoGpuError("a GPU was asked for", cause="there is none")))
    NoGpuError('a GPU was asked for', 'there is none', '', '')
    """
    lines: dict[str, Any] = json.loads(text)
    name = lines.pop("error")
    if name is None:
        return None
    kind: type[ClusterError] = getattr(errors, name)
    return kind(lines.pop("what"), **lines)
