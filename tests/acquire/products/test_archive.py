"""An archive that would write outside its folder, or is no whole archive, is refused; nothing of it lands on disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from firnline.acquire.products import read_products
from firnline.acquire.products.archive import open_archive
from firnline.errors import SceneError

from . import made

L2 = "LE07_L2SP_134040_20070922_20200913_02_T1"


def evil(path: Path, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    """A tar with an innocent member and one that is not."""
    mode = "w:gz" if path.name.endswith("gz") else "w"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        good = tarfile.TarInfo("readme.txt")
        good.size = 5
        tar.addfile(good, io.BytesIO(b"hello"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        member.size = 4 if kind == tarfile.REGTYPE else 0
        tar.addfile(member, io.BytesIO(b"evil"))
    return path


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize(
    ("name", "kind", "link", "said"),
    [
        ("../outside.TIF", tarfile.REGTYPE, "", r"outside its folder: \.\./outside\.TIF"),
        ("a/../../outside.TIF", tarfile.REGTYPE, "", "outside its folder"),
        ("/tmp/outside.TIF", tarfile.REGTYPE, "", "outside its folder"),
        ("C:\\outside.TIF", tarfile.REGTYPE, "", "outside its folder"),
        ("B1.TIF", tarfile.SYMTYPE, "/etc/passwd", "link that leads outside its folder: B1.TIF -> /etc/passwd"),
        ("a/B1.TIF", tarfile.SYMTYPE, "../../secret", "link that leads outside"),
        ("B1.TIF", tarfile.LNKTYPE, "../secret", "link that leads outside"),
        ("B1.TIF", tarfile.FIFOTYPE, "", "device or pipe"),
        ("B1.TIF", tarfile.CHRTYPE, "", "device or pipe"),
        ("readme.txt", tarfile.REGTYPE, "", "two files of the name readme.txt"),
    ],
)
def test_an_unsafe_tar_is_refused_in_one_line(
    tmp_path: Path, suffix: str, name: str, kind: bytes, link: str, said: str
) -> None:
    archive = evil(tmp_path / f"evil{suffix}", name, kind, link)
    with pytest.raises(SceneError, match=said) as caught:
        read_products(archive, unpack=tmp_path / "unpacked")
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "unpacked").exists()
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_link_inside_is_no_harm_but_is_not_followed(tmp_path: Path) -> None:
    place = open_archive(evil(tmp_path / "a.tar", "a/B1.TIF", tarfile.SYMTYPE, "../readme.txt"))
    assert place.names == ("readme.txt",)


def test_a_zip_with_a_path_outside_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../outside.TIF", b"evil")
    with pytest.raises(SceneError, match="outside its folder"):
        read_products(tmp_path / "evil.zip")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip", "a.bin"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x1f\x8b\x08 no", b"not an archive" * 200])
def test_what_is_no_archive_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SceneError, match=r"no whole tar or zip|cut short or damaged"):
        read_products(tmp_path / name)


def test_a_tar_damaged_in_its_middle_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    made.landsat_c2(tmp_path / L2, L2, made.ETM_L2, made.image_attributes("LANDSAT_7", "ETM"))
    archive = made.packed(tmp_path / L2, tmp_path / "a.tar")
    with tarfile.open(archive) as tar:
        start = tar.getmembers()[4].offset
    content = bytearray(archive.read_bytes())
    content[start : start + 512] = b"x" * 512
    archive.write_bytes(content)
    with pytest.raises(SceneError, match="cut short or damaged"):
        read_products(archive)


def test_an_archive_of_something_else_says_what_was_looked_for(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("readme.txt")
        tar.addfile(member, io.BytesIO())
    for path in (tmp_path / "a.tar", tmp_path):
        with pytest.raises(SceneError, match=r"looks for Landsat .*_MTL\.txt.*MTD_MSIL2A\.xml.*Earth Engine"):
            read_products(path)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="there is no such file or folder"):
        read_products(tmp_path / "none")


def test_unpacked_bands_are_not_unpacked_again(tmp_path: Path) -> None:
    made.landsat_c2(tmp_path / L2, L2, made.ETM_L2, made.image_attributes("LANDSAT_7", "ETM"))
    archive = made.packed(tmp_path / L2, tmp_path / "a.tar.gz", "w:gz")
    (first,) = read_products(archive, unpack=tmp_path / "unpacked")
    times = {band.href: Path(band.href).stat().st_mtime_ns for band in first.bands}
    (second,) = read_products(archive, unpack=tmp_path / "unpacked")
    assert {band.href: Path(band.href).stat().st_mtime_ns for band in second.bands} == times
