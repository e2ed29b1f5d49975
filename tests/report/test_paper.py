"""A study for a paper: text, tables and charts in a folder, each as it stands in the page, and nothing that escapes."""

import csv
import os
import re
from dataclasses import replace

import pytest

from afield.analysis.answer import answer
from afield.base.errors import InputError
from afield.report.contents import charts_in, contents
from afield.report.latex import latex_table
from afield.report.page import render
from afield.report.paper import slug, write_paper
from afield.report.recorded import Table
from afield.report.rows import Row
from tests.fixtures.records import make_record
from tests.report.test_page import EVIL, OLD, Reader, renamed


@pytest.fixture(scope="module")
def small():
    """With two searches, one of them of the backbone that is renamed below."""
    record = make_record(n_test=200, metrics=["accuracy"])
    return replace(record, searches=(record.searches[0], next(s for s in record.searches if s.backbone == OLD)))


@pytest.fixture(scope="module")
def latex(small, tmp_path_factory):
    return write_paper(small, tmp_path_factory.mktemp("latex"), "latex")


@pytest.fixture(scope="module")
def markdown(small, tmp_path_factory):
    return write_paper(small, tmp_path_factory.mktemp("md"), "md")


@pytest.mark.slow
def test_the_text_of_both_holds_the_answer(small, latex, markdown):
    take = answer(small).tasks[0].take
    assert take.replace("_", r"\_") in latex.read_text(encoding="utf-8")
    assert take.replace("_", r"\_") in markdown.read_text(encoding="utf-8")


@pytest.mark.slow
def test_all_that_latex_includes_is_there(latex):
    text = latex.read_text(encoding="utf-8")
    files = re.findall(r"\\(?:includegraphics\[[^]]*\]|input)\{([^}]*)\}", text)
    assert len(files) > 6
    assert all((latex.parent / name).stat().st_size > 100 for name in files)
    assert text.count(r"\begin{") == text.count(r"\end{")
    for table in (latex.parent / "tables").iterdir():
        lines = [line for line in table.read_text(encoding="utf-8").splitlines() if line.endswith(r"\\")]
        columns = {len(re.findall(r"(?<!\\)&", line)) for line in lines if not line.startswith(r"\caption")}
        assert len(columns) == 1, "each line has as many cells as the head"


@pytest.mark.slow
def test_every_picture_of_the_markdown_is_there_in_plain_colours(markdown):
    text = markdown.read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((figures/[^)]*)\)", text)
    assert "figures/elpv-transfer.svg" in pictures
    for name in pictures:
        drawn = (markdown.parent / name).read_text(encoding="utf-8")
        assert drawn.startswith("<svg")
        assert "var(--" not in drawn
        assert (markdown.parent / name).with_suffix(".pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_data_lie_beside_the_pictures(small, markdown):
    rows = list(
        csv.DictReader((markdown.parent / "figures/elpv-transfer.csv").read_text(encoding="utf-8").splitlines())
    )
    points = answer(small).tasks[0].fit.points
    assert [float(row["value"]) for row in rows] == pytest.approx(list(points["value"]))
    assert "dx" not in rows[0]


@pytest.mark.slow
def test_the_searches_have_their_charts_with_a_row_an_epoch(small, markdown, latex):
    text = markdown.read_text(encoding="utf-8")
    section = contents(small).tasks[0].searches[0]
    for figure in (section.landscape, section.curves):
        assert f"](figures/{slug(figure.name)}.svg)" in text
        drawn = (markdown.parent / "figures" / f"{slug(figure.name)}.svg").read_text(encoding="utf-8")
        assert drawn.count("<path") > 3
        assert "var(--" not in drawn
        assert f"figures/{slug(figure.name)}.pdf" in latex.read_text(encoding="utf-8")
    rows = list(
        csv.DictReader(
            (markdown.parent / "figures" / f"{slug(section.curves.name)}.csv").read_text(encoding="utf-8").splitlines()
        )
    )
    search = small.searches[0]
    told = {trial.key: trial.history for trial in (*search.cells, *search.repeats)}
    assert len(rows) == sum(map(len, told.values()))
    assert {row["epoch"] for row in rows} == {"1", "2", "3"}


@pytest.mark.slow
def test_charts_stand_alone_in_python(small):
    told = contents(small)
    drawn = charts_in(told)
    assert "elpv transfer" in drawn
    assert "var(--" not in drawn["elpv transfer"].to_json()
    assert drawn["elpv transfer"].to_dict()["width"] == 520


@pytest.mark.slow
@pytest.mark.parametrize("format", ["md", "latex"])
def test_names_are_no_code(small, format, tmp_path):
    evil = renamed(small)
    text = write_paper(evil, tmp_path, format).read_text(encoding="utf-8")
    if format == "md":
        assert "<script" not in text.replace(r"\<script", "")
    else:
        assert EVIL not in text
        assert "&" not in re.sub(r"\\&", "", text)
    for path in (tmp_path / "figures").iterdir():
        assert path.parent == tmp_path / "figures"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("name", ["report-latex", "report-latex/figures", "report-latex/tables"])
def test_nothing_is_written_through_a_link(small, name, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "out" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(InputError, match=f"{name}: is a link, and a result folder holds none"):
        write_paper(small, tmp_path / "out" / "report-latex", "latex")
    assert list(elsewhere.iterdir()) == []


def test_files_are_named_so_that_every_system_takes_them():
    names = [
        "my_lab:moths / By site?",
        "my-lab:moths / by site",
        "a_b",
        "a-b",
        "\u82d4\u85d3 cut",
        "\u5730\u8863 cut",
        "CON",
    ]
    files = [slug(name) for name in names]
    assert files[0].startswith("my-lab-moths-by-site-")
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in files)
    assert len(set(files)) == len(names)


@pytest.mark.slow
def test_a_private_page_has_no_picture(record, html):
    assert Reader(html).all("img")
    private = Reader(render(record, private=True))
    assert not private.all("img")
    assert "test-0" in "".join(Reader(html).text)
    assert "test-0" not in "".join(private.text)
    assert "What it confuses" in "".join(private.text)


def test_a_table_of_many_rows_or_columns_becomes_several_and_any_is_fitted_to_the_text():
    rows = tuple(Row(f"row {at}", "", "", (str(at),)) for at in range(95))
    long = latex_table(Table("A long one", ("row", "number"), rows), "long")
    assert long.count(r"\begin{table}") == long.count(r"\end{table}") == long.count(r"\resizebox{\linewidth}") == 3
    assert re.findall(r"\(part (.*?)\)", long) == ["1 of 3", "2 of 3", "3 of 3"]
    assert long.count(r"\label{tab:long}") == 1
    assert all(f"row {at} & {at} " in long for at in range(95))
    heads = tuple(f"column {at}" for at in range(20))
    wide = latex_table(Table("A wide one", heads, (Row("it", "", "best", tuple(map(str, range(1, 20)))),)), "wide")
    assert re.findall(r"it & best & (.*) & ", wide)[0] == "1 & 2 & 3 & 4 & 5 & 6 & 7"
    assert re.findall(r"it & best & (.*) \\", wide)[2] == "17 & 18 & 19"
    assert "part" not in latex_table(Table("None", ("row", "number"), ()), "none")
