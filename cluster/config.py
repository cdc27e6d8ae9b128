"""The settings of a cluster, checked on their own before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from .errors import ClusterConfigError

__all__ = ["ClusterConfig", "Kind", "Precision"]

Kind: TypeAlias = Literal["auto", "inline", "local", "cuda"]
Precision: TypeAlias = Literal["strict", "standard", "fast", "fast-fp32", "fast-bf16"]


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Where a job runs and on how much of it.

    Parameters
    ----------
    kind : {"auto", "inline", "local", "cuda"}
        ``auto`` is ``cuda`` where NVML finds a GPU, else ``local``.
    workers : int, optional
        Number of workers. Default: one per CPU this process may use, or one per GPU.
    gpus : int or tuple of str, optional
        How many GPUs, or which ones by index or UUID. With ``inline``: asks for the GPU, of which one is used.
    precision : {"strict", "standard", "fast", "fast-fp32", "fast-bf16"}
        ``fast`` allows TF32 on CUDA; the others forbid it, and their products ask for tensor cores themselves.
    dashboard : bool
        Serve Dask's dashboard, on 127.0.0.1 only.
    scratch : Path, optional
        Folder for the workers' temporary files. Default: the system's temporary folder.
    logs : Path, optional
        Folder for what each worker prints, ``NAME.log``; made if it is not there. Default: where this process prints.
    threads : int
        Threads of one product on one worker. More than 1 changes last bits.

    Raises
    ------
    ClusterConfigError
        If a value is out of range or two of them contradict each other.

    Examples
    --------
    >>> ClusterConfig("local", workers=2).threads
    1
    >>> ClusterConfig("local", workers=0)
    Traceback (most recent call last):
    ...
    arraymill.cluster.errors.ClusterConfigError: workers is 0
      cause: a cluster needs at least 1
      next:  leave workers out to use every CPU
    """

    kind: Kind = "auto"
    workers: int | None = None
    gpus: int | tuple[str, ...] | None = None
    precision: Precision = "standard"
    dashboard: bool = False
    scratch: Path | None = None
    logs: Path | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, get_args(Kind))
        _check_choice("precision", self.precision, get_args(Precision))
        _check_at_least_one("workers", self.workers, "leave workers out to use every CPU")
        _check_at_least_one("threads", self.threads, "leave threads out: one thread per worker is the default")
        _check_gpus(self)


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ClusterConfigError(f"{name} is {value!r}", cause=f"it can be {', '.join(allowed)}")


def _check_at_least_one(name: str, value: int | None, advice: str) -> None:
    if value is not None and value < 1:
        raise ClusterConfigError(f"{name} is {value}", cause="a cluster needs at least 1", next=advice)


def _check_gpus(config: ClusterConfig) -> None:
    gpus, kind = config.gpus, config.kind
    if gpus is None:
        return
    if kind == "local":
        raise ClusterConfigError(
            "a local cluster uses no GPU", cause=f"gpus is {gpus}", next="use kind cuda, or leave gpus out"
        )
    n_gpus = gpus if isinstance(gpus, int) else len(gpus)
    _check_at_least_one("gpus", n_gpus, "leave gpus out to use every GPU")
    if not isinstance(gpus, int) and len(set(gpus)) < n_gpus:
        raise ClusterConfigError("gpus names one GPU twice", cause=", ".join(gpus), next="name each GPU once")
    if kind == "inline" and n_gpus > 1:
        raise ClusterConfigError(
            f"inline runs on one GPU, not {n_gpus}", cause="it is one process", next="use kind cuda"
        )
    if kind == "cuda" and config.workers not in (None, n_gpus):
        raise ClusterConfigError(
            f"{config.workers} workers for {n_gpus} GPUs", cause="each GPU has one worker", next="leave workers out"
        )
