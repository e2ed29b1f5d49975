"""Which network of a result folder a key means, and how it is built anew from what its training kept.

torch is imported when a network is opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from afield.backbones.backbone import Backbone
from afield.backbones.own import resolve
from afield.base.errors import DamagedError, InputError, nearest
from afield.base.extensions import Extension, is_own, load_kept
from afield.images.rule import PREPARATION_VERSION
from afield.images.symmetries import PLAIN, symmetries
from afield.scoring.predictions import Predictions
from afield.study.folder.sealed import read_json
from afield.study.folder.shapes import AboutNetwork, check_shape
from afield.study.folder.trial_files import check_told
from afield.study.networks.network import Network, on_cpu
from afield.study.split_view import SplitView
from afield.study.store import Store
from afield.trial.trial import Trial

if TYPE_CHECKING:
    from torch import nn

_KEY = re.compile(r"[0-9a-f]{20}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def open_network(out: str | Path, key: str, view: str = PLAIN) -> Network:
    """The network that the trial or soup `key` of a result folder kept, to be shown pictures as that view does.

    Raises InputError where there is no such key, where it kept no network or was not scored under that view, and where
    this machine cannot build it (an extension, a library); DamagedError where its files are not what was written.
    """
    store = Store.open(Path(out))
    trial = _trial(store, key)
    at = _shown_as(store, key, view, trial)
    extensions = {name: _extension(store, name, sha256) for name, sha256 in trial.extensions}
    backbone = resolve(trial.backbone, extensions)
    path = store.check_network(key)
    module = _build(trial, backbone, path, extensions)
    about = read_json(path.with_suffix(".json"))
    check_shape(path.with_suffix(".json"), about, AboutNetwork)
    validation = Predictions.from_frame(store.scores.predictions(key, at, trial.classes), trial.classes)
    return Network(key, trial.backbone, trial.classes, module, about, trial, validation, view)


def _shown_as(store: Store, key: str, view: str, trial: Trial) -> SplitView:
    """Validation under that view. Raises InputError where the network was not scored so."""
    symmetries(view, trial.flips)
    at = SplitView("validation", view)
    if view != PLAIN and not store.scores.holds(key, at):
        raise InputError(
            f"{store.root}: {key} was not scored under the view {view}, so nobody knows how good it is then; add it to "
            "study.views and run the study again, which trains nothing"
        )
    return at


def _trial(store: Store, key: str) -> Trial:
    """The trial of that key, or the first ingredient of that soup. Raises InputError where it kept no network, and says
    why.
    """
    folder = store.trial_folder(key)
    if not (_KEY.fullmatch(key) and folder.is_dir()):
        kept = store.selections.together()[0] | store.soup_keys()
        raise InputError(
            f"{store.root}: no training or soup has the key {key}; {nearest(key, kept)}"
            if kept
            else f"{store.root}: no search has chosen a network yet; see: afield status {store.root}"
        )
    files = store.read(key)
    if files.failure is not None and files.result is None:
        raise InputError(f"{folder}: this training failed ({files.failure['reason']}), so it has no network")
    if files.result is None:
        raise InputError(
            f"{folder}: this training has not ended, so it has no network: halving stopped it, or its study goes on "
            f"(see: afield status {store.root})"
        )
    if not store.weights(key).exists():
        raise InputError(
            f"{folder}: keeps no network: only those that a search chose are kept "
            f"(the column `key` of: afield table {store.root})"
        )
    told = read_json(folder / "trial.json")
    try:
        trial = Trial.model_validate(told)
    except ValidationError as error:
        complaint = error.errors()[0]
        raise InputError(
            f"{folder / 'trial.json'}: was written by another version of afield "
            f"({'.'.join(map(str, complaint['loc']))}: {complaint['msg']}); load it with that one"
        ) from None
    if trial.preparation != PREPARATION_VERSION:
        raise InputError(
            f"{folder}: was trained on images as another version of afield prepares them "
            f"(rule {trial.preparation}, here {PREPARATION_VERSION}); load it with that one"
        )
    check_told(folder, told)
    return trial


def _extension(store: Store, name: str, sha256: str) -> Extension:
    """The user's own code as the trial was trained with it: the copy in the folder, or the installed package. Raises
    DamagedError for what names neither: a file that lies elsewhere is not run.
    """
    if not (name.isidentifier() and _SHA256.fullmatch(sha256)):
        raise DamagedError(f"{store.root}: a training names an extension that is none ({name}); train it anew")
    copied = store.root / "extensions" / sha256[:12] / f"{name}.py"
    try:
        return load_kept(str(copied) if copied.exists() else name, sha256)
    except InputError as error:
        if copied.exists():
            raise
        raise InputError(
            f"{copied}: is missing, and no package takes its place ({error}); "
            "copy the whole result folder, or install the package that the study was run with"
        ) from error


def _build(trial: Trial, backbone: Backbone, path: Path, extensions: Mapping[str, Extension]) -> nn.Module:
    from safetensors.torch import load_file

    from afield.backbones.build import build
    from afield.backbones.own_heads import head_of, own_head
    from afield.training.device import place
    from afield.training.grades import with_grades

    name = trial.recipe.head
    module = build(
        backbone,
        trial.outputs,
        initialisation="scratch",
        seed=trial.seed,
        weights=None,
        channels=len(trial.mean),
        pooling=trial.recipe.pooling,
        head=head_of(name, own_head(name, extensions) if is_own(name) else None),
        size=trial.recipe.size,
    )
    if trial.recipe.regresses:
        with_grades(module, len(trial.classes))
    try:
        module.load_state_dict(load_file(path))
    except RuntimeError as error:
        found = read_json(path.with_name("result.json")).get("platform", {})
        versions = ", ".join(f"{name} {found[name]}" for name in ("torch", "torchvision", "timm") if name in found)
        raise InputError(
            f"{path}: these tensors do not fit the network {backbone.id} as the libraries here make it; "
            f"install those that trained it: {versions or 'see the result.json beside it'}"
        ) from error
    return place(module, on_cpu(trial.numerics)).eval()
