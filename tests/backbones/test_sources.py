"""Weights from the hub, from addresses and from folders: the right bytes or words, whatever the network does.

The libraries' own records say what is asked for; a server on the loopback interface answers.
"""

import hashlib
import io
import os
import pickle
import re
import signal
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save

from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import catalogue, find, named_set
from afield.backbones.convert import load_state
from afield.backbones.fetch import fetch, order, orders
from afield.backbones.published import OnHub, OnWeb, published
from afield.backbones.weights import Sources, Weights, locate, read, sources, whereabouts
from afield.base.errors import InputError, Stopped
from afield.cli import main
from tests.fixtures.hub import COMMIT, Fault, Served, serve

SMALL = find("mobilenetv3_small_050.lamb_in1k")
REPOSITORY = "timm/mobilenetv3_small_050.lamb_in1k"
SQUEEZE = find("squeezenet1_1.IMAGENET1K_V1")
CLIP = find("ViT-B-32.openai")
CONTENT = save({"layer.weight": torch.arange(60_000, dtype=torch.float32)})
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def checkpoint(value, *, old=False) -> bytes:
    """As torch.save writes it; `old` as torch before 1.6 did."""
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not old)
    return stream.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub that answers in place of huggingface.co, and caches of this test alone."""
    with serve() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        for name in ("AFIELD_WEIGHTS", "AFIELD_OFFLINE", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield running


def serve_squeezenet(server, monkeypatch, content, name=None):
    """Let torchvision's own record lead to the loopback server."""
    name = name or f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    address = server.put(f"/models/{name}", content, etag='"one"')
    monkeypatch.setattr(torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", address)
    return address


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- where they are published


def test_the_libraries_say_where_their_weights_are():
    assert published(SMALL) == OnHub(REPOSITORY, ("model.safetensors", "pytorch_model.bin"))
    assert published(SQUEEZE) == OnWeb(
        "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth", "squeezenet1_1-b8a52dc0.pth", "b8a52dc0"
    )
    gcvit = Backbone(id="gcvit_tiny.in1k", library="timm", architecture="gcvit_tiny", tag="in1k")
    source = published(gcvit)
    assert isinstance(source, OnWeb)
    assert source.sha256 == "ac783954"


def test_every_backbone_of_the_catalogue_is_published_somewhere_with_a_hash():
    pytest.importorskip("open_clip", reason="the extra `clip` is not installed")
    # of I-JEPA timm names addresses alone; what their files hash to is only recorded
    without = {name for name in catalogue() if name.endswith("_ijepa")}
    assert len(without) == 4
    for backbone in catalogue().values():
        source = published(backbone)
        assert isinstance(source, OnHub) or len(source.sha256) >= 8 or backbone.id in without, backbone.id


@pytest.mark.parametrize("architecture", ["RN50", "RN101", "RN50x4", "ViT-B-32", "ViT-B-16", "ViT-L-14"])
def test_clip_comes_as_safetensors_from_the_hub(architecture):
    pytest.importorskip("open_clip", reason="the extra `clip` is not installed")
    backbone = Backbone(id=f"{architecture}.openai", library="open_clip", architecture=architecture, tag="openai")
    source = published(backbone)
    assert isinstance(source, OnHub)
    assert re.fullmatch(r"timm/\w+_clip(_224)?\.openai", source.repository)
    assert source.files[0] == "open_clip_model.safetensors"


@pytest.mark.parametrize(
    ("library", "architecture", "tag", "words"),
    [
        ("timm", "mobilenetv3_small_050", "lamb_in2k", "has no weights mobilenetv3_small_050.lamb_in2k"),
        ("torchvision", "squeezenet1_1", "V3", "has no weights squeezenet1_1 V3; known of it: IMAGENET1K_V1"),
        ("torchvision", "squeezenet1_7", "IMAGENET1K_V1", "did you mean squeezenet1_1"),
        ("open_clip", "ViT-B-32", "closedai", "has no weights ViT-B-32 closedai; known of it: openai"),
    ],
)
def test_weights_that_the_library_does_not_know_are_named(library, architecture, tag, words):
    if library == "open_clip":
        pytest.importorskip("open_clip", reason="the extra `clip` is not installed")
    with pytest.raises(InputError) as refused:
        published(Backbone(id="x.y", library=library, architecture=architecture, tag=tag))
    assert words in str(refused.value)


# --- the hub


def test_a_file_of_the_hub_is_downloaded_once_and_its_commit_recorded(server):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    told = []
    weights = locate(SMALL, Sources(), lambda done, total: told.append((done, total)))
    assert weights.sha256 == DIGEST
    assert weights.revision == COMMIT
    assert weights.origin == f"Hugging Face {REPOSITORY}"
    assert read(weights) == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    asked = len(server.seen)
    assert locate(SMALL, Sources()) == weights
    assert locate(SMALL, Sources(offline=True)) == weights
    assert whereabouts(SMALL, Sources()).path == weights.path
    assert len(server.seen) == asked, "what is in the cache needs no network"
    assert sum(seen.sent for seen in server.seen) == len(CONTENT)


def test_what_the_hubs_own_client_downloaded_is_found(server):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    path = huggingface_hub.hf_hub_download(REPOSITORY, "model.safetensors", endpoint=server.address)
    weights = locate(SMALL, Sources(offline=True))
    assert str(weights.path) == path
    assert (weights.sha256, weights.revision) == (DIGEST, COMMIT)


def test_what_is_downloaded_is_found_by_the_hubs_own_client_and_by_timm(server):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    weights = locate(SMALL, Sources())
    found = huggingface_hub.hf_hub_download(REPOSITORY, "model.safetensors", local_files_only=True)
    assert found == str(weights.path)
    assert huggingface_hub.scan_cache_dir(huggingface_hub.constants.HF_HUB_CACHE).warnings == []


@pytest.mark.slow
def test_a_download_that_broke_off_is_resumed_within_and_across_runs(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    place = f"/cdn/{DIGEST}"
    server.fail(place, Fault(cut=131_072), Fault(hang=30_000))

    def stop(done, _total):
        if done > 131_072:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        locate(SMALL, Sources(), stop)
    have = next((tmp_path / "hub").rglob("*.part")).stat().st_size
    assert 131_072 < have <= 161_072
    assert whereabouts(SMALL, Sources()).path is None, "a part is not the file"
    with pytest.raises(InputError, match="offline"):
        locate(SMALL, Sources(offline=True))
    assert locate(SMALL, Sources()).sha256 == DIGEST
    ranges = [seen.range for seen in server.requests(within=place)]
    assert ranges == [None, "bytes=131072-", f"bytes={have}-"]
    assert [name for name in files(tmp_path / "hub") if ".part" in name] == []


def test_bytes_with_another_hash_never_enter_the_cache(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT, published="ab" * 32)
    with pytest.raises(InputError, match=rf"sha256 {DIGEST}, expected {'ab' * 32}"):
        locate(SMALL, Sources())
    assert [name for name in files(tmp_path / "hub") if not name.endswith((".lock", "CACHEDIR.TAG"))] == []
    assert whereabouts(SMALL, Sources()).path is None


@pytest.mark.parametrize("header", ["X-Linked-Etag", "X-Repo-Commit"])
@pytest.mark.parametrize("value", ["../../../../escaped/.bashrc", "/escaped", DIGEST.upper(), "ab" * 31, DIGEST + "/"])
def test_a_hub_that_names_a_file_by_no_hash_writes_nothing(server, tmp_path, header, value):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    answer = {
        "Location": f"{server.cdn}/cdn/{DIGEST}",
        "X-Repo-Commit": COMMIT,
        "X-Linked-Etag": f'"{DIGEST}"',
        "X-Linked-Size": str(len(CONTENT)),
    }
    place = f"/{REPOSITORY}/resolve/main/model.safetensors"
    told = tuple((answer | {header: value}).items())
    for use in (lambda: locate(SMALL, Sources()), lambda: fetch(SMALL, tmp_path / "stick", Sources())):
        server.fail(place, *[Fault(status=302, headers=told)] * 3)
        with pytest.raises(InputError, match=re.escape(f"{server.address}{place}: the hub names") + ".* no hash"):
            use()
        server.faults.clear()
    assert [name for name in files(tmp_path) if not name.endswith(".lock")] == []
    assert server.requests() == []


def test_the_hub_is_asked_once_for_what_names_files(server):
    """A second answer, to the hub's own client, would be one that nobody has checked."""
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    locate(SMALL, Sources())
    assert len(server.requests("HEAD", "/resolve/")) == 1


def test_a_file_longer_than_the_hub_said_is_broken_off(server, tmp_path):
    """Of a small file, which is not in git-lfs, the hub tells no sha256."""
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT, published="ab" * 20)
    server.files["/cdn/" + "ab" * 20] = Served(CONTENT + bytes(9), etag='"one"')
    for use in (lambda: locate(SMALL, Sources()), lambda: fetch(SMALL, tmp_path / "stick", Sources())):
        with pytest.raises(InputError, match=f"is longer than the {len(CONTENT):,} bytes"):
            use()


def test_where_links_cannot_be_made_the_cache_holds_a_copy(server, monkeypatch):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)

    def refuse(*_arguments):
        raise OSError("a privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    weights = locate(SMALL, Sources())
    assert not weights.path.is_symlink()
    assert huggingface_hub.hf_hub_download(REPOSITORY, "model.safetensors", local_files_only=True) == str(weights.path)
    assert locate(SMALL, Sources(offline=True)) == weights


def test_a_file_that_was_damaged_in_the_cache_is_refused(server):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    path = locate(SMALL, Sources()).path
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(InputError, match=rf"expected {DIGEST}\); remove .*blobs.{DIGEST} and run the same command"):
        locate(SMALL, Sources())


def test_a_repository_without_safetensors_gives_its_checkpoint(server):
    content = checkpoint({"layer.weight": torch.ones(3)})
    server.put_on_hub(REPOSITORY, "pytorch_model.bin", content)
    assert locate(SMALL, Sources()).path.name == "pytorch_model.bin"


def test_a_repository_that_is_not_there_is_named(server):
    with pytest.raises(InputError) as refused:
        locate(SMALL, Sources())
    assert f"{server.address}/{REPOSITORY}/resolve/main/model.safetensors: the hub answers 404" in str(refused.value)


def test_a_repository_without_the_file_is_named(server):
    server.put_on_hub(REPOSITORY, "README.md", b"hello")
    with pytest.raises(InputError, match=r"model\.safetensors: the hub has no such file \(nor pytorch_model\.bin\)"):
        locate(SMALL, Sources())


@pytest.mark.slow
def test_a_busy_hub_is_asked_again(server):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    busy = Fault(status=429, headers=(("Retry-After", "0"),))
    server.fail(f"/{REPOSITORY}/resolve/main/model.safetensors", busy, busy)
    server.fail(f"/cdn/{DIGEST}", busy)
    assert locate(SMALL, Sources()).sha256 == DIGEST


def test_a_server_that_is_no_hub_is_told_from_one(server):
    server.put(f"/{REPOSITORY}/resolve/main/model.safetensors", CONTENT, etag='"one"')
    with pytest.raises(InputError, match="no hub answers there; is HF_ENDPOINT right"):
        locate(SMALL, Sources())


def test_no_network(server, monkeypatch):
    with serve() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.address)
    with pytest.raises(InputError, match=r"model\.safetensors: the hub cannot be reached"):
        locate(SMALL, Sources())


