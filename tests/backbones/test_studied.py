"""Each of the study's 19 and 7 and CLIP's towers: parameters as published, the right head, a step at two sizes."""

from dataclasses import replace

import pytest
import torch

from afield.backbones.architectures import make
from afield.backbones.build import build
from afield.backbones.heads import head_name, head_names, pooled_features
from afield.backbones.sizes import probe_sizes
from afield.training.device import place, settle_process
from afield.training.learner import Learner
from afield.training.memory import noise_batch
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from tests.backbones.studied import CLIP, EVERY, THE_7, THE_19, Studied


def marked(studied):
    return pytest.param(studied, id=studied.architecture, marks=[pytest.mark.slow] if studied.slow else [])


HUGE = ("ViT-L-14", "ViT-L-14-336", "pnasnet5large", "caformer_b36")
"""whose steps take half a minute to a minute each; smaller ones of their kinds hold the same behaviour"""
LARGER = {
    "shufflenet_v2_x1_0": "shufflenet_v2_x0_5", "vgg13_bn": "alexnet", "vgg16_bn": "alexnet", "resnet152": "resnet50",
    "resnext50_32x4d": "resnet50", "deit_small_patch16_224": "deit_tiny_patch16_224",
    "efficientnet_b4": "efficientnet_b0", "tinynet_e": "tinynet_d", "dla46x_c": "dla46_c", "RN101": "RN50",
    "ViT-B-16": "ViT-B-32",
}  # fmt: skip
"""built of the same layers as another, by which each of them is held"""


HALF = Preprocessing((0.5,) * 3, (0.5,) * 3)


def trained(studied):
    long = [pytest.mark.long] if studied.architecture in (*HUGE, *LARGER) else []
    return pytest.param(studied, id=studied.architecture, marks=[*([pytest.mark.slow] if studied.slow else []), *long])


def test_there_are_as_many_as_the_study_had():
    assert (len(THE_19), len(THE_7), len(CLIP)) == (19, 7, 6)
    assert {*LARGER, *LARGER.values()} <= {studied.architecture for studied in EVERY}


@pytest.mark.slow
@pytest.mark.parametrize("studied", [marked(one) for one in EVERY])
def test_parameters_and_head_are_those_of_the_study(studied: Studied):
    with torch.device("meta"):
        network = make(studied.row)
        new = make(studied.row, 5)
    parameters = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert parameters == pytest.approx(studied.params_m, rel=0.005)
    assert head_names(new, studied.row) == (studied.head,)
    layer = new.get_submodule(studied.head)
    assert layer.weight.shape[0] == 5
    body, wide = (
        {name: tensor.shape for name, tensor in one.state_dict().items() if not name.startswith(studied.head)}
        for one in (network, new)
    )
    assert body == wide  # nothing but the head is new


@pytest.mark.slow
@pytest.mark.parametrize("studied", [trained(one) for one in EVERY])
def test_a_step_of_training_at_its_own_size_and_at_another(studied: Studied):
    for size in (studied.size, studied.second):
        if size is not None:
            step(studied, size)


def step(studied: Studied, size: int):
    row, count = studied.row, 1 if studied.slow and size > 250 else 2
    network = build(row, 3, initialisation="scratch", seed=0, weights=None, size=size)
    images = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    head = network.get_parameter(f"{head_name(network, row)}.weight")
    before = head.detach().clone()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    logits = network(images)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0])[:count])
    loss.backward()
    optimiser.step()
    assert logits.shape == (count, 3)
    assert torch.isfinite(loss)
    assert 0.001 < loss.item() < 10
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())
    assert not torch.equal(head, before)
    with torch.no_grad():
        features = pooled_features(network.eval(), row, images[:1])
    assert features.shape == (1, head.shape[1])
    assert torch.isfinite(features).all()


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("studied", [pytest.param(one, id=one.architecture) for one in EVERY])
def test_a_gpu_says_what_a_cpu_says_and_trains_by_deterministic_ways(studied: Studied):
    row, size = studied.row, studied.second or studied.size
    network = build(row, 3, initialisation="scratch", seed=0, weights=None, size=size)
    batch = noise_batch(torch.tensor([2, 0, 1]), 3, size)
    exact = numerics_for(settle(NumericsChoice(precision="float32"), "cuda"), row.convolutional)
    settle_process(exact)
    with torch.no_grad():  # what is moved in inference mode could not be trained afterwards
        here = network.eval()(HALF(batch.images, exact.model_copy(update={"device": "cpu"})))
        there = place(network, exact)(HALF(batch.images.cuda(), exact)).cpu()
    torch.testing.assert_close(there, here, rtol=1e-2, atol=1e-2 * float(here.abs().max()))
    on_gpu = replace(batch, images=batch.images.cuda())
    for precision in ("bfloat16", "float16"):
        numerics = exact.model_copy(update={"precision": precision})
        learner = Learner(network.train(), Recipe(image_size=size, ema=0.9), numerics, HALF, seed=0)
        losses = [learner.update(on_gpu, 1e-5, step) for step in range(2)]
        assert all(bool(torch.isfinite(loss)) for loss in losses)


@pytest.mark.slow
@pytest.mark.parametrize("studied", [trained(one) for one in EVERY])
def test_the_two_sizes_are_allowed_by_what_probing_finds(studied: Studied):
    smallest, step = probe_sizes(studied.row)
    assert smallest <= studied.size
    if studied.second is None:
        assert (smallest, step) == (studied.size, 0)
    else:
        assert studied.size % step == studied.second % step == 0
        assert smallest <= studied.second
