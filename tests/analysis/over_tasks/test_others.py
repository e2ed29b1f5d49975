"""Does the mean over the other tasks explain what ImageNet accuracy leaves open?"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.analysis.analyse import analyse
from afield.analysis.described import together
from afield.analysis.fitting.curves import spline_column
from afield.analysis.fitting.regression import groups_left_out, inflation, left_out, nested, p_by_family, predicted_r2
from afield.analysis.fitting.uncertainty import by_family
from afield.analysis.over_tasks.others import FEWEST, beyond_imagenet
from afield.analysis.over_tasks.side_by_side import side_by_side
from afield.analysis.questions import QUESTIONS
from afield.analysis.student import holm
from afield.analysis.tables.table import TableChoice
from tests.analysis.whole_matrices import cr2_p
from tests.fixtures.shared import shared


def world(n: int = 24, tasks: int = 4, *, seed: int = 0, common: float = 0.03, families: int = 0) -> pd.DataFrame:
    """Backbones on several tasks; `common`: what they are good at on all of them, ImageNet apart."""
    generator = np.random.default_rng(seed)
    x, general = generator.uniform(57, 84, n), generator.normal(size=n)
    blocks = [
        pd.DataFrame(
            {
                "backbone": [f"net{place:02}" for place in range(n)],
                "family": [f"family{place % families}" if families else "" for place in range(n)],
                "imagenet_top1": x,
                "task": f"task{task}",
                "metric": "accuracy",
                "n_test": 500,
                "value": 0.2 + 0.005 * x + common * general + 0.01 * generator.normal(size=n),
            }
        )
        for task in range(tasks)
    ]
    return pd.concat(blocks, ignore_index=True)


def standardised_others(table: pd.DataFrame, task: str) -> pd.Series:
    wide = table.pivot_table(index="backbone", columns="task", values="value").drop(columns=task)
    return ((wide - wide.mean()) / wide.std(ddof=1)).mean(axis=1)


@pytest.mark.slow
def test_the_two_regressions_are_those_of_statsmodels() -> None:
    table = world()
    found = beyond_imagenet(analyse(table).fits).table.set_index(["task", "base"])
    mine = table[table["task"] == "task2"].set_index("backbone")
    x, y = mine["imagenet_top1"], mine["value"]
    mean = standardised_others(table, "task2").loc[x.index]
    for base, there, here in (("line", x, y), ("logit", np.log(x / (100 - x)), np.log(y / (1 - y)))):
        if base == "logit":
            logits = table.assign(value=np.log(table["value"] / (1 - table["value"])))
            mean = standardised_others(logits, "task2").loc[x.index]
        smaller = sm.OLS(here, sm.add_constant(pd.DataFrame({"x": there}))).fit()
        larger = sm.OLS(here, sm.add_constant(pd.DataFrame({"x": there, "mean": mean}))).fit()
        f, p, _ = larger.compare_f_test(smaller)
        row = found.loc[("task2", base)]
        assert (row["f"], row["p"]) == pytest.approx((f, p))
        assert (row["r2_imagenet"], row["r2_both"]) == pytest.approx((smaller.rsquared, larger.rsquared))
        assert row["gain"] == pytest.approx(larger.rsquared - smaller.rsquared)
        assert (row["n"], row["freedom"], row["others"]) == (24, larger.df_resid, 3)
    line = found.xs("line", level="base")
    for name in ("p", "family_p"):
        assert line[f"{name}_holm"].tolist() == pytest.approx(holm(line[name].tolist()), nan_ok=True)


@pytest.mark.slow
def test_where_families_err_alike_p_is_that_of_cr2() -> None:
    table = world(n=15, families=5)
    finding = beyond_imagenet(analyse(table).fits)
    found = finding.table.set_index(["task", "base"]).loc[("task1", "line")]
    mine = table[table["task"] == "task1"].set_index("backbone")
    mean = standardised_others(table, "task1").loc[mine.index]
    design, y = np.column_stack([np.ones(15), mine["imagenet_top1"], mean]), mine["value"].to_numpy()
    assert found["family_p"] == pytest.approx(cr2_p(design, y, mine["family"].to_numpy(), 2), rel=1e-6)
    assert "allowing that families err alike, it is clear on" in finding.words
    # families of one are backbones: CR2 is then HC2, of which statsmodels knows the variance but not the freedom
    weights = (np.linalg.inv(design.T @ design) @ design.T)[2]
    alone = by_family(weights, np.linalg.qr(design)[0], y, np.zeros((15, 15)), np.arange(15))[0]
    assert alone == pytest.approx(sm.OLS(y, design).fit(cov_type="HC2").bse[2] ** 2)
    assert np.isnan(p_by_family(design[:, :2], design[:, 2], y, [""] * 15))


@pytest.mark.slow
def test_the_error_is_that_of_each_backbone_predicted_by_a_fit_without_it() -> None:
    table = world(n=11, families=4)
    found = beyond_imagenet(analyse(table).fits).table.set_index(["task", "base"]).loc[("task0", "line")]
    mine = table[table["task"] == "task0"].set_index("backbone")
    design = sm.add_constant(
        pd.DataFrame({"x": mine["imagenet_top1"], "mean": standardised_others(table, "task0").loc[mine.index]})
    )

    def error(columns: list[str], groups: pd.Series) -> float:
        squares = []
        for group in groups.unique():
            rest, own = groups != group, groups == group
            fit = sm.OLS(mine["value"][rest], design[columns][rest]).fit()
            squares += list((100 * (mine["value"][own] - fit.predict(design[columns][own]))) ** 2)
        return float(np.sqrt(np.mean(squares)))

    single = pd.Series(mine.index, index=mine.index)
    assert found["error_imagenet"] == pytest.approx(error(["const", "x"], single))
    assert found["error_others"] == pytest.approx(error(["const", "mean"], single))
    assert found["error_both"] == pytest.approx(error(["const", "x", "mean"], single))
    assert found["family_error_imagenet"] == pytest.approx(error(["const", "x"], mine["family"]))
    assert found["family_error_both"] == pytest.approx(error(["const", "x", "mean"], mine["family"]))


@pytest.mark.slow
def test_errors_between_logits_are_told_in_points() -> None:
    table = world(n=9)
    found = beyond_imagenet(analyse(table).fits).table.set_index(["task", "base"]).loc[("task0", "logit")]
    mine = table[table["task"] == "task0"]
    x, y = (np.log(share / (1 - share)) for share in (mine["imagenet_top1"].to_numpy() / 100, mine["value"].to_numpy()))
    misses = []
    for place in range(9):
        rest = np.arange(9) != place
        slope, intercept = np.polyfit(x[rest], y[rest], 1)
        predicted = 1 / (1 + np.exp(-(intercept + slope * x[place])))
        misses.append(100 * (mine["value"].iloc[place] - predicted))
    assert found["error_imagenet"] == pytest.approx(np.sqrt(np.mean(np.square(misses))))


@pytest.mark.slow
@given(seed=st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_a_task_is_never_in_its_own_mean(seed: int) -> None:
    table = world(n=10, seed=seed)
    noise = np.random.default_rng(seed).uniform(0.2, 0.9, len(table))
    changed = table.assign(value=np.where(table["task"] == "task1", noise, table["value"]))
    before, after = (side_by_side(analyse(each).fits) for each in (table, changed))
    np.testing.assert_array_equal(before.others("task1"), after.others("task1"))
    one, other = before.others("task0"), after.others("task0")
    assert one is not None
    assert other is not None
    assert not np.allclose(one, other)


@pytest.mark.slow
@pytest.mark.long
def test_without_anything_common_it_is_said_as_often_as_chance_says_it() -> None:
    tables = [beyond_imagenet(analyse(world(seed=seed, tasks=9, common=0.0)).fits).table for seed in range(12)]
    line = pd.concat(tables).query("base == 'line'")
    assert 0.01 < (line["p"] < 0.05).mean() < 0.1  # of 108
    clear = beyond_imagenet(analyse(world(common=0.03)).fits)
    assert (clear.table["p_holm"] < 0.001).all()
    assert "explains variance on all four tasks (partial F, Holm over tasks; 24 backbones)" in clear.words


@pytest.mark.slow
def test_what_is_only_a_bend_of_the_line_is_not_found_beyond_a_spline() -> None:
    table = world(n=40, common=0.0)
    bend = pd.Series(spline_column(table["imagenet_top1"].to_numpy()))
    bent = table.assign(value=table["value"] - 0.02 * bend)
    found = beyond_imagenet(analyse(bent).fits)
    by_base = found.table.groupby("base")["p_holm"].max()
    assert by_base["line"] < 0.001
    assert by_base["spline"] > 0.05
    assert "lest it be no more than a bend of the line: on none of four" in found.words


@pytest.mark.slow
def test_only_backbones_that_have_every_task_count_and_the_others_are_named() -> None:
    table = world(n=12)
    holed = table[~((table["backbone"] == "net03") & (table["task"] == "task2"))]
    found = beyond_imagenet(analyse(holed).fits)
    assert set(found.table["n"]) == {11}
    assert "so without net03." in found.words
    pd.testing.assert_frame_equal(found.table, beyond_imagenet(analyse(table[table["backbone"] != "net03"]).fits).table)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (world(tasks=1), "that takes two tasks or more"),
        (world(n=5), "that takes six backbones that have every task, and here 5 have"),
        (world(n=8).assign(imagenet_top1=70.0), "all backbones have the same ImageNet accuracy"),
    ],
)
def test_what_cannot_be_told_is_not_told(table: pd.DataFrame, words: str) -> None:
    found = beyond_imagenet(analyse(table).fits)
    assert found.table.empty
    assert words in found.words
    assert "p_holm" in found.table
    assert words in together(analyse(table))


@pytest.mark.slow
def test_a_constant_task_is_in_no_mean_and_has_no_rows() -> None:
    table = world(n=10)
    constant = table.assign(value=table["value"].where(table["task"] != "task3", 0.5))
    found = beyond_imagenet(analyse(constant).fits)
    assert set(found.table["others"]) == {2}
    assert set(found.table["task"]) == {"task0", "task1", "task2"}
    assert "Without task3, where all backbones are equal" in found.words


@pytest.mark.slow
def test_web_scraped_tasks_are_in_no_mean() -> None:
    table = world(n=12)
    told = table.assign(domain=np.where(table["task"] == "task0", "web-scraped", "real-world"))
    found = analyse(told).over("others")
    others = found.table.query("base == 'line'").set_index("task")["others"]
    assert others.to_dict() == {"task0": 3, "task1": 2, "task2": 2, "task3": 2}
    assert "In no mean, being web-scraped: task0." in found.words
    every = analyse(table.assign(domain="web-scraped")).over("others")
    assert set(every.table["others"]) == {3}


@pytest.mark.slow
def test_few_degrees_of_freedom_and_collinearity_are_warned_of() -> None:
    table = world(n=FEWEST + 2, common=0.0).assign(value=lambda each: each["value"] + 0.05 * each["imagenet_top1"] / 85)
    steep = table.assign(value=0.2 + 0.008 * table["imagenet_top1"] + 0.02 * (table["value"] - 0.5))
    found = beyond_imagenet(analyse(steep).fits)
    assert "Five degrees of freedom: only a partial correlation above 0.75" in found.words  # t 2.571: .7545
    assert "which of them explains cannot be told well" in found.words
    assert found.table["inflation"].min() > 5


@pytest.mark.slow
def test_a_mean_over_tasks_and_imagenet_itself_take_no_part() -> None:
    table = world(n=12)
    itself = table[table["task"] == "task0"].assign(task="imagenet", value=lambda each: each["imagenet_top1"] / 100)
    found = analyse(pd.concat([table, itself]), TableChoice(mean=True)).over("others")
    pd.testing.assert_frame_equal(found.table, analyse(table).over("others").table)
    with pytest.raises(ValueError, match="others"):
        analyse(table).over("other")


@given(seed=st.integers(0, 1000), n=st.integers(8, 30))
@settings(max_examples=10, deadline=None)
def test_least_squares_by_several_columns(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), generator.normal(size=(n, 3))])
    y = design @ generator.normal(size=4) + generator.normal(size=n)
    fit = sm.OLS(y, design).fit()
    residual, without = left_out(design, y)
    np.testing.assert_allclose(residual, fit.resid, atol=1e-10)
    np.testing.assert_allclose(without, fit.get_influence().resid_press, atol=1e-9)
    np.testing.assert_allclose(groups_left_out(design, y, np.arange(n)), without, atol=1e-9)
    found = nested(design[:, :2], design[:, 2:], y)
    assert found is not None
    f, p, _ = fit.compare_f_test(sm.OLS(y, design[:, :2]).fit())
    assert (found.f, found.p, found.freedom) == pytest.approx((f, p, n - 4))
    assert 0 <= found.partial_r2 <= 1
    means = np.array([np.delete(y, place).mean() for place in range(n)])
    assert predicted_r2(y, without) == pytest.approx(1 - (without**2).sum() / ((y - means) ** 2).sum())


def test_variance_inflation_is_that_of_statsmodels() -> None:
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    generator = np.random.default_rng(3)
    x = generator.normal(size=20)
    design = np.column_stack([np.ones(20), x, x + 0.3 * generator.normal(size=20)])
    assert inflation(design[:, 2], design[:, :2]) == pytest.approx(variance_inflation_factor(design, 2))
    assert inflation(2 * x, design[:, :2]) == np.inf
    assert nested(design[:, :2], 3 * x[:, None], x + 0.1 * generator.normal(size=20)) is None


@pytest.mark.slow
def test_in_the_text_each_has_its_words() -> None:
    found = analyse(world(n=12))
    text = together(found)
    assert text.startswith("Beyond ImageNet accuracy the mean over the other three tasks explains variance on ")
    for name in QUESTIONS:
        assert found.over(name).words in text
    assert text.count("\n\n") == sum(not found.over(name).table.empty for name in QUESTIONS)


@pytest.mark.slow
def test_biobench() -> None:
    """The study's sentence, on others' numbers: the mean over the other ecology tasks explains far more than ImageNet
    accuracy leaves, on all but mammalnet, where a spline of ImageNet accuracy leaves hardly anything.
    """
    columns = {"backbone": "model", "task": "dataset", "low": "ci_low", "high": "ci_high"}
    ecology = ("beluga", "ecdysis", "fishnet", "fungiclef", "herbarium19", "iwildcam", "kabr", "mammalnet", "plankton")
    found = analyse(
        shared("published/biobench_results_tidy.csv"), TableChoice(columns=columns, tasks=(*ecology, "plantnet"))
    ).over("others")
    rows = found.table.set_index(["task", "base"])
    assert set(found.table["n"]) == {81}
    assert (found.table.query("base == 'line'")["p_holm"] < 0.001).all()
    assert rows.loc[("herbarium19", "line"), ["r2_imagenet", "r2_both"]].tolist() == pytest.approx(
        [0.434, 0.901], abs=5e-4
    )
    assert rows.loc[("mammalnet", "spline"), "gain"] == pytest.approx(0.007, abs=5e-4)
    assert "on all ten tasks" in found.words
