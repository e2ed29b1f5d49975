"""The study of the other protocol in the same folder: what a protocol flatters is seen beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from afield.study.collect import load_record
from afield.study.record import Counterpart, StudyRecord
from afield.study.store import Store
from afield.study.study import Study, StudyHead


def with_counterpart(record: StudyRecord, out: str | Path) -> StudyRecord:
    """The record with what the folder's study of the other protocol found on the same tasks; itself where there is
    none. Of several the one that shares most backbones, of equals the first by name. Errors as `load_record`.
    """
    ours = record.study.study
    texts = Store.open(Path(out)).studies()
    others = [Study.model_validate_json(text) for name, text in texts.items() if name != ours.name]
    others = [other for other in others if _is_counterpart(ours, other)]
    if not others:
        return record
    shared = {other.study.name: len(set(ours.backbones) & set(other.study.backbones)) for other in others}
    other = max(others, key=lambda each: shared[each.study.name])
    return replace(record, counterpart=Counterpart(other, load_record(out, other.study.name).results))


def _is_counterpart(ours: StudyHead, other: Study) -> bool:
    head = other.study
    return (
        head.protocol != ours.protocol
        and set(head.tasks) == set(ours.tasks)
        and bool(set(head.backbones) & set(ours.backbones))
    )
