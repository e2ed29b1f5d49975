"""The study of the other protocol in the same folder: what a protocol flatters is seen beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from afield.base.errors import AfieldError, StoreError
from afield.study.collecting.collect import load_record
from afield.study.record import Counterpart, StudyRecord
from afield.study.store import Store
from afield.study.study import Study, StudyHead


def with_counterpart(record: StudyRecord, out: str | Path) -> StudyRecord:
    """The record with what the folder's study of the other protocol found on the same tasks; itself where there is
    none. Of several the one that shares most backbones, of equals the first by name. One that cannot be read is left
    out, and `record.uncompared` says why: it takes nothing from a study that is whole.
    """
    ours = record.study.study
    files = Store.open(Path(out)).study_files
    others, unread = list[Study](), list[str]()
    for name in files.names():
        try:
            others += [] if name == ours.name else [Study.model_validate_json(files.text(name))]
        except StoreError as error:
            unread.append(f"{name} ({error})")
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
            unread.append(f"{name} (its file is damaged, or of another version of afield: {place})")
    others = [other for other in others if _is_counterpart(ours, other)]
    shared = {other.study.name: len(set(ours.backbones) & set(other.study.backbones)) for other in others}
    found = None
    for other in sorted(others, key=lambda each: -shared[each.study.name]):
        try:
            found = found or Counterpart(other, load_record(out, other.study.name).results)
        except (AfieldError, OSError, ValueError, KeyError) as error:  # whatever a damaged file makes of reading it
            words = str(error) if isinstance(error, AfieldError) else f"{type(error).__name__}: {error}"
            unread.append(f"{other.study.name} ({words})")
    uncompared = f"Nothing is compared with what cannot be read: {'; '.join(unread)}." if unread else ""
    return replace(record, counterpart=found, uncompared=uncompared)


def _is_counterpart(ours: StudyHead, other: Study) -> bool:
    head = other.study
    return (
        head.protocol != ours.protocol
        and set(head.tasks) == set(ours.tasks)
        and bool(set(head.backbones) & set(ours.backbones))
    )
