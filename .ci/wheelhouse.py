"""Collects wheels for a machine without network, and checks that pip is content with them there.

torch, its CUDA libraries and NumPy are left out unless asked for: a GPU node has them, built for its driver, and they
are most of the bytes. The check resolves with stand-ins for those, so that nothing else can be found missing there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHEELHOUSE = ROOT / "wheelhouse"
# What the node brings: the lowest versions that its image may have.
PRESENT = {"torch": "2.7", "numpy": "2.1"}
GLIBC = ["2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5"]


def main() -> None:
    arguments = parse_arguments()
    shutil.rmtree(WHEELHOUSE, ignore_errors=True)
    WHEELHOUSE.mkdir()
    project = build_project()
    present = {} if arguments.torch else dict(PRESENT)
    wanted = [line for line in requirements(arguments.extras) if name_of(line) not in present]
    collect(wanted, python=arguments.python)
    present |= drop([*present, *filter(None, arguments.present.split(","))])
    target = f"{project}[{arguments.extras}]" if arguments.extras else project
    check(target, python=arguments.python, present=present)
    report(python=arguments.python, present=present)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Collect wheels for a machine without network.")
    parser.add_argument("--python", default="3.12", help="the Python of that machine, like 3.12")
    parser.add_argument("--extras", default="", help="extras of pyproject.toml to bring along, like test,lint")
    parser.add_argument("--present", default="", help="what that machine has besides, like scipy,pandas: left out")
    parser.add_argument("--torch", action="store_true", help="bring torch, its CUDA libraries and NumPy too")
    arguments = parser.parse_args()
    if not re.fullmatch(r"3\.\d+", arguments.python):
        parser.error(f"--python {arguments.python}: name a version like 3.12")
    return arguments


def build_project() -> str:
    """Build the project's own wheel from a copy, so that no stale build folder gets into it; return its name."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, scratch)
        for package in ("jobs", "cluster", "configs"):
            shutil.copytree(ROOT / package, Path(scratch, package), ignore=shutil.ignore_patterns("__pycache__"))
        pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(WHEELHOUSE), scratch)
    return str(metadata()["name"])


def metadata() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(extras: str) -> list[str]:
    """Return the project's requirements and those of `extras`."""
    project = metadata()
    wanted = list(project["dependencies"])
    for extra in filter(None, extras.split(",")):
        wanted += project["optional-dependencies"][extra]
    return wanted


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower()


def collect(wanted: list[str], *, python: str) -> None:
    """Download the wheels of `wanted` and of all that they need."""
    pip("download", "--dest", str(WHEELHOUSE), "-c", str(ROOT / "constraints.txt"), *platform_flags(python), *wanted)


def drop(names: list[str]) -> dict[str, str]:
    """Remove the wheels of what the node brings, and return their versions; its own must do as well."""
    wheels = {wheel.name.split("-")[0].lower(): wheel for wheel in WHEELHOUSE.glob("*.whl")}
    dropped = {}
    for name in names:
        wheel = wheels.get(re.sub(r"[-_.]+", "_", name).lower())
        if wheel is None and name not in PRESENT:
            sys.exit(f"wheelhouse: {name} is not needed, so the other machine need not have it")
        if wheel is not None:
            wheel.unlink()
            if name not in PRESENT:
                dropped[name] = wheel.name.split("-")[1]
    return dropped


def check(target: str, *, python: str, present: dict[str, str]) -> None:
    """Let pip resolve `target` from the wheelhouse alone, as the other machine will."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, version in present.items():
            write_stand_in(Path(scratch), name, version)
        places = ["--no-index", "--find-links", str(WHEELHOUSE), "--find-links", scratch]
        # Not `pip install --dry-run`: it holds Requires-Python against the Python that runs it, whatever it is told.
        resolved = ["--dest", str(Path(scratch, "resolved"))]
        pip("--isolated", "download", *resolved, *places, *platform_flags(python), target)


def write_stand_in(folder: Path, name: str, version: str) -> None:
    """Write an empty wheel that says it is `name`: enough for pip to resolve with."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def platform_flags(python: str) -> list[str]:
    tag = "cp" + python.replace(".", "")
    abis = [flag for abi in (tag, "abi3", "none") for flag in ("--abi", abi)]
    platforms = [flag for glibc in GLIBC for flag in ("--platform", f"manylinux_{glibc}_x86_64")]
    legacy = ["--platform", "manylinux2014_x86_64", "--platform", "manylinux2010_x86_64"]
    return ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", *abis, *platforms, *legacy]


def report(*, python: str, present: dict[str, str]) -> None:
    wheels = sorted(WHEELHOUSE.glob("*.whl"), key=lambda wheel: wheel.stat().st_size, reverse=True)
    total = sum(wheel.stat().st_size for wheel in wheels)
    largest = ", ".join(f"{wheel.name.split('-')[0]} {wheel.stat().st_size / 1e6:.0f} MB" for wheel in wheels[:5])
    site = " --system-site-packages" if present else ""
    print(f"{len(wheels)} wheels, {total / 1e6:.0f} MB, in wheelhouse/ (largest: {largest})")
    print(f"pip resolves them for Python {python}{' where these are installed:' * bool(present)} {' '.join(present)}")
    print("Copy wheelhouse/ to the other machine, and there:")
    print(f"  python{python} -m venv{site} .venv")
    print("  .venv/bin/pip install --no-index --no-deps wheelhouse/*.whl")
    print("  .venv/bin/arraymill doctor")


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit("wheelhouse: pip failed (its words stand above), and wheelhouse/ is not complete")


if __name__ == "__main__":
    main()
