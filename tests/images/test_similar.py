import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from afield.base.errors import Stopped
from afield.base.reading import AS_DECLARED
from afield.images import similar as module
from afield.images.look import Look, look, look_at
from afield.images.registration import agreement
from afield.images.similar import Pair, linked, similar
from tests.fixtures.copies import altered, scene
from tests.fixtures.shared import shared


def quiet(done: int, total: int) -> None:
    pass


def found_in(looks: Mapping[str, Look], threads: int = 2) -> list[Pair]:
    return similar(looks, {name: name for name in looks}, threads, quiet)


def of(picture: Image.Image) -> Look:
    return look(np.asarray(picture.convert("RGB")))


def copy(picture: Image.Image, seed: int) -> Look:
    return of(Image.open(io.BytesIO(altered(picture, np.random.default_rng(seed)))))


@pytest.fixture(scope="module")
def scenes() -> dict[str, Look]:
    return {f"{number:03d}": of(scene(number)) for number in range(300)}


@pytest.mark.slow
def test_altered_copies_are_found_and_nothing_else(scenes: dict[str, Look]) -> None:
    copies = {f"{number:03d} copy": copy(scene(number), seed=number) for number in range(0, 300, 15)}
    pairs = found_in(scenes | copies)
    assert [(pair.first, pair.second) for pair in pairs] == [(name[:3], name) for name in sorted(copies)]
    assert not any(pair.exact for pair in pairs)
    assert min(pair.correlation for pair in pairs) > 0.97


@pytest.mark.slow
def test_equal_images_give_equal_pairs_whatever_order_and_threads(scenes: dict[str, Look]) -> None:
    looks = scenes | {f"{number:03d} copy": copy(scene(number % 7), seed=number) for number in range(20)}
    turned = dict(reversed(looks.items()))
    assert found_in(looks, threads=1) == found_in(turned, threads=4)


@pytest.mark.slow
def test_k_copies_give_as_many_pairs_as_link_them(scenes: dict[str, Look]) -> None:
    looks = scenes | {"b": scenes["007"], "a": scenes["007"], "c": copy(scene(7), seed=0)}
    pairs = found_in(looks)
    assert [(pair.first, pair.second, pair.exact) for pair in pairs] == [
        ("007", "a", True),
        ("007", "b", True),
        ("007", "c", False),
    ]


@pytest.mark.slow
def test_many_copies_of_one_picture_are_linked_beyond_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEAREST", 2)
    looks = {f"{number:02d}": copy(scene(0), seed=number) for number in range(40)}
    pairs = found_in(looks)
    assert len(pairs) == 39


def test_within_one_kin_only_equal_pixels_count() -> None:
    looks = {"a": of(scene(0)), "b": copy(scene(0), 1), "c": of(scene(0)), "other": copy(scene(0), 2)}
    pairs = similar(looks, {"a": "camera", "b": "camera", "c": "camera", "other": "camera 2"}, 1, quiet)
    assert [(pair.first, pair.second, pair.exact) for pair in pairs] == [
        ("a", "c", True),
        ("a", "other", False),
        ("b", "other", False),
    ]


def test_blank_images_are_copies_only_where_they_are_equal() -> None:
    flat = {f"{value}": look(np.full((30, 40, 3), value, np.uint8)) for value in (10, 20, 30)}
    looks = flat | {"again": flat["10"]}
    assert [(pair.first, pair.second) for pair in found_in(looks)] == [("10", "again")]


def test_mirrored_turned_and_shifted_scenes_are_other_pictures() -> None:
    picture = scene(5, (200, 200))
    looks = {
        "whole": of(picture),
        "mirrored": of(ImageOps.mirror(picture)),
        "turned": of(picture.rotate(90)),
        "half": of(picture.crop((0, 0, 100, 200))),
    }
    assert found_in(looks) == []


@pytest.mark.slow
def test_a_stop_ends_the_comparison(scenes: dict[str, Look]) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped("stopped")

    with pytest.raises(Stopped):
        similar(scenes, {name: name for name in scenes}, 2, stop)


@pytest.mark.slow
def test_where_all_images_share_their_pattern_only_exact_copies_are_told() -> None:
    """As solar cells do: the same bars in each, and little else."""
    bars = np.asarray(scene(0).convert("RGB"), np.float64)
    cells = {
        f"{number:03d}": look(np.clip(bars + 0.2 * (np.asarray(scene(number)) - 128.0), 0, 255).astype(np.uint8))
        for number in range(1, 221)
    }
    assert module.alike(cells)
    cells["copy"] = cells["007"]
    assert [(pair.first, pair.second) for pair in found_in(cells)] == [("007", "copy")]


@pytest.mark.slow
def test_different_pictures_are_not_alike(scenes: dict[str, Look]) -> None:
    assert not module.alike(scenes)


def test_no_image_and_one_image_have_no_copies(scenes: dict[str, Look]) -> None:
    assert found_in({}) == []
    assert found_in({"000": scenes["000"]}) == []


def test_linked_over_others() -> None:
    numbers = linked(6, [0, 1, 4], [1, 2, 5])
    assert numbers[0] == numbers[1] == numbers[2]
    assert numbers[4] == numbers[5]
    assert len({int(number) for number in numbers}) == 3


@pytest.mark.parametrize(("gain", "offset"), [(0.8, 30.0), (1.1, -10.0)])
def test_brightness_and_contrast_change_nothing(gain: float, offset: float) -> None:
    small = np.asarray(scene(3, (64, 64)).convert("L"))
    changed = np.clip(small * gain + offset, 0, 255).astype(np.uint8)
    result = agreement(small[None], changed[None], np.array([64]))
    assert result.same.all()
    assert result.correlation[0] > 0.99


def test_faint_pictures_of_constant_brightness_do_not_divide_by_zero() -> None:
    flat = np.full((2, 64, 64), 7, np.uint8)
    result = agreement(flat, flat, np.array([64, 64]))
    assert not result.same.any()
    assert np.isfinite(result.correlation).all()


def planted(root: Path, folder: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Twenty altered copies of the images of a folder, as pairs of names below `folder`."""
    generator = np.random.default_rng(seed)
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    for name in generator.choice(names, 20, replace=False):
        place = folder / f"copy_{name.replace('/', '_')}.jpg"
        place.write_bytes(altered(Image.open(root / name), generator))
        yield name, place.name


@pytest.mark.slow
@pytest.mark.long
def test_twenty_copies_among_real_photographs_are_found_with_at_most_one_false_alarm(tmp_path: Path) -> None:
    root = shared("data/sign-digits")
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    pairs = dict(planted(root, tmp_path, seed=3))
    looks, broken = look_at(root, names, AS_DECLARED, 2, quiet)
    copies, broken_copies = look_at(tmp_path, list(pairs.values()), AS_DECLARED, 1, quiet)
    assert not broken
    assert not broken_copies
    found = {frozenset((pair.first, pair.second)) for pair in found_in(looks | copies)}
    wanted = {frozenset(pair) for pair in pairs.items()}
    assert wanted <= found
    assert len(found - wanted) <= 1
