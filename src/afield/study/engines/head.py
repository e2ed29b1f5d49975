"""Whether a Ray head answers at an address, which Ray itself would find out in minutes, in a log of its own making."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from afield.base.errors import InputError
from afield.base.text import in_a_line

_PATIENCE = 60.0
"""seconds that the head of a cluster has to come up, as in a job that has just started it"""
_ANSWER = 5.0
"""seconds for what listens to answer"""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""how a client of HTTP/2, which Ray's servers speak, begins: a fixed preface and empty settings (RFC 9113, 3.4)"""
_SETTINGS = 4
"""the type of the frame with which its server must begin; the type stands after three bytes of length"""


def await_head(address: str, say: Callable[[str], None]) -> None:
    """Wait until somebody listens at HOST:PORT. Raises InputError where nobody does within a minute, and where it is
    no Ray.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return  # auto, local or nonsense, which Ray answers at once
    began = time.monotonic()
    told = False
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER) as answering:
                if not _speaks(answering):
                    raise InputError(f"--address {address}: what answers there is no Ray head; {_mend()}")
        except (OSError, OverflowError) as error:
            if time.monotonic() - began >= _PATIENCE:
                raise InputError(
                    f"--address {address}: nobody answers there ({in_a_line(error)}); {_mend()}"
                ) from error
            if not told:
                say(f"--address {address}: nobody answers there yet; waiting {_PATIENCE:.0f} s for a Ray head")
                told = True
            time.sleep(1)
        else:
            return


def _mend() -> str:
    return (
        "give the address that `ray start --head` printed on the head of the cluster, or --address auto on a machine "
        "of it"
    )


def _speaks(answering: socket.socket) -> bool:
    """Whether it answers as a server of HTTP/2 does; of one behind TLS nothing is asked."""
    if os.environ.get("RAY_USE_TLS", "0") == "1":
        return True
    try:
        answering.sendall(_GREETING)
        return answering.recv(4)[3:] == bytes([_SETTINGS])
    except OSError:  # it is silent, or hangs up
        return False
