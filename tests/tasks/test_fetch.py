"""Data that are downloaded, from a server on the loopback interface."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import TASKS
from afield.tasks.data import split_samples
from afield.tasks.fetch import Watch, describe_order, fetch, order
from afield.tasks.getting.downloads import DOWNLOADS, ON_KAGGLE, Download
from afield.tasks.sets.eurosat import ALL_BANDS
from tests.fixtures import web
from tests.fixtures.archives import below, packed, tarred, tree, zipped
from tests.fixtures.eurosat import bands_tiles
from tests.fixtures.hub import Fault, Server, serve
from tests.fixtures.traps import cct20
from tests.tasks.sets.test_eurosat import tiles


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def told() -> list[tuple[str, int, int | None]]:
    return []


@pytest.fixture
def watch(told: list[tuple[str, int, int | None]]) -> Watch:
    return lambda what: lambda done, total: told.append((what, done, total))


Served = Callable[..., list[Download]]


@pytest.fixture
def served(server: Server, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Serve these files, by the names of the published ones, in place of a task's."""

    def serve_files(task: str, files: dict[str, bytes], **how: object) -> list[Download]:
        local = []
        for item in DOWNLOADS[task]:
            address = server.put(f"/{item.file}", files[item.file], etag='"one"', **how)
            md5 = hashlib.md5(files[item.file]).hexdigest()
            local.append(replace(item, address=address, md5=md5, sha256="", size=None))
        monkeypatch.setitem(DOWNLOADS, task, tuple(local))
        return local

    return serve_files


def eurosat_zip(folder: Path) -> bytes:
    tiles(folder / "2750", count=5)
    return zipped(tree(folder))


# --- what a user sees


def test_a_task_is_downloaded_checked_unpacked_found_and_not_fetched_twice(
    tmp_path: Path, server: Server, served: Served, watch: Watch, told: list[tuple[str, int, int | None]]
) -> None:
    content = eurosat_zip(tmp_path / "published")
    served("eurosat", {"EuroSAT.zip": content})
    data = tmp_path / "data"
    wanted = order("eurosat", data)
    said = describe_order(wanted)
    assert f"{len(content) / 1e6:.1f} MB to fetch" in said
    assert "Licence: MIT" in said
    assert not data.exists()
    assert [seen.method for seen in server.seen] == ["HEAD"], "the size is told before anything is fetched"
    root = fetch(wanted, watch)
    assert root == data / "eurosat" / "2750"
    assert tree(data) == {f"eurosat/{name}": bytes for name, bytes in tree(tmp_path / "published").items()}
    assert len(split_samples(TASKS["eurosat"], "paper", data)) == 50
    assert ("EuroSAT.zip", len(content), len(content)) in told
    assert told[-1][0] == "unpacking EuroSAT.zip"
    asked = len(server.seen)
    again = order("eurosat", data)
    assert describe_order(again) == f"eurosat: is here already, in {root}; nothing to fetch"
    assert fetch(again, watch) == root
    assert len(server.seen) == asked


def test_data_that_lie_elsewhere_are_not_fetched(tmp_path: Path, server: Server, served: Served, watch: Watch) -> None:
    served("eurosat", {"EuroSAT.zip": b""})
    tiles(tmp_path / "EuroSAT_RGB", count=1)
    found = order("eurosat", tmp_path)
    assert fetch(found, watch) == found.root == tmp_path / "EuroSAT_RGB"
    assert server.seen == []


