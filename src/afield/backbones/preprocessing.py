"""An image as the makers of the weights evaluated them: to measure ImageNet accuracy and to compare with libraries.

A study reads and prepares its images otherwise (afield.images). `resized_side` needs no torch, so that the catalogue
can be shown without it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError

if TYPE_CHECKING:
    import torch
    from PIL import Image

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""what files of images' endings may hold; Pillow would start other programs for some (EPS)"""


def resized_side(backbone: Backbone, size: int | None = None) -> int:
    """To how many pixels `crop_mode`'s side is resized before a square of `size` (the backbone's own) is cut out.

    Rounded down, as timm does; a quotient that stands a hair below a whole number for want of digits counts as whole.
    """
    return math.floor((backbone.input_size if size is None else size) / backbone.crop + 1e-6)


def as_tested(backbone: Backbone, size: int) -> Backbone:
    """The backbone with the crop that its published accuracy was measured with, where `size` (pixels) is that figure's.

    timm tests many weights at a larger size than their own, and some of these with another crop; a row of the catalogue
    has the crop of the weights' own size. Elsewhere that one holds.
    """
    if backbone.library != "timm" or size != backbone.imagenet_size or size == backbone.input_size:
        return backbone
    import timm

    try:
        tested = timm.get_pretrained_cfg(backbone.id)
    except RuntimeError:  # another timm, which does not know these weights
        return backbone
    crop = None if tested is None else tested.test_crop_pct
    return backbone if crop is None else replace(backbone, crop=crop)


def read_picture(path: Path) -> Image.Image:
    """A picture as timm's and torchvision's loaders read it: Pillow's RGB, not turned as its EXIF tag may ask.

    Raises InputError where it is missing, damaged or no image, with the words of whoever found that out.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            return image.convert("RGB")
    # Pillow's readers raise many kinds of errors on damaged files: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise InputError(f"{path}: cannot be read as an image ({error}); restore it, or take it away") from error


def evaluation_image(backbone: Backbone, image: Image.Image, size: int | None = None) -> torch.Tensor:
    """A picture as the network of `backbone` wants it: float32 [3, side, side], normalised by its mean and std.

    PIL resizes it to `resized_side` with the backbone's interpolation, by its `crop_mode`; the centre is cut out.
    `side` is `size`, or the backbone's own.
    """
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as transform

    side = backbone.input_size if size is None else size
    long, image = resized_side(backbone, size), image.convert("RGB")
    if backbone.crop_mode == "squash":
        shape = [long, long]
    elif backbone.crop_mode == "border":
        shape = [round(edge * long / max(image.size)) for edge in (image.height, image.width)]
    else:
        shape = [long]
    resized = transform.resize(image, shape, interpolation=InterpolationMode(backbone.interpolation))
    if backbone.crop_mode == "border":
        resized = _on_mean(resized, backbone.mean, side)
    pixels = transform.to_tensor(transform.center_crop(resized, [side, side]))
    normalised: torch.Tensor = transform.normalize(pixels, list(backbone.mean), list(backbone.std))
    return normalised


def _on_mean(image: Image.Image, mean: tuple[float, float, float], side: int) -> Image.Image:
    """The image in the middle of a square of the mean colour; what is larger than the square is cut off."""
    from PIL import Image

    red, green, blue = (round(255 * value) for value in mean)
    square = Image.new("RGB", (side, side), (red, green, blue))
    # timm rounds down where it fills up, and half to even where it cuts
    left, top = ((side - edge) // 2 if edge < side else -round((edge - side) / 2) for edge in image.size)
    square.paste(image, (left, top))
    return square
