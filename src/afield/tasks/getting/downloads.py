"""What of the tasks' data a machine may fetch: addresses, hashes, and where each file belongs below the data folder.

Addresses and hashes are those that torchvision's data sets use; for EuroSAT's 13 bands torchgeo's, for CIFAR's binary
files their publisher's own, for CCT-20 LILA's (PAPER.md 2.1), for SUN397's lists tensorflow-datasets'. Sizes are told
before a download, never checked: those of CCT-20 are published, the others are what users of these libraries saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

_TORCHGEO = "https://huggingface.co/datasets/torchgeo/eurosat/resolve"
_LILA = "https://storage.googleapis.com/public-datasets-lila/caltechcameratraps"
_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data"
_VOC = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007"
_SUN = "https://vision.princeton.edu/projects/2010/SUN"


@dataclass(frozen=True)
class Download:
    """A file that anybody may download; an archive is unpacked."""

    address: str
    folder: str
    """below the data folder: where it is unpacked, or put"""
    brings: str
    """path below `folder` that is there when all of it is: of several entries that the archive brings, one suffices"""
    md5: str = ""
    sha256: str = ""
    size: int | None = None
    """bytes; None where nobody says, and the server is asked"""
    inner: str = ""
    """path of the archive inside the archive that is meant"""

    @property
    def file(self) -> str:
        """What it is called here."""
        return PurePosixPath(urlsplit(self.address).path).name


@dataclass(frozen=True)
class FromKaggle:
    """An archive that Kaggle gives to its users."""

    kind: Literal["competitions", "datasets"]
    name: str
    """as Kaggle's client knows it: a competition, or OWNER/DATASET"""
    folder: str
    brings: str

    @property
    def file(self) -> str:
        """What Kaggle's client calls it."""
        return f"{self.name.rpartition('/')[2]}.zip"

    @property
    def page(self) -> str:
        """Where a person finds it; of a competition, the rules."""
        place = f"https://www.kaggle.com/{self.kind}/{self.name}"
        return f"{place}/rules" if self.kind == "competitions" else place


