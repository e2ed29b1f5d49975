"""What the sealed files of a result folder must hold, as far as readers count on it; they may hold more.

A seal tells that a file is what somebody wrote. Its shape tells that this was an afield like this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Len, MinLen
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from afield.base.errors import DamagedError

if TYPE_CHECKING:
    from pydantic import TypeAdapter  # a tenth of a second, and an answer that stands needs none


class Inference(TypedDict):
    """What a network takes for one image."""

    seconds: float | None
    memory: float | None


class TrialResult(TypedDict):
    """`result.json` of a training or a soup."""

    platform: dict[str, str]
    machine: NotRequired[str]
    sha256: dict[str, str]


class StoredCropping(TypedDict):
    """How boxes were made."""

    margin: float
    confidence: float | None


class AboutNetwork(TypedDict):
    """`weights.json`, of which `trial.json` tells the rest to who builds the network."""

    boxes: NotRequired[StoredCropping]


class ScoreResult(TypedDict):
    """`result.json` of a score."""

    platform: NotRequired[dict[str, str]]
    machine: NotRequired[str]
    inference: NotRequired[Inference]
    sha256: dict[str, str]


class KeptMetric(TypedDict):
    """One metric of `metrics.json`; None for what is not defined."""

    value: float | None
    low: float | None
    high: float | None
    validation: float | None
    n: int | None
    clusters: int | None
    why: NotRequired[str]


class KeptMetrics(TypedDict):
    """`metrics.json`."""

    metrics: dict[str, KeptMetric]


class StoredStudy(TypedDict):
    """`studies/<name>.json`, of which `study.Study` tells the rest."""

    search: NotRequired[dict[str, Any]]
    soups: NotRequired[dict[str, Any]]


class StoredCard(TypedDict):
    """The card of a task."""

    title: str
    source: str
    application: str
    licence: str
    baseline: str
    get: str
    citation: str
    domain: Literal["real-world", "web-scraped"]


class StoredTask(TypedDict):
    """`task.json`."""

    name: str
    version: int
    classes: list[str]
    metric: str
    metrics: list[str]
    target: Literal["class", "grade", "labels"]
    subgroups: list[str]
    split_seed: int
    fingerprint: str
    card: StoredCard
    counts: dict[str, dict[str, int]]
    sizes: dict[str, int]


class Generation(TypedDict):
    """Cells that came into a search together."""

    cells: Annotated[int, Ge(1)]
    follows: str


class StoredSearch(TypedDict):
    """A search of a plan."""

    name: str
    task: str
    backbone: str
    intervention: str
    cells: Annotated[list[str], MinLen(1)]
    repeats: list[list[str]]
    seeds: NotRequired[list[int]]
    generations: NotRequired[Annotated[list[Generation], MinLen(1)]]


class StoredSearches(TypedDict):
    """`plans/<name>.json` for who reads its searches alone."""

    searches: list[StoredSearch]
    absent: NotRequired[dict[str, list[str]]]


class StoredWeights(TypedDict):
    """The weights of a backbone."""

    sha256: str
    origin: str


class StoredBackbone(TypedDict):
    """A row of the catalogue, of which `backbones.Backbone` tells the rest."""

    id: str
    family: str
    params_m: float | None
    gmacs: float | None
    year: int | None
    imagenet_top1: float | None


class StoredTrial(TypedDict):
    """A trial, of which `trial.Trial` tells the rest; beside `like`, what it changes of that one."""

    like: NotRequired[str]
    task: NotRequired[str]
    backbone: NotRequired[str]
    recipe: NotRequired[dict[str, Any]]


class StoredAdded(TypedDict):
    """What of a further data set joined a training split, and what did not."""

    name: str
    samples: int
    exact: NotRequired[dict[str, str]]
    near: NotRequired[dict[str, str]]
    grouped: NotRequired[int]
    unreadable: NotRequired[dict[str, str]]
    alike: NotRequired[bool]


class StoredReviewed(TypedDict):
    """What came of a reviewed list."""

    relabelled: NotRequired[int]
    dropped: NotRequired[int]
    elsewhere: NotRequired[int]


class StoredTraining(TypedDict):
    """What became of a training split (`training_split.TrainingSplit`)."""

    samples: int
    added: list[StoredAdded]
    reviewed: StoredReviewed | None


class StoredPlan(StoredSearches):
    """All of it. What its parts say of each other is checked in `agreement.py`."""

    trials: dict[str, StoredTrial]
    tasks: dict[str, str]
    selection: dict[str, Literal["validation", "test"]]
    training: NotRequired[dict[str, dict[str, StoredTraining]]]
    dropped: dict[str, dict[str, str]]
    incomplete: dict[str, str]
    backbones: dict[str, StoredBackbone]
    extensions: NotRequired[dict[str, str]]
    metrics: dict[str, Annotated[list[float], Len(2, 2)]]
    beside: NotRequired[dict[str, Literal["higher", "lower"]]]
    weights: dict[str, StoredWeights]
    numerics: dict[str, Any]


def check_shape(path: Path, content: Mapping[str, Any], shape: type) -> None:
    """Raise DamagedError, with the first place that does not fit, where a file's table has another shape."""
    from pydantic import ValidationError

    try:
        _adapter(shape).validate_python(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise misfit(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def misfit(path: Path, words: str) -> DamagedError:
    """What is raised of a file that was sealed and does not fit; `words` begin with the first place of that kind."""
    return DamagedError(
        f"{path}: damaged, or written by another version of afield ({words}); run the study again to make it anew"
    )


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(shape)
