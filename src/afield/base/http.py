"""One request over http(s): the answer, or words for why not and whether another try may help."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from afield.base.errors import InputError

_PASSING = (408, 429, 500, 502, 503, 504)
"""status codes that another try may mend"""


class AgainError(Exception):
    """This try failed; another may not."""

    def __init__(self, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.wait = wait
        """seconds that the server asks to wait"""


class ChangedError(AgainError):
    """What is here already is of another file than the server's."""

    def __init__(self) -> None:
        super().__init__("the file changed between two requests")


class _Redirects(HTTPRedirectHandler):
    """Follows to http and https alone, and from https never to http."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            raise InputError(f"{req.full_url}: redirects to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def request(
    address: str, *, timeout: float, method: Literal["GET", "HEAD"] = "GET", headers: Mapping[str, str] | None = None
) -> HTTPResponse:
    """Ask once, follow redirects, and give the answer, whose body is still to be read; it must be closed.

    Raises AgainError where another try may help, InputError where none will; `timeout` is in seconds without any byte.
    """
    check_scheme(address)
    opener = OpenerDirector()  # not build_opener: that one also opens files and ftp
    for handler in (
        ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor, _Redirects,
    ):  # fmt: skip
        opener.add_handler(handler())
    asked = {"Accept-Encoding": "identity", "User-Agent": "afield", **(headers or {})}
    try:
        response = opener.open(Request(address, method=method, headers=asked), timeout=timeout)  # noqa: S310 (checked)
    except HTTPError as error:
        error.close()
        if error.code == 416:  # the file ends before what was asked for
            raise ChangedError from error
        if error.code in _PASSING:
            words = f"the server answers {error.code} {error.reason}"
            raise AgainError(words, _retry_after(error.headers.get("Retry-After"))) from error
        raise InputError(f"{address}: the server answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise AgainError("the server does not answer") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, socket.gaierror | ssl.SSLCertVerificationError):  # waiting does not help
            raise InputError(f"{address}: the server cannot be reached ({reason}); is there a network?") from error
        raise AgainError(f"the server cannot be reached ({reason or type(error).__name__})") from error
    assert isinstance(response, HTTPResponse)
    return response


def check_scheme(address: str) -> None:
    """Raise InputError for anything but http and https."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise InputError(f"{address}: only http and https addresses are downloaded")


def _retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def content_length(response: HTTPResponse) -> int | None:
    """Bytes of the body; None where the server does not say."""
    text = response.headers.get("Content-Length")
    return int(text) if text is not None and text.isdigit() else None


def length(address: str, timeout: float = 10.0) -> int | None:
    """Bytes of the file at an address; None where the server does not say or does not answer."""
    try:
        with request(address, timeout=timeout, method="HEAD") as response:
            return content_length(response)
    except (AgainError, InputError):
        return None  # the download itself will say what is wrong
