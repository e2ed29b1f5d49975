"""Files that must tell the same: versions, pins and requirements."""

import re
import subprocess
import sys
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


def test_all_that_is_offered_is_there_and_told_of():
    told = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8").split("## From Python")[1].split("\n## ")[0]
    for name in set(afield.__all__) - {"__version__"}:
        assert callable(getattr(afield, name)), name
        assert re.search(rf"`(afield\.)?{name}\b", told), name


def test_to_import_afield_imports_nothing_else():
    code = "import sys; import afield; print([name for name in sys.modules if name.startswith('afield.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
