from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from statsmodels.stats.power import NormalIndPower

from afield.analysis.answer import TaskAnswer, answer
from afield.analysis.deciding.settle import would_settle
from afield.analysis.ranking.compare import Ranking, RankRow
from afield.analysis.ranking.paired import Compares
from afield.backbones.sets import PAPER
from afield.scoring.intervals import Interval
from afield.study.record import StudyRecord
from tests.fixtures.records import STRENGTH, make_record

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH


def answered(record: StudyRecord) -> TaskAnswer:
    (only,) = answer(record).tasks
    return only


def ranked(*, gap: float, samples: float, seeds: float | None, n_test: int = 500) -> Ranking:
    """Two backbones, B chosen and C tied with it."""
    level = Interval(0.8, 0.77, 0.83)
    first = RankRow("B", 0.8, level, None, None, None, False, 80.0, 100.0, 5.0, 0.5, 77.0, 2 if seeds else 1)
    second = replace(first, backbone="C", difference=Interval(gap, gap - 9, gap + 9), tied=True)
    second = replace(second, sample_error=samples, seed_error=seeds, train_seconds=20.0)
    compares: Compares = "backbones" if seeds else "networks"
    return Ranking("moths", "accuracy", "B", (first, second), n_test, n_test, first.seeds, compares, "C", ())


@pytest.mark.slow
def test_the_quickstarts_answer_reads_as_a_person_would_write_it(record: StudyRecord) -> None:
    found = answered(record)
    first = found.ranking.rows[0]
    value = f"{first.test.value:.3f} ({first.test.low:.3f} to {first.test.high:.3f})"
    assert found.take.startswith(f"Take {first.backbone}: accuracy {value}. ")
    assert f"tie with it; the cheapest, {SQUEEZE} (" in found.take
    assert found.take.endswith(" of the training time. Two seeds, 525 test images.")
    assert "Four backbones: |r| must exceed 0.95 for p < 0.05; here r = " in found.transfer
    assert found.pretraining is not None
    assert found.pretraining.startswith(f"Pretraining helped {SQUEEZE}: +")
    assert "(three epochs pretrained, six epochs from scratch)." in found.pretraining
    assert found.warnings == (
        f"One training of {LITE1} failed; the report lists the reasons.",
        f"The learning_rate chosen for {SQUEEZE} (scratch) lies at an end of its grid; a wider grid may do better.",
        f"What is said of ImageNet hangs on {SQUEEZE}: ImageNet accuracy from 58.4 to 77.5 %, a range of 19.1 points; "
        f"without {SQUEEZE} it would be 2.6.",
    )


@pytest.mark.slow
def test_one_seed_says_what_it_cannot_know() -> None:
    found = answered(make_record(seeds=(0,)))
    assert "One seed, 525 test images." in found.take
    assert any(warning.startswith("One seed: trained networks are compared") for warning in found.warnings)
    assert any(sentence.startswith("A second seed for every chosen recipe") for sentence in found.open)


@pytest.mark.slow
def test_a_clear_winner_names_the_nearest() -> None:
    strength = {SQUEEZE: 0.5, LITE0: 0.9, LITE1: 1.7}
    found = answered(make_record(strength=strength, n_test=3000, seed_spread=0.01, metrics=["accuracy"]))
    assert f"No other ties with it; {LITE0} comes nearest (-" in found.take
    assert not any("To tell" in sentence for sentence in found.open)


@pytest.mark.slow
def test_what_beats_the_choice_on_test_is_said_but_not_chosen() -> None:
    record = make_record(strength={SQUEEZE: 0.5, LITE0: 1.7}, n_test=3000, seed_spread=0.01, metrics=["accuracy"])
    swapped = record.results.assign(validation=1 - record.results["validation"])
    found = answered(replace(record, results=swapped))
    assert found.take.startswith(f"Take {SQUEEZE}")
    assert f"On test {LITE0} (+" in found.take
    assert "did better, but validation chooses; test only reports." in found.take


@pytest.mark.slow
def test_one_backbone_is_still_answered() -> None:
    found = answered(make_record(strength={SQUEEZE: 1.3}))
    assert "It is the only backbone that was scored." in found.take
    assert "One backbone: a line needs at least three." in found.transfer
    assert found.open == ("For a verdict on ImageNet: ten or more backbones that differ in ImageNet accuracy.",)


def test_a_study_without_results_is_answered_in_words(record: StudyRecord) -> None:
    for results in (record.results.iloc[:0], pd.DataFrame()):
        predictions = record.predictions.iloc[:0]
        found = answered(replace(record, results=results, predictions=predictions, failures=()))
        assert found.take == "There is nothing to take: no backbone was scored on the test images."
        assert "no pretrained backbone was scored" in found.transfer
        assert found.pretraining is None
        assert sum("is not ranked (not finished)" in warning for warning in found.warnings) == 4


