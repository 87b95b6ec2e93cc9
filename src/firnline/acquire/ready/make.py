"""Products to one analysis-ready scene: the whole way on one page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from firnline import __version__
from firnline.acquire.aoi import Aoi
from firnline.acquire.ready.composite import Chosen, blocks, choose, fill, in_order
from firnline.acquire.ready.contents import DAY, Contents, measured_names, plan, require_alike
from firnline.acquire.ready.encoding import Encoding
from firnline.acquire.ready.grids import covers_something, scene_grid
from firnline.acquire.ready.item import make_item
from firnline.acquire.ready.layers import Files, Layer, open_files
from firnline.acquire.ready.manifest import make_manifest
from firnline.acquire.ready.observe import Observer, Rank
from firnline.acquire.ready.places import Places, require_places
from firnline.acquire.ready.relief import Relief, ReliefReader, open_relief, sun_of
from firnline.acquire.ready.settings import Composite, Dem, ReadySettings
from firnline.acquire.ready.stripes import MATCH, halo_for_stripes, has_stripes
from firnline.acquire.ready.tally import Tally
from firnline.acquire.ready.writer import OutBand, open_writer
from firnline.acquire.source import SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level
from firnline.errors import ConfigError, GridError
from firnline.features import INDICES, normalised_difference
from firnline.files import replaced
from firnline.flags import Flag
from firnline.grid import Grid, Window

DEFAULTS: Final = ReadySettings()
_CACHE_MB: Final = 256
"""GDAL keeps blocks up to a share of the machine's memory otherwise; this holds a row of blocks of many bands."""


@dataclass(frozen=True)
class ReadyScene:
    """An analysis-ready scene and what lies beside it."""

    path: Path
    flags: Path
    item: Path
    manifest: Path
    grid: Grid
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    """The report."""


def make_ready(
    products: Sequence[SourceProduct],
    out: Path,
    *,
    settings: ReadySettings = DEFAULTS,
    grid: Grid | None = None,
    aoi: Aoi | None = None,
    dem: Dem | None = None,
    provenance: Mapping[str, Any] = {},
    step: Callable[[int, int], None] = lambda _done, _all: None,
) -> ReadyScene:
    """Make one scene of products: named bands on one grid, flags, a STAC item and a manifest beside it.

    All four files appear together, once they are whole.

    Parameters
    ----------
    products
        One or more, of one sensor and level.
    out
        The scene, a GeoTIFF. Beside it: ``NAME.flags.tif``, ``NAME.json``, ``NAME.manifest.json``.
    settings
        How.
    grid
        The scene's grid; without it the lattice of the first product's finest optical band.
    aoi
        Crop to its bounding box, snapped outwards to the lattice.
    dem
        For elevation, slope, and slopes turned away from the sun.
    provenance
        What the manifest shall say of how the products came here.
    step
        Called with (blocks done, all of them).

    Raises
    ------
    ConfigError
        When there are no products, or they do not go together.
    GridError
        When the area, the grid or the DEM lies elsewhere, or no pixel is known.
    BandError
        When a band that is asked for is missing.
    SceneError
        When a file is missing or damaged.
    OutputError
        When the scene cannot be written.
    """
    _require_usable(products)
    hrefs = [band.href for product in products for band in product.bands]
    places = require_places(out, map(Path, [*hrefs, *([] if dem is None else [str(dem.path)])]))
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), open_files() as files, ExitStack() as stack:
        names, _ = measured_names(products)
        if grid is None:
            ordered = in_order(products, settings.composite, _latitude(files.grid(products[0].bands[0].href)))
            named = tuple(n for n in names if settings.bands is None or n in settings.bands) or names
            grid = scene_grid(ordered, named, files, aoi=aoi, resolution=settings.resolution)
        elif aoi is not None:
            raise ConfigError("a grid and an area of interest are both given", do="give one of them")
        else:
            _ = grid.resolution
        ordered = in_order(products, settings.composite, _latitude(grid))
        used = _that_reach(grid, ordered, files)
        _require_one_day(used, settings)
        work = _open(used, grid, files, stack, settings, dem)
        return _write(work, places, step, provenance, len(products) - len(used))


@dataclass(frozen=True)
class _Work:
    """Everything open that a scene is made of."""

    grid: Grid
    products: tuple[SourceProduct, ...]
    observers: tuple[Observer, ...]
    main_count: int
    """How many products are chosen from; those behind them fill stripes."""
    contents: Contents
    terrain: Mapping[str, tuple[tuple[Layer, Encoding], ...]]
    relief: ReliefReader | None
    dem: Dem | None
    settings: ReadySettings
    halo: int

    def chosen(self, window: Window) -> Chosen:
        """The observation of each pixel in a window."""
        around = window.grown(self.halo)
        main = self.observers[: self.main_count]
        chosen = choose((observer.observe(around) for observer in main), self.settings.composite)
        for number in range(self.main_count, len(self.observers)):
            if (chosen.rank == Rank.STRIPE).any():
                seen = self.observers[number].observe(around)
                fill(chosen, number, seen, self.contents.encodings, self.contents.tops)
        return chosen.cropped(self.halo)


