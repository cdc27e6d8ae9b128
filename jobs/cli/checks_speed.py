"""How fast this machine is, as it was measured: products, files, the link to a GPU; and where that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from arraymill.cluster.devices import gpus

from ..durations import format_age
from ..limits import DeviceKind
from ..rates.calibration import Calibration
from ..sizes import format_bytes
from .checks import Check
from .checks_software import torch_cuda_version

__all__ = ["known_speeds", "measured_speeds", "speed_checks"]


def measured_speeds(folder: Path) -> dict[DeviceKind, tuple[Calibration | None, str]]:
    """Measure every device of this machine now, about 1.5 s each, and keep the results.

    Returns
    -------
    dict
        For each device its calibration, and the file that it is kept in, or why there is none.
    """
    from ..api.measuring import measure_device  # it brings the clusters, which no --help page needs

    found: dict[DeviceKind, tuple[Calibration | None, str]] = {}
    for device in _devices():
        try:
            calibration, path = measure_device(device, folder)
            found[device] = calibration, str(path or "")
        except RuntimeError as error:
            found[device] = None, str(error)
    return found


def known_speeds() -> dict[DeviceKind, tuple[Calibration | None, str]]:
    """Return what was measured before: by a job, or by an earlier run."""
    from ..api.calibration import known_calibration, this_machine
    from ..store import calibration_path

    found = {device: known_calibration(device) for device in _devices()}
    paths = {device: str(calibration_path(this_machine(device))) for device in found}
    return {device: (one, paths[device] if one else "not measured yet") for device, one in found.items()}


def speed_checks(found: Mapping[DeviceKind, tuple[Calibration | None, str]], *, now_s: float) -> list[Check]:
    """Return findings about speed.

    Parameters
    ----------
    found : mapping
        From `measured_speeds` or `known_speeds`.
    now_s : float
        Unix time.

    Examples
    --------
    >>> one = Calibration("cpu", 1e9, 1.1, 1.0, 2, "/scratch", read=9e9, flops={"f4": 1e11, "f8": 5e10})
    >>> for check in speed_checks({"cpu": (one, "/home/me/cpu.json")}, now_s=1e9 + 7200):
    ...     print(f"{check.name}: {check.found}")
    products: float32 100 GFLOP/s, float64 50.0 GFLOP/s for each of 2 cores
    reading: 9.00 GB/s by one
    writing: not measured
    rates: measured 2 h ago in 1.1 s; kept in /home/me/cpu.json
    """
    return [check for device, (one, where) in found.items() for check in _of_device(device, one, where, now_s)]


def _devices() -> Iterator[DeviceKind]:
    yield "cpu"
    if gpus() and torch_cuda_version() is not None:
        yield "cuda"


def _of_device(device: DeviceKind, one: Calibration | None, where: str, now_s: float) -> Iterator[Check]:
    name = "rates" if device == "cpu" else "GPU rates"
    if one is None:
        yield Check(name, "warn", where, "plans and receipts use nominal rates; run `arraymill doctor` to measure")
        return
    if device == "cpu":
        yield Check("products", "ok", f"{_flops(one)} for each of {one.n_cores} core{'s' * (one.n_cores != 1)}")
        yield Check("reading", "ok", _reading(one))
        yield Check("writing", "ok", _writing(one))
    else:
        yield Check("GPU products", "ok", _flops(one))
        yield Check("link", "ok", _listed({"to the GPU": one.to_device, "from it": one.from_device}))
    yield _kept(name, one, where, now_s)


def _kept(name: str, one: Calibration, where: str, now_s: float) -> Check:
    age_s = now_s - one.measured_s
    when = "now" if age_s < 60 else f"{format_age(age_s)} ago"
    kept = f"; kept in {where}" if where else "; not kept"
    found = f"measured {when} in {one.took_s:.1f} s{kept}"
    if one.is_disturbed:
        taken = f"other programs took {100 * (1 - one.share):.0f} % of the cores"
        advice = "rates of files may be too low: run it again when the machine is idle"
        return Check(name, "warn", f"{found}; {taken}", advice)
    if one.problems:
        missing = "; ".join(one.problems)
        return Check(name, "warn", f"{found}; without {missing}", "nominal rates stand for what is missing")
    return Check(name, "ok" if where else "warn", found, "" if where else "make the folder of ARRAYMILL_HOME writable")


_KINDS = {"f4": "float32", "f8": "float64", "tf32": "TF32", "fp16": "float16", "bf16": "bfloat16"}


def _flops(one: Calibration) -> str:
    said = [f"{_KINDS.get(kind, kind)} {format_bytes(rate).replace('B', 'FLOP')}/s" for kind, rate in one.flops.items()]
    return ", ".join(said) or "not measured"


def _reading(one: Calibration) -> str:
    many = {"by all cores": one.most_read} if one.n_cores > 1 else {}
    return _listed({"by one": one.read, **many, "out of a map": one.map_read})


def _writing(one: Calibration) -> str:
    writers = {f"by {'one' if n == 1 else n}": rate for n, rate in sorted(one.writes.items())}
    said = _listed({**writers, "into a map": one.map_write, "to the disk": one.durable_write})
    return f"{said}; in {one.folder}" if one.writes else said


def _listed(rates: Mapping[str, float | None]) -> str:
    return ", ".join(f"{format_bytes(rate)}/s {how}" for how, rate in rates.items() if rate) or "not measured"