@pytest.mark.slow
def test_lower_is_better_is_not_held_against_imagenet() -> None:
    found = answered(make_record(metric="log_loss"))
    assert found.transfer == "ImageNet accuracy was not held against log-loss, for which lower is better."
    assert found.fit is None
    assert "points" not in found.take
    assert found.pretraining is not None
    assert found.pretraining.startswith(f"Pretraining helped {SQUEEZE}: -0.")


def test_a_metric_without_points_is_not_held_against_imagenet(record: StudyRecord) -> None:
    results = record.results.replace({"metric": {"accuracy": "my_lab:euros"}})
    task = replace(record.tasks[0], metric="my_lab:euros", own_range=(0.0, 1000.0))
    resampled = {key: np.random.default_rng(0).normal(0.8, 0.01, 2000) for key in results["key"]}
    found = answered(replace(record, results=results, tasks=(task,), resampled=resampled))
    assert found.fit is None
    assert found.transfer == (
        "ImageNet accuracy was not held against euros, whose range is not within -1..1: it has no points."
    )


@pytest.mark.slow
def test_times_of_several_machines_are_not_compared(record: StudyRecord) -> None:
    machines = ["fast" if seed else "slow" for seed in record.results["seed"]]
    found = answered(replace(record, results=record.results.assign(machine=machines)))
    assert "training time" not in found.take
    assert "Trained on two machines: training times are not compared." in found.warnings


@pytest.mark.parametrize(
    ("ranking", "sentence"),
    [
        # 80 % power at 5 % takes 1.960 + 0.842 = 2.802 standard errors: (2.802 x 0.01 / 0.0098)^2 = 8.17 times as many
        (ranked(gap=0.0098, samples=0.01, seeds=None), "about 4,100 test images instead of 500."),
        # allowed variance 0.0196^2 / 2.802^2 = 4.894e-5; less 3.6e-5 for seeds leaves 1.294e-5 of 4e-4
        (ranked(gap=0.0196, samples=0.02, seeds=0.006), "about 15,000 test images instead of 500."),
        (ranked(gap=0.0196, samples=0.006, seeds=0.02), "about 62 seeds instead of two."),
        (ranked(gap=0.0098, samples=0.01, seeds=0.01), "about 8,200 test images instead of 500 and about 33 seeds"),
        (ranked(gap=0.05, samples=0.01, seeds=0.01), "one more seed for each."),
        (ranked(gap=0.05, samples=0.01, seeds=None), "a few more test images."),
        # images alone would take 61 times as many, seeds alone 2.6 times: only what can be done is named
        (ranked(gap=0.0196, samples=0.0055, seeds=0.00696), "in four cases of five: about six seeds instead of two."),
    ],
)
def test_what_would_tell_two_backbones_apart(ranking: Ranking, sentence: str) -> None:
    first = next(would_settle(ranking, None))
    assert first.startswith("To tell C from B, should the difference stay")
    assert sentence in first


def test_the_images_named_are_those_of_a_power_analysis() -> None:
    # per image, the standard deviation of the difference is 0.01 x sqrt(500)
    n = NormalIndPower().solve_power(0.0098 / (0.01 * np.sqrt(500)), alpha=0.05, power=0.8, ratio=0)
    assert f"about {float(f'{n:.2g}'):,.0f} test images" in next(
        would_settle(ranked(gap=0.0098, samples=0.01, seeds=None), None)
    )


@pytest.mark.parametrize(
    ("ranking", "words"),
    [
        (ranked(gap=0.003, samples=0.0178, seeds=0.01), ("(0.3 points)", "images and seeds.", "one of 5.7 points")),
        (ranked(gap=0.0, samples=0.01, seeds=None), ("(0.0 points)", "test images.", "one of 2.8 points")),
    ],
)
def test_a_difference_that_nobody_could_show_is_not_called_equality(ranking: Ranking, words: tuple[str, ...]) -> None:
    first = next(would_settle(ranking, None))
    assert first.startswith("C and B cannot be told apart at a bearable cost")
    assert "That is no sign that they are equal" in first
    assert "more than 50 times the test images" in first
    for each in words:
        assert each in first


def test_no_study_is_said_to_show_a_difference_larger_than_the_metric_has() -> None:
    first = next(would_settle(ranked(gap=0.0, samples=0.5, seeds=None), None))  # three clusters of test images
    assert first.endswith("no sign that they are equal: a study as small as this could not have shown any difference.")


