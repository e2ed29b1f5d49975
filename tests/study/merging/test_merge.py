"""Shards run apart and joined equal the study run as one; what contradicts itself is refused by name."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.analysis.answer import answer
from afield.base.errors import AfieldError, DamagedError, InputError, StoreError
from afield.study.collecting.collect import load_record
from afield.study.cut import Cut
from afield.study.folder.budget_files import KeptBudget
from afield.study.folder.sealed import read_json, seal, sealed, write_sealed
from afield.study.merging import merge as module
from afield.study.merging.merge import merge
from afield.study.registered_rules import RegisteredRule
from afield.study.store import Store
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_same, assert_tidy, whole_state

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two searches of two cells, an epoch each."""
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 3e-3").replace("[0, 1]", "[0]")
    text = text.replace("seeds =", 'interventions = ["plain", "large"]\nseeds =')
    path = tmp_path_factory.mktemp("study") / "two.toml"
    path.write_text(text + "[interventions.large]\nimage_size = 40\n")
    return path


@pytest.fixture(scope="module")
def parts(study: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        for number in (1, 2):
            outcome = afield.run_study(study, folder / f"{number}", slots=2, shard=f"{number}/2")
            assert outcome.complete, "of its own part"
            assert outcome.epochs == 2
    return [folder / "1", folder / "2"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_shard_says_that_it_is_one_part(parts: list[Path]) -> None:
    record = load_record(parts[0])
    words = "One part of the study: this folder holds shard 1/2, in which 1 of the study's 2 searches have ended."
    assert words in whole_state(parts[0])
    assert f"Mind: {words}" in answer(record).text()


def test_merged_shards_equal_the_study_run_as_one(study: Path, parts: list[Path], tmp_path: Path) -> None:
    before = [content(part) for part in parts]
    merged = merge([*parts, parts[0]], tmp_path / "whole")
    assert [content(part) for part in parts] == before, "the sources stay as they are"
    assert (merged.sources, merged.finished, merged.kept) == (2, 4, ())
    assert afield.run_study(study, tmp_path / "one", slots=2).complete
    assert_same(tmp_path / "whole", tmp_path / "one")
    assert_tidy(tmp_path / "whole")
    record = load_record(tmp_path / "whole")
    assert (record.part, record.test_reads, [rule.test_reads for rule in record.rules]) == ("", 2, [0])
    assert record.tasks[0].pictures["cold"]
    assert afield.run_study(study, tmp_path / "whole").trained == 0
    # merged again: with the same folders, with itself, with one that is in it already
    before_again = content(parts[0])
    again = merge([tmp_path / "one", parts[0], tmp_path / "whole"], tmp_path / "again")
    assert again.finished == 4
    assert_same(tmp_path / "again", tmp_path / "one")
    assert load_record(tmp_path / "again").test_reads == 4, "both read it, and what was merged counts once"
    assert content(parts[0]) == before_again


def test_merged_shards_with_soups_and_ensembles_equal_the_study_run_as_one(photos: Path, tmp_path: Path) -> None:
    """The soups are made in the parts; the ensemble has its members in two of them, so only the whole has it."""
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3")
    text = text.replace("seeds =", 'interventions = ["plain", "large"]\nseeds =')
    joined = '[soups.seeds]\nover = ["seeds"]\n[ensembles.sizes]\nover = ["interventions"]\n'
    path = tmp_path / "joined.toml"
    path.write_text(f"{text}[interventions.large]\nimage_size = 40\n{joined}")
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts, 1):
        assert afield.run_study(path, part, slots=2, shard=f"{number}/2").complete
        assert sorted(set(afield.results(part)["kind"])) == ["single", "soup"]
    merged = merge(parts, tmp_path / "whole")
    assert (merged.finished, merged.soups) == (4, 2)
    assert "finished in it: 4 trainings and 2 soups" in merged.words()
    assert afield.run_study(path, tmp_path / "one", slots=2).complete
    assert_same(tmp_path / "whole", tmp_path / "one")
    assert sorted(set(afield.results(tmp_path / "whole")["kind"])) == ["ensemble", "single", "soup"]
    assert afield.run_study(path, tmp_path / "whole").trained == 0


def test_a_merge_again_does_nothing_and_never_writes_into_another_folder(parts: list[Path], tmp_path: Path) -> None:
    new = tmp_path / "whole"
    merge(parts, new)
    before = content(new)
    assert "merged there already" in merge(parts, new).words()
    assert content(new) == before
    for other in (parts[:1], list(reversed(parts))):
        with pytest.raises(InputError, match="name a new folder"):
            merge(other, new)
    with pytest.raises(InputError, match="name a new folder"):
        merge(parts, parts[0])


def test_a_merge_that_is_killed_leaves_nothing_and_can_be_repeated(
    parts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "merge_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            merge(parts, tmp_path / "whole")
    assert list(tmp_path.iterdir()) == []
    assert merge(parts, tmp_path / "whole").finished == 4


def chosen(folder: Path) -> Path:
    """The folder of a trial that was chosen."""
    return folder / "trials" / next((folder / "scores").iterdir()).name


def _other_bits(folder: Path) -> None:
    trial = chosen(folder)
    table = pd.read_parquet(trial / "predictions.parquet")
    table["logits"] = [row + 1 for row in table["logits"]]
    table.to_parquet(trial / "predictions.parquet", index=False)
    result = read_json(trial / "result.json")
    seal(trial, list(result.pop("sha256")), result)


def _other_data(folder: Path) -> None:
    plan = read_json(folder / "plans" / "tiny.json")
    plan["tasks"]["photos"] = "0" * 20
    write_sealed(folder / "plans" / "tiny.json", plan)


def _other_rule(folder: Path) -> None:
    path = folder / "rules" / "tiny.json"
    (row,) = json.loads(path.read_text())["registered"]
    rule = RegisteredRule.of({**row["rule"], "smallest_slope": 7.0})
    path.write_text(json.dumps({"registered": [{"rule": dict(rule.rule), "hash": rule.hash, "test_reads": 0}]}))


def _other_choice(folder: Path) -> None:
    (path,) = (folder / "selections").iterdir()
    path.write_text(sealed(json.dumps(read_json(path)).replace('"chosen": "', '"chosen": "0')))


def _other_study(folder: Path) -> None:
    path = folder / "studies" / "tiny.json"
    path.write_text(sealed(json.dumps(read_json(path)).replace("0.001", "0.002")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_other_bits, r"trial [0-9a-f]{20}: .* other results of one trial on one platform \(predictions\)"),
        (_other_data, r"plans/tiny\.json: .* hold other data of the task photos"),
        (_other_rule, r"rules/tiny\.json: .* hold other rules of the verdict \(smallest_slope\)"),
        (_other_choice, r"selections/tiny--photos.*: .* hold other choices of one search"),
        (_other_study, r"studies/tiny\.json: .* hold other studies of that name"),
    ],
)
def test_a_contradiction_is_refused_by_name(
    parts: list[Path], tmp_path: Path, change: Callable[[Path], None], words: str
) -> None:
    altered = Path(shutil.copytree(parts[0], tmp_path / "altered"))
    change(altered)
    with pytest.raises(InputError, match=words):
        merge([*parts, altered], tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_a_budget_is_kept_with_what_it_cut_and_shards_have_none(study: Path, parts: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a shard with a budget \(9d\): each shard would cut by hours of its own"):
        afield.run_study(study, tmp_path / "shard", shard="1/2", budget="9d")
    kept = KeptBudget("9d", Cut(budget="9d", cells=(0, 2), of=4))
    folders = [Path(shutil.copytree(part, tmp_path / part.name)) for part in parts]
    for number, folder in enumerate(folders):
        budgets = Store.open(folder).budgets
        assert budgets.first("tiny", kept) == kept
        budgets.note("tiny", f"run-{number}", 10.0)
    merge(folders, tmp_path / "whole")
    whole = Store.open(tmp_path / "whole").budgets
    assert (whole.read("tiny"), whole.used("tiny")) == (kept, 20.0)
    Store.open(folders[1]).budgets.lengthen("tiny", "10d")
    with pytest.raises(InputError, match=r"budgets/tiny\.json: .* hold other budgets of one study; run it without"):
        merge(folders, tmp_path / "another")


@pytest.mark.parametrize(
    ("machine", "told"), [({"machine": "elsewhere (z80)"}, "elsewhere (z80)"), ({}, "an unknown machine")]
)
def test_of_several_platforms_one_is_kept_and_told(
    machine: dict[str, str], told: str, parts: list[Path], tmp_path: Path
) -> None:
    other = Path(shutil.copytree(parts[0], tmp_path / "other"))
    _other_bits(other)
    trial = chosen(other)
    result = read_json(trial / "result.json")
    names = list(result.pop("sha256"))
    del result["machine"]
    seal(trial, names, {**result, "platform": {"torch": "0.1"}, **machine})
    for order, kept in (((*parts, other), parts[0]), ((other, *parts), other)):
        merged = merge(order, tmp_path / f"from-{kept.name}")
        (line,) = merged.kept
        assert f"trial {trial.name}: there are results of several platforms; kept is that of {kept}" in line
        assert told in line
        same = merged.out / "trials" / trial.name / "predictions.parquet"
        assert same.read_bytes() == (kept / "trials" / trial.name / "predictions.parquet").read_bytes()


def test_a_damaged_source_is_named(parts: list[Path], tmp_path: Path) -> None:
    broken = Path(shutil.copytree(parts[0], tmp_path / "broken"))
    (chosen(broken) / "predictions.parquet").write_bytes(b"cut")
    with pytest.raises(DamagedError, match=r"broken/trials/.*predictions\.parquet: was altered or cut"):
        merge([broken, parts[1]], tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_an_altered_rule_is_named_and_never_registered_anew(parts: list[Path], tmp_path: Path) -> None:
    """In all folders alike, so that nothing contradicts it."""
    altered = [Path(shutil.copytree(part, tmp_path / part.name)) for part in parts]
    for folder in altered:
        path = folder / "rules" / "tiny.json"
        (row,) = read_json(path)["registered"]
        row["rule"]["smallest_slope"] = 7.0
        write_sealed(path, {"registered": [row]})
    with pytest.raises(DamagedError, match=r"rules/tiny\.json: a registered rule was altered since"):
        merge(altered, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


@pytest.mark.parametrize("content", ['{"net at 64 px": "many"}', '{"net at 64 px": true}', '{"a":' * 10**5])
def test_micro_batches_that_are_none_are_not_copied(content: str, parts: list[Path], tmp_path: Path) -> None:
    broken = Path(shutil.copytree(parts[0], tmp_path / "broken"))
    (broken / "micro_batches.json").write_text(content)
    with pytest.raises(StoreError, match=r"broken/micro_batches\.json: .*delete it"):
        merge([broken, parts[1]], tmp_path / "whole")


@pytest.mark.parametrize("name", ["selections/*.json", "numerics.toml"])
@pytest.mark.parametrize("content", [b"\xfb", b'{"seal": "no"}'])
def test_a_damaged_file_of_all_folders_is_named(name: str, content: bytes, parts: list[Path], tmp_path: Path) -> None:
    broken = Path(shutil.copytree(parts[0], tmp_path / "broken"))
    path = next(broken.glob(name))
    path.write_bytes(content)
    with pytest.raises(AfieldError, match=rf"{re.escape(path.name)}: "):
        merge([broken, parts[1]], tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