_EUROSAT_BANDS = (
    Download(
        f"{_TORCHGEO}/1ce6f1bfb56db63fd91b6ecc466ea67f2509774c/EuroSATallBands.zip",
        folder="eurosat",
        brings="ds/images/remote_sensing/otherDatasets/sentinel_2/tif",
        md5="5ac12b3b2557aa56e1826e981e8e200e",
        size=2_067_725_275,
    ),
)
_CCT20 = (
    Download(
        f"{_LILA}/eccv_18_annotations.tar.gz",
        folder="CCT-20",
        brings="eccv_18_annotation_files",
        md5="66a1f481b44aa1edadf75c9cfbd27aba",
        size=2_997_071,
    ),
    Download(
        f"{_LILA}/eccv_18_all_images_sm.tar.gz",
        folder="CCT-20",
        brings="eccv_18_all_images_sm",
        md5="8143c17aa2a12872b66f284ff211531f",
        size=6_492_615_601,
    ),
)
DOWNLOADS: dict[str, tuple[Download, ...]] = {
    "eurosat": (
        Download(
            f"{_TORCHGEO}/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
            folder="eurosat",
            brings="2750",
            md5="c8fa014336c82ac7804f0398fcb19387",
            size=94_280_567,
        ),
    ),
    "eurosat_ms": _EUROSAT_BANDS,
    "eurosat_bands": _EUROSAT_BANDS,
    "eurosat_by_location": _EUROSAT_BANDS,
    "cct20": _CCT20,
    "cct20_images": _CCT20,
    "food101": (
        Download(
            "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",
            folder="",
            brings="food-101",
            md5="85eeb15f3717b99a5da872d97d918f87",
            size=4_996_278_331,
        ),
    ),
    "cifar10": (
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            folder="",
            brings="cifar-10-batches-bin",
            md5="c32a1d4ab5d03f1284b67883e8d87530",
            size=170_052_171,
        ),
    ),
    "cifar100": (
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            folder="",
            brings="cifar-100-binary",
            md5="03b5dce01913d631647c71ecec9e9cb8",
            size=168_513_733,
        ),
    ),
    "sun397": (
        Download(
            f"{_SUN}/SUN397.tar.gz",
            folder="sun397",
            brings="SUN397",
            md5="8ca2778205c41d23104230ba66911c7a",
            size=39_077_296_924,
        ),
        Download(
            f"{_SUN}/download/Partitions.zip",
            folder="sun397/Partitions",
            brings="Training_01.txt",
            sha256="e3311ea5f812d4cc6faef194688343d1111f6cd6f70f2c62f393c2b8d6ba1ec9",
            size=18_293_705,
        ),
    ),
    "fgvc_aircraft": (
        Download(  # published without a hash; torchvision has none either
            f"{_OXFORD}/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz",
            folder="",
            brings="fgvc-aircraft-2013b",
        ),
    ),
    "voc2007": (
        Download(
            f"{_VOC}/VOCtrainval_06-Nov-2007.tar",
            folder="",
            brings="VOCdevkit/VOC2007/ImageSets/Main/trainval.txt",
            md5="c52e279531787c972589f7e41ab4ae64",
            size=460_032_000,
        ),
        Download(
            f"{_VOC}/VOCtest_06-Nov-2007.tar",
            folder="",
            brings="VOCdevkit/VOC2007/ImageSets/Main/test.txt",
            md5="b6e924de25625d8de591ea690078ad9f",
            size=451_020_800,
        ),
    ),
    "dtd": (
        Download(
            f"{_OXFORD}/dtd/download/dtd-r1.0.1.tar.gz",
            folder="",
            brings="dtd",
            md5="fff73e5086ae6bdbea199a49dfb8a4c1",
            size=625_239_812,
        ),
    ),
    "oxford_iiit_pets": (
        Download(
            f"{_OXFORD}/pets/data/images.tar.gz",
            folder="oxford-iiit-pet",
            brings="images",
            md5="5c4f3ee8e5d25df40f4fd59a7f44e54c",
            size=791_918_971,
        ),
        Download(
            f"{_OXFORD}/pets/data/annotations.tar.gz",
            folder="oxford-iiit-pet",
            brings="annotations",
            md5="95a8c909bbe2e81eed6a22bccdf3f68f",
            size=19_173_078,
        ),
    ),
    "caltech101": (
        Download(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
            folder="caltech101",
            brings="101_ObjectCategories",
            md5="3138e1922a9193bfa496528edbbc45d0",
            inner="caltech-101/101_ObjectCategories.tar.gz",
        ),
    ),
    "flowers102": (
        Download(
            f"{_OXFORD}/flowers/102/102flowers.tgz",
            folder="flowers-102",
            brings="jpg",
            md5="52808999861908f626f3c1f4e79d11fa",
            size=344_862_509,
        ),
        Download(
            f"{_OXFORD}/flowers/102/imagelabels.mat",
            folder="flowers-102",
            brings="imagelabels.mat",
            md5="e0620be6f572b9609742df49c70aed4d",
            size=502,
        ),
        Download(
            f"{_OXFORD}/flowers/102/setid.mat",
            folder="flowers-102",
            brings="setid.mat",
            md5="a5357ecc9cb78c4bef273ce3793fc85c",
            size=14_989,
        ),
    ),
}
"""by task, in the order in which they come: the files that need no account"""

_HPA2018 = (
    FromKaggle("competitions", "human-protein-atlas-image-classification", folder="hpa2018", brings="train.csv"),
)
ON_KAGGLE: dict[str, tuple[FromKaggle, ...]] = {
    "aptos2019": (FromKaggle("competitions", "aptos2019-blindness-detection", folder="aptos2019", brings="train.csv"),),
    "cassava": (
        FromKaggle("competitions", "cassava-leaf-disease-classification", folder="cassava", brings="train.csv"),
    ),
    "hpa2018": _HPA2018,
    "hpa2018_rgby": _HPA2018,
    "melanoma2020": (
        FromKaggle("datasets", "cdeotte/jpeg-melanoma-512x512", folder="melanoma/melanoma-2020", brings="train.csv"),
        FromKaggle("datasets", "cdeotte/jpeg-isic2019-512x512", folder="melanoma/melanoma-2019", brings="train.csv"),
    ),
}
"""by task: what a user's own Kaggle account gives"""
