"""Ray alone: machines that share nothing and are lost, and what is said where Ray cannot be used."""

import functools
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import afield
from afield.base.errors import AfieldError, InputError
from afield.study.collecting.collect import load_record
from afield.study.engines import head
from afield.study.engines.choose import Machines, make_engine
from afield.study.engines.engine import Event
from afield.study.engines.job import Job
from afield.study.engines.node import Done
from afield.study.engines.ray import RayEngine, _UnderWay, import_ray
from afield.study.engines.slots import Need
from afield.study.preparing.study_file import parse_study
from afield.study.running.standing import Silent, Standing
from afield.study.store import Store
from afield.training.numerics import NumericsChoice, settle
from tests.fixtures.tiny import study_text, tiny_inputs, tiny_trial
from tests.study.engines.helpers import QUIET, SMALL
from tests.study.helpers import assert_same, assert_tidy

CPU = settle(NumericsChoice(), "cpu")


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'afield\[ray\]'"):
        make_engine(Machines(engine="ray"), CPU)


@pytest.mark.slow
def test_the_client_of_a_far_cluster_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="run it on a machine of the cluster"):
        make_engine(Machines(engine="ray", address="ray://head:10001"), CPU)


@pytest.mark.slow
def test_an_address_at_which_nobody_listens_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would try for ten minutes and more, in words of its own."""
    monkeypatch.setattr(head, "_PATIENCE", 0.5)
    heard: list[str] = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(
            InputError, match=f"--address {address}: nobody answers there .*refused.*`ray start --head`"
        ):
            RayEngine(CPU, address, say=heard.append).__enter__()
        assert heard == [f"--address {address}: nobody answers there yet; waiting 0 s for a Ray head"]


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", None], ids=["web", "hangs up", "silent"])
def test_an_address_at_which_something_else_answers_is_said_to(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    monkeypatch.setattr(head, "_ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            with server.accept()[0] as caller:
                if answer is None:
                    time.sleep(1)
                else:
                    caller.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        with pytest.raises(InputError, match=f"--address {address}: what answers there is no Ray head; give the addr"):
            RayEngine(CPU, address).__enter__()
        thread.join()


@pytest.mark.slow
def test_slots_are_counted_by_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two GPUs on each of two machines hold no trial on three."""
    ray = import_ray()
    machines = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}, {"memory": 1.0}]
    nodes = [{"Alive": True, "Resources": each} for each in machines]
    monkeypatch.setattr(ray, "nodes", lambda: [*nodes, {"Alive": False, "Resources": {"CPU": 99.0, "GPU": 99.0}}])
    cuda = settle(NumericsChoice(), "cuda")
    assert RayEngine(cuda).slots == 4
    assert RayEngine(cuda, trials_per_device=3).slots == 12
    assert RayEngine(cuda.model_copy(update={"devices": 2})).slots == 2
    assert RayEngine(cuda.model_copy(update={"devices": 3})).slots == 1, "none, but one asks for what may yet come"
    assert RayEngine(CPU.model_copy(update={"threads": 5})).slots == 4
    assert RayEngine(CPU, slots=50).slots == 50


@pytest.mark.slow
def test_a_task_asks_for_memory_and_a_machine_that_is_short_of_it_holds_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = import_ray()
    machines = [{"CPU": 8.0, "memory": 10e9}, {"CPU": 2.0, "memory": 10e9}, {"CPU": 4.0, "memory": 1e9}]
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": each} for each in machines])
    engine = RayEngine(CPU, need=Need(int(3e9), "resnet50.a1_in1k"))
    assert engine.slots == 3 + 2
    assert engine._count().memory == 3e9
    assert re.search(
        r"5 slots in place of 14, .* roughly 3\.0 GB \(resnet50\.a1_in1k\), .* announce 21\.0 GB", engine._count().short
    )
    huge = RayEngine(CPU, need=Need(int(40e9), "vgg19.tv_in1k"))
    assert (huge.slots, huge._count().memory) == (2, 10e9), "one on each of the largest: else it would wait for ever"
    assert RayEngine(CPU, need=Need(int(1e6), "small")).slots == 14


def test_ray_is_refused_where_it_could_not_share_out_the_device() -> None:
    with pytest.raises(InputError, match="runs trials on cpu or cuda"):
        make_engine(Machines(engine="ray"), settle(NumericsChoice(), "mps"))


