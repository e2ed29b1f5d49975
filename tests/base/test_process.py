"""Which processes still run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from afield.base.process import process_alive, process_start

QUIET = [sys.executable, "-S", "-c", "input()"]


def test_a_process_is_alive_until_it_has_ended_and_keeps_its_start() -> None:
    with subprocess.Popen(QUIET, stdin=subprocess.PIPE) as child:
        start = process_start(child.pid)
        assert process_alive(child.pid)
        assert process_start(child.pid) == start
    assert process_alive(os.getpid())
    assert not process_alive(child.pid)
    assert not any(map(process_alive, (-1, 0, 10**30))), "which no process has"
    assert process_start(child.pid) == ""


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux tells that a process has ended unwaited for"
)
def test_one_that_has_ended_and_was_not_waited_for_is_not_alive() -> None:
    with subprocess.Popen(QUIET, stdin=subprocess.PIPE) as child:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and still has its number
        os.kill(child.pid, 0)
        assert not process_alive(child.pid)
