"""A finished result folder that holds a file of each kind: what joins a training split, one's own metrics, ensembles,
soups, a cut by a budget, shards, an audit.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

import afield
from afield.study.cut import Cut
from afield.study.folder.budget_files import KeptBudget
from afield.study.merging.shards import Shard, note_shard
from afield.study.store import Store
from afield.tasks.data import load_task
from afield.tasks.own.task import folder_task
from tests.fixtures.tiny import study_text

LAB = """
from afield import Metric

half = Metric(compute=lambda predictions: 0.5, range=(0, 1), direction="lower")
"""
MORE = """
[interventions.more]
further = { photos = [{ task = "more", classes = { hot = "warm" } }] }
reviewed = { photos = "read.csv" }

[ensembles.seeds]
over = ["seeds"]

[soups.cells]
over = ["cells"]
"""


def make_rich(photos: Path, folder: Path, cache: Path) -> Path:
    """Run such a study, rich.toml in a folder that is made; gives its result folder, which lies beside."""
    here = Path(shutil.copytree(photos, folder / "photos"))
    drawn = np.random.default_rng(5)
    (folder / "more" / "hot").mkdir(parents=True)
    for number in range(4):
        pixels = drawn.integers(0, 200, (50, 50, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "more" / "hot" / f"{number}.png")
    first = load_task(folder_task(here), "clean", cache).samples("train")["id"].iloc[0]
    (folder / "read.csv").write_text(f"id,label,suggested,action\n{first},cold,warm,relabel\n", encoding="utf-8")
    (folder / "lab.py").write_text(LAB, encoding="utf-8")
    text = 'extensions = ["lab.py"]\n' + study_text(here, "grid", 1).replace("1e-4, ", "")
    text = text.replace("seeds =", 'interventions = ["plain", "more"]\nmetrics = ["lab:half"]\nbudget = "9d"\nseeds =')
    text = text.replace("rungs", "audit = true\nrungs")
    study = folder / "rich.toml"
    study.write_text(text + MORE, encoding="utf-8")
    out = folder / "out"
    store = Store.create(out)
    store.budgets.first("tiny", KeptBudget("9d", Cut(budget="9d", cells=(1, 2), of=3)))
    assert afield.run_study(study, out, slots=2).complete
    note_shard(out, "tiny", Shard(2, 1))
    return out
