"""Over tasks: against statsmodels' MixedLM and MANOVA, scipy's line of a difference, and what must hold."""

import json
import math
from dataclasses import astuple, replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import linregress, t
from statsmodels.multivariate.multivariate_ols import _MultivariateOLS

from afield.analysis.analyse import analyse
from afield.analysis.answer import answer
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.crossed import (
    Cells,
    cells_of,
    crossed_slope,
    slopes_differ,
    spread_beyond_noise,
    task_reach,
)
from afield.analysis.over_tasks.overall_verdict import (
    LEADING_METRICS,
    OverallVerdict,
    overall_of_study,
    overall_verdict,
)
from afield.analysis.study_fits import fit_study
from afield.analysis.tables.table import TableChoice
from tests.fixtures.records import STRENGTH, make_record, on_tasks

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH


def cells(tasks: int = 4, n: int = 14, groups: str = "", spread: float = 0.2, seed: int = 0) -> Cells:
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(56, 84, n))
    common = 2 * generator.normal(size=n)
    slopes = 0.3 + spread * generator.normal(size=tasks)
    y = 30 + slopes[:, None] * x + common + 2 * generator.normal(size=(tasks, n))
    names = tuple(f"net{place:02}" for place in range(n))
    family = np.array(list(groups)) if groups else np.array(names)
    return Cells(tuple("abcdefgh"[:tasks]), names, family, x, y, np.zeros((tasks, n, n)), ())


def table(found: Cells, metric: str = "accuracy") -> pd.DataFrame:
    """The same numbers as a results table."""
    blocks = [
        pd.DataFrame(
            {
                "backbone": found.backbones,
                "family": found.groups,
                "imagenet_top1": found.x,
                "task": task,
                "metric": metric,
                "value": found.y[place] / 100,
            }
        )
        for place, task in enumerate(found.tasks)
    ]
    return pd.concat(blocks, ignore_index=True)


def fits(found: Cells) -> tuple[TransferFit, ...]:
    return analyse(table(found)).fits


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
def test_the_parts_are_those_of_restricted_maximum_likelihood() -> None:
    given = cells()
    tasks, n = given.y.shape
    frame = pd.DataFrame(
        {
            "y": given.y.ravel(),
            "x": np.tile(given.x - given.x.mean(), tasks),
            "task": np.repeat(list(given.tasks), n),
            "backbone": np.tile(given.backbones, tasks),
            "all": 1,
        }
    )
    parts = {"backbone": "0 + C(backbone)", "slope": "0 + C(task):x"}
    model = sm.MixedLM.from_formula("y ~ C(task) + x", frame, groups="all", vc_formula=parts, re_formula="0").fit()
    found = crossed_slope(given, 0.95, range(tasks))
    assert not isinstance(found, str)
    assert found.here.value == pytest.approx(model.fe_params["x"])
    assert spread_beyond_noise(given) ** 2 == pytest.approx(model.vcomp[1], rel=1e-3)
    backbones = (found.here.high - found.here.value) / t.isf(0.025, n - 2)
    assert math.hypot(backbones, spread_beyond_noise(given) / 2) == pytest.approx(model.bse_fe["x"], rel=1e-3)
    assert found.anywhere.high - found.anywhere.low > 2 * 1.96 * model.bse_fe["x"]


def test_equal_slopes_are_tested_as_a_manova_would() -> None:
    given = cells()
    contrasts = np.array([[-1, 1, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1]]).T
    found = _MultivariateOLS(given.y.T, sm.add_constant(given.x)).fit()
    hotelling = found.mv_test([("x", np.array([[0, 1]]), contrasts)]).results["x"]["stat"]
    assert slopes_differ(given) == pytest.approx(float(hotelling.loc["Hotelling-Lawley trace", "Pr > F"]))
    two = cells(tasks=2)
    assert slopes_differ(two) == pytest.approx(linregress(two.x, two.y[1] - two.y[0]).pvalue)
    assert math.isnan(slopes_differ(cells(tasks=6, n=6))), "as many tasks as backbones"
    same = replace(given, y=given.y[[0, 0, 0, 0]])
    assert math.isnan(slopes_differ(same)), "one task four times tells nothing of tasks"


@pytest.mark.slow
def test_on_these_tasks_it_is_the_line_of_the_mean() -> None:
    given = cells()
    found = overall_verdict(fits(given))
    mean = next(fit for fit in analyse(table(given), TableChoice(mean=True)).fits if fit.task == "mean of 4 tasks")
    assert found is not None
    assert found.here is not None
    assert mean.normalised_slope is not None
    assert astuple(found.here) == pytest.approx(astuple(mean.normalised_slope))
    assert found.another is not None
    reach = task_reach(given.slopes, 0.95) * math.sqrt(5 / 4)
    assert found.another.high == pytest.approx(given.slopes.mean() + reach)
    assert found.slopes["slope"].tolist() == pytest.approx(sorted(given.slopes))


