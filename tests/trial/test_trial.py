"""A trial's key, by two ways: written out whole, and spliced from what the cells of a search share."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.reading import AS_DECLARED, Reading
from afield.training.recipe import Recipe
from afield.trial.trial import Trial, changed_fields, key_of, keys_of
from tests.training.test_inference import NUMERICS

PLAIN = Trial(
    task="photos",
    task_version=1,
    classes=("cat", "dog"),
    target="class",
    flips=("horizontal",),
    metric="accuracy",
    data="0123",
    split_seed=0,
    protocol="clean",
    backbone="resnet50.tv_in1k",
    weights="4567",
    mean=(0.5,),
    std=(0.25,),
    interpolation="bilinear",
    recipe=Recipe(),
    seed=0,
    preparation=1,
    numerics=NUMERICS,
)

words = st.text(max_size=8) | st.sampled_from(["\0", "\1", "\1seed\1", '"', "\\u0000", "recipe", "}", "ö"])
sizes = st.floats(1e-9, 1e9)
recipes = st.builds(
    Recipe,
    learning_rate=sizes,
    weight_decay=st.floats(1e-9, 0.5) | st.sampled_from([0.0, -0.0]),
    batch_size=st.integers(2, 512),
    ema=st.sampled_from([0.0, 0.99]),
)
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "task": words,
    "task_version": st.integers(),
    "classes": st.lists(words, max_size=3).map(tuple),
    "target": st.sampled_from(["class", "grade", "labels"]),
    "flips": st.lists(words, max_size=2).map(tuple),
    "metric": words,
    "data": words,
    "split_seed": st.integers(),
    "protocol": words,
    "backbone": words,
    "weights": st.none() | words,
    "mean": st.lists(sizes, max_size=4).map(tuple),
    "std": st.lists(sizes, max_size=4).map(tuple),
    "interpolation": words,
    "channels": st.sampled_from(["RGB", "BGR"]),
    "reading": st.sampled_from([AS_DECLARED, Reading(channels=(2, 0))]),
    "recipe": recipes,
    "seed": st.integers(),
    "preparation": st.integers(),
    "extensions": st.lists(st.tuples(words, words), max_size=2).map(tuple),
    "numerics": st.integers(0, 64).map(lambda size: NUMERICS.model_copy(update={"micro_batch": size})),
    "probing": st.none() | st.integers(),
    "version": st.integers(),
}
some = st.fixed_dictionaries({}, optional=FIELDS)


def test_the_fields_that_are_drawn_are_all_that_a_trial_has() -> None:
    assert set(FIELDS) == set(Trial.model_fields)


@settings(deadline=None, max_examples=40)
@given(some, st.lists(some, max_size=3), st.lists(st.integers(), min_size=1, max_size=3))
def test_spliced_keys_are_those_of_the_whole_trials(
    first: Mapping[str, object], others: list[Mapping[str, object]], seeds: list[int]
) -> None:
    """Whatever the cells differ in, and whatever is written in them."""
    begun = PLAIN.model_copy(update=first)
    cells = [begun, *(begun.model_copy(update=changed) for changed in others)]
    found = keys_of(cells, [changed_fields(begun, cell) for cell in cells], seeds)
    assert found == tuple(
        tuple(key_of(cell.model_copy(update={"seed": seed}).model_dump(mode="json")) for seed in seeds)
        for cell in cells
    )
