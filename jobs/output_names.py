"""Where the outputs of a job go that has several: beside the main one, each under its own name."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["output_beside"]


def output_beside(path: str, name: str) -> str:
    """Return the path of the output `name` of a job whose main output is `path`.

    Parameters
    ----------
    path : str
        May name an array inside of a file: ``file.h5::array``.
    name : str

    Examples
    --------
    >>> output_beside("out/nn.npy", "distance")
    'out/nn.distance.npy'
    >>> output_beside("nn.h5::k/10", "distance")
    'nn.distance.h5::k/10'
    """
    file, mark, member = path.partition("::")
    pure = PurePath(file)
    return f"{pure.with_name(f'{pure.stem}.{name}{pure.suffix}')}{mark}{member}"