def test_many_backbones_make_a_difference_harder_to_show() -> None:
    two = ranked(gap=0.0098, samples=0.01, seeds=None)
    ten = replace(two, rows=(*two.rows, *[replace(two.rows[1], backbone=f"D{i}", tied=False) for i in range(8)]))
    # the normal quantile of 0.025 / 9 is 2.773: (2.773 + 0.842)^2 x 0.01^2 / 0.0098^2 = 13.6 times
    assert "about 6,800 test images" in next(would_settle(ten, None))


@pytest.mark.slow
def test_enough_backbones_for_a_verdict_are_counted(record: StudyRecord) -> None:
    fit = answered(record).fit
    assert fit is not None
    # n = ((1.960 + 0.842) / atanh(0.5))^2 + 3 = 29.01
    for r, words in ((0.5, "about 30 backbones (26 more)"), (-0.5, "about 30 backbones"), (0.05, "is so small beside")):
        margin = 0.2 * t.isf(0.025, 2) / (r * np.sqrt(2) / np.sqrt(1 - r**2)) * np.sign(r)  # of four points with that r
        slope = Interval(0.2 * np.sign(r), 0.2 * np.sign(r) - margin, 0.2 * np.sign(r) + margin)
        open_fit = replace(fit, verdict="cannot tell", normalised_slope=slope)
        assert words in list(would_settle(ranked(gap=0.1, samples=0.01, seeds=0.01), open_fit))[-1]


@pytest.mark.slow
def test_points_and_ranking_give_a_number_one_interval(record: StudyRecord) -> None:
    found = answered(record)
    assert found.fit is not None
    tests = {row.backbone: row.test for row in found.ranking.rows}
    for point in found.fit.points.to_dict("records"):
        test = tests[point["backbone"]]
        assert (point["value"], point["low"], point["high"]) == pytest.approx((test.value, test.low, test.high))


@pytest.mark.slow
def test_what_is_not_defined_is_no_tie() -> None:
    one_cluster = answered(make_record(seeds=(0,), cluster_size=525, metrics=["accuracy"]))
    assert "tie" not in one_cluster.take
    assert "would compare with it is not known: all test images are one cluster" in one_cluster.take
    assert one_cluster.pretraining is not None
    assert one_cluster.pretraining.startswith(f"What pretraining brought {SQUEEZE} is not known: all test images")


@pytest.mark.slow
def test_what_no_backbone_was_ranked_by_is_said(record: StudyRecord) -> None:
    found = answered(replace(record, results=record.results.assign(validation=float("nan"))))
    assert found.take == "There is nothing to take: no backbone could be ranked."
    assert f"{SQUEEZE} is not ranked: its accuracy on validation is not defined." in found.warnings


@pytest.mark.slow
def test_a_verdict_that_hangs_on_one_family_is_warned_of() -> None:
    """Four backbones that are alike on ImageNet and here, and two of one family far above: these two make the slope."""
    names = PAPER[:6]
    top1 = dict(zip(names, (60.0, 60.5, 61.0, 61.5, 79.0, 80.0), strict=True))
    record = make_record(
        strength=dict(zip(names, (0.8, 0.82, 0.78, 0.81, 1.8, 1.85), strict=True)),
        n_test=2000,
        seeds=(0,),
        seed_spread=0.0,
        metrics=["accuracy"],
    )
    families = dict(zip(names, ("A", "B", "C", "D", "Lite", "Lite"), strict=True))
    results = record.results.assign(
        imagenet_top1=record.results["backbone"].map(top1), family=record.results["backbone"].map(families)
    )
    found = answered(replace(record, results=results))
    assert found.fit is not None
    assert found.fit.verdict == "transfers"
    warning = (
        "Without the two backbones of the family Lite the verdict on ImageNet would be another; backbones of one "
        "family tend to do alike."
    )
    assert found.warnings.count(warning) == 1
    alone = results.assign(family=results["backbone"])
    assert not any("of the family" in each for each in answered(replace(record, results=alone)).warnings)


@pytest.mark.slow
def test_backbones_of_two_families_get_no_verdict_however_near_a_line() -> None:
    strength = dict(zip(STRENGTH, (0.2, 2.0, 2.2, 2.1), strict=True))
    found = answered(make_record(strength=strength, seed_spread=0.01, metrics=["accuracy"]))
    assert found.fit is not None
    assert (found.fit.verdict, found.fit.hangs_on) == ("cannot tell", None)
    assert "a line through two families may be nothing but how these two differ" in found.fit.reason
