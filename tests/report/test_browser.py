"""A real browser draws every chart and does what is clicked, without a complaint or a question to the network."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

from afield.backbones.sets import PAPER
from afield.report.page import render
from tests.fixtures.records import SCRATCH, make_record, with_subgroups
from tests.report.browser import CHROMIUM, Browser

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

RANKING = '.scroll[aria-label^="In the order of validation"]'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    strength = {SCRATCH: 0.9, **{name: 0.6 + 0.1 * place for place, name in enumerate(PAPER[2:12])}}
    record = with_subgroups(make_record(strength=strength), site=["here"] * 300 + ["there"] * 225)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(record), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(page):
    with Browser(page.parent) as opened:
        opened.open(page)
        yield opened
        assert not opened.console
        assert {url.split(":")[0] for url in opened.requests} <= {"file", "data", "blob"}


def names(browser, table):
    return browser.run(f"[...{table}.tBodies[0].rows].filter(r => !r.hidden).map(r => r.dataset.name)")


def test_all_that_is_open_is_drawn_and_the_rest_when_it_is_opened(browser):
    drawn = "document.querySelectorAll('.chart svg.marks').length"
    places = browser.run("document.querySelectorAll('[data-chart]').length")
    assert 0 < browser.run(drawn) < places
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.wait(f"{drawn} === {places}")
    assert browser.run("document.querySelectorAll('.files').length") == places
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = false; })")


def test_a_head_sorts_up_and_down_and_back(browser):
    table = f"document.querySelector('{RANKING} table')"
    original = names(browser, table)
    heads = f"{RANKING} th .sort"
    values = f"[...{table}.tBodies[0].rows].map(r => parseFloat(r.cells[1].textContent))"
    browser.click(heads, 1)
    assert browser.run(values) == sorted(browser.run(values))
    assert browser.run(f"{table}.tHead.rows[0].cells[1].getAttribute('aria-sort')") == "ascending"
    browser.click(heads, 1)
    assert browser.run(values) == sorted(browser.run(values), reverse=True)
    browser.click(heads, 1)
    assert names(browser, table) == original
    assert browser.run(f"{table}.tHead.rows[0].cells[1].getAttribute('aria-sort')") is None


def test_a_field_filters_a_long_table(browser):
    table = f"document.querySelector('{RANKING} table')"
    browser.click(f".filter-line:has(+ {RANKING}) input")
    browser.write("squeeze")
    assert names(browser, table) == ["squeezenet1_1"]
    assert browser.run("document.activeElement.closest('.filter-line').lastChild.textContent") == "1 of 11"
    browser.run("(f => { f.value = ''; f.dispatchEvent(new Event('input')); })(document.activeElement)")
    assert len(names(browser, table)) == 11


def test_a_backbone_is_shown_wherever_it_stands(browser):
    lit = "[...document.querySelectorAll('.chart .lit')].map(m => m.__data__.datum.name)"
    browser.click(f"{RANKING} tr[data-name=squeezenet1_1] td")
    assert set(browser.run(lit)) == {"squeezenet1_1"}
    charts = browser.run("[...document.querySelectorAll('.chart.linked')].map(c => c.dataset.name)")
    assert {"elpv transfer", "elpv differences", "elpv cost"} <= set(charts)
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert browser.run(lit) == []
    spot = browser.run("""(() => {
      const mark = document.querySelector('[data-name="elpv cost"] .mark-symbol.role-mark path');
      mark.scrollIntoView({ block: "center", behavior: "instant" });
      const box = mark.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2, mark.__data__.datum.name];
    })()""")
    browser.point(*spot[:2])
    browser.wait("document.querySelectorAll('.chart .lit').length > 2")
    assert set(browser.run(lit)) == {spot[2]}
    assert browser.run("document.querySelector('tr.lit').dataset.name") == spot[2]


WORDINGS = "document.querySelector('[data-wordings]')"


def readings(browser):
    """What is shown of the verdict: cut, axis, whether it says that it is another reading."""
    return browser.run(
        f"[...{WORDINGS}.querySelectorAll('.wording')].filter(w => w.checkVisibility())"
        ".map(w => [w.dataset.cut, w.dataset.axis, w.textContent.includes('Another reading')])"
    )


def press(browser, key, code):
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def test_a_slider_and_a_switch_word_the_verdict_anew_without_a_mouse(browser):
    assert readings(browser) == [["0", "linear", False]]
    browser.run(f"{WORDINGS}.querySelector('input[type=range]').focus()")
    press(browser, "ArrowRight", 39)
    assert readings(browser) == [["1", "linear", True]]
    who = browser.run(f"{WORDINGS}.querySelector('output').textContent")
    assert who.startswith("the ")
    assert " above " in who
    assert browser.run("document.activeElement.getAttribute('aria-valuetext')") == who
    browser.run(f"{WORDINGS}.querySelector('input[type=radio]').focus()")
    press(browser, "ArrowRight", 39)
    assert readings(browser) == [["1", "logit", True]]
    assert "A logit more on ImageNet went with" in browser.run(
        f"{WORDINGS}.querySelector('.wording:not([hidden])').textContent"
    )
    browser.click("[data-wordings] input[value=linear]")
    browser.run(f"{WORDINGS}.querySelector('input[type=range]').focus()")
    press(browser, "Home", 36)
    assert readings(browser) == [["0", "linear", False]]


def test_a_chart_is_saved_as_picture_and_as_data(browser, tmp_path):
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    files = '[data-name="elpv transfer"] + .files button'
    for at, name in enumerate(("elpv transfer.svg", "elpv transfer.csv")):
        browser.click(files, at)
        for _ in range(200):
            if (tmp_path / name).exists():
                break
            browser.run("new Promise(next => setTimeout(next, 50))")
    picture = (tmp_path / "elpv transfer.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "var(--" not in picture
    rows = list(csv.DictReader((tmp_path / "elpv transfer.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["name"] for row in rows} == set(names(browser, f"document.querySelector('{RANKING} table')"))
    assert {"imagenet_top1", "value", "low", "high"} <= rows[0].keys()
    assert "dx" not in rows[0]


OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
DRAWN = "document.querySelectorAll('.chart svg.marks').length === document.querySelectorAll('[data-chart]').length"


def test_nothing_is_wider_than_a_phone(page, tmp_path):
    with Browser(tmp_path, width=400, height=800) as phone:
        phone.open(page)
        assert phone.run("document.documentElement.scrollWidth") <= 400
        phone.run(OPEN)
        phone.wait(DRAWN)
        assert phone.run("document.documentElement.scrollWidth") <= 400, "all that was folded"
        # names of weights may be long, and stand in sentences
        phone.run("document.querySelector('main p').append(' vit_tiny_patch16_224.augreg_in21k_ft_in1k_and_more')")
        assert phone.run("document.documentElement.scrollWidth") <= 400, "a long name"
        assert not phone.console


def test_what_is_printed_is_as_wide_as_the_paper(tmp_path):
    strength = {SCRATCH: 0.9, **{name: 0.6 + 0.1 * place for place, name in enumerate(PAPER[2:9])}}
    path = tmp_path / "report.html"
    path.write_text(render(make_record(strength=strength)), encoding="utf-8")
    with Browser(tmp_path, width=680) as paper:  # A4 less 16 mm on either side, at 96 pixels an inch
        paper.open(path)
        paper.run("window.dispatchEvent(new Event('beforeprint'))")
        paper.call("Emulation.setEmulatedMedia", media="print")
        assert paper.run("[...document.querySelectorAll('table')].filter(t => t.checkVisibility()).length") > 10
        assert paper.run("document.documentElement.scrollWidth") <= 680


def test_what_is_read_out_of_a_chart_has_a_name(tmp_path):
    record = make_record()
    # searches of one recipe: the layers of the others have no marks
    alone = [
        replace(each, cells=tuple(cell for cell in each.cells if cell.key == each.chosen)) for each in record.searches
    ]
    record = replace(record, searches=tuple(alone))
    path = tmp_path / "report.html"
    path.write_text(render(record), encoding="utf-8")
    with Browser(tmp_path) as opened:
        opened.open(path)
        opened.run(OPEN)
        opened.wait(DRAWN)
        nameless = "[...document.querySelectorAll('.chart [role=graphics-symbol]:not([aria-label], [aria-hidden])')]"
        assert opened.run(f"{nameless}.map(m => m.closest('.chart').dataset.name)") == []


@pytest.mark.long
@pytest.mark.skipif("AXE" not in os.environ, reason="AXE names no axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_no_fault(page, tmp_path, width, scheme):
    with Browser(tmp_path, width=width) as opened:
        opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        opened.open(page)
        opened.run(OPEN)
        opened.wait(DRAWN)
        opened.run(f"{Path(os.environ['AXE']).read_text(encoding='utf-8')};0")
        faults = "axe.run().then(r => r.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html)]))"
        assert opened.run(faults) == []
