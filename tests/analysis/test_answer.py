from dataclasses import replace

import pandas as pd
import pytest

from afield.analysis.answer import TaskAnswer, answer
from afield.analysis.compare import Ranking, RankRow
from afield.analysis.settle import would_settle
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
    compares = "backbones" if seeds else "networks"
    return Ranking("moths", "accuracy", "B", (first, second), n_test, n_test, first.seeds, compares, "C", ())


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


def test_one_seed_says_what_it_cannot_know() -> None:
    found = answered(make_record(seeds=(0,)))
    assert "One seed, 525 test images." in found.take
    assert any(warning.startswith("One seed: trained networks are compared") for warning in found.warnings)
    assert any(sentence.startswith("A second seed for every chosen recipe") for sentence in found.open)


def test_a_clear_winner_names_the_nearest() -> None:
    found = answered(make_record(strength={SQUEEZE: 0.5, LITE0: 0.9, LITE1: 1.7}, n_test=3000, seed_spread=0.01))
    assert f"No other ties with it; {LITE0} comes nearest (-" in found.take
    assert not any("To tell" in sentence for sentence in found.open)


def test_what_beats_the_choice_on_test_is_said_but_not_chosen() -> None:
    record = make_record(strength={SQUEEZE: 0.5, LITE0: 1.7}, n_test=3000, seed_spread=0.01)
    swapped = record.results.assign(validation=1 - record.results["validation"])
    found = answered(replace(record, results=swapped))
    assert found.take.startswith(f"Take {SQUEEZE}")
    assert f"On test {LITE0} (+" in found.take
    assert "did better, but validation chooses; test only reports." in found.take


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


def test_lower_is_better_is_not_held_against_imagenet() -> None:
    found = answered(make_record(metric="log_loss"))
    assert found.transfer == "ImageNet accuracy was not held against log-loss, for which lower is better."
    assert found.fit is None
    assert "points" not in found.take
    assert found.pretraining is not None
    assert found.pretraining.startswith(f"Pretraining helped {SQUEEZE}: -0.")


def test_times_of_several_machines_are_not_compared(record: StudyRecord) -> None:
    machines = ["fast" if seed else "slow" for seed in record.results["seed"]]
    found = answered(replace(record, results=record.results.assign(machine=machines)))
    assert "training time" not in found.take
    assert "Trained on two machines: training times are not compared." in found.warnings


@pytest.mark.parametrize(
    ("ranking", "sentence"),
    [
        # 1.96 x 0.01 against 0.0098: four times the variance may go, all of it from samples
        (ranked(gap=0.0098, samples=0.01, seeds=None), "about 2,000 test images instead of 500."),
        # 0.02 / 1.96 = 0.0102: samples alone need (0.0102^2 - 0.005^2), seeds alone are enough
        (
            ranked(gap=0.0196, samples=0.02, seeds=0.006),
            "about 3,100 test images instead of 500.",
        ),
        (ranked(gap=0.0196, samples=0.006, seeds=0.02), "about thirteen seeds instead of two."),
        (ranked(gap=0.0098, samples=0.01, seeds=0.01), "about 4,000 test images instead of 500 and about 16 seeds"),
        (ranked(gap=0.05, samples=0.01, seeds=0.01), "one more seed for each."),
        (ranked(gap=0.05, samples=0.01, seeds=None), "a few more test images."),
        (ranked(gap=0.0, samples=0.01, seeds=None), "nothing can be named: this test shows no difference to go by."),
    ],
)
def test_what_would_tell_two_backbones_apart(ranking: Ranking, sentence: str) -> None:
    first = next(would_settle(ranking, None))
    assert first.startswith("To tell C from B")
    assert sentence.replace("thirteen", "13") in first


def test_enough_backbones_for_a_correlation_are_counted(record: StudyRecord) -> None:
    fit = answered(record).fit
    assert fit is not None
    # n = ((1.960 + 0.842) / atanh(0.5))^2 + 3 = 29.01
    for r, words in ((0.5, "about 30 backbones (26 more)"), (-0.5, "about 30 backbones"), (0.05, "is so small that")):
        open_fit = replace(fit, verdict="cannot tell", pearson_r=Interval(r, -0.9, 0.9))
        assert words in list(would_settle(ranked(gap=0.1, samples=0.01, seeds=0.01), open_fit))[-1]
