"""Where the chips of a table lie on the ground: which share pixels, which are near each other, and how far apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from typing import Final, Self

import geopandas
import numpy as np
import pandas
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from firnline.errors import ConfigError

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

TOLERANCE: Final = 1e-3
"""Edges within this share of a pixel are the same edge: products are written with origins that differ in the
last digits."""

_STRETCH: Final = 1.05
"""Distances on the common plane are off by less than this factor within 3,500 km of its centre (azimuthal
equal-area: 1 / cos(c / 2) at the angle c; Snyder 1987, p. 187). It widens searches, and measures nothing."""

_STEPS: Final = 8
"""Points an outline's side is cut into before it is projected: the straight edge of a chip of 15 km bends by
some 3 m in the next UTM zone, by a sixty-fourth of it between two such points."""

_LOT: Final = 10_000
"""So many places are looked up at a time, which bounds the memory that their pairs take."""

_GEOD: Final = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True)
class Pairs:
    """Pairs of places (first < second) that share pixels or touch, and the ground they share, km2 (0: touching)."""

    first: Indices
    second: Indices
    km2: Numbers


@dataclass(frozen=True)
class Places:
    """The distinct footprints of a table's chips: chips of several dates over one window are at one place.

    Two places in one CRS are compared by their edges in it. Two in different CRSs (UTM zones) are compared on an
    equal-area plane around the table, with edges cut into short pieces; distances between them are geodesic.

    Attributes
    ----------
    bounds
        (places, 4): left, bottom, right, top in the place's CRS, m.
    crs
        Index into `crs_names`, by place.
    pixel
        Side of a pixel, m, by place.
    of_chip
        The place of each chip, in the order of the table.
    """

    bounds: Numbers
    crs: Indices
    crs_names: tuple[str, ...]
    pixel: Numbers
    of_chip: Indices

    @classmethod
    def of(cls, frame: geopandas.GeoDataFrame) -> Self:
        """The places of a table's rows.

        Raises
        ------
        ConfigError
            When an edge is not a number, edges are the wrong way round, or a CRS is not projected in metres.
        """
        bounds = frame[["left", "bottom", "right", "top"]].to_numpy(dtype=np.float64)
        sizes = frame[["width", "height"]].to_numpy(dtype=np.float64)
        extent = bounds[:, 2:] - bounds[:, :2]
        bad = ~(np.isfinite(bounds).all(axis=1) & (extent > 0).all(axis=1) & (sizes > 0).all(axis=1))
        pixel = frame["pixel"].to_numpy(dtype=np.float64)
        bad |= ~(pixel > 0)
        if bad.any():
            raise ConfigError(
                "has no footprint: its edges or its size make no sense",
                where=f"chip {frame['id'].iloc[int(np.argmax(bad))]}",
                do="make the table again with firnline chips make",
            )
        codes, names = frame["crs"].astype(object).factorize(sort=True)
        if (codes < 0).any():
            raise ConfigError("has no CRS", where=f"chip {frame['id'].iloc[int(np.argmax(codes < 0))]}")
        for name in names:
            _require_metres(str(name))
        keys = pandas.DataFrame(np.column_stack([codes, np.round(bounds, 3)]))
        of_chip = np.asarray(keys.groupby(list(keys.columns), sort=False).ngroup(), dtype=np.intp)
        first = np.flatnonzero(~keys.duplicated())  # groups are numbered as they come
        return cls(bounds[first], codes[first].astype(np.intp), tuple(map(str, names)), pixel[first], of_chip)

    def __len__(self) -> int:
        return len(self.bounds)

    @cached_property
    def boxes(self) -> NDArray[np.object_]:
        """The outlines, each in its own CRS."""
        return np.asarray(shapely.box(*self.bounds.T), dtype=object)

    @cached_property
    def centres(self) -> Numbers:
        """(places, 2): the centres on the common plane, m."""
        middle = (self.bounds[:, :2] + self.bounds[:, 2:]) / 2
        return self._projected(middle, self.crs)

    @cached_property
    def plane(self) -> pyproj.CRS:
        """The common plane: the CRS itself where the table has one, else azimuthal equal-area around its middle.

        The middle is rounded to whole degrees, so that a few chips more or less do not move the plane.
        """
        if len(self.crs_names) == 1:
            return pyproj.CRS(self.crs_names[0])
        lon, lat = np.concatenate([self._lonlat_middle(code) for code in range(len(self.crs_names))]).mean(axis=0)
        text = f"+proj=laea +lat_0={round(float(lat))} +lon_0={round(float(lon))} +datum=WGS84 +units=m"
        return pyproj.CRS(text)

    def _lonlat_middle(self, code: int) -> Numbers:
        """(1, 2): longitude and latitude of the middle of what lies in one CRS."""
        own = self.bounds[self.crs == code]
        x, y = (own[:, 0].min() + own[:, 2].max()) / 2, (own[:, 1].min() + own[:, 3].max()) / 2
        return np.array([_transformer(self.crs_names[code], pyproj.CRS(4326)).transform(x, y)])

    def _projected(self, points: Numbers, codes: Indices, target: pyproj.CRS | None = None) -> Numbers:
        """Points in the CRS that `codes` name to a target, the common plane by default."""
        target = target or self.plane
        projected = np.empty_like(points)
        for code in np.unique(codes):
            here = codes == code
            if pyproj.CRS(self.crs_names[code]) == target:
                projected[here] = points[here]
                continue
            x, y = _transformer(self.crs_names[code], target).transform(points[here, 0], points[here, 1])
            projected[here] = np.column_stack([x, y])
        return projected

    @cached_property
    def reach(self) -> Numbers:
        """Half of each place's diagonal, m, a little widened: no point of it is farther from its centre."""
        width, height = (self.bounds[:, 2:] - self.bounds[:, :2]).T
        return np.asarray(np.hypot(width, height) / 2 * _STRETCH, dtype=np.float64)

    @cached_property
    def _around(self) -> tuple[Numbers, Numbers]:
        """Squares on the common plane that hold each place: (places, 2) lower left and upper right corners."""
        return self.centres - self.reach[:, None], self.centres + self.reach[:, None]

    def outlines(
        self, places: Indices, target: pyproj.CRS | None = None, drawn_in: float = 0.0
    ) -> NDArray[np.object_]:
        """The outlines of some places on the common plane or in a target CRS, drawn in by a share of a pixel."""
        along = np.arange(_STEPS) / _STEPS
        x = np.concatenate([along, np.ones(_STEPS), 1 - along, np.zeros(_STEPS)])
        y = np.concatenate([np.zeros(_STEPS), along, np.ones(_STEPS), 1 - along])
        slack = drawn_in * self.pixel[places]
        inner = self.bounds[places] + np.stack([slack, slack, -slack, -slack], axis=-1)
        left, bottom, right, top = (side[:, None] for side in inner.T)
        points = np.stack([left + x * (right - left), bottom + y * (top - bottom)], axis=-1)
        codes = np.repeat(self.crs[places], points.shape[1])
        rings = self._projected(points.reshape(-1, 2), codes, target).reshape(points.shape)
        return np.asarray(shapely.polygons(rings), dtype=object)

    def in_crs(self, code: int, among: Indices | None = None) -> Indices:
        """The places (of those in `among`) that lie in one CRS."""
        if among is None:
            return np.flatnonzero(self.crs == code)
        return np.asarray(among[self.crs[among] == code], dtype=np.intp)

    @cached_property
    def adjacent(self) -> Pairs:
        """Every pair of places that share pixels or touch."""
        parts = [self._adjacent_within(code) for code in range(len(self.crs_names))]
        parts += [self._adjacent_across(a, b) for a, b in combinations(range(len(self.crs_names)), 2)]
        if not parts:
            return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
        first, second, km2 = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Pairs(np.minimum(first, second), np.maximum(first, second), km2)

    def _adjacent_within(self, code: int) -> tuple[Indices, Indices, Numbers]:
        here = self.in_crs(code)
        grown = self._grown(here, TOLERANCE * self.pixel[here])
        one, other = shapely.STRtree(grown).query(grown)
        one, other = here[one[one < other]], here[other[one < other]]
        low = np.maximum(self.bounds[one, :2], self.bounds[other, :2])
        sides = np.minimum(self.bounds[one, 2:], self.bounds[other, 2:]) - low
        least = 2 * TOLERANCE * np.minimum(self.pixel[one], self.pixel[other])
        return one, other, np.where((sides > least[:, None]).all(axis=1), sides.prod(axis=1) / 1e6, 0.0)

    def _adjacent_across(self, a: int, b: int) -> tuple[Indices, Indices, Numbers]:
        one, other = self._candidates(self.in_crs(a), self.in_crs(b), 0.0)
        pixel = np.minimum(self.pixel[one], self.pixel[other])
        shapes_a, shapes_b = self._pairwise_on_plane(one, other)
        meet = np.asarray(shapely.distance(shapes_a, shapes_b)) <= TOLERANCE * pixel
        one, other, pixel = one[meet], other[meet], pixel[meet]
        km2 = np.asarray(shapely.area(shapely.intersection(shapes_a[meet], shapes_b[meet]))) / 1e6
        # Pixels of two zones never fall on each other: less than half a pixel of ground in all is an edge.
        return one, other, np.where(km2 > 0.5 * pixel**2 / 1e6, km2, 0.0)

    def _candidates(self, a: Indices, b: Indices, distance: float) -> tuple[Indices, Indices]:
        """Pairs of `a` and `b`, of different CRSs, that may lie within a distance of each other."""
        half = distance * _STRETCH / 2
        low, high = self._around
        for _ in range(2):  # most of two zones lies far from the other: only what is in its extent is looked at
            if not len(a) or not len(b):
                return np.empty(0, np.intp), np.empty(0, np.intp)
            inside = (high[a] + half >= low[b].min(axis=0) - half) & (low[a] - half <= high[b].max(axis=0) + half)
            a, b = b, a[inside.all(axis=1)]
        squares = [np.asarray(shapely.box(*(low[of] - half).T, *(high[of] + half).T), dtype=object) for of in (a, b)]
        in_b, in_a = shapely.STRtree(squares[0]).query(squares[1])
        return a[in_a], b[in_b]

    def _pairwise_on_plane(self, one: Indices, other: Indices) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        places, where = np.unique(np.concatenate([one, other]), return_inverse=True)
        shapes = self.outlines(places)[where]
        return shapes[: len(one)], shapes[len(one) :]

    def near(self, a: Indices, b: Indices, distance: float) -> Indices:
        """Those of `a` that lie nearer than `distance` (m) to one of `b`, sharing pixels included.

        Touching is a distance of 0: with a distance of 0, only those that share pixels count.
        """
        found = [np.empty(0, np.intp)]
        for code_a in range(len(self.crs_names)):
            for code_b in range(len(self.crs_names)):
                here, there = self.in_crs(code_a, a), self.in_crs(code_b, b)
                if len(here) and len(there):
                    near = self._near_within if code_a == code_b else self._near_across
                    found.append(near(here, there, distance))
        return np.unique(np.concatenate(found))

    def _near_within(self, a: Indices, b: Indices, distance: float) -> Indices:
        slack = 2 * TOLERANCE * self.pixel
        a, b = self._about(a, b, distance)
        if not len(a):
            return a
        if distance > 0:
            one, other = self._within(a, b, distance)
            return np.unique(one[self._apart(one, other) < distance - slack[one]])
        # Boxes drawn in by the tolerance: a shared edge shares no pixels.
        inner = self._grown(a, -slack[a])
        return np.unique(a[shapely.STRtree(self.boxes[b]).query(inner)[0]])

    def _about(self, a: Indices, b: Indices, distance: float) -> tuple[Indices, Indices]:
        """Those of `a` and of `b`, of one CRS, that may lie within a distance of one of the others.

        Looking at centres first is cheaper than at boxes, and most chips lie in the midst of their side.
        """
        middles = (self.bounds[:, :2] + self.bounds[:, 2:]) / 2
        bound = distance + float(self.reach[a].max() + self.reach[b].max())
        a = a[np.isfinite(cKDTree(middles[b]).query(middles[a], distance_upper_bound=bound)[0])]
        if len(a):
            b = b[np.isfinite(cKDTree(middles[a]).query(middles[b], distance_upper_bound=bound)[0])]
        return a, b

    def _grown(self, places: Indices, by: Numbers | float) -> NDArray[np.object_]:
        """Outlines in their own CRS, moved outwards."""
        left, bottom, right, top = self.bounds[places].T
        return np.asarray(shapely.box(left - by, bottom - by, right + by, top + by), dtype=object)

    def _within(self, a: Indices, b: Indices, distance: float) -> tuple[Indices, Indices]:
        """Pairs of `a` and `b`, of one CRS, whose edges are within a distance along each axis."""
        tree = shapely.STRtree(self.boxes[b])
        lots = [a[start : start + _LOT] for start in range(0, len(a), _LOT)]
        found = [(lot, tree.query(self._grown(lot, distance))) for lot in lots]
        return np.concatenate([lot[hits[0]] for lot, hits in found]), np.concatenate(
            [b[hits[1]] for _, hits in found]
        )

    def _apart(self, one: Indices, other: Indices) -> Numbers:
        """The distance of pairs in one CRS, m; 0 where they overlap."""
        gap = np.maximum(
            self.bounds[one, :2] - self.bounds[other, 2:], self.bounds[other, :2] - self.bounds[one, 2:]
        ).clip(min=0)
        return np.asarray(np.hypot(gap[:, 0], gap[:, 1]), dtype=np.float64)

    def _near_across(self, a: Indices, b: Indices, distance: float) -> Indices:
        one, other = self._candidates(a, b, distance)
        shapes_a, shapes_b = self._pairwise_on_plane(one, other)
        if distance == 0:
            km2 = np.asarray(shapely.area(shapely.intersection(shapes_a, shapes_b))) / 1e6
            return np.unique(one[km2 > 0.5 * np.minimum(self.pixel[one], self.pixel[other]) ** 2 / 1e6])
        return np.unique(one[self._geodesic(shapes_a, shapes_b) < distance])

    def _geodesic(self, shapes_a: NDArray[np.object_], shapes_b: NDArray[np.object_]) -> Numbers:
        """Geodesic length (m) of the shortest line between shapes on the common plane."""
        if not len(shapes_a):
            return np.empty(0)
        ends = shapely.get_coordinates(shapely.shortest_line(shapes_a, shapes_b)).reshape(-1, 2, 2)
        lon, lat = _transformer(self.plane, pyproj.CRS(4326)).transform(ends[..., 0], ends[..., 1])
        return np.asarray(_GEOD.inv(lon[:, 0], lat[:, 0], lon[:, 1], lat[:, 1])[2], dtype=np.float64)

    def distance(self, a: Indices, b: Indices) -> float:
        """The least distance (m) of places of `a` and of `b`: 0 where they touch, infinite where one is empty."""
        least = np.inf
        for code in range(len(self.crs_names)):
            here, there = self.in_crs(code, a), self.in_crs(code, b)
            if len(here) and len(there):
                least = min(least, self._distance_within(here, there))
        for here, there in self._across(a, b):
            least = min(least, self._distance_across(here, there, least))
        return least

    def _across(self, a: Indices, b: Indices) -> Iterator[tuple[Indices, Indices]]:
        for code in range(len(self.crs_names)):
            here, elsewhere = self.in_crs(code, a), b[self.crs[b] != code]
            if len(here) and len(elsewhere):
                yield here, elsewhere

    def _distance_within(self, a: Indices, b: Indices) -> float:
        middles = (self.bounds[:, :2] + self.bounds[:, 2:]) / 2
        _, nearest = cKDTree(middles[b]).query(middles[a])
        apart = self._apart(a, b[nearest])
        # The pair of nearest centres need not be that of nearest edges, but that is at most as far apart.
        a, b = self._hopeful(middles, a, b, float(apart.min()))
        # A hair more, or rounding could lose the very pair that was found.
        least = float(self._apart(*self._within(a, b, float(apart.min()) * (1 + 1e-9) + 1e-6)).min())
        return 0.0 if least <= TOLERANCE * float(self.pixel[a].min()) else least

    def _distance_across(self, a: Indices, b: Indices, below: float) -> float:
        """The least distance of two lots in different CRSs, or `below` where it is not less than that."""
        a, b = self._hopeful(self.centres, a, b, below * _STRETCH)
        if not len(a) or not len(b):
            return below
        shapes_a, shapes_b = self.outlines(a), self.outlines(b)
        mine, theirs = shapely.STRtree(shapes_b).query_nearest(shapes_a, all_matches=False)
        return min(below, float(self._geodesic(shapes_a[mine], shapes_b[theirs]).min()))

    def _hopeful(self, centres: Numbers, a: Indices, b: Indices, below: float) -> tuple[Indices, Indices]:
        """Those of `a` and of `b` that can be in the nearest pair, if that is nearer than `below`.

        Edges are no farther apart than centres, and nearer by at most the reach of both.
        """
        widest = float(self.reach[a].max() + self.reach[b].max())
        apart = np.asarray(cKDTree(centres[b]).query(centres[a])[0], dtype=np.float64)
        bound = min(float(apart.min()), below) + widest
        a = a[apart <= bound]
        if len(a):
            b = b[cKDTree(centres[a]).query(centres[b], distance_upper_bound=bound * (1 + 1e-9))[0] <= bound]
        return a, b


@cache  # one takes some milliseconds to make, and a table asks for the same few again and again
def _transformer(source: str | pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _require_metres(name: str) -> None:
    try:
        crs = pyproj.CRS(name)
    except pyproj.exceptions.CRSError:
        raise ConfigError(f"'{name}' is no CRS", where="column crs", do="make the table again") from None
    if not crs.is_projected or abs(crs.axis_info[0].unit_conversion_factor - 1) > 1e-9:
        raise ConfigError(
            f"{name} is not projected in metres", where="column crs", do="make chips of scenes in UTM (gdalwarp)"
        )