def test_a_download_that_was_cut_is_resumed_by_the_next_call(
    tmp_path: Path, server: Server, served: Served, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = eurosat_zip(tmp_path / "published")
    served("eurosat", {"EuroSAT.zip": content})
    half = len(content) // 2

    def interrupt(what: str) -> Callable[[int, int | None], None]:
        def stop(done: int, total: int | None) -> None:
            if done >= half:
                raise KeyboardInterrupt

        return stop

    server.fail("/EuroSAT.zip", Fault(), Fault(hang=half))  # the first is asked for its length
    with pytest.raises(KeyboardInterrupt):
        fetch(order("eurosat", tmp_path), interrupt)
    assert not (tmp_path / "eurosat" / "2750").exists()
    fetch(order("eurosat", tmp_path), watch)
    assert server.requests()[-1].range == f"bytes={half}-"
    assert server.requests()[-1].sent == len(content) - half
    assert {path.name for path in (tmp_path / "eurosat").iterdir()} == {"2750"}


def test_a_stop_while_it_is_unpacked_leaves_nothing_half_made_and_downloads_nothing_anew(
    tmp_path: Path, server: Server, served: Served, watch: Watch
) -> None:
    served("eurosat", {"EuroSAT.zip": eurosat_zip(tmp_path / "published")})

    def interrupt(what: str) -> Callable[[int, int | None], None]:
        def stop(done: int, total: int | None) -> None:
            if what.startswith("unpacking"):
                raise KeyboardInterrupt

        return stop

    data = tmp_path / "data"
    with pytest.raises(KeyboardInterrupt):
        fetch(order("eurosat", data), interrupt)
    assert [path.name for path in (data / "eurosat").iterdir() if path.suffix != ".lock"] == ["EuroSAT.zip"]
    asked = len(server.requests())
    # `find` itself unpacks what lies there, as it does with an archive that a user has put there
    assert order("eurosat", data).root is not None
    assert len(server.requests()) == asked


def test_other_bytes_than_the_published_ones_are_thrown_away(tmp_path: Path, served: Served, watch: Watch) -> None:
    (item,) = served("eurosat", {"EuroSAT.zip": eurosat_zip(tmp_path / "published")})
    DOWNLOADS["eurosat"] = (replace(item, md5="0" * 32),)  # the fixture puts the true ones back
    data = tmp_path / "data"
    with pytest.raises(InputError, match=r"not the bytes that were published \(md5 .*they were thrown away"):
        fetch(order("eurosat", data), watch)
    assert [path.name for path in data.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped({"2750/River/River_1.jpg": b"", "../evil.txt": b"evil"}), "leaves the folder"),
        (zipped({"2750/River/River_1.jpg": b""}, {"2750/link": "/etc/passwd"}), "is a link"),
        (zipped({"else/River_1.jpg": b"", "read.me": b""}), "holds no 2750, but else, read.me; this is not"),
        (zipped({}), "holds no 2750, but nothing"),
        (b"PK, but no zip file", "cannot be unpacked"),
    ],
    ids=["outside", "a link", "something else", "nothing", "no zip"],  # the bytes hold the time they were made at
)
def test_an_archive_that_is_not_what_it_should_be_leaves_nothing(
    tmp_path: Path, served: Served, watch: Watch, content: bytes, words: str
) -> None:
    served("eurosat", {"EuroSAT.zip": content})
    with pytest.raises(InputError, match=words):
        fetch(order("eurosat", tmp_path / "data"), watch)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.slow
def test_of_several_files_only_those_that_are_missing_are_fetched(
    tmp_path: Path, server: Server, served: Served, watch: Watch
) -> None:
    published = tree(web.make_flowers102(tmp_path / "published").parent)
    files = flowers(published)
    served("flowers102", files)
    root = tmp_path / "data" / "flowers-102"
    root.mkdir(parents=True)
    (root / "setid.mat").write_bytes(files["setid.mat"])
    wanted = order("flowers102", tmp_path / "data")
    assert [item.file for item, _ in wanted.missing] == ["102flowers.tgz", "imagelabels.mat"]
    assert fetch(wanted, watch) == root
    assert server.requests(within="setid.mat") == []
    assert tree(tmp_path / "data") == published


