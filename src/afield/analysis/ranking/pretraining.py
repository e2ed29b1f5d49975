"""What pretraining brought: trainings from weights against trainings of the same backbones from scratch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from afield.analysis.ranking.compare import Effect, effect_of
from afield.analysis.ranking.interventions import ALL, Change, from_scratch
from afield.analysis.words import count, gain_words, spelled
from afield.scoring.metrics import direction
from afield.study.record import StudyRecord


def effects_of_pretraining(record: StudyRecord, task: str, baseline: str) -> tuple[Effect, ...]:
    """What each training from scratch changed against the baseline, a backbone at a time."""
    return tuple(
        effect for name in from_scratch(record, baseline) for effect in effect_of(record, task, name, baseline)
    )


def pretraining_words(record: StudyRecord, effects: Sequence[Effect], changes: Sequence[Change]) -> str | None:
    """A sentence on each control: of one backbone its gain; of several the gain on average, by the line of `changes`
    (`interventions_of`) over them, and how many gained. None where the study has no control.
    """
    controls = list(dict.fromkeys(effect.intervention for effect in effects))
    told = []
    for control in controls:
        mine = [effect for effect in effects if effect.intervention == control]
        called = f" ({control})" if len(controls) > 1 else ""
        told.append(_of_one(record, mine[0], called) if len(mine) == 1 else _of_several(record, mine, changes, called))
    return " ".join(told) or None


def _of_one(record: StudyRecord, effect: Effect, called: str) -> str:
    if effect.undefined:
        return f"What pretraining brought {effect.backbone} is not known{called}: {effect.undefined}."
    gain = effect.difference.turned()
    evidence = f"{effect.backbone}: {gain_words(gain, effect.metric)} {_over(record, effect, called)}"
    if not effect.clear:
        return f"Whether pretraining helps cannot be told from {evidence}."
    return f"Pretraining {'helped' if _helped(effect) else 'hurt'} {evidence}."


def _of_several(record: StudyRecord, effects: Sequence[Effect], changes: Sequence[Change], called: str) -> str:
    control, over = effects[0].intervention, _over(record, effects[0], called)
    pooled = (line for line in changes if (line.intervention, line.backbone) == (control, ALL))
    average = next((_on_average(line, over) for line in pooled), f"What pretraining brought{called} is not known.")
    return f"{average} {_single_ones(effects)}"


def _on_average(pooled: Change, over: str) -> str:
    of = f"on average over {count(pooled.backbones, 'backbone')}"
    gain = pooled.difference.turned()
    if not math.isfinite(gain.low):
        return f"What pretraining brought {of} is not known ({pooled.note})."
    evidence = f"{of}: {gain_words(gain, pooled.metric)} {over}"
    if gain.holds(0):
        return f"Whether pretraining helps cannot be told {evidence}."
    told = f"Pretraining {'hurt' if pooled.better else 'helped'} {evidence}"
    return f"{told}." if pooled.clear else f"{told}; with all controls allowed for this is not clear."


def _single_ones(effects: Sequence[Effect]) -> str:
    """How many backbones it helped and hurt, all intervals taken together."""
    clear = [_helped(effect) for effect in effects if effect.clear and not effect.undefined]
    told = [
        f"clearly {verb} {spelled(clear.count(helped))}"
        for helped, verb in ((True, "helped"), (False, "hurt"))
        if helped in clear
    ]
    if not told:
        return f"Of none of the {spelled(len(effects))} alone can it be told."
    unclear = len(effects) - len(clear)
    rest = f"; of {spelled(unclear)} it cannot be told" if unclear else ""
    return f"Taken singly, it {' and '.join(told)} of {spelled(len(effects))}{rest}."


def _over(record: StudyRecord, effect: Effect, called: str) -> str:
    pretrained, scratch = (record.study.recipe_of(name).epochs for name in (effect.baseline, effect.intervention))
    over = f"over training from scratch{called}"
    if pretrained != scratch:
        over += f" ({count(pretrained, 'epoch')} pretrained, {count(scratch, 'epoch')} from scratch)"
    return over


def _helped(effect: Effect) -> bool:
    """Whether weights were on the metric's good side: `effect` is of training without them."""
    return (effect.difference.value < 0) == (direction(effect.metric) == "higher")
