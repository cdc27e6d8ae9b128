from __future__ import annotations

from pathlib import Path

import pytest

from arraymill.cluster.cgroups import Cgroups


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def lay_out(root: Path, membership: str, files: dict[str, str]) -> Cgroups:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    listing = root.parent / "membership"
    listing.write_text(membership)
    return Cgroups(root, listing)


def test_without_groups_nothing_limits(root: Path) -> None:
    groups = Cgroups(root, root / "absent")
    assert (groups.memory_limit_bytes(), groups.memory_headroom_bytes(), groups.cpu_quota()) == (None, None, None)


def test_version_2_takes_the_smallest_limit_on_the_way_up(root: Path) -> None:
    files = {"job/memory.max": "3000\n", "job/step/memory.max": "max\n", "job/step/task/memory.max": "5000\n"}
    assert lay_out(root, "0::/job/step/task\n", files).memory_limit_bytes() == 3000


def test_version_2_counts_cached_files_as_free(root: Path) -> None:
    files = {
        "job/memory.max": "1000\n",
        "job/memory.current": "900\n",
        "job/memory.stat": "anon 300\nfile 600\nactive_file 200\ninactive_file 350\n",
    }
    assert lay_out(root, "0::/job\n", files).memory_headroom_bytes() == 650


def test_headroom_is_that_of_the_fullest_group(root: Path) -> None:
    files = {
        "job/memory.max": "1000\n",
        "job/memory.current": "990\n",
        "job/step/memory.max": "500\n",
        "job/step/memory.current": "100\n",
    }
    assert lay_out(root, "0::/job/step\n", files).memory_headroom_bytes() == 10


def test_use_above_the_limit_leaves_no_headroom(root: Path) -> None:
    files = {"memory.max": "10\n", "memory.current": "20\n"}
    assert lay_out(root, "0::/\n", files).memory_headroom_bytes() == 0


@pytest.mark.parametrize(("text", "quota"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None)])
def test_version_2_cpu_quota(root: Path, text: str, quota: float | None) -> None:
    assert lay_out(root, "0::/job\n", {"job/cpu.max": text}).cpu_quota() == quota


def test_version_1_limits(root: Path) -> None:
    files = {
        "memory/slurm/memory.limit_in_bytes": "4096\n",
        "memory/slurm/memory.usage_in_bytes": "1096\n",
        "memory/slurm/memory.stat": "active_file 1\ntotal_active_file 50\ntotal_inactive_file 46\n",
        "cpu,cpuacct/slurm/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/slurm/cpu.cfs_period_us": "100000\n",
    }
    groups = lay_out(root, "5:memory:/slurm\n4:cpu,cpuacct:/slurm\n1:name=systemd:/x\n", files)
    assert (groups.memory_limit_bytes(), groups.memory_headroom_bytes(), groups.cpu_quota()) == (4096, 3096, 2.5)


def test_version_1_says_no_limit_with_huge_or_negative_numbers(root: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    groups = lay_out(root, "5:memory:/\n4:cpu:/\n", files)
    assert (groups.memory_limit_bytes(), groups.cpu_quota()) == (None, None)


def test_in_a_container_the_mounted_root_is_the_own_group(root: Path) -> None:
    files = {"memory.max": "2048\n"}
    assert lay_out(root, "0::/docker/0123abcd\n", files).memory_limit_bytes() == 2048


def test_version_2_counts_the_kills_of_the_own_group(root: Path) -> None:
    events = "low 0\noom 5\noom_kill 3\noom_group_kill 0\n"
    groups = lay_out(root, "0::/job/step\n", {"job/step/memory.events": events, "job/memory.events": "oom_kill 7\n"})
    assert (groups.oom_kills(), groups.memory_group()) == (3, root / "job/step")


def test_version_1_counts_the_kills_of_the_own_group(root: Path) -> None:
    control = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"
    groups = lay_out(root, "5:memory:/slurm\n", {"memory/slurm/memory.oom_control": control})
    assert (groups.oom_kills(), groups.memory_group()) == (2, root / "memory/slurm")


def test_an_old_kernel_counts_no_kills(root: Path) -> None:
    files = {"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"}
    assert lay_out(root, "5:memory:/\n", files).oom_kills() == 0


def test_without_groups_nothing_is_counted(root: Path) -> None:
    groups = Cgroups(root, root / "absent")
    assert (groups.oom_kills(), groups.memory_group()) == (0, None)
