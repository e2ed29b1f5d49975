"""Pseudo-labels: what a first study's network is sure of on unlabelled pictures becomes training data of a second.

    python pseudo_labels.py OUT FOLDER

reads FOLDER/unlabelled.csv (column `path`, and `group` where the labelled data have groups) and writes
FOLDER/pseudo.csv: every labelled sample in the split that it had in OUT, and below them the new ones, for training.
"""

import json
import sys
from pathlib import Path

import pandas as pd

import afield
from afield.base.errors import AfieldError, InputError
from afield.base.hashing import sha256_file
from afield.study.network import Network

SURE = 0.9
"""probability from which on a prediction is taken for a label"""


def pseudo_table(out: Path, folder: Path, sure: float = SURE, study: str | None = None) -> pd.DataFrame:
    """The table of the second study: path, label, split, group, weight. A pseudo-label weighs its probability, a label
    1. `study` names the first study where several share `out`.

    The teacher is the network that the first study's answer names, and the splits are those that it was trained by:
    then no picture that selects or tests the second study has taught either network. Raises InputError for unlabelled
    pictures that are among the labelled ones, byte for byte, or in a group that validation or test hold.
    """
    network = afield.load_network(out, study=study)
    if network.trial.target == "labels":
        raise InputError(f"{network.trial.task}: its pictures may have several classes; pseudo-labels are of one")
    labelled = _labelled(out, network)
    unlabelled = pd.read_csv(folder / "unlabelled.csv", dtype=str)
    _refuse_known(folder, unlabelled, labelled)
    said = network.predict([folder / path for path in unlabelled["path"]])
    new = pd.DataFrame(
        {
            "path": unlabelled["path"],
            "label": said["predicted"],
            "split": "train",
            "group": unlabelled.get("group", unlabelled["path"]),
            "weight": said["probability"],
        }
    )
    return pd.concat([labelled, new[new["weight"] >= sure]], ignore_index=True)


def _labelled(out: Path, network: Network) -> pd.DataFrame:
    """The samples that the network was trained, selected and tested by, from the result folder."""
    for place in out.glob("tasks/*/task.json"):
        if json.loads(place.read_text(encoding="utf-8"))["fingerprint"] == network.trial.data:
            samples = pd.read_parquet(place.with_name("samples.parquet"))
            named = samples.rename(columns={"image": "path"}).assign(weight=1.0)
            labels = [network.classes[place] for place in named["label"]]
            return named.assign(label=labels)[["path", "label", "split", "group", "weight"]]
    raise InputError(f"{out}: does not hold the samples of {network.trial.task}; copy the whole result folder")


def _refuse_known(folder: Path, unlabelled: pd.DataFrame, labelled: pd.DataFrame) -> None:
    known = {sha256_file(folder / path): path for path in labelled["path"]}
    same = [path for path in unlabelled["path"] if sha256_file(folder / path) in known]
    if same:
        raise InputError(f"unlabelled.csv: {same[0]} ({len(same)} such) is a labelled picture; take it out")
    grouped = not labelled["group"].equals(labelled["path"])
    if grouped and "group" not in unlabelled:
        raise InputError("unlabelled.csv: has no column group, which the labelled pictures have; add it")
    held = set(labelled.loc[labelled["split"] != "train", "group"])
    inside = unlabelled.loc[unlabelled.get("group", unlabelled["path"]).isin(held), "path"]
    if len(inside):
        raise InputError(
            f"unlabelled.csv: {inside.iloc[0]} ({len(inside)} such) is of a group that selects or tests; take it out"
        )


def main() -> None:
    """Write FOLDER/pseudo.csv and say how much of it is new."""
    out, folder = map(Path, sys.argv[1:3])
    try:
        table = pseudo_table(out, folder)
    except AfieldError as error:
        sys.exit(f"{error}")
    table.to_csv(folder / "pseudo.csv", index=False)
    sure = table["path"].isin(pd.read_csv(folder / "unlabelled.csv", dtype=str)["path"])
    sys.stdout.write(f"pseudo.csv: {(~sure).sum()} labelled samples and {sure.sum()} pseudo-labels\n")


if __name__ == "__main__":
    main()
