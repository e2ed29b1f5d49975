"""Does the answer hang on the metric?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, pearsonr

from afield.analysis.analyse import analyse
from afield.analysis.deciding.stability import metric_dependence
from afield.analysis.fitting.association import correlations, kendall, overlapping_p
from afield.analysis.study_fits import fit_study, told_rows
from afield.analysis.tables.table import TableChoice
from afield.study.record import StudyRecord
from tests.fixtures.shared import shared


def table(n: int = 14, **further: np.ndarray) -> pd.DataFrame:
    """One task whose AUROC is flat, and whose accuracy goes with ImageNet accuracy; or other metrics in their place."""
    generator = np.random.default_rng(2)
    x = np.linspace(57, 84, n)
    values = {
        "auroc": 0.9 + 0.0001 * generator.normal(size=n),
        "accuracy": 0.2 + 0.008 * x + 0.005 * generator.normal(size=n),
        **further,
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "backbone": [f"net{place:02}" for place in range(n)],
                    "imagenet_top1": x,
                    "task": "melanoma",
                    "metric": metric,
                    "value": each,
                }
            )
            for metric, each in values.items()
        ],
        ignore_index=True,
    )


def test_a_conclusion_that_another_metric_turns_is_told() -> None:
    found = analyse(table()).over("metrics")
    (row,) = found.table.to_dict("records")
    assert (row["metric"], row["other"], row["n"]) == ("auroc", "accuracy", 14)
    assert (row["verdict"], row["verdict_other"], row["same_verdict"]) == ("does not", "transfers", False)
    auroc, accuracy = (table().query("metric == @name")["value"].to_numpy() for name in ("auroc", "accuracy"))
    x = np.linspace(57, 84, 14)
    assert row["r"] == pytest.approx(pearsonr(x, auroc).statistic)
    assert row["r_other"] == pytest.approx(pearsonr(x, accuracy).statistic)
    assert row["tau"] == pytest.approx(kendalltau(auroc, accuracy).statistic)
    assert row["tau_low"] < row["tau"] < row["tau_high"]
    assert row["best"] == f"net{auroc.argmax():02}"
    assert row["best_other"] == f"net{accuracy.argmax():02}"
    assert row["loss"] == pytest.approx(100 * (accuracy.max() - accuracy[auroc.argmax()]))
    assert row["r_p"] < 0.001
    assert found.words.startswith(
        "melanoma: does not by AUROC, but transfers by accuracy. The best by AUROC is not the"
    )
    assert "r with ImageNet accuracy is another by accuracy on melanoma" in found.words
    assert "A point of one metric is not a point of another" in found.words


def test_a_metric_that_only_stretches_another_changes_nothing() -> None:
    leading = 0.2 + 0.006 * np.linspace(57, 84, 14) + 0.01 * np.random.default_rng(4).normal(size=14)
    found = analyse(table(auroc=leading, accuracy=leading - 0.05)).over("metrics")
    (row,) = found.table.to_dict("records")
    assert row["same_verdict"]
    assert row["same_best"]
    assert (row["tau"], row["loss"], row["r_p"]) == pytest.approx((1, 0, 1))
    assert np.isnan(row["tau_low"])
    assert found.words == (
        "melanoma: transfers by AUROC, and so by accuracy. The best by AUROC is the best by accuracy (tau 1.00)."
    )


def test_the_loss_has_the_interval_of_the_other_metrics_errors() -> None:
    told = table().assign(low=lambda each: each["value"] - 0.02, high=lambda each: each["value"] + 0.02)
    (row,) = analyse(told).over("metrics").table.to_dict("records")
    assert 0 <= row["loss_low"] <= row["loss"] <= row["loss_high"]


@pytest.mark.slow
def test_only_backbones_that_have_both_count() -> None:
    holed = table()
    holed = holed[~((holed["metric"] == "accuracy") & (holed["backbone"] == "net03"))]
    (row,) = analyse(holed).over("metrics").table.to_dict("records")
    assert row["n"] == 13
    few = analyse(table(n=3)).over("metrics")
    one = analyse(table().query("metric == 'auroc'")).over("metrics")
    for found in (few, one):
        assert found.table.empty
        assert found.words.endswith("no task has two metrics of four backbones or more.")


@pytest.mark.slow
def test_every_further_metric_of_a_study_has_a_row(record: StudyRecord) -> None:
    fits = fit_study(record, 0.1)
    found = metric_dependence(fits, told_rows(record))
    assert found.table["metric"].eq("accuracy").all()
    assert found.table["other"].tolist() == [fit.metric for fit in fits[1:]]
    assert found.words.startswith("elpv: cannot tell by accuracy, and so by all ")
    assert "rather too wide" not in found.words


@pytest.mark.slow
def test_a_further_metric_whose_errors_are_not_known_together_is_named(record: StudyRecord) -> None:
    leading, other, *_ = fit_study(record, 0.1)
    alone = replace(other, observed=replace(other.observed, errors=np.diag(np.diag(other.observed.errors))))
    assert "define balanced accuracy on elpv to tell how they move" in metric_dependence([leading, alone]).words


def test_two_r_that_share_a_side_are_told_apart_as_often_as_chance_does() -> None:
    generator = np.random.default_rng(1)
    p = []
    for _ in range(600):
        x, common = generator.normal(size=(2, 15))
        y, z = 0.6 * x + common + 0.3 * generator.normal(size=(2, 15))
        p.append(overlapping_p(x, y, z))
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.075
    # by hand, r 0.6 and 0.3, 0.5 between them, 103 points: q = 0.225, f = 0.25 / 0.775 = 0.32258,
    # h = (1 - 0.072581) / 0.775 = 1.196670; z = 0.693147 - 0.309520; variance = 2 x 0.5 x 1.196670 / 100
    root = np.linalg.cholesky(np.array([[1, 0.6, 0.3], [0.6, 1, 0.5], [0.3, 0.5, 1]]))
    white = generator.normal(size=(103, 3))
    white = np.linalg.qr(white - white.mean(axis=0))[0]
    x, y, z = (white @ root.T).T
    assert overlapping_p(x, y, z) == pytest.approx(0.000453, abs=3e-6)  # 2 x normal tail of 3.50690
    assert overlapping_p(x, y, y) == 1
    assert np.isnan(overlapping_p(x, x, z))


def test_kendall_alone_is_that_of_all_three() -> None:
    points = table().query("metric == 'accuracy'")
    row = correlations(points).set_index("coefficient").loc["Kendall"]
    alone = kendall(points["imagenet_top1"].to_numpy(), points["value"].to_numpy())
    assert (alone.value, alone.low, alone.high) == pytest.approx((row["value"], row["low"], row["high"]))


def test_imagenetv2_by_top5() -> None:
    """By top-5 the order of the 64 networks is nearly that of top-1, and the verdict is the same."""
    wide = pd.read_csv(shared("published/imagenetv2_recht_predictions_top1.csv"))
    columns = {"v2_matched_frequency": "top1", "v2_matched_frequency_top5": "top5"}
    long = wide.rename(columns=columns).assign(task="ImageNetV2")[["model", "val", "task", *columns.values()]]
    choice = TableChoice(columns={"backbone": "model", "imagenet_top1": "val"}, values=("top1", "top5"), above=50)
    (row,) = analyse(long, choice).over("metrics").table.to_dict("records")
    assert (row["n"], row["verdict"], row["verdict_other"]) == (64, "transfers", "transfers")
    assert row["tau"] == pytest.approx(0.94, abs=0.03)
