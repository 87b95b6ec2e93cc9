"""The command gets the archive from a server that breaks off, checks it, unpacks it safely, and takes it."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from firnline.chips.published.unpack import unpack
from firnline.chips.table import read_table
from firnline.errors import ConfigError

Firnline = Callable[..., tuple[int, str, str]]


class BreakingServer:
    """Serves `content`; each of the first answers ends after `piece` bytes."""

    def __init__(self, content: bytes, piece: int, breaks: int) -> None:
        self.content, self.piece, self.breaks = content, piece, breaks
        self.starts: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/hkh.zip?sig=1"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        match = re.match(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        self.starts.append(start)
        body = self.content[start:]
        handler.send_response(206 if match else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("ETag", '"one"')
        if match:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.end_headers()
        handler.wfile.write(body[: self.piece] if len(self.starts) <= self.breaks else body)
        handler.close_connection = True


@pytest.fixture(scope="module")
def zipped(archive: Path) -> bytes:
    """The archive's index and masks, packed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(archive.rglob("*")):
            if path.name == "slices.geojson" or (path.parent.name == "slices" and "14_mask" in path.name):
                packed.write(path, path.relative_to(archive))
    return stream.getvalue()


@pytest.fixture
def server(zipped: bytes) -> Iterator[BreakingServer]:
    made = BreakingServer(zipped, piece=700_000, breaks=1)
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_a_download_that_breaks_off_goes_on_and_becomes_a_table(
    server: BreakingServer, zipped: bytes, tmp_path: Path, firnline: Firnline
) -> None:
    root, table = tmp_path / "data", tmp_path / "hkh.parquet"
    checksum = hashlib.sha256(zipped).hexdigest()
    code, out, err = firnline(
        *("datasets", "hkh", "--root", root, "-o", table, "--download", server.url, "--sha256", checksum)
    )
    assert code == 0, err
    assert server.starts[0] == 0
    assert server.starts[1] > 0
    assert (root / "hkh.zip").read_bytes() == zipped
    assert set(read_table(table).frame["patch"]) == {f"slice_14_{index:03}" for index in range(4)}
    assert "footprints moved: 4" in out


def test_a_download_that_is_not_the_archive_is_not_unpacked(
    server: BreakingServer, tmp_path: Path, firnline: Firnline
) -> None:
    root = tmp_path / "data"
    code, _, err = firnline("datasets", "hkh", "--root", root, "--download", server.url, "-o", tmp_path / "t.parquet")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert "checksum" in err.lower()
    assert not (root / "glacier_data").exists()
    assert not (root / "hkh.zip").exists()


def packed_as(kind: str, path: Path, names: dict[str, bytes]) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in names.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tar:
            for name, content in names.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_what_is_there_in_full_size_is_not_unpacked_again(tmp_path: Path, kind: str) -> None:
    packed = packed_as(kind, tmp_path / "a", {"glacier_data/a.npy": b"12345", "glacier_data/b/c.npy": b"6" * 70})
    out = tmp_path / "out"
    assert unpack(packed, out) == 2
    assert (out / "glacier_data/b/c.npy").read_bytes() == b"6" * 70
    (out / "glacier_data/a.npy").write_bytes(b"12")
    assert unpack(packed, out) == 1
    assert (out / "glacier_data/a.npy").read_bytes() == b"12345"


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_paths_outside_the_folder_are_refused_before_anything_is_written(
    tmp_path: Path, kind: str, name: str
) -> None:
    packed = packed_as(kind, tmp_path / "a", {"good": b"1", name: b"2"})
    with pytest.raises(ConfigError, match="outside its folder"):
        unpack(packed, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil").exists()


def test_a_zip_with_a_password_or_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    packed = packed_as("zip", tmp_path / "a.zip", {"a.npy": b"12345"})
    content = bytearray(packed.read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1  # the flag of a password, in the member and in the index
    content[content.index(b"PK\x01\x02") + 8] |= 1
    packed.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        unpack(packed, tmp_path / "out")
    with pytest.raises(ConfigError, match="outside its folder"):
        unpack(packed_as("tar", tmp_path / "b.tar", {".": b"12345"}), tmp_path / "out")


def test_links_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    with pytest.raises(ConfigError, match="link or a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_that_is_cut_off_is_said_to_be(tmp_path: Path, kind: str) -> None:
    packed = packed_as(kind, tmp_path / "a", {"a": bytes(range(256)) * 40, "b": bytes(range(256)) * 400})
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size * 2 // 3])
    with pytest.raises(ConfigError, match="cut off"):
        unpack(packed, tmp_path / "out")
    assert not list((tmp_path).glob("out/.*"))


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(ConfigError, match="neither zip nor tar"):
        unpack(tmp_path / "a", tmp_path / "out")
