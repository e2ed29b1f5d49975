"""Downloads: whole and checked, or not there; what is here already is never asked for again."""

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPMessage
from io import BytesIO
from urllib.request import Request

import pytest

from afield.base.download import Patience, download
from afield.base.errors import InputError, Stopped, StoreError
from afield.base.http import _Redirects, length
from tests.fixtures.hub import Fault, serve

CONTENT = random.Random(0).randbytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = random.Random(1).randbytes(300_000)


@pytest.fixture
def server():
    with serve() as running:
        yield running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def patience(waits):
    return Patience(timeout=0.3, delays=(1.0, 2.0, 4.0), sleep=waits.append)


def left_over(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file_arrives_and_nothing_else_stays(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    told = []
    target = tmp_path / "folder" / "file.bin"
    found = download(address, target, progress=lambda done, total: told.append((done, total)), patience=patience)
    assert found == DIGEST
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert left_over(target.parent) == ["file.bin"]


def test_a_file_that_is_there_is_checked_and_never_replaced(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT)
    target = tmp_path / "file.bin"
    target.write_bytes(CONTENT)
    assert download(address, target, sha256=DIGEST[:8], patience=patience) == DIGEST
    target.write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match=r"file\.bin: is not the file that was published .*; remove it and run"):
        download(address, target, sha256=DIGEST[:8], patience=patience)
    assert target.read_bytes() == CONTENT[:-1]
    assert left_over(tmp_path) == ["file.bin"], "a folder that may not be written serves too"
    assert server.seen == []


@pytest.mark.parametrize("validator", [{"etag": '"one"'}, {"modified": "Tue, 24 Nov 2026 10:00:00 GMT"}])
def test_a_connection_that_breaks_off_is_resumed_with_the_rest_alone(server, tmp_path, patience, waits, validator):
    address = server.put("/file.bin", CONTENT, **validator)
    server.fail("/file.bin", Fault(cut=100_000), Fault(cut=50_000))
    assert download(address, tmp_path / "file.bin", sha256=DIGEST, patience=patience) == DIGEST
    assert [seen.range for seen in server.seen] == [None, "bytes=100000-", "bytes=150000-"]
    assert [seen.if_range for seen in server.seen[1:]] == [*validator.values()] * 2
    assert [seen.status for seen in server.seen] == [200, 206, 206]
    assert sum(seen.sent for seen in server.seen) == len(CONTENT)
    assert waits == [1.0, 1.0], "new bytes begin the count of failures anew"
    assert left_over(tmp_path) == ["file.bin"]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server, tmp_path, waits):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(cut=200_000))
    with pytest.raises(InputError, match=r"broke off after 200,000 of 300,000 bytes.*run the same command again"):
        download(address, tmp_path / "file.bin", patience=Patience(delays=()))
    assert not (tmp_path / "file.bin").exists()
    assert (tmp_path / "file.bin.part").stat().st_size == 200_000
    download(address, tmp_path / "file.bin", patience=Patience(delays=()))
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.seen[1].range == "bytes=200000-"
    assert server.seen[1].sent == 100_000


@pytest.mark.parametrize("stop", [Stopped("enough"), KeyboardInterrupt()])
def test_a_stop_leaves_the_part_for_a_resume(server, tmp_path, patience, stop):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(hang=200_000))

    def watch(done, _total):
        if done >= 128 << 10:
            raise stop

    with pytest.raises(type(stop)):
        download(address, tmp_path / "file.bin", progress=watch, patience=patience)
    assert not (tmp_path / "file.bin").exists()
    have = (tmp_path / "file.bin.part").stat().st_size
    assert 128 << 10 <= have <= 200_000
    download(address, tmp_path / "file.bin", sha256=DIGEST, patience=patience)
    assert server.seen[1].range == f"bytes={have}-"
    assert server.seen[1].sent == len(CONTENT) - have


def test_a_part_that_was_whole_when_its_process_died_is_not_downloaded_again(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"')

    def watch(done, total):
        if done == total:
            raise Stopped("at the last byte")

    with pytest.raises(Stopped):
        download(address, tmp_path / "file.bin", progress=watch, patience=patience)
    assert download(address, tmp_path / "file.bin", patience=patience) == DIGEST
    assert len(server.seen) == 1


@pytest.mark.parametrize("if_range", [True, False], ids=["If-Range known", "If-Range ignored"])
def test_a_file_that_changed_in_between_is_begun_anew(server, tmp_path, patience, if_range):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(cut=100_000))
    with pytest.raises(InputError, match="broke off"):
        download(address, tmp_path / "file.bin", patience=Patience(delays=()))
    server.put("/file.bin", OTHER, etag='"two"', if_range=if_range)
    assert download(address, tmp_path / "file.bin", patience=patience) == hashlib.sha256(OTHER).hexdigest()
    assert (tmp_path / "file.bin").read_bytes() == OTHER


