import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afield.checking.check import check
from afield.checking.findings import Check
from afield.checking.page import render
from tests.fixtures.copies import altered, scene

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<script>alert(1)<"


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def found(tmp_path: Path) -> Check:
    """A task whose files, classes and folder are named as nobody should name them, with copies and a broken file."""
    root = tmp_path / "A & <b>B<"
    for position, name in enumerate([EVIL, 'quote"onerror="x']):
        (root / name).mkdir(parents=True)
        for number in range(8):
            scene(50 * position + number).save(root / name / f"<img src=x>{number}.png")
            copy = altered(scene(50 * position + number), np.random.default_rng(number))
            (root / name / f"<script>{number}.jpg").write_bytes(copy)
    (root / EVIL / "<script>0.jpg").write_bytes(b"text")
    Image.new("RGB", (30, 30)).save(root / EVIL / "black.png")
    return check(str(root), "clean", quiet, processes=1)


def test_all_text_is_escaped(found: Check) -> None:
    page = render(found)
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "<b>B" not in page
    assert 'onerror="x' not in page
    assert "&lt;script&gt;" in page


def test_the_page_holds_the_pairs_and_nothing_from_outside(found: Check) -> None:
    page = render(found)
    pictures = re.findall(r'<img src="([^"]*)"', page)
    examples = [picture for finding in found.findings for example in finding.examples for picture in example.pictures]
    assert len(pictures) == sum(picture.readable for picture in examples)
    assert all(picture.startswith("data:image/png;base64,") for picture in pictures)
    assert page.count("no picture") == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_every_finding_stands_in_the_page_with_its_advice(found: Check) -> None:
    page = render(found)
    assert "Near copies across splits" in page
    for finding in found.findings:
        assert finding.name in page
        assert finding.advice in page


def test_equal_checks_give_equal_pages(found: Check) -> None:
    assert render(found) == render(found)


def test_a_clean_check_has_a_page_too(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 20)):
        (tmp_path / name).mkdir()
        for number in range(6):
            scene(seed + number).save(tmp_path / name / f"{number}.png")
    page = render(check(str(tmp_path), "clean", quiet, processes=1))
    assert "These checks found nothing" in page
    assert "What would bias a result" not in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_page_without_a_complaint(found: Check, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(found), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--enable-logging=stderr", "--dump-dom"]
    command = [str(CHROMIUM), *flags, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "CONSOLE" not in run.stderr
    assert "Near copies across splits" in run.stdout