# --- torchvision's addresses


def test_a_file_of_torchvision_goes_where_torch_looks_for_it(server, monkeypatch, tmp_path):
    content = checkpoint({"layer.weight": torch.arange(60_000, dtype=torch.float32)})
    address = serve_squeezenet(server, monkeypatch, content)
    assert whereabouts(SQUEEZE).path is None
    weights = locate(SQUEEZE, Sources())
    assert weights.path.parent == tmp_path / "torch" / "hub" / "checkpoints"
    assert weights.origin == address
    assert weights.sha256 == hashlib.sha256(content).hexdigest()
    assert files(tmp_path / "torch") == [f"hub/checkpoints/{address.rpartition('/')[2]}"]
    state = torch.hub.load_state_dict_from_url(address, check_hash=True, weights_only=True)
    assert list(state) == ["layer.weight"]
    assert len(server.requests()) == 1
    assert locate(SQUEEZE, Sources(offline=True)) == weights


def test_a_wrong_hash_prefix_leaves_no_checkpoint(server, monkeypatch, tmp_path):
    serve_squeezenet(server, monkeypatch, checkpoint({}), "squeezenet1_1-01234567.pth")
    with pytest.raises(InputError, match="expected 01234567"):
        locate(SQUEEZE, Sources())
    assert [name for name in files(tmp_path / "torch") if not name.endswith(".lock")] == []


