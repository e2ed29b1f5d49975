"""The page: whole, closed to the outside, escaped, and silent about what has no data."""

import dataclasses
import json
import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from afield.report.details import details_of
from afield.report.page import render, script_json
from afield.report.words import level
from afield.scoring.intervals import Interval
from afield.study.combining.ensembles import EnsembleChoice
from afield.study.record import StudyRecord, Unjoined

EVIL = '<script>alert("x")</script>&\'<img src=x onerror=alert(1)>.in1k'
OLD = "tf_efficientnet_lite0.in1k"


class Reader(HTMLParser):
    """What a browser would see: tags with attributes, ids, text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.within.append(tag)

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.within.pop()

    def handle_data(self, data):
        if not self.within:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def specifications(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="specifications">(.*?)</script>', html, re.S)[1])


def test_nothing_comes_from_outside(html):
    page = Reader(html)
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,"))
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert not page.all("link")
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert "http" not in json.dumps(specifications(html))


@pytest.mark.slow
def test_says_the_answer_first_then_the_verdict_then_what_is_open(record, html):
    from afield.analysis.answer import answer

    text = " ".join(" ".join(Reader(html).text).split())
    (part,) = answer(record).tasks
    places = [text.index(" ".join(sentence.split())) for sentence in (part.take, part.transfer, *part.open)]
    assert places == sorted(places)
    assert places[0] < 500
    for warning in part.warnings:
        assert warning in text


def test_numbers_of_every_backbone_stand_in_the_text(record, html):
    from afield.analysis.ranking.compare import rank_backbones

    text = "".join(Reader(html).text)
    for row in rank_backbones(record, "elpv").rows:
        assert f"{row.test.value:.3f} ({row.test.low:.3f} to {row.test.high:.3f})" in text
    for used in record.backbones:
        assert used.backbone.id in text
        assert used.weights_sha256 in text


def test_every_chart_has_a_place_and_words_and_every_picture_an_alternative(html):
    page = Reader(html)
    places = [attributes for _, attributes in page.tags if "data-chart" in attributes]
    assert {place["data-chart"] for place in places} == set(specifications(html))
    assert all(place["aria-label"] and place["role"] for place in places)
    images = page.all("img")
    assert len(images) == 8
    assert all(image["alt"] for image in images)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert {link[1:] for link in links} <= set(ids)


def test_tables_that_scroll_can_be_reached_by_keyboard(html):
    regions = [attributes for _, attributes in Reader(html).tags if attributes.get("class") == "scroll"]
    assert regions
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)


def renamed(record: StudyRecord) -> StudyRecord:
    """The same study with texts that want to be code."""

    def name(text: str) -> str:
        return EVIL if text == OLD else text

    searches = []
    for search in record.searches:
        cells = tuple(dataclasses.replace(cell, backbone=name(cell.backbone)) for cell in search.cells)
        searches.append(dataclasses.replace(search, backbone=name(search.backbone), cells=cells))
    used = tuple(
        dataclasses.replace(
            each, weights_from=EVIL, backbone=dataclasses.replace(each.backbone, id=name(each.backbone.id), source=EVIL)
        )
        for each in record.backbones
    )
    task = record.tasks[0]
    pictures = dict(zip(("</h4><script>a</script>", "b"), task.pictures.values(), strict=True))
    card = dataclasses.replace(task.card, title=EVIL, source="</script><script>alert(2)</script>")
    failure = dataclasses.replace(
        record.failures[0], reason=EVIL, trace="</pre><script>alert(3)</script>", backbone=EVIL
    )
    head = record.study.study.model_copy(update={"backbones": tuple(map(name, record.study.study.backbones))})
    return dataclasses.replace(
        record,
        study=record.study.model_copy(update={"study": head}),
        results=record.results.replace({"backbone": {OLD: EVIL}}),
        searches=tuple(searches),
        backbones=used,
        tasks=(dataclasses.replace(task, card=card, pictures=pictures),),
        failures=(failure,),
        platforms=({"cpu": EVIL},),
        numerics={EVIL: EVIL},
    )


@pytest.mark.slow
def test_text_never_becomes_code(record, html):
    page, plain = Reader(render(renamed(record))), Reader(html)
    assert len(page.all("script")) == len(plain.all("script")) == 5
    assert len(page.all("img")) == len(plain.all("img"))
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert EVIL in "".join(page.text)


def test_json_for_a_script_cannot_end_it():
    text = str(script_json({"a": "</script><!-- & \u2028"}))
    assert "<" not in text
    assert "&" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": "</script><!-- & \u2028"}


@pytest.mark.slow
def test_sections_appear_only_where_there_is_something_to_say(record):
    task = dataclasses.replace(record.tasks[0], pictures={}, counts={})
    bare = dataclasses.replace(record, failures=(), searches=(), tasks=(task,), platforms=(), numerics={}, backbones=())
    html = render(bare)
    text = "".join(Reader(html).text)
    for heading in ("Failures", "The search of each backbone", "As the network sees them", "Weights", "Numerics"):
        assert heading not in text
    assert "The backbones" in text


def test_a_study_without_any_score_still_has_a_page(record):
    nothing = dataclasses.replace(record, results=record.results.iloc[:0], predictions=record.predictions.iloc[:0])
    text = "".join(Reader(render(nothing)).text)
    assert "What quality costs" not in text
    assert "Failures" in text


def without_defective_in_test(record: StudyRecord) -> StudyRecord:
    """The study on a test split of one class, where AUROC has no number."""
    task = record.tasks[0]
    counts = {**task.counts, "test": {"functional": 525, "defective": 0}}
    auroc = record.results["metric"] == "auroc"
    results = record.results.copy()
    results.loc[auroc, ["value", "low", "high"]] = math.nan
    predictions = record.predictions.copy()
    predictions.loc[predictions["split"] == "test", "label"] = 0
    tasks = (dataclasses.replace(task, metric="auroc", counts=counts),)
    return dataclasses.replace(record, results=results, predictions=predictions, tasks=tasks)


@pytest.mark.slow
def test_a_metric_without_a_number_says_why_and_an_absent_class_is_named(record, html):
    page = Reader(render(without_defective_in_test(record)))
    text = " ".join("".join(page.text).split())
    assert "AUROC on the test images is not defined (it needs images of two classes or more)" in text
    assert text.count("No test image is of defective: the results say nothing of it") == 2, "in the answer and the card"
    assert not re.search(r"\bnan\b", text, re.I)
    assert not [
        words for _, attributes in page.tags for words in [attributes.get("aria-label") or ""] if "nan" in words
    ]
    assert "No test image is of" not in "".join(Reader(html).text)


def test_the_border_of_a_grid_is_pointed_out(html):
    assert "lies at the border of the grid" in "".join(Reader(html).text)


def test_traces_are_folded(html):
    assert re.search(r"<details><summary>[^<]*not finite.*?<pre[^>]*>Traceback", html, re.S)


@pytest.mark.slow
def test_equal_records_give_equal_pages(record, html):
    assert render(record) == html


def test_the_page_stays_small(html):
    assert len(html.encode()) < 1_500_000


@pytest.mark.slow
def test_what_stands_beside_the_ranking_has_a_table_and_changes_nothing_else(record, html):
    assert "Further test splits" not in html
    best = record.results[(record.results["backbone"] == OLD) & (record.results["intervention"] == "plain")]
    night = best.assign(joined="", split="test-night", value=0.321, low=0.25, high=0.4)
    study = record.study.model_copy(update={"ensembles": {"both": EnsembleChoice(over=("seeds",))}})
    both = best[best["seed"] == 0].assign(kind="ensemble", joined="both", seed=pd.NA, value=0.876, low=0.8, high=0.9)
    beside = dataclasses.replace(
        record,
        study=study,
        further=pd.concat([night, both], ignore_index=True),
        unjoined=(
            Unjoined("elpv", "ensemble all of elpv lacks 1 of 4 networks"),
            Unjoined("elpv", "soup cells of elpv failed (<b>no disk</b>)"),
            Unjoined("other", "soup other of other failed (not here)"),
        ),
    )
    text = " ".join(Reader(render(beside)).text)
    assert re.search(r"test-night, plain\s+0\.321", text)
    assert re.search(r"ensemble both on test, plain\s+0\.876", text)
    assert "The ensemble all of elpv lacks 1 of 4 networks, so it has no result." in text
    assert "The soup cells of elpv failed (<b>no disk</b>), so it has no result." in text
    assert "not here" not in text
    mean = f"{best.loc[best['metric'] == 'accuracy', 'value'].mean():.3f}"
    assert text.count(mean) > " ".join(Reader(html).text).count(mean)  # the mean member stands beside the ensemble


def test_a_metric_without_an_interval_says_so():
    assert level(Interval(0.435, math.nan, math.nan), "auroc") == "0.435 (no interval)"


def test_rungs_that_no_recipe_reaches_are_not_told(record):
    def told(epochs):
        search = record.study.search.model_copy(update={"method": "halving", "rungs": (3, 10, 30)})
        recipe = record.study.recipe.model_copy(update={"epochs": epochs})
        changes = {name: {"epochs": epochs} for name in record.study.interventions}
        study = record.study.model_copy(update={"search": search, "recipe": recipe, "interventions": changes})
        return dict(details_of(dataclasses.replace(record, study=study)).protocol)["search"]

    assert told(30).endswith("rungs at 3, 10, 30 epochs")
    assert told(5).endswith("rungs at 3, 5 epochs")
    assert "rungs" not in told(3)
