"""Files that must tell the same: versions, pins and requirements; what is offered and told of; maps and the land."""

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


def pins(file="constraints.txt"):
    lines = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return {normal(name): version for name, version in (line.split("==") for line in lines)}


def test_the_oldest_versions_are_those_that_are_allowed():
    project = PROJECT["project"]
    further = [
        each for name, extra in project["optional-dependencies"].items() if name != "quickstart" for each in extra
    ]
    allowed = dict(each.split(">=") for each in (*project["dependencies"], *further))
    oldest = pins("constraints-oldest.txt")
    assert {normal(name) for name in allowed} - oldest.keys() == {"huggingface-hub", "safetensors"}
    assert oldest == {normal(name): version for name, version in allowed.items() if normal(name) in oldest}


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


def linked_from(page):
    """The pages that a page links to, as paths."""
    text = page.read_text(encoding="utf-8")
    return [page.parent / link for link in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", text)]


def test_the_index_names_every_page_once():
    docs = ROOT / "docs"
    linked = [path.resolve() for path in linked_from(docs / "index.md")]
    pages = {*docs.glob("*.md"), *docs.glob("decisions/*.md")} - {docs / "index.md"}
    pages |= {ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")}
    assert sorted(linked) == sorted(path.resolve() for path in pages)
    assert set(docs.glob("tasks/*.md")) <= set(linked_from(docs / "tasks.md"))


def test_every_page_that_is_linked_to_is_there():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert not [(page.name, str(link)) for page in pages for link in linked_from(page) if not link.exists()]


def test_the_map_names_every_module_in_its_room():
    house = ROOT / "src" / "afield"
    whole = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1]
    parts = re.split(r"^  (\w+)/", whole, flags=re.MULTILINE)
    told = dict(zip(parts[1::2], parts[2::2], strict=True))
    missing = []
    for path in house.rglob("*"):
        room, *inner = path.relative_to(house).parts
        together = path.name == "__init__.py" or room == "studies" or inner[:1] == ["sets"]  # told of in a sentence
        if path.suffix in (".py", ".css", ".js", ".j2", ".csv") and not together:
            words = told.get(room, "") if inner else whole
            if not re.search(rf"(?<![\w.]){re.escape(path.name)}(?!\w)", words):
                missing.append(path.relative_to(house).as_posix())
    assert not missing
    names = set(re.findall(r"\b\w+\.(?:html\.j2|py|css|js|csv)\b", whole)) - {"make_catalogue.py"}  # of tools
    assert not names - {path.name for path in house.rglob("*")}
