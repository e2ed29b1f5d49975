"""Networks: the same bits for the same seed, the body of the weights, a head of its own."""

import pytest
import torch

from afield.backbones.build import build, head_name
from afield.backbones.catalogue import backbone, catalogue
from afield.backbones.convert import load_state
from afield.backbones.weights import locate
from afield.base.errors import InputError

ALL = list(catalogue().values())
SQUEEZENET = backbone("squeezenet1_1.caffe_in1k")


def pretrained(row, classes=2, seed=0):
    return build(row, classes, initialisation="pretrained", seed=seed, weights=locate(row))


def split(network, row):
    """Body and head tensors."""
    head = head_name(network, row) + "."
    state = network.state_dict()
    return (
        {name: tensor for name, tensor in state.items() if not name.startswith(head)},
        {name: tensor for name, tensor in state.items() if name.startswith(head)},
    )


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
def test_pretrained_body_is_the_published_one_and_the_head_is_new(row):
    published = load_state(row, locate(row))
    network = pretrained(row, classes=3)
    body, head = split(network, row)
    assert equal(body, {name: published[name] for name in body})
    assert len(body) == len(published) - 2
    assert {tensor.shape[0] for tensor in head.values()} == {3}
    assert network.training
    assert all(p.dtype == torch.float32 and p.requires_grad and p.device.type == "cpu" for p in network.parameters())


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
@pytest.mark.parametrize("side", [64, 96])
def test_any_size_gives_logits_of_the_classes(row, side):
    network = pretrained(row, classes=5).eval()
    with torch.no_grad():
        logits = network(torch.zeros(2, 3, side, side))
    assert logits.shape == (2, 5)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
@pytest.mark.parametrize("initialisation", ["pretrained", "scratch"])
def test_equal_seeds_give_equal_bits_whatever_ran_before(row, initialisation):
    weights = locate(row)
    torch.manual_seed(1)
    one = build(row, 2, initialisation=initialisation, seed=7, weights=weights)
    torch.manual_seed(2)
    torch.rand(5)
    other = build(row, 2, initialisation=initialisation, seed=7, weights=weights)
    assert equal(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
def test_seeds_change_the_head_and_from_scratch_the_body(row):
    (body, head), (other_body, other_head) = (split(pretrained(row, seed=seed), row) for seed in (0, 1))
    assert equal(body, other_body)
    assert not equal(head, other_head)
    scratch, other = (build(row, 2, initialisation="scratch", seed=seed, weights=None) for seed in (0, 1))
    assert not equal(split(scratch, row)[0], split(other, row)[0])
    # the head comes from the same stream either way, so pretrained and scratch start with the same one
    assert equal(split(scratch, row)[1], head)


def test_the_global_generator_stays_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    pretrained(SQUEEZENET)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_do_not_fit_are_listed():
    lite1, lite2 = backbone("tf_efficientnet_lite1.in1k"), backbone("tf_efficientnet_lite2.in1k")
    with pytest.raises(InputError, match=r"do not fit the architecture \(of another shape or type: .* and \d+ more\)"):
        build(lite1, 2, initialisation="pretrained", seed=0, weights=locate(lite2))


def test_wrong_calls_are_errors():
    with pytest.raises(ValueError, match="needs its weights"):
        build(SQUEEZENET, 2, initialisation="pretrained", seed=0, weights=None)
    with pytest.raises(ValueError, match="at least two classes"):
        build(SQUEEZENET, 1, initialisation="scratch", seed=0, weights=None)
