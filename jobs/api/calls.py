"""The Python interface: `run` and `plan`, with arrays or files in, and an array or a file out.

>>> import numpy as np
>>> x = np.arange(6.0).reshape(2, 3)
>>> run("sum", x, axis=0)
array([3., 5., 7.])
>>> run("matmul", x, x, transpose_b=True)
array([[ 5., 14.],
       [14., 50.]])
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ..dask_config import put_beneath
from ..errors import SpecError
from ..in_memory import input_entry, is_described
from ..job import open_job
from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place
from ..runner import Progress
from ..spec.document import Document
from ..spec.job_spec import JobSpec
from ..spec.load import check_document
from .direct.execution import execute
from .handles import JobHandle
from .outcome import Outcome, returned
from .planned import plan_of
from .stored.submission import submit_spec
from .watch import Watch

__all__ = ["plan", "plan_spec", "run", "run_spec", "submit"]

Steps: TypeAlias = str | Sequence[str | tuple[str, Mapping[str, Any]] | Mapping[str, Any]]
"""One operation by its name, or steps."""
_SECTIONS = {
    "device": "compute",
    "precision": "compute",
    "memory": "memory",
    "device_memory": "memory",
    "workers": "cluster",
    "gpus": "cluster",
}
_FIELDS = {"memory": "host", "device_memory": "device"}


def run(
    operation: Steps,
    *inputs: Any,
    output: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    replace: bool = False,
    cluster: Any = None,
    name: str | None = None,
    **params: Any,
) -> Any:
    """Run one operation and return its result.

    Parameters
    ----------
    operation : str or sequence of (str, dict) or dict
        The name of an operation: ``"sum"``, ``"matmul"``; or steps, each a name with its parameters, or what stands for
        a step in a job file. The result is that of the last one.
    *inputs : array, path, list of paths, or dictionary
        Arrays (NumPy's, tensors on the CPU, and others that share their memory), read in place and never written to.
        Files: a path or pattern, several paths that are joined, or a dictionary as a job file has it, such as
        ``{"path": "x.h5::data", "select": "::2"}``. A zarr array or h5py dataset is read by region.
    output : path or dict, optional
        The file to write, its format by its suffix; or what stands for it in a job file:
        ``{"path": "y.zarr", "chunks": (1000, 100)}``. The result is returned as an array when left out.
    replace : bool
        Replace an output that exists.
    cluster : Session or str, optional
        An open cluster, which stays open; or ``"inline"``, ``"local"``, ``"cuda"``. By default predicted time decides.
    name : str, optional
        How the job is called where it is shown.
    **params
        The operation's parameters under NumPy's names; and the job's settings `device`, `precision`, `memory`,
        `device_memory`, `workers`, `gpus`. What is left out is as `dask.config` has it under ``arraymill``.

    Returns
    -------
    ndarray (a NumPy scalar for a result without axes), or the Path of `output`; a named tuple of these in the order of
    the outputs of an operation that has several

    Raises
    ------
    JobError, ClusterError
        Each says what to do; see `arraymill.jobs.errors` and `arraymill.cluster.errors`.

    Examples
    --------
    >>> import numpy as np
    >>> run("mean", np.array([[1.0, 2.0], [3.0, 6.0]]), axis=1)
    array([1.5, 4.5])
    """
    spec = _spec(operation, params, output=output, replace=replace, cluster=cluster, name=name)
    outcome = run_spec(spec, arrays=inputs, cluster=None if isinstance(cluster, str) else cluster)
    return returned(outcome)


def submit(
    operation: Steps,
    *inputs: Any,
    output: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    replace: bool = False,
    cluster: str | None = None,
    name: str | None = None,
    **params: Any,
) -> JobHandle:
    """Run one operation on files in a process of its own, which survives this one, and return a handle at once.

    Parameters
    ----------
    operation : str
    *inputs : path, list of paths, or dictionary
        Files, as for `run`: what is only in this process's memory could not outlive it.
    output : path or dict, optional
        As for `run`; a result without one is kept in the job's folder.
    replace, cluster, **params
        As for `run`. Settings are those of this moment: the job keeps them, when it is resumed, too.
    name : str, optional
        How ``arraymill list`` and ``status`` call the job.

    Returns
    -------
    JobHandle
        Whose `wait`, `result` and `cancel` do what they say; ``arraymill status`` knows the job by its `id`.

    Raises
    ------
    JobError, ClusterError
        For everything that can be refused before work starts.
    """
    for position, item in enumerate(inputs):
        if not is_described(item):
            raise SpecError(
                f"input {position} of a submitted job is a {type(item).__name__}",
                cause="a job in another process reads files",
                next="numpy.save the array and pass its path, or use run()",
            )
    spec = _spec(operation, params, output=output, replace=replace, cluster=cluster, name=name)
    entries = {str(position): input_entry(item, str(position)) for position, item in enumerate(inputs)}
    files = {position: entry.model_dump(mode="json") for position, entry in entries.items()}
    tree = spec.model_dump(mode="json", exclude_none=True) | {"inputs": files}
    return JobHandle(submit_spec(check_document(Document(tree, "the arguments"), JobSpec)))


def plan(operation: Steps, *inputs: Any, cluster: Any = None, name: str | None = None, **params: Any) -> AnyPlan:
    """Return what `run` would do with the same arguments; nothing is computed.

    Examples
    --------
    >>> import numpy as np
    >>> plan("sum", np.ones((1000, 4)), axis=0).output.shape
    (4,)
    """
    return plan_spec(_spec(operation, params, cluster=cluster, name=name), arrays=inputs)


def plan_spec(spec: JobSpec, *, arrays: tuple[Any, ...] = ()) -> AnyPlan:
    """Return the plan of a job.

    Raises
    ------
    JobError, ClusterError
    """
    return plan_of(open_job(spec, arrays))[0]


def run_spec(
    spec: JobSpec,
    *,
    arrays: tuple[Any, ...] = (),
    cluster: Any = None,
    on_plan: Callable[[AnyPlan, Place], object] = lambda plan, place: None,
    on_open: Callable[[Any], object] = lambda session: None,
    on_progress: Callable[[Progress], object] = lambda progress: None,
) -> Outcome:
    """Run a job.

    Parameters
    ----------
    spec : JobSpec
    arrays : tuple of ndarray or path
        Inputs that stand instead of the spec's files.
    cluster : Session, optional
        An open cluster, which stays open.
    on_plan : callable
        Called with the plan and the place where it runs, before work starts.
    on_open : callable
        Called with the cluster that was opened for the job.
    on_progress : callable
        Called after every block.

    Raises
    ------
    JobError, ClusterError
    """
    watch = Watch(on_plan=on_plan, on_open=on_open, on_progress=on_progress)
    return execute(open_job(spec, arrays), session=cluster, watch=watch)


def _spec(
    operation: Steps,
    params: dict[str, Any],
    *,
    output: Any = None,
    replace: bool = False,
    cluster: Any = None,
    name: str | None = None,
) -> JobSpec:
    settings: dict[str, dict[str, Any]] = {"compute": {}, "memory": {}, "cluster": {}}
    for setting in [setting for setting in params if setting in _SECTIONS]:
        settings[_SECTIONS[setting]][_FIELDS.get(setting, setting)] = params.pop(setting)
    if isinstance(cluster, str):
        settings["cluster"]["kind"] = cluster
    target = None if output is None else dict(output) if isinstance(output, Mapping) else {"path": str(output)}
    if target is not None and (replace or "if_exists" not in target):
        target["if_exists"] = "replace" if replace else "error"
    what = {"op": operation} if isinstance(operation, str) else {"steps": list(map(_step, operation))}
    tree = {**what, "name": name, "params": params, "output": target, **settings}
    return check_document(put_beneath(Document(tree, "the arguments")), JobSpec)


def _step(step: Any) -> Any:
    """Return a step as it stands in a job file."""
    if isinstance(step, str):
        return {"op": step}
    if not isinstance(step, tuple):
        return step
    op, *params = step
    return {"op": op, "params": params[0] if params else {}}
