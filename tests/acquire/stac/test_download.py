"""A download arrives whole, goes on where it stopped, and is never taken for another file."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from firnline.acquire.download import ChecksumError, download
from firnline.acquire.network import Patience, RemoteError
from firnline.errors import OutputError

from .server import Answer, LoopbackServer, Request, loopback_server

CONTENT = random.Random(0).randbytes(3_000_000)
SUM = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=0.02, timeout=0.5)
PATH = "/archive.zip"
PIECE = 1 << 16


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as made:
        made.files[PATH] = CONTENT
        yield made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_with_its_checksum_and_nothing_beside_it(server: LoopbackServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = download(
        server.url + PATH, tmp_path / "in" / "a.zip", sha256=SUM.upper(), progress=lambda *at: seen.append(at)
    )
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["a.zip"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_breaks_are_mended_by_asking_for_the_rest(server: LoopbackServer, tmp_path: Path) -> None:
    server.script(PATH, Answer(break_after=1_000_000), Answer(break_after=700_000))
    path = download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=QUICK)
    assert path.read_bytes() == CONTENT
    ranges = [request.headers.get("range") for request in server.asked(PATH)]
    assert ranges[0] is None
    starts = [int(text.removeprefix("bytes=").removesuffix("-")) for text in ranges[1:] if text]
    assert 1_000_000 - PIECE <= starts[0] <= 1_000_000
    assert starts[0] + 700_000 - PIECE <= starts[1] <= starts[0] + 700_000
    assert server.bytes_sent <= len(CONTENT) + 2 * PIECE, "hardly anything came twice"


def test_a_later_call_goes_on_where_one_gave_up(server: LoopbackServer, tmp_path: Path) -> None:
    server.script(PATH, Answer(break_after=1_000_000), *[Answer(503)] * QUICK.attempts)
    with pytest.raises(RemoteError, match="503"):
        download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=QUICK)
    assert names(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    download(server.url + PATH + "?sig=another", tmp_path / "a.zip", sha256=SUM, patience=QUICK)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.zip"]
    assert server.bytes_sent <= len(CONTENT) + PIECE


def test_a_file_that_changed_meanwhile_starts_again(server: LoopbackServer, tmp_path: Path) -> None:
    for minds_if_range in (True, False):
        folder = tmp_path / str(minds_if_range)
        server.if_range, server.files[PATH] = minds_if_range, CONTENT
        server.script(PATH, Answer(break_after=1_000_000), *[Answer(503)] * QUICK.attempts)
        with pytest.raises(RemoteError):
            download(server.url + PATH, folder / "a.zip", patience=QUICK)
        server.files[PATH] = changed = CONTENT[::-1]
        assert download(server.url + PATH, folder / "a.zip", patience=QUICK).read_bytes() == changed


def test_a_server_without_ranges_starts_again(server: LoopbackServer, tmp_path: Path) -> None:
    server.ranges = False
    server.script(PATH, Answer(break_after=1_000_000))
    path = download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=QUICK)
    assert path.read_bytes() == CONTENT


def test_without_a_version_or_a_checksum_a_part_is_not_built_on(server: LoopbackServer, tmp_path: Path) -> None:
    server.etags = False
    server.script(PATH, Answer(break_after=1_000_000))
    assert download(server.url + PATH, tmp_path / "a.zip", patience=QUICK).read_bytes() == CONTENT
    assert [request.headers.get("range") for request in server.asked(PATH)] == [None, None]


def test_a_part_of_another_address_is_not_built_on(server: LoopbackServer, tmp_path: Path) -> None:
    server.files["/other.zip"] = other = CONTENT[::-1]
    server.script("/other.zip", Answer(break_after=1_000_000), *[Answer(500)] * QUICK.attempts)
    with pytest.raises(RemoteError):
        download(f"{server.url}/other.zip", tmp_path / "a.zip", patience=QUICK)
    part = (tmp_path / "a.zip.part").read_bytes()
    assert len(part) > 900_000
    assert other.startswith(part)
    assert download(server.url + PATH, tmp_path / "a.zip", patience=QUICK).read_bytes() == CONTENT


def test_a_part_that_was_whole_is_not_fetched_again(server: LoopbackServer, tmp_path: Path) -> None:
    server.script(PATH, Answer(break_after=1_000_000), *[Answer(503)] * QUICK.attempts)
    with pytest.raises(RemoteError):
        download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=QUICK)
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    sent = server.bytes_sent
    assert download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=QUICK).read_bytes() == CONTENT
    assert server.bytes_sent == sent


def test_a_server_that_is_busy_is_waited_for(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    server.script(PATH, Answer(429, headers={"Retry-After": "7"}), Answer(500), None)
    patience = Patience(attempts=3, first_wait=0.25, longest_wait=60)
    assert download(server.url + PATH, tmp_path / "a.zip", sha256=SUM, patience=patience).read_bytes() == CONTENT
    assert 7 in waits
    server.script(PATH, Answer(429, headers={"Retry-After": "20000"}), None)
    download(server.url + PATH, tmp_path / "b.zip", sha256=SUM, patience=patience)
    assert 60 in waits
    assert 20000 not in waits


def test_a_wrong_checksum_is_one_error_and_the_file_is_kept_aside(server: LoopbackServer, tmp_path: Path) -> None:
    wrong = "0" * 64
    with pytest.raises(ChecksumError, match=rf"{SUM}, not {wrong}.*a\.zip\.wrong"):
        download(server.url + PATH, tmp_path / "a.zip", sha256=wrong)
    assert names(tmp_path) == ["a.zip.wrong"]
    assert (tmp_path / "a.zip.wrong").read_bytes() == CONTENT
    download(server.url + PATH, tmp_path / "a.zip", sha256=SUM)
    with pytest.raises(ChecksumError, match="another file"):
        download(server.url + PATH, tmp_path / "a.zip", sha256=wrong)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_what_is_there_is_not_asked_for_again(server: LoopbackServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(CONTENT)
    download(server.url + PATH, tmp_path / "a.zip", sha256=SUM)
    assert not server.requests


def test_a_silent_server_and_no_server_are_clear_errors(server: LoopbackServer, tmp_path: Path) -> None:
    patience = Patience(attempts=2, first_wait=0.01, timeout=0.1)
    server.script(PATH, *[Answer(silent=True)] * 2)
    with pytest.raises(RemoteError, match="did not answer in time; run it again later"):
        download(server.url + PATH, tmp_path / "a.zip", patience=patience)
    with pytest.raises(RemoteError, match="answered 404"):
        download(f"{server.url}/none?sig=secret", tmp_path / "a.zip", patience=patience)
    server.close()
    with pytest.raises(RemoteError, match="refused") as error:
        download(f"{server.url}/none?sig=secret", tmp_path / "a.zip", patience=patience)
    assert "secret" not in str(error.value)


def test_bad_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="not an address"):
        download("archive.zip", tmp_path / "a.zip")
    with pytest.raises(RemoteError, match="no SHA-256"):
        download("http://localhost/a", tmp_path / "a.zip", sha256="abc")
    with pytest.raises(OutputError, match="is a folder"):
        download("http://localhost/a", tmp_path)


def test_no_room_is_told_before_the_download(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(OutputError, match="free space"):
        download(server.url + PATH, tmp_path / "a.zip")


class _Restless(LoopbackServer):
    """Has no ranges, and hangs up now early, now late, for ever."""

    def answer(self, request: Request) -> Answer:
        early = len(self.asked(request.path)) % 2
        return Answer(200, CONTENT, {"ETag": '"1"'}, break_after=500_000 if early else 1_500_000)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_beginning_anew_is_no_progress(tmp_path: Path, headers: dict[str, str]) -> None:
    """Neither a server that breaks off here and there nor one that packs what it sends is asked for ever."""
    server = LoopbackServer() if headers else _Restless()
    server.files[PATH] = CONTENT
    if headers:
        packed = gzip.compress(bytes(3_000_000))
        server.routes[PATH] = lambda _: Answer(200, packed, {"ETag": '"1"', **headers})
    try:
        with pytest.raises(RemoteError, match="download stopped: the connection broke off"):
            download(server.url + PATH, tmp_path / "a.zip", patience=QUICK)
        assert len(server.requests) <= 3 * QUICK.attempts
    finally:
        server.close()
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("status", [204, 203, 304])
def test_an_answer_that_is_no_file_is_not_taken_for_one(server: LoopbackServer, tmp_path: Path, status: int) -> None:
    server.routes[PATH] = lambda _: Answer(status)
    with pytest.raises(RemoteError, match=f"{status}, which is no file"):
        download(server.url + PATH, tmp_path / "a.zip", patience=QUICK)
    assert not (tmp_path / "a.zip").exists()
