"""Result folders joined into a new one, such as those of the shards of a study. The sources stay as they are.

The new folder appears at once, when it is whole: a merge that is killed leaves nothing behind under its name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError, InputError
from afield.base.files import (
    TEMPORARY,
    remove_abandoned,
    temporary_prefix,
    words_for_failed_writes,
    write_json,
    write_text,
)
from afield.base.hashing import digest
from afield.base.regular import read_text
from afield.base.text import count
from afield.study.folder.sealed import read_json, read_lines, words_for_failed_reads
from afield.study.merging.merge_plans import contradiction, joined_plans
from afield.study.merging.merge_trials import copy, merge_trial
from afield.study.preparing.micro_batches import FILE as MICRO_BATCHES
from afield.study.preparing.micro_batches import read_micro_batches
from afield.study.registered_rules import changed_keys
from afield.study.store import Store

_DONE = "merged.json"
"""which folders a result folder was made of"""
_BY_NAME = ("budgets", "extensions", "joined", "shards", "tasks")
"""what is named by its content, derived, or held equal before: of equal names the first stands for all"""
_TRUTH = (*_BY_NAME, "plans", "rules", "scores", "selections", "studies", "trials")


@dataclass(frozen=True)
class Merged:
    """What a merge came to."""

    out: Path
    sources: int
    studies: tuple[str, ...]
    finished: int
    """trainings that have a result"""
    soups: int = 0
    """that have one"""
    kept: tuple[str, ...] = ()
    """a line for each result that there was from several platforms, of which one was kept"""
    anew: bool = True
    """False where the folder was there, made of these very folders"""

    def words(self) -> str:
        """What to print."""
        if not self.anew:
            return f"{self.out}: these {self.sources} folders are merged there already; nothing to do"
        several = len(self.studies) > 1
        looks = [f"See: afield report {self.out}" + (f" --study {name}" if several else "") for name in self.studies]
        made = " and ".join([count(self.finished, "training"), *([count(self.soups, "soup")] if self.soups else [])])
        head = f"{self.out}: {count(self.sources, 'folder')} merged; finished in it: {made}"
        return "\n".join([head, *self.kept, *looks])


def merge(outs: Sequence[str | Path], to: str | Path) -> Merged:
    """Join result folders into the new folder `to`; again with the same folders it does nothing.

    Raises InputError for what contradicts itself: studies of one name that differ, other data of a task, other rules of
    the verdict, other choices of a search, and two results of one trial on one platform that are not the same. Raises
    DamagedError for a source with a damaged result, and StoreError where the new folder cannot be written.
    """
    stores = [Store.open(path) for path in {path.resolve(): path for path in map(Path, outs)}.values()]
    new, made_of = Path(to), _made_of(stores)
    if new.exists() and any(new.iterdir()):
        if not (new / _DONE).exists() or read_json(new / _DONE) != made_of:
            raise InputError(
                f"{new}: holds something else than these folders merged as they are now; merging makes a folder of its "
                "own, so name a new folder with --to"
            )
        return replace(_told(Store.open(new), stores), anew=False)
    with words_for_failed_writes(new):
        new.resolve().parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(new.resolve().parent)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=new.resolve().parent))
    try:
        kept = _fill(Store.create(temporary), stores)
        write_json(temporary / _DONE, made_of)
        with words_for_failed_writes(new):
            temporary.chmod(0o755)
            temporary.rename(new)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return replace(_told(Store.open(new), stores), kept=kept)


def _told(store: Store, sources: Sequence[Store]) -> Merged:
    finished = [path for path in (store.root / "trials").glob("*") if store.is_finished(path.name)]
    soups = sum((path / "soup.json").exists() for path in finished)
    return Merged(store.root, len(sources), tuple(store.studies()), len(finished) - soups, soups)


def _made_of(stores: Sequence[Store]) -> dict[str, Any]:
    """The folders, and a hash of the names, sizes and times of all that counts in them."""
    files: list[object] = [
        [path.relative_to(store.root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
        for store in stores
        for name in (*_TRUTH, "test_reads.jsonl", "numerics.toml", MICRO_BATCHES)
        for path in (sorted((store.root / name).rglob("*")) if (store.root / name).is_dir() else [store.root / name])
        if path.is_file() and not path.name.startswith(TEMPORARY)
    ]
    return {"folders": [str(store.root.resolve()) for store in stores], "files": digest(files)}


def _fill(target: Store, stores: Sequence[Store]) -> tuple[str, ...]:
    """Write all that the folders hold; gives the lines on what was kept of several."""
    for name in dict.fromkeys(name for store in stores for name in store.studies()):
        having = [store for store in stores if name in store.studies()]
        text = _study(having, name)
        if any((store.root / "budgets" / f"{name}.json").exists() for store in having):
            _one(having, f"budgets/{name}.json", "budgets of one study; run it without, on one of them")
        target.write_study(name, text, joined_plans(name, having))
        _register(target, having, name)
    for name in _names(stores, "selections"):
        text = _one(stores, f"selections/{name}", "choices of one search; run the study again on one of them")
        write_text(target.root / "selections" / name, text)
    if any((store.root / "numerics.toml").exists() for store in stores):
        mend = "numerics; let numerics.device name the device in the study"
        write_text(target.root / "numerics.toml", _one(stores, "numerics.toml", mend))
    if settled := _micro_batches(stores):
        write_json(target.root / MICRO_BATCHES, settled)
    for store in stores:
        for kind in _BY_NAME:
            copy(store, kind, target)
    lines = [line for key in _names(stores, "trials") for line in merge_trial(target, stores, key)]
    if reads := _reads(stores):
        write_text(target.root / "test_reads.jsonl", "".join(f"{line}\n" for line in reads))
    return tuple(lines)


def _names(stores: Sequence[Store], kind: str) -> list[str]:
    """What the folders have of a kind, sorted."""
    found = {path.name for store in stores for path in (store.root / kind).glob("*")}
    return sorted(name for name in found if not name.startswith(TEMPORARY))


def _study(stores: Sequence[Store], name: str) -> str:
    """The study of that name as JSON, which must be the same everywhere."""
    first, *others = stores
    text = first.study_files.text(name)
    for store in others:
        if store.study_files.text(name) != text:
            what = "studies of that name; rename one of them and run it anew"
            raise contradiction(f"studies/{name}.json", first, store, what)
    return text


def _one(stores: Sequence[Store], name: str, what: str) -> str:
    """The text of a file that must be the same in all folders that have it. Raises InputError where it is not."""
    having = [store for store in stores if (store.root / name).exists()]
    texts = [_text(store.root / name) for store in having]
    for store, text in zip(having, texts, strict=True):
        if text != texts[0]:
            raise contradiction(name, having[0], store, what)
    return texts[0]


def _text(path: Path) -> str:
    """The text of a file. Raises DamagedError where it is none, or not what was sealed."""
    if path.suffix == ".json":
        read_json(path)
    with words_for_failed_reads(path):
        return read_text(path)


def _register(target: Store, stores: Sequence[Store], study: str) -> None:
    """The rules of the verdict, which must be the same everywhere; each was registered after as many reads of test as
    it was in the folder that had most. Raises DamagedError for one that was altered since: registered anew it would
    pass for what was settled before test was read.
    """
    registered = [(store, rules) for store in stores if (rules := store.rules.read(study))]
    for store, rules in registered:
        if not all(rule.whole for rule in rules):
            raise DamagedError(
                f"{store.root / 'rules' / study}.json: a registered rule was altered since (its hash is no longer its "
                "own); restore this file, or merge without this folder"
            )
    if not registered:
        return
    first_store, first = registered[0]
    for store, rules in registered:
        for mine, other in zip(first, rules, strict=False):
            if mine.hash != other.hash:
                named = ", ".join(changed_keys(mine.rule, other.rule))
                raise contradiction(f"rules/{study}.json", first_store, store, f"rules of the verdict ({named})")
        if len(rules) != len(first):
            raise contradiction(f"rules/{study}.json", first_store, store, "numbers of rules of the verdict")
    for place, rule in enumerate(first):
        target.rules.register(study, rule.rule, max(rules[place].test_reads for _, rules in registered))


def _micro_batches(stores: Sequence[Store]) -> Mapping[str, int]:
    """What fitted on the devices, of all folders. Raises InputError where they differ on one."""
    settled: dict[str, int] = {}
    for store in stores:
        for name, size in read_micro_batches(store.root).items():
            if settled.setdefault(name, size) != size:
                raise InputError(
                    f"{store.root / MICRO_BATCHES}: {name}: {size} at once, in another folder {settled[name]}; set "
                    "numerics.micro_batch in the study where GPUs differ"
                )
    return settled


def _reads(stores: Sequence[Store]) -> list[str]:
    """Every read of test: a line that several folders have is one read, as often as the one that has it most often."""
    most: Counter[str] = Counter()
    for store in stores:
        most |= Counter(read_lines(store.root / "test_reads.jsonl"))
    return list(most.elements())
