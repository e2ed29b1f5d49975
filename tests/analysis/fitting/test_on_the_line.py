"""Accuracy on the line: statsmodels' prediction between probits, who stands out, and what has no line."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import norm

from afield.analysis.fitting.on_the_line import on_the_line

METRICS = {"traps": "accuracy"}
HOME = np.array([0.62, 0.66, 0.71, 0.74, 0.78, 0.80, 0.83])


def table(there: np.ndarray, home: np.ndarray = HOME, **changes: Any) -> pd.DataFrame:
    names = [f"net{place}" for place in range(len(home))]
    parts = [
        pd.DataFrame({"backbone": names, "value": values, "split": split})
        for split, values in (("test", home), ("trans-test", there))
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(
        task="traps", metric="accuracy", view="plain", kind="single", intervention="plain", initialisation="pretrained",
        direction="higher", seed=0,
    )  # fmt: skip
    return rows.assign(**changes)


def shifted(noise: float = 0.02, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return norm.cdf(0.8 * norm.ppf(HOME) - 0.5 + generator.normal(0, noise, len(HOME)))


def test_the_prediction_is_that_of_the_others_line_between_probits() -> None:
    there = shifted()
    (found,) = on_the_line(table(there), METRICS)
    assert (found.task, found.metric, found.split) == ("traps", "accuracy", "trans-test")
    x, y = norm.ppf(HOME), norm.ppf(there)
    for place, row in enumerate(found.points.to_dict("records")):
        others = sm.OLS(np.delete(y, place), sm.add_constant(np.delete(x, place))).fit()
        frame = others.get_prediction(np.array([[1.0, x[place]]])).summary_frame(alpha=0.05)
        limits = norm.cdf(frame[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0])
        assert (row["expected"], row["low"], row["high"]) == pytest.approx(tuple(limits), abs=1e-9)
        assert row["robustness"] == pytest.approx(100 * (there[place] - limits[0]), abs=1e-6)
    whole = sm.OLS(y, sm.add_constant(x)).fit()
    assert found.slope.value == pytest.approx(whole.params[1])
    assert (found.slope.low, found.slope.high) == pytest.approx(tuple(whole.conf_int()[1]), abs=1e-9)
    assert "Nobody does clearly better or worse there" in found.words


def test_who_is_more_robust_than_the_others_is_named() -> None:
    there = shifted(noise=0.005)
    there[3] += 0.08
    (found,) = on_the_line(table(there), METRICS)
    assert "net3 (+" in found.words
    row = found.points.set_index("backbone").loc["net3"]
    assert row["robustness_low"] > 0
    assert row["p_holm"] < 0.05


@pytest.mark.slow
def test_chance_names_somebody_in_no_more_than_five_of_a_hundred() -> None:
    named = sum(
        "Nobody" not in on_the_line(table(shifted(noise=0.05, seed=seed)), METRICS)[0].words for seed in range(60)
    )
    assert named <= 7  # 3 expected at most; 7 is two and a half standard errors above


@pytest.mark.parametrize(
    "rows",
    [
        table(shifted()[:4], HOME[:4]),
        table(np.append(shifted()[:-1], 1.0)),
        table(shifted(), metric="qwk"),
        table(shifted(), intervention="larger"),
        table(shifted()).query("split == 'test'"),
        table(shifted(), initialisation="scratch"),
    ],
)
def test_what_has_no_line_gives_none(rows: pd.DataFrame) -> None:
    assert on_the_line(rows, METRICS) == ()
    assert on_the_line(rows, {"traps": "qwk"}) == ()


def test_seeds_are_averaged_and_other_views_left_alone() -> None:
    there = shifted()
    once = table(there)
    twice = pd.concat([once.assign(value=once["value"] - 0.01), once.assign(value=once["value"] + 0.01, seed=1)])
    views = pd.concat([twice, once.assign(value=0.5, view="flips"), once.assign(value=0.5, kind="ensemble")])
    (one,), (other,) = (on_the_line(rows, METRICS) for rows in (once, views))
    pd.testing.assert_frame_equal(one.points, other.points)
