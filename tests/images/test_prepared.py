import math
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.backbones.backbone import Interpolation
from afield.base.errors import InputError, Stopped, StoreError
from afield.base.files import TEMPORARY
from afield.images.decode import decode
from afield.images.prepared import estimate_bytes, open_prepared, prepare
from afield.images.rule import Rule, evaluation_rule, prepare_pixels, train_rule
from afield.tasks.places import cache_folder

SIZES = [(60, 40), (40, 60), (20, 90), (33, 33), (7, 5), (200, 47)]
NAMES = [f"{index}.png" for index in range(len(SIZES))]
HASHES = [f"hash of {name}" for name in NAMES]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, (width, height) in zip(NAMES, SIZES, strict=True):
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / name)
    return folder


def quiet(done: int, total: int) -> None:
    pass


def made(root: Path, cache: Path, rule: Rule, processes: int = 1) -> Path:
    return prepare(root, NAMES, HASHES, rule, cache, processes, quiet)


def test_images_come_back_as_the_rule_says(root: Path, tmp_path: Path) -> None:
    images = open_prepared(made(root, tmp_path / "cache", train_rule(16)))
    assert len(images) == len(SIZES)
    assert images.originals.tolist() == [[height, width] for width, height in SIZES]
    for index, name in enumerate(NAMES):
        full = decode(root / name)
        image = images.image(index)
        assert image.shape[:2] == tuple(images.sizes[index])
        assert np.array_equal(image, prepare_pixels(full, train_rule(16)))
        # ceil(1.44 * 16) = 24; an image that is smaller stays as it is
        assert min(image.shape[:2]) == min(24, *full.shape[:2])
    assert np.array_equal(images.image(4), decode(root / NAMES[4]))
    assert not images.image(0).flags.writeable


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(32, 128), st.sampled_from(["bilinear", "bicubic"]))
def test_evaluation_views_equal_torchvision(width: int, height: int, size: int, interpolation: Interpolation) -> None:
    from torchvision.transforms import CenterCrop, InterpolationMode, Resize

    full = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mode = InterpolationMode(interpolation)
    expected = np.asarray(CenterCrop(size)(Resize(size, mode)(Image.fromarray(full))))
    assert np.array_equal(prepare_pixels(full, evaluation_rule(size, interpolation)), expected)


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 500), st.integers(32, 256))
def test_training_images_shrink_to_what_crops_need_and_keep_their_shape(width: int, height: int, size: int) -> None:
    new_height, new_width = prepare_pixels(np.zeros((height, width, 3), np.uint8), train_rule(size)).shape[:2]
    target = math.ceil(round(1.44 * size, 6))
    assert min(new_width, new_height) == min(width, height, target)
    assert abs(new_width / width - new_height / height) <= 1 / min(width, height)


def test_several_processes_make_the_same_bytes(root: Path, tmp_path: Path) -> None:
    alone = made(root, tmp_path / "one", evaluation_rule(32, "bilinear"))
    together = made(root, tmp_path / "two", evaluation_rule(32, "bilinear"), processes=2)
    assert alone.name == together.name
    for file in ("pixels.bin", "rule.json"):
        assert (alone / file).read_bytes() == (together / file).read_bytes()


