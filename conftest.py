"""What every test gets: a cache of its own and small pictures to train on. Docstring examples get `study` and `out`.

What imports torch is imported where it is used: the process that gives out the tests runs none and needs none of it.
"""

import gc
import os
import sys
from contextlib import nullcontext

import pytest

RUNNING = {
    *("afield.study.running.run.run_study", "afield.study.collecting.collect.results"),
    *("afield.report.page.report", "afield.report.page.charts"),
}
"""docstring examples that train"""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Where processes share the tests (pytest-xdist gives each a stretch of the list), each begins with fast ones."""
    for item in items:
        if item.name in RUNNING:
            item.add_marker("slow")
    yield  # to `-m`, which takes away what is not asked for
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        kinds = [[item for item in items if bool(item.get_closest_marker("slow")) == slow] for slow in (False, True)]
        items[:] = [
            item
            for part in range(processes)
            for kind in kinds
            for item in kind[part * len(kind) // processes : (part + 1) * len(kind) // processes]
        ]


def pytest_collection_finish():
    """What was imported and collected stays until the end: the garbage collector need not look through it again."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")
        # torch looks once a process, at its first product, whatever the test that makes it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        gc.collect()
        torch.cuda.empty_cache()  # what the test before it held: this one may measure what is free


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Slow tests run studies: their workers need not all import torch. Fast ones start workers as everyone does."""
    with _warm() if item.get_closest_marker("slow") else nullcontext():
        return (yield)


def _warm():
    from tests.fixtures.warm import warm_workers

    return warm_workers()


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """As a trial has it: where cores are shared, threads of tiny networks spend their time waiting for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    from tests.fixtures.tiny import make_photos

    return make_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("AFIELD_CACHE", str(cache))


@pytest.fixture(scope="session")
def finished(photos, cache, tmp_path_factory):
    """The tiny study, run once: its result folder."""
    from tests.fixtures.tiny import tiny_study

    import afield

    out = tmp_path_factory.mktemp("finished") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        assert afield.run_study(tiny_study(photos), out, slots=2).complete
    return out


@pytest.fixture
def afield(monkeypatch, capsys):
    """Run the command in this process; its output, or its complaint where it should fail."""
    from afield.cli import main

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["afield", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    return run


@pytest.fixture(autouse=True)
def _names_in_examples(request, doctest_namespace):
    if request.node.name in RUNNING:
        from tests.fixtures.tiny import tiny_study

        doctest_namespace["study"] = tiny_study(request.getfixturevalue("photos"))
        doctest_namespace["out"] = request.getfixturevalue("finished")
