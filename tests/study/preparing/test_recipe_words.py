"""What is said of recipes before they train."""

from pathlib import Path

from afield.study.preparing.changes import with_backbones, with_settings
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.recipe_words import recipe_words
from afield.study.preparing.study_file import parse_study
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import BACKBONE, study_text


def words(photos: Path, cache: Path, *settings: str, backbones: tuple[str, ...] = (BACKBONE,)) -> list[str]:
    study = with_backbones(with_settings(parse_study(study_text(photos), "tiny.toml"), settings), backbones)
    return recipe_words(make_plan(study, settle_numerics(study.numerics, None), cache))


def test_few_updates_are_said_once_a_task(photos: Path, cache: Path) -> None:
    # 40 photos: 24 for training
    few = "photos: 24 training images in batches of 8 make 9 updates in 3 epochs, which is few"
    two = (BACKBONE, "mobilenetv3_small_050.lamb_in1k")
    assert [line.partition(";")[0] for line in words(photos, cache, backbones=two)] == [few]
    assert words(photos, cache, "recipe.epochs=34") == []


def test_a_decay_that_is_meant_for_torch_is_said(photos: Path, cache: Path) -> None:
    (line,) = words(photos, cache, "recipe.epochs=34", "recipe.weight_decay=0.05")
    assert line.startswith("weight_decay: 0.05 takes 5 % off all weights at each update")
    assert words(photos, cache, "recipe.epochs=34", "recipe.weight_decay=0.05", "recipe.decay=torch") == []
    (line,) = words(photos, cache, "recipe.epochs=34", "search.grid.weight_decay=[1e-4, 0.02]")
    assert "0.02 takes 2 %" in line


def test_backbones_that_share_one_recipe_are_said(photos: Path, cache: Path) -> None:
    one = ("recipe.epochs=34", "search.grid={}")
    (line,) = words(photos, cache, *one, backbones=(BACKBONE, "mobilenetv3_small_050.lamb_in1k"))
    assert line.startswith("Nothing is searched: every backbone trains with learning rate 0.0001")
    assert words(photos, cache, *one) == []


def test_rungs_that_come_after_the_last_epoch_are_said_to_stop_nothing(photos: Path, cache: Path) -> None:
    late = ("recipe.epochs=34", "search.rungs=[34, 50]")
    (line,) = words(photos, cache, *late)
    assert line.startswith("search.rungs: the first rung, epoch 34, is not before the last epoch of plain: nothing is")
    assert words(photos, cache, *late, "search.method=grid") == []
    assert words(photos, cache, *late, "search.grid.learning_rate=[1e-3]") == [], "one cell is never stopped"
    assert words(photos, cache, *late, "search.grid.learning_rate=[1e-3]", "search.method=race") == [line]
