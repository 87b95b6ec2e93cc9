"""The chips of one scene: what each window holds, from one reading of the scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from firnline.bands import BANDS, Kind
from firnline.chips.statistics import known_pixels
from firnline.chips.table import LOCAL
from firnline.chips.truth import SceneTruth
from firnline.chips.windows import reading_windows, single_reading
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.features import FeatureSource
from firnline.grid import Grid, Window
from firnline.labels import Outlines


def measured_bands(source: FeatureSource) -> tuple[str, ...]:
    """The scene's stored bands that say something of the ground: indices follow from others, quality bits do not."""
    kinds = {name: BANDS[name].kind if name in BANDS else Kind.OTHER for name in source.scene.band_names}
    return tuple(name for name, kind in kinds.items() if kind not in (Kind.INDEX, Kind.QUALITY))


def valid_truth(source: FeatureSource, truth: Classes, area: Window, bands: tuple[str, ...]) -> Classes:
    """The truth, unknown also outside `area` and where one of `bands` is unknown: the scene is read once.

    Returns
    -------
    uint8 (row, column) of the whole scene. Holding it takes a byte a pixel; the bands are read window by window.
    """
    seen = np.full(truth.shape, UNKNOWN, np.uint8)
    with single_reading(), source.reader() as reader:
        for window in reading_windows(source.scene, area, len(bands)):
            known = known_pixels(reader.read(bands, window), bands)
            seen[window.slices] = np.where(known, truth[window.slices], np.uint8(UNKNOWN))
    return seen


def shares(seen: Classes, scheme: LabelScheme, window: Window) -> dict[str, float | None]:
    """Share of a window that is valid, and of its valid pixels that are each kind of ice (None: not told).

    Examples
    --------
    >>> shares(np.array([[0, 1], [2, 255]], np.uint8), LabelScheme.CLASS, Window(0, 0, 2, 2))["valid"]
    0.75
    """
    inside = window.intersection(Window(0, 0, *seen.shape))
    assert inside is not None  # every chip begins inside its scene
    counts = np.bincount(seen[inside.slices].ravel(), minlength=UNKNOWN + 1)[: scheme.class_count]
    valid = int(counts.sum())
    told: dict[str, float | None] = {"valid": valid / (window.height * window.width)}
    if not valid:  # nothing is known: neither ice nor none
        return told | {"glacier": None, "clean": None, "debris": None}
    ice = [float(count / valid) for count in counts]
    match scheme:
        case LabelScheme.CLASS:
            return told | {"glacier": ice[1] + ice[2], "clean": ice[1], "debris": ice[2]}
        case LabelScheme.GLACIER:
            return told | {"glacier": ice[1], "clean": None, "debris": None}
        case LabelScheme.DEBRIS:
            return told | {"glacier": None, "clean": None, "debris": ice[1]}
        case LabelScheme.CLEAN:
            return told | {"glacier": None, "clean": ice[1], "debris": None}


@dataclass(frozen=True, eq=False)
class GlacierFinder:
    """Tells which glaciers are in a window: by the outlines' ids, else as connected ice of the scene."""

    grid: Grid
    tree: shapely.STRtree | None
    names: NDArray[np.object_]
    parts: NDArray[np.int32] | None = None
    scene: str = ""

    @classmethod
    def of(cls, scene: str, grid: Grid, truth: SceneTruth, ids: Outlines | None) -> GlacierFinder:
        """By `ids`, else by the outlines of the truth where they have ids, else by connected ice."""
        outlines = ids if ids is not None else truth.glaciers
        if outlines is not None and outlines.frame["id"].notna().any():
            tree = shapely.STRtree(np.asarray(outlines.frame.geometry.array, dtype=object))
            named = zip(outlines.frame.index, outlines.frame["id"], strict=True)
            names = [f"{scene}{LOCAL}feature {feature}" if name is None else name for feature, name in named]
            return cls(grid, tree, np.array(names, dtype=object))
        ice = (truth.classes != 0) & (truth.classes != UNKNOWN)
        parts = np.empty(ice.shape, np.int32)
        ndimage.label(ice, structure=np.ones((3, 3), np.bool_), output=parts)
        return cls(grid, None, np.empty(0, dtype=object), parts, scene)

    def within(self, window: Window) -> list[str]:
        """Ids, in order, of the glaciers that lie in a window."""
        if self.tree is not None:
            # Outlines that only touch the window's edge are not in it.
            left, bottom, right, top = self.grid.of_window(window).bounds
            rim = 1e-3 * self.grid.transform.a
            box = shapely.box(left + rim, bottom + rim, right - rim, top - rim)
            return sorted(set(self.names[self.tree.query(box, predicate="intersects")]))
        assert self.parts is not None
        inside = window.intersection(self.grid.window)
        assert inside is not None
        part = self.parts[inside.slices]
        return [f"{self.scene}{LOCAL}{number}" for number in np.unique(part[part > 0]).tolist()]


def footprints(grid: Grid, windows: Iterable[Window]) -> Iterator[dict[str, Any]]:
    """Where windows lie: size of a pixel, edges in the scene's CRS, and outlines in degrees (EPSG:4326).

    Of a window that reaches beyond the scene it is the part inside: there are no pixels of the ground beyond it,
    which may be in another scene.
    """
    inside = [window.intersection(grid.window) for window in windows]
    bounds = [grid.of_window(part).bounds for part in inside if part is not None]
    boxes = geopandas.GeoSeries([shapely.box(*edges) for edges in bounds], crs=grid.crs.to_wkt()).to_crs("EPSG:4326")
    pixel = float((grid.transform.a * -grid.transform.e) ** 0.5)
    for (left, bottom, right, top), outline in zip(bounds, boxes, strict=True):
        yield {"pixel": pixel, "left": left, "bottom": bottom, "right": right, "top": top, "geometry": outline}
