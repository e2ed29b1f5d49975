"""Files that must tell the same: versions, pins and requirements."""

import re
import tomllib
from pathlib import Path

import afield

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return {normal(name): version for name, version in (line.split("==") for line in lines)}


def test_the_version_is_one():
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation is not None
    assert afield.__version__ == PROJECT["project"]["version"] == citation[1]
    assert f"\n## {afield.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_requirement_is_pinned_and_allowed_by_its_range():
    project = PROJECT["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["quickstart"]]
    required += PROJECT["dependency-groups"]["dev"]
    pinned = pins()
    for requirement in required:
        name, bound, least = re.fullmatch(r"([\w-]+)(>=|==)([\w.]+)", requirement).groups()
        version = pinned[normal(name)]
        if bound == "==":
            assert version == least, requirement
        else:
            numbers = [[int(part) for part in re.findall(r"\d+", text)[:3]] for text in (version, least)]
            assert numbers[0] >= numbers[1], requirement


def test_pins_leave_the_build_of_torch_open():
    pinned = pins()
    assert "torch" in pinned
    assert not [name for name in pinned if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_completion_offers_what_is_not_imported_yet():
    assert set(afield.__all__) <= set(dir(afield))
