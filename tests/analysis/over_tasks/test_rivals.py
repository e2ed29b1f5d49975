"""Rival explanations between backbones, and what tasks differ by."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ncf

from afield.analysis.analyse import analyse
from afield.analysis.fitting.regression import Nested
from afield.analysis.over_tasks.between_tasks import between_tasks
from afield.analysis.over_tasks.rivals import partial_limits, rival_explanations
from afield.analysis.study_fits import fit_study, told_rows
from afield.analysis.tables.table import TableChoice
from afield.study.record import StudyRecord
from tests.analysis.whole_matrices import cr2_p
from tests.fixtures.shared import shared


def table(n: int = 30, seed: int = 0, *, size: float = 0.0, data: float = 0.0, **columns: Any) -> pd.DataFrame:
    """Backbones with parameters and pretraining data that matter so much beside ImageNet accuracy."""
    generator = np.random.default_rng(seed)
    x, params = generator.uniform(57, 84, n), 10 ** generator.uniform(0, 2.5, n)
    big = np.arange(n) % 3 == 0
    value = 0.2 + 0.005 * x + size * np.log10(params) + data * big + 0.02 * generator.normal(size=n)
    return pd.DataFrame(
        {
            "backbone": [f"net{place:02}" for place in range(n)],
            "family": [("ResNet", "ViT", "VGG", "Mixer", "Swin")[place % 5] for place in range(n)],
            "imagenet_top1": x,
            "task": "moths",
            "metric": "accuracy",
            "value": value,
            "params_m": params,
            "year": generator.integers(2012, 2024, n),
            "pretraining": np.where(big, "ImageNet-21k", "ImageNet-1k"),
        }
    ).assign(**columns)


def rows(found: pd.DataFrame) -> pd.DataFrame:
    return analyse(found).over("rivals").table.set_index("rival")


@pytest.mark.slow
def test_the_regressions_are_those_of_statsmodels() -> None:
    data = table(size=0.03).assign(size=lambda each: np.log10(each["params_m"]))
    found = rows(data)
    for name, term in (
        ("params_m", "size"),
        ("year", "year"),
        ("family", "C(family)"),
        ("pretraining", "C(pretraining)"),
    ):
        smaller, alone = (smf.ols(f"value ~ {each}", data).fit() for each in ("imagenet_top1", term))
        both = smf.ols(f"value ~ imagenet_top1 + {term}", data).fit()
        row = found.loc[name]
        assert (row["r2_imagenet"], row["r2_rival"], row["r2_both"]) == pytest.approx(
            (smaller.rsquared, alone.rsquared, both.rsquared)
        )
        assert row["p"] == pytest.approx(both.compare_f_test(smaller)[1])
        assert row["imagenet_p"] == pytest.approx(both.compare_f_test(alone)[1])
        assert row["inflation"] == pytest.approx(1 / (1 - smf.ols(f"imagenet_top1 ~ {term}", data).fit().rsquared))
        means = np.array([np.delete(data["value"].to_numpy(), place).mean() for place in range(len(data))])
        spread = ((data["value"] - means) ** 2).sum()
        for column, fit in (("imagenet", smaller), ("rival", alone), ("both", both)):
            press = (fit.get_influence().resid_press ** 2).sum()
            assert row[f"predicted_{column}"] == pytest.approx(1 - press / spread)
    assert (found.loc["family", "columns"], found.loc["params_m", "columns"]) == (4, 1)


@pytest.mark.slow
def test_where_families_err_alike_a_number_has_the_p_of_cr2() -> None:
    data = table(size=0.03)
    found, families = rows(data), data["family"].to_numpy()
    design = np.column_stack([np.ones(len(data)), data["imagenet_top1"], np.log10(data["params_m"])])
    row, y = found.loc["params_m"], data["value"].to_numpy()
    assert row["family_p"] == pytest.approx(cr2_p(design, y, families, 2), rel=1e-6)
    assert row["imagenet_family_p"] == pytest.approx(cr2_p(design, y, families, 1), rel=1e-6)
    assert np.isnan(found.loc["family", ["family_p", "imagenet_family_p"]].astype(float)).all(), "families themselves"
    assert np.isnan(found["family_p"]["pretraining"]), "levels"
    assert "Allowing that families err alike (CR2, Holm), of the rivals that are numbers " in (
        analyse(data).over("rivals").words
    )


@pytest.mark.slow
def test_a_partial_correlation_is_that_of_what_is_left_of_both() -> None:
    data = table(size=-0.03)
    row = rows(data).loc["params_m"]
    constant = sm.add_constant(data[["imagenet_top1"]])
    left = [sm.OLS(each, constant).fit().resid for each in (data["value"], np.log10(data["params_m"]))]
    r = np.corrcoef(*left)[0, 1]
    assert row["partial_r"] == pytest.approx(r)
    assert r < -0.5
    # Fisher's z with n - 4 = 26
    limits = np.tanh(np.arctanh(r) + 1.959964 / np.sqrt(26) * np.array([-1, 1]))
    assert (row["low"], row["high"]) == pytest.approx(tuple(limits))
    turned = sm.OLS(data["value"], sm.add_constant(np.log10(data["params_m"]))).fit()
    rest = sm.OLS(data["imagenet_top1"], sm.add_constant(np.log10(data["params_m"]))).fit()
    assert row["imagenet_partial_r"] == pytest.approx(np.corrcoef(turned.resid, rest.resid)[0, 1])


@given(f=st.floats(0.1, 40), columns=st.integers(1, 6), freedom=st.integers(3, 60))
@settings(max_examples=20, deadline=None)
def test_limits_of_levels_are_those_of_the_noncentral_f(f: float, columns: int, freedom: int) -> None:
    share = f * columns / (f * columns + freedom)
    found = Nested(0.5, 0.5 + 0.5 * share, f, 0.5, freedom)
    assert found.partial_r2 == pytest.approx(share)
    limits = partial_limits(found, freedom + columns + 2, columns, 0.0)
    for limit, tail in ((limits.low, 0.975), (limits.high, 0.025)):
        size = limit**2 / (1 - limit**2) * (columns + freedom + 1)
        if limit > 0:
            assert ncf.cdf(f, columns, freedom, size) == pytest.approx(tail, abs=1e-6)
        else:
            assert ncf.cdf(f, columns, freedom, 1e-9) <= tail + 1e-6
    assert limits.low <= limits.high


def test_limits_of_levels_are_found_among_many_backbones_too() -> None:
    """Of 1,555, where scipy has NaN for the smallest probabilities on the way."""
    found = Nested(0.5674, 0.6877, f=31.112755607, p=0.0, freedom=1534)
    limits = partial_limits(found, 1555, 19, 0.0)
    for limit, tail in ((limits.low, 0.975), (limits.high, 0.025)):
        size = limit**2 / (1 - limit**2) * (19 + 1534 + 1)
        assert ncf.cdf(found.f, 19, 1534, size) == pytest.approx(tail, abs=1e-6)
    assert limits.low < limits.value < limits.high


def test_all_rivals_predict_where_a_level_has_one_backbone_of_whom_numbers_are_known() -> None:
    # two networks of one family, of which the year of one is not known: among those with a year it is alone
    families = [*["ResNet"] * 14, *["ViT"] * 14, "VGG", "VGG"]
    years = [*map(str, np.arange(30) % 7 + 2012)]
    found = analyse(table(n=30, family=families, year=[*years[:-1], ""])).over("rivals")
    every = found.table.set_index("rival").loc["all"]
    assert every["made_of"] == "params_m, year, family, pretraining"
    assert every["n"] == 29
    assert np.isfinite(every["predicted_both"])
    assert ", with all 0." in found.words
    assert "nan" not in found.words


@pytest.mark.slow
def test_levels_of_one_backbone_are_one_level() -> None:
    data = table(n=12, family=[*["ResNet"] * 5, *["ViT"] * 4, "VGG", "Mixer", "Swin"])
    assert rows(data).loc["family", "columns"] == 2  # ResNet, ViT, others
    alone = table(n=12, family=[*["ResNet"] * 6, *["ViT"] * 5, "VGG"])
    assert rows(alone).loc["family", "columns"] == 1  # VGG with ViT
    assert "family" not in rows(table(n=12, family="ResNet")).index
    assert "family" not in rows(table(n=12, family=[f"family{place}" for place in range(12)])).index


@pytest.mark.slow
def test_what_explains_is_found_and_what_does_not_is_not() -> None:
    found = analyse(table(n=60, data=0.08)).over("rivals")
    p = found.table.set_index("rival")["p_holm"]
    assert p["pretraining"] < 0.001
    assert p[["params_m", "year", "family"]].min() > 0.05
    assert np.isnan(p["all"])
    assert found.words.startswith("moths: given ImageNet accuracy these explain more (partial r): pretraining data (0.")
    assert "with the best rival beside it (pretraining data) 0." in found.words
    nothing = analyse(table(n=60)).over("rivals").words
    assert nothing.startswith("moths: given ImageNet accuracy no rival clearly explains more. Of the variance")


@pytest.mark.slow
def test_all_together_is_what_adds_to_the_others() -> None:
    data = table(
        n=30, objective=lambda each: np.where(each["pretraining"] == "ImageNet-1k", "supervised", "image-text")
    )
    row = rows(data).loc["all"]
    assert row["made_of"] == "params_m, year, family, pretraining"  # the objective is the data once more
    assert (row["n"], row["columns"]) == (30, 7)
    design = "value ~ imagenet_top1 + np.log10(params_m) + year + C(family) + C(pretraining)"
    assert row["r2_both"] == pytest.approx(smf.ols(design, data).fit().rsquared)


@pytest.mark.slow
def test_what_goes_with_imagenet_accuracy_is_warned_of() -> None:
    close = table().assign(params_m=lambda each: 10 ** (each["imagenet_top1"] / 20 + 0.01 * (each["year"] - 2018)))
    found = analyse(close).over("rivals")
    assert found.table.set_index("rival")["inflation"]["params_m"] > 5
    assert "Of parameters ImageNet accuracy cannot be told apart well" in found.words
    assert "beside parameters that of ImageNet accuracy itself is not clear" in found.words
    assert "explanations find something by luck" not in found.words
    assert "explanations find something by luck" in analyse(table(n=12)).over("rivals").words


@pytest.mark.slow
def test_a_rival_that_is_not_known_of_all_has_its_own_backbones() -> None:
    data = table()
    data.loc[:3, "params_m"] = np.nan
    data.loc[4:, "year"] = np.nan
    found = analyse(data).over("rivals")
    by_rival = found.table.set_index("rival")
    assert by_rival.loc["params_m", "n"] == 26
    smaller = smf.ols("value ~ imagenet_top1", data[4:]).fit()
    assert by_rival.loc["params_m", "r2_imagenet"] == pytest.approx(smaller.rsquared)
    assert "year" not in by_rival.index
    assert "Known of fewer than half of the backbones, and so not asked: year." in found.words


@pytest.mark.slow
def test_where_nothing_is_known_that_is_said() -> None:
    bare = table()[["backbone", "imagenet_top1", "task", "metric", "value"]]
    for data in (bare, table(n=4)):
        found = analyse(data).over("rivals")
        assert found.table.empty
        assert "nothing else is known of these backbones, or too few have it" in found.words


@pytest.mark.slow
def test_the_catalogue_tells_what_a_table_does_not(record: StudyRecord) -> None:
    fits, told = fit_study(record, 0.1), told_rows(record)
    assert {"objective", "augmentation", "input_size", "classes", "n_train"} <= set(told.columns)
    assert rival_explanations(fits, told).table.empty  # four backbones
    tasks = between_tasks(fits, told).table
    assert tasks.loc[0, "classes"] == 2
    assert tasks.loc[0, "n_test"] == 525


@pytest.mark.slow
def test_between_tasks_is_shown_and_not_claimed() -> None:
    generator = np.random.default_rng(7)
    blocks = []
    for place, (slope, classes) in enumerate(((0.002, 2), (0.004, 10), (0.006, 28))):
        block = table(n=12)
        value = 0.1 + slope * block["imagenet_top1"] + 0.01 * generator.normal(size=12)
        blocks.append(block.assign(task=f"task{place}", value=value, classes=classes))
    found = analyse(pd.concat(blocks, ignore_index=True)).over("tasks")
    assert found.table["task"].tolist() == ["task2", "task1", "task0"]
    assert found.table["classes"].tolist() == [28, 10, 2]
    assert (found.table["low"] < found.table["slope"]).all()
    assert found.words.startswith("Over three tasks the slope goes with (Spearman's rho): number of classes 1.00.")
    assert "so few prove nothing of others" in found.words
    assert "too few tasks tell of them" in analyse(table()).over("tasks").words


@pytest.mark.slow
def test_timm_on_sketch() -> None:
    """What pretraining data were explains more of accuracy on Sketch beside ImageNet accuracy than size does."""
    columns = {"backbone": "model+img_size", "value": "top1", "params_m": "param_count", "input_size": "img_size"}
    choice = TableChoice(columns=columns, metric="accuracy", imagenet=shared("published/timm_results-imagenet.csv"))
    found = analyse(shared("published/timm_results-sketch.csv"), choice).over("rivals")
    by_rival = found.table.set_index("rival")
    assert by_rival.loc[["params_m", "pretraining"], "predicted_both"].tolist() == pytest.approx(
        [0.701, 0.843], abs=1e-3
    )
    assert by_rival.loc["params_m", "partial_r"] == pytest.approx(0.383, abs=1e-3)
    assert by_rival["low"].le(by_rival["partial_r"]).all()
    assert by_rival["high"].ge(by_rival["partial_r"]).all()
