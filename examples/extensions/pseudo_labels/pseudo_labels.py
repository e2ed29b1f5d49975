"""Pseudo-labels: what a first study's network is sure of on unlabelled pictures becomes training data of a second.

    python pseudo_labels.py OUT FOLDER [SURE]

reads FOLDER/unlabelled.csv (column `path`, and `group` where the labelled data have groups) and writes
FOLDER/pseudo.csv: those pictures that get a label, which the second study adds to its training split.
"""

import json
import sys
from pathlib import Path

import pandas as pd

import afield
from afield.base.errors import AfieldError, InputError
from afield.base.hashing import sha256_file
from afield.study.networks.network import Network

FIRST = "first"
"""name of the teacher's study, which may share its folder with others"""
SURE = 0.9
"""probability from which on a prediction is taken for a label"""


def pseudo_table(out: Path, folder: Path, sure: float = SURE, study: str = FIRST) -> pd.DataFrame:
    """The further training pictures of the second study: path, label, group, weight. A pseudo-label weighs its
    probability, where a label weighs 1.

    The teacher is the network that the first study's answer names; the second study divides the labelled pictures as
    the first one did, so none that selects or tests it has taught either network. Raises InputError for unlabelled
    pictures that are among the labelled ones, byte for byte, or in a group that validation or test hold, and where the
    teacher is sure of none.
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
            "group": unlabelled.get("group", unlabelled["path"]),
            "weight": said["probability"],
        }
    )
    found = new[new["weight"] >= sure]
    if found.empty:
        raise InputError(
            f"unlabelled.csv: of no picture is the teacher {sure:g} sure, of the surest {new['weight'].max():.2f}; "
            "name a lower bound, or teach it better"
        )
    return found


def _labelled(out: Path, network: Network) -> pd.DataFrame:
    """The samples that the network was trained, selected and tested by, from the result folder: path, split, group."""
    for place in out.glob("tasks/*/task.json"):
        if json.loads(place.read_text(encoding="utf-8"))["fingerprint"] == network.trial.data:
            samples = pd.read_parquet(place.with_name("samples.parquet"))
            return samples.rename(columns={"image": "path"})[["path", "split", "group"]]
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
    """Write FOLDER/pseudo.csv and say how much is in it."""
    out, folder = map(Path, sys.argv[1:3])
    try:
        table = pseudo_table(out, folder, float(sys.argv[3]) if len(sys.argv) > 3 else SURE)
    except AfieldError as error:
        sys.exit(f"{error}")
    table.to_csv(folder / "pseudo.csv", index=False)
    unlabelled = len(pd.read_csv(folder / "unlabelled.csv", dtype=str))
    sys.stdout.write(f"pseudo.csv: {len(table)} of {unlabelled} unlabelled pictures got a label\n")


if __name__ == "__main__":
    main()
