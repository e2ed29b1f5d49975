"""What a study is: tasks x backbones x interventions x seeds with a search, and what must hold among its values."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from afield.backbones.catalogue import members
from afield.base.complaints import complaints
from afield.base.errors import InputError, nearest
from afield.base.extensions import is_own
from afield.study.combining.ensembles import EnsembleChoice
from afield.study.combining.soups import SoupChoice, soup_complaints
from afield.study.cut import Cut
from afield.study.duration import seconds_of
from afield.study.searching.search_choice import SearchChoice
from afield.study.verdict_rule import SMALLEST_SLOPE
from afield.tasks.source import TaskSource
from afield.tasks.task import Protocol
from afield.tasks.training_choice import TrainingChoice
from afield.training.numerics import NumericsChoice
from afield.training.recipe import Recipe

PLAIN = "plain"
"""The recipe as it stands: the intervention that needs no table."""

LONGEST_NAME = 64
"""characters of a study's name"""
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST_NAME - 1}}}")

Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StudyHead(_Table):
    """What is compared: tasks x backbones x interventions x seeds."""

    name: Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
    tasks: Names
    backbones: Names
    interventions: Names = (PLAIN,)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], Field(min_length=1)] = (0,)
    """the search uses the first; the chosen recipe is repeated with the others"""
    protocol: Protocol = "clean"
    """`clean`: train, validation and test apart; validation selects, test is read once. `paper`: splits, sizes and
    preprocessing of the study's own code; mostly test selects, too"""

    unreadable: Literal["error", "drop"] = "error"
    """what becomes of images that cannot be read: they are told of and nothing runs, or they are left out and listed"""

    views: Annotated[tuple[Literal["plain", "flips", "dihedral"], ...], Field(min_length=1)] = ("plain",)
    """how the test pictures are shown to a chosen network; the mean of all ways of a view is a row of its own, and
    plain, which is always scored, leads"""

    metrics: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """one's own, `FILE:NAME`, that are recorded of every chosen network beside all that fit its task; they choose
    nothing"""

    budget: str | None = None
    """hours that its runs may take together, such as "6h" or "2d" (docs/plan.md); None: as long as it takes"""

    @field_validator("backbones")
    @classmethod
    def _sets_stand_for_their_members(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return members(names)

    @model_validator(mode="after")
    def _no_name_twice(self) -> StudyHead:
        for key in ("tasks", "backbones", "interventions", "seeds", "views", "metrics"):
            values = getattr(self, key)
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{key}: named twice: {', '.join(twice)}; name each once")
        return self

    @model_validator(mode="after")
    def _budget_is_a_duration(self) -> StudyHead:
        if self.budget is not None:
            try:
                seconds_of(self.budget)
            except InputError as error:
                raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _metrics_of_ones_own(self) -> StudyHead:
        for name in self.metrics:
            if not is_own(name):
                raise ValueError(
                    f"metrics: {name}: must be one of your own, FILE:NAME; those that come with afield are recorded "
                    "wherever they fit, and tasks.NAME.metric says which leads"
                )
        return self


class VerdictChoice(_Table):
    """By what rule verdicts are given; it is registered before test is read (`registered_rules.py`)."""

    smallest_slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = SMALLEST_SLOPE
    """metric points per ImageNet point that would matter"""


_OF_TRAINING = tuple(TrainingChoice.model_fields)
NO_RECIPE = ("backbones", *_OF_TRAINING)
"""keys of an intervention that are none of its recipe"""


class Study(_Table):
    """A whole study, as its file says it."""

    study: StudyHead
    extensions: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Python files (ending in .py) and installed packages whose objects `FILE:NAME` refers to"""
    recipe: Recipe = Field(default_factory=Recipe)
    search: SearchChoice = Field(default_factory=SearchChoice)
    numerics: NumericsChoice = Field(default_factory=NumericsChoice)
    verdict: VerdictChoice = Field(default_factory=VerdictChoice)
    cut: Cut | None = None
    """written by a run under a budget; nobody need write it"""
    tasks: dict[str, TaskSource] = Field(default_factory=dict)
    """one's own data, and parts of other tasks, by the names under which `study.tasks` refers to them"""
    interventions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """by name of the intervention its recipe keys; `backbones` restricts it to some backbones, `further` and `reviewed`
    change training splits (docs/training_split.md)"""
    ensembles: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], EnsembleChoice] = Field(default_factory=dict)
    """whose predictions are joined, by name"""
    soups: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], SoupChoice] = Field(default_factory=dict)
    """whose weights are averaged, by name"""

    @model_validator(mode="after")
    def _interventions_hold(self) -> Study:
        for name in self.study.interventions:
            if name != PLAIN and name not in self.interventions:
                known = [PLAIN, *self.interventions]
                raise ValueError(
                    f"study.interventions: {name}: there is no table [interventions.{name}]; {nearest(name, known)}"
                )
        for name, table in self.interventions.items():
            if name == PLAIN:
                raise ValueError(f"interventions.{PLAIN}: is the recipe as it stands; put its keys into [recipe]")
            for complaint in self.search.twice(f"interventions.{name}", table):
                raise ValueError(complaint)
            unknown = sorted(set(self.backbones_of(name)) - set(self.study.backbones))
            if unknown:
                raise ValueError(
                    f"interventions.{name}.backbones: {unknown[0]}: not among study.backbones; "
                    f"{nearest(unknown[0], self.study.backbones)}"
                )
        for name in (PLAIN, *self.interventions):
            self.cells(name)
            self.training_of(name)
        return self

    @model_validator(mode="after")
    def _devices_hold(self) -> Study:
        devices, smallest = (
            self.numerics.devices,
            min(self.recipe_of(name).batch_size for name in (PLAIN, *self.interventions)),
        )
        if devices > 1 and smallest < 2 * devices:
            raise ValueError(
                f"numerics.devices: {devices} devices cannot share batches of {smallest}, of which each takes 2 images "
                "at least, since BatchNorm cannot train on one; name fewer, or a larger recipe.batch_size"
            )
        return self

    @model_validator(mode="after")
    def _ensembles_hold(self) -> Study:
        for name, choice in self.ensembles.items():
            for key in ("backbones", "interventions", "seeds"):
                known = getattr(self.study, key)
                foreign = [each for each in getattr(choice, key) or () if each not in known]
                if foreign:
                    raise ValueError(
                        f"ensembles.{name}.{key}: {foreign[0]}: not among study.{key}; {', '.join(map(str, known))}"
                    )
            joined = [len(getattr(choice, key) or getattr(self.study, key)) for key in choice.over]
            if max(joined) < 2:
                raise ValueError(
                    f"ensembles.{name}: joins {' and '.join(choice.over)}, of which there is one alone; name more "
                    "under [study], or join something else"
                )
        return self

    @model_validator(mode="after")
    def _soups_hold(self) -> Study:
        recipes = {name: self.recipe_of(name) for name in self.study.interventions}
        tried = {
            backbone: [name for name in self.study.interventions if backbone in self.backbones_of(name)]
            for backbone in self.study.backbones
        }
        seeds, protocol = len(self.study.seeds), self.study.protocol
        for name, choice in self.soups.items():
            for complaint in soup_complaints(name, choice, tried, recipes, seeds, protocol):
                raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _race_holds(self) -> Study:
        joined = [
            *(f"ensembles.{name}" for name in self.ensembles),
            *(f"soups.{name}" for name in self.soups),
            *(f"tasks.{name}.folds" for name in self.folds),
        ]
        if self.search.method == "race" and joined:
            raise ValueError(
                f"{joined[0]}: joins what the searches of backbones chose, and in a race most choose nothing; take it "
                'away, or say search.method = "halving"'
            )
        return self

    @property
    def folds(self) -> dict[str, tuple[str, ...]]:
        """The tasks that are folds of one, by its name."""
        joined: dict[str, tuple[str, ...]] = {}
        for name in self.study.tasks:
            parent = self.tasks[name].fold_of if name in self.tasks else None
            if parent is not None:
                joined[parent] = (*joined.get(parent, ()), name)
        return joined

    @property
    def further_folds(self) -> frozenset[str]:
        """The folds of each task but its first: where tasks are held against each other, one stands for all."""
        return frozenset(name for folds in self.folds.values() for name in folds[1:])

    def data_of(self, task: str) -> str:
        """The task whose data these are: folds and parts of one share its samples, and are no further tasks."""
        source = self.tasks.get(task)
        return task if source is None else source.fold_of or source.task or task

    def written(self) -> str:
        """The study as JSON, its defaults filled in, but for those of its recipe that follow from other keys (epochs
        from the initialisation): an intervention that changes these would else be read back as another one.
        """
        follow = {
            name for name, field in Recipe.model_fields.items()
            if field.default_factory_takes_validated_data and name not in self.recipe.model_fields_set
        }  # fmt: skip
        return self.model_dump_json(indent=2, exclude={"recipe": follow})

    def recipe_of(self, intervention: str) -> Recipe:
        """The recipe under an intervention, before the search fills in its values."""
        table = self.interventions.get(intervention, {})
        changes = {key: value for key, value in table.items() if key not in NO_RECIPE}
        try:
            return Recipe.model_validate({**self.recipe.model_dump(exclude_unset=True), **changes})
        except ValidationError as error:
            raise ValueError("\n".join(complaints(error, f"interventions.{intervention}.", Recipe))) from None

    def training_of(self, intervention: str) -> TrainingChoice:
        """What an intervention does to training splits."""
        table = self.interventions.get(intervention, {})
        try:
            return TrainingChoice.model_validate_json(
                json.dumps({key: table[key] for key in _OF_TRAINING if key in table}, default=str)
            )
        except ValidationError as error:
            raise ValueError("\n".join(complaints(error, f"interventions.{intervention}.", TrainingChoice))) from None

    def changes_recipe(self, intervention: str) -> bool:
        """Whether an intervention trains in another way, and not on other samples alone."""
        return any(key not in NO_RECIPE for key in self.interventions.get(intervention, {}))

    def backbones_of(self, intervention: str) -> tuple[str, ...]:
        """The backbones that an intervention is tried on: all, unless its table names some."""
        named = self.interventions.get(intervention, {}).get("backbones", list(self.study.backbones))
        if not (isinstance(named, list | tuple) and all(isinstance(name, str) for name in named)):
            raise ValueError(f"interventions.{intervention}.backbones: must be a list of names of backbones")
        named = members(named)
        if not named:
            raise ValueError(
                f"interventions.{intervention}.backbones: names none, so nothing would run; "
                "name some, or take the line away to try it on all"
            )
        return (
            tuple(name for name in self.study.backbones if name in named)
            if set(named) <= set(self.study.backbones)
            else tuple(named)
        )

    def cells(self, intervention: str) -> tuple[Recipe, ...]:
        """The recipes of a search that are settled before anything is trained, alike for every task and backbone:
        every combination of a grid, the last key fastest, or the first draws; of a cut search those that stayed.
        """
        recipe = self.recipe_of(intervention).model_dump(exclude_unset=True)
        try:
            whole = tuple(
                Recipe.model_validate({**recipe, **point}) for point in self.search.first_points(self.study.seeds[0])
            )
            for point in self.search.ends():  # of what is drawn or proposed later
                Recipe.model_validate({**recipe, **point})
        except ValidationError as error:
            prefix = "search.space." if self.search.space else "search.grid."
            raise ValueError("\n".join(complaints(error, prefix, Recipe))) from None
        if self.cut is None or self.search.space:  # of draws the first ones stay: there are fewer
            return whole
        if self.cut.of != len(whole):
            raise ValueError(f"cut.of: {self.cut.of}: the search has {len(whole)} cells; take the table [cut] away")
        return tuple(whole[index] for index in self.cut.cells)
