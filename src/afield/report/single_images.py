"""What the page says of single test images: confusions, the worst, the most disputed; with small pictures of them where
this machine still has them prepared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from afield.analysis.chosen import ChosenNetwork
from afield.analysis.ranking.compare import Ranking
from afield.analysis.single_images import confusion, disputed, worst
from afield.analysis.words import count
from afield.report import words
from afield.report.behind import Part, Picture
from afield.report.chosen_charts import confusion_chart
from afield.report.figures import Figures
from afield.report.pictures import thumbnail
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.study.record import StudyRecord

NOT_HERE = (
    "They are named alone: a result folder holds no test image, and this machine's cache not (or no longer) the "
    "prepared ones."
)
_DRAWN = 24
"""classes that a chart of confusions may show"""
_LISTED = 12
"""confusions and images that a table lists"""


def single_images(
    record: StudyRecord, ranking: Ranking, network: ChosenNetwork, figures: Figures, names: Mapping[str, str]
) -> tuple[Part, ...]:
    """Folded parts on the chosen network's single answers; none where a sample may have several classes."""
    if network.test.several:
        return ()
    return tuple(_parts(record, ranking, network, figures, names[network.backbone]))


def _parts(
    record: StudyRecord, ranking: Ranking, network: ChosenNetwork, figures: Figures, name: str
) -> Iterator[Part]:
    if part := _confusions(network, figures, name):
        yield part
    found, split = worst(network.decided, _LISTED), disputed(record, ranking, _LISTED)
    shown = _shown(record, ranking.task, {*found["sample"], *split["sample"]})
    if len(found):
        rows = tuple(
            Row(
                row["sample"],
                row["sample"],
                "",
                (row["label"], row["said"], words.number(row["probability"], 3), words.number(row["of_label"], 3)),
            )
            for row in found.to_dict("records")
        )
        heads = ("image", "it is", "it was called", "how sure", "of the truth")
        yield Part(
            "The images it is most wrong about",
            (
                f"{name} is surest of a wrong class on these: a look at them tells hard images from wrong labels.",
                *([] if shown else [NOT_HERE]),
            ),
            table=Table("Test images with the least probability of their own class", heads, rows),
            names_images=True,
            pictures=_pictures(shown, [(row.id, row.cells[0], f"called {row.cells[1]}") for row in rows]),
        )
    if len(split):
        rows = tuple(
            Row(row["sample"], row["sample"], "", (row["label"], row["said"], f"{100 * row['right']:.0f} %"))
            for row in split.to_dict("records")
        )
        networks = int(split["networks"].iloc[0])
        yield Part(
            "The images on which those that tie disagree",
            (f"The {count(networks, 'network')} of the chosen backbone and of those that tie with it give these images "
             "different classes.", *([] if shown else [NOT_HERE])),
            table=Table("Test images on which the fewest agree", ("image", "it is", "networks say", "right"), rows),
            names_images=True,
            pictures=_pictures(shown, [(row.id, row.cells[0], f"called {row.cells[1]}") for row in rows]),
        )  # fmt: skip


def _shown(record: StudyRecord, task: str, wanted: Collection[str]) -> dict[str, str]:
    """Small pictures of those test images by id; none where they are not at hand."""
    prepared = record.task(task).prepared
    if prepared is None or not wanted:
        return {}
    return {name: thumbnail(pixels) for name, pixels in prepared.of(wanted).items()}


def _pictures(shown: Mapping[str, str], told: Sequence[tuple[str, str, str]]) -> tuple[Picture, ...]:
    """Those that are at hand of images, each told as id, class, and what is said of it."""
    return tuple(
        Picture(shown[sample], f"{sample}: {label}, {said}", f"{label}, {said}")
        for sample, label, said in told
        if sample in shown
    )


def _confusions(network: ChosenNetwork, figures: Figures, name: str) -> Part | None:
    counts = confusion(network.decided)
    off = counts.to_numpy() * (1 - np.eye(len(counts), dtype=np.int64))
    if not off.any():
        return None
    pairs = [(int(off[at]), counts.index[at[0]], counts.columns[at[1]]) for at in zip(*np.nonzero(off), strict=True)]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    most, label, said = pairs[0]
    of_label = int(counts.loc[label].sum())
    rows = tuple(
        Row(label, label, "", (said, f"{number:,}", f"{100 * number / int(counts.loc[label].sum()):.1f} %"))
        for number, label, said in pairs[:_LISTED]
    )
    figure = None
    if 2 <= len(counts) <= _DRAWN:
        cells = pd.DataFrame(
            [
                {"label": label, "said": said, "n": int(counts.loc[label, said]), "share": float(share)}
                for label in counts.index
                for said in counts.columns
                for share in [counts.loc[label, said] / max(1, counts.loc[label].sum())]
            ]
        )
        figure = figures.add(
            confusion_chart(cells, list(counts.index)),
            name="confusions",
            alt=f"What {name} calls each class: "
            + "; ".join(f"{a} called {b} {n} times" for n, a, b in pairs[:_LISTED]),
            reading="A row is a true class; the darker, the more of it is called so. Off the diagonal are mistakes.",
        )
    return Part(
        "What it confuses",
        (f"Its most frequent mistake is {label} called {said}: {most:,} of {count(of_label, 'test image')}.",),
        figure,
        Table("The most frequent confusions", ("class", "called", "images", "share of the class"), rows),
    )
