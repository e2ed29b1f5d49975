"""The charts' script: put together once, kept for every later page, and never taken from a file that was altered."""

from pathlib import Path

import pytest

from afield.report import bundle


class Maker:
    """Stands in for vl-convert, whose work takes seconds; counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, script: str, vl_version: str) -> str:
        self.asked += 1
        return f"/* {vl_version} */ {script}"


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maker:
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))
    made = Maker()
    monkeypatch.setattr("vl_convert.javascript_bundle", made)
    return made


def again() -> str:
    """As the next process has it."""
    return bundle.chart_script.__wrapped__()


def test_it_is_put_together_once(maker: Maker, tmp_path: Path) -> None:
    first = again()
    assert "vegaEmbed" in first
    assert again() == first
    assert maker.asked == 1
    (kept,) = (tmp_path / "cache" / "scripts").iterdir()
    kept.write_text(kept.read_text().replace("vegaEmbed", "somethingElse"))
    assert again() == first
    assert again() == first
    assert maker.asked == 2, "what was altered is made anew, and kept again"


def test_a_cache_that_cannot_be_written_costs_no_page(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert "vegaEmbed" in again()
    assert "vegaEmbed" in again()
    assert maker.asked == 2
