"""Class names and file names that mean harm, from the folder to the report and the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import afield
from afield.cli.output import put, say
from afield.study.collecting.collect import load_record
from afield.study.running.run import run_study

SCRIPT = "<script>alert(1)<"
CLASSES = (SCRIPT, "a\nb", "\N{COLLISION SYMBOL} caf\u00e9", "\x1b[31mred", "{{ 7 * 7 }}", "-rf", 'a,"b"\'c', "x" * 120)
STUDY = """
[study]
name = "hostile"
tasks = ["mine"]
backbones = ["mobilenetv3_small_050.lamb_in1k"]
interventions = ["scratch"]
[recipe]
epochs = 1
image_size = 32
[tasks.mine]
folder = "data"
[interventions.scratch]
initialisation = "scratch"
"""


@pytest.mark.slow
def test_hostile_names_go_all_the_way_and_do_nothing(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for name in CLASSES:
        for number in range(10):
            path = (
                tmp_path
                / "data"
                / name
                / (f"im\n{number}.png" if number % 2 else f"<img src=x onerror=a({number})>.png")
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(path)
    (tmp_path / "study.toml").write_text(STUDY)
    out = tmp_path / "out"
    assert run_study(tmp_path / "study.toml", out).complete
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out", "study.toml"]
    record = load_record(out)
    assert set(record.tasks[0].classes) == set(CLASSES)
    html = afield.report(out).read_text(encoding="utf-8")
    assert SCRIPT not in html
    assert "<img src=x" not in html
    assert "{{ 7 * 7 }}" in html  # as it is, not as a template's 49
    assert re.search(r"a(\s|\\n)b", html)
    network = afield.load_network(out)
    named = network.predict([tmp_path / "data"])
    assert len(named) == 10 * len(CLASSES)
    assert set(named["predicted"]) <= set(CLASSES)


@pytest.mark.slow
def test_names_of_4000_characters_go_from_a_table_all_the_way(tmp_path: Path) -> None:
    """A file system holds none, a table does: as a class, a group, a site."""
    draw, rows = np.random.default_rng(0), ["path,label,site,group"]
    (tmp_path / "images").mkdir()
    for number in range(24):
        path = tmp_path / "images" / f"{number}.png"
        Image.fromarray(draw.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(path)
        label, site, group = (sign * 4000 for sign in "yz"[number % 2] + "st"[number // 12] + chr(65 + number))
        rows.append(f"images/{path.name},{label},{site},{group}")
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    text = STUDY.replace('folder = "data"', 'table = "mine.csv"\ngroup = "group"\nsubgroups = ["site"]')
    (tmp_path / "study.toml").write_text(text)
    out = tmp_path / "out"
    assert run_study(tmp_path / "study.toml", out).complete
    assert set(load_record(out).tasks[0].classes) == {"y" * 4000, "z" * 4000}
    assert "y" * 4000 in afield.report(out).read_text(encoding="utf-8")
    assert all(len(path.name) < 200 for path in out.rglob("*"))
    assert set(afield.load_network(out).predict([tmp_path / "images"])["predicted"]) <= {"y" * 4000, "z" * 4000}


def test_a_terminal_gets_no_control_characters_and_a_file_gets_what_is_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "line\n\tnext \x1b[31mred\x07 \u202eesrever \N{COLLISION SYMBOL}"
    put(words)
    say(words)
    told = capsys.readouterr()
    shown = "line\n\tnext \\x1b[31mred\\x07 \\u202eesrever \N{COLLISION SYMBOL}\n"
    assert (told.out, told.err) == (words + "\n", shown)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    put(words)
    assert capsys.readouterr().out == shown
