"""Slots by cores, memory and GPUs, and what a worker sees of them. The arithmetic is told how much there is."""

import os

import pytest

from afield.backbones.catalogue import find
from afield.base.errors import AfieldError, InputError
from afield.study.engines.choose import Machines, make_engine
from afield.study.engines.local import LocalEngine
from afield.study.engines.slots import (
    VISIBLE,
    Need,
    Slots,
    cpu_slots,
    gpu_environments,
    slots_here,
    within_memory,
    workers_for,
)
from afield.study.planning.resources import largest_need
from afield.training.numerics import NumericsChoice, settle
from afield.training.recipe import Recipe

CPU, CUDA = settle(NumericsChoice(), "cpu"), settle(NumericsChoice(), "cuda")
NEED = Need(int(3e9), "resnet50.a1_in1k")


def test_a_cpu_has_a_slot_for_the_threads_of_each_trial() -> None:
    assert [cpu_slots(CPU, cores) for cores in (1, 8)] == [1, 8]
    wide = CPU.model_copy(update={"threads": 3, "devices": 2})
    assert [cpu_slots(wide, cores) for cores in (5, 12, 17)] == [1, 2, 2]
    assert slots_here(CPU, 8) == Slots(8)
    assert slots_here(CPU, 8, slots=3).count == 3


@pytest.mark.parametrize(("free", "slots"), [(None, 8), (24e9, 8), (23e9, 7), (9.5e9, 3), (2.9e9, 1), (0, 1)])
def test_memory_bounds_what_cores_would_hold_and_leaves_one(free: float | None, slots: int) -> None:
    found = within_memory(8, NEED, None if free is None else int(free))
    assert found.count == slots
    assert bool(found.short) == (slots < 8)
    assert within_memory(8, None, 1) == Slots(8), "where nothing is known of the trials"


def test_it_is_said_why_and_what_goes_before() -> None:
    words = within_memory(8, NEED, int(9.5e9)).short
    assert words == (
        "3 slots in place of 8, for want of memory: a training takes roughly 3.0 GB (resnet50.a1_in1k), and 9.5 GB are "
        "free. --slots N goes before"
    )
    assert within_memory(2, NEED, 0).short.startswith("1 slot in place of 2")
    assert within_memory(1, NEED, 0).short == "", "there is no fewer"


def test_slots_that_are_named_are_taken_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afield.study.engines.slots.free_memory", lambda: int(4e9))
    assert slots_here(CPU, 8, need=NEED).count == 1
    assert slots_here(CPU, 8, slots=6, need=NEED) == Slots(6)
    said: list[str] = []
    monkeypatch.setattr("afield.study.engines.slots.cores", lambda: 8)
    with make_engine(Machines(), CPU, NEED, said.append) as engine:
        assert engine.slots == 1
    assert len(said) == 1
    with make_engine(Machines(slots=6), CPU, NEED, said.append) as engine:
        assert engine.slots == 6
    assert len(said) == 1


def test_a_larger_network_larger_images_and_batches_need_more() -> None:
    def need(name: str = "resnet18.a1_in1k", devices: int = 1, **changed: object) -> int:
        recipe = Recipe.model_validate({"image_size": 64, "batch_size": 32, "learning_rate": 1e-3, **changed})
        found = largest_need([(find(name), recipe)], CPU.model_copy(update={"devices": devices}))
        assert found is not None
        assert found.backbone == name
        return found.bytes

    assert need() > 0.6e9, "a process with its libraries"
    assert need("resnet50.a1_in1k") > need()
    assert need(image_size=128) > need()
    assert need(batch_size=64) > need()
    assert need(devices=2) == 2 * need()
    auto = need(image_size="auto")
    assert auto == need(image_size=find("resnet18.a1_in1k").input_size)
    assert largest_need([], CPU) is None


def test_each_slot_of_several_gpus_sees_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.delenv(VISIBLE, raising=False)
    slots = slots_here(CUDA, 64, trials_per_device=2)
    assert slots.count == 8
    assert [slots.environment(slot)[VISIBLE] for slot in range(8)] == ["0", "1", "2", "3"] * 2
    pairs = slots_here(CUDA.model_copy(update={"devices": 2}), 64)
    assert [pairs.environment(slot)[VISIBLE] for slot in range(pairs.count)] == ["0,1", "2,3"]
    assert slots_here(CUDA, 64, slots=3).count == 3
    monkeypatch.setenv(VISIBLE, "7, 2")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [dict(each) for each in slots_here(CUDA, 64).environments] == [{VISIBLE: "7"}, {VISIBLE: "2"}]


def test_one_gpu_or_too_few_for_a_second_trial_need_nothing() -> None:
    assert gpu_environments(1, 1, None) == gpu_environments(3, 2, None) == ({},)


def test_loader_processes_are_shared_by_all_slots() -> None:
    assert workers_for(CPU, 64, 64) == 0
    assert [workers_for(CUDA, 64, slots) for slots in (1, 16, 100)] == [8, 4, 1]


def test_what_does_not_go_together_is_named() -> None:
    with pytest.raises(InputError, match="this study runs on cpu; give --slots"):
        make_engine(Machines(trials_per_device=2), CPU)
    with pytest.raises(InputError, match="add --engine ray"):
        make_engine(Machines(address="auto"), CPU)
    assert make_engine(Machines(slots=3, workers=2), CPU).workers == 2
    pairs = CUDA.model_copy(update={"devices": 2})
    with pytest.raises(InputError, match=r"trials per device: 3: .* have 2 each .* leave it at 1"):
        make_engine(Machines(engine="ray", trials_per_device=3), pairs)


class _Asking:
    """A job that no worker can read: the words for why tell what its process sees."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return _seen, ()


def _seen() -> None:
    raise ValueError(f"devices {os.environ[VISIBLE]}, threads {os.environ['OMP_NUM_THREADS']}")


@pytest.mark.slow
def test_a_worker_begins_with_the_environment_of_its_slot() -> None:
    """Torch looks at the variable once, when it is imported: the process must begin with it."""
    environments = tuple({VISIBLE: number} for number in "57")
    with LocalEngine(Slots(2, environments)) as engine:
        engine.submit(_Asking())  # type: ignore[arg-type]
        engine.submit(_Asking())  # type: ignore[arg-type]
        told = set[str]()
        while len(told) < 2:
            try:
                engine.events(60)
            except AfieldError as error:
                told.add(str(error).partition("(")[2].partition(")")[0])
        assert told == {f"ValueError: devices {number}, threads 1" for number in "57"}
    assert os.environ.get(VISIBLE) not in ("5", "7"), "this process sees what it saw before"
