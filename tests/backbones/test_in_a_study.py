"""Pooling and head as a study's recipe has them: refused before training, or trained and read back."""

from dataclasses import replace

import pytest

import afield
from afield.backbones import own
from afield.backbones.catalogue import find
from afield.base.errors import InputError
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.training.numerics import NumericsChoice
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text


def study(photos, *keys):
    return parse_study(study_text(photos, epochs=1).replace("[recipe]", "\n".join(["[recipe]", *keys])), "tiny.toml")


def test_an_impossible_pooling_is_refused_before_anything_is_trained(photos, cache):
    with pytest.raises(InputError, match=r'squeezenet1_1\.caffe_in1k: pooling = "class token": is not possible here'):
        make_plan(study(photos, 'pooling = "class token"'), NumericsChoice(), cache)


def test_a_size_that_the_backbone_forbids_is_refused_before_anything_is_trained(photos, cache, monkeypatch):
    monkeypatch.setattr(own, "find", lambda name: replace(find(name), smallest_size=48))
    with pytest.raises(InputError, match=r"image_size = 32: .* set recipe\.image_size to 48"):
        make_plan(study(photos), NumericsChoice(), cache)


@pytest.mark.slow
def test_a_study_with_another_pooling_and_head_is_trained_scored_and_another_experiment(photos, tmp_path):
    changed = study(photos, 'pooling = "gem"', 'head = "linear"')
    out = tmp_path / "out"
    assert afield.run_study(changed, out, slots=1).complete
    table = afield.results(out)
    assert len(table) > 0
    plain = make_plan(study(photos), settle_numerics(study(photos).numerics, None), tmp_path / "cache")
    assert set(table["key"]).isdisjoint(key for search in plain.searches for keys in search.keys for key in keys)