class Scripted:
    """What the engine asks of Ray, answered by a script: one task, which ends as it is told."""

    def __init__(self, ends: Any, files: dict[str, bytes] | None = None) -> None:
        self.exceptions = import_ray().exceptions
        self.ends, self.saved = ends, {1: files} if files else {}

    def wait(self, references: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        return references, []

    def get(self, reference: str) -> Any:
        if reference == "collected":
            return {}, self.saved | {99: {"trials/foreign/result.json": b"late"}}, {1}
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    @property
    def collect(self) -> Any:
        return self

    def remote(self) -> str:
        return "collected"


def engine_with(job: Job, ends: Any, files: dict[str, bytes] | None = None) -> RayEngine:
    engine = RayEngine(CPU)
    engine._ray = scripted = Scripted(ends, files)  # type: ignore[assignment]
    engine._depot = scripted
    engine._under_way = {"task": _UnderWay(1, job)}
    return engine


@pytest.fixture
def job(photos: Path, cache: Path, tmp_path: Path) -> Job:
    data, _ = tiny_inputs(photos, cache)
    return Job("train", tiny_trial(data), Store.create(tmp_path / "out").root, {}, None)


def test_what_ray_says_of_a_task_becomes_an_event(job: Job) -> None:
    errors = import_ray().exceptions
    for error, kind in (
        (errors.NodeDiedError("gone"), "lost"),
        (errors.OutOfMemoryError("no memory"), "died"),
        (errors.WorkerCrashedError(), "died"),
        (errors.TaskCancelledError(), "stopped"),
    ):
        engine = engine_with(job, error)
        (event,) = engine.events(1)
        assert (event.kind, event.job) == (kind, job)
        assert engine.busy() == []
    with pytest.raises(AfieldError, match="could not take a job; each needs afield"):
        engine_with(job, errors.RaySystemError("no module named afield")).events(1)


def test_what_a_lost_training_sent_last_is_in_the_folder_before_anybody_hears_of_it(job: Job) -> None:
    folder = f"trials/{job.key}"
    saved = {f"{folder}/history.jsonl": b"{}", f"{folder}/checkpoint.pt": b"state"}
    (event,) = engine_with(job, import_ray().exceptions.NodeDiedError("gone"), saved).events(1)
    assert event.kind == "lost"
    assert sorted(path.name for path in (job.out / folder).iterdir()) == ["checkpoint.pt", "history.jsonl"]
    assert not (job.out / "trials" / "foreign").exists(), "of a task that is none of this run's any more"


def test_files_that_are_none_of_the_job_s_end_the_run(job: Job) -> None:
    done = Done(Event(job, "done"), {"trials/foreign/result.json": b"{}"})
    (event,) = engine_with(job, done).events(1)
    assert event.kind == "halt"
    assert "none of the job's" in event.reason


@pytest.fixture
def cluster(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two machines of one CPU each, on this one."""
    ray = import_ray()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_log_monitor": False, "no_monitor": True, **SMALL}
    found: Any = Cluster(initialize_head=True, head_node_args=head)
    try:
        found.second = found.add_node(num_cpus=1, object_store_memory=SMALL["object_store_memory"])
        ray.init(address=found.address, **QUIET)
        yield found
    finally:
        ray.shutdown()
        found.shutdown()


class Remover(Silent):
    """Takes a machine away once both train and some epochs are behind each."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.said, self.removed = cluster, list[str](), False

    def say(self, words: str) -> None:
        self.said.append(words)

    def standing(self, standing: Standing) -> None:
        if not self.removed and len(standing.running) == 2 and all(each.epoch > 4 for each in standing.running):
            self.removed = True
            self.cluster.remove_node(self.cluster.second, allow_graceful=False)


@pytest.mark.slow
@pytest.mark.long
def test_a_machine_that_is_lost_loses_nothing_and_doubles_nothing(
    cluster: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machines share no path, as far as the engine knows: all is shipped, and what they save comes back at once."""
    text = (
        study_text(photos, "grid", epochs=80).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-4, 1e-3").replace("[0, 1]", "[0]")
    )
    study = parse_study(text, "long.toml")
    assert afield.run_study(study, tmp_path / "local", slots=2).complete
    monkeypatch.setattr(
        "afield.study.engines.ray.RayEngine", functools.partial(RayEngine, by_path=False, save_every=0.0)
    )
    out, watch = tmp_path / "out", Remover(cluster)
    outcome = afield.run_study(study, out, engine="ray", watch=watch)
    assert watch.removed, "both machines were at work"
    assert outcome.complete
    assert [words for words in watch.said if "is gone" in words and words.endswith("It begins again elsewhere")]
    assert outcome.epochs < 160, "what was lost went on from what it had saved"
    assert_same(out, tmp_path / "local")
    assert_tidy(out)
    (read,) = (out / "test_reads.jsonl").read_text().splitlines()
    assert json.loads(read)["key"] == load_record(out).searches[0].chosen
