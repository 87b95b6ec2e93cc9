"""A small look at the items of a catalogue over an area: read from overviews, so that little is transferred."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import geopandas
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue
from firnline.acquire.catalogue.ranking import Look, Pass, ordered, with_look
from firnline.acquire.catalogue.search import Found
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.catalogue.stac_bands import AssetBand, ItemBands, bands_of
from firnline.acquire.catalogue.stac_items import Item, ItemError
from firnline.acquire.fetching.remote import address_of, read_remote, unreadable
from firnline.acquire.network import PATIENCE, Patience
from firnline.acquire.ready.quality import decode
from firnline.flags import Flag
from firnline.grid import Grid
from firnline.spectral import NDSI_OF_SNOW, NIR_OF_SNOW

_SIDE: Final = 256
"""Pixels of the longer side of a look."""
_RIM: Final = 0.04
"""What is shown around the area, as a share of its size."""


@dataclass(frozen=True)
class Overviews:
    """Reads small pictures of items over an area; knows how addresses are signed."""

    catalogue: Catalogue
    collection: str
    aoi: Aoi
    signer: Signer
    side: int = _SIDE
    patience: Patience = PATIENCE

    @classmethod
    def of(cls, found: Found, aoi: Aoi, patience: Patience = PATIENCE, side: int = _SIDE) -> Overviews:
        """Overviews of what a search found."""
        return cls(found.catalogue, found.collection, aoi, Signer(found.catalogue, patience), side, patience)

    def bands(self, item: Item) -> ItemBands:
        """What an item offers."""
        return bands_of(item, keeps_sentinel2_offset=self.catalogue.keeps_sentinel2_offset)

    def grid(self, item: Item) -> Grid:
        """The area's bounding box and a rim, in the CRS of an item's first band, in few pixels."""
        band = self.bands(item).bands[0]
        crs = read_remote(self._address(item, band.href), lambda dataset: dataset.crs, self.patience)
        left, bottom, right, top = self.aoi.bounds_in(crs)
        rim = _RIM * max(right - left, top - bottom)
        left, bottom, right, top = left - rim, bottom - rim, right + rim, top + rim
        size = max(right - left, top - bottom) / self.side
        shape = max(1, round((top - bottom) / size)), max(1, round((right - left) / size))
        return Grid(crs, rasterio.Affine(size, 0, left, 0, -size, top), shape)

    def values(self, items: Sequence[Item], names: Sequence[str], grid: Grid) -> NDArray[np.float32]:
        """Bands of items beside each other, (band, row, column); NaN where none has data.

        Raises
        ------
        ItemError
            When an item lacks a band.
        RemoteError
            When its server fails.
        """
        together = np.full((len(names), *grid.shape), np.nan, np.float32)
        for item in items:
            offers = {band.name: band for band in self.bands(item).bands}
            for index, name in enumerate(names):
                if name not in offers:
                    raise ItemError(f"has no {name}", where=item.id)
                one = self._band(item, offers[name], grid)
                np.copyto(together[index], one, where=np.isnan(together[index]))
        return together

    def _band(self, item: Item, band: AssetBand, grid: Grid) -> NDArray[np.float32]:
        stored = self._warped(item, band.href, grid, band.nodata)
        values = stored.astype(np.float32) * np.float32(band.scale) + np.float32(band.offset)
        return np.where(stored == (0 if band.nodata is None else band.nodata), np.float32(np.nan), values)

    def cloud(self, items: Sequence[Item], grid: Grid) -> NDArray[np.bool_] | None:
        """Where the quality bands of the items see cloud; None when one of them has none."""
        cloudy = np.zeros(grid.shape, np.bool_)
        for item in items:
            quality = self.bands(item).quality
            if quality is None or item.sensor is None:
                return None
            stored = self._warped(item, quality.href, grid, None)
            cloudy |= decode(stored, quality.convention, item.sensor).flags & Flag.CLOUD != 0
        return cloudy

    def _address(self, item: Item, href: str) -> str:
        return self.signer.sign(href, item.collection or self.collection)

    def _warped(self, item: Item, href: str, grid: Grid, nodata: float | None) -> NDArray[Any]:
        outside = 0 if nodata is None else nodata

        def read(dataset: DatasetReader) -> NDArray[Any]:
            try:
                with WarpedVRT(
                    dataset,
                    crs=grid.crs,
                    transform=grid.transform,
                    height=grid.shape[0],
                    width=grid.shape[1],
                    resampling=Resampling.nearest,
                    src_nodata=outside,
                    nodata=outside,
                ) as small:
                    values: NDArray[Any] = small.read(1)
                    return values
            except RasterioError as error:
                raise unreadable(address_of(dataset), error) from None

        return read_remote(self._address(item, href), read, self.patience)


def look(found: Found, passes: Sequence[Pass], aoi: Aoi, patience: Patience = PATIENCE) -> tuple[Pass, ...]:
    """Judge passes by their pixels over the area, and rank them anew.

    Snow is what has an NDSI above 0.4 and near infrared above 0.11 (Hall et al. 1995) among pixels that are clear:
    glaciers are in it, so it compares dates of one area, and says nothing of an area by itself.

    Raises
    ------
    RemoteError, ItemError
        When a server fails, or an item lacks the bands for it.
    """
    overviews = Overviews.of(found, aoi, patience)
    with ThreadPoolExecutor(max_workers=4) as pool:
        seen = list(pool.map(lambda each: _see(overviews, each), passes))
    return ordered([with_look(each, _judge(one, aoi)) for each, one in zip(passes, seen, strict=True)])


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was read of a pass: bands (green, nir08, swir16), and cloud where a quality band tells."""

    grid: Grid
    values: NDArray[np.float32]
    cloud: NDArray[np.bool_] | None


def _see(overviews: Overviews, given: Pass) -> _Seen:
    grid = overviews.grid(given.items[0])
    values = overviews.values(given.items, ("green", "nir08", "swir16"), grid)
    return _Seen(grid, values, overviews.cloud(given.items, grid))


def _judge(seen: _Seen, aoi: Aoi) -> Look:
    """Shares over the area; not in threads, where rasterio's way to silence its own warnings does not hold."""
    green, nir08, swir16 = seen.values
    inside = _inside(aoi, seen.grid)
    known = inside & np.isfinite(green) & np.isfinite(swir16)
    clear = known if seen.cloud is None else known & ~seen.cloud
    with np.errstate(divide="ignore", invalid="ignore"):
        ndsi = (green - swir16) / (green + swir16)
    snow = clear & (ndsi > NDSI_OF_SNOW) & (nir08 > NIR_OF_SNOW)
    counts = [int(where.sum()) for where in (inside, known, clear, snow)]
    share_seen, share_clear, share_snow = (part / whole if whole else 0.0 for whole, part in pairwise(counts))
    return Look(share_seen, None if seen.cloud is None else share_clear, share_snow)


def _inside(aoi: Aoi, grid: Grid) -> NDArray[np.bool_]:
    shape = geopandas.GeoSeries([aoi.geometry], crs=aoi.crs.to_wkt()).to_crs(grid.crs.to_wkt()).iloc[0]
    burnt = rasterize([(shape, 1)], out_shape=grid.shape, transform=grid.transform, all_touched=True, dtype="uint8")
    return np.asarray(burnt == 1)
