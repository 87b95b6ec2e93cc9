"""Vector tiles of a layer's outlines: clipped, thinned to the tile's pixels, written as Mapbox Vector Tiles 2.1.

The library mapbox_vector_tile writes rings point by point in Python, 9 ms for a tile of 50 outlines and 0.6 s for one
of 20,000; here NumPy makes the commands of all rings at once, and the library's messages hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.server.kept import Kept
from firnline.server.store.outlines import Outlines
from firnline.server.store.store import Store
from firnline.server.tile_grid import Bounds, TileGrid

LAYER: Final = "outlines"
EXTENT: Final = 4096
"""Steps on a side of a tile."""
BUFFER: Final = 64
"""Steps that are drawn beyond a tile, so that lines along its edge are whole."""
_SMALLEST: Final = 0.5
"""Pixels on the longer side, below which an outline is left out."""
_TOLERANCE: Final = 0.2
"""Pixels of the tolerance of Douglas and Peucker; where GEOS leaves out the point at which a ring begins, an outline
moves by up to twice as much."""
_MOVE_TO, _LINE_TO, _CLOSE, _POLYGON = 9, 2, 15, 3  # of the specification, 4.3.3 and 4.3.4

_tiles: Kept[tuple[object, ...], bytes] = Kept(64_000_000, len)
_revisions: Kept[tuple[object, ...], int] = Kept(20_000)


def tile_revision(store: Store, layer_id: str, revision: int, grid: TileGrid, place: tuple[int, int, int]) -> int:
    """The revision since which a tile is as it is: corrections elsewhere leave it valid.

    Raises
    ------
    NotFound
        When the grid has no such tile.
    """
    box = _box_of(grid.bounds(*place))
    key = (str(store.database.path), layer_id, revision, place)
    return _revisions.get(key, lambda: store.last_change(layer_id, box, revision))


def tile_mvt(store: Store, layer_id: str, revision: int, grid: TileGrid, place: tuple[int, int, int]) -> bytes:
    """A vector tile of a layer at its `tile_revision`, kept in memory once it is made."""
    bounds, resolution = grid.bounds(*place), grid.resolutions[place[0]]

    def make() -> bytes:
        found = store.outlines(layer_id, _box_of(bounds), revision, _SMALLEST * resolution)
        return encode(found, bounds, resolution)

    return _tiles.get((str(store.database.path), layer_id, revision, place), make)


def _box_of(bounds: Bounds) -> Bounds:
    """What is drawn: the tile and its buffer."""
    rim = BUFFER / EXTENT * (bounds[2] - bounds[0])
    return bounds[0] - rim, bounds[1] - rim, bounds[2] + rim, bounds[3] + rim


def encode(outlines: Outlines, bounds: Bounds, resolution: float) -> bytes:
    """Outlines as the layer ``outlines`` of a vector tile, with properties id, class and (where known) glacier.

    Parameters
    ----------
    outlines
        Of the tile and its surroundings; what is smaller than half a pixel is left out.
    bounds
        Of the tile: (left, bottom, right, top) in their CRS.
    resolution
        Metres a pixel, 256 pixels a tile.

    Examples
    --------
    >>> import mapbox_vector_tile
    >>> ice = Outlines(["0a"], [2], [None], np.array([shapely.box(100, 200, 300, 400)]))
    >>> written = encode(ice, (0, 0, 1024, 1024), 4.0)
    >>> tile = mapbox_vector_tile.decode(written, default_options={"y_coord_down": True})  # it turns them up else
    >>> (found,) = tile["outlines"]["features"]
    >>> found["properties"], found["geometry"]["coordinates"]
    ({'id': '0a', 'class': 2}, [[[1200, 3296], [400, 3296], [400, 2496], [1200, 2496], [1200, 3296]]])
    """
    parts, of_outline = _parts(outlines.shapes, bounds, resolution)
    return _written(outlines, _rings(parts, of_outline, bounds))


def _parts(shapes: NDArray[Any], bounds: Bounds, resolution: float) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Polygons of the tile, outer rings clockwise as seen on the map, and which shape each is of."""
    sides = shapely.bounds(shapes).reshape(-1, 4)
    which = np.flatnonzero(np.maximum(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]) >= _SMALLEST * resolution)
    shapes, sides = shapes[which], sides[which]
    box = _box_of(bounds)
    leaves = (sides[:, :2] < box[:2]).any(axis=1) | (sides[:, 2:] > box[2:]).any(axis=1)
    shapes[leaves] = shapely.clip_by_rect(shapes[leaves], *box)
    # Without `preserve_topology`, ten times as fast: GEOS mends a polygon that meets itself, and what is left of
    # neighbours' common edges is apart by less than half a pixel.
    shapes = shapely.simplify(shapes, _TOLERANCE * resolution, preserve_topology=False)
    for _ in range(2):  # a collection of multipolygons
        shapes, at = shapely.get_parts(shapes, return_index=True)
        which = which[at]
    is_polygon = (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(shapes)
    return shapely.orient_polygons(shapes[is_polygon], exterior_cw=True), which[is_polygon]


@dataclass(frozen=True)
class _Rings:
    """Rings of a tile in the order of their outlines: points (n, 2) in steps, y downwards, without the closing one.

    `counts` and `of_outline` are by ring.
    """

    points: NDArray[np.int64]
    counts: NDArray[np.int64]
    of_outline: NDArray[np.intp]

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first point of each ring."""
        return np.cumsum(self.counts) - self.counts

    def only(self, keep: NDArray[np.bool_]) -> _Rings:
        """Those of the rings."""
        return _Rings(self.points[np.repeat(keep, self.counts)], self.counts[keep], self.of_outline[keep])


def _rings(parts: NDArray[Any], of_outline: NDArray[np.intp], bounds: Bounds) -> _Rings:
    """Rings on the tile's steps; those that are nothing there are left out, holes of such an outer ring too."""
    rings, of_part = shapely.get_rings(parts, return_index=True)
    where, of_ring = shapely.get_coordinates(rings, return_index=True)
    step = (bounds[2] - bounds[0]) / EXTENT
    points = np.rint((where - (bounds[0], bounds[3])) / (step, -step)).astype(np.int64)
    is_new = np.diff(of_ring, prepend=-1) != 0
    is_new[1:] |= (np.diff(points, axis=0) != 0).any(axis=1)
    points, of_ring = points[is_new], of_ring[is_new]
    is_open = np.diff(of_ring, append=-1) == 0  # the last point of each ring is its first once more
    counts = np.bincount(of_ring[is_open], minlength=len(rings))
    found = _Rings(points[is_open], counts, of_outline[of_part])
    is_outer = np.diff(of_part, prepend=-1) != 0
    area = _doubled_areas(found)
    is_area = np.where(is_outer, area > 0, area < 0)
    has_outer = is_area[np.flatnonzero(is_outer)][np.cumsum(is_outer) - 1] if len(rings) else is_area
    return found.only(is_area & has_outer)


def _doubled_areas(rings: _Rings) -> NDArray[np.int64]:
    """Twice the signed area of each ring, positive where it runs clockwise as seen (the specification, 4.3.4.4)."""
    following = np.arange(1, len(rings.points) + 1)
    filled = rings.counts > 0
    following[(rings.starts + rings.counts - 1)[filled]] = rings.starts[filled]
    (x, y), (x_next, y_next) = rings.points.T, rings.points[following].T
    of_ring = np.repeat(np.arange(len(rings.counts)), rings.counts)
    sums = np.bincount(of_ring, x * y_next - x_next * y, minlength=len(rings.counts))
    return np.rint(sums).astype(np.int64)


def _commands(rings: _Rings) -> tuple[list[int], NDArray[np.int64]]:
    """The commands of all rings one after the other, and where those of each ring begin."""
    is_first = np.zeros(len(rings.points), bool)
    is_first[rings.starts] = True
    steps = np.diff(rings.points, axis=0, prepend=0)
    begins = rings.starts[np.diff(rings.of_outline, prepend=-1) != 0]
    steps[begins] = rings.points[begins]  # the cursor of a feature begins in the corner
    zigzag = (steps << 1) ^ (steps >> 63)
    lengths = 2 * rings.counts + 3
    offsets = np.cumsum(lengths) - lengths
    said = np.empty(int(lengths.sum()), np.int64)
    said[offsets] = _MOVE_TO
    said[offsets + 3] = (rings.counts - 1) << 3 | _LINE_TO
    said[offsets + lengths - 1] = _CLOSE
    number = np.arange(len(rings.points)) - np.repeat(rings.starts, rings.counts)
    at = np.repeat(offsets, rings.counts) + 1 + 2 * number + ~is_first
    said[at], said[at + 1] = zigzag.T
    return said.tolist(), offsets


def _written(outlines: Outlines, rings: _Rings) -> bytes:
    from mapbox_vector_tile.Mapbox import vector_tile_pb2

    tile = vector_tile_pb2.tile()
    layer = tile.layers.add(name=LAYER, version=2, extent=EXTENT)
    layer.keys.extend(("id", "class", "glacier"))
    values: dict[str | int, int] = {}

    def number_of(value: str | int) -> int:
        if value not in values:
            values[value] = len(values)
            layer.values.add(**({"int_value": value} if isinstance(value, int) else {"string_value": value}))
        return values[value]

    commands, offsets = _commands(rings)
    firsts = np.flatnonzero(np.diff(rings.of_outline, prepend=-1))
    begins = [*offsets[firsts].tolist(), len(commands)]
    for first, begin, end in zip(firsts.tolist(), begins, begins[1:], strict=False):
        index = rings.of_outline[first]
        tags = [0, number_of(outlines.ids[index]), 1, number_of(outlines.classes[index])]
        glacier = outlines.glaciers[index]
        if glacier is not None:
            tags += [2, number_of(glacier)]
        layer.features.add(type=_POLYGON, tags=tags, geometry=commands[begin:end])
    return bytes(tile.SerializeToString())
