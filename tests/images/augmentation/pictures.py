"""Pictures to try operations on: noise, smooth ones, grey ones, few values, none at all."""

import numpy as np
import numpy.typing as npt
import torch

SIDE = 48


def pictures() -> npt.NDArray[np.uint8]:
    """[8, SIDE, SIDE, 3]."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    noise = generator.integers(0, 256, (SIDE, SIDE, 3))
    smooth = np.stack([5 * x, 5 * y, 120 + 60 * np.sin(x / 7) * np.cos(y / 5)], axis=2)
    dull = 100 + noise // 8
    grey = np.repeat(noise[..., :1], 3, axis=2)
    few = np.where(noise > 128, 200, 30)
    one = np.full((SIDE, SIDE, 3), (17, 200, 90))
    black = np.zeros((SIDE, SIDE, 3))
    white = np.full((SIDE, SIDE, 3), 255)
    return np.stack([noise, smooth, dull, grey, few, one, black, white]).astype(np.uint8)


def batch_of(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Images [n, h, w, c] as a batch [n, c, h, w], channels last in memory as the loader makes it."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def images_of(batch: torch.Tensor) -> npt.NDArray[np.int64]:
    """A batch as images [n, h, w, c], as numbers that can be subtracted."""
    return batch.permute(0, 2, 3, 1).cpu().numpy().astype(np.int64)


def apart(ours: torch.Tensor, theirs: npt.NDArray[np.uint8]) -> int:
    """The largest difference, of 255."""
    return int(np.abs(images_of(ours) - theirs.astype(np.int64)).max())