def _require_usable(products: Sequence[SourceProduct]) -> None:
    if not products:
        raise ConfigError("there is no product to make a scene of", do="name one")
    twice = {product.id for product in products if [p.id for p in products].count(product.id) > 1}
    if twice:
        raise ConfigError(f"the same product is given twice: {' '.join(sorted(twice))}", do="name it once")
    require_alike(products)


def _that_reach(grid: Grid, products: Sequence[SourceProduct], files: Files) -> tuple[SourceProduct, ...]:
    reach = tuple(product for product in products if covers_something(grid, product, files))
    if not reach:
        raise GridError(
            f"no product reaches the wanted grid ({' '.join(product.id for product in products)})",
            do="choose another grid, or products that cover it",
        )
    return reach


def _require_one_day(products: Sequence[SourceProduct], settings: ReadySettings) -> None:
    days = sorted({product.date for product in products})
    if len(days) > 1 and settings.composite == Composite.SINGLE and not settings.fill_stripes:
        raise ConfigError(
            f"products of {len(days)} days: {' '.join(map(str, days))}",
            do="choose --composite least-cloud or minimum-snow, or --fill-stripes for Landsat 7, or give one day",
        )


def _latitude(grid: Grid) -> float:
    _, south, _, north = transform_bounds(grid.crs, CRS.from_epsg(4326), *grid.bounds)
    return float(south + north) / 2


def _open(
    products: tuple[SourceProduct, ...],
    grid: Grid,
    files: Files,
    stack: ExitStack,
    settings: ReadySettings,
    dem: Dem | None,
) -> _Work:
    is_dated = len({product.date for product in products}) > 1
    contents = plan(products, files, settings, has_dem=dem is not None, is_dated=is_dated)
    observers = tuple(Observer.of(p, contents.read, contents.encodings, grid, files, settings) for p in products)
    is_single = settings.composite == Composite.SINGLE
    main = [product for product in products if not is_single or product.date == products[0].date]
    encodings = {band.name: band.encoding for band in contents.out}
    terrain = {
        name: tuple(
            (files.layer(band, grid, settings.resampling, product.fill), _as_read(band))
            for product in products
            for band in product.bands
            if band.name == name
        )
        for name in contents.own_terrain
        if name in encodings
    }
    halo = settings.cloud_buffer
    if any(has_stripes(product) for product in products):
        halo += halo_for_stripes(30.0 / grid.resolution) + (MATCH if settings.fill_stripes else 0)
    relief = None if dem is None else stack.enter_context(open_relief(dem.path, grid))
    return _Work(grid, products, observers, len(main), contents, terrain, relief, dem, settings, halo)


def _as_read(band: SourceBand) -> Encoding:
    return Encoding("float32", band.scale, band.offset)


def _write(
    work: _Work, at: Places, step: Callable[[int, int], None], provenance: Mapping[str, Any], apart: int
) -> ReadyScene:
    with ExitStack() as stack:  # all take their places when the block ends: the flags first, never a scene without
        scene, item, manifest, flags = (
            stack.enter_context(replaced(path)) for path in (at.scene, at.item, at.manifest, at.flags)
        )
        tally = _write_pixels(work, scene, flags, step)
        lines = _lines(work, tally, apart)
        product = tally.main_product()
        _write_json(item, make_item(at.scene, at.flags, work.grid, work.contents.out, work.products, product))
        _write_json(manifest, _manifest(work, lines, provenance))
    return ReadyScene(
        *(at.scene, at.flags, at.item, at.manifest), grid=work.grid, bands=work.contents.names, lines=tuple(lines)
    )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_pixels(work: _Work, scene: Path, flags: Path, step: Callable[[int, int], None]) -> Tally:
    tally = Tally(len(work.products))
    windows = blocks(work.grid.shape)
    with open_writer(scene, flags, work.grid, work.contents.out) as writer:
        for done, window in enumerate(windows):
            step(done, len(windows))
            chosen = work.chosen(window)
            relief = None if work.relief is None else work.relief.read(window)
            own = _flags(work, chosen, relief)
            tally.add(chosen, own, None if relief is None else relief.elevation)
            writer.write(window, _stack(work, chosen, relief, window), own)
        if tally.by_product.sum() == 0:
            raise GridError(
                "no pixel of the products is known there"
                + (": all of it is flagged as cloud" if tally.masked else ""),
                where=work.products[0].id,
                do="see --cloud keep, or choose other products" if tally.masked else "choose another area",
            )
        writer.tag(_tags(work, tally))
    step(len(windows), len(windows))
    return tally


def _flags(work: _Work, chosen: Chosen, relief: Relief | None) -> NDArray[np.uint8]:
    """Flags of the chosen observations, and slopes turned away from the sun of each one's moment."""
    flags = chosen.flags.copy()
    if relief is None:
        return flags
    for number in np.unique(chosen.source[chosen.source >= 0]):
        sun = sun_of(work.products[number])
        if sun is not None:
            flags[(chosen.source == number) & relief.turned_away(sun)] |= np.uint8(Flag.TERRAIN_SHADOW)
    return flags


