"""What a study costs, from its file alone: no data, no weights, no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from afield.study.searching.search import epochs_asked, to_come
from afield.study.study import Study
from afield.tasks.task import Protocol

TRAINING_IMAGES: dict[Protocol, dict[str, int]] = {
    "paper": {
        "aptos2019": 2_931, "cassava": 17_120, "cct20": 14_071, "cct20_images": 13_546, "eurosat": 21_600,
        "hpa2018": 22_582, "hpa2018_rgby": 22_582, "melanoma2020": 46_372,
        "food101": 75_750, "cifar10": 50_000, "cifar100": 50_000, "birdsnap": 47_386, "sun397": 19_850,
        "stanford_cars": 8_144, "fgvc_aircraft": 6_667, "voc2007": 5_011, "dtd": 3_760, "oxford_iiit_pets": 3_680,
        "caltech101": 3_060, "flowers102": 2_040,
    },
    "clean": {
        "aptos2019": 2_197, "cassava": 12_838, "cct20": 13_546, "cct20_images": 13_546, "eurosat": 16_200,
        "eurosat_ms": 16_200, "eurosat_bands": 16_200,
        "elpv": 1_575, "hpa2018": 22_582, "hpa2018_rgby": 22_582, "melanoma2020": 34_778,
        "siim2020": 19_876,
    },
}  # fmt: skip
"""training samples by task, for a cost before the data are here (PAPER.md 2, 4.2; some of them recollected). What the
data really give stands in `afield plan STUDY`"""


FURTHER_IMAGES = {"retinopathy2015": 88_702, "isic2019": 25_331}
"""images of the data sets that join training splits, where their number is known (PAPER.md 2.2, 2.4)"""


@dataclass(frozen=True)
class Cost:
    """What a study trains, if nothing fails."""

    searches: int
    """one a task, backbone and intervention"""
    trainings: int
    """cells of all grids, begun if not ended, and the repeats under other seeds"""
    epochs: int
    passes: float | None
    """training images, each counted once an epoch; None where the size of a task is not known here"""

    def words(self) -> str:
        """In one line.

        >>> Cost(114, 2280, 68_400, 1.4213e9).words()
        '114 searches, 2,280 trainings, 68,400 epochs, 1,421 million image passes'
        """
        told = f"{self.searches:,} searches, {self.trainings:,} trainings, {self.epochs:,} epochs"
        return told if self.passes is None else f"{told}, {self.passes / 1e6:,.0f} million image passes"


def cost_of(study: Study) -> Cost:
    """What a study costs by its file: searches, trainings and epochs exactly, image passes about."""
    searches = trainings = epochs = 0
    passes = 0.0
    more = len(study.study.seeds) - 1
    for name in study.study.interventions:
        begun, whole = len(study.cells(name)), study.recipe_of(name).epochs
        cells, backbones = begun + to_come(study.search, begun), len(study.backbones_of(name))
        together = backbones if study.search.method == "race" else 1
        spent = epochs_asked(study.search, together * cells, whole) + more * whole
        choices = backbones // together
        searches += backbones * len(study.study.tasks)
        trainings += (backbones * cells + choices * more) * len(study.study.tasks)
        epochs += choices * len(study.study.tasks) * spent
        passes += choices * spent * sum(trained_on(study, name, task) for task in study.study.tasks)
    return Cost(searches, trainings, epochs, None if math.isnan(passes) else passes)


def trained_on(study: Study, intervention: str, task: str) -> float:
    """Training images of a task under an intervention; what it leaves out of them is not known here, and little."""
    further = study.training_of(intervention).further.get(task, ())
    return _training_images(study, task) + sum(FURTHER_IMAGES.get(each.task, math.nan) for each in further)


def _training_images(study: Study, task: str) -> float:
    """Of a task, or of the part of one that the study names; NaN where it is not known here."""
    source = study.tasks.get(task)
    if source is None:
        return TRAINING_IMAGES[study.study.protocol].get(task, math.nan)
    if source.task is None or source.shots is not None:
        return math.nan
    return _training_images(study, source.task) * (source.share or 1)
