"""A study's record as one HTML file that opens anywhere, offline. Needs no torch."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Literal


class _Report(ModuleType):
    """`afield.report` is a function of the package and this room, and stays the function once the room is imported."""

    def __call__(
        self,
        out: Path | str,
        study: str | None = None,
        *,
        format: Literal["html", "md", "latex"] = "html",
        private: bool = False,
    ) -> Path:
        """What `afield.report.page.report` does."""
        from afield.report.page import report

        return report(out, study, format=format, private=private)


sys.modules[__name__].__class__ = _Report
