"""Metadata that is broken or means ill is refused in one line, in whichever of its forms it comes."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from firnline.acquire.products import archive, read_products
from firnline.acquire.products.archive import open_archive
from firnline.acquire.products.landsat_metadata import read_landsat_metadata
from firnline.acquire.products.xml import read_xml
from firnline.errors import OutputError, SceneError

from . import made

L2A = "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454"
L2 = "LE07_L2SP_134040_20070922_20200913_02_T1"
LAUGHS = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LAUGHS.encode(), "XML entities"),
        (f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}'.encode("utf-16"), "XML entities"),
        (b'<?xml version="1.0" encoding="none-such"?><a/>', "not whole XML"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "multi-byte"),
        (b"<a>" * 10, "not whole XML"),
    ],
)
def test_xml_that_expands_or_cannot_be_read_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        read_xml(content)
    safe, _ = made.sentinel2(tmp_path, L2A)
    (safe / "MTD_MSIL2A.xml").write_bytes(content)
    with pytest.raises(SceneError, match=words) as caught:
        read_products(safe)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b'{"LANDSAT_METADATA_FILE": ' + b"[" * 200_000, b"<" * 10, b"\xff\xfe\xff", b""])
def test_a_broken_mtl_is_refused(content: bytes) -> None:
    with pytest.raises(SceneError, match="is not a whole Landsat MTL"):
        read_landsat_metadata(content, "MTL")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, number: str) -> None:
    """NaN passes every comparison; the scene would be unknown all over, or worse."""
    made.landsat_c2(tmp_path / L2, L2, made.ETM_L2, made.image_attributes("LANDSAT_7", "ETM"))
    mtl = next((tmp_path / L2).glob("*_MTL.txt"))
    text = mtl.read_text()
    mtl.write_text(text.replace("SUN_AZIMUTH = ", f"SUN_AZIMUTH = {number}\n    OTHER = "))
    with pytest.raises(SceneError, match=f"SUN_AZIMUTH is not a number: '{number}'"):
        read_products(tmp_path / L2)
    safe, _ = made.sentinel2(tmp_path / "safe", L2A)
    mtd = safe / "MTD_MSIL2A.xml"
    whole = mtd.read_text()
    for old in ('unit="none">10000<', 'band_id="3">-1000<'):
        mtd.write_text(whole.replace(old, f"{old.partition('>')[0]}>{number}<"))
        with pytest.raises(SceneError, match=r"is not a number|is not readable"):
            read_products(safe)


def test_a_zip_with_two_files_of_a_name_is_refused(tmp_path: Path) -> None:
    """GDAL would read the one, Python the other."""
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        warnings.simplefilter("ignore")
        packed.writestr("B1.TIF", b"one")
        packed.writestr("B1.TIF", b"two")
    with pytest.raises(SceneError, match=r"two files of the name B1\.TIF"):
        read_products(tmp_path / "a.zip")


def test_a_tar_of_much_metadata_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_METADATA", 10_000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for number in range(20):
            member = tarfile.TarInfo(f"{number:02}.xml")
            member.size = 4000
            tar.addfile(member, io.BytesIO(b" " * 4000))
    place = open_archive(tmp_path / "a.tar.gz")
    assert isinstance(place, archive.CompressedTar)
    assert sum(map(len, place.metadata.values())) <= 10_000
    assert len(place.names) == 20
    with pytest.raises(SceneError, match=r"19\.xml: is too large"):
        place.read("19.xml")


def test_a_tar_that_holds_more_than_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.landsat_c2(tmp_path / L2, L2, made.ETM_L2, made.image_attributes("LANDSAT_7", "ETM"))
    packed = made.packed(tmp_path / L2, tmp_path / "a.tar.gz", "w:gz")
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match="GB free, and the rasters of"):
        read_products(packed, unpack=tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_the_saturation_of_collection_1_exports_is_read(tmp_path: Path) -> None:
    names = ("B2", "B3", "B4", "B5", "B6", "B7", "pixel_qa", "radsat_qa")
    made.raster(tmp_path / "LC08_139041_20190901.tif", np.full((8, 8, 8), 500, "int16"), 30.0, names)
    (product,) = read_products(tmp_path)
    assert product.quality is not None
    assert (product.quality.index, product.quality.saturation_index) == (7, 8)
    assert product.quality.saturation == product.quality.href
