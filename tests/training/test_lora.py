"""LoRA: what learns, what stays, and that what is kept is a plain network that says the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.backbones.lora import adapt, check_lora, lora_layers_of, merged
from afield.backbones.weights import Weights
from afield.base.errors import InputError, Stopped
from afield.base.hashing import sha256_file
from afield.scoring.metrics import METRICS
from afield.study.preparing.study_file import parse_study
from afield.tasks.data import TaskData
from afield.tasks.places import cache_folder
from afield.training.checkpoint import State, load_checkpoint, save_checkpoint
from afield.training.loop import Hooks
from afield.trial.inputs import SplitInputs
from afield.trial.network import network_of
from afield.trial.run import run_trial
from afield.trial.score import score
from afield.trial.trial import Trial
from tests.fixtures.tiny import BACKBONE, study_text, tiny_inputs, tiny_trial
from tests.training.test_exactness import HERE, NONE, same

Inputs = tuple[TaskData, dict[str, SplitInputs]]
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 1e-5}
"""of logits of a few: rounding in float32, of W x + s B (A x) beside (W + s B A) x"""


def small_vit() -> nn.Module:
    return VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2, num_classes=4)


VIT = Backbone(build=small_vit, id="lab:vit", weights="vit.safetensors", input_size=32, mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> Inputs:
    return tiny_inputs(photos, cache)


def weights() -> Weights:
    path = cache_folder() / "vit.safetensors"
    if not path.exists():
        save_file(build(VIT, 4, initialisation="scratch", seed=11, weights=None).state_dict(), path)
    return Weights(path, sha256_file(path), "a test")


def vit_trial(data: TaskData, precision: str = "float32", **keys: object) -> Trial:
    trial = tiny_trial(
        data, **{"initialisation": "pretrained", "trained": "lora", "lora_rank": 2, "learning_rate": 1e-2, **keys}
    )
    numerics = trial.numerics.model_copy(update={"precision": precision, "memory_format": "contiguous"})
    return trial.model_copy(update={"backbone": VIT.id, "weights": weights().sha256, "numerics": numerics})


def go(
    trial: Trial, splits: dict[str, SplitInputs], until: int = 2, state: State | None = None, hooks: Hooks = NONE,
    workers: int = 0,
) -> State:  # fmt: skip
    return run_trial(
        trial, splits["train"], splits["validation"], VIT, weights(), METRICS[trial.metric],
        state=state or State(), until=until, workers=workers, hooks=hooks,
        views=splits["views"] if trial.recipe.probed else None, cache=cache_folder(),
    )  # fmt: skip


def adapted(size: int = 32) -> nn.Module:
    network = build(VIT, 3, initialisation="pretrained", seed=0, weights=weights(), size=size).eval()
    adapt(network, VIT, rank=2, alpha=4, seed=5, channels=3, size=size)
    return network


LAYERS = [f"blocks.{block}.{layer}" for block in (0, 1) for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")]


@pytest.mark.slow
def test_attention_and_mlp_learn_beside_the_head_and_nothing_else() -> None:
    network = adapted()
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    thin = {f"{layer}.lora_{matrix}.default.weight" for layer in LAYERS for matrix in "AB"}
    assert learning == thin | {"head.weight", "head.bias"}
    assert lora_layers_of(VIT) == tuple(LAYERS)


def test_an_adapted_network_says_at_first_what_it_said_and_is_drawn_by_its_seed() -> None:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    plain = build(VIT, 3, initialisation="pretrained", seed=0, weights=weights(), size=32).eval()
    torch.manual_seed(1)
    network = adapted()
    torch.manual_seed(2)
    again = adapted()
    assert torch.equal(network(images), plain(images))
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))
    tensors = merged(network.state_dict(), 2.0)
    assert tensors.keys() == plain.state_dict().keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in plain.state_dict().items())


def test_a_merged_network_says_what_the_adapted_one_says() -> None:
    network = adapted()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".lora_" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    plain = build(VIT, 3, initialisation="scratch", seed=1, weights=None, size=32).eval()
    plain.load_state_dict(merged(network.state_dict(), 2.0))
    images = torch.randn(4, 3, 32, 32, generator=generator)
    torch.testing.assert_close(plain(images), network(images), **CLOSE)
    assert not torch.allclose(plain(images), adapted()(images), **CLOSE)


@pytest.mark.slow
def test_what_is_kept_is_plain_and_frozen_tensors_are_those_of_the_weights(inputs: Inputs) -> None:
    data, splits = inputs
    trial = vit_trial(data)
    state = go(trial, splits)
    assert state.best is not None
    plain = network_of(trial, VIT, weights()).state_dict()
    after = state.best.network
    assert after.keys() == plain.keys()
    changed = {name for name in plain if not torch.equal(after[name], plain[name])}
    assert changed == {f"{layer}.weight" for layer in LAYERS} | {"head.weight", "head.bias"}
    for layer in LAYERS:
        assert torch.linalg.matrix_rank(after[f"{layer}.weight"] - plain[f"{layer}.weight"], rtol=1e-4) <= 2
    again = score(trial, VIT, after, splits["validation"])
    np.testing.assert_allclose(again.logits, state.best.logits.numpy(), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {"layer_decay": 0.5, "ema": 0.9, "clip_norm": 1.0},
        {"initialisation": "probe", "optimiser": "sgd"},
        {"precision": "bfloat16"},
    ],
    ids=["by layer, averaged", "from a probe", "bfloat16"],
)
def test_stops_change_nothing(keys: dict[str, Any], inputs: Inputs, tmp_path: Path) -> None:
    data, splits = inputs
    trial = vit_trial(data, epochs=3, **keys)
    unstopped = go(trial, splits, 3)
    asked = iter(range(1000))
    path = tmp_path / "checkpoint.pt"
    saving = Hooks(save=lambda state: save_checkpoint(path, state, HERE), stop=lambda: next(asked) == 7)
    with pytest.raises(Stopped):
        go(trial, splits, 3, hooks=saving)
    assert same(go(trial, splits, 3, load_checkpoint(path, HERE)), unstopped)


@pytest.mark.slow
def test_loader_workers_change_nothing(inputs: Inputs) -> None:
    data, splits = inputs
    assert same(go(vit_trial(data), splits, workers=2), go(vit_trial(data), splits))


@pytest.mark.slow
def test_decay_pulls_towards_the_pretrained_weights(inputs: Inputs) -> None:
    """It is of A and B: with much of it the body stays where it was."""
    data, splits = inputs
    distances = []
    for decay in (0.0, 0.5):
        trial = vit_trial(data, weight_decay=decay)
        state = go(trial, splits, 3)
        assert state.best is not None
        plain = network_of(trial, VIT, weights()).state_dict()
        distances.append(sum(float((state.best.network[f"{x}.weight"] - plain[f"{x}.weight"]).norm()) for x in LAYERS))
    assert distances[1] < 0.2 * distances[0]


class Attention(nn.Module):
    """A network whose attention is torch's own, which reads its output layer's weight without calling it."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Linear(8, 8)
        self.unused = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        mixed = self.attention(tokens, tokens, tokens)[0]
        logits: torch.Tensor = self.head(self.mlp(mixed).mean(dim=1) + self.unused.bias)
        return logits


