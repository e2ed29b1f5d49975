"""Interventions that change training splits: what joins them, what stays out, which keys and samples change."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import afield
from afield.base.errors import InputError
from afield.images.prepared import open_prepared
from afield.report.page import report
from afield.study.forecasting.plan_notes import plan_notes
from afield.study.plan import Plan, changed_words
from afield.study.planning.workload import workloads_of
from afield.study.preparing.inputs import prepare_split
from afield.study.preparing.study_file import parse_study
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.data import TaskData, load_task
from afield.tasks.own.task import folder_task
from afield.training.numerics import NumericsChoice, settle
from tests.fixtures import layouts
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import SCRATCH, make_photos, study_text

NUMERICS = settle(NumericsChoice(), "cpu")


def study_of(photos: Path, more: str, interventions: str = '["plain", "more"]', folder: Path | None = None) -> Study:
    text = study_text(photos, "grid", 1).replace("seeds = [0, 1]", f"seeds = [0]\ninterventions = {interventions}")
    return parse_study(text + more, "tiny.toml", folder or photos.parent)


def plan_of(study: Study, cache: Path, data: Path | None = None) -> Plan:
    return make_plan(study, NUMERICS, cache, data=data)


def with_copies(photos: Path, folder: Path, cache: Path) -> TaskData:
    """Eight new pictures of warm things, and three that are copies of one of each split of the photos."""
    data = load_task(folder_task(photos), "clean", cache)
    generator = np.random.default_rng(5)
    (folder / "hot").mkdir(parents=True)
    for number in range(8):
        Image.fromarray(generator.integers(0, 200, (50, 50, 3)).astype(np.uint8)).save(folder / "hot" / f"{number}.png")
    for split in ("train", "validation", "test"):
        shutil.copy(photos / data.images(split)[0], folder / "hot" / f"copy of {split}.png")
    return data


MORE = """
[interventions.more]
further = { photos = [{ task = "more", classes = { hot = "warm" } }] }
"""


@pytest.mark.slow
def test_copies_of_held_out_images_stay_out_and_plain_keeps_its_key(photos: Path, tmp_path: Path, cache: Path) -> None:
    photos = shutil.copytree(photos, tmp_path / "photos")
    plain = with_copies(photos, tmp_path / "more", cache)
    plan = plan_of(study_of(photos, MORE), cache)
    data = plan.changed["photos", "more"]
    assert data.training is not None
    (added,) = data.training.added
    assert (added.samples, data.training.samples) == (8 + 1, len(plain.samples("train")) + 9)
    assert added.exact == {f"hot/copy of {split}.png": plain.images(split)[0] for split in ("validation", "test")}
    for split in ("validation", "test"):
        pd.testing.assert_frame_equal(
            data.samples(split)[["id", "image", "label", "unit", "cluster"]].reset_index(drop=True),
            plain.samples(split)[["id", "image", "label", "unit", "cluster"]].reset_index(drop=True),
        )
    assert data.counts()["train"]["warm"] == plain.counts()["train"]["warm"] + 9
    keys = {search.intervention: search.keys[0][0] for search in plan.searches}
    alone = plan_of(study_of(photos, "", '["plain"]'), cache)
    assert keys["plain"] == alone.searches[0].keys[0][0]
    assert keys["more"] != keys["plain"]
    assert plan.data_of(plan.searches[0]).fingerprint == plain.fingerprint
    (line,) = changed_words(plan)
    assert "9 of more were added (left out: 2 exact copies of validation or test images)" in line
    assert line in plan_notes(plan)
    passes = {load.intervention: load.passes for load in workloads_of(plan)}
    assert passes["more"] - passes["plain"] == 4 * 9


@pytest.mark.slow
def test_a_task_may_be_named_as_the_study_names_it(photos: Path, tmp_path: Path, cache: Path) -> None:
    photos = shutil.copytree(photos, tmp_path / "photos")
    with_copies(photos, tmp_path / "more", cache)
    own = plan_of(study_of(photos, MORE), cache).changed["photos", "more"].fingerprint
    by_path = MORE.replace("{ photos =", f'{{ "{photos.as_posix()}" =')
    for keys in ("", "epochs = 7\n"):  # beside another key, too, where nothing else would tell of a split left as it is
        assert plan_of(study_of(photos, by_path + keys), cache).changed["photos", "more"].fingerprint == own
    text = study_text(photos, "grid", 1).replace(photos.as_posix(), "photos").replace("seeds = [0, 1]", "seeds = [0]")
    text = text.replace("seeds =", 'interventions = ["plain", "more"]\nseeds =')
    relative = MORE.replace("{ photos =", '{ "./photos" =')
    study = parse_study(text + relative, "near.toml", tmp_path)
    assert plan_of(study, cache).changed["photos", "more"].fingerprint == own
    (tmp_path / "lab.py").write_text(
        f"from afield import Task\nmoths = Task.from_folder({str(photos)!r})\n", encoding="utf-8"
    )
    text = study_text(photos, "grid", 1).replace("seeds = [0, 1]", 'seeds = [0]\ninterventions = ["plain", "more"]')
    text = 'extensions = ["lab.py"]\n' + text.replace(f'["{photos.as_posix()}"]', '["lab:moths"]')
    named = MORE.replace("{ photos =", '{ "lab:moths" =') + "epochs = 7\n"
    (added,) = plan_of(parse_study(text + named, "moths.toml", tmp_path), cache).changed.values()
    assert added.training is not None
    assert added.training.added[0].samples == 9


@pytest.mark.slow
def test_a_task_that_is_named_in_two_ways_is_refused(photos: Path, tmp_path: Path, cache: Path) -> None:
    twice = MORE + f'reviewed = {{ "{photos.as_posix()}" = "read.csv" }}\n'
    with pytest.raises(InputError, match="photos and photos are one task; name it in one way"):
        plan_of(study_of(photos, twice, folder=tmp_path), cache)
    near = shutil.copytree(photos, tmp_path / "near")
    again = f'further = {{ "./near" = ["{photos.as_posix()}"], "{near.as_posix()}" = ["{photos.as_posix()}"] }}\n'
    text = study_text(near, "grid", 1).replace("seeds =", 'interventions = ["plain", "more"]\nseeds =')
    with pytest.raises(InputError, match=r"\./near: is no task of the study"):
        plan_of(parse_study(f"{text}[interventions.more]\n{again}", "near.toml", tmp_path), cache)


@pytest.mark.slow
def test_the_bytes_of_further_images_are_prepared_beside_the_task_s_own(
    photos: Path, tmp_path: Path, cache: Path
) -> None:
    photos = shutil.copytree(photos, tmp_path / "photos")
    with_copies(photos, tmp_path / "more", cache)
    plan = plan_of(study_of(photos, MORE), cache)
    search = next(search for search in plan.searches if search.intervention == "more")
    data, rules = plan.data_of(search), plan.rules(search)
    images = open_prepared(prepare_split(data, "train", rules["train"], cache, lambda *_: None))
    names = data.images("train")
    row = names.index("more/hot/3.png")
    stored = np.asarray(Image.open(tmp_path / "more" / "hot" / "3.png").resize((47, 47), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(images.image(row), stored)
    assert len(images) == len(names)
    # validation is what plain has, byte for byte: the same folder
    folders = {
        prepare_split(each, "validation", rules["validation"], cache, lambda *_: None)
        for each in (data, plan.tasks["photos"])
    }
    assert len(folders) == 1


@pytest.mark.slow
def test_a_group_of_validation_or_test_brings_nothing(tmp_path: Path, cache: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in photos.rglob("*.png"))
    rows = [f"{file},{file.split('/')[1]},p{number // 2}" for number, file in enumerate(files)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,patient", *rows]) + "\n", encoding="utf-8")
    for number, name in enumerate(("cold", "warm")):
        pixels = np.random.default_rng(number).integers(0, 200, (50, 50, 3)).astype(np.uint8)
        (tmp_path / "new" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "new" / name / "000.png")
    own = '\n[tasks.photos]\ntable = "labels.csv"\ngroup = "patient"\n'
    more = '[tasks.new]\ntable = "new.csv"\ngroup = "patient"\n[interventions.more]\nfurther = { photos = ["new"] }\n'
    text = study_text(Path("photos"), "grid", 1).replace("seeds = [0, 1]", 'interventions = ["plain", "more"]')
    text += own + more
    plain = plan_of(parse_study(text.replace('["plain", "more"]', '["plain"]'), "a.toml", tmp_path), cache)
    held = plain.tasks["photos"].samples("test")["group"].iloc[0]
    (tmp_path / "new.csv").write_text(
        f"path,label,patient\nnew/cold/000.png,cold,{held}\nnew/warm/000.png,warm,somebody\n", encoding="utf-8"
    )
    made = plan_of(parse_study(text, "a.toml", tmp_path), cache).changed["photos", "more"].training
    assert made is not None
    assert (made.added[0].grouped, made.added[0].samples) == (1, 1)


def test_a_reviewed_list_changes_training_samples_alone(photos: Path, tmp_path: Path, cache: Path) -> None:
    photos = shutil.copytree(photos, tmp_path / "photos")
    data = load_task(folder_task(photos), "clean", cache)
    train, test = data.samples("train").iloc[0], data.samples("test").iloc[0]
    (tmp_path / "read.csv").write_text(
        "id,label,suggested,action\n"
        f"{train['id']},cold,warm,relabel\n{data.samples('train')['id'].iloc[1]},cold,warm,drop\n"
        f"{test['id']},cold,warm,drop\n",
        encoding="utf-8",
    )
    plan = plan_of(study_of(photos, '[interventions.more]\nreviewed = { photos = "read.csv" }\n'), cache)
    changed = plan.changed["photos", "more"]
    assert changed.training is not None
    assert changed.training.reviewed is not None
    assert (changed.training.reviewed.relabelled, changed.training.reviewed.dropped) == (1, 1)
    assert changed.training.reviewed.elsewhere == 1
    assert len(changed.samples("train")) == len(data.samples("train")) - 1
    assert changed.samples("train").set_index("id").loc[train["id"], "label"] == 1
    assert len(changed.samples("test")) == len(data.samples("test"))
    assert changed.fingerprint != data.fingerprint


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[interventions.more]\nfurther = { foto = ["x"] }\n', "foto: is no task of the study; did you mean photos"),
        ('[interventions.more]\nfurther = { photos = ["nothing"] }\n', "nothing: unknown task"),
        ('[interventions.more]\nreviewed = { photos = "no.csv" }\n', "no.csv: cannot be read as a table"),
        (
            '[tasks.part]\ntask = "photos"\nshare = 0.5\n[interventions.more]\nfurther = { photos = ["part"] }\n',
            "further: part: is a part of photos; name that task itself",
        ),
    ],
)
def test_what_cannot_join_is_refused_with_the_mend(
    photos: Path, tmp_path: Path, cache: Path, more: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        plan_of(study_of(photos, more), cache)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("further = 3", r"interventions\.more\.further: .*"),
        ('further = { photos = [{ taks = "a" }] }', r"interventions\.more\.further\.photos\.0\.taks: unknown key"),
        ("further = { photos = [] }", r"further\.photos: must not be empty"),
        ('reviewed = "list.csv"', r"interventions\.more\.reviewed: .*"),
    ],
)
def test_a_study_file_says_it_in_one_way(photos: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        study_of(photos, f"[interventions.more]\n{line}\n")


@pytest.mark.slow
def test_an_intervention_that_leaves_a_task_as_it_is_says_so(tmp_path: Path, cache: Path) -> None:
    photos, other = make_photos(tmp_path / "photos"), make_photos(tmp_path / "other")
    with_copies(photos, tmp_path / "new", cache)
    (tmp_path / "new" / "hot").rename(tmp_path / "new" / "warm")
    text = study_text(photos, "grid", 1).replace("seeds = [0, 1]", 'interventions = ["plain", "more"]')
    text = text.replace(f'["{photos.as_posix()}"]', f'["{photos.as_posix()}", "{other.as_posix()}"]')
    more = f'[interventions.more]\nfurther = {{ photos = ["{(tmp_path / "new").as_posix()}"] }}\n'
    with pytest.raises(InputError, match="more: changes nothing of other, where it would be plain once more"):
        plan_of(parse_study(text + more, "two.toml"), cache)
    mixed = parse_study(text + more + "label_smoothing = 0.1\n", "two.toml")
    assert set(plan_of(mixed, cache).changed) == {("photos", "more")}


APTOS = (
    SCRATCH.format(name="external", tasks='["aptos2019"]', protocol="clean").replace(
        "protocol =", 'interventions = ["plain", "retinopathy"]\nprotocol ='
    )
    + """
