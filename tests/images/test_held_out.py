"""Copies of held-out images among added ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from PIL.Image import Resampling

from afield.base.errors import InputError
from afield.base.hashing import sha256_file
from afield.base.reading import AS_DECLARED
from afield.images.held_out import Copies, Images, copies_of_held_out


def scene(path: Path, seed: int) -> Image.Image:
    """A picture with structure at several scales, like no other of another seed."""
    generator = np.random.default_rng(seed)
    rough, fine = (
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).resize((160, 120), Resampling.BICUBIC)
        for shape in ((9, 12, 3), (60, 80, 3))
    )
    image = Image.blend(rough, fine.filter(ImageFilter.GaussianBlur(1)), 0.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return image


def images(root: Path) -> Images:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return Images(root, {path.relative_to(root).as_posix(): sha256_file(path) for path in files})


def find(held: Path, added: list[Path], cache: Path) -> tuple[Copies, int]:
    told: list[str] = []
    found = copies_of_held_out(
        images(held), [images(root) for root in added], AS_DECLARED, cache, 1, lambda what, *_: told.append(what)
    )
    return found, len(told)


@pytest.mark.slow
def test_exact_and_near_copies_are_found_in_any_form_and_nothing_else(tmp_path: Path) -> None:
    held, one, other = tmp_path / "held", tmp_path / "one", tmp_path / "other"
    for number in range(6):
        scene(held / f"{number}.png", number)
        scene(one / f"new{number}.png", 100 + number)
    shutil.copy(held / "0.png", one / "same bytes.png")
    Image.open(held / "1.png").save(one / "same pixels.bmp")
    Image.open(held / "2.png").resize((240, 180), Resampling.BICUBIC).save(one / "larger.jpg", quality=85)
    other.mkdir()
    Image.open(held / "3.png").crop((6, 4, 152, 112)).save(other / "cut.png")
    shutil.copy(one / "larger.jpg", other / "again.jpg")
    shutil.copy(one / "new0.png", other / "of another set.png")  # a copy, but of nothing that is held out
    found, reads = find(held, [one, other], tmp_path / "cache")
    sha = {**{f"held/{k}": v for k, v in images(held).hashes.items()}, **images(one).hashes, **images(other).hashes}
    assert found.exact == {
        sha["same bytes.png"]: sha["held/0.png"],
        sha["same pixels.bmp"]: sha["held/1.png"],
    }
    assert found.near == {sha["larger.jpg"]: sha["held/2.png"], sha["cut.png"]: sha["held/3.png"]}
    assert not found.alike
    assert reads > 0
    again, reads = find(held, [one, other], tmp_path / "cache")
    assert (again, reads) == (found, 0)


def test_what_was_kept_wrongly_is_found_again(tmp_path: Path) -> None:
    scene(tmp_path / "held" / "a.png", 1)
    scene(tmp_path / "added" / "b.png", 2)
    found, _ = find(tmp_path / "held", [tmp_path / "added"], tmp_path / "cache")
    assert found == Copies({}, {}, alike=False)
    (store,) = (tmp_path / "cache" / "copies").iterdir()
    store.write_text(json.dumps({"exact": 3}), encoding="utf-8")
    assert find(tmp_path / "held", [tmp_path / "added"], tmp_path / "cache")[0] == found


def test_no_image_is_decoded_twice_whatever_is_asked_of_it(tmp_path: Path) -> None:
    held, one = tmp_path / "held", tmp_path / "one"
    for number in range(4):
        scene(held / f"{number}.png", number)
        scene(one / f"new{number}.png", 100 + number)
    Image.open(held / "1.png").save(one / "same pixels.bmp")
    hashes = images(held).hashes

    def fold(names: list[str], cache: Path, most: int = 99) -> tuple[Copies, int]:
        told: list[str] = []

        def progress(what: str, done: int, total: int) -> None:
            told.append(what)
            if len(told) == most:
                raise KeyboardInterrupt

        part = Images(held, {name: hashes[name] for name in names})
        found = copies_of_held_out(part, [images(one)], AS_DECLARED, cache, 1, progress)
        return found, sum("reading" in what for what in told)

    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        fold(["0.png", "1.png"], cache, most=3)
    assert fold(["0.png", "1.png"], cache)[1] == 2 + 5 - 3, "what was seen before the stop is kept"
    second, read = fold(["1.png", "2.png"], cache)
    assert read == 1
    assert second == fold(["1.png", "2.png"], tmp_path / "another")[0]
    assert set(second.exact.values()) == {hashes["1.png"]}
    for store in (cache / "looks").iterdir():
        store.write_bytes(store.read_bytes()[:300])  # a damaged one is no obstacle
    assert fold(["1.png", "3.png"], cache)[1] == 2 + 5


def test_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    scene(tmp_path / "held" / "a.png", 1)
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1 of 2 images cannot be used:\n.*broken\.png"):
        find(tmp_path / "held", [tmp_path / "added"], tmp_path / "cache")
