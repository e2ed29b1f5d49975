"""Archives, weights, checkpoints: spoilt ones, and those that were made to do harm."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from afield.backbones.formats import check_format
from afield.base.errors import AfieldError
from afield.tasks.getting.archives import unpack
from afield.training.checkpoint import Best, State, load_checkpoint, save_checkpoint
from tests.hostile.mutations import LONG, few_or_many, refused_in_words, spoilt_bytes

HERE = {"cpu": "this one"}
NAMES = (
    "a.png",
    "b/c.png",
    "../out.png",
    "b/../../out.png",
    "/out.png",
    "C:\\out.png",
    "..\\out.png",
    LONG,
    "a\nb.png",
    "b",
)


def packed(kind: str, names: tuple[str, ...]) -> bytes:
    """A zip or tar archive with members of these names."""
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, b"picture" * 50)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz" if kind == "tar.gz" else "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 350
                archive.addfile(member, io.BytesIO(b"picture" * 50))
    return stream.getvalue()


@pytest.mark.slow
@few_or_many
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_is_unpacked_into_its_folder_or_refused(often: settings, kind: str, tmp_path: Path) -> None:
    archive, to = tmp_path / f"data.{kind}", tmp_path / "home" / "data"

    @often
    @given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.one_of(st.just(packed(kind, tuple(names))), spoilt_bytes(packed(kind, tuple(names))))
    ))  # fmt: skip
    def check(content: bytes) -> None:
        archive.write_bytes(content)
        refused_in_words(lambda: unpack(archive, to), tmp_path.name)
        assert {each.name for each in tmp_path.iterdir()} <= {archive.name, "home"}
        assert {each.name for each in to.parent.iterdir()} <= {"data"}
        if to.exists():
            to.rename(tmp_path / "home" / "old")
            _remove(tmp_path / "home" / "old")

    to.parent.mkdir()
    check()


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@few_or_many
@pytest.mark.parametrize("kind", ["safetensors", "checkpoint"])
def test_spoilt_weights_are_refused_in_words(often: settings, kind: str, tmp_path: Path) -> None:
    tensors = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2)}
    stream = io.BytesIO()
    torch.save(tensors, stream)
    path = tmp_path / "weights"

    @often
    @given(spoilt_bytes(save(tensors) if kind == "safetensors" else stream.getvalue()))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        refused_in_words(lambda: check_format(path), "weights")

    check()


@few_or_many
def test_a_spoilt_checkpoint_is_damaged_or_what_was_saved(often: settings, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    best = Best(1, 0.5, 0.7, {"weight": torch.ones(3)}, torch.zeros(4, 2))
    save_checkpoint(path, State(epoch=1, network={"weight": torch.ones(3)}, best=best), HERE)

    @often
    @given(spoilt_bytes(path.read_bytes()))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        refused_in_words(lambda: load_checkpoint(path, HERE), "checkpoint.pt")

    check()


class Harm:
    """Runs code where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_checkpoint_with_code_runs_none(tmp_path: Path) -> None:
    path, mark = tmp_path / "checkpoint.pt", tmp_path / "harm"
    torch.save({"state": Harm(mark), "platform": HERE}, path)
    for use in (lambda: load_checkpoint(path, HERE), lambda: check_format(path)):
        with pytest.raises(AfieldError, match=r"checkpoint\.pt"):
            use()
    assert not mark.exists()
