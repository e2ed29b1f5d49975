"""LoRA (Hu et al. 2021, arXiv 2106.09685): a network whose linear layers learn by a product of two thin matrices.

The layers are peft's, which is imported when a network is adapted, and nowhere else: what is kept is merged, a network
like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec

import torch
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.heads import head_names, is_of_head
from afield.backbones.parts import freeze, made_without_weights
from afield.base.errors import InputError
from afield.base.streams import stream_seed

_A, _B, _BASE = ".lora_A.default.", ".lora_B.default.", ".base_layer."
"""what peft puts into the names of an adapted layer's tensors"""


def check_lora(backbone: Backbone) -> None:
    """Raises InputError where peft is not installed, and where the backbone has no linear layer beside its head."""
    if find_spec("peft") is None:
        raise InputError("trained = \"lora\" needs peft, which is not installed; pip install 'afield[lora]'")
    lora_layers_of(backbone)


@cache  # a plan asks again for each task
def lora_layers_of(backbone: Backbone) -> tuple[str, ...]:
    """The layers that LoRA may adapt, by name, for most backbones without memory or computation (torch's meta device):
    all nn.Linear of the body but those in nn.MultiheadAttention, which uses their weights without calling them. Raises
    InputError where there is none.
    """
    network = made_without_weights(backbone)
    return _linear_layers(network, backbone, head_names(network, backbone))


def adapt(
    network: nn.Module, backbone: Backbone, *, rank: int, alpha: int, seed: int, channels: int, size: int
) -> None:
    """Let a network learn by LoRA, in place: its head wholly, and of each linear layer of the body that it calls the
    matrices A [rank, in] and B [out, rank] alone. The layer's weight counts as W + alpha / rank * B A.

    A is drawn by the stream "lora" of `seed` (uniform, as nn.Linear's own weight), B is zero, so the network says what
    it said before. All else is frozen as `freeze` does. Which layers are called two pictures of noise tell, [2,
    channels, size, size]. Raises InputError where there is none.
    """
    from peft import LoraConfig, inject_adapter_in_model

    heads = head_names(network, backbone)
    names = _called(network, _linear_layers(network, backbone, heads), channels, size)
    if not names:
        raise _nothing_to_adapt(backbone)
    # what a head of one's own keeps fixed stays so
    own = [name for name, each in network.named_parameters() if each.requires_grad]
    trained = [name for name in own if is_of_head(name, tuple(heads))]
    freeze(network, trained)
    # a pattern of whole names: of a list peft would take every name that ends alike
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules="|".join(map(re.escape, names)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "lora"))
        inject_adapter_in_model(config, network)
    for name in trained:  # peft freezes all that is not its own
        network.get_parameter(name).requires_grad_(True)


def plain_name(name: str) -> str:
    """Of the names of A and B that of the weight beside which they learn; any other as it is."""
    return name.replace(_A, ".").replace(_B, ".")


def merged(network: Mapping[str, torch.Tensor], scale: float) -> dict[str, torch.Tensor]:
    """The tensors of an adapted network, by name, as those of a plain one: each adapted weight is W + scale * B A,
    summed in float64. What is plain already stays as it is.
    """
    adapted = {name.partition(_A)[0] for name in network if _A in name}
    found = {}
    for name, tensor in network.items():
        layer, _, rest = name.rpartition(_BASE)
        if layer in adapted and rest == "weight":
            change = network[f"{layer}{_B}weight"].double() @ network[f"{layer}{_A}weight"].double()
            found[f"{layer}.weight"] = (tensor.double() + scale * change).to(tensor.dtype)
        elif layer in adapted:
            found[f"{layer}.{rest}"] = tensor
        elif plain_name(name) == name:
            found[name] = tensor
    return found


def _linear_layers(network: nn.Module, backbone: Backbone, heads: Sequence[str]) -> tuple[str, ...]:
    attention = [name for name, module in network.named_modules() if isinstance(module, nn.MultiheadAttention)]
    names = tuple(
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
        and name not in heads
        and not is_of_head(name, tuple(heads))  # a head of one's own may be made of several
        and name.rpartition(".")[0] not in attention
    )
    if not names:
        raise _nothing_to_adapt(backbone)
    return names


def _nothing_to_adapt(backbone: Backbone) -> InputError:
    return InputError(
        f'{backbone.id}: trained = "lora": has no linear layer beside its head that could be adapted; use trained = '
        '"all", "last block" or "head", or a backbone with linear layers, such as a transformer'
    )


def _called(network: nn.Module, names: Sequence[str], channels: int, size: int) -> list[str]:
    """Those of the layers that the network calls; some use the weights of a layer without it (BEiT's attention)."""
    called = set[str]()
    hooks = [
        network.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: called.add(name)) for name in names
    ]
    first = next(network.parameters())
    noise = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    network.eval()
    try:
        with torch.no_grad():
            network(noise.to(first.device, first.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return [name for name in names if name in called]
