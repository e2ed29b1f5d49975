"""Figures that others published or that follow from their tables, made again by `analyse` (docs/published.md).

The tables lie beside a checkout on the build machines; without them these tests are skipped.
"""

import json
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.analysis.analyse import Analysis, analyse
from afield.analysis.described import headlines
from afield.analysis.fitting.association import correlations, misranked
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.robust import family_bootstrap, outliers, slopes
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.tables.table import TableChoice
from afield.base.errors import InputError
from tests.fixtures.shared import shared

BIOBENCH = {"backbone": "model", "task": "dataset", "low": "ci_low", "high": "ci_high"}
ECOLOGY = (
    *("beluga", "ecdysis", "fishnet", "fungiclef", "herbarium19"),
    *("iwildcam", "kabr", "mammalnet", "plankton", "plantnet"),
)


def published(name: str) -> Path:
    return shared(f"published/{name}")


def only(found: Analysis) -> TransferFit:
    (fit,) = found.fits
    return fit


def value(fit: TransferFit, name: str) -> float:
    interval = getattr(fit, name)
    assert interval is not None
    return float(interval.value)


def ranks(fit: TransferFit) -> tuple[float, float, float]:
    """R2, Spearman's rho and the share of pairs in the wrong order."""
    rho = correlations(fit.points).set_index("coefficient")["value"]["Spearman"]
    return value(fit, "pearson_r") ** 2, rho, misranked(fit.points)


def by_size(name: str) -> Analysis:
    """A table of timm against its table of ImageNet; two sizes of one weight are two backbones."""
    columns = {"backbone": "model+img_size", "value": "top1"}
    choice = TableChoice(columns=columns, metric="accuracy", imagenet=published("timm_results-imagenet.csv"))
    return analyse(published(name), choice)


