"""What a study may say of its search, and the cells that are settled before anything is trained."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.errors import InputError
from afield.study.preparing.study_file import load_study, parse_study, shipped_studies
from afield.study.searching.search_choice import SEARCHABLE, Range, SearchChoice, draws

SPACE = "[search.space]\nlearning_rate = { low = 1e-5, high = 1e-2 }\nweight_decay = [0, 1e-4, 1e-3]\n"


def with_search(text: str) -> str:
    """The quickstart with another search."""
    whole = shipped_studies()["quickstart"]
    before, rest = whole[: whole.index("[search]")], whole[whole.index("[interventions") :]
    return f"{before}[search]\n{text}\n{rest}"


@pytest.mark.slow
@given(st.integers(0, 2**31 - 1), st.integers(1, 12), st.integers(0, 12))
@settings(deadline=None)
def test_fewer_draws_are_the_first_of_more(seed: int, few: int, more: int) -> None:
    space: dict[str, Range | tuple[float, ...]] = {
        "learning_rate": Range(low=1e-5, high=1e-2),
        "weight_decay": (0.0, 1e-4, 1e-3),
    }
    whole = draws(space, seed, few + more)
    assert draws(space, seed, few) == whole[:few]
    assert all(1e-5 <= point["learning_rate"] <= 1e-2 for point in whole)
    assert all(point["weight_decay"] in (0.0, 1e-4, 1e-3) for point in whole)
    assert len({tuple(point.items()) for point in whole}) == len(whole), "no cell twice"


def test_logarithms_are_drawn_evenly_where_nothing_else_is_said() -> None:
    values = [point["learning_rate"] for point in draws({"learning_rate": Range(low=1e-5, high=1e-1)}, 0, 400)]
    below = sum(value < 1e-3 for value in values) / len(values)
    assert below == pytest.approx(0.5, abs=0.1)
    values = [point["learning_rate"] for point in draws({"learning_rate": Range(low=0, high=1, log=False)}, 0, 400)]
    assert sum(value < 0.5 for value in values) / len(values) == pytest.approx(0.5, abs=0.1)
    assert all(float(f"{value:.6g}") == value for value in values), "one key on machines that differ in the last bit"


def test_all_combinations_of_a_space_of_values_can_be_drawn() -> None:
    assert len(draws({"learning_rate": (1e-4, 1e-3), "weight_decay": (0.0, 1e-4, 1e-3)}, 3, 6)) == 6


@pytest.mark.parametrize("method", ["random", "halving", "optuna"])
def test_every_backbone_and_intervention_gets_the_same_draws(method: str) -> None:
    study = parse_study(with_search(f'method = "{method}"\ntrials = 7\n{SPACE}'), "s.toml")
    plain, scratch = study.cells("plain"), study.cells("scratch")
    assert [cell.learning_rate for cell in plain] == [cell.learning_rate for cell in scratch]
    assert len(plain) == (5 if method == "optuna" else 7)
    other = study.model_copy(update={"study": study.study.model_copy(update={"seeds": (1,)})})
    assert other.cells("plain") != plain, "the study's first seed draws them"


def test_a_grid_is_every_combination_the_last_key_fastest() -> None:
    search = SearchChoice(grid={"learning_rate": (1e-4, 1e-3), "weight_decay": (0.0, 1e-4)})
    assert [tuple(point.values()) for point in search.first_points(0)] == [
        (1e-4, 0.0), (1e-4, 1e-4), (1e-3, 0.0), (1e-3, 1e-4)
    ]  # fmt: skip
    assert SearchChoice().first_points(0) == ({},), "no search: one cell, the recipe as it stands"
    assert len(load_study("quickstart").cells("plain")) == 4


@pytest.mark.parametrize("key", SEARCHABLE)
def test_any_number_on_a_scale_can_be_searched(key: str) -> None:
    study = parse_study(with_search(f"[search.grid]\n{key} = [0.25, 0.5]"), "s.toml")
    assert [getattr(cell, key) for cell in study.cells("scratch")] == [0.25, 0.5]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_proposed_later_must_suit_the_recipe_too(seed: int) -> None:
    """Under some of these seeds the first draw has a value that suits it."""
    text = with_search('method = "optuna"\ntrials = 2\nbatch = 1\n[search.space]\nlabel_smoothing = [0, 0.1]')
    text = text.replace("[recipe]", '[recipe]\nloss = "focal"').replace("seeds = [0, 1]", f"seeds = [{seed}]")
    with pytest.raises(InputError, match=r"label_smoothing: is for cross-entropy and bce; leave it at 0"):
        parse_study(text, "s.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[search.grid]\nmomentum = [0.8, 0.9]", "search.grid.momentum: cannot be searched; known:"),
        ("[search.grid]\nimage_size = [64, 128]", "search.grid.image_size: cannot be searched; known:"),
        ("[search.grid]\nlayer_decay = [0.5, 1.5]", "search.grid.layer_decay: should be less than or equal to 1"),
        ("extend = true\n[search.space]\nema = [0.9, 1]", "search.space.ema: should be less than 1"),
        ('method = "random"\ntrials = 3', 'search.space: method = "random" draws from it'),
        (f'method = "optuna"\n{SPACE}', "search.trials: is missing: how many cells are drawn"),
        (
            f'method = "grid"\ntrials = 3\n{SPACE}',
            'search.space: goes with the methods "random", "optuna", "halving" and',
        ),
        (f"trials = 3\n{SPACE}[search.grid]\nlearning_rate = [1e-3]", "search.space: goes with the methods"),
        ("trials = 3\n[search.grid]\nlearning_rate = [1e-3]", "search.trials: is the number of draws"),
        ("extend = true", "search.extend: goes beyond the ends of a grid's axes, and there is no search.grid"),
        ("extend = true\n[search.grid]\nmixup = [0, 0.2]", "search.extend: has nothing to add to mixup: beyond an end"),
        (
            "extend = true\n[search.grid]\nlearning_rate = [1e-3]\nerasing = [0, 0.5]",
            "search.extend: has nothing to add to learning_rate and erasing",
        ),
        ("batch = 3\n[search.grid]\nlearning_rate = [1e-3]", 'search.sampler, batch: are of method = "optuna"'),
        ("trials = 3\n[search.space]\nweight_decay = [1e-4, 1e-3]", "search.trials: 3 are more than search.space has"),
        ("trials = 1\n[search.space]\nlearning_rate = [0, 1e-3]", "search.space.learning_rate: should"),
        (
            'method = "random"\ntrials = 3\n[search.space]\nlearning_rat = { low = 1e-5, high = 1e-3 }',
            "search.space.learning_rat: cannot be searched; did you mean learning_rate?",
        ),
        (
            'method = "random"\ntrials = 3\n[search.space]\nlearning_rate = { low = 1e-2, high = 1e-3 }',
            "low: 0.01 is not below high, 0.001",
        ),
        (
            'method = "random"\ntrials = 3\n[search.space]\nweight_decay = { low = 0, high = 1e-3 }',
            "low: 0 has no logarithm; name one above 0, or say log = false",
        ),
    ],
)
def test_each_mistake_has_its_words(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_study(with_search(text), "s.toml")
    assert words in str(caught.value)


def test_what_is_searched_in_a_space_may_not_be_changed_by_an_intervention() -> None:
    text = with_search(f"trials = 3\n{SPACE}").replace('initialisation = "scratch"', "weight_decay = 0", 1)
    with pytest.raises(InputError, match=r"interventions.scratch.weight_decay: is searched by search\.space"):
        parse_study(text, "s.toml")