def test_only_layers_that_are_called_are_adapted() -> None:
    row = replace(VIT, build=Attention, id="lab:attention")
    network = Attention()
    adapt(network, row, rank=2, alpha=2, seed=0, channels=3, size=32)
    thin = {name.partition(".lora_")[0] for name, _ in network.named_parameters() if ".lora_" in name}
    assert thin == {"mlp"}


def test_a_network_without_linear_layers_is_refused_with_the_mend() -> None:
    with pytest.raises(
        InputError, match=r'trained = "lora": has no linear layer beside its head .* use trained = "all"'
    ):
        check_lora(find(BACKBONE))


def test_without_peft_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afield.backbones.lora.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs peft, which is not installed; pip install 'afield\[lora\]'"):
        check_lora(VIT)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('initialisation = "scratch"\ntrained = "lora"', r'trained: "lora": would leave most of a network'),
        ('initialisation = "pretrained"\nlora_rank = 4', r'lora_rank, lora_alpha: are of trained = "lora"'),
        ('initialisation = "pretrained"\ntrained = "lora"\nlora_rank = 0', r"recipe\.lora_rank"),
    ],
)
def test_what_cannot_be_is_refused(photos: Path, keys: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_study(study_text(photos).replace('initialisation = "scratch"', keys), "tiny.toml")
