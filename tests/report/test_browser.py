"""A real browser draws every chart, without a complaint and without a question to the network."""

import re
import shutil
import subprocess

import pytest

from afield.report.page import render
from tests.fixtures.records import make_record, with_subgroups

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-logging=stderr"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=20000", "--window-size=400,4000", "--dump-dom"),
)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_every_open_chart_is_drawn_and_the_console_stays_empty(tmp_path):
    page = tmp_path / "report.html"
    record = with_subgroups(make_record(), site=["here"] * 300 + ["there"] * 225)
    page.write_text(render(record), encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "CONSOLE" not in run.stderr
    body = re.sub(r"<script.*?</script>", "", run.stdout, flags=re.S)
    charts = re.findall(r'<div class="chart[^"]*"[^>]*>', body)
    folded = len(re.findall(r"Losses by epoch", body))
    drawn = [chart for chart in charts if 'data-drawn="yes"' in chart]
    assert len(charts) - folded <= len(drawn) <= len(charts)  # folded ones may wait until they are opened
    assert len(re.findall(r'<svg[^>]*class="marks"', body)) == len(drawn)
