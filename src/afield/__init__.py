"""afield takes ImageNet backbones afield: does better on ImageNet mean better here, and which backbone should I use?

What a script or a notebook calls, what an extension is made of, and the errors that a caller may want to catch
(docs/scripts.md has a line about each function). Each is imported when it is first used, so `import afield` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from afield.analysis.analyse import analyse
    from afield.analysis.tables.table import TableChoice
    from afield.backbones.backbone import Backbone
    from afield.backbones.own_heads import Head
    from afield.base.errors import AfieldError, DamagedError, InputError, Stopped, StoreError
    from afield.images.augmentation.augmentation import Augmentation
    from afield.report.page import charts, report
    from afield.scoring.metric import Metric
    from afield.scoring.predictions import Predictions
    from afield.study.collecting.collect import load_record, results
    from afield.study.preparing.own_interventions import Intervention
    from afield.study.preparing.study_file import load_study
    from afield.study.running.run import run_study
    from afield.tasks.task import Task
    from afield.training.losses import Loss
    from afield.winner import load_ensemble, load_network

__all__ = [
    "AfieldError",
    "Augmentation",
    "Backbone",
    "DamagedError",
    "Head",
    "InputError",
    "Intervention",
    "Loss",
    "Metric",
    "Predictions",
    "Stopped",
    "StoreError",
    "TableChoice",
    "Task",
    "__version__",
    "analyse",
    "charts",
    "load_ensemble",
    "load_network",
    "load_record",
    "load_study",
    "report",
    "results",
    "run_study",
]

_HOMES = {
    "AfieldError": "afield.base.errors",
    "Augmentation": "afield.images.augmentation.augmentation",
    "Backbone": "afield.backbones.backbone",
    "DamagedError": "afield.base.errors",
    "Head": "afield.backbones.own_heads",
    "InputError": "afield.base.errors",
    "Intervention": "afield.study.preparing.own_interventions",
    "Loss": "afield.training.losses",
    "Metric": "afield.scoring.metric",
    "Predictions": "afield.scoring.predictions",
    "Stopped": "afield.base.errors",
    "StoreError": "afield.base.errors",
    "TableChoice": "afield.analysis.tables.table",
    "Task": "afield.tasks.task",
    "analyse": "afield.analysis.analyse",
    "charts": "afield.report.page",
    "load_ensemble": "afield.winner",
    "load_network": "afield.winner",
    "load_record": "afield.study.collecting.collect",
    "load_study": "afield.study.preparing.study_file",
    "report": "afield.report.page",
    "results": "afield.study.collecting.collect",
    "run_study": "afield.study.running.run",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'afield' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion offers, though nothing of it is imported yet."""
    return sorted({*globals(), *__all__})
