"""Imports go down only: the table of floors, held over the syntax tree of every file.

A *unit* is what stands on a floor: a module or a sub-package.
"""

from __future__ import annotations

import pytest
from source_tree import SourceFile, is_module, source_files

# Floors are whole numbers; a tenth is a mezzanine: still that floor, but it may stand on what is below it there.
JOBS = {
    "errors": 0,
    "disk": 0.1,
    "locks": 0.1,
    "blocks": 1,
    "dtypes": 1,
    "durations": 1,
    "limits": 1.1,
    "output_names": 1,
    "sizes": 1,
    "versions": 1,
    "headers": 1.1,
    "ranges": 1.1,
    "spec": 1.2,
    "stored_chunks": 1.2,
    "stages": 1.2,
    "workspace": 1.2,
    "dask_files": 1.3,
    "rates": 1.3,
    "tensors": 2,
    "arrays": 2,
    "operations": 2,
    "in_memory": 2.1,
    "joining": 2.1,
    "job": 3,
    "plans": 3.1,
    "verification": 3.2,
    "engine": 4,
    "gauges": 4,
    "store": 4.1,
    "report": 4.3,
    "runner": 5,
    "dask_config": 6,
    "api": 6.1,
    "bench": 6.2,
    "cli": 6.3,
}
CLUSTER = {
    "errors": 0,
    "config": 1,
    "dask_settings": 1,
    "cgroups": 1,
    "children": 1,
    "nvml": 1,
    "openssl": 1,
    "devices": 2,
    "preload": 2,
    "worker": 3,
    "inline": 4,
    "local": 4,
    "cuda": 4,
    "session": 5,
    "warm": 6,
}
TABLE = {"jobs": JOBS, "cluster": CLUSTER}

# Who may import what of the libraries that are slow to import or that only one place should know.
ALLOWED = {
    "torch": {"jobs.tensors", "jobs.operations", "jobs.engine", "jobs.gauges", "cluster.worker"},
    "array_api_compat.torch": {"jobs.operations", "jobs.engine"},
    # Settings of a job may stand among Dask's own, which only Dask can say: one module asks, where there are any.
    "dask": {"jobs.dask_config", "jobs.runner", "cluster.*"},
    "distributed": {"jobs.runner", "cluster.*"},
    "dask_cuda": {"cluster.cuda"},
    "click": {"jobs.cli"},
    "rich": {"jobs.cli"},
    # Only the top floor knows both what is run and where.
    "arraymill.cluster": {"jobs.api", "jobs.cli", "jobs.dask_config", "cluster.*"},
    "arraymill.jobs": {"jobs.*"},
    "jobs": set(),
    "cluster": set(),
}


def unit_of(module: str) -> tuple[str, str]:
    """Return (package, unit) of a module of ours: ``("jobs", "spec")`` for ``arraymill.jobs.spec.yaml``."""
    _, package, *rest = module.split(".")
    return package, rest[0] if rest else ""


def floor_of(package: str, unit: str) -> float:
    """Return the floor of a unit. The package itself, its ``__init__``, looks down on everything."""
    if not unit:
        return 7
    assert unit in TABLE[package], f"{package}/{unit} stands on no floor: add it to the table in {__file__}"
    return TABLE[package][unit]


def looks_down(importer: tuple[str, str], imported: tuple[str, str]) -> bool:
    """Return whether one unit may import another of the same package."""
    return importer == imported or floor_of(*imported) < floor_of(*importer)


def uses(imported: str, library: str) -> bool:
    return imported == library or imported.startswith(library + ".")


FILES = source_files("jobs", "cluster")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_imports_go_down(file: SourceFile) -> None:
    importer = unit_of(file.module)
    floor_of(*importer)
    ours = [(line, unit_of(module)) for line, module in file.imports() if is_module(module)]
    upward = [
        f"{file.name}:{line} imports {'/'.join(imported)}"
        for line, imported in ours
        if imported[0] == importer[0] and not looks_down(importer, imported)
    ]
    assert upward == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_libraries_stay_where_they_belong(file: SourceFile) -> None:
    package, unit = unit_of(file.module)
    mine = {f"{package}.{unit}", f"{package}.*"}
    misplaced = [
        f"{file.name}:{line} imports {imported}"
        for line, imported in file.imports()
        for library, places in ALLOWED.items()
        if uses(imported, library) and not mine & places
    ]
    assert misplaced == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_one_package_is_imported_relatively_and_the_other_absolutely(file: SourceFile) -> None:
    own = ".".join(file.module.split(".")[:2])
    spelled = [f"{file.name}:{line} imports {name}" for line, name in file.absolute_imports() if uses(name, own)]
    assert spelled == []


@pytest.mark.parametrize("package", TABLE)
def test_the_table_names_only_what_is_there(package: str) -> None:
    units = {unit_of(file.module)[1] for file in source_files(package)}
    assert sorted(TABLE[package].keys() - units) == []


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(AssertionError, match="add it to the table"):
        floor_of("jobs", "helpers")


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("plans", "arrays", True),
        ("arrays", "plans", False),
        ("arrays", "operations", False),
        ("headers", "blocks", True),
        ("blocks", "headers", False),
        ("api", "cli", False),
        ("runner", "runner", True),
    ],
)
def test_what_the_table_allows(importer: str, imported: str, allowed: bool) -> None:
    assert looks_down(("jobs", importer), ("jobs", imported)) is allowed
