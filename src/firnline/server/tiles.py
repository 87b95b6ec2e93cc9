"""Picture tiles of scenes, for browsers without WebGL: read on the scene's own grid, coloured by rio-tiler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.features import normalised_difference
from firnline.grid import Window
from firnline.scene import Scene, SceneReader, open_scene
from firnline.server.cogs import image_of, state_of
from firnline.server.images import opened
from firnline.server.kept import Kept
from firnline.server.problems import Problem
from firnline.server.project import DRIVER, Project, SceneEntry
from firnline.server.recipes import Recipe
from firnline.server.scene_facts import ranges_of
from firnline.server.terrain_image import terrain_of
from firnline.server.tile_grid import TILE, Bounds, TileGrid

Limits = tuple[tuple[float, float], ...]
_COLOURS: Final = {"thermal": "inferno", "slope": "gray_r", "hillshade": "gray"}
_INDEX_COLOURS: Final = "viridis"
"""Ramps that rise in lightness: colour-blind people read them too."""

_tiles: Kept[tuple[object, ...], bytes] = Kept(64_000_000, len)


def tile_key(
    entry: SceneEntry, recipe: Recipe, limits: Limits | None, place: tuple[int, int, int]
) -> tuple[object, ...]:
    """What a tile depends on."""
    return str(entry.path), state_of(entry), recipe.id, limits, place


def tile_png(
    project: Project, entry: SceneEntry, recipe: Recipe, limits: Limits | None, place: tuple[int, int, int]
) -> bytes:
    """A tile of 256 x 256 pixels as PNG, transparent where anything it is made of is unknown.

    Parameters
    ----------
    project, entry
        The scene.
    recipe
        What to show.
    limits
        What becomes the darkest and the lightest, a pair for each band of a recipe of three, one pair for others:
        stored numbers, of an index its own. The recipe's, or the bands' percentiles, without them.
    place
        (z, x, y) in `TileGrid.down_to` the scene's resolution.

    Raises
    ------
    NotFound
        When there is no such tile, or no heights for a shaded recipe.
    SceneError
        When the scene is damaged.
    """
    grid = TileGrid.down_to(entry.scene.resolution)
    bounds, resolution = grid.bounds(*place), grid.resolutions[place[0]]

    def make() -> bytes:
        with _reader_of(project, entry, recipe) as reader:
            values = read_tile(reader, recipe.bands, bounds, resolution)
        if recipe.expression is not None:
            values = normalised_difference(values[0], values[1])[np.newaxis]
        return _png(values, _ends(entry, recipe, limits), recipe)

    return _tiles.get(tile_key(entry, recipe, limits, place), make)


@contextmanager
def _reader_of(project: Project, entry: SceneEntry, recipe: Recipe) -> Iterator[SceneReader]:
    if recipe.kind == "shade":
        terrain = open_scene(terrain_of(project, entry), driver=DRIVER)
        with terrain.reader() as reader:
            yield reader
        return
    with opened(image_of(project, entry)) as dataset:  # same bands, and it has overviews
        yield SceneReader(entry.scene, dataset)


def read_tile(reader: SceneReader, names: Sequence[str], bounds: Bounds, resolution: float) -> NDArray[np.float32]:
    """Values of bands at the centres of a tile's pixels, nearest neighbours in the scene's grid or its overviews.

    Returns
    -------
    float32 (band, 256, 256) in each band's unit, NaN where unknown and outside of the scene.
    """
    tile = np.full((len(names), TILE, TILE), np.nan, np.float32)
    transform, shape = reader.scene.grid.transform, reader.scene.grid.shape
    steps = (np.arange(TILE) + 0.5) * resolution
    rows = (transform.f - (bounds[3] - steps)) / -transform.e
    columns = (bounds[0] + steps - transform.c) / transform.a
    is_row, is_column = (rows >= 0) & (rows < shape[0]), (columns >= 0) & (columns < shape[1])
    if not (is_row.any() and is_column.any()):
        return tile
    thin = max(1, int(resolution / max(transform.a, -transform.e) + 1e-9))
    row, height = _span(rows[is_row], shape[0], thin)
    column, width = _span(columns[is_column], shape[1], thin)
    thinned = (ceil(height / thin), ceil(width / thin))
    values = reader.read(names, Window(row, column, height, width), thinned)
    at_rows = ((rows[is_row] - row) * thinned[0] / height).astype(int)
    at_columns = ((columns[is_column] - column) * thinned[1] / width).astype(int)
    where = np.ix_(np.arange(len(names)), is_row, is_column)
    tile[where] = values[:, at_rows[:, None], at_columns]
    return tile


def _span(places: NDArray[np.floating], size: int, thin: int) -> tuple[int, int]:
    """(first pixel, how many) that cover the places, from edge to edge of thinned pixels."""
    first = int(places.min()) // thin * thin
    stop = min(size, (int(places.max()) // thin + 1) * thin)
    return first, stop - first


def _ends(entry: SceneEntry, recipe: Recipe, limits: Limits | None) -> Limits:
    """The values that become darkest and lightest, in each band's unit."""
    if recipe.low is not None and recipe.high is not None:
        return limits or ((recipe.low, recipe.high),)
    if limits is None:
        ranges = (ranges_of(entry)[name] for name in recipe.bands)
        limits = tuple((low, high) if low is not None and high is not None else (0.0, 1.0) for low, high in ranges)
    if len(limits) == 1:
        limits *= len(recipe.bands)
    return tuple(_in_units(entry.scene, name, ends) for name, ends in zip(recipe.bands, limits, strict=True))


def _in_units(scene: Scene, name: str, ends: tuple[float, float]) -> tuple[float, float]:
    band = scene.band(name)
    low, high = sorted(end * band.scale + band.offset for end in ends)
    return low, high


def parse_limits(low: str | None, high: str | None, recipe: Recipe) -> Limits | None:
    """Limits from a query: one number, or one for each band with commas between them; None where none are given.

    Raises
    ------
    Problem
        When they are no such numbers, or the low end is not below the high one.
    """
    if low is None and high is None:
        return None
    ends = [_numbers(text) for text in (low, high)]
    count = len(recipe.bands) if recipe.kind == "rgb" else 1
    pairs = tuple(zip(*ends, strict=False))
    if len(ends[0]) != len(ends[1]) or len(pairs) not in (1, count) or not all(a < b for a, b in pairs):
        said = "one number each" if count == 1 else f"one number each, or {count} with commas between them"
        raise Problem(422, f"low and high are {said}, and low is below high")
    return pairs


def _numbers(text: str | None) -> list[float]:
    try:
        numbers = [float(part) for part in (text or "").split(",")]
    except ValueError:
        return []
    return numbers if np.isfinite(numbers).all() else []


def _png(values: NDArray[np.float32], ends: Limits, recipe: Recipe) -> bytes:
    from rio_tiler.colormap import cmap  # seconds to import, and most browsers never need it
    from rio_tiler.models import ImageData

    is_unknown = np.isnan(values).any(axis=0)
    known = np.ma.MaskedArray(np.where(is_unknown, np.float32(0), values), np.broadcast_to(is_unknown, values.shape))
    image = ImageData(known)
    image.rescale(in_range=tuple((low, high if high > low else low + 1.0) for low, high in ends))
    if recipe.kind != "rgb":
        image = image.apply_colormap(cmap.get(_COLOURS.get(recipe.id, _INDEX_COLOURS)))
    return bytes(image.render(img_format="PNG", zlevel=1))