[interventions.retinopathy]
further = { aptos2019 = ["retinopathy2015"] }
"""
)


@pytest.mark.slow
def test_further_photographs_join_a_competition_from_its_files_to_the_report(tmp_path: Path) -> None:
    """Both competitions in their own layouts; one photograph of 2015 is a test picture of 2019, saved again."""
    layouts.aptos2019(tmp_path / "aptos2019")
    layouts.retinopathy2015(tmp_path / "retinopathy2015")
    study = parse_study(APTOS, "external.toml")
    held = plan_of(study, tmp_path / "cache", tmp_path).tasks["aptos2019"].samples("test")["image"].iloc[0]
    Image.open(tmp_path / "aptos2019" / held).save(tmp_path / "retinopathy2015" / "train" / "10_left.jpeg", quality=95)
    out = tmp_path / "out"
    assert afield.run_study(study, out, data=tmp_path).complete
    table = afield.results(out)
    qwk = table[table["metric"] == "qwk"].set_index("intervention")
    assert qwk["n_test"].nunique() == 1
    record = afield.load_record(out)
    made = record.task("aptos2019").training["retinopathy"]
    assert made.added[0].near == {"train/10_left.jpeg": held}
    assert made.added[0].samples == 2 * 23 - 1
    for key in qwk["key"]:
        assert Store.open(out).read(key).result is not None
    page = report(out).read_text(encoding="utf-8")
    assert "45 of retinopathy2015 were added (left out: 1 near copy of validation or test images)" in page