def test_a_file_that_became_shorter_than_the_part_is_begun_anew(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(cut=100_000))
    with pytest.raises(InputError, match="broke off"):
        download(address, tmp_path / "file.bin", patience=Patience(delays=()))
    server.put("/file.bin", OTHER[:50_000], etag='"two"', if_range=False)
    download(address, tmp_path / "file.bin", patience=patience)
    assert (tmp_path / "file.bin").read_bytes() == OTHER[:50_000]


@pytest.mark.parametrize(
    "how", [{"ranges": False, "etag": '"one"'}, {}, {"etag": 'W/"one"'}], ids=["no ranges", "no ETag", "weak ETag"]
)
def test_without_a_sure_way_to_resume_the_whole_file_comes_again(server, tmp_path, patience, how):
    address = server.put("/file.bin", CONTENT, **how)
    server.fail("/file.bin", Fault(cut=100_000))
    download(address, tmp_path / "file.bin", patience=patience)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [seen.status for seen in server.seen] == [200, 200]


@pytest.mark.parametrize("expected", ["0" * 64, "0" * 8])
def test_a_wrong_hash_leaves_nothing(server, tmp_path, patience, expected):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    with pytest.raises(InputError, match=rf"sha256 {DIGEST}, expected {expected}\); they were thrown away"):
        download(address, tmp_path / "file.bin", sha256=expected, patience=patience)
    assert [name for name in left_over(tmp_path) if not name.endswith(".lock")] == []


def test_an_md5_is_checked_where_a_data_set_was_published_with_one(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, length=False)  # so that the hash alone tells that it is whole
    md5 = hashlib.md5(CONTENT).hexdigest()
    with pytest.raises(InputError, match=rf"md5 {md5}, expected {'0' * 32}\); they were thrown away"):
        download(address, tmp_path / "file.bin", md5="0" * 32, patience=patience)
    assert [name for name in left_over(tmp_path) if not name.endswith(".lock")] == []
    assert download(address, tmp_path / "file.bin", md5=md5.upper(), patience=patience) == DIGEST
    with pytest.raises(InputError, match=r"file\.bin: is not the file that was published \(md5"):
        download(address, tmp_path / "file.bin", md5="0" * 32, patience=patience)


def test_what_is_not_there_is_said_at_once(server, tmp_path, patience, waits):
    with pytest.raises(InputError, match=r"/missing\.bin: the server answers 404 Not Found"):
        download(f"{server.address}/missing.bin", tmp_path / "missing.bin", patience=patience)
    assert waits == []


def test_a_busy_server_is_left_alone_as_long_as_it_asks(server, tmp_path, patience, waits):
    address = server.put("/file.bin", CONTENT)
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.fail(
        "/file.bin",
        Fault(status=429, headers=(("Retry-After", "7"),)),
        Fault(status=503, headers=(("Retry-After", date),)),
        Fault(status=503),
    )
    assert download(address, tmp_path / "file.bin", patience=patience) == DIGEST
    assert waits[0] == 7.0
    assert 50 < waits[1] <= 60
    assert waits[2] == 4.0


def test_a_server_that_asks_for_too_long_ends_it(server, tmp_path, patience, waits):
    address = server.put("/file.bin", CONTENT)
    server.fail("/file.bin", Fault(status=429, headers=(("Retry-After", "86400"),)))
    with pytest.raises(InputError, match=r"429 Too Many Requests and asks to wait 86400 s"):
        download(address, tmp_path / "file.bin", patience=patience)
    assert waits == []


def test_tries_end(server, tmp_path, patience, waits):
    address = server.put("/file.bin", CONTENT)
    server.fail("/file.bin", *[Fault(status=500)] * 9)
    with pytest.raises(InputError, match=r"500 Internal Server Error, in 4 tries"):
        download(address, tmp_path / "file.bin", patience=patience)
    assert waits == [1.0, 2.0, 4.0]


def test_nobody_there(tmp_path, patience, waits):
    with serve() as server:
        address = f"{server.address}/file.bin"
    with pytest.raises(InputError, match=r"the server cannot be reached .*, in 4 tries"):
        download(address, tmp_path / "file.bin", patience=patience)
    assert waits == [1.0, 2.0, 4.0]


def test_a_name_that_is_not_known_is_said_at_once(tmp_path, patience, waits):
    with pytest.raises(InputError, match=r"cannot be reached .*; is there a network\?"):
        download("http://no-such-host.invalid/file.bin", tmp_path / "file.bin", patience=patience)
    assert waits == []


def test_the_length_is_asked_for_without_the_file(server):
    address = server.put("/file.bin", CONTENT)
    assert length(address) == len(CONTENT)
    assert length(f"{server.address}/missing.bin") is None
    assert sum(seen.sent for seen in server.seen) == 0


@pytest.mark.slow
def test_a_silent_server_is_asked_again_for_the_rest(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(hang=100_000))
    told = []
    download(address, tmp_path / "file.bin", progress=lambda done, _total: told.append(done), patience=patience)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.seen[1].range == "bytes=100000-"
    assert 100_000 in told


