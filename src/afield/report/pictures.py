"""Images as text that a page can hold."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

THUMBNAIL = 96
"""pixels of the longer side of a small picture"""


def thumbnail(pixels: npt.NDArray[np.uint8]) -> str:
    """A small copy of a picture [height, width, 3] as a `data:` address with its JPEG bytes, two to four thousand."""
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    image.save(buffer, format="JPEG", quality=75, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """A picture [height, width, 3] as a `data:` address with its PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