LONG = [pytest.mark.slow, pytest.mark.long]
"""tables of the same shape as the first and the last, four seconds each"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n", "linear", "probit", "r2", "families"),
    [
        ("timm_results-imagenetv2-matched-frequency.csv", 1556, 1.144, 0.963, 0.9919, (1.041, 1.238)),
        pytest.param("timm_results-imagenet-real.csv", 1556, 0.812, 0.911, None, (0.721, 0.909), marks=LONG),
        pytest.param("timm_results-sketch.csv", 1556, 1.516, 1.413, 0.8159, (0.971, 2.041), marks=LONG),
        pytest.param("timm_results-imagenet-r.csv", 1556, 1.679, 1.446, 0.7104, (1.085, 2.255), marks=LONG),
        ("timm_results-imagenet-a.csv", 1555, 2.889, 3.556, 0.8031, (1.438, 4.271)),
    ],
)
def test_timm(name: str, n: int, linear: float, probit: float, r2: float | None, families: tuple[float, float]) -> None:
    fit = only(by_size(name))
    assert fit.n == n
    assert (value(fit, "normalised_slope"), value(fit, "probit_slope")) == pytest.approx((linear, probit), abs=6e-4)
    by_families = family_bootstrap(fit.points)
    assert by_families is not None
    assert (by_families[1].low, by_families[1].high) == pytest.approx(families, abs=6e-4)
    assert groups_of(fit.points).nunique() == 118
    if r2 is not None:
        on_axes = slopes(fit.observed).set_index(["axis", "method"])["r2"]
        assert on_axes["probit", "least squares"] == pytest.approx(r2, abs=5e-5)
    if "v2" in name:
        assert value(fit, "pearson_r") == pytest.approx(0.9904, abs=5e-5)


def test_timm_lists_a_weight_twice_and_that_is_refused() -> None:
    choice = TableChoice(columns={"backbone": "model", "value": "top1"})
    with pytest.raises(InputError, match=r"stands 2 times .* and so do 289 more\. They differ in img_size"):
        analyse(published("timm_results-sketch.csv"), choice)


@pytest.mark.slow
def test_imagenet_v2() -> None:
    path = published("imagenetv2_recht_predictions_top1.csv")
    columns = {"backbone": "model", "imagenet_top1": "val"}
    wide = TableChoice(columns=columns, values=("v2_matched_frequency",), metric="accuracy")

    def of(**more: object) -> TransferFit:
        return only(analyse(path, TableChoice(**{**wide.__dict__, **more})))

    above, whole, sound = of(above=50.0), of(), of(without=("fv_16k",))
    assert (above.n, whole.n, sound.n) == (64, 67, 66)
    assert value(above, "normalised_slope") == pytest.approx(1.110, abs=5e-4)
    assert value(above, "pearson_r") == pytest.approx(0.9957, abs=5e-5)
    assert value(above, "probit_slope") == pytest.approx(0.968, abs=5e-4)
    assert value(whole, "normalised_slope") == pytest.approx(1.059, abs=5e-4)
    assert value(sound, "normalised_slope") == pytest.approx(0.977, abs=5e-4)
    assert value(sound, "probit_slope") == pytest.approx(0.951, abs=5e-4)
    assert outliers(whole.points)["backbone"].iloc[0] == "fv_16k"
    drops = above.points["imagenet_top1"] - 100 * above.points["value"]
    assert (drops.min(), drops.max()) == pytest.approx((10.3, 13.6), abs=0.05)


@pytest.mark.slow
def test_model_ranking() -> None:
    choice = TableChoice(columns={"backbone": "model", "task": "dataset", "value": "finetuned_acc"}, metric="accuracy")
    found = {fit.task: value(fit, "pearson_r") for fit in analyse(published("tll_model_ranking.csv"), choice).fits}
    assert len(found) == 8
    assert (min(found, key=lambda task: found[task]), max(found, key=lambda task: found[task])) == (
        "StanfordCars",
        "CIFAR10",
    )
    assert (found["StanfordCars"], found["CIFAR10"]) == pytest.approx((0.481, 0.883), abs=5e-4)
    assert sum(found.values()) / 8 == pytest.approx(0.723, abs=6e-4)


def on_page(name: str, head: str) -> dict[str, list[str]]:
    """The cells of a table of docs/, by its first column; the table whose head starts so."""
    lines = (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(head))
    rows = list(takewhile(lambda line: line.startswith("|"), lines[start:]))[2:]
    cells = [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]
    return {first: others for first, *others in cells}


def printed(found: Analysis) -> dict[str, tuple[str, ...]]:
    """r, slope and verdict of each task as the command prints them."""
    return {task.removesuffix(" tasks"): tuple(cells[-3:]) for task, *cells in headlines(found)}


@pytest.mark.slow
def test_the_page_of_the_model_ranking_has_what_is_printed() -> None:
    columns = {"backbone": "model", "task": "dataset", "value": "finetuned_acc"}
    choice = TableChoice(columns=columns, metric="accuracy", mean=True)
    page = on_page("published.md", "| task | r | points per ImageNet point | verdict |")
    assert {task.removesuffix(" tasks"): tuple(cells) for task, cells in page.items()} == printed(
        analyse(published("tll_model_ranking.csv"), choice)
    )


@pytest.mark.slow
def test_the_page_of_biobench_has_what_is_printed() -> None:
    path = published("biobench_results_tidy.csv")
    page = on_page("biobench.md", "| task | n | r | points per ImageNet point |")
    whole, above = (
        analyse(path, TableChoice(columns=BIOBENCH, tasks=ECOLOGY, mean=True, above=cut)) for cut in (None, 75.0)
    )
    assert {task: (r, slope, verdict) for task, (_, r, slope, _, verdict, _) in page.items()} == printed(whole)
    assert {task: cells[-1] for task, cells in page.items()} == {
        task: cells[-1] for task, cells in printed(above).items()
    }
    assert {task: int(n) for task, (n, *_) in page.items()} == {
        fit.task.removesuffix(" tasks"): fit.n for fit in whole.fits
    }


def test_torchvision_is_where_the_model_ranking_has_its_accuracies_from() -> None:
    table = pd.read_csv(published("torchvision_imagenet_top1.csv"))
    assert len(table) == 17
    theirs = dict(zip(table["model"].str.replace("_", "").str.replace("10", ""), table["imagenet_top1"], strict=True))
    ranking = pd.read_csv(published("tll_model_ranking.csv")).drop_duplicates("model")
    for name, top1 in zip(ranking["model"], ranking["imagenet_top1"], strict=True):
        key = name.lower().replace(" ", "").replace("10", "")
        assert theirs[key] == pytest.approx(top1, abs=0.005), name


@pytest.mark.slow
def test_biobench_of_2026() -> None:
    path = published("biobench_results_tidy.csv")
    found = {fit.task: fit for fit in analyse(path, TableChoice(columns=BIOBENCH, tasks=ECOLOGY, mean=True)).fits}
    assert len(found) == 11
    for task, r in (("beluga", -0.125), ("plankton", 0.254), ("iwildcam", 0.725), ("mammalnet", 0.789)):
        assert value(found[task], "pearson_r") == pytest.approx(r, abs=5e-4)
    mean = found["mean of 10 tasks"]
    assert mean.n == 81
    assert ranks(mean)[:2] == pytest.approx((0.544, 0.840), abs=5e-4)
    above = only_mean(path, TableChoice(columns=BIOBENCH, tasks=ECOLOGY, mean=True, above=75.0))
    assert above.n == 60
    assert ranks(above)[1:] == pytest.approx((0.742, 0.198), abs=5e-4)
    # this project's verdict (docs/biobench.md)
    verdicts = {task: fit.verdict for task, fit in found.items()}
    assert {task for task in ECOLOGY if verdicts[task] != "transfers"} == {"beluga", "plankton"}
    assert (verdicts["beluga"], verdicts["plankton"], mean.verdict) == ("does not", "does not", "transfers")


def only_mean(path: Path | pd.DataFrame, choice: TableChoice) -> TransferFit:
    (fit,) = [fit for fit in analyse(path, choice).fits if fit.task.startswith("mean of")]
    return fit


@pytest.mark.slow
def test_biobench_of_2025(tmp_path: Path) -> None:
    path = tmp_path / "biobench_2025.csv"
    tidy_2025(published("biobench_results_6315cbb_2025-05-23.json")).to_csv(path, index=False)
    choice = TableChoice(columns={"imagenet_top1": "imagenet"}, mean=True)
    found = analyse(path, choice).fits
    mean = next(fit for fit in found if fit.task == "mean of 9 tasks")
    assert mean.n == 43
    assert ranks(mean)[:2] == pytest.approx((0.403, 0.781), abs=5e-4)
    above = only_mean(path, TableChoice(columns={"imagenet_top1": "imagenet"}, mean=True, above=75.0))
    assert above.n == 21
    assert ranks(above)[1:] == pytest.approx((0.532, 0.314), abs=1e-3)
    single = [ranks(fit) for fit in found if fit is not mean]
    assert len(single) == 9
    assert sum(each[1] for each in single) / 9 == pytest.approx(0.556, abs=1e-3)
    assert sum(each[0] for each in single) / 9 == pytest.approx(0.297, abs=1e-3)


def tidy_2025(path: Path) -> pd.DataFrame:
    """The file of May 2025 as a table: as docs/published.md does it."""
    data = json.loads(path.read_text(encoding="utf-8"))
    table = pd.DataFrame(data["results"])
    imagenet = table[table["task"] == "imagenet1k"].set_index("model")["mean"]
    families = {each["ckpt"]: each["family"] for each in data["models"]}
    table = table[table["task"].isin([each["name"] for each in data["benchmark_tasks"]])]
    return pd.DataFrame(
        {
            "backbone": table["model"],
            "family": table["model"].map(families),
            "imagenet": table["model"].map(imagenet),
            "task": table["task"],
            "metric": "score",
            "value": table["mean"],
        }
    )


def test_vtab_has_no_imagenet_and_three_headers() -> None:
    path = published("vtab_results.csv")
    with pytest.raises(InputError, match="column 1000 stands 19 times; a table has one header row"):
        analyse(path)
    table: Any = pd.read_csv(path, header=[0, 1, 2], index_col=0)  # a column of it is a table
    means = pd.DataFrame({n: table[n].astype(float).mean(axis=1) for n in ("1000", "full")})
    for method, few, full in (
        ("Sup-Rotation-100%", 67.97, 90.19),
        ("Sup-100%", 66.37, 89.74),
        ("From-Scratch", 43.14, 75.43),
    ):
        assert tuple(means.loc[method]) == pytest.approx((few, full), abs=5e-3)
    assert means["full"].idxmax() == means["1000"].idxmax() == "Sup-Rotation-100%"
    tidy = table["full"].droplevel(1, axis=1).reset_index(names="backbone").melt("backbone", var_name="task")
    with pytest.raises(InputError, match="no backbone has an ImageNet accuracy"):
        analyse(tidy)
    known = tidy.assign(imagenet_top1=70.0)
    with pytest.raises(InputError, match=r"value on Caltech101: 0\.148026 and .* stand in one column"):
        analyse(known)  # the failed run of Cond-BigGAN: 0.148 %


@pytest.mark.slow
def test_eight_web_scraped_sets_as_kornblith_puts_them_together() -> None:
    columns = {"backbone": "model", "task": "dataset", "value": "finetuned_acc"}
    found = analyse(published("tll_model_ranking.csv"), TableChoice(columns=columns, metric="accuracy"))
    # plain numpy and scipy: logit(accuracy) less each data set's mean, averaged; its line on logit(ImageNet)
    line = found.domain_slopes().set_index("axis").loc["logit"]
    assert (line["domain"], line["tasks"], line["n"]) == ("all tasks", 8, 10)
    assert line["slope"] == pytest.approx(0.8725, abs=5e-5)
    assert line["r"] == pytest.approx(0.8388, abs=5e-5)
    backbones = found.adjusted_logits().set_index("backbone")
    assert backbones.loc["Inception V3", "value"] == pytest.approx(0.1854, abs=5e-5)
    assert backbones.loc["MNasNet", ["value", "error"]].tolist() == pytest.approx([-0.2411, 0.0802], abs=5e-5)
    (over,) = found.overall
    assert over.verdict == "transfers"


@pytest.mark.slow
def test_ten_ecology_tasks_have_one_verdict_and_slopes_far_apart() -> None:
    found = analyse(published("biobench_results_tidy.csv"), TableChoice(columns=BIOBENCH, tasks=ECOLOGY))
    (over,) = found.overall
    assert (over.n, over.verdict, over.by_families) == (81, "transfers", True)
    # families are told, of whose backbones Hotelling's test knows nothing
    assert over.differ_p is None
    assert "cannot be asked where backbones of one family err alike (from -0.01 on beluga" in over.reason
