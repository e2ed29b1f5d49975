"""What the page says of the chosen one alone, of all metrics and of both protocols."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afield.analysis.answer import answer
from afield.analysis.ranking.compare import rank_backbones
from afield.report import words
from afield.report.chosen import chosen_section
from afield.report.chosen_charts import AS_TRAINED, SCALED, reliability_chart, subgroup_chart
from afield.report.figures import Figures
from afield.report.page import render
from afield.report.recorded import metric_table
from afield.scoring.intervals import Interval
from afield.scoring.panel import fitting
from afield.study.record import StudyRecord
from tests.fixtures.records import STRENGTH, make_record, with_counterpart, with_subgroups
from tests.report.test_charts import svg
from tests.report.test_page import EVIL, Reader, specifications

SITES = ["north"] * 200 + [EVIL] * 320 + ["tiny"] * 5
NAMES = words.short_names(STRENGTH)


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    return replace(make_record(), searches=())


@pytest.fixture(scope="module")
def html(record) -> str:
    both = with_counterpart(record, dict.fromkeys(STRENGTH, 0.02))
    return render(with_subgroups(both, site=SITES))


def text_of(html: str) -> str:
    return " ".join("".join(Reader(html).text).split())


@pytest.mark.slow
def test_every_part_stands_in_the_page(html):
    text = text_of(html)
    for heading in ("All recorded metrics", "Both protocols", "What the chosen one does", "By class", "By site"):
        assert heading in text
    assert "How sure it is" in text
    assert "was on average 2.0 points better than under clean (by backbone from +2.0 to +2.0)" in text
    assert "The other study of this folder is simulated-paper." in text
    assert "fewer than ten samples" in text
    assert not re.search(r"\bnan\b", text, re.I)


@pytest.mark.slow
def test_values_of_subgroups_stay_text_in_tables_charts_and_words(html):
    page = Reader(html)
    assert len(page.all("script")) == 5
    assert len(page.all("img")) == 8
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert EVIL in "".join(page.text)
    assert json.dumps(EVIL) in json.dumps(specifications(html))


@pytest.mark.slow
def test_charts_have_their_numbers_in_words_and_in_a_table(html):
    labels = [attributes.get("aria-label") or "" for _, attributes in Reader(html).tags if "data-chart" in attributes]
    (by_site,) = (label for label in labels if "by site" in label)
    (sure,) = (label for label in labels if label.startswith("Confidence of"))
    for value in re.findall(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", by_site + sure):
        assert value in text_of(html)
    assert "on all test images 0." in by_site


def rows_of(record: StudyRecord, **changes: Any):
    task = replace(record.tasks[0], **changes)
    found = replace(record, tasks=(task,))
    section = chosen_section(found, rank_backbones(record, "elpv"), (), Figures(), NAMES)
    assert section is not None
    return section


@pytest.mark.slow
def test_by_class_gives_counts_recall_precision_and_f1(record):
    section = rows_of(record)
    assert section.classes.heads == ("class", "test images", "recall", "precision", "F1")
    assert [row.name for row in section.classes.rows] == ["functional", "defective"]
    counts = record.tasks[0].counts["test"]
    for row in section.classes.rows:
        assert row.cells[0] == str(counts[row.name])
        assert re.fullmatch(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", row.cells[1])
    assert "(exact)" in section.classes.caption


@pytest.mark.slow
def test_a_class_without_test_images_is_in_the_table_too(record):
    predictions = record.predictions.copy()
    predictions["logits"] = [np.append(logits, -9.0) for logits in predictions["logits"]]
    section = rows_of(replace(record, predictions=predictions), classes=("functional", "defective", "broken"))
    assert section.classes.rows[2].cells == ("0", "no test image", "never said", "\u2014")


@pytest.mark.slow
def test_many_classes_are_folded_clusters_are_counted_and_few_of_them_flagged():
    few = with_subgroups(make_record(seeds=(0,), cluster_size=45), half=["a"] * 270 + ["b"] * 255)
    predictions = few.predictions.copy()
    predictions["logits"] = predictions["logits"].map(lambda logits: np.append(logits, [-9.0] * 11))
    names = tuple(f"class {number}" for number in range(13))
    task = replace(few.tasks[0], classes=names, pictures={}, counts={})
    html = render(replace(few, searches=(), predictions=predictions, tasks=(task,)))
    assert "<summary>All 13 classes</summary>" in html
    text = text_of(html)
    assert text.count("Twelve clusters of test images are few: below 30, intervals are rough") == 5
    assert "525 test images in twelve clusters alone (one seed)" in text
    assert '<th scope="col">clusters</th>' in html
    assert text.count("fewer than ten clusters") == 2


def several(record: StudyRecord) -> StudyRecord:
    """The same study with two labels that may both be there; a tenth is unknown."""
    generator = np.random.default_rng(0)
    predictions = record.predictions.copy()
    vectors = np.stack([predictions["label"] == index for index in (0, 1)], axis=1).astype(np.int64)
    vectors[generator.random(vectors.shape) < 0.1] = -1
    first = dict(zip(predictions["sample"], vectors, strict=True))
    predictions["label"] = [first[sample] for sample in predictions["sample"]]
    leading = record.results[record.results["metric"] == "macro_f1"]
    names = tuple(dict.fromkeys(("macro_f1_global", *fitting(2, multi_label=True))))
    results = pd.concat([leading.assign(metric=name) for name in names], ignore_index=True)
    task = replace(record.tasks[0], metric="macro_f1_global", metrics=names, target="labels")
    return replace(record, predictions=predictions, results=results, tasks=(task,))


@pytest.mark.slow
def test_several_labels_say_what_is_unknown_and_have_no_reliability(record):
    found = several(record)
    section = chosen_section(found, rank_backbones(found, "elpv"), (), Figures(), NAMES)
    assert section is not None
    assert section.reliability is None
    assert section.classes.heads[:3] == ("class", "test images", "not known of")
    assert section.classes.caption.endswith("decided as macro F1 (one threshold) settles it on validation")


@pytest.mark.slow
def test_how_sure_it_is_tells_both_errors_as_they_were_recorded(record):
    section = rows_of(record)
    assert section.reliability is not None
    ranking = rank_backbones(record, "elpv")
    rows = record.results[(record.results["backbone"] == ranking.winner) & (record.results["seed"] == 0)]
    rows = rows[rows["intervention"] == "plain"].set_index("metric")
    for name in ("calibration_error", "calibration_error_scaled"):
        value, low, high = (float(rows.loc[name, column]) for column in ("value", "low", "high"))
        assert words.with_interval(Interval(value, low, high)) in section.reliability.words[0]
    images = [int(row.cells[0]) for row in section.reliability.table.rows]
    assert sum(images) == 525


@pytest.mark.slow
def test_all_metrics_stand_in_one_table_with_the_rankings_interval_for_the_leading_one(record):
    ranking = rank_backbones(record, "elpv")
    table = metric_table(record, ranking, NAMES)
    assert table is not None
    assert [row.id for row in table.rows] == list(record.tasks[0].metrics)
    assert table.heads[1:] == tuple(NAMES[row.backbone] for row in ranking.rows)
    leading = table.rows[0]
    assert leading.standing == "leading"
    assert list(leading.cells) == [words.with_interval(row.test) for row in ranking.rows]
    loss = next(row for row in table.rows if row.id == "log_loss")
    assert loss.standing == "lower is better"
    first = record.results[
        (record.results["backbone"] == ranking.winner)
        & (record.results["metric"] == "log_loss")
        & (record.results["intervention"] == "plain")
    ]
    assert loss.cells[0].startswith(f"{first['value'].mean():.3f} (")


@pytest.mark.slow
def test_more_subgroups_than_one_reads_are_listed_by_size(record):
    sites = [f"site {index // 12:02d}" for index in range(525)]
    found = with_subgroups(record, site=sites)
    (part,) = answer(found).tasks
    section = chosen_section(found, part.ranking, part.subgroups, Figures(), NAMES)
    assert section is not None
    (by_site,) = section.subgroups
    assert len(by_site.table.rows) == 40
    assert by_site.left_out == "4 smaller ones: afield table OUT --by site"
    assert by_site.chart is None


BINS = pd.DataFrame(
    {
        "of": [AS_TRAINED, AS_TRAINED, SCALED],
        "confidence": [0.6, 0.9, 0.8],
        "accuracy": [0.5, 0.7, 0.75],
        "n": [20, 80, 100],
    }
)


def groups(count: int) -> pd.DataFrame:
    names = [f"g{index}" for index in range(count)]
    frame = pd.DataFrame({"name": names, "value": 0.7, "low": 0.6, "high": 0.8, "words": "0.700 (0.600 to 0.800)"})
    return frame.assign(worse=frame.index == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (subgroup_chart(groups(2), 0.7, metric="accuracy"), ["g0", "g1", "0.700 (0.600 to 0.800)"]),
        (subgroup_chart(groups(9), 0.7, metric="accuracy"), ["g0", "g8", "accuracy on the test images"]),
        (
            subgroup_chart(groups(2).assign(low=np.nan, high=np.nan), 0.7, metric="F1"),
            ["g0", "F1 on the test images"],
        ),
        (reliability_chart(BINS), [AS_TRAINED, SCALED, "share that is right"]),
    ],
)
def test_charts_are_drawn(chart, expected):
    drawn = svg(chart)
    for text in expected:
        assert text in drawn
    assert "NaN" not in drawn