@pytest.mark.slow
def test_a_verdict_reads_backbones_and_tasks() -> None:
    one_answer = overall_verdict(fits(cells(tasks=6, spread=0.0)))
    several = overall_verdict(fits(cells(tasks=6, spread=0.5)))
    assert one_answer is not None
    assert several is not None
    assert (one_answer.verdict, several.verdict) == ("transfers", "cannot tell")
    assert "That the tasks differ in it is not shown (p = " in one_answer.reason
    assert "It is not one answer: the tasks differ in it (p < 0.001; from " in several.reason
    assert "Of these very tasks it is known better: " in several.reason
    level = cells(6, spread=0.0)
    flat = overall_verdict(fits(replace(level, y=50 + 0.1 * (level.y - 0.3 * level.x))))
    assert flat is not None
    assert flat.verdict == "does not"
    assert "surely smaller than the 0.1 that would matter" in flat.reason


@pytest.mark.slow
def test_families_make_it_wider_and_say_so() -> None:
    alone = overall_verdict(fits(cells(tasks=5, n=12)))
    families = overall_verdict(fits(cells(tasks=5, n=12, groups="aaabbbcccddd")))
    assert alone is not None
    assert families is not None
    assert not alone.by_families
    if families.by_families:
        assert ", for backbones of one family err alike)" in families.reason
    for found in (alone, families):
        assert found.slope is not None
        assert found.here is not None
        assert found.slope.low <= found.here.low <= found.here.high <= found.slope.high
    wide = cells(tasks=5, n=12, groups="aaaaaabbbbbb")
    wide = replace(wide, x=np.repeat([60.0, 80.0], 6))
    two = overall_verdict(fits(wide))
    assert two is not None
    assert two.verdict == "cannot tell", "two families and nothing within them"
    assert "no limits: families alone differ" in two.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tasks", "n", "words"),
    [
        (2, 14, "no verdict is given below three tasks"),
        (4, 3, "no verdict is given below four backbones"),
        (6, 5, "cannot be asked of so few backbones"),
    ],
)
def test_what_is_too_little_is_said(tasks: int, n: int, words: str) -> None:
    found = overall_verdict(fits(cells(tasks, n, spread=0.0)))
    assert found is not None
    assert words in found.reason
    if "verdict" in words:
        assert found.verdict == "cannot tell"


@pytest.mark.slow
def test_only_backbones_that_have_all_tasks_count() -> None:
    rows = table(cells())
    ragged = analyse(rows[~((rows["task"] == "b") & (rows["backbone"] == "net03"))])
    (found,) = ragged.overall
    assert (found.n, found.left_out) == (13, ("net03",))
    assert found.reason.endswith(" Left out, for they lack a task: net03.")
    apart = [(rows["task"] == "a") & (rows["backbone"] < "net07"), (rows["task"] == "b") & (rows["backbone"] > "net07")]
    (none,) = analyse(rows[apart[0] | apart[1]]).overall
    assert (none.n, none.verdict, none.slope) == (0, "cannot tell", None)
    assert none.reason == "Two tasks: no backbone has them all."


def test_tasks_that_mirror_each_other_leave_no_line() -> None:
    given = cells(tasks=2)
    (found,) = analyse(table(replace(given, y=np.array([given.y[0], 120 - given.y[0]])))).overall
    assert (found.verdict, found.slope) == ("cannot tell", None)
    assert "the same mean over the tasks" in found.reason


def test_known_errors_of_the_points_hold_it_apart() -> None:
    given = cells(tasks=3)
    wide = replace(given, errors=np.array([100.0 * np.eye(14)] * 3))
    before, after = (crossed_slope(each, 0.95, range(3)) for each in (given, wide))
    assert not isinstance(before, str)
    assert not isinstance(after, str)
    # the mean of three tasks has a third of each variance
    squares = ((given.x - given.x.mean()) ** 2).sum()
    assert after.here.high - after.here.value == pytest.approx(t.isf(0.025, 12) * math.sqrt(100 / 3 / squares))
    assert before.here.high < after.here.high


def test_the_order_of_tasks_and_backbones_changes_nothing() -> None:
    given = cells()
    backbones = np.random.default_rng(1).permutation(14)
    turned = replace(given, x=given.x[backbones], y=given.y[::-1][:, backbones])
    for number in (slopes_differ, spread_beyond_noise):
        assert number(given) == pytest.approx(number(turned))
    first, second = (crossed_slope(each, 0.95, range(4)) for each in (given, turned))
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    assert astuple(second.anywhere) == pytest.approx(astuple(first.anywhere))