def test_it_is_made_once_and_named_by_bytes_and_rule(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    told: list[tuple[int, int]] = []
    folder = prepare(root, NAMES, HASHES, train_rule(32), cache, 1, lambda *numbers: told.append(numbers))
    assert told == [(done, 6) for done in range(1, 7)]
    shutil.rmtree(root)
    assert prepare(root, NAMES, HASHES, train_rule(32), cache, 1, lambda *numbers: pytest.fail("made again")) == folder
    for hashes, rule in (
        (HASHES[::-1], train_rule(32)),
        (HASHES, train_rule(33)),
        (HASHES, evaluation_rule(32, "bicubic")),
    ):
        with pytest.raises(InputError, match="6 of 6 images"):
            prepare(root, NAMES, hashes, rule, cache, 1, quiet)
    assert [path.name for path in (cache / "prepared").iterdir()] == [folder.name]


@pytest.mark.parametrize("processes", [1, 2])
def test_all_broken_images_are_listed_together(root: Path, tmp_path: Path, processes: int) -> None:
    (root / NAMES[1]).write_bytes((root / NAMES[1]).read_bytes()[:200])
    (root / NAMES[3]).write_text("not found")
    with pytest.raises(InputError, match="2 of 6 images cannot be used") as caught:
        made(root, tmp_path / "cache", train_rule(32), processes)
    assert str(root / NAMES[1]) in str(caught.value)
    assert str(root / NAMES[3]) in str(caught.value)
    assert list((tmp_path / "cache" / "prepared").iterdir()) == []


def test_twenty_broken_images_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    names = [f"{index}.png" for index in range(25)]
    with pytest.raises(InputError, match=r"25 of 25 images(.*\n)+and 5 more") as caught:
        prepare(tmp_path, names, names, train_rule(32), tmp_path / "cache", 1, quiet)
    assert str(caught.value).count("no such file") == 20


def test_an_image_that_would_grow_without_bound_is_refused(tmp_path: Path) -> None:
    """A view's short side is the trial's size: one pixel by 60,000 would become 64 by 3,840,000."""
    for name, size in (("thread.png", (1, 60_000)), ("strip.png", (2, 6_000))):
        Image.new("RGB", size).save(tmp_path / name)
    names = ["thread.png", "strip.png"]
    with pytest.raises(InputError, match="1 of 2 images cannot be used") as caught:
        prepare(tmp_path, names, names, evaluation_rule(64, "bilinear"), tmp_path / "cache", 1, quiet)
    told = f"{tmp_path / 'thread.png'}: 1 pixels wide and 60000 high .* 245,760,000 pixels, more than 178,956,970"
    assert re.search(told, str(caught.value))
    # for training nothing is enlarged
    images = open_prepared(prepare(tmp_path, names, names, train_rule(64), tmp_path / "cache", 1, quiet))
    assert images.sizes.tolist() == [[60_000, 1], [6_000, 2]]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_in_the_middle_leaves_nothing(root: Path, tmp_path: Path, processes: int) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        prepare(root, NAMES, HASHES, train_rule(32), tmp_path / "cache", processes, stop)
    assert list((tmp_path / "cache" / "prepared").iterdir()) == []


def test_what_a_killed_run_left_is_never_used_and_removed(root: Path, tmp_path: Path) -> None:
    def die(done: int, total: int) -> None:
        if done == 3:
            os._exit(9)

    process = multiprocessing.get_context("fork").Process(
        target=prepare, args=(root, NAMES, HASHES, train_rule(32), tmp_path / "cache", 1, die)
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    (left,) = (tmp_path / "cache" / "prepared").iterdir()
    assert left.name.startswith(TEMPORARY)
    folder = made(root, tmp_path / "cache", train_rule(32))
    assert list((tmp_path / "cache" / "prepared").iterdir()) == [folder]
    assert len(open_prepared(folder)) == 6


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes through /proc")
def test_no_process_outlives_a_parent_that_is_killed(root: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import os, signal
from pathlib import Path
from afield.images.prepared import prepare
from afield.images.rule import train_rule

def die(done, total):
    print(Path(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read_text(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    names = {NAMES!r} * 20
    prepare(Path({str(root)!r}), names, names, train_rule(32), Path({str(tmp_path / "cache")!r}), 2, die)
"""
    )
    ended = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    processes = [Path("/proc") / number for number in ended.stdout.split()]
    assert len(processes) >= 2
    until = time.monotonic() + 20
    while any(process.exists() for process in processes) and time.monotonic() < until:
        time.sleep(0.05)
    assert [process.name for process in processes if process.exists()] == []


def test_two_at_once_are_harmless(root: Path, tmp_path: Path) -> None:
    other: list[Path] = []

    def second(done: int, total: int) -> None:
        if done == 3:
            other.append(made(root, tmp_path / "cache", train_rule(32)))

    folder = prepare(root, NAMES, HASHES, train_rule(32), tmp_path / "cache", 1, second)
    assert other == [folder]
    assert list((tmp_path / "cache" / "prepared").iterdir()) == [folder]
    assert len(open_prepared(folder)) == 6


def test_processes_are_sent_the_place_not_the_bytes(root: Path, tmp_path: Path) -> None:
    images = open_prepared(made(root, tmp_path / "cache", train_rule(64)))
    sent = pickle.dumps(images)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).image(5), images.image(5))


def test_a_damaged_folder_is_not_opened(root: Path, tmp_path: Path) -> None:
    folder = made(root, tmp_path / "cache", train_rule(32))
    pixels = folder / "pixels.bin"
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"bytes instead of .*; delete the folder"):
        open_prepared(folder)
    (folder / "index.npz").write_bytes(b"PK")
    with pytest.raises(StoreError, match="cannot be read"):
        open_prepared(folder)


def test_a_full_disk_is_seen_before_the_work(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 1000))
    with pytest.raises(StoreError, match=r"take about 0\.00 GB, .* are free; free .* AFIELD_CACHE"):
        made(root, tmp_path / "cache", train_rule(32))
    assert list((tmp_path / "cache" / "prepared").iterdir()) == []


def test_the_estimate_is_the_size(root: Path, tmp_path: Path) -> None:
    for rule in (train_rule(16), evaluation_rule(16, "bilinear")):
        written = (made(root, tmp_path / "cache", rule) / "pixels.bin").stat().st_size
        assert estimate_bytes(root, NAMES, rule) == pytest.approx(written, abs=1)


def test_the_cache_can_be_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "here"))
    assert cache_folder() == (tmp_path / "here").resolve()
    monkeypatch.delenv("AFIELD_CACHE")
    assert cache_folder().name == "afield"
