"""The script that draws a page's charts: Vega, Vega-Lite and Vega-Embed in one, as vl-convert carries them."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import metadata

import altair
import vl_convert

from afield.base.errors import StoreError
from afield.study.folder.sealed import read_json, write_sealed
from afield.tasks.places import cache_folder


@cache
def chart_script() -> str:
    """The script, put together once (which takes some three seconds) and kept in the cache."""
    wanted = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    known: list[str] = vl_convert.get_vegalite_versions()
    version = wanted if wanted in known else known[-1]
    kept = cache_folder() / "scripts" / f"vega-lite-{version}-by-{metadata.version('vl-convert-python')}.json"
    with suppress(StoreError, KeyError):  # it is derived: what is damaged is made anew
        if kept.is_file():
            return str(read_json(kept)["script"])
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    with suppress(StoreError):  # a cache that cannot be written costs the next page those seconds, and no page
        write_sealed(kept, {"script": script})
    return script
