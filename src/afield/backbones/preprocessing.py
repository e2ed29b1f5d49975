"""An image as the makers of the weights evaluated them: to measure ImageNet accuracy and to compare with libraries."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transform

from afield.backbones.backbone import Backbone


def evaluation_image(backbone: Backbone, image: Image.Image, size: int | None = None) -> torch.Tensor:
    """A picture as the network of `backbone` wants it: float32 [3, side, side], normalised by its mean and std.

    The short side is resized to side / crop (rounded down, as timm does), by PIL with the backbone's interpolation;
    the centre is cut out. `side` is `size`, or the backbone's own.
    """
    side = backbone.input_size if size is None else size
    interpolation = InterpolationMode(backbone.interpolation)
    short = math.floor(side / backbone.crop + 1e-6)
    resized = transform.resize(image.convert("RGB"), short, interpolation=interpolation)
    pixels = transform.to_tensor(transform.center_crop(resized, [side, side]))
    normalised: torch.Tensor = transform.normalize(pixels, list(backbone.mean), list(backbone.std))
    return normalised
