"""What a scene will hold: which bands are read, which are written, and how each is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firnline.acquire.ready.encoding import (
    Encoding,
    day_encoding,
    dtype_of_scene,
    elevation_encoding,
    encoding_of,
    index_encoding,
    slope_encoding,
)
from firnline.acquire.ready.layers import Files
from firnline.acquire.ready.settings import Composite, ReadySettings
from firnline.acquire.ready.writer import OutBand
from firnline.acquire.source import SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Sensor
from firnline.errors import BandError, ConfigError
from firnline.features import INDICES

TERRAIN: Final = ("elevation", "slope")
DAY: Final = "day"
_OLI: Final = (Sensor.LANDSAT8, Sensor.LANDSAT9)


@dataclass(frozen=True)
class Contents:
    """Bands to read and to write, by name."""

    read: tuple[str, ...]
    """Measured bands, in the order of the first product."""
    encodings: tuple[Encoding, ...]
    """Of the bands read."""
    tops: tuple[float, ...]
    """The highest stored number that each band read can have."""
    out: tuple[OutBand, ...]
    own_terrain: tuple[str, ...]
    """Terrain that is taken from the products themselves."""
    left_out: tuple[str, ...]
    """Measured bands that only some products have."""

    @property
    def names(self) -> tuple[str, ...]:
        """The scene's bands."""
        return tuple(band.name for band in self.out)

    @property
    def dtype(self) -> str:
        """What the scene's numbers are."""
        return self.out[0].encoding.dtype


def require_alike(products: Sequence[SourceProduct]) -> None:
    """Raise when products cannot be put together: other sensors, or other levels of a band.

    Landsat 8 and 9 carry the same instrument.

    Raises
    ------
    ConfigError
        Naming two products that differ.
    """
    first = products[0]
    for other in products[1:]:
        if first.sensor != other.sensor and not (first.sensor in _OLI and other.sensor in _OLI):
            raise ConfigError(
                f"products of different sensors: {first.id} ({first.sensor}) and {other.id} ({other.sensor})",
                do="build a scene of each",
            )
        levels = {band.name: band.level for band in first.bands}
        for band in other.bands:
            if band.name in levels and levels[band.name] != band.level:
                raise ConfigError(
                    f"products of different levels: {band.name} is {levels[band.name]} in {first.id}"
                    f" and {band.level} in {other.id}",
                    do="build a scene of each, or get all of them at one level",
                )


def measured_names(products: Sequence[SourceProduct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Measured bands that all products have, and those that only some have."""
    each = [[band.name for band in product.bands if _is_measured(band.name)] for product in products]
    common = tuple(name for name in each[0] if all(name in names for names in each))
    others = tuple(dict.fromkeys(name for names in each for name in names if name not in common))
    return common, others


def _is_measured(name: str) -> bool:
    return name not in BANDS or BANDS[name].kind not in (Kind.INDEX, Kind.QUALITY, Kind.TERRAIN)


def plan(
    products: Sequence[SourceProduct], files: Files, settings: ReadySettings, *, has_dem: bool, is_dated: bool
) -> Contents:
    """Decide what the scene holds.

    Raises
    ------
    BandError
        When a band that is asked for cannot be had, naming the product that lacks it.
    """
    common, others = measured_names(products)
    own_terrain = () if has_dem else tuple(name for name in TERRAIN if all(name in p.band_names for p in products))
    terrain = TERRAIN if has_dem else own_terrain
    indices = tuple(name for name, parents in INDICES.items() if set(parents) <= set(common))
    day = (DAY,) if is_dated else ()
    wanted = (*common, *indices, *terrain, *day)
    if settings.bands is not None:
        for name in settings.bands:
            if name not in wanted:
                raise _missing(name, products)
        wanted = tuple(dict.fromkeys((*settings.bands, *day)))
    if settings.composite == Composite.MINIMUM_SNOW and "ndsi" not in indices:
        raise BandError("minimum snow is judged by NDSI, which needs green and swir16 of every product")
    looked_at = {*wanted, "green", "swir16", *(parent for name in wanted for parent in INDICES.get(name, ()))}
    read = tuple(name for name in common if name in looked_at)
    if not read:
        raise BandError("no measured band is asked for", do="name one with --bands")
    return _stored(products, files, read, wanted, own_terrain, others if settings.bands is None else ())


def _stored(
    products: Sequence[SourceProduct],
    files: Files,
    read: tuple[str, ...],
    wanted: tuple[str, ...],
    own_terrain: tuple[str, ...],
    left_out: tuple[str, ...],
) -> Contents:
    needed = (*read, *(name for name in own_terrain if name in wanted))
    sources = {name: [(band, _dtype(band, files)) for band in _bands_of(products, name)] for name in needed}
    dtype = dtype_of_scene([stored for name in read for _, stored in sources[name]])
    encodings = {name: encoding_of(sources[name], dtype) for name in read}
    fixed = {
        "elevation": elevation_encoding(dtype),
        "slope": slope_encoding(dtype),
        DAY: day_encoding(dtype),
        **dict.fromkeys(INDICES, index_encoding(dtype)),
    }
    out = tuple(OutBand(name, encodings[name] if name in encodings else fixed[name]) for name in wanted)
    tops = tuple(max(_top(band, stored, encodings[name]) for band, stored in sources[name]) for name in read)
    kept = tuple(name for name in own_terrain if name in wanted)
    return Contents(read, tuple(encodings[name] for name in read), tops, out, kept, left_out)


def _bands_of(products: Sequence[SourceProduct], name: str) -> list[SourceBand]:
    return [band for product in products for band in product.bands if band.name == name]


def _dtype(band: SourceBand, files: Files) -> str:
    return str(files.open(band.href, band.index).dtypes[band.index - 1])


def _top(band: SourceBand, dtype: str, encoding: Encoding) -> float:
    """The highest stored number that a band can have."""
    if np.dtype(dtype).kind not in "iu":
        return float("inf")
    most = np.array([np.iinfo(dtype).max])
    return float(encoding.take(most, np.array([True]), band)[0])


def _missing(name: str, products: Sequence[SourceProduct]) -> BandError:
    if name in TERRAIN:
        return BandError(f"'{name}' is asked for, and there is no DEM", do="give one with --dem")
    parents = INDICES.get(name, (name,))
    for product in products:
        lacking = [parent for parent in parents if parent not in product.band_names]
        if lacking:
            what = f"has no band '{' '.join(lacking)}'" + (f", which {name} needs" if name in INDICES else "")
            return BandError(what, where=product.id, do=f"it has {' '.join(product.band_names)}")
    return BandError(f"'{name}' cannot be had", do="see firnline scenes build --help")