def _stack(work: _Work, chosen: Chosen, relief: Relief | None, window: Window) -> NDArray[np.generic]:
    """Every band of the scene in a window, as stored."""
    contents = work.contents
    unknown = chosen.rank >= Rank.MASKED
    read = dict(zip(contents.read, chosen.values, strict=True))
    for values, encoding in zip(chosen.values, contents.encodings, strict=True):
        values[unknown] = encoding.nodata
    measured = {n: e.decode(read[n]) for n, e in zip(contents.read, contents.encodings, strict=True) if _is_parent(n)}
    out = np.empty((len(contents.out), *window.shape), contents.dtype)
    for plane, band in zip(out, contents.out, strict=True):
        plane[:] = read[band.name] if band.name in read else _derived(work, band, chosen, measured, relief, window)
    return out


def _is_parent(name: str) -> bool:
    return any(name in parents for parents in INDICES.values())


def _derived(
    work: _Work,
    band: OutBand,
    chosen: Chosen,
    measured: Mapping[str, NDArray[np.float32]],
    relief: Relief | None,
    window: Window,
) -> NDArray[np.generic]:
    if band.name in INDICES:
        a, b = INDICES[band.name]
        return band.encoding.encode(normalised_difference(measured[a], measured[b]))
    if band.name == DAY:
        epoch = np.datetime64("1970-01-01")
        days = np.array([(np.datetime64(p.date) - epoch).astype(int) for p in work.products], np.float32)
        return band.encoding.encode(np.where(chosen.rank < Rank.MASKED, days[chosen.source], np.float32(np.nan)))
    if relief is not None:
        return band.encoding.encode(relief.elevation if band.name == "elevation" else relief.slope)
    values = np.full(window.shape, np.nan, np.float32)
    for layer, encoding in work.terrain[band.name]:
        stored = layer.read(window)
        found = encoding.decode(np.where(stored.known, stored.values.astype(np.float64), np.nan))
        values = np.where(np.isnan(values), found, values)
    return band.encoding.encode(values)


def _tags(work: _Work, tally: Tally) -> dict[str, str]:
    main = work.products[tally.main_product()]
    levels = {str(b.encoding.level) for b in work.contents.out if _kind(b) == Kind.OPTICAL}
    sun = sun_of(main)
    days = sorted({str(p.date) for p, count in zip(work.products, tally.by_product, strict=True) if count})
    tags = {
        "SENSOR": str(main.sensor),
        "DATE": str(main.date),
        "DATES": " ".join(days),
        "PRODUCT_ID": main.id,
        "PRODUCT_IDS": " ".join(product.id for product in work.products),
        "LEVEL": levels.pop() if len(levels) == 1 else str(Level.UNKNOWN),
        "COMPOSITE": str(work.settings.composite),
        "FIRNLINE_VERSION": __version__,
        **{
            key.upper(): str(main.metadata[key])
            for key in ("processing_baseline", "collection")
            if key in main.metadata
        },
    }
    if sun is not None:
        tags |= {"SUN_AZIMUTH": str(sun[0]), "SUN_ELEVATION": str(sun[1])}
    if work.dem is not None:
        tags |= {"DEM_NAME": work.dem.name or work.dem.path.name, "DEM_DATE": work.dem.date or "not known"}
    return tags


def _kind(band: OutBand) -> Kind:
    return BANDS[band.name].kind if band.name in BANDS else Kind.OTHER


def _lines(work: _Work, tally: Tally, apart: int) -> list[str]:
    grid = work.grid
    left, _, _, top = grid.bounds
    lines = [
        f"grid: {grid.crs.to_string()}, {grid.shape[0]} x {grid.shape[1]} pixels of {grid.transform.a:g} m,"
        f" corner {left:.10g} {top:.10g}"
    ]
    if apart:
        lines.append(f"left out, as they do not reach it: {apart} of the products")
    if work.contents.left_out:
        lines.append(f"bands left out, as not every product has them: {' '.join(work.contents.left_out)}")
    lines += [f"{product.id}: {note}" for product in work.products for note in product.notes]
    lines += _method_lines(work)
    return lines + tally.lines(work.products, work.settings, grid.pixel_area_km2, has_dem=work.relief is not None)


def _method_lines(work: _Work) -> list[str]:
    lines = []
    for observer in work.observers:
        by_method: dict[str, list[str]] = {}
        for band, layer in zip(observer.bands, observer.layers, strict=True):
            crs = "" if layer.source.crs == work.grid.crs else f" from {layer.source.crs.to_string()}"
            how = (
                "copied pixel by pixel"
                if layer.method == "copied"
                else (f"resampled ({layer.method}) from {layer.source.transform.a:g} m{crs}")
            )
            by_method.setdefault(how, []).append(band.name)
        lines += [f"{observer.product.id}: {' '.join(names)}: {how}" for how, names in by_method.items()]
    return lines


def _manifest(work: _Work, lines: Sequence[str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    methods = {o.product.id: tuple(layer.method for layer in o.layers) for o in work.observers}
    return make_manifest(work.products, work.contents, work.grid, work.settings, work.dem, methods, lines, provenance)
