"""Images as text that a page can hold."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """A picture [height, width, 3] as a `data:` address with its PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
