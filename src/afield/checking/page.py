"""A check as one page of HTML without any outside reference: findings with their pictures side by side."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from afield import __version__
from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.reading import Reading
from afield.checking.findings import Check, Picture
from afield.checking.words import verdict
from afield.images.decode import decode
from afield.report.pictures import data_uri

_SIDE = 144
"""pixels of a thumbnail's longer side"""


def write_page(check: Check, path: Path) -> None:
    """Write the page. Raises StoreError where the path cannot be written."""
    write_text(path, render(check))


def render(check: Check) -> str:
    """The whole page; equal checks of equal images give equal pages. All text is escaped, and a content security policy
    forbids whatever does not lie in the page itself.
    """
    shown = {
        picture.image: picture
        for finding in check.findings
        for example in finding.examples
        for picture in example.pictures
    }
    return render_page(
        "template.html.j2",
        "check.css",
        check=check,
        verdict=verdict(check),
        splits=list(check.counts),
        pictures={
            image: _picture(check.elsewhere.get(image, check.root / image), picture, check.reading)
            for image, picture in shown.items()
        },
        alarms=[finding for finding in check.findings if finding.biases],
        notes=[finding for finding in check.findings if not finding.biases],
    )


def render_page(template: str, css: str, **content: object) -> str:
    """A page from a template and a sheet of styles of this room, with what the template speaks of."""
    style = _asset("afield.report", "style.css") + _asset("afield.checking", css)
    page = _environment().get_template(template)
    return page.render(
        version=__version__,
        policy=_policy(style),
        style=Markup(style),  # noqa: S704 - our own files
        **content,
    )


def thumbnail(pixels: npt.NDArray[np.uint8], side: int) -> str:
    """A small copy of an image [height, width, channels] as an address that holds its bytes; `side` is the longer one,
    in pixels. Of other channels than three it shows the first three, else the first as grey.
    """
    image = Image.fromarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]).convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_uri(np.asarray(image))


def _picture(path: Path, picture: Picture, reading: Reading) -> str:
    """A small copy as an address that holds its bytes; empty where the image cannot be read (any more)."""
    if not picture.readable:
        return ""
    try:
        return thumbnail(decode(path, reading), _SIDE)
    except InputError:
        return ""


def _policy(style: str) -> str:
    """Nothing from outside, no script at all; inside only these very bytes of style."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _asset(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("afield.checking", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
