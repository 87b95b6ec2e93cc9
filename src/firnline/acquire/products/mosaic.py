"""Exports that Earth Engine cut into tiles, seen as one raster again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.errors import SceneError
from firnline.files import replaced

_TILE = re.compile(r"^(?P<stem>.+?)-?(?P<row>\d{10})-(?P<column>\d{10})(?P<suffix>\.tiff?)$", re.IGNORECASE)
_TYPES = {"uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32"} | {
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


@dataclass(frozen=True)
class _Tile:
    href: str
    row: int
    column: int


def group_tiles(names: Iterable[str]) -> dict[str, list[str]]:
    """The tiles of each export, by the name that the whole would have; a raster that is no tile is not in it.

    Examples
    --------
    >>> group_tiles(["a-0000000000-0000000000.tif", "a-0000000000-0000004096.tif", "b.tif"])
    {'a.tif': ['a-0000000000-0000000000.tif', 'a-0000000000-0000004096.tif']}
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        match = _TILE.match(name)
        if match is not None:
            groups.setdefault(f"{match['stem']}{match['suffix']}", []).append(name)
    return groups


def mosaic_tiles(names: list[str], hrefs: dict[str, str], target: Path) -> Path:
    """Write a GDAL virtual raster of the tiles of one export, which copies no pixels.

    Parameters
    ----------
    names
        The tiles' names, which end in the row and column of their first pixel.
    hrefs
        What GDAL opens for each.
    target
        The ``.vrt`` file to write.

    Returns
    -------
    `target`.

    Raises
    ------
    SceneError
        When the tile at row and column 0 is missing, a tile cannot be opened, or does not fit to the others.
    """
    tiles = []
    for name in names:
        match = _TILE.match(name)
        assert match is not None  # group_tiles chose them
        tiles.append(_Tile(hrefs[name], int(match["row"]), int(match["column"])))
    first = next((tile for tile in tiles if (tile.row, tile.column) == (0, 0)), None)
    if first is None:
        raise SceneError("its first tile is missing", where=names[0], do="download all tiles of the export")
    root = ElementTree.Element("VRTDataset")
    with _opened(first.href) as dataset:
        layout = _layout(dataset)
        bands = _describe(root, dataset)
        transform = dataset.transform
    width = height = 0
    covered = 0
    for tile in tiles:
        with _opened(tile.href) as dataset:
            left, top = transform.c + tile.column * transform.a, transform.f + tile.row * transform.e
            off = abs(dataset.transform.c - left) + abs(dataset.transform.f - top)
            if _layout(dataset) != layout or off > abs(transform.a) / 100:
                what = "does not fit to the other tiles of its export (bands, type, pixel size or position)"
                raise SceneError(what, where=tile.href, do="download all tiles of one export")
            _place(bands, tile, dataset)
            covered += dataset.width * dataset.height
            width, height = max(width, tile.column + dataset.width), max(height, tile.row + dataset.height)
    if covered != width * height:
        raise SceneError("a tile of the export is missing", where=names[0], do="download all tiles of the export")
    root.set("rasterXSize", str(width))
    root.set("rasterYSize", str(height))
    with replaced(target) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8")
    return target


def _opened(href: str) -> DatasetReader:
    try:
        return rasterio.open(href)
    except RasterioError:
        raise SceneError("cannot be opened as a raster", where=href, do="download it again") from None


def _layout(dataset: DatasetReader) -> tuple[object, ...]:
    """What all tiles have in common."""
    return (
        dataset.crs,
        dataset.dtypes,
        dataset.descriptions,
        dataset.nodatavals,
        dataset.transform.a,
        dataset.transform.e,
    )


def _describe(root: ElementTree.Element, dataset: DatasetReader) -> list[ElementTree.Element]:
    ElementTree.SubElement(root, "SRS").text = dataset.crs.to_wkt() if dataset.crs is not None else ""
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(
        repr(value) for value in dataset.transform.to_gdal()
    )
    bands = []
    for index, kind in enumerate(dataset.dtypes):
        band = ElementTree.SubElement(root, "VRTRasterBand", dataType=_TYPES[kind], band=str(index + 1))
        ElementTree.SubElement(band, "Description").text = dataset.descriptions[index] or ""
        if dataset.nodatavals[index] is not None:
            ElementTree.SubElement(band, "NoDataValue").text = repr(dataset.nodatavals[index])
        ElementTree.SubElement(band, "Scale").text = repr(dataset.scales[index])
        ElementTree.SubElement(band, "Offset").text = repr(dataset.offsets[index])
        bands.append(band)
    return bands


def _place(bands: list[ElementTree.Element], tile: _Tile, dataset: DatasetReader) -> None:
    width, height = str(dataset.width), str(dataset.height)
    for index, band in enumerate(bands, start=1):
        source = ElementTree.SubElement(band, "SimpleSource")
        ElementTree.SubElement(source, "SourceFilename", relativeToVRT="0").text = tile.href
        ElementTree.SubElement(source, "SourceBand").text = str(index)
        ElementTree.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=width, ySize=height)
        place = {"xOff": str(tile.column), "yOff": str(tile.row)}
        ElementTree.SubElement(source, "DstRect", place, xSize=width, ySize=height)