def test_a_half_written_checkpoint_of_somebody_else_is_refused(server, monkeypatch):
    content = checkpoint({"layer.weight": torch.ones(3)})
    serve_squeezenet(server, monkeypatch, content)
    place = whereabouts(SQUEEZE).place
    place.parent.mkdir(parents=True)
    place.write_bytes(content[:-9])
    with pytest.raises(InputError, match=r"is not the file that was published .*; remove it"):
        locate(SQUEEZE, Sources())


# --- offline


@pytest.mark.parametrize("backbone", [SMALL, SQUEEZE, CLIP], ids=lambda backbone: backbone.library)
def test_offline_names_file_address_and_place_and_asks_nobody(server, backbone, tmp_path):
    if backbone is CLIP:
        pytest.importorskip("open_clip", reason="the extra `clip` is not installed")
    where = whereabouts(backbone, Sources(tmp_path))
    with pytest.raises(InputError) as refused:
        locate(backbone, Sources(tmp_path, offline=True))
    words = str(refused.value)
    assert where.address in words
    assert str(where.place) in words
    assert f"afield backbones fetch {backbone.id} --to DIR" in words
    assert where.place.parent == tmp_path
    assert server.seen == []
    assert files(tmp_path) == []


def test_what_is_put_at_the_named_place_is_found(server, tmp_path):
    place = whereabouts(SMALL, Sources(tmp_path)).place
    place.write_bytes(CONTENT)
    weights = locate(SMALL, Sources(tmp_path, offline=True))
    assert (weights.path, weights.sha256, weights.origin) == (place, DIGEST, f"directory {tmp_path}")