def test_a_difference_of_two_sides_is_that_of_their_means() -> None:
    given = cells(tasks=5)
    found = crossed_slope(given, 0.95, [0, 1, 2], [3, 4])
    assert not isinstance(found, str)
    line = linregress(given.x, given.y[:3].mean(axis=0) - given.y[3:].mean(axis=0))
    assert found.here.value == pytest.approx(line.slope)
    assert found.here.high - line.slope == pytest.approx(t.isf(0.025, 12) * line.stderr)
    parts = (t.isf(0.025, 2) * given.slopes[:3].std(ddof=1), t.isf(0.025, 1) * given.slopes[3:].std(ddof=1))
    reach = math.hypot(t.isf(0.025, 12) * line.stderr, parts[0] / math.sqrt(3), parts[1] / math.sqrt(2))
    assert found.anywhere.high - line.slope == pytest.approx(reach)
    alone = crossed_slope(given, 0.95, [0, 1, 2], [3])
    assert not isinstance(alone, str)
    assert (alone.anywhere.low, alone.anywhere.high) == (-math.inf, math.inf), "one task says nothing of others"


@pytest.mark.slow
def test_logits_are_between_logits() -> None:
    found = cells_of(fits(cells()), "logit")
    assert found is not None
    assert found.x[0] == pytest.approx(math.log(cells().x[0] / (100 - cells().x[0])))
    assert cells_of(analyse(table(cells(), metric="kappa").assign(value=-0.1)).fits, "logit") is None
    assert cells_of(()) is None


@pytest.mark.slow
def test_a_table_has_one_a_metric_and_means_are_no_tasks() -> None:
    rows = table(cells())
    both = pd.concat([rows, rows.assign(metric="auroc")])
    imagenet = rows[rows["task"] == "a"].assign(task="imagenet", value=lambda each: each["imagenet_top1"] / 100)
    found = analyse(pd.concat([both, imagenet]), TableChoice(mean=True))
    assert [(each.metric, each.tasks) for each in found.overall] == [
        ("accuracy", ("a", "b", "c", "d")),
        ("auroc", ("a", "b", "c", "d")),
    ]
    own = rows.assign(metric=rows["task"].map({"a": "accuracy", "b": "auroc", "c": "macro_f1", "d": "map_11"}))
    (mixed,) = analyse(own).overall
    assert mixed.metric == LEADING_METRICS
    assert " points of their metrics on average" in mixed.reason
    assert analyse(rows[rows["task"] == "a"]).overall == ()


@pytest.mark.slow
def test_plain_values_of_all_there_is() -> None:
    plain = json.loads(json.dumps(analyse(table(cells())).as_json(), allow_nan=False))
    assert list(plain) == ["fits", "over_tasks", "findings", "rule", "audit"]
    (over,) = plain["over_tasks"]
    assert list(over) == [
        *("metric", "tasks", "n", "slope", "on_these_tasks", "on_one_more_task", "spread", "p_equal_slopes", "slopes"),
        *("left_out", "verdict", "reason"),
    ]
    assert set(over["slopes"]) == set("abcd")


@pytest.mark.slow
def test_an_answer_over_several_tasks_begins_with_all_of_them() -> None:
    record = on_tasks(
        {
            task: make_record(simulation=place, n_test=200, metrics=("accuracy",), seeds=(0,))
            for place, task in enumerate(("solar", "moths", "cells"))
        }
    )
    found = answer(record)
    assert isinstance(found.overall, OverallVerdict)
    assert found.text().startswith(found.overall.words)
    assert found.overall.tasks == ("solar", "moths", "cells")
    assert "Three tasks, four backbones that have them all: " in found.overall.words
    analysed = overall_of_study(record, fit_study(record, 0.1))
    assert analysed is not None
    assert analysed.reason == found.overall.reason, "the answer and `afield analyse` say one thing"

    source = {"task": "solar"}
    parts = record.study.model_validate_json(
        json.dumps({**json.loads(record.study.model_dump_json()), "tasks": {"moths": {**source, "shots": 5}}})
    )
    fewer = answer(replace(record, study=parts)).overall
    assert fewer is not None
    assert fewer.tasks == ("solar", "cells"), "a part of solar is no further task"
    assert fewer.reason.endswith("Of data that count already: moths.")


def test_one_task_has_no_answer_over_tasks() -> None:
    assert overall_verdict(fits(cells())[:1]) is None
