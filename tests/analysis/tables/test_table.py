"""Tables of others: what is understood, what is refused by name, what is left out and counted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afield.analysis.fitting.transfer import fit_transfer
from afield.analysis.tables.table import ReadTable, TableChoice, read_table
from afield.backbones.catalogue import find
from afield.base.errors import InputError

HEAD = "backbone,imagenet_top1,task,metric,value"
ROWS = ["a,60.5,moths,accuracy,0.71", "b,67.7,moths,accuracy,0.75", "c,71.6,moths,accuracy,0.76"]
ROWS += ["d,76.1,moths,accuracy,0.80", "e,79.9,moths,accuracy,0.81"]


def write(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "results.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def read(folder: Path, *lines: str, head: str = HEAD, choice: TableChoice | None = None) -> ReadTable:
    return read_table(write(folder, *lines, head=head), choice)


def refused(folder: Path, *lines: str, head: str = HEAD, choice: TableChoice | None = None) -> str:
    with pytest.raises(InputError) as error:
        read(folder, *lines, head=head, choice=choice)
    return str(error.value)


def test_a_table_in_the_words_of_the_house_is_taken_as_it_is(tmp_path: Path) -> None:
    found = read(tmp_path, *ROWS)
    assert found.notes == ()
    assert list(found.rows["value"]) == [0.71, 0.75, 0.76, 0.80, 0.81]
    (fit,) = fit_transfer(found.rows)
    assert (fit.task, fit.metric, fit.n, fit.verdict) == ("moths", "accuracy", 5, "transfers")


@pytest.mark.slow
def test_per_cent_and_shares_are_the_same(tmp_path: Path) -> None:
    per_cent = [line.replace(",0.", ",") for line in ROWS]
    shares = [line.replace(",60.5,", ",0.605,").replace(",67.7,", ",0.677,") for line in ROWS]
    shares = [
        line.replace(",71.6,", ",0.716,").replace(",76.1,", ",0.761,").replace("79.9", "0.799") for line in shares
    ]
    tables = [read(tmp_path, *lines) for lines in (ROWS, per_cent, shares)]
    assert [table.scales["moths", "accuracy"] for table in tables] == [1, 100, 1]
    first, *others = (fit_transfer(table.rows)[0].normalised_slope for table in tables)
    assert first is not None
    for other in others:
        assert other is not None
        assert other.value == pytest.approx(first.value)


def test_names_that_differ_are_said_and_a_wide_table_becomes_tasks(tmp_path: Path) -> None:
    head = "model,img,top1_in,birds,moths"
    lines = ["net,224,70,0.5,0.6", "net,384,72,0.6,0.7", "other,224,75,0.7,0.8"]
    choice = TableChoice(
        columns={"backbone": "model+img", "imagenet_top1": "top1_in"}, values=("birds", "moths"), metric="accuracy"
    )
    found = read(tmp_path, *lines, head=head, choice=choice).rows
    assert list(found["backbone"].unique()) == ["net 224", "net 384", "other 224"]
    assert set(zip(found["task"], found["metric"], strict=True)) == {("birds", "accuracy"), ("moths", "accuracy")}
    choice = TableChoice(columns={"backbone": "model", "imagenet_top1": "top1_in"}, values=("birds", "moths"))
    tall = read(
        tmp_path, "net,a,70,0.5,0.6", "other,a,75,0.7,0.8", head=head.replace("img", "task"), choice=choice
    ).rows
    assert set(tall["task"]) == {"a"}
    assert set(tall["metric"]) == {"birds", "moths"}


def test_several_columns_of_values_beside_one_are_refused(tmp_path: Path) -> None:
    assert "give one of them" in refused(tmp_path, *ROWS, choice=TableChoice(values=("value",)))
    choice = TableChoice(columns={"value": "moths"}, values=("birds",))
    assert "give one of them" in refused(tmp_path, "a,70,1,2", head="backbone,imagenet_top1,moths,birds", choice=choice)


def test_what_a_table_does_not_say_is_filled_in(tmp_path: Path) -> None:
    found = read(tmp_path, "a,60,71.5", "b,70,73", head="backbone,imagenet_top1,value").rows
    assert set(found["task"]) == {"results"}
    assert set(found["metric"]) == {"value"}
    frame = pd.DataFrame({"backbone": ["a", "b"], "imagenet_top1": [60.0, 70.0], "value": [0.715, np.nan]})
    found_in_python = read_table(frame)
    assert len(found_in_python.rows) == 1
    assert found_in_python.notes == (
        "One row without a value left out (b).",
        "Taken as better when higher: value; a column direction would say otherwise.",
    )


def test_accuracies_that_lack_are_those_of_the_catalogue(tmp_path: Path) -> None:
    known, unsure = "resnet50.tv_in1k", "RN50.openai"
    found = read(tmp_path, f"{known},0.7", f"{unsure},0.8", "mine,0.9", "resnet18,0.5", head="backbone,value")
    rows = found.rows.set_index("backbone")
    assert rows.loc[known, "imagenet_top1"] == find(known).imagenet_top1
    assert rows.loc[known, "family"] == find(known).family
    assert found.notes[:3] == (
        "ImageNet accuracy of two backbones from the catalogue.",
        "From memory and unverified among them: RN50.openai.",
        "Two backbones without a known ImageNet accuracy left out (mine and resnet18).",
    )


def test_a_joined_name_is_known_by_its_first_part(tmp_path: Path) -> None:
    lines = ["resnet50.tv_in1k,224,0.7", "resnet50.tv_in1k,288,0.8", "mine,224,0.9"]
    choice = TableChoice(columns={"backbone": "model+img_size"}, metric="accuracy")
    found = read(tmp_path, *lines, head="model,img_size,value", choice=choice)
    card = find("resnet50.tv_in1k")
    assert list(found.rows["family"]) == [card.family] * 2
    assert list(found.rows["imagenet_top1"]) == [card.imagenet_top1] * 2
    assert found.notes[1] == (
        "By the first part of their names, at the catalogue's image size, among them: resnet50.tv_in1k 224 and "
        "resnet50.tv_in1k 288."
    )


def test_accuracies_may_stand_in_another_table(tmp_path: Path) -> None:
    other = tmp_path / "imagenet.csv"
    other.write_text('model,size,top1\na,224,60.5\na,384,"61.5"\nb,224,70\n', encoding="utf-8")
    lines = ["a,224,0.5", "a,384,0.6", "b,224,0.7", "b,384,0.8"]
    choice = TableChoice(columns={"backbone": "model+size", "value": "top1"}, imagenet=other, metric="accuracy")
    found = read(tmp_path, *lines, head="model,size,top1", choice=choice)
    assert list(found.rows["imagenet_top1"]) == [60.5, 61.5, 70]
    assert found.notes[-1] == "One backbone without a known ImageNet accuracy left out (b 384)."
    words = refused(
        tmp_path,
        "a,0.5",
        head="model,top1",
        choice=TableChoice(columns={"backbone": "model", "value": "top1"}, imagenet=other),
    )
    assert "imagenet.csv: a stands 2 times. They differ in size. Keep one a backbone, or join" in words


def test_accuracies_of_the_other_table_go_before_the_own(tmp_path: Path) -> None:
    other = tmp_path / "imagenet.csv"
    other.write_text("backbone,imagenet_top1\na,61.5\nb,67.7\n", encoding="utf-8")
    found = read(tmp_path, *ROWS, choice=TableChoice(imagenet=other))
    assert list(found.rows["imagenet_top1"]) == [61.5, 67.7, 71.6, 76.1, 79.9]
    assert found.notes == (
        f"ImageNet accuracy of two backbones from {other}.",
        "The table's own imagenet_top1, which is another for a, is not used there.",
        f"ImageNet accuracy of c, d and e, which {other} lacks, is the table's own.",
    )


def test_names_that_one_table_lacks_count_for_the_other(tmp_path: Path) -> None:
    other = tmp_path / "imagenet.csv"
    other.write_text("model,top1\na,60.5\nb,67.7\n", encoding="utf-8")
    names = {"backbone": "model", "value": "acc"}
    unnamed = TableChoice(columns=names, imagenet=other)
    assert "--columns imagenet_top1=NAME" in refused(tmp_path, "a,0.5", head="model,acc", choice=unnamed)
    choice = TableChoice(columns={**names, "imagenet_top1": "top1"}, imagenet=other, metric="accuracy")
    found = read(tmp_path, "a,0.5", "b,0.6", head="model,acc", choice=choice)
    assert list(found.rows["imagenet_top1"]) == [60.5, 67.7]
    slip = TableChoice(columns={"backbone": "model", "value": "ac", "imagenet_top1": "top1"}, imagenet=other)
    assert "has no column ac; did you mean acc?" in refused(tmp_path, "a,0.5", head="model,acc", choice=slip)


def test_two_rows_of_one_weight_are_refused_with_what_tells_them_apart(tmp_path: Path) -> None:
    lines = ["net,224,70,0.5", "net,384,70,0.6", "b,224,75,0.7"]
    words = refused(tmp_path, *lines, head="backbone,img_size,imagenet_top1,value")
    assert "net stands 2 times for value on results. They differ in img_size." in words
    assert "--columns backbone=NAME+OTHER" in words
    assert "They are equal." in refused(tmp_path, *ROWS, ROWS[0])


def test_seeds_are_repetitions(tmp_path: Path) -> None:
    lines = [f"{line},{seed}" for line in ROWS for seed in (0, 1)]
    (fit,) = fit_transfer(read(tmp_path, *lines, head=f"{HEAD},seed").rows)
    assert list(fit.points["seeds"]) == [2] * 5


@pytest.mark.parametrize(
    ("cell", "number"),
    [('"1,014.45"', 1014.45), ("1e-3", 0.001), (" 0.5 ", 0.5), ("nan", None), ("N/A", None), ("", None)],
)
def test_numbers_as_people_write_them(tmp_path: Path, cell: str, number: float | None) -> None:
    found = read(tmp_path, *(f"{line},{cell}" for line in ROWS), head=f"{HEAD},n_test").rows["n_test"]
    assert (found.isna() if number is None else found == number).all()


@pytest.mark.parametrize("cell", ['"84,5"', '"0,845"', "84.5%", "inf", "0.8 +- 0.1", "1_000"])
def test_what_is_no_number_is_refused_by_row(tmp_path: Path, cell: str) -> None:
    words = refused(tmp_path, *ROWS, f"f,82,moths,accuracy,{cell}")
    assert "column value" in words
    assert "(row 6) is no number" in words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("f,82,moths,accuracy,84", "accuracy on moths: 0.81 and 84 stand in one column: 0..1 and 0..100 are mixed"),
        ("f,0.82,moths,accuracy,0.8", "imagenet_top1: 0.82 and 60.5 stand in one column"),
        ("f,82,moths,accuracy,130", "130 is neither a share of 0..1 nor per cent"),
        ("f,82,moths,accuracy,1.2", "up to 1.2; say --scale"),
        ("f,82,moths,accuracy,-0.1", "-0.1 is below 0, which it cannot be"),
        ("a,82,moths,accuracy,0.8", "a has several values of imagenet_top1 (60.5 and 82)"),
        ("f,82,moths,,0.8", "row 6: column metric is blank"),
        ("f,82,moths", "row 6 has 3 cells, the header 5"),
        ("f,820,moths,accuracy,0.8", "820 is neither"),
    ],
)
def test_a_row_that_spoils_the_table_is_refused(tmp_path: Path, line: str, words: str) -> None:
    assert words in refused(tmp_path, *ROWS, line)


def test_scales_may_differ_between_metrics_and_be_said(tmp_path: Path) -> None:
    per_cent = [line.replace("accuracy", "macro_f1").replace(",0.", ",") for line in ROWS]
    found = read(tmp_path, *ROWS, *per_cent)
    assert found.notes == ("Per cent: macro_f1. Shares 0..1: accuracy.",)
    assert found.rows["value"].between(0, 1).all()
    failed = [*per_cent, "f,82,moths,macro_f1,0.148"]
    assert "mixed" in refused(tmp_path, *failed)
    said = read(tmp_path, *failed, choice=TableChoice(scale="percent")).rows
    assert said["value"].iloc[-1] == pytest.approx(0.00148)
    assert "more than 1" in refused(tmp_path, *failed, choice=TableChoice(scale="share"))


def test_a_metric_has_one_scale_over_its_tasks(tmp_path: Path) -> None:
    per_cent = [line.replace(",0.", ",") for line in ROWS]
    rare = [f"{name},{x},rare,accuracy,{y}" for name, x, y in (("a", 60.5, 0.10), ("b", 67.7, 0.33), ("c", 71.6, 0.65))]
    words = refused(tmp_path, *per_cent, *rare)
    assert "accuracy looks like per cent on moths and like shares 0..1 on rare" in words
    assert "--scale percent" in words
    said = read(tmp_path, *per_cent, *rare, choice=TableChoice(scale="percent")).rows
    assert said["value"].min() == pytest.approx(0.001)


def test_of_imagenet_accuracies_no_option_says_the_scale(tmp_path: Path) -> None:
    for low in ("0.6", "1.5"):
        lines = [f"{name},{value},0.{place}" for place, (name, value) in enumerate({"a": low, "b": "71"}.items(), 5)]
        words = refused(tmp_path, *(lines if low == "0.6" else lines[:1]), head="backbone,imagenet_top1,value")
        assert "imagenet_top1: " in words
        assert "--scale" not in words


def test_numbers_that_are_no_points_are_refused(tmp_path: Path) -> None:
    lines = [line.replace("accuracy,0.", "leep,-4.") for line in ROWS]
    assert "leep on moths: -4.81 is neither" in refused(tmp_path, *lines)


def test_kappa_may_be_negative(tmp_path: Path) -> None:
    lines = [line.replace("accuracy,0.71", "qwk,-0.1").replace("accuracy", "qwk") for line in ROWS]
    assert read(tmp_path, *lines).rows["value"].min() == -0.1


def test_metrics_that_are_better_when_lower_are_passed_over_by_name(tmp_path: Path) -> None:
    losses = [line.replace("accuracy", "log_loss") for line in ROWS]
    found = read(tmp_path, *ROWS, *losses)
    assert set(found.rows["metric"]) == {"accuracy"}
    assert found.notes == ("Log_loss: lower is better there, which no verdict reads; passed over.",)
    assert "top1_err: lower is better there" in refused(
        tmp_path, *(line.replace("accuracy", "top1_err") for line in ROWS)
    )
    said = [f"{line.replace('accuracy', 'moth_distance')},lower" for line in ROWS]
    assert "moth_distance: lower is better" in refused(tmp_path, *said, head=f"{HEAD},direction")
    assert "the table says that lower is better" in refused(
        tmp_path, *(f"{line},lower" for line in ROWS), head=f"{HEAD},direction"
    )
    assert "direction up is unknown" in refused(tmp_path, *(f"{line},up" for line in ROWS), head=f"{HEAD},direction")


@pytest.mark.parametrize(
    "name",
    [
        *("nll", "ece", "fpr95", "FPR@95", "FID", "top1err", "testerror", "error(%)"),
        *("test/errors", "val.losses", "logloss", "cross-entropy", "rank_cost"),
    ],
)
def test_a_name_tells_that_lower_is_better(tmp_path: Path, name: str) -> None:
    lines = [line.replace("accuracy", name) for line in ROWS]
    assert "lower is better there" in refused(tmp_path, *lines)
    assert len(read(tmp_path, *(f"{line},higher" for line in lines), head=f"{HEAD},direction").rows) == 5


@pytest.mark.parametrize("name", ["mean_error_free", "overlap", "lossless", "terra", "value"])
def test_a_metric_that_nothing_is_known_of_is_taken_as_better_when_higher_and_that_is_said(
    tmp_path: Path, name: str
) -> None:
    lines = [line.replace("accuracy", name) for line in ROWS]
    note = f"Taken as better when higher: {name}; a column direction would say otherwise."
    assert read(tmp_path, *lines).notes == (note,)
    assert read(tmp_path, *(f"{line},higher" for line in lines), head=f"{HEAD},direction").notes == ()


def test_slips_of_names_are_pointed_out(tmp_path: Path) -> None:
    assert "no column imagenet_top1 has numbers (did you mean imagenet_acc?)" in refused(
        tmp_path, *ROWS, head=HEAD.replace("imagenet_top1", "imagenet_acc")
    )
    assert "column directon is unknown; did you mean direction?" in refused(
        tmp_path, *(f"{line},higher" for line in ROWS), head=f"{HEAD},directon"
    )
    assert "has no column modle; did you mean model?" in refused(
        tmp_path, *ROWS, head=HEAD.replace("backbone", "model"), choice=TableChoice(columns={"backbone": "modle"})
    )
    assert "reads no such column; did you mean backbone?" in refused(
        tmp_path, *ROWS, choice=TableChoice(columns={"bakbone": "backbone"})
    )
    words = refused(tmp_path, *ROWS, head=HEAD.replace("backbone", "model"))
    assert "has no column backbone; say which one it is, as in --columns backbone=NAME; there are: model" in words
    assert "has no task moth; did you mean moths?" in refused(tmp_path, *ROWS, choice=TableChoice(tasks=("moth",)))
    assert "has no backbone ff; known: a, b" in refused(tmp_path, *ROWS, choice=TableChoice(without=("ff",)))


def test_rows_that_do_not_lead_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [f"{line},{which}" for line in ROWS for which in ("plain", "scratch")]
    found = read(tmp_path, *lines, head=f"{HEAD},intervention")
    assert len(found.rows) == 5
    assert found.notes == ("Five rows whose intervention is scratch left out.",)
    raced = [f"{line},{'race' if place == 2 else 'single'}" for place, line in enumerate(ROWS)]
    found = read(tmp_path, *raced, head=f"{HEAD},kind")
    assert (len(found.rows), found.notes) == (4, ("One row whose kind is race left out.",))
    words = refused(tmp_path, *(f"{line},val" for line in ROWS), head=f"{HEAD},split")
    assert "no row whose split is test, only val" in words


def test_networks_that_start_from_a_probe_are_fitted_but_not_mixed_with_others(tmp_path: Path) -> None:
    found = read(tmp_path, *(f"{line},probe" for line in ROWS), head=f"{HEAD},initialisation")
    assert fit_transfer(found.rows)[0].n == 5
    assert found.notes == ()
    mixed = [f"{line},{'probe' if place else 'pretrained'}" for place, line in enumerate(ROWS)]
    with pytest.raises(InputError, match="one line must not mix them"):
        fit_transfer(read(tmp_path, *mixed, head=f"{HEAD},initialisation").rows)
    scratch = [f"{line},{start}" for line in ROWS for start in ("probe", "random")]
    notes = read(tmp_path, *scratch, head=f"{HEAD},initialisation").notes
    assert notes == ("Five rows whose initialisation is random left out.",)


def test_intervals_that_do_not_hold_their_value_are_told_of(tmp_path: Path) -> None:
    lines = [f"{line},0.70,0.72" for line in ROWS]
    found = read(tmp_path, *lines, head=f"{HEAD},low,high")
    assert found.notes[0].startswith("Four values outside of their own interval (moths)")
    assert "not on the scale of value" in refused(
        tmp_path, *(f"{line},69,73" for line in ROWS), head=f"{HEAD},low,high"
    )
    assert "upside down" in refused(tmp_path, *(f"{line},0.9,0.7" for line in ROWS), head=f"{HEAD},low,high")


def test_the_mean_is_over_backbones_that_have_all_tasks(tmp_path: Path) -> None:
    birds = [line.replace("moths", "birds").replace("0.7", "0.5") for line in ROWS[1:]]
    found = read(tmp_path, *ROWS, *birds, choice=TableChoice(mean=True))
    mean = found.rows[found.rows["task"] == "mean of 2 tasks"].set_index("backbone")["value"]
    assert list(mean.index) == ["b", "c", "d", "e"]
    assert mean["b"] == pytest.approx((0.75 + 0.55) / 2)
    assert "Mean of 2 tasks: without a, which lack a task." in found.notes
    assert "--mean: no metric has two tasks" in refused(tmp_path, *ROWS, choice=TableChoice(mean=True))


def test_imagenet_itself_is_not_in_the_mean_that_is_held_against_it(tmp_path: Path) -> None:
    birds = [line.replace("moths", "birds").replace("0.7", "0.5") for line in ROWS]
    imagenet = [f"{b},{x},imagenet1k,accuracy,{float(x) / 100:.3f}" for b, x in (r.split(",")[:2] for r in ROWS)]
    found = read(tmp_path, *ROWS, *birds, *imagenet, choice=TableChoice(mean=True))
    assert set(found.rows["task"]) == {"moths", "birds", "imagenet1k", "mean of 2 tasks"}
    assert found.notes == ("Imagenet1k: its values are the ImageNet accuracies themselves; left out of the mean.",)
    words = refused(tmp_path, *ROWS, *imagenet, choice=TableChoice(mean=True))
    assert "no metric has two tasks beside ImageNet" in words


def test_only_backbones_above_a_cut(tmp_path: Path) -> None:
    found = read(tmp_path, *ROWS, choice=TableChoice(above=71.6))
    assert list(found.rows["backbone"]) == ["d", "e"]
    assert found.notes == ("Three backbones of 71.6 % on ImageNet or less left out, as asked.",)
    assert "no backbone has more than 99 %" in refused(tmp_path, *ROWS, choice=TableChoice(above=99))


def test_files_that_are_no_table(tmp_path: Path) -> None:
    assert "is empty" in refused(tmp_path, head="")
    assert "columns must be separated by commas" in refused(tmp_path, "a;60;0.5", head="backbone;imagenet_top1;value")
    assert "column value stands 2 times" in refused(tmp_path, "a,60,0.5,1", head="backbone,imagenet_top1,value,value")
    assert "no row has a value" in refused(tmp_path, "a,60,moths,accuracy,")
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "nothing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path / "bytes.csv")
    assert "no backbone has an ImageNet accuracy" in refused(tmp_path, "mine,0.5", "yours,0.6", head="backbone,value")
