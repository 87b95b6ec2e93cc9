"""Products on disk as people download them, found and read: folders, tars, zips, single files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from firnline.acquire.products.archive import SUFFIXES, is_archive, open_archive
from firnline.acquire.products.find import products_in, what_to_do
from firnline.acquire.products.places import Folder, open_folder
from firnline.acquire.source import SourceProduct
from firnline.bands import Level
from firnline.errors import SceneError

__all__ = ["SUFFIXES", "read_products"]


def read_products(
    path: str | Path, *, level: Level | None = None, unpack: str | Path | None = None
) -> tuple[SourceProduct, ...]:
    """Find and read all products in a folder, an archive or a file.

    Only metadata and the headers of rasters are read here; pixels are read by whoever uses the products.

    Parameters
    ----------
    path
        A folder (of a product, of products, of archives), a ``.tar``, ``.tar.gz``, ``.tgz`` or ``.zip``, a GeoTIFF,
        or the metadata file of a product (``..._MTL.txt``, ``MTD_MSIL2A.xml``).
    level
        The level of optical bands in exports that do not tell it themselves (Earth Engine); products that tell theirs
        are not changed by it.
    unpack
        Where the rasters of compressed tars are unpacked to, and kept; without it, a temporary folder that is removed
        when Python ends. Everything else is read where it lies.

    Returns
    -------
    The products by date; each once, also where it lies there twice (unpacked and as an archive).

    Raises
    ------
    SceneError
        When nothing there is a product, or one of them is broken or unsafe to read.
    """
    path = Path(path)
    folder = Path(unpack) if unpack is not None else None
    if path.is_dir():
        products = _in_folder(path, level, folder)
    elif path.is_file():
        products = _in_file(path, level, folder)
    else:
        raise SceneError("there is no such file or folder", where=path)
    if not products:
        names = open_folder(path).names if path.is_dir() else (path.name,)
        raise SceneError("holds no product that can be read", where=path, do=what_to_do(names))
    return _once(products)


def _in_folder(path: Path, level: Level | None, unpack: Path | None) -> list[SourceProduct]:
    place = open_folder(path)
    products = products_in(place, level=level, unpack=unpack)
    for name in place.names:
        if is_archive(name):
            products += products_in(open_archive(path / name, unpack=unpack), level=level, unpack=unpack)
    return products


def _in_file(path: Path, level: Level | None, unpack: Path | None) -> list[SourceProduct]:
    name = path.name.upper()
    if name.startswith("MTD_MSIL"):
        return products_in(open_folder(path.parent), level=level, unpack=unpack)
    if name.endswith(("_MTL.TXT", "_MTL.XML", "_MTL.JSON")):
        files = tuple(sorted(file.name for file in path.parent.iterdir() if file.is_file()))
        others = {file for file in files if "_MTL." in file.upper() and file != path.name}
        return products_in(Folder(path.parent, tuple(file for file in files if file not in others)), only=path.name)
    if name.endswith((".TIF", ".TIFF", ".VRT")):
        return products_in(Folder(path.parent, (path.name,)), level=level, unpack=unpack)
    return products_in(open_archive(path, unpack=unpack), level=level, unpack=unpack)


def _once(products: list[SourceProduct]) -> tuple[SourceProduct, ...]:
    """Each product once, the first that was found, by date.

    A product's id is its maker's; a lone raster is named by its user, so that two of one name may be two places.
    """
    found: dict[str, SourceProduct] = {}
    for product in products:
        files = {band.href for band in product.bands}
        key = product.id if len(files) > 1 else files.pop()
        if key in found:
            twice = (*found[key].notes, "lies there more than once; read once")
            found[key] = replace(found[key], notes=tuple(dict.fromkeys(twice)))
        else:
            found[key] = product
    return tuple(sorted(found.values(), key=lambda product: (product.moment, product.id)))
