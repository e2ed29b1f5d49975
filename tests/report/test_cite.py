"""What a paper takes from a page: commands and keys behind its numbers, a methods paragraph, lines of LaTeX."""

import re

import pytest

from afield.analysis.answer import answer
from afield.report.cite import citation
from afield.report.latex import escaped, latex_table
from afield.report.origins import origins
from afield.report.page import render
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.report.sections import names_of
from tests.fixtures.records import with_subgroups
from tests.report.test_page import EVIL, Reader, renamed


@pytest.mark.slow
def test_the_methods_paragraph_says_what_was_done(record):
    text = citation(record, answer(record)).methods
    assert "four backbones with ImageNet weights on Solar cells in electroluminescence at 64 pixels" in text
    assert "learning rate in {1e-4, 1e-3, 0.01}" in text
    assert "successive halving" in text
    assert "repeated under two seeds" in text
    assert "test images were read after that" in text
    assert "the smallest of interest" in text


@pytest.mark.slow
def test_the_latex_line_has_the_numbers_of_the_answer(record):
    found = answer(record)
    first = found.tasks[0].ranking.rows[0]
    line = citation(record, found).results
    assert line.startswith("% elpv\n")
    assert rf"\texttt{{{first.backbone.replace('_', chr(92) + '_')}}}" in line
    assert f"${first.test.value:.3f}$ [${first.test.low:.3f}$, ${first.test.high:.3f}$]" in line
    assert re.search(r"\$r =\$ \$-?\d\.\d{2,3}\$ \[\$-?\d\.\d{2,3}\$, \$-?\d\.\d{2,3}\$\], slope \$", line)
    assert f"$n = {found.tasks[0].ranking.n_test}$" in line


def test_nothing_of_a_name_is_an_order_to_latex():
    assert escaped(r"\input{/etc/passwd} #1 $x$ ~ ^ 50 % _") == (
        r"\textbackslash{}input\{/etc/passwd\} \#1 \$x\$ \textasciitilde{} \textasciicircum{} 50 \% \_"
    )
    table = Table("a & b", ("name", "100 %"), (Row("x_1", "x_1", "chosen", ("\u22120.1 (\u22120.2 to 0.1)",)),))
    text = latex_table(table, "points")
    assert r"x\_1 & chosen & \textminus{}0.1 (\textminus{}0.2 to 0.1) \\" in text
    assert r"\caption{a \& b.}\label{tab:points}" in text
    assert r"name &  & 100 \% \\" in text
    assert text.count("{lll}") == 1


@pytest.mark.slow
def test_every_part_has_its_command_and_every_network_its_key(record):
    split = with_subgroups(record, site=["here"] * 300 + ["there"] * 225)
    found = answer(split)
    made = origins(split, found, names_of(split, found))
    commands = [row.cells[0] for row in made.commands.rows]
    assert "afield rank OUT --study simulated" in commands
    assert "afield table OUT --by site --study simulated" in commands
    assert any(command.startswith("afield compare OUT tf_efficientnet") for command in commands)
    assert {row.cells[-1] for row in made.networks.rows} == set(record.results["key"])
    hashes = dict(made.hashes)
    assert len(hashes["the study as it was resolved"]) == 64
    assert hashes["data of elpv"] == "simulated"


@pytest.mark.parametrize("heading", ["Where each number comes from", "To cite this"])
def test_they_end_the_page(html, heading):
    text = "".join(Reader(html).text)
    assert text.index(heading) > text.index("How it was done")


@pytest.mark.slow
def test_names_stay_text_there_too(record):
    page = render(renamed(record))
    part = page[page.index('id="origins"') : page.index("</main>")]
    assert "<script" not in part
    assert EVIL in "".join(Reader(page).text)
    assert not re.search(r"<img(?![^>]*data:image)", part)


@pytest.mark.slow
def test_commands_exist(record):
    from typer.main import get_group

    from afield.cli import app

    known = get_group(app).commands
    made = origins(record, answer(record), {})
    for row in made.commands.rows:
        words = row.cells[0].split()
        options = {option for each in known[words[1]].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options
