"""Operations on values: of each pixel, of a channel's histogram, of a pixel's neighbours.

All take images uint8 [n, channels, height, width] and one number an image [n, 1, 1, 1], float32, and give new images,
on the device of the images. PIL is the measure: values are blended as `PIL.ImageEnhance` does, fractions cut off.
Those that speak of colours (`saturation`, `hue`) need red, green and blue; of other channels `contrast` has no grey to
go by. The rest treat each channel alone.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_LEVELS = 256


def blend(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """`other` at a factor of 0, the images at 1, and beyond them above 1; cut to whole numbers from 0 to 255."""
    return (other + factor * (images - other)).clamp(0, 255).to(torch.uint8)


def grey(images: torch.Tensor) -> torch.Tensor:
    """PIL's mode L of red, green and blue (ITU-R 601-2 in whole numbers): int32 [n, 1, height, width]."""
    red, green, blue = images.int().unbind(dim=1)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16)[:, None]


def brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Black at 0."""
    return (images * factor).clamp(0, 255).to(torch.uint8)


def saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Grey at 0."""
    return blend(images, grey(images).float(), factor)


def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """The image's mean grey, a whole number, at 0."""
    values = grey(images)
    pixels = values[0].numel()
    mean = (2 * values.sum(dim=(1, 2, 3), keepdim=True) + pixels) // (2 * pixels)
    return blend(images, mean.float(), factor)


def sharpness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Smoothed by PIL's SMOOTH (3 x 3, the centre weighs 5 of 13) at 0; a border of one pixel stays."""
    values = images.float()
    rows = values[:, :, :-2] + values[:, :, 1:-1] + values[:, :, 2:]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = values.clone()
    smooth[:, :, 1:-1, 1:-1] = ((box + 4 * values[:, :, 1:-1, 1:-1]) / 13 + 0.5).floor()
    return blend(images, smooth, factor)


def posterize(images: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """Only the highest `bits` of each value stay (8: all)."""
    return images & ((_LEVELS - 1) << (8 - bits).int()).to(torch.uint8)  # in whole numbers: powers need not be exact


def solarize(images: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Values of `threshold` and more are inverted."""
    return torch.where(images >= threshold, 255 - images, images)


def autocontrast(images: torch.Tensor, unused: torch.Tensor) -> torch.Tensor:
    """Each channel is stretched so that it reaches from 0 to 255; one of a single value stays."""
    low, high = images.amin(dim=(2, 3), keepdim=True).float(), images.amax(dim=(2, 3), keepdim=True).float()
    stretched = ((images - low) * (255 / (high - low).clamp(min=1))).clamp(0, 255).to(torch.uint8)
    return torch.where(high > low, stretched, images)


def equalize(images: torch.Tensor, unused: torch.Tensor) -> torch.Tensor:
    """Each channel's histogram is made flat by PIL's rule; one that this rule cannot spread stays."""
    values = images.flatten(2).long()
    counts = torch.zeros(*values.shape[:2], _LEVELS, dtype=torch.int64, device=images.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    of_highest = counts.gather(2, values.amax(dim=2, keepdim=True))
    step = (values.shape[2] - of_highest) // 255
    spread = (step // 2 + counts.cumsum(dim=2) - counts) // step.clamp(min=1)
    table = torch.where(step > 0, spread.clamp(max=255), torch.arange(_LEVELS, device=images.device))
    return table.gather(2, values).view(images.shape).to(torch.uint8)


def hue(images: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Hues are turned by `turn` of the whole circle (-0.5 to 0.5); saturation and value (of HSV) stay."""
    values = images.float()
    high, low = values.amax(dim=1), values.amin(dim=1)
    red, green, blue = values.unbind(dim=1)
    span = (high - low).clamp(min=1)
    sector = torch.where(
        high == red,
        (green - blue) / span,
        torch.where(high == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    channels = []
    for start in (5, 3, 1):
        along = (start + sector + 6 * turn[:, 0]) % 6
        channels.append(high - (high - low) * torch.minimum(along, 4 - along).clamp(0, 1))
    return torch.stack(channels, dim=1).round().clamp(0, 255).to(torch.uint8)


def blur(images: torch.Tensor, sigma: torch.Tensor, radius: int) -> torch.Tensor:
    """Gaussian blur of `sigma` pixels, its bell cut off beyond `radius`; images are mirrored at their edges."""
    distance = torch.arange(-radius, radius + 1, device=images.device)
    bell = torch.exp(-0.5 * (distance / sigma[:, :, :, 0, None]) ** 2)
    bell = bell / bell.sum(dim=-1, keepdim=True)
    values = functional.pad(images.float(), [radius] * 4, mode="reflect")
    height, width = images.shape[2:]
    down, across = torch.zeros_like(values[:, :, :height]), torch.zeros_like(images, dtype=torch.float32)
    for k in range(2 * radius + 1):
        down.addcmul_(values[:, :, k : k + height], bell[..., k, None])
    for k in range(2 * radius + 1):
        across.addcmul_(down[:, :, :, k : k + width], bell[..., k, None])
    return across.round().to(torch.uint8)
