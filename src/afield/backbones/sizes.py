"""Image sizes: which an architecture allows, and a network made for one size turned to another.

`check_size` needs no torch, so that a plan can refuse a size before anything is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError

if TYPE_CHECKING:
    from torch import nn

SMALLEST = 32
"""no smaller images are offered, pixels"""
_STEPS = (1, 2, 4, 7, 8, 14, 16, 28, 32, 48, 56, 64, 96, 112, 128)


def check_size(backbone: Backbone, size: int, key: str = "recipe.image_size") -> None:
    """Refuse a size (side of square images, pixels) that the architecture does not allow; `key` is what set it.

    Raises InputError that names the backbone and the nearest allowed sizes.
    """
    smallest, step, named = backbone.smallest_size, backbone.size_step, key.rpartition(".")[2]
    if step == 0:
        if size != smallest:
            raise InputError(
                f"{backbone.id}: {named} = {size}: its architecture takes images of {smallest} pixels alone; "
                f"set {key} to {smallest}"
            )
        return
    if size >= smallest and size % step == 0:
        return
    lowest = -(-smallest // step) * step
    below, above = max(size // step * step, lowest), max(-(-size // step) * step, lowest)
    nearest = str(above) if below == above else f"{below} or {above}"
    rule = f"at least {lowest} pixels" + (f" and a multiple of {step}" if step > 1 else "")
    raise InputError(f"{backbone.id}: {named} = {size}: its architecture takes sizes of {rule}; set {key} to {nearest}")


def set_size(network: nn.Module, backbone: Backbone, size: int) -> None:
    """Turn a network, made and loaded at the size of its weights, to images of another side (pixels).

    timm's transformers do it themselves (`set_input_size`): position embeddings are resampled bicubically with
    antialiasing, Swin's windows keep their share of the image, their position biases are resampled. The learned
    position embeddings of torchvision's ViT and of open_clip's towers (attention pooling too) go through the same
    function of timm. CNNs stay as they are.

    Raises InputError for a size that the architecture does not allow.
    """
    check_size(backbone, size)
    _resize(network, backbone, size)


def _resize(network: nn.Module, backbone: Backbone, size: int) -> None:
    import warnings

    from torchvision.models import VisionTransformer

    from afield.backbones.architectures import Tower

    if backbone.library == "timm" and _is_resizable(network):
        if tuple(network.patch_embed.img_size) != (size, size):  # type: ignore[union-attr,arg-type]
            with warnings.catch_warnings():  # timm's resampling of Swin's tables uses indexing that torch deprecates
                warnings.simplefilter("ignore", UserWarning)
                network.set_input_size(img_size=(size, size))  # type: ignore[operator]
    elif isinstance(network, VisionTransformer):
        if network.image_size != size:
            _resample(network.encoder, "pos_embedding", size // network.patch_size)
            network.image_size = size
            network.seq_length = network.encoder.pos_embedding.shape[1]
    elif isinstance(network, Tower):
        _resize_tower(network.visual, size)


def _is_resizable(network: nn.Module) -> bool:
    patches = getattr(network, "patch_embed", None)
    return hasattr(network, "set_input_size") and getattr(patches, "img_size", None) is not None


def _resize_tower(visual: nn.Module, size: int) -> None:
    if hasattr(visual, "attnpool"):  # CLIP's ResNet: a map of size / 32
        if hasattr(visual.attnpool, "positional_embedding"):
            _resample(visual.attnpool, "positional_embedding", size // 32)
        visual.image_size = size  # type: ignore[assignment]
    elif hasattr(visual, "positional_embedding"):
        side = size // int(visual.patch_size[0])  # type: ignore[index]
        _resample(visual, "positional_embedding", side)
        visual.image_size, visual.grid_size = (size, size), (side, side)  # type: ignore[assignment]


def _resample(module: object, name: str, side: int) -> None:
    """Resample position embeddings ([1 + tokens, width], or with a first axis of 1) to side x side tokens."""
    import torch
    from timm.layers.pos_embed import resample_abs_pos_embed

    old = getattr(module, name)
    with torch.no_grad():
        batched = old if old.ndim == 3 else old[None]
        new = resample_abs_pos_embed(batched, [side, side], num_prefix_tokens=1).reshape(-1, old.shape[-1])
    setattr(module, name, torch.nn.Parameter(new if old.ndim == 2 else new[None], requires_grad=old.requires_grad))


def probe_sizes(backbone: Backbone) -> tuple[int, int]:
    """Find which sizes a library's architecture takes: `smallest_size` and `size_step` of its row.

    A step of 1 means any size from the smallest, of 0 that size alone. The network is made on torch's meta device and
    run at a few sizes without computing anything: first the step (sizes around the weights' own), then the smallest
    multiple of it that works, at least 32, by bisection. Seconds an architecture, a minute for the deepest.

    A size that a library takes by cutting off what does not fill a patch, or by padding windows, does not count as
    allowed: patches and Swin's windows must divide the image.
    """
    import torch

    from afield.backbones.architectures import make

    widths_are_tensors = backbone.library == "torchvision" and backbone.architecture.startswith("regnet")
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if widths_are_tensors else "meta"):
        network = make(backbone).eval().to("meta")
    native = _native_size(network, backbone)

    def works(size: int) -> bool:
        return _divides(network, backbone, size) and _runs(network, backbone, size)

    if not works(native):
        raise InputError(f"{backbone.id}: does not take images of its own size, {native} pixels")
    step = next((step for step in _STEPS if _is_step(step, native, works)), 0)
    if step == 0:
        return native, 0
    low, high = -(-SMALLEST // step), native // step
    while low < high:
        middle = (low + high) // 2
        if works(middle * step):
            high = middle
        else:
            low = middle + 1
    return low * step, step


def _native_size(network: nn.Module, backbone: Backbone) -> int:
    """The size that the network is made for: for position embeddings this counts, not what its row says."""
    if backbone.library == "timm":
        return int(network.pretrained_cfg["input_size"][-1])  # type: ignore[index]
    if backbone.library == "open_clip":
        size = network.visual.image_size  # type: ignore[union-attr]
        return int(size if isinstance(size, int) else size[0])  # type: ignore[index]
    return int(getattr(network, "image_size", backbone.input_size))


def _is_step(step: int, native: int, works: Callable[[int], bool]) -> bool:
    """Whether multiples of it work beside the native size, and the native size is one."""
    half_more = -(-3 * native // (2 * step)) * step  # near the native size, some round to the grid they are made for
    tried = (native + step, native + 3 * step, native + 5 * step, native - step, half_more)
    return native % step == 0 and all(works(size) for size in tried)


def _divides(network: nn.Module, backbone: Backbone, size: int) -> bool:
    """Whether nothing of an image is cut off or padded: patches and windows fit into it whole."""
    patches = getattr(network, "patch_embed", network)
    patch = getattr(patches, "patch_size", None)
    if getattr(getattr(patches, "proj", None), "stride", patch) != patch:  # patches that overlap, and are padded
        patch = None
    if backbone.library == "open_clip":
        patch = 32 if hasattr(network.visual, "attnpool") else getattr(network.visual, "patch_size", None)
    side = patch[0] if isinstance(patch, tuple | list) else patch
    if isinstance(side, int) and size % side:
        return False
    if backbone.library == "timm" and _is_resizable(network):
        _resize(network, backbone, size)
        return all(_windows_fit(module) for module in network.modules())
    return True


def _windows_fit(module: nn.Module) -> bool:
    resolution, window = getattr(module, "input_resolution", None), getattr(module, "window_size", None)
    if not (isinstance(resolution, tuple) and isinstance(window, tuple)):
        return True
    return all(side % part == 0 for side, part in zip(resolution, window, strict=True))


def _runs(network: nn.Module, backbone: Backbone, size: int) -> bool:
    import torch

    try:
        _resize(network, backbone, size)
        with torch.no_grad():
            network(torch.zeros(2, 3, size, size, device="meta"))
    except (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError):  # what layers raise at shapes
        return False
    return True
