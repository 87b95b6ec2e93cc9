"""Writes a whole synthetic range, tile by tile."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from firnline.classes import SCHEME_TAG, UNKNOWN, LabelScheme
from firnline.errors import ConfigError, OutputError
from firnline.grid import Grid
from firnline.synthetic.look import look_down
from firnline.synthetic.noise import Indices
from firnline.synthetic.sensor import HALO, PRODUCTS, Product, record
from firnline.synthetic.surface import Surface, lay_ground
from firnline.synthetic.truth import classes_of, draw, mapped_region, outlines_of, write_vectors
from firnline.synthetic.world import Sun, World, make_world

TILE = 256
SMALLEST, LARGEST = 64, 20_000
SHADOW_FLAG, CLOUD_FLAG = 128, 64
"""Added to the surface of a pixel that lies in shadow, or under cloud, in ``surfaces.tif``."""

_SIDECAR = """\
# The quirks of the paper's published scenes: NDSI has its sign flipped, and what it calls NDWI is Gao's (NDMI).
sensor: landsat7
date: {date}
level: digital number
bands:
  ndsi: {{name: ndsi, scale: -1}}
  ndwi: {{name: ndmi}}
note: a synthetic range (seed {seed}); scores on it say nothing about quality
"""


@dataclass(frozen=True)
class SyntheticRange:
    """Where a synthetic range was written, and what it was made with; `sidecar` is None where none is needed."""

    scene: Path
    classes: Path
    outlines: Path
    border: Path
    surfaces: Path
    sidecar: Path | None
    seed: int
    sensor: str
    width: int
    height: int


def make_range(
    out_dir: Path,
    *,
    width: int = 512,
    height: int = 512,
    seed: int = 0,
    sensor: str = "landsat7",
    progress: Callable[[float], None] | None = None,
) -> SyntheticRange:
    """Make a mountain range with glaciers whose truth is known; what is modelled on what: docs/synthetic.md.

    Memory holds a coarse world of at most about 1000 x 1000 cells, one tile, and uint8 class rasters of the scene.
    The same arguments give the same pixels. Scores on synthetic data say nothing about quality on real scenes.

    Parameters
    ----------
    out_dir
        Folder for ``scene.tif``, ``classes.tif``, ``outlines.gpkg``, ``border.gpkg`` and ``surfaces.tif``; made
        where it does not exist. Files of these names in it are replaced.
    width, height
        Size in pixels of 30 m (Landsat) or 10 m (Sentinel-2), 64 to 20000.
    seed
        Any whole number from 0.
    sensor
        ``landsat7`` (the paper's 15 bands), ``landsat8`` or ``sentinel2``.
    progress
        Called with the share that is done, 0 to 1.

    Raises
    ------
    ConfigError
        When a size, the seed or the sensor makes no sense.
    OutputError
        When the files cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_range(Path(folder), width=64, height=64, seed=1)
    ...     with rasterio.open(made.scene) as scene:
    ...         scene.count, scene.descriptions[11], scene.tags()["SYNTHETIC"]
    (15, 'ndsi', 'true')
    """
    product = _checked(width, height, seed, sensor)
    out_dir = Path(out_dir)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".synth-", dir=out_dir))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot be written to: {reason}", where=out_dir, do="name another folder") from None
    try:
        names = _write(part, product, width, height, seed, progress or (lambda share: None))
        for name in names:
            (part / name).replace(out_dir / name)
    except (OSError, rasterio.errors.RasterioError) as error:
        raise OutputError(f"could not be written: {error}", where=out_dir, do="is the disk full?") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    paths = {Path(name).name.split(".")[0]: out_dir / name for name in names if not name.endswith(".yaml")}
    sidecar = next((out_dir / name for name in names if name.endswith(".yaml")), None)
    return SyntheticRange(**paths, sidecar=sidecar, seed=seed, sensor=sensor, width=width, height=height)


def _checked(width: int, height: int, seed: int, sensor: str) -> Product:
    for name, size in (("width", width), ("height", height)):
        if not SMALLEST <= size <= LARGEST:
            raise ConfigError(f"a {name} of {size} pixels", do=f"choose {SMALLEST} to {LARGEST}")
    if not 0 <= seed < 2**31:
        raise ConfigError(f"a seed of {seed}", do="choose a whole number from 0 to 2147483647")
    if sensor not in PRODUCTS:
        raise ConfigError(f"there is no synthetic '{sensor}'", do=f"choose one of {', '.join(PRODUCTS)}")
    return PRODUCTS[sensor]


def _write(
    part: Path, product: Product, width: int, height: int, seed: int, progress: Callable[[float], None]
) -> list[str]:
    rng = np.random.default_rng([seed, 2])
    # Both pass at about 10:15; at 28 N in late October the sun then stands in the south-east, 40 to 46 degrees high.
    sun = Sun(float(rng.uniform(145, 157)), float(rng.uniform(40, 46)))
    world = make_world(seed, width, height, product.resolution, sun)
    progress(0.1)
    grid = _place(rng, product, width, height)
    classes = np.zeros(grid.shape, np.uint8)
    tags = {**_tags(product, seed), "SUN_AZIMUTH": f"{sun.azimuth:.2f}", "SUN_ELEVATION": f"{sun.height:.2f}"}
    stored_as = _profile(grid, product.dtype, len(product.bands), product.nodata)
    with (
        rasterio.open(part / "scene.tif", "w", **stored_as) as scene,
        rasterio.open(part / "surfaces.tif", "w", **_profile(grid, "uint8", 1, UNKNOWN)) as surfaces,
    ):
        scene.descriptions, scene.scales, scene.offsets = product.bands, product.scales, product.offsets
        scene.update_tags(**tags)
        surfaces.set_band_description(1, "surface")
        flags_say = f"+ {SHADOW_FLAG} in shadow, + {CLOUD_FLAG} under cloud"
        kinds = {str(int(kind)): kind.name.lower().replace("_", " ") for kind in Surface}
        surfaces.update_tags(**kinds, FLAGS=flags_say, **tags)
        tiles = list(_tiles(height, width))
        for done, (rows, columns) in enumerate(tiles, start=1):
            stored, kind, flags = _tile(product, world, rows, columns)
            window = Window(int(columns[0]), int(rows[0]), columns.size, rows.size)
            scene.write(stored.astype(product.dtype), window=window)
            surfaces.write(kind | flags, 1, window=window)
            classes[window.toslices()] = classes_of(kind)
            progress(0.1 + 0.8 * done / len(tiles))
    _write_truth(part, grid, classes, seed, tags)
    progress(1.0)
    names = ["scene.tif", "classes.tif", "outlines.gpkg", "border.gpkg", "surfaces.tif"]
    if product.sensor == "landsat7":
        sidecar = _SIDECAR.format(date=product.date, seed=seed)
        (part / "scene.firnline.yaml").write_text(sidecar, encoding="utf-8")
        names.append("scene.firnline.yaml")
    return names


def _tile(product: Product, world: World, rows: Indices, columns: Indices) -> tuple[Any, Any, Any]:
    """Stored numbers (bands, rows, columns), and uint8 (rows, columns): the surface, and its flags."""
    wide_rows = np.arange(rows[0] - HALO, rows[-1] + 1 + HALO)
    wide_columns = np.arange(columns[0] - HALO, columns[-1] + 1 + HALO)
    ground = lay_ground(world, wide_rows, wide_columns)
    view = look_down(world, ground, wide_rows, wide_columns, air=product.sensor == "landsat7")
    stored = record(product, world, view, ground.elevation, rows, columns)
    core = (slice(HALO, -HALO), slice(HALO, -HALO))
    flags = SHADOW_FLAG * (ground.shadow[core] > 0.5) + CLOUD_FLAG * (view.cloud[core] > 0.03)
    return stored, ground.kind[core], flags.astype(np.uint8)


def _tiles(height: int, width: int) -> Iterator[tuple[Indices, Indices]]:
    """Pixel rows and columns of each tile; tiles start at the scene's origin, as the blocks of the file do."""
    for row in range(0, height, TILE):
        for column in range(0, width, TILE):
            yield np.arange(row, min(row + TILE, height)), np.arange(column, min(column + TILE, width))


def _place(rng: np.random.Generator, product: Product, width: int, height: int) -> Grid:
    """Somewhere in the Himalaya, in UTM zone 45 N; Landsat's pixel corners lie at 15 m modulo 30."""
    step = product.resolution
    west, north = 430_000 + 30 * int(rng.integers(0, 1500)), 3_090_000 + 30 * int(rng.integers(0, 1500))
    shift = 15 if step == 30 else 0
    return Grid(CRS.from_epsg(32645), Affine(step, 0, west + shift, 0, -step, north + shift), (height, width))


def _profile(grid: Grid, dtype: str, count: int, nodata: float) -> dict[str, Any]:
    rows, columns = grid.shape
    tiled = {"tiled": True, "blockxsize": TILE, "blockysize": TILE}
    packed = {"compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer", "interleave": "pixel"}
    where = {"height": rows, "width": columns, "crs": grid.crs, "transform": grid.transform}
    return {"driver": "GTiff", "dtype": dtype, "count": count, "nodata": nodata, **where, **tiled, **packed}


def _tags(product: Product, seed: int) -> dict[str, str]:
    level, sensor = str(product.level), str(product.sensor)
    return {"SENSOR": sensor, "DATE": product.date, "LEVEL": level, "SYNTHETIC": "true", "SEED": str(seed)}


def _write_truth(part: Path, grid: Grid, classes: Any, seed: int, tags: dict[str, str]) -> None:
    region = mapped_region(seed, grid)
    drawn = draw(classes, grid, region)
    with rasterio.open(part / "classes.tif", "w", **_profile(grid, "uint8", 1, UNKNOWN)) as truth:
        truth.write(drawn, 1)
        truth.set_band_description(1, "class")
        truth.update_tags(**{SCHEME_TAG: str(LabelScheme.CLASS)}, **tags)
    write_vectors(outlines_of(drawn, grid), part / "outlines.gpkg", region, part / "border.gpkg")