def test_redirects_are_followed_and_resumed_through(server, tmp_path, patience):
    server.put("/there.bin", CONTENT, etag='"one"')
    server.redirects["/here.bin"] = "/there.bin"
    server.fail("/there.bin", Fault(cut=100_000))
    download(f"{server.address}/here.bin", tmp_path / "file.bin", sha256=DIGEST, patience=patience)
    assert [seen.sent for seen in server.requests(within="/there.bin")] == [100_000, 200_000]


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/file.bin", "data:text/plain,x"])
def test_no_address_and_no_redirect_leads_to_another_scheme(server, tmp_path, patience, place):
    with pytest.raises(InputError, match="only http and https"):
        download(place, tmp_path / "file.bin", patience=patience)
    server.redirects["/here.bin"] = place
    with pytest.raises(InputError, match=r"/here\.bin: .*(not followed|not allowed)"):
        download(f"{server.address}/here.bin", tmp_path / "file.bin", patience=patience)
    assert not (tmp_path / "file.bin").exists()


def test_no_redirect_leads_from_https_to_http():
    safe = Request("https://127.0.0.1/file.bin")
    with pytest.raises(InputError, match="which is not followed"):
        _Redirects().redirect_request(safe, BytesIO(), 302, "Found", HTTPMessage(), "http://127.0.0.1/file.bin")


def test_a_chunked_file_of_unknown_length_is_whole_only_with_its_end(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, chunked=True)
    server.fail("/file.bin", Fault(cut=100_000))
    told = []
    download(address, tmp_path / "file.bin", progress=lambda *both: told.append(both), patience=patience)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.seen) == 2
    assert told[-1] == (len(CONTENT), None)


def test_the_rest_of_a_file_of_unknown_length_may_break_off_too(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"', chunked=True)
    server.fail("/file.bin", Fault(cut=100_000))
    with pytest.raises(InputError, match="broke off"):
        download(address, tmp_path / "file.bin", patience=Patience(delays=()))
    server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(cut=50_000))
    assert download(address, tmp_path / "file.bin", patience=patience) == DIGEST
    assert [seen.status for seen in server.seen] == [200, 206, 206]


def test_without_length_and_hash_a_file_is_refused(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, length=False)
    with pytest.raises(InputError, match="does not say how long the file is and no sha256 is known"):
        download(address, tmp_path / "file.bin", patience=patience)
    assert download(address, tmp_path / "file.bin", sha256=DIGEST, patience=patience) == DIGEST


@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_above_the_limit_is_refused_and_nothing_stays(server, tmp_path, patience, chunked):
    address = server.put("/file.bin", CONTENT, etag='"one"', chunked=chunked)
    with pytest.raises(InputError, match="longer than the 200,000 bytes that are allowed"):
        download(address, tmp_path / "file.bin", limit=200_000, patience=patience)
    assert [name for name in left_over(tmp_path) if not name.endswith(".lock")] == []
    assert download(address, tmp_path / "file.bin", limit=300_000, patience=patience) == DIGEST


def test_an_encoded_answer_is_not_taken_for_the_file(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, encoding="gzip")
    with pytest.raises(InputError, match="only gzip-encoded"):
        download(address, tmp_path / "file.bin", patience=patience)


def test_a_full_disk_is_noticed_before_the_first_byte(server, tmp_path, patience, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10**12, 10**12 - 1000, 1000))
    address = server.put("/file.bin", CONTENT)
    with pytest.raises(StoreError, match=r"no space left for http.* \(300,000 bytes to come, 1,000 free\)"):
        download(address, tmp_path / "file.bin", patience=patience)
    assert not (tmp_path / "file.bin.part").exists()


@pytest.mark.slow
def test_of_two_at_once_one_downloads(server, tmp_path):
    """The first hangs in the middle; the second waits for it and then finds the file."""
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(hang=100_000))
    begun, found = threading.Event(), []
    patience = Patience(timeout=1.0, sleep=lambda _seconds: None)

    def bring(progress=None):
        found.append(download(address, tmp_path / "file.bin", progress=progress, patience=patience))

    first = threading.Thread(target=bring, args=(lambda *_both: begun.set(),))
    first.start()
    assert begun.wait(5)
    second = threading.Thread(target=bring)
    second.start()
    first.join(10)
    second.join(10)
    assert found == [DIGEST, DIGEST]
    assert sum(seen.sent for seen in server.seen) == len(CONTENT)
    assert left_over(tmp_path) == ["file.bin"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_a_killed_process_leaves_no_lock_and_a_part_to_resume(server, tmp_path, patience):
    address = server.put("/file.bin", CONTENT, etag='"one"')
    server.fail("/file.bin", Fault(hang=100_000))
    code = "import sys; from pathlib import Path; from afield.base.download import download; "
    code += "download(sys.argv[1], Path(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", code, address, str(tmp_path / "file.bin")])
    part = tmp_path / "file.bin.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size == 100_000):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert download(address, tmp_path / "file.bin", sha256=DIGEST, patience=patience) == DIGEST
    assert server.seen[-1].range == "bytes=100000-"