def test_a_size_that_nobody_knows_is_said_to_be_unknown(tmp_path: Path, served: Served) -> None:
    served("eurosat", {"EuroSAT.zip": b"short"}, length=False)
    assert "eurosat: size unknown to fetch" in describe_order(order("eurosat", tmp_path))
    served("flowers102", {item.file: b"short" for item in DOWNLOADS["flowers102"]}, length=False)
    DOWNLOADS["flowers102"] = (replace(DOWNLOADS["flowers102"][0], size=10**6), *DOWNLOADS["flowers102"][1:])
    assert "1.0 MB and what is of unknown size to fetch" in describe_order(order("flowers102", tmp_path))


@pytest.mark.slow
def test_what_no_machine_may_fetch_is_told_as_its_card_tells_it(tmp_path: Path, watch: Watch) -> None:
    for task in ("stanford_cars", "birdsnap", "ham10000"):
        with pytest.raises(InputError, match=f"{task}: not found") as refused:
            order(task, tmp_path)
        assert TASKS[task].card.get in str(refused.value)
    web.make_birdsnap(tmp_path)
    assert "is here already" in describe_order(order("birdsnap", tmp_path))


def test_a_folder_of_one_s_own_and_what_comes_with_a_package_are_here(tmp_path: Path, photos: Path) -> None:
    assert describe_order(order(str(photos), tmp_path)).startswith("photos: is here already")
    assert describe_order(order("elpv", tmp_path)).startswith("elpv: is here already")


def test_of_two_at_once_one_works(tmp_path: Path, served: Served, watch: Watch, server: Server) -> None:
    """The second finds what the first brought, after it was told that it is missing."""
    served("eurosat", {"EuroSAT.zip": eurosat_zip(tmp_path / "published")})
    early = order("eurosat", tmp_path / "data")
    assert fetch(order("eurosat", tmp_path / "data"), watch) == fetch(early, watch)
    assert len(server.requests()) == 1


# --- every task, in the layout of its published archives


def flowers(published: dict[str, bytes]) -> dict[str, bytes]:
    inside = below("flowers-102/", published)
    return {"102flowers.tgz": tarred(packed(inside, "jpg/")), **packed(inside, "imagelabels.mat", "setid.mat")}


def pets(published: dict[str, bytes]) -> dict[str, bytes]:
    inside = below("oxford-iiit-pet/", published)
    return {f"{part}.tar.gz": tarred(packed(inside, f"{part}/")) for part in ("images", "annotations")}


def voc(published: dict[str, bytes]) -> dict[str, bytes]:
    """The archive of the test images holds lists and images of its own, in the same folders."""
    root = "VOCdevkit/VOC2007/"
    listed = published[f"{root}ImageSets/Main/test.txt"].decode().split()
    test = {f"{root}JPEGImages/{name}.jpg" for name in listed}
    test |= {name for name in published if name.endswith("test.txt")}
    return {
        "VOCtrainval_06-Nov-2007.tar": tarred({n: c for n, c in published.items() if n not in test}, ""),
        "VOCtest_06-Nov-2007.tar": tarred({n: c for n, c in published.items() if n in test}, ""),
    }


def caltech(published: dict[str, bytes]) -> dict[str, bytes]:
    inside = below("caltech101/", published)
    return {
        "caltech-101.zip": zipped(
            {
                "caltech-101/101_ObjectCategories.tar.gz": tarred(inside),
                "caltech-101/Annotations.tar": tarred({"Annotations/a.mat": b""}, ""),
                "__MACOSX/caltech-101/._Annotations.tar": b"",
            }
        )
    }


def traps(published: dict[str, bytes]) -> dict[str, bytes]:
    inside = below("CCT-20/", published)
    return {
        "eccv_18_annotations.tar.gz": tarred(packed(inside, "eccv_18_annotation_files/")),
        "eccv_18_all_images_sm.tar.gz": tarred(packed(inside, "eccv_18_all_images_sm/")),
    }


def sun(published: dict[str, bytes]) -> dict[str, bytes]:
    inside = below("sun397/", published)
    lists = zipped(below("Partitions/", inside))
    return {"SUN397.tar.gz": tarred(packed(inside, "SUN397/")), "Partitions.zip": lists}