@pytest.mark.parametrize(("name", "value", "offline"), [
    ("AFIELD_OFFLINE", "1", True), ("HF_HUB_OFFLINE", "yes", True), ("AFIELD_OFFLINE", "0", False),
    ("HF_HUB_OFFLINE", "", False),
])  # fmt: skip
def test_the_environment_switches_the_network_off(server, monkeypatch, name, value, offline):
    monkeypatch.setenv(name, value)
    assert sources() == Sources(None, offline)


def test_the_environment_names_the_folder_and_the_command_goes_before_it(server, monkeypatch, tmp_path):
    monkeypatch.setenv("AFIELD_WEIGHTS", str(tmp_path))
    assert sources() == Sources(tmp_path)
    (tmp_path / "other").mkdir()
    assert sources(tmp_path / "other", offline=True) == Sources(tmp_path / "other", offline=True)
    monkeypatch.setenv("AFIELD_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"gone: is no folder \(AFIELD_WEIGHTS\)"):
        sources()


# --- a folder, and one's own


def test_a_folder_goes_before_all_and_safetensors_before_pickles(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    (tmp_path / f"{SMALL.id}.pth").write_bytes(checkpoint({"other": torch.ones(1)}))
    assert locate(SMALL, Sources(tmp_path)).path.suffix == ".pth"
    (tmp_path / f"{SMALL.id}.safetensors").write_bytes(CONTENT)
    assert locate(SMALL, Sources(tmp_path)).path.suffix == ".safetensors"
    assert server.seen == []


def test_what_the_folder_lacks_comes_from_where_it_is_published(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    (tmp_path / "own").mkdir()
    assert locate(SMALL, Sources(tmp_path / "own")).revision == COMMIT


def test_what_an_old_torch_saved_is_admitted(tmp_path):
    (tmp_path / f"{SMALL.id}.bin").write_bytes(checkpoint({"layer.weight": torch.ones(3)}, old=True))
    assert locate(SMALL, Sources(tmp_path, offline=True)).path.suffix == ".bin"


def test_ones_own_weights_are_where_the_backbone_says(tmp_path):
    path = tmp_path / "mine.safetensors"
    own = Backbone(id="my_lab:hydra", build=torch.nn.Identity, weights=str(path))
    with pytest.raises(InputError, match=r"my_lab:hydra: its weights .*mine\.safetensors are not there"):
        locate(own, Sources(tmp_path))
    path.write_bytes(CONTENT)
    assert locate(own, Sources(tmp_path, offline=True)).sha256 == DIGEST
    assert whereabouts(own).path == path
    (tmp_path / "stick").mkdir()
    path.rename(tmp_path / "stick" / path.name)
    weights = locate(own, Sources(tmp_path / "stick"))
    assert (weights.path, weights.sha256) == (tmp_path / "stick" / path.name, DIGEST)
    with pytest.raises(InputError, match=r"has no weights; .* initialisation = \"scratch\""):
        locate(Backbone(id="my_lab:naked", build=torch.nn.Identity))


# --- files that are not to be trusted


class Malicious:
    ran = False

    def __reduce__(self):
        return setattr, (Malicious, "ran", True)


def torchscript() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"net/{name}", pickle.dumps({}, protocol=2))
    return stream.getvalue()


REFUSED = {
    "code": (checkpoint({"a": Malicious()}), "asks for builtins.setattr.*; it is not loaded"),
    "code in an old checkpoint": (checkpoint({"a": Malicious()}, old=True), "asks for setattr; it is not loaded"),
    "code in a bare pickle": (pickle.dumps({"a": Malicious()}), "holds more than tensors; it is not loaded"),
    "whole network": (checkpoint(torch.nn.Linear(1, 1)), "asks for torch.nn.modules.linear.Linear; it is not loaded"),
    "torchscript": (torchscript(), "is a TorchScript archive"),
    "cut safetensors": (CONTENT[:-1], r"is broken off or damaged \(240,0\d\d of 240,0\d\d bytes\)"),
    "longer safetensors": (CONTENT + b"x", "is broken off or damaged"),
    "broken header": (struct.pack("<Q", 16) + b"{" * 200, "is broken off or damaged"),
    "cut checkpoint": (checkpoint({"a": torch.ones(999)})[:-300], "is broken off or damaged"),
    "cut old checkpoint": (checkpoint({"a": torch.ones(999)}, old=True)[:-300], "is broken off, damaged or no"),
    "error page": (b"<!DOCTYPE html><html>404</html>", "is neither safetensors nor a checkpoint of torch.save"),
    "empty": (b"", "is neither safetensors nor a checkpoint"),
    "another archive": (None, "is an archive of something else"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_no_plain_weights_is_refused_unread(tmp_path, kind):
    content, words = REFUSED[kind]
    if content is None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("weights.npy", b"x")
        content = stream.getvalue()
    path = tmp_path / f"{SMALL.id}.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as refused:
        locate(SMALL, Sources(tmp_path))
    assert str(refused.value).startswith(str(path))
    assert not Malicious.ran
    if "not loaded" in words or kind == "torchscript":
        assert 'docs/weights.md says under "A file that is refused"' in str(refused.value)


def padded(tensors, remainder) -> bytes:
    """A safetensors file the length of whose header has that remainder mod 256: its first byte."""
    for length in range(512):
        content = save(tensors, {"pad": "x" * length})
        if content[0] == remainder:
            return content
    raise AssertionError


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin"])
def test_a_safetensors_file_whose_length_looks_like_a_pickle_is_read(tmp_path, suffix):
    path = tmp_path / f"{SMALL.id}{suffix}"
    path.write_bytes(padded({"layer.weight": torch.arange(5.0)}, 0x80))
    own = Backbone(id="my_lab:hydra", build=torch.nn.Identity, weights=str(path))
    weights = locate(own)
    assert load_state(own, weights)["layer.weight"].tolist() == [0, 1, 2, 3, 4]


def test_check_and_reader_agree_on_what_safetensors_is(tmp_path):
    """Bytes that only one of them took for safetensors could be read unchecked."""
    path = tmp_path / "mine.bin"
    path.write_bytes(b"\x80\x02" + b"." * 6 + b"{" + bytes(50))  # a header far longer than the file
    with pytest.raises(InputError, match=r"holds more than tensors|broken off, damaged or no checkpoint"):
        locate(Backbone(id="my_lab:hydra", build=torch.nn.Identity, weights=str(path)))
    own = Backbone(id="my_lab:hydra", build=torch.nn.Identity)
    with pytest.raises(InputError, match=r"not weights of my_lab:hydra \((?!SafetensorError)"):
        load_state(own, Weights(path, hashlib.sha256(path.read_bytes()).hexdigest(), "a test"))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("state_dict", {"state_dict": torch.nn.Linear(2, 2).state_dict(), "args": Malicious}),
        ("model", {"model": torch.nn.Linear(2, 2).state_dict(), "epoch": 3}),
        ("network within", {"model": torch.nn.Linear(2, 2)}),
        ("plain", torch.nn.Linear(2, 2).state_dict()),
        ("whole network", torch.nn.Linear(2, 2)),
        ("shared and strided", {"weight": (shared := torch.ones(3, 2)).T, "bias": shared}),
    ],
)
def test_what_the_documentation_says_converts_what_is_refused(tmp_path, monkeypatch, kind, content):
    page = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
    recipe = page.partition("## A file that is refused")[2].partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    torch.save(content, "old.pth")
    exec(recipe, {})
    own = Backbone(id="my_lab:hydra", build=torch.nn.Identity, weights=str(tmp_path / "new.safetensors"))
    assert load_state(own, locate(own)).keys() == {"weight", "bias"}


def test_published_files_are_held_to_the_same(server, monkeypatch):
    content = checkpoint({"a": Malicious()})
    server.put_on_hub(REPOSITORY, "pytorch_model.bin", content)
    serve_squeezenet(server, monkeypatch, content)
    for backbone in (SMALL, SQUEEZE):
        with pytest.raises(InputError, match=r"asks for builtins\.setattr.*; it is not loaded"):
            locate(backbone, Sources())
    assert not Malicious.ran


# --- fetch


def test_fetch_leaves_nothing_of_a_file_with_another_hash(server, monkeypatch, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT, published="ab" * 32)
    serve_squeezenet(server, monkeypatch, checkpoint({}), "squeezenet1_1-01234567.pth")
    for backbone, expected in ((SMALL, "ab" * 32), (SQUEEZE, "01234567")):
        with pytest.raises(InputError, match=f"expected {expected}"):
            fetch(backbone, tmp_path / "stick", Sources())
    assert [name for name in files(tmp_path / "stick") if not name.endswith(".lock")] == []


def test_fetch_keeps_nothing_of_a_file_that_is_refused_and_asks_again(server, monkeypatch, tmp_path):
    bad, good = checkpoint({"a": Malicious()}), checkpoint({"a": torch.ones(1)})
    server.put_on_hub(REPOSITORY, "pytorch_model.bin", bad)
    address = serve_squeezenet(server, monkeypatch, bad)
    hubs = f"{server.address}/{REPOSITORY}/resolve/{COMMIT}/pytorch_model.bin"
    for backbone, place in ((SMALL, hubs), (SQUEEZE, address)):
        with pytest.raises(InputError, match=rf"^{re.escape(place)}: .*asks for builtins\.setattr.*nothing of it was"):
            fetch(backbone, tmp_path / "stick", Sources())
    assert [name for name in files(tmp_path / "stick") if not name.endswith(".lock")] == []
    server.put_on_hub(REPOSITORY, "pytorch_model.bin", good)
    assert fetch(SMALL, tmp_path / "stick", Sources()).sha256 == hashlib.sha256(good).hexdigest()
    assert not Malicious.ran


@pytest.mark.parametrize("local", [False, True])
def test_a_file_has_its_notes_whenever_it_has_its_name(server, monkeypatch, tmp_path, local):
    """Whatever rename a kill comes after: a file of that name is checked against its notes, or is not there."""
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    if local:
        locate(SMALL, Sources())
    target = tmp_path / "stick" / f"{SMALL.id}.safetensors"
    states = []
    rename = Path.replace

    def watched(path, to):
        renamed = rename(path, to)
        states.append((target.exists(), target.with_name(f"{target.name}.json").exists()))
        return renamed

    monkeypatch.setattr(Path, "replace", watched)
    fetch(SMALL, target.parent, Sources())
    assert (False, True) in states
    assert (True, False) not in states
    assert states[-1] == (True, True)


def test_fetch_goes_on_after_a_kill_before_the_last_rename(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    (tmp_path / f"{SMALL.id}.safetensors.unchecked").write_bytes(CONTENT)
    with pytest.raises(InputError, match="offline nothing is downloaded"):
        locate(SMALL, Sources(tmp_path, offline=True))
    assert fetch(SMALL, tmp_path, Sources()).sha256 == DIGEST
    assert server.requests() == []
    assert files(tmp_path) == [f"{SMALL.id}.safetensors", f"{SMALL.id}.safetensors.json"]


def test_fetch_brings_a_file_of_the_hub_that_a_machine_without_network_uses(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    folder = tmp_path / "stick"
    ordered = order(SMALL, folder, Sources())
    assert (ordered.size, ordered.local) == (len(CONTENT), False)
    told = []
    weights = fetch(SMALL, folder, Sources(), lambda done, total: told.append((done, total)))
    assert weights.path == folder / f"{SMALL.id}.safetensors"
    assert (weights.sha256, weights.revision) == (DIGEST, COMMIT)
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert files(folder) == [f"{SMALL.id}.safetensors", f"{SMALL.id}.safetensors.json"]
    asked = len(server.seen)
    assert locate(SMALL, Sources(folder, offline=True)) == weights
    assert fetch(SMALL, folder, Sources(offline=True)) == weights
    assert len(server.seen) == asked


@pytest.mark.slow
def test_fetch_resumes_what_was_cut_off(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    server.fail(f"/cdn/{DIGEST}", Fault(cut=131_072), Fault(hang=30_000))

    def stop(done, _total):
        if done > 131_072:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        fetch(SMALL, tmp_path, Sources(), stop)
    with pytest.raises(InputError, match="offline nothing is downloaded"):
        locate(SMALL, Sources(tmp_path, offline=True))
    have = (tmp_path / f"{SMALL.id}.safetensors.unchecked.part").stat().st_size
    assert 131_072 < have <= 161_072
    fetch(SMALL, tmp_path, Sources())
    assert server.requests(within="/cdn/")[-1].range == f"bytes={have}-"
    assert files(tmp_path) == [f"{SMALL.id}.safetensors", f"{SMALL.id}.safetensors.json"]


def test_fetch_copies_what_is_here(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    locate(SMALL, Sources())
    asked = len(server.seen)
    weights = fetch(SMALL, tmp_path / "stick", Sources(offline=True))
    assert (weights.sha256, weights.revision) == (DIGEST, COMMIT)
    assert len(server.seen) == asked


def test_fetch_takes_torchvisions_checkpoint_by_its_suffix(server, monkeypatch, tmp_path):
    content = checkpoint({"layer.weight": torch.ones(9)})
    address = serve_squeezenet(server, monkeypatch, content)
    assert order(SQUEEZE, tmp_path / "stick", Sources()).size == len(content)
    weights = fetch(SQUEEZE, tmp_path / "stick", Sources())
    assert weights.path == tmp_path / "stick" / f"{SQUEEZE.id}.pth"
    assert weights.origin == f"{address}, from directory {tmp_path / 'stick'}"


def test_a_file_that_was_damaged_on_its_way_is_noticed(server, tmp_path):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    path = fetch(SMALL, tmp_path, Sources()).path
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(InputError, match=rf"expected {DIGEST}\); remove it and fetch it again"):
        locate(SMALL, Sources(tmp_path, offline=True))


@pytest.mark.slow
def test_a_network_goes_from_the_hub_through_a_folder_into_timms_names(server, tmp_path):
    network = timm.create_model(SMALL.architecture)
    server.put_on_hub(REPOSITORY, "model.safetensors", save(network.state_dict()))
    fetch(SMALL, tmp_path, Sources())
    state = load_state(SMALL, locate(SMALL, Sources(tmp_path, offline=True)))
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k"])
def test_what_a_package_holds_is_the_same_network_from_a_folder(server, tmp_path, name):
    backbone = find(name)
    packaged = load_state(backbone, locate(backbone))
    weights = fetch(backbone, tmp_path, Sources(offline=True))
    assert weights.path.suffix in (".safetensors", ".pth")
    state = load_state(backbone, locate(backbone, Sources(tmp_path)))
    assert state.keys() == packaged.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in packaged.items())


def test_one_does_not_fetch_what_is_ones_own(tmp_path):
    with pytest.raises(InputError, match="my_lab:hydra: is your own; copy"):
        order(Backbone(id="my_lab:hydra", build=torch.nn.Identity), tmp_path, Sources())


@pytest.mark.slow
def test_the_command_says_sizes_before_and_hashes_after(server, tmp_path, monkeypatch, capsys):
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    names = [SMALL.id, "tf_efficientnet_lite0.in1k"]
    monkeypatch.setattr(sys, "argv", ["afield", "backbones", "fetch", *names, "--to", str(tmp_path / "stick")])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code in (0, None), said.err
    assert re.search(rf"{re.escape(SMALL.id)} +0\.2 MB +download +Hugging Face {REPOSITORY}", said.err)
    assert "0.2 MB to download." in said.err
    assert said.out.splitlines()[0] == f"{DIGEST}  {tmp_path / 'stick' / SMALL.id}.safetensors"
    monkeypatch.setattr(sys, "argv", ["afield", "backbones", "fetch", "nobody.knows", "none.too", "--to", "x"])
    with pytest.raises(SystemExit) as ended:
        main()
    words = capsys.readouterr().err
    assert ended.value.code == 2
    assert "nobody.knows: unknown backbone" in words
    assert "none.too: unknown backbone" in words


def test_a_set_stands_for_its_members_and_all_that_is_missing_is_said_at_once(server, tmp_path):
    with pytest.raises(InputError) as refused:
        orders(["small", SMALL.id], tmp_path, Sources(offline=True))
    words = str(refused.value)
    missing = [name for name in (*named_set("small"), SMALL.id) if name != "tf_efficientnet_lite0.in1k"]
    assert [line.split(":")[0] for line in words.splitlines()] == missing
    assert server.seen == []


def test_fetch_offline_says_what_is_missing(server, tmp_path):
    with pytest.raises(InputError, match="offline nothing is downloaded"):
        fetch(SMALL, tmp_path, Sources(offline=True))
    assert server.seen == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_the_command_goes_on_where_control_c_stopped_it(server, tmp_path, afield, monkeypatch):
    """The command as a user has it: a process of its own, the environment's variables, a stop in the middle; then the
    same command again.
    """
    server.put_on_hub(REPOSITORY, "model.safetensors", CONTENT)
    server.fail(f"/cdn/{DIGEST}", Fault(hang=100_000))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))  # HF_ENDPOINT and TORCH_HOME are set already
    command = ["backbones", "fetch", SMALL.id, "--to", str(tmp_path / "stick")]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it
    first = subprocess.Popen([sys.executable, "-m", "afield", *command], stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    part = tmp_path / "stick" / f"{SMALL.id}.safetensors.unchecked.part"
    deadline = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size):  # a block of the file may still wait in its buffer
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    _, words = first.communicate(timeout=60)
    assert first.returncode == 130, words
    assert "Traceback" not in words
    have = part.stat().st_size
    assert 0 < have <= 100_000
    assert afield(*command).split() == [DIGEST, str(tmp_path / "stick" / f"{SMALL.id}.safetensors")]
    assert server.requests(within="/cdn/")[-1].range == f"bytes={have}-"
    assert files(tmp_path / "stick") == [f"{SMALL.id}.safetensors", f"{SMALL.id}.safetensors.json"]
