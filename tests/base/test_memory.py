"""The memory that is free, told by files as Linux has them: the system's, and those of control groups."""

from pathlib import Path

import pytest

from afield.base.memory import free_memory

GB = 2**30


def system(root: Path, available: int) -> Path:
    (root / "proc" / "self").mkdir(parents=True)
    text = f"MemTotal: {64 * GB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {available // 1024} kB\n"
    (root / "proc" / "meminfo").write_text(text)
    return root


def group(root: Path, path: str, **files: object) -> None:
    folder = root / "sys" / "fs" / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{text}\n")


def test_what_the_system_has_available_counts_not_what_is_free(tmp_path: Path) -> None:
    assert free_memory(system(tmp_path, 8 * GB)) == 8 * GB


def test_a_group_of_version_2_grants_less(tmp_path: Path) -> None:
    system(tmp_path, 40 * GB)
    (tmp_path / "proc/self/cgroup").write_text("0::/slurm/job\n")
    group(tmp_path, "slurm/job", memory_max="max", memory_current=GB)
    assert free_memory(tmp_path) == 40 * GB, "it has no limit of its own"
    group(tmp_path, "slurm", memory_max=16 * GB, memory_current=6 * GB)
    assert free_memory(tmp_path) == 10 * GB, "the one above it has"
    group(tmp_path, "slurm", memory_stat=f"anon {4 * GB}\ninactive_file {2 * GB}")
    assert free_memory(tmp_path) == 12 * GB, "files that were read are given back"
    group(tmp_path, "slurm/job", memory_max=3 * GB, memory_current=4 * GB)
    assert free_memory(tmp_path) == 0, "never less than nothing"


def test_a_group_of_version_1_grants_less_and_others_are_left_alone(tmp_path: Path) -> None:
    system(tmp_path, 40 * GB)
    (tmp_path / "proc/self/cgroup").write_text("5:cpu,cpuacct:/a\n4:memory:/outside/name\n1:name=systemd:/a\n")
    folder = tmp_path / "sys/fs/cgroup/memory"
    folder.mkdir(parents=True)  # a container sees its own group as the topmost one
    (folder / "memory.limit_in_bytes").write_text(f"{8 * GB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{3 * GB}\n")
    (folder / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {GB}\n")
    assert free_memory(tmp_path) == 6 * GB
    (folder / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    assert free_memory(tmp_path) == 40 * GB, "version 1 says so where there is no limit"


def test_without_such_files_the_pages_count_or_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {"SC_AVPHYS_PAGES": 1000, "SC_PHYS_PAGES": 3000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf_names", dict.fromkeys(pages, 1), raising=False)
    monkeypatch.setattr("os.sysconf", pages.__getitem__, raising=False)
    assert free_memory(tmp_path) == 1000 * 4096
    monkeypatch.setattr("os.sysconf_names", {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 1}, raising=False)
    assert free_memory(tmp_path) == 3000 * 4096
    monkeypatch.delattr("os.sysconf_names")
    assert free_memory(tmp_path) is None