BANDS = ("eurosat_ms", "eurosat_bands", "eurosat_by_location")
MAKERS: dict[str, Callable[[Path], object]] = {
    "eurosat": lambda data: tiles(data / "eurosat" / "2750"),
    **dict.fromkeys(BANDS, lambda data: bands_tiles(data / "eurosat" / ALL_BANDS.folders[0], count=2, side=4)),
    **dict.fromkeys(("cct20", "cct20_images"), lambda data: cct20(data / "CCT-20")),
    **web.MAKERS,
}
PACKERS: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "eurosat": lambda files: {"EuroSAT.zip": zipped(below("eurosat/", files))},
    **dict.fromkeys(BANDS, lambda files: {"EuroSATallBands.zip": zipped(below("eurosat/", files))}),
    "cct20": traps,
    "cct20_images": traps,
    "food101": lambda files: {"food-101.tar.gz": tarred(files)},
    "cifar10": lambda files: {"cifar-10-binary.tar.gz": tarred(files)},
    "cifar100": lambda files: {"cifar-100-binary.tar.gz": tarred(files)},
    "sun397": sun,
    "fgvc_aircraft": lambda files: {"fgvc-aircraft-2013b.tar.gz": tarred(files)},
    "voc2007": voc,
    "dtd": lambda files: {"dtd-r1.0.1.tar.gz": tarred(files)},
    "oxford_iiit_pets": pets,
    "caltech101": caltech,
    "flowers102": flowers,
}


@pytest.mark.slow
@pytest.mark.parametrize("task", DOWNLOADS)
def test_what_is_unpacked_is_the_layout_that_the_task_finds(
    tmp_path: Path, served: Served, watch: Watch, task: str
) -> None:
    MAKERS[task](tmp_path / "published")
    published = tree(tmp_path / "published")
    served(task, PACKERS[task](published))
    data = tmp_path / "data"
    root = fetch(order(task, data), watch)
    assert root.is_relative_to(data)
    if "cifar" not in task:  # whose pictures lie in one file until `find` makes many of it
        assert tree(data) == published
    one, other = (split_samples(TASKS[task], "clean", folder) for folder in (data, tmp_path / "published"))
    assert one.equals(other)
    assert order(task, data).root == root


def test_every_download_is_of_a_task_and_can_be_checked() -> None:
    assert set(DOWNLOADS) | set(ON_KAGGLE) <= set(TASKS)
    for task, items in DOWNLOADS.items():
        for item in items:
            assert item.address.startswith("http"), task
            if task != "fgvc_aircraft":  # published without a hash
                assert len(item.md5) == 32 or len(item.sha256) == 64, task
                assert item.size or task == "caltech101", task


INSTALLED = tuple(int(part) for part in version("torchvision").split(".")[:2])
MOVED = pytest.mark.skipif(INSTALLED < (0, 29), reason="older ones name the host that VOC has left")


@pytest.mark.parametrize(
    ("task", "module"),
    [
        ("eurosat", "eurosat"), ("food101", "food101"), ("sun397", "sun397"), ("fgvc_aircraft", "fgvc_aircraft"),
        pytest.param("voc2007", "voc", marks=MOVED), ("dtd", "dtd"), ("oxford_iiit_pets", "oxford_iiit_pet"),
        ("caltech101", "caltech"), ("flowers102", "flowers102"),
    ],
)  # fmt: skip
def test_addresses_and_hashes_are_those_of_the_installed_torchvision(task: str, module: str) -> None:
    found = find_spec("torchvision")
    assert found is not None
    source = (Path(str(found.origin)).parent / "datasets" / f"{module}.py").read_text(encoding="utf-8")
    for item in DOWNLOADS[task][: 1 if task == "sun397" else None]:  # its lists torchvision does without
        folder = item.address.partition("://")[2].removesuffix(item.file)
        assert folder in source
        assert item.file in source
        assert item.md5 in source
